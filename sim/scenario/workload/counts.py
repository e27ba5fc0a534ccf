"""Requests over time, from a table as monitoring exports it."""

from typing import Annotated

from sim.catalog.rate_units import PER
from sim.scenario.values.catalogued import Shape
from sim.scenario.values.fields import number, one_of
from sim.scenario.values.numbers import Number
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
    scale: Annotated[Number, number("factor", above=0, most=1e6)] = 1.0
    """Volume: 2 is twice the requests at every time."""


def shape_of(counts: Counts, file: str) -> Shape:
    """The shape of a table of counts, with their mean rate.

    Raises
    ------
    CatalogError
    """
    from sim.catalog.rate_table import read_rate_table  # noqa: PLC0415 (a quarter of a second)

    table = read_rate_table(file, counts.column, counts.time, counts.per)
    return Shape(table.shape, None, table.remarks, table.mean_per_s)
