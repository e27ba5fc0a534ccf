"""Whatever a name holds, a page, a script and Markdown show it and do not obey it."""

import html
import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from sim.report.page.escape import as_html, as_markdown, as_script_json, as_text

HOSTILE = (
    "<script>alert(1)</script>",
    "</script><!--<script>",
    "<img src=x onerror=alert(1)>",
    '" onmouseover="alert(1)',
    "`*_[a](javascript:alert(1))_*`",
    "a|b\\|c",
    "\u202egnirts",
    "שלום עולם",
    "🦙👩‍👩‍👧",
    "&lt;b&gt;",
    "line\nbreak # 1. - >",
    "\x1b[31mred\x00",
    "\udcff",
    "x" * 5000,
)


@pytest.mark.parametrize("text", HOSTILE)
def test_html_holds_a_text_and_nothing_else(text):
    found = as_html(text)
    assert "<" not in found
    assert ">" not in found
    assert '"' not in found
    plain = text.replace("\u202e", "\\u202e").replace("\x1b", "\\u001b").replace("\x00", "\\u0000")
    assert html.unescape(found).replace("\xa0", " ") == plain.replace("\udcff", "\\udcff")
    found.encode()


@pytest.mark.parametrize("text", [*HOSTILE, "of 2026-11-27, and <2026-09>"])
def test_a_text_differs_from_its_html_by_the_spans_of_its_dates_alone(text):
    found = as_text(text)
    assert found.replace('<span class="date">', "").replace("</span>", "") == as_html(text)


@pytest.mark.parametrize(
    ("text", "dates"),
    [
        ("prices of 2026-11-27 and 2026-09.", ["2026-11-27", "2026-09"]),
        ("runs/2026-11-27/a 1234-56-78 12026-11-27 2026-11-271 a-2026-11-27", ["2026-11-27"]),
    ],
)
def test_what_is_a_date_goes_over_no_lines(text, dates):
    assert re.findall(r'<span class="date">([^<]*)</span>', as_text(text)) == dates


@pytest.mark.parametrize("text", HOSTILE)
def test_json_in_a_script_ends_no_script_and_reads_back(text):
    found = as_script_json({text: text})
    assert "<" not in found
    assert found.isascii()
    assert json.loads(found) == {text: text}


@given(st.text())
def test_markdown_in_a_paragraph_is_one_paragraph_of_plain_text(text):
    blocks = MarkdownIt("gfm-like", {"linkify": False}).parse(f"a {as_markdown(text)}")
    assert [each.type for each in blocks] == ["paragraph_open", "inline", "paragraph_close"]
    kinds = {each.type for each in blocks[1].children}
    assert kinds <= {"text", "text_special", "html_inline"}
    comments = {each.content for each in blocks[1].children if each.type == "html_inline"}
    assert comments <= {"<!-- -->"}


@pytest.mark.parametrize("text", HOSTILE)
def test_markdown_at_the_start_of_a_line_is_no_list_and_no_title(text):
    (first, *_) = MarkdownIt("gfm-like", {"linkify": False}).parse(as_markdown(text))
    assert first.type == "paragraph_open"


@pytest.mark.parametrize("text", HOSTILE)
def test_markdown_in_a_table_is_one_cell(text):
    table = f"| a | b |\n| --- | --- |\n| {as_markdown(text)} | last |\n"
    cells = [each for each in MarkdownIt("gfm-like", {"linkify": False}).parse(table)
             if each.type == "td_open"]  # fmt: skip
    assert len(cells) == 2
