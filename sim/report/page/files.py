"""The files that a page becomes."""

from pathlib import Path

from sim.report.page.content import CONTENT, content
from sim.report.page.document import Page
from sim.report.page.html import render
from sim.report.page.markdown import markdown

HTML, MARKDOWN = "report.html", "report.md"
FILES = (HTML, MARKDOWN)


def write_content(page: Page, folder: Path) -> None:
    """Write what a page says, from which it can be made again."""
    folder.joinpath(CONTENT).write_bytes(content(page).encode())


def write(page: Page, folder: Path) -> None:
    """Write a page into a folder, for a browser and for a pull request."""
    folder.joinpath(HTML).write_bytes(render(page).encode())
    folder.joinpath(MARKDOWN).write_bytes(markdown(page).encode())
