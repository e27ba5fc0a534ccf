"""Paragraphs of an answer, in lines that a terminal shows whole."""

import os
import re
import shlex
import shutil
import sys
import textwrap
import unicodedata

WIDTH = 96
NARROWEST = 40
SECOND_HALF = "\ue000"  # of a character of two columns, while a text is broken into lines
OPTION = re.compile(r"(--[a-z][a-z-]*) (\d\S*|\S*[/=]\S*)")
KEPT = "\xa0"  # a space at which no line ends


def terminal_columns() -> int | None:
    """Columns that an answer may take; None where it may take any.

    ``COLUMNS`` says it for a pipe or a file, too; else it is as wide as the terminal.
    """
    asked = os.environ.get("COLUMNS", "")
    if not (asked.isascii() and asked.isdigit() and int(asked) > 0) and not sys.stdout.isatty():
        return None
    return max(shutil.get_terminal_size().columns, NARROWEST)


def display_width(text: str) -> int:
    """Columns that a terminal gives a text: two to a Chinese character, none to an accent on one.

    >>> display_width("p95"), display_width("聊天"), display_width("e\u0301")
    (3, 4, 1)
    """
    return len(text) if text.isascii() else sum(map(_columns, text))


def _columns(letter: str) -> int:
    if unicodedata.category(letter) in ("Mn", "Me", "Cf"):
        return 0
    return 2 if unicodedata.east_asian_width(letter) in ("W", "F") else 1


def lines_of(text: str, width: int, indent: str = "", hanging: str | None = None) -> list[str]:
    """A text in lines of at most so many columns, no number parted from its per cent sign.

    Nor is an option from its value. ``hanging`` begins all lines but the first, by default as that
    one does. Only a word that is longer than a line is broken.

    >>> lines_of("聊天 is a chat", 8)
    ['聊天 is', 'a chat']
    """
    padded = "".join(
        letter + SECOND_HALF * (_columns(letter) - 1)
        for letter in _kept_together(text).replace(SECOND_HALF, "")
    )
    after = indent if hanging is None else hanging
    broken = textwrap.wrap(
        padded,
        width,
        initial_indent=indent,
        subsequent_indent=after,
        break_on_hyphens=False,  # names and addresses can be copied
    )
    return [line.replace(SECOND_HALF, "").replace(KEPT, " ") for line in broken]


def _kept_together(text: str) -> str:
    """With spaces at which no line ends: before a per cent sign, and after an option."""
    return OPTION.sub(rf"\1{KEPT}\2", text.replace(" %", KEPT + "%"))


def filled(paragraph: str, indent: str = "", hanging: str | None = None) -> str:
    """A paragraph in the lines of an answer.

    >>> print(filled("a " * 41 + "- in all of 12 % of worlds"))
    a a a a a a a a a a a a a a a a a a a a a a a a a a a a a a a a a a a a a a a a a - in all of
    12 % of worlds
    """
    return "\n".join(lines_of(paragraph, answer_width(), indent, hanging))


def answer_width() -> int:
    """Columns of the paragraphs of an answer."""
    return min(WIDTH, terminal_columns() or WIDTH)


def command_lines(command: str, indent: str = "") -> list[str]:
    """A command, to be copied: on one line if there is room, else with an option on each.

    >>> command_lines("sim run a.yaml --worlds 4")
    ['sim run a.yaml --worlds 4']
    """
    room = terminal_columns()
    if room is None or display_width(indent + command) <= room:
        return [indent + command]
    parts: list[list[str]] = [[]]
    for word in shlex.split(command):
        if word.startswith("-") and parts[-1]:
            parts.append([])
        parts[-1].append(word)
    first, *options = map(shlex.join, parts)
    lines = [indent + first, *(f"{indent}  {option}" for option in options)]
    return [*(f"{line} \\" for line in lines[:-1]), lines[-1]]
