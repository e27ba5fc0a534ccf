"""Built-in day shapes: one CSV file each, whose name is the shape's.

A file begins with comment lines ``# source:``, ``# as_of:`` and ``# days:`` (1, or 7 for a week
from Monday), then has a column ``multiplier`` with one row per cell. Users' own files may leave the
comments out: 24 rows (or a number that divides a day's hours, or 48, 96, 288, 1440) are a day, 168
a week. Tables with a column of times are read by that: see :mod:`sim.catalog.rate_table`.
"""

import csv
import difflib
import math
from functools import cache
from importlib.resources.abc import Traversable
from pathlib import Path

from sim.catalog.table import data_file, no_such
from sim.errors import CatalogError, one_line
from sim.model.arrivals import DayShape
from sim.model.input_file import InputFileError, is_file, text

FOLDER = "shapes"
SUFFIX = ".csv"
COLUMN = "multiplier"
MAX_COLUMNS = 1000
DAY_ROWS, WEEK_ROWS = (1, 2, 3, 4, 6, 8, 12, 24, 48, 96, 288, 1440), 168


@cache
def _files() -> dict[str, Traversable]:
    found = sorted(data_file(FOLDER).iterdir(), key=lambda file: file.name)
    return {f.name.removesuffix(SUFFIX): f for f in found if f.name.endswith(SUFFIX)}


def shape_names() -> list[str]:
    """Names of the built-in shapes, in alphabetical order; no file is opened."""
    return list(_files())


@cache
def _built_in(name: str) -> DayShape:
    content = _files()[name].read_text(encoding="utf-8")
    return parse_shape(content, f"{name}{SUFFIX}", name)


def shape(name_or_path: str) -> DayShape:
    """A built-in shape by its name in any case, or the shape in a CSV file.

    Raises
    ------
    CatalogError
        If there is neither such a shape nor such a file, or the file holds no shape.

    Examples
    --------
    >>> shape("azure-chat-2024").multipliers().max().round(2)
    np.float64(1.53)
    """
    name = name_or_path.casefold()
    if name in _files():
        return _built_in(name)
    path = Path(name_or_path)
    if path.suffix.casefold() == SUFFIX or is_file(path):
        return read_shape(name_or_path)
    raise no_such("shape", name_or_path, _files(), "sim catalog shapes")


def read_shape(path: str, column: str | None = None) -> DayShape:
    """The shape in a column of a user's CSV file that has no times."""
    try:
        content = text(path, "shape")
    except InputFileError as error:
        raise CatalogError(f"{path}: {error}") from None
    return parse_shape(content, path, Path(path).stem, column or COLUMN)


def parse_shape(content: str, file: str, name: str, column: str = COLUMN) -> DayShape:
    """The shape in the text of a CSV file; ``file`` is what to call it in errors."""
    notes: dict[str, str] = {}
    table: list[tuple[int, str]] = []
    for number, line in enumerate(content.splitlines(), start=1):
        if line.startswith("#"):
            key, _, value = line[1:].partition(":")
            notes[key.strip()] = one_line(value.strip())
        elif line.strip():
            table.append((number, line))
    values = _column(table, file, column)
    days = notes.get("days", "7" if len(values) == WEEK_ROWS else "1")
    if values and "days" not in notes and len(values) not in (*DAY_ROWS, WEEK_ROWS):
        rule = "are neither a day (24, or 48, 96, 288) nor a week"
        remedy = "add a column of times, or a first line '# days: 7'"
        raise CatalogError(f"{file}: {len(values)} rows {rule} ({WEEK_ROWS}); {remedy}")
    if days not in ("1", "7"):
        raise CatalogError(f"{file}: days ({days[:20]}) must be 1 or 7")
    try:
        source, as_of = notes.get("source", ""), notes.get("as_of", "")
        return DayShape(name, values, int(days), source, as_of)
    except ValueError as error:
        raise CatalogError(f"{file}: {error}") from error


def _column(table: list[tuple[int, str]], file: str, column: str) -> tuple[float, ...]:
    """Numbers of one column of numbered CSV lines, the first of which is the header."""
    if not table:
        raise CatalogError(f"{file}: the file is empty (a shape needs a column {column!r})")
    header = _fields(table[0][1])
    if column not in header:
        near = difflib.get_close_matches(column, header[:MAX_COLUMNS], n=1)  # none of another file
        remedy = f" (nearest: {near[0]!r})" if near else ""
        raise CatalogError(f"{file}:{table[0][0]}: no column {column!r}{remedy}")
    place = header.index(column)
    values = []
    for number, line in table[1:]:
        row = _fields(line)
        found = row[place] if place < len(row) else ""
        try:
            value = float(found)
        except ValueError:
            value = math.nan
        if not math.isfinite(value) or value < 0:
            raise CatalogError(f"{file}:{number}: {column} ({found[:80]!r}) must be a number >= 0")
        values.append(value)
    return tuple(values)


def _fields(line: str) -> list[str]:
    return [field.strip() for field in next(csv.reader([line]))]
