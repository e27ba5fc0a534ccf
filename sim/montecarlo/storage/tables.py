"""Worlds as Parquet files: their figures, their timelines, the requests of the first.

The same worlds give the same bytes, and come back as the same bits. Arrow takes a quarter of a
second to import, and nobody is to wait for it before an answer.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy.typing as npt

from sim.montecarlo.sample import Sample
from sim.montecarlo.timelines import Timelines

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

FIGURES = "replications.parquet"
TIMELINES = "timelines.parquet"
WORLDS_PER_GROUP = 64  # rows of timelines written at a time


def write_frame(frame: "pd.DataFrame", path: Path) -> None:
    """Write the columns alone: what pandas would add about itself depends on its version."""
    write_columns({name: frame[name].to_numpy() for name in frame.columns}, path)


def write_columns(columns: Mapping[str, Any], path: Path) -> None:
    """Write (n,) arrays by name."""
    import pyarrow as pa  # noqa: PLC0415
    from pyarrow import parquet  # noqa: PLC0415

    table = pa.table({name: pa.array(values) for name, values in columns.items()})
    with path.open("wb") as file:  # Arrow itself does not open names in other encodings
        parquet.write_table(table, file, compression="zstd")


def read_columns(path: Path) -> dict[str, npt.NDArray[Any]]:
    """Arrays by name, as they were written.

    Raises
    ------
    OSError, KeyError, ValueError
        If they cannot be read.
    """
    with _plain_errors():
        table = _table(path)
        return {name: table[name].to_numpy() for name in table.column_names}


def write_worlds(sample: Sample, folder: Path) -> None:
    """Write the figures and the timelines of worlds; null where a world has no such figure."""
    import pyarrow as pa  # noqa: PLC0415

    columns: dict[str, Any] = {"world": sample.worlds, "verdict": sample.verdicts()}
    for name in sample.names():
        columns[name] = pa.array(sample.values(name), mask=sample.lacks(name))
    write_columns(columns, folder / FIGURES)
    _write_timelines(sample.timelines, folder / TIMELINES)


def read_worlds(folder: Path, sample: Sample) -> None:
    """Add the worlds of a folder to a sample.

    Raises
    ------
    OSError, KeyError, ValueError
        If they cannot be read.
    """
    with _plain_errors():
        _read_worlds(folder, sample)


def _read_worlds(folder: Path, sample: Sample) -> None:
    from pyarrow import parquet  # noqa: PLC0415

    rows = {row.pop("world"): row for row in _table(folder / FIGURES).to_pylist()}
    with (
        (folder / TIMELINES).open("rb") as source,
        parquet.ParquetFile(source, pre_buffer=False) as file,
    ):
        for group in range(file.num_row_groups):
            batch = file.read_row_group(group)
            cells = {
                name: batch[name].combine_chunks().flatten().to_numpy().reshape(len(batch), -1)
                for name in batch.column_names
                if name != "world"
            }
            for row, world in enumerate(batch["world"].to_pylist()):
                timeline = {name: values[row] for name, values in cells.items()}
                figures = {k: v for k, v in rows[world].items() if v is not None}
                sample.add_row(world, figures.pop("verdict"), figures, timeline)


def _table(path: Path) -> "pa.Table":
    from pyarrow import parquet  # noqa: PLC0415

    with path.open("rb") as file:
        return parquet.read_table(file)


@contextmanager
def _plain_errors() -> Iterator[None]:
    """Have what Arrow calls wrong be a ``ValueError``."""
    import pyarrow as pa  # noqa: PLC0415

    try:
        yield
    except pa.ArrowException as error:
        raise ValueError(str(error)) from error


def _write_timelines(timelines: Timelines, path: Path) -> None:
    """A row per world in their order, a few at a time, so that memory stays flat."""
    import pyarrow as pa  # noqa: PLC0415
    from pyarrow import parquet  # noqa: PLC0415

    columns = {name: pa.list_(pa.float32()) for name in timelines.columns}
    schema = pa.schema({"world": pa.int64(), **columns})
    worlds = timelines.worlds
    with (
        path.open("wb") as file,
        parquet.ParquetWriter(file, schema, compression="zstd") as writer,
    ):
        for first in range(0, len(worlds), WORLDS_PER_GROUP):
            group = worlds[first : first + WORLDS_PER_GROUP]
            rows = [timelines.timeline(world) for world in group]
            lists = {name: [row[name] for row in rows] for name in timelines.columns}
            writer.write_table(pa.table({"world": group, **lists}, schema=schema))
