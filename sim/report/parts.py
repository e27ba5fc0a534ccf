"""What an answer is made of: paragraphs, lists and tables, said once and laid out by each medium.

A terminal has them from :func:`as_text`, the page and Markdown from :mod:`sim.report.page`.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import click

from sim.report.columns import Block, Column, blocks
from sim.report.paragraph import command_lines, filled


@dataclass(frozen=True, slots=True)
class Paragraph:
    """A paragraph of prose."""

    text: str


@dataclass(frozen=True, slots=True)
class Items:
    """Sentences of one kind, each on lines of its own.

    Attributes
    ----------
    items : tuple of str
    title : str
        Over them; empty for none.
    """

    items: tuple[str, ...]
    title: str = ""


@dataclass(frozen=True, slots=True)
class Grid:
    """A table.

    Attributes
    ----------
    columns : tuple of Column
    blocks : tuple of Block
        Rows under their titles; an empty title for rows that need none.
    title : str
        Over the whole; empty for none.
    notes : tuple of str
        What its headings and signs mean, under it.
    """

    columns: tuple[Column, ...]
    blocks: tuple[Block, ...]
    title: str = ""
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Command:
    """A command to be copied, and what it is for."""

    purpose: str
    command: str


Part = Paragraph | Items | Grid | Command


def as_text(parts: Iterable[Part]) -> str:
    """An answer as text, its parts an empty line apart.

    Examples
    --------
    >>> print(as_text([Paragraph("It holds."), Command("To run it:", "sim run a.yaml")]))
    It holds.
    <BLANKLINE>
    To run it:
    <BLANKLINE>
      sim run a.yaml
    """
    return "\n\n".join("\n".join(_lines(part)) for part in parts)


def _lines(part: Part) -> Iterator[str]:
    match part:
        case Paragraph(text):
            yield filled(text)
        case Items(items, title):
            if title:
                yield click.style(title, bold=True)
            indent = "  " if title else ""
            yield from (filled(item, indent, 2 * indent) for item in items)
        case Grid():
            if part.title:
                yield filled(part.title)
            yield from blocks(part.columns, part.blocks).lines
            yield from map(filled, part.notes)
        case Command(purpose, command):
            yield from (purpose, "", *command_lines(command, "  "))
