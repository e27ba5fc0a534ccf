"""What an answer is made of: paragraphs, lists and tables, said once and laid out by each medium.

A terminal has them from :func:`as_text`, the page and Markdown from :mod:`sim.report.page`. Every
study tells its answer as a :class:`Telling`.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import click

from sim.report.columns import Block, Column, blocks, heading
from sim.report.paragraph import command_lines, filled

FULL = (
    "--full has every table, what it rests on and what it does not tell; 'sim explain WORD' says"
    " what a word means."
)


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


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether an SLO, a threshold or a budget is kept.

    Attributes
    ----------
    kept : bool or None
        None where the worlds cannot tell.
    what : str
        The condition.
    found : str
        What was found, with its interval, and whether more worlds may decide otherwise.
    missed : str
        What it is called where it is not kept.
    """

    kept: bool | None
    what: str
    found: str
    missed: str = "missed"

    @property
    def sign(self) -> str:
        """A mark, for those who do not read on."""
        return "?" if self.kept is None else "✓" if self.kept else "✗"

    @property
    def word(self) -> str:
        """The mark in words."""
        return "cannot tell" if self.kept is None else "kept" if self.kept else self.missed


@dataclass(frozen=True, slots=True)
class Telling:
    """What a study tells.

    Attributes
    ----------
    answer : str
        The decision in one sentence.
    verdicts : tuple of Verdict
        For a page, which shows them first.
    details : tuple of Part
        What is to be told beside the answer.
    figures : tuple of Part
    method : tuple of Part
        What the figures rest on, and what they do not tell.
    brief : tuple of Part
        The table that decides and what to do next, for one screen; empty where all of it is one.
    """

    answer: str
    verdicts: tuple[Verdict, ...] = ()
    details: tuple[Part, ...] = ()
    figures: tuple[Part, ...] = ()
    method: tuple[Part, ...] = ()
    brief: tuple[Part, ...] = ()

    def text(self) -> str:
        """As text for a terminal, with all that there is."""
        parts = (Paragraph(self.answer), *self.details, *self.figures, *self.method)
        return as_text(parts)

    def screen(self) -> str:
        """As text for a terminal, on one screen: the decision, ticks, the table that decides."""
        if not self.brief:
            return self.text()
        ticks = "\n".join(map(tick, self.verdicts))
        shown = (as_text([Paragraph(self.answer)]), ticks, as_text((*self.brief, Paragraph(FULL))))
        return "\n\n".join(filter(None, shown))


def tick(verdict: Verdict) -> str:
    """A verdict after its mark, in lines."""
    said = filled(f"{verdict.sign} {verdict.what}: {verdict.found}", hanging="  ")
    colour = {True: "green", False: "red", None: "yellow"}[verdict.kept]
    return click.style(said[0], fg=colour) + said[1:]


def paragraphs(texts: Iterable[str]) -> tuple[Paragraph, ...]:
    """Each text as a paragraph."""
    return tuple(map(Paragraph, texts))


def cells_of(parts: Iterable[Part]) -> str:
    """What stands in the tables of an answer, to look for signs that are to be explained."""
    grids = (part for part in parts if isinstance(part, Grid))
    return "\n".join(
        cell for grid in grids for _, rows in grid.blocks for row in rows for cell in row
    )


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
                yield from heading(part.title)
            yield from blocks(part.columns, part.blocks).lines
            yield from map(filled, part.notes)
        case Command(purpose, command):
            yield from (purpose, "", *command_lines(command, "  "))
