"""The page of an answer: one HTML file for a browser, and the same as Markdown.

A page is described (``document``) by what was found (``run``, ``study``), in the words that the
terminal has as well, and laid out (``html``, ``markdown``) without a look at what it says.
"""

from sim.report.page.content import page_in
from sim.report.page.document import Attachment, Key, Page, Picture
from sim.report.page.files import FILES, write, write_content
from sim.report.page.html import render
from sim.report.page.markdown import markdown

__all__ = [
    "FILES",
    "Attachment",
    "Key",
    "Page",
    "Picture",
    "markdown",
    "page_in",
    "render",
    "write",
    "write_content",
]
