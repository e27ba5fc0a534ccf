"""Logs in Parquet."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as arrow_parquet

from sim.catalog.logs.columns import TraceColumns
from sim.catalog.logs.container import Batch, Container, file_errors
from sim.model.input_file import InputFileError, opened

MAGIC = b"PAR1"
FREE_VALUES, VALUES_PER_BYTE = 8_000_000, 4  # of a column
MOST_NESTED = 1000  # names of fields of structures


def _columns(path: str) -> list[str]:
    with _parquet(path) as file:
        names = list(file.schema_arrow.names)
        nested = [name for name in _paths(file.schema_arrow) if name not in names]
        return names + nested[: max(MOST_NESTED - len(names), 0)]


def _paths(fields: Any, before: tuple[str, ...] = ()) -> dict[str, tuple[str, ...]]:
    """Fields of structures within structures, by their dotted paths."""
    found: dict[str, tuple[str, ...]] = {}
    for field in fields:
        keys = (*before, field.name)
        found.setdefault(".".join(keys), keys)
        if pa.types.is_struct(field.type) and len(keys) < 8:
            for name, below in _paths(field.type, keys).items():
                found.setdefault(name, below)
    return found


def _batches(path: str, wanted: TraceColumns) -> Iterator[Batch]:
    with _parquet(path) as file:
        paths = _paths(file.schema_arrow)
        keys = [paths.get(name, (name,)) for name in wanted.names]
        for batch in file.iter_batches(columns=list(dict.fromkeys(each[0] for each in keys))):
            yield tuple(_field(batch.column(each[0]), each[1:]) for each in keys)


def _field(column: Any, keys: tuple[str, ...]) -> Any:
    return pc.struct_field(column, list(keys)) if keys else column


@contextmanager
def _parquet(path: str) -> Iterator[Any]:
    """A Parquet file of no more rows than its size can hold; equal ones take no room at all."""
    with file_errors(path), opened(path, "trace") as raw:
        most = FREE_VALUES + VALUES_PER_BYTE * os.fstat(raw.fileno()).st_size
        with arrow_parquet.ParquetFile(raw) as file:
            about = file.metadata
            groups = [about.row_group(index) for index in range(about.num_row_groups)]
            columns = range(about.num_columns)
            values = max((sum(g.column(c).num_values for g in groups) for c in columns), default=0)
            if max(values, about.num_rows) > most:
                raise InputFileError(f"has more than {most:,} rows or values, for its size")
            yield file


def _place(path: str, row: int) -> str:
    return f"{path}: row {row + 1}"


PARQUET = Container("Parquet", _columns, _batches, _place)
