"""Containers of rows: CSV, JSON or Parquet, a few columns at a time.

Each names its columns, yields the wanted ones in batches of Arrow arrays, and tells where a row
stands in the file. CSV comes as text, converted by whoever reads it, so that a value that is no
number can be shown as it was written.
"""

import csv
import io
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TextIO

import pyarrow as pa

from sim.catalog.logs.columns import TraceColumns
from sim.errors import TraceError
from sim.model.input_file import InputFileError, expanded

BLOCK_BYTES = 16 << 20  # no line may be longer
DOCUMENT_BYTES = 128 << 20  # but one that is all of a file
LISTS = pa.list_(pa.int64())
A_LIST = "must be a list of whole numbers of 64 bits"
SAMPLE = 100  # rows that are looked at to see what a file is

Batch = tuple[Any, ...]  # Arrow arrays of equal length, one for each wanted column
Row = dict[str, Any]
Rows = Callable[[Row], Iterator[Row]]


@dataclass(frozen=True, slots=True)
class Columnar:
    """How rows within objects are read a column at a time.

    Attributes
    ----------
    schemas : callable
        Types that the objects may have, the likeliest first, as the first one shows.
    columns : callable
        Columns of the rows by name, from a table of such a schema; None if some are otherwise.
    """

    schemas: Callable[[Row], Iterator[Any]]
    columns: Callable[[Any], dict[str, Any] | None]


@dataclass(frozen=True, slots=True)
class Container:
    """How one kind of table is read; each function takes the file's path first.

    Attributes
    ----------
    name : str
        What it is called.
    columns : callable
        Names of its columns; of nested ones their dotted paths.
    batches : callable
        The rows, batch by batch.
    place : callable
        Where a row stands, from 0.
    sample : callable
        Some first rows as they stand; none of a table without keys.
    flattened : callable or None
        The same with the rows within each object, which a function gives, and how to have their
        columns at once.
    has_lists : bool
        Whether a column may hold lists.
    has_keys : bool
        Whether a row may have columns that others lack.
    """

    name: str
    columns: Callable[[str], list[str]]
    batches: Callable[[str, TraceColumns], Iterator[Batch]]
    place: Callable[[str, int], str]
    sample: Callable[[str], list[Row]] = lambda _: []
    flattened: "Callable[[Rows, Columnar | None], Container] | None" = None
    has_lists: bool = True
    has_keys: bool = False


@contextmanager
def file_errors(path: str) -> Iterator[None]:
    """Turn what may go wrong in reading a file into a TraceError, which repeats none of it."""
    try:
        yield
    except InputFileError as error:
        raise TraceError(f"{path}: {error}") from None
    except UnicodeError:
        raise TraceError(f"{path}: is not UTF-8 text") from None
    except csv.Error as error:
        raise TraceError(f"{path}: cannot be read: {error}") from None
    except (OSError, EOFError, pa.ArrowException):
        message = "cannot be read: not whole, or not of the kind that it seems to be"
        raise TraceError(f"{path}: {message}") from None


@contextmanager
def text_of(path: str) -> Iterator[TextIO]:
    """Text of a plain or compressed file, without a byte-order mark."""
    with (
        expanded(path, "trace") as raw,
        io.TextIOWrapper(raw, encoding="utf-8-sig", newline="") as text,
    ):
        yield text


def lines_of(text: TextIO, most: int = BLOCK_BYTES) -> Iterator[str]:
    """Lines of a text, none of which is too long to be one of a trace."""
    while line := text.readline(most):
        if len(line) == most:
            raise InputFileError(f"has a line of more than {most >> 20} MiB")
        yield line
