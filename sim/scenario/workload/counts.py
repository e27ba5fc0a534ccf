"""Requests over time, from a table as monitoring exports it."""

from pathlib import Path
from typing import Annotated

from sim.catalog.rate_table import PER, read_rate_table
from sim.scenario.values.catalogued import Shape
from sim.scenario.values.fields import one_of
from sim.scenario.values.part import Model, Text


class Counts(Model):
    """Requests over time, as monitoring exports them: a table with a column of times."""

    csv: Text
    """Path of the CSV file, relative to the scenario; any number of rows, evenly spaced. What
    covers weeks repeats as weeks, what covers days as days."""
    column: Text | None = None
    """Column of the counts, or of rates; by default the only one of numbers."""
    time: Text | None = None
    """Column of the times; by default the one of dates."""
    per: Annotated[str, one_of(*PER)] | None = None
    """What the values count: requests per row, or per second, minute, hour or day; by default told
    by the name of the column (rps, per_minute), else per row."""


def rate_and_shape(counts: Counts, folder: Path) -> tuple[float, Shape]:
    """Requests a second in the mean, and their shape.

    Raises
    ------
    CatalogError
    """
    file = str((folder / counts.csv).absolute())
    table = read_rate_table(file, counts.column, counts.time, counts.per)
    written = {"csv": file, "column": table.columns[1], "time": table.columns[0]}
    return table.mean_per_s, Shape(table.shape, written, table.remarks)
