"""Tables in the columns that there are: what gives way, what never does."""

import re

import click
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.report.columns import Column, blocks, table
from sim.report.paragraph import (
    command_lines,
    display_width,
    filled,
    lines_of,
    terminal_columns,
)

HEADS = (
    Column("backend", right=False, text=True),
    Column("USD an hour"),
    Column("of these idle"),
    Column("note", right=False, text=True),
)
ROWS = [
    ("chat on demand", "12.50", "–", "two replicas of four GPUs each, in one zone"),
    ("batch", "3.20", "–", "at night"),
]


def shown(room, heads=HEADS, rows=ROWS):
    return [click.unstyle(line) for line in table(heads, rows, room).lines]


def words(lines):
    return sorted(" ".join(lines).split())


def test_where_there_is_room_a_row_is_a_line_as_wide_as_it_needs():
    assert shown(None) == [
        "backend         USD an hour  of these idle  note",
        "chat on demand        12.50              –  two replicas of four GPUs each, in one zone",
        "batch                  3.20              –  at night",
    ]
    assert shown(200) == shown(None)


def test_headings_are_broken_into_lines_first():
    assert shown(78) == [
        "                 USD an  of these",
        "backend            hour      idle  note",
        "chat on demand    12.50         –  two replicas of four GPUs each, in one zone",
        "batch              3.20         –  at night",
    ]


def test_then_texts_are():
    assert shown(60) == [
        "                  USD     of",
        "                   an  these",
        "backend          hour   idle  note",
        "chat on demand  12.50      –  two replicas of four GPUs",
        "                              each, in one zone",
        "batch            3.20      –  at night",
    ]


def test_at_last_a_row_takes_several_lines():
    assert shown(30) == [
        "                  USD     of",
        "                   an  these",
        "backend          hour   idle",
        "    note",
        "chat on demand  12.50      –",
        "    two replicas of four GPUs",
        "    each, in one zone",
        "batch            3.20      –",
        "    at night",
    ]


def test_columns_that_may_be_left_out_are_and_are_named():
    heads = [Column("", right=False), Column("p50"), Column("95 % interval", leaves=1)]
    laid = table(heads, [("first token", "0.31", "0.29 … 0.33")], room=20)
    assert laid.left_out == ("95 % interval",)
    assert [click.unstyle(line) for line in laid.lines] == [
        "              p50",
        "first token  0.31",
    ]


def test_blocks_share_their_columns_and_have_titles():
    laid = blocks(HEADS[:2], [("Fixed", ROWS_OF_TWO[:1]), ("Autoscaled", ROWS_OF_TWO[1:])])
    assert [click.unstyle(line) for line in laid.lines] == [
        "backend         USD an hour",
        "Fixed",
        "chat on demand        12.50",
        "Autoscaled",
        "batch                  3.20",
    ]


ROWS_OF_TWO = [row[:2] for row in ROWS]

CELLS = st.lists(
    st.text(st.sampled_from("ab聊天e\u0301 9.,/-"), max_size=30).map(lambda t: " ".join(t.split())),
    min_size=3,
    max_size=3,
)


@given(
    rows=st.lists(CELLS, max_size=4),
    flags=st.lists(st.tuples(st.booleans(), st.booleans()), min_size=3, max_size=3),
    room=st.integers(12, 100),
)
def test_no_line_is_wider_than_the_room_and_nothing_is_lost(rows, flags, room):
    heads = [Column(f"head {n}", *each) for n, each in enumerate(flags)]
    lines = shown(room, heads, rows)
    assert all(display_width(line) <= room for line in lines)
    kept = "".join("".join(lines).split())
    for cell in (cell for row in rows for cell in row):
        assert all(letter in kept for letter in cell.replace(" ", ""))


@pytest.mark.parametrize("room", [32, 40, 60, 100])
def test_numbers_are_not_cut_at_any_width(room):
    rows = [(f"name-{n}", f"{n:,}.25 … {n + 1:,}.75", f"{n}") for n in (3, 1234, 9_876_543)]
    heads = [Column("what", right=False), Column("interval of the figure"), Column("count")]
    text = "\n".join(shown(room, heads, rows))
    assert all(cell in text for row in rows for cell in row)


def test_lines_are_as_wide_as_they_are_shown():
    assert [display_width(line) for line in lines_of("聊天 " * 9, 10)] == [9, 9, 9, 9, 4]
    assert lines_of("a llama-3.3-70b/h100-sxm", 20) == ["a llama-3.3-70b/h100", "-sxm"]
    assert lines_of("see llama-3.3-70b/h100-sxm", 24) == ["see", "llama-3.3-70b/h100-sxm"]


@pytest.mark.parametrize("columns", ["80", "120"])
def test_a_pipe_and_a_terminal_have_as_many_columns_as_is_asked_for(monkeypatch, columns):
    monkeypatch.delenv("COLUMNS", raising=False)
    assert terminal_columns() is None
    assert max(map(len, filled("word " * 90).splitlines())) == 94
    monkeypatch.setenv("COLUMNS", columns)
    assert terminal_columns() == int(columns)
    assert max(map(len, filled("word " * 90).splitlines())) <= int(columns)
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    assert terminal_columns() == int(columns)


@pytest.mark.parametrize("columns", ["", "0", "-3", "wide", "²"])
def test_columns_that_are_no_number_are_none(monkeypatch, columns):
    monkeypatch.setenv("COLUMNS", columns)
    assert terminal_columns() is None


def test_a_command_is_broken_at_its_options_so_that_it_can_be_pasted(monkeypatch):
    command = "sim run a.yaml --set 'name=two words' --set backends.large.replicas=2"
    monkeypatch.setenv("COLUMNS", "40")
    assert command_lines(command, "  ") == [
        "  sim run a.yaml \\",
        "    --set 'name=two words' \\",
        "    --set backends.large.replicas=2",
    ]
    pasted = re.sub(r"\\\n\s*", "", "\n".join(command_lines(command)))
    assert pasted.split() == command.split()
    monkeypatch.setenv("COLUMNS", "100")
    assert command_lines(command) == [command]


@pytest.mark.parametrize("width", range(24, 60))
def test_no_line_ends_between_an_option_and_its_value(width):
    text = (
        "whether two would do these worlds cannot tell: try --worlds 450 of them, or 92.5 % --full"
    )
    lines = lines_of(text, width)
    assert any("--worlds 450" in line for line in lines)
    assert " ".join(lines) == text
