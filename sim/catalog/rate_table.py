"""Tables of counts or rates over time, as monitoring exports them: any number of rows, any step.

A column of times tells what each row stands for: its step is the time between rows, and what is
missing between two is filled evenly. What covers weeks repeats as weeks, what covers days as days:
the last whole ones of the table. Times keep the clock that they are written in; those in a zone are
UTC.
"""

import csv
import difflib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from sim.catalog.logs.clock import Clock, UnitError, clock_of, said, span
from sim.catalog.logs.csv_table import separator_of
from sim.catalog.logs.values import BadValueError, is_dates, times_of
from sim.catalog.rate_units import PER_S
from sim.errors import CatalogError
from sim.model.arrivals import DayShape
from sim.model.arrivals.shape import DAY_S
from sim.model.input_file import InputFileError, text

FloatArray = npt.NDArray[np.float64]

WEEK_S: Final = 7 * DAY_S
MOST_ROWS, MOST_COLUMNS = 1_000_000, 1000
MOST_MISSING = 0.2  # of the cells
JITTER = 0.02  # of the step, by which times may be off
NAMED: Final = (
    (
        re.compile(r"(?i)\b[rq]ps\b|_[rq]ps\b|^[rq]ps_|/ ?s(ec(ond)?)?\b|per_?\s?s(ec|econd)\b"),
        "second",
    ),
    (re.compile(r"(?i)\b[rq]pm\b|_[rq]pm\b|/ ?min(ute)?\b|per_?\s?min(ute)?\b"), "minute"),
    (re.compile(r"(?i)\b[rq]ph\b|/ ?h(our)?\b|per_?\s?hour\b"), "hour"),
    (re.compile(r"(?i)\b[rq]pd\b|/ ?d(ay)?\b|per_?\s?day\b"), "day"),
)
TIMES: Final = ("time", "timestamp", "date", "datetime", "ds", "hour", "minute", "day", "_time")


@dataclass(frozen=True, slots=True)
class RateTable:
    """A rate over time.

    Attributes
    ----------
    shape : DayShape
        Its course, which repeats.
    mean_per_s : float
        Requests a second over that.
    columns : tuple of str
        Of the times and of the values.
    remarks : tuple of str
        What was guessed or filled.
    """

    shape: DayShape
    mean_per_s: float
    columns: tuple[str, str]
    remarks: tuple[str, ...]


def read_rate_table(
    path: str, column: str | None = None, time: str | None = None, per: str | None = None
) -> RateTable:
    """The rates in a CSV file.

    Parameters
    ----------
    path : str
    column, time : str or None
        Names of the columns; by default the only one of numbers, and the one of times.
    per : {"row", "second", "minute", "hour", "day"} or None
        What its values count requests by: the step of the rows, or a time; by default told by the
        name of the column.

    Raises
    ------
    CatalogError
    """
    table = _Table.read(path)
    time_name = time if time is not None else table.time_column()
    if time_name is None:
        raise CatalogError(f"{path}: no column of times (name it with time: …)")
    name = column if column is not None else table.value_column(time_name)
    clock, times = table.times(time_name)
    order = np.argsort(times, kind="stable")
    at_s = (times[order] - times[order][0]) / clock.per_s
    values = table.numbers(name)[order]
    step_s, cells, filled = _even(path, at_s, values)
    cells, skipped = _whole(path, cells, step_s)
    began = clock.moment(times[order][0])
    start = None if began is None else began + timedelta(seconds=skipped * step_s)
    unit, told = _unit(name, per)
    mean = float(cells.mean()) / (step_s if unit == "row" else PER_S[unit])
    covers = len(cells) * step_s
    remarks = [f"{time_name}: {said(clock, times)}, a row each {span(step_s)}"]
    if not told:
        remarks.append(f"{name}: values are taken as requests each {span(step_s)} (per: row)")
    if filled:
        remarks.append(f"{filled:,} missing rows are filled evenly from those beside them")
    if skipped:
        remarks.append(
            f"the last {span(covers)} repeat; {span(skipped * step_s)} before are left out"
        )
    try:
        shape = DayShape(Path(path).stem, tuple(cells.tolist()), covers / DAY_S, began=start)
    except ValueError as error:
        raise CatalogError(f"{path}: {error}") from None
    return RateTable(shape, mean, (time_name, name), tuple(remarks))


def has_times(path: str) -> bool:
    """Whether a table has a column of times."""
    return _Table.read(path).time_column() is not None


@dataclass(frozen=True, slots=True)
class _Table:
    """A CSV file as text."""

    path: str
    header: Sequence[str]
    rows: Sequence[Sequence[str]]
    lines: Sequence[int]
    separator: str

    @classmethod
    def read(cls, path: str) -> "_Table":
        try:
            written = text(path, "table").splitlines()
            numbers = [
                at for at, line in enumerate(written, 1) if line and not line.startswith("#")
            ]
            kept = [written[at - 1] for at in numbers]
            separator = separator_of(kept[:100])
            rows = [[cell.strip() for cell in row] for row in csv.reader(kept, delimiter=separator)]
        except (InputFileError, csv.Error) as error:
            raise CatalogError(f"{path}: {error}") from None
        if len(rows) < 2:
            raise CatalogError(f"{path}: has no rows below its header")
        if len(rows) > MOST_ROWS or len(rows[0]) > MOST_COLUMNS:
            raise CatalogError(
                f"{path}: has more than {MOST_ROWS:,} rows, or {MOST_COLUMNS} columns"
            )
        return cls(path, rows[0], rows[1:], numbers[1:], separator)

    def time_column(self) -> str | None:
        """The column of times: dates, or numbers since 1970 under a name for times."""
        for at, name in enumerate(self.header):
            cells = pa.array([row[at] if at < len(row) else "" for row in self.rows[:50]])
            dates = is_dates(cells)
            if dates:
                try:
                    times_of(cells, "datetime")
                except BadValueError:
                    continue
                return name
            if dates is False and name.casefold() in TIMES:
                try:
                    if clock_of(times_of(cells, "number")[0], None, "s", False).is_date:
                        return name
                except BadValueError:
                    continue
        return None

    def value_column(self, time: str) -> str:
        """The only column of numbers besides that of times."""
        first = self.rows[0]
        numeric = [
            name
            for at, name in enumerate(self.header)
            if name != time and at < len(first) and _number(first[at], self.separator) is not None
        ]
        if len(numeric) != 1:
            count = f"{len(numeric)} columns of numbers"
            raise CatalogError(f"{self.path}: {count} beside the times (name one with column: …)")
        return numeric[0]

    def times(self, name: str) -> tuple[Clock, Any]:
        """The times of all rows, and their clock."""
        cells = pa.array(self._cells(name), pa.string())
        unit = "datetime" if is_dates(cells) else "number"
        try:
            times, missing = times_of(cells, unit)  # type: ignore[arg-type]  # one of the two
            if missing.any():
                raise BadValueError(int(missing.argmax()), "", "must be there")
            given = "datetime" if unit == "datetime" else None
            return clock_of(times, given, "s", False), times  # type: ignore[arg-type]
        except BadValueError as error:
            raise self._wrong(name, error.row, error.value, error.rule) from None
        except UnitError as error:
            raise CatalogError(f"{self.path}: {name}: {error}") from None

    def numbers(self, name: str) -> FloatArray:
        """The values of a column, NaN where a cell is blank."""
        values = np.empty(len(self.rows))
        for row, cell in enumerate(self._cells(name)):
            value = _number(cell, self.separator)
            if cell and (value is None or not 0 <= value < np.inf):
                raise self._wrong(name, row, cell, "must be a number >= 0")
            values[row] = np.nan if value is None else value
        return values

    def _cells(self, name: str) -> list[str]:
        if name not in self.header:
            near = difflib.get_close_matches(name, self.header, n=1)  # none of another file
            remedy = f" (nearest: {near[0]!r})" if near else ""
            raise CatalogError(f"{self.path}: no column {name!r}{remedy}")
        at = list(self.header).index(name)
        return [row[at] if at < len(row) else "" for row in self.rows]

    def _wrong(self, name: str, row: int, value: object, rule: str) -> CatalogError:
        shown = repr(value)[:80]
        return CatalogError(f"{self.path}:{self.lines[row]}: {name} ({shown}) {rule}")


def _number(cell: str, separator: str) -> float | None:
    if separator != "," and cell.count(",") == 1:
        cell = cell.replace(",", ".")
    elif separator == "," and re.fullmatch(r"\d{1,3}(,\d{3})+", cell):
        cell = cell.replace(",", "")
    try:
        return float(cell)
    except ValueError:
        return None


def _even(path: str, at_s: FloatArray, values: FloatArray) -> tuple[float, FloatArray, int]:
    """The step, the values at each, and how many of them were missing."""
    gaps = np.diff(at_s)
    if not len(gaps) or not (gaps > 0).any():
        raise CatalogError(f"{path}: has one time alone (a rate over time takes two rows or more)")
    if (gaps == 0).any():
        raise CatalogError(
            f"{path}: {int((gaps == 0).sum()):,} rows have the time of another (give a table of one"
            " series, in UTC if its clocks were set back)"
        )
    step_s = float(np.median(gaps))
    place = np.rint(at_s / step_s).astype(np.int64)
    if (np.abs(at_s - place * step_s) > JITTER * step_s).any() or (np.diff(place) == 0).any():
        raise CatalogError(f"{path}: rows are not evenly spaced by {span(step_s)}")
    n = int(place[-1]) + 1
    there = place[~np.isnan(values)]
    missing = n - len(there)
    if n > MOST_ROWS or missing > MOST_MISSING * n:
        raise CatalogError(f"{path}: {missing:,} of {n:,} rows are missing or blank")
    return step_s, np.interp(np.arange(n), there, values[~np.isnan(values)]), missing


def _whole(path: str, cells: FloatArray, step_s: float) -> tuple[FloatArray, int]:
    """The last whole weeks, or days, or all of what is less; and how many rows come before."""
    covers = len(cells) * step_s
    for period_s, name in ((WEEK_S, "a week"), (DAY_S, "a day")):
        if covers >= period_s * (1 - JITTER / len(cells)):
            each = period_s / step_s
            if abs(each - round(each)) > 1e-6:
                raise CatalogError(f"{path}: rows each {span(step_s)} do not make {name}")
            kept = len(cells) // round(each) * round(each)
            return cells[len(cells) - kept :], len(cells) - kept
    return cells, 0


def _unit(name: str, per: str | None) -> tuple[str, bool]:
    """What the values count by, and whether that is told."""
    if per is not None:
        return per, True
    found = next((unit for pattern, unit in NAMED if pattern.search(name)), None)
    return (found, True) if found else ("row", False)
