"""Columns of numbers in a CSV file beside the scenario."""

import csv
import math
from collections.abc import Sequence
from pathlib import Path as FilePath
from typing import Any

from sim.model.input_file import InputFileError, text
from sim.scenario.values.problems import Spot, nearest
from sim.scenario.values.units import shown

MAX_COLUMNS = 1000


def read_columns(
    name: Any, columns: Sequence[Any], spot: Spot
) -> tuple[FilePath, list[tuple[float, ...]]] | None:
    """Columns of a CSV file with a header line.

    Parameters
    ----------
    name : object
        Path of the file, relative to the folder of the scenario.
    columns : sequence
        Names of the columns; None for the only one there is.

    Returns
    -------
    (path, columns), or None with the problems noted at ``spot``.
    """
    if not isinstance(name, str) or not name:
        spot.below("csv").wrong(f"{shown(name)} must be the path of a CSV file")
        return None
    path = (spot.folder / name).absolute()
    try:
        return path, _columns(text(path, "table"), columns)
    except (InputFileError, ValueError, csv.Error) as error:
        message = str(error)
    spot.below("csv").wrong(f"{name}: {message}")
    return None


def _columns(content: str, columns: Sequence[Any]) -> list[tuple[float, ...]]:
    """The columns of a CSV text; ValueError with line and value if there are none."""
    lines = csv.reader(content.splitlines())
    header = [cell.strip() for cell in next(lines, [])]
    if len(header) > MAX_COLUMNS:
        raise ValueError(f"has more than {MAX_COLUMNS} columns")
    places = [_place(header, column) for column in columns]
    rows = [
        [_number(row, place, header, lines.line_num) for place in places] for row in lines if row
    ]
    if not rows:
        raise ValueError("has no rows below its header")
    return [tuple(column) for column in zip(*rows, strict=True)]


def _place(header: list[str], column: Any) -> int:
    if column is None and len(header) == 1:
        return 0
    if column is None:
        raise ValueError(f"has {len(header)} columns; name one with 'column'")
    if column not in header:
        raise ValueError(f"has no column {shown(column)} {nearest(str(column), header)}".rstrip())
    return header.index(column)


def _number(row: list[str], place: int, header: list[str], line: int) -> float:
    text = row[place].strip() if place < len(row) else ""
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise ValueError(f"line {line}: {header[place]} {shown(text)} must be a finite number")
    return value
