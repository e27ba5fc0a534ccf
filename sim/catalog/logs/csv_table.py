"""Logs in CSV: separated by commas, semicolons, tabs or bars, as the header shows.

Beside another separator a comma within a number is the decimal one (``0,5``); beside commas it is
one of thousands (``"1,200"``). Cells that hold JSON objects, as exports of databases have them,
have columns of their own by dotted paths (``usage.input``).
"""

import csv
import json
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as arrow_csv

from sim.catalog.logs.columns import TraceColumns
from sim.catalog.logs.container import (
    BLOCK_BYTES,
    SAMPLE,
    Batch,
    Container,
    file_errors,
    lines_of,
    text_of,
)
from sim.catalog.logs.dotted import flat, reach
from sim.errors import TraceError
from sim.model.input_file import expanded

SEPARATORS = ",;\t|"
DECIMAL_COMMA, DECIMAL_POINT = r"^\s*(-?\d+),(\d+)\s*$", r"\1.\2"
THOUSANDS = r"^\s*\d{1,3}(,\d{3})+\s*$"
MOST_CELL = 1 << 20  # letters of a cell of JSON


@dataclass(frozen=True, slots=True)
class Dialect:
    """How a file is written.

    Attributes
    ----------
    separator : str
    header : list of str
    skipped : int
        Lines above the header: Excel's ``sep=;``.
    inner : dict
        Keys below a column of JSON objects, by their dotted path.
    """

    separator: str
    header: list[str]
    skipped: int
    inner: dict[str, tuple[str, ...]]


def dialect(path: str) -> Dialect:
    """How a CSV file is written, by its first lines."""
    with file_errors(path), text_of(path) as text:
        lines = list(islice((line for line in lines_of(text) if line.strip()), SAMPLE))
    skipped, separator = 0, ""
    first = lines[0].rstrip("\r\n") if lines else ""
    if len(first) == 5 and first.casefold().startswith("sep="):
        skipped, separator, lines = 1, first[-1], lines[1:]
    with file_errors(path):
        separator = separator or separator_of(lines)
        rows = list(csv.reader(lines, delimiter=separator))
    return Dialect(separator, rows[0] if rows else [], skipped, _inner(rows))


def separator_of(lines: list[str]) -> str:
    """That which makes most columns of the header; a comma if none makes several."""
    widths = {each: _width(lines, each) for each in SEPARATORS}
    return max(SEPARATORS, key=lambda each: widths[each])


def _width(lines: list[str], separator: str) -> int:
    try:
        return len(next(csv.reader(lines, delimiter=separator), []))
    except csv.Error:  # a field too long to be one
        return 0


def _inner(rows: list[list[str]]) -> dict[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    for row in rows[1:]:
        for name, cell in zip(rows[0], row, strict=False):
            inside = _object(cell) if cell.lstrip().startswith("{") else None
            for keys in flat(inside).values() if inside else ():
                found.setdefault(".".join((name.strip(), *keys)), (name, *keys))
    return {name: keys for name, keys in found.items() if name not in rows[0]}


def _object(cell: str | None) -> dict[str, Any] | None:
    try:
        found = json.loads(cell) if cell and len(cell) < MOST_CELL else None
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, dict) else None


def _columns(path: str) -> list[str]:
    found = dialect(path)
    return [*found.header, *found.inner]


def _batches(path: str, wanted: TraceColumns) -> Iterator[Batch]:
    written = dialect(path)
    keys = [written.inner.get(name, (name,)) for name in wanted.names]
    names = list(dict.fromkeys(each[0] for each in keys))
    read = arrow_csv.ReadOptions(block_size=BLOCK_BYTES, skip_rows=written.skipped)
    parse = arrow_csv.ParseOptions(newlines_in_values=True, delimiter=written.separator)
    convert = arrow_csv.ConvertOptions(
        include_columns=names, column_types=dict.fromkeys(names, pa.string())
    )
    with file_errors(path), expanded(path, "trace") as raw, pa.PythonFile(raw, mode="r") as stream:
        options = {"read_options": read, "parse_options": parse, "convert_options": convert}
        try:
            for batch in arrow_csv.open_csv(stream, **options):
                yield tuple(
                    _plain(_cells(batch.column(each[0]), each[1:]), written.separator)
                    for each in keys
                )
        except pa.ArrowInvalid:
            _refuse_ragged_row(path, written.separator)
            raise


def _cells(column: Any, keys: tuple[str, ...]) -> Any:
    """A column, or what its objects have below some keys, as text."""
    if not keys:
        return column
    found = [reach(_object(cell) or {}, keys) for cell in column.to_pylist()]
    return pa.array([None if each is None else str(each) for each in found], pa.string())


def _plain(column: Any, separator: str) -> Any:
    """Numbers with a decimal point and without separators of thousands."""
    if not pc.any(pc.match_substring(column, ",")).as_py():
        return column
    if separator != ",":
        return pc.replace_substring_regex(column, DECIMAL_COMMA, DECIMAL_POINT)
    grouped = pc.match_substring_regex(column, THOUSANDS)
    return pc.if_else(grouped, pc.replace_substring(column, ",", ""), column)


def _refuse_ragged_row(path: str, separator: str) -> None:
    """Raise TraceError for the first row that has not as many fields as the header."""
    with text_of(path) as text:
        reader = csv.reader(lines_of(text), delimiter=separator)
        width = 0
        for row in reader:
            width = width or len(row)
            if row and len(row) != width:
                message = f"{len(row)} fields, the header has {width}"
                raise TraceError(f"{path}:{reader.line_num}: {message}")


def _place(path: str, row: int) -> str:
    written = dialect(path)
    with file_errors(path), text_of(path) as text:
        reader = csv.reader(lines_of(text), delimiter=written.separator)
        number = -1 - written.skipped  # the header's
        for fields in reader:
            number += bool(fields)
            if number > row:
                break
    return f"{path}:{reader.line_num}"


CSV = Container("CSV", _columns, _batches, _place, has_lists=False)
