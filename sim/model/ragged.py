"""Ragged columns: tables in which each request has any number of entries, one after the other.

A table is a NamedTuple such as `Chains` or `Prefixes`: ``count`` says how many entries each request
has, every further column holds them all.
"""

from collections.abc import Sequence
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from sim.model.workload import Chains, Prefixes

Table = TypeVar("Table", Chains, Prefixes)
Counts = npt.NDArray[np.integer[Any]]
Places = npt.NDArray[np.int64]


def starts(count: Counts) -> Places:
    """Where the entries of each request begin, and where all end: (n + 1,) int64."""
    begins = np.zeros(len(count) + 1, np.int64)
    np.cumsum(count, out=begins[1:])
    return begins


def places(begin: Places, count: Counts) -> Places:
    """Places of runs of ``count`` entries from each ``begin``, run after run.

    Examples
    --------
    >>> places(np.array([5, 0]), np.array([2, 3])).tolist()
    [5, 6, 0, 1, 2]
    """
    ends = starts(count)
    return np.arange(ends[-1]) + np.repeat(begin - ends[:-1], count)


def of_rows(table: Table, rows: slice) -> Table:
    """The table of consecutive requests."""
    ends = starts(table.count)
    first, last, _ = rows.indices(len(table.count))
    return _taken(table, table.count[rows], slice(ends[first], ends[max(first, last)]))


def reordered(table: Table, order: npt.NDArray[np.integer[Any]]) -> Table:
    """The table of the requests ``order``, in that order; any may be left out or come twice."""
    count = table.count[order]
    return _taken(table, count, places(starts(table.count)[order], count))


def joined(tables: Sequence[Table]) -> Table:
    """The requests of several tables, table after table."""
    kind: type[Table] = type(tables[0])
    return kind(*(np.concatenate(columns) for columns in zip(*tables, strict=True)))


def without_entries(like: Table, n: int) -> Table:
    """A table of n requests, none of which has an entry."""
    return _taken(like, np.zeros(n, np.int32), slice(0))


def _taken(table: Table, count: Any, entries: slice | Places) -> Table:
    """A table of these entries, of which each request has ``count``."""
    kind: type[Table] = type(table)
    columns: tuple[Any, ...] = table[1:]
    return kind(count, *(column[entries] for column in columns))
