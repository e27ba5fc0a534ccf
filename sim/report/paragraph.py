"""Paragraphs of an answer, in lines that a terminal shows whole."""

import shutil
import sys
import textwrap

WIDTH = 96
NARROWEST = 40


def terminal_columns() -> int | None:
    """Columns of the terminal that an answer goes to; None where it goes to a file or a pipe."""
    return max(shutil.get_terminal_size().columns, NARROWEST) if sys.stdout.isatty() else None


def filled(paragraph: str, indent: str = "", hanging: str | None = None) -> str:
    """A paragraph in lines, no number parted from its per cent sign.

    ``hanging`` begins all lines but the first, by default as that one does.

    >>> print(filled("a " * 41 + "- in all of 12 % of worlds"))
    a a a a a a a a a a a a a a a a a a a a a a a a a a a a a a a a a a a a a a a a a - in all of
    12 % of worlds
    """
    kept = paragraph.replace(" %", "\xa0%")
    after = indent if hanging is None else hanging
    width = min(WIDTH, terminal_columns() or WIDTH)
    lines = textwrap.fill(kept, width, initial_indent=indent, subsequent_indent=after)
    return lines.replace("\xa0", " ")
