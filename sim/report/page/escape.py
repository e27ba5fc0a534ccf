"""Texts of users in other languages: whatever a name holds, it is shown and not obeyed."""

import html
import json
import re
from typing import Any

from sim.errors import is_control

LAYOUT = "\n\t"  # of a text of several lines
MARKS = re.compile(r"([\\`*_\[\]<>|~$&])")
AT_START = re.compile(r"^([#+=-]|\d+[.)](?=\s|$))")
BEFORE_UNIT = re.compile(r"(?<=\d) (?=%|(?:ms|s|min|h|k|USD|kUSD)\b)")
DATE = re.compile(r"(?<![\w-])[12]\d{3}-[01]\d(?:-[0-3]\d)?(?![\w-])")  # 2026-11-27, and 2026-11
CALLS = re.compile(r"([@#])(?=\w)")  # of people and of issues, where a forge reads them


def shown(text: str) -> str:
    r"""A text in which nothing can turn around or end what is beside it.

    >>> shown("a\u202eb\x00")
    'a\\u202eb\\u0000'
    """
    if text.isprintable():
        return text
    return "".join(
        f"\\u{ord(each):04x}" if is_control(each) and each not in LAYOUT else each for each in text
    )


def as_html(text: str) -> str:
    """A text within an element, or an attribute in double quotes; no number leaves its unit.

    >>> as_html('<script>alert(1)</script>"')
    '&lt;script&gt;alert(1)&lt;/script&gt;&quot;'
    """
    return BEFORE_UNIT.sub("&nbsp;", html.escape(shown(text)))


def as_text(text: str) -> str:
    """A text within an element that may go over lines; no date does, which browsers end lines in.

    >>> as_text("price of 2026-11-27 <b>")
    'price of <span class="date">2026-11-27</span> &lt;b&gt;'
    """
    return dated(as_html(text))


def dated(inner: str) -> str:
    """HTML within an element, in which no date goes over lines."""
    return DATE.sub(r'<span class="date">\g<0></span>', inner)


def as_script_json(value: Any) -> str:
    r"""A value as JSON within a script element, which no text in it can end.

    >>> print(as_script_json({"a": "</script><!--"}))
    {"a":"\u003c/script\u003e\u003c!--"}
    """
    text = json.dumps(value, separators=(",", ":"), allow_nan=False)
    for sign in "<>&":
        text = text.replace(sign, f"\\u{ord(sign):04x}")
    return text


def as_markdown(text: str) -> str:
    r"""A text within a paragraph or a cell of Markdown, on one line.

    >>> as_markdown("a|b *c* <script>")
    'a\\|b \\*c\\* \\<script\\>'
    >>> as_markdown("@all, see #12"), as_markdown("# no title"), as_markdown("1. no list")
    ('@<!-- -->all, see #<!-- -->12', '\\# no title', '1\\. no list')
    """
    line = " ".join(shown(text).split())
    line = MARKS.sub(r"\\\1", line)
    line = AT_START.sub(lambda found: f"{found[0][:-1]}\\{found[0][-1]}", line)
    line = CALLS.sub(r"\1<!-- -->", line)
    return line.replace("://", ":<!-- -->//")
