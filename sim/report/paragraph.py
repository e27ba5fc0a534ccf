"""Paragraphs of an answer, in lines that a terminal shows whole."""

import textwrap

WIDTH = 96


def filled(paragraph: str, indent: str = "", hanging: str | None = None) -> str:
    """A paragraph in lines, no number parted from its per cent sign.

    ``hanging`` begins all lines but the first, by default as that one does.

    >>> print(filled("a " * 41 + "- in all of 12 % of worlds"))
    a a a a a a a a a a a a a a a a a a a a a a a a a a a a a a a a a a a a a a a a a - in all of
    12 % of worlds
    """
    kept = paragraph.replace(" %", "\xa0%")
    after = indent if hanging is None else hanging
    lines = textwrap.fill(kept, WIDTH, initial_indent=indent, subsequent_indent=after)
    return lines.replace("\xa0", " ")
