"""Tables as text, in the columns that there are: every table of every command is laid out here.

One that is too wide gives way step by step, until it fits: headings are broken into lines, columns
move together, texts are broken into lines, columns that may be left out are, and at last each row
takes several lines, the same columns beneath each other. No number is ever cut.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import zip_longest

import click

from sim.report.paragraph import display_width, lines_of, terminal_columns

GAP, NARROW_GAP = 2, 1  # columns between two columns
INDENT = 4  # of the further lines of a row
NARROWEST_TEXT = 24  # columns of a text that is broken into lines; a single word may have more

Rows = Sequence[Sequence[str]]
Block = tuple[str, Rows]


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a table.

    Attributes
    ----------
    head : str
        Its heading; lines may be given.
    right : bool
        Whether it is flush right, as numbers are.
    text : bool
        Whether its cells may be broken into lines.
    leaves : int
        Where there is no room columns are left out, those of the highest number first; 0 stays.
    """

    head: str
    right: bool = True
    text: bool = False
    leaves: int = 0


@dataclass(frozen=True, slots=True)
class Table:
    """A table, laid out.

    Attributes
    ----------
    lines : list of str
        Headings are bold by terminal codes, which ``click.echo`` takes out where none are read.
    left_out : tuple of str
        Headings of columns for which there was no room.
    """

    lines: list[str]
    left_out: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class _Set:
    """A column with its cells, and how wide it is set."""

    column: Column
    cells: tuple[str, ...]
    head: list[str]
    width: int

    @property
    def under_a_narrow_head(self) -> int:
        """The least columns in which no cell is broken."""
        words = _words(self.column.head)
        return min(self.width, max(map(display_width, (*words, *self.cells)), default=0))

    @property
    def in_lines(self) -> int:
        """The least columns, a text broken into lines."""
        if not self.column.text:
            return self.width
        words = [word for text in (self.column.head, *self.cells) for word in _words(text)]
        return min(self.width, max(NARROWEST_TEXT, *map(display_width, words)))


def _words(text: str) -> list[str]:
    return text.replace(" %", "%%").split()


def table(columns: Sequence[Column], rows: Rows, room: int | None = None) -> Table:
    r"""Rows in columns, under their headings.

    Parameters
    ----------
    columns : sequence of Column
    rows : sequence of sequence of str
        A cell for each column.
    room : int, optional
        Columns that it may take; by default those of the terminal, or any.

    Examples
    --------
    >>> heads = (Column("gpu", right=False), Column("USD an hour"), Column("published on"))
    >>> rows = [("h100", "2.99", "2026-11-01"), ("b200", "12.50", "2026-11-01")]
    >>> print("\n".join(map(click.unstyle, table(heads, rows, room=26).lines)))
          USD an
    gpu     hour  published on
    h100    2.99    2026-11-01
    b200   12.50    2026-11-01
    """
    return blocks(columns, [("", rows)], room)


def blocks(columns: Sequence[Column], parts: Sequence[Block], room: int | None = None) -> Table:
    """Blocks of rows under one head, each under its title if it has one.

    A column that is empty in all rows is none.
    """
    room = terminal_columns() if room is None else room
    rows = [tuple(row) for _, block in parts for row in block]
    cells = zip(*rows, strict=True) if rows else [()] * len(columns)
    every = [
        _set(column, own)
        for at, (column, own) in enumerate(zip(columns, cells, strict=True))
        if at == 0 or not own or any(own)
    ]
    kept, left_out, gap = _fitted(every, room)
    folds = _folds(kept, room, gap)
    lines = [click.style(line, bold=True) for line in _head(folds, gap) if line]
    at = 0
    for title, block in parts:
        if title:
            lines += heading(title, room)
        for number in range(at, at + len(block)):
            lines += _row(folds, gap, number)
        at += len(block)
    return Table(lines, left_out)


def heading(text: str, room: int | None = None) -> list[str]:
    """A title over a table."""
    width = room or terminal_columns() or max(display_width(text), 1)
    return [click.style(line, bold=True) for line in lines_of(text, width)]


def _set(column: Column, cells: tuple[str, ...]) -> _Set:
    """A column as wide as it would be."""
    head = column.head.split("\n")
    return _Set(column, cells, head, max(map(display_width, (*head, *cells))))


def _fitted(every: list[_Set], room: int | None) -> tuple[list[_Set], tuple[str, ...], int]:
    """The columns with their widths, as far as they fit, headings left out, and the gap."""
    if room is None or _width(every) <= room:
        return every, (), GAP
    kept = _narrowed(every, [each.under_a_narrow_head for each in every], room)
    in_lines = _narrowed(kept, [each.in_lines for each in kept], room)
    closer = _narrowed(kept, [each.in_lines for each in kept], room, NARROW_GAP)
    for tried, gap in ((kept, GAP), (kept, NARROW_GAP), (in_lines, GAP), (closer, NARROW_GAP)):
        if _width(tried, gap) <= room:
            return tried, (), gap
    left_out: list[str] = []
    kept = in_lines
    while _width(kept) > room and any(each.column.leaves for each in kept):
        least = max(kept, key=lambda each: each.column.leaves)
        kept.remove(least)
        left_out.append(" ".join(least.column.head.split()))
    closer_fits = _width(kept) > room >= _width(kept, NARROW_GAP)
    return kept, tuple(left_out), NARROW_GAP if closer_fits else GAP


def _width(every: Sequence[_Set], gap: int = GAP) -> int:
    return sum(each.width for each in every) + gap * (len(every) - 1)


def _narrowed(kept: list[_Set], floors: list[int], room: int, gap: int = GAP) -> list[_Set]:
    """Columns as narrow as is needed and as they can be, those first that can give the most."""
    widths = [each.width for each in kept]
    over = _width(kept, gap) - room
    while over > 0 and widths != floors:
        at = max(range(len(kept)), key=lambda i: widths[i] - floors[i])
        widths[at] -= 1
        over -= 1
    return [_set_in(each, width) for each, width in zip(kept, widths, strict=True)]


def _set_in(each: _Set, width: int) -> _Set:
    if width == each.width:
        return each
    lines = [
        part for line in each.column.head.split("\n") for part in lines_of(line, width) or [""]
    ]
    return replace(each, head=lines, width=width)


def _folds(kept: list[_Set], room: int | None, gap: int) -> list[list[_Set]]:
    """The columns of each line that a row takes: one line, wherever there is room."""
    if room is None or _width(kept, gap) <= room:
        return [kept]
    folds: list[list[_Set]] = [[]]
    for each in kept:
        if folds[-1] and _indent(folds) + _width([*folds[-1], each], gap) > room:
            folds.append([])
        folds[-1].append(_set_in(each, min(each.width, room - _indent(folds))))
    for number, fold in enumerate(folds):
        last = fold[-1]
        left = room - _indent(folds[: number + 1]) - _width(fold, gap)
        if last.column.text and left > 0:  # it takes what is left of its line
            natural = max(map(display_width, last.cells), default=last.width)
            fold[-1] = _set_in(last, min(last.width + left, max(natural, last.width)))
    return folds


def _indent(folds: list[list[_Set]]) -> int:
    """Columns before the last of the lines of a row."""
    return INDENT if len(folds) > 1 else 0


def _head(folds: list[list[_Set]], gap: int) -> Iterator[str]:
    """The headings, which end on one line."""
    for number, fold in enumerate(folds):
        tall = max(len(each.head) for each in fold)
        heads = [[""] * (tall - len(each.head)) + each.head for each in fold]
        yield from _lines(fold, heads, INDENT if number else 0, gap)


def _row(folds: list[list[_Set]], gap: int, at: int) -> Iterator[str]:
    for number, fold in enumerate(folds):
        cells = [_cell(each, at) for each in fold]
        yield from _lines(fold, cells, INDENT if number else 0, gap)


def _cell(each: _Set, at: int) -> list[str]:
    """A cell in lines; what goes on is indented as what it goes on from."""
    cell = each.cells[at]
    if display_width(cell) <= each.width:
        return [cell]
    indent = cell[: len(cell) - len(cell.lstrip())]
    return lines_of(cell.lstrip(), each.width, indent, indent)


def _lines(fold: list[_Set], cells: list[list[str]], indent: int, gap: int) -> Iterator[str]:
    """Lines of cells beneath each other."""
    for parts in zip_longest(*cells, fillvalue=""):
        shown = []
        for each, part in zip(fold, parts, strict=True):
            room = " " * (each.width - display_width(part))
            shown.append(room + part if each.column.right else part + room)
        yield (" " * indent + (" " * gap).join(shown)).rstrip()
