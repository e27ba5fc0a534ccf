"""Tables on disk, a few columns at a time: CSV, JSON lines or Parquet, plain or gzip.

Each container names its columns, yields the wanted ones in batches of Arrow arrays, and tells where
a row stands in the file. CSV comes as text, converted by whoever reads it, so that a value that is
no number can be shown as it was written.
"""

import csv
import io
import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TextIO

import pyarrow as pa
import pyarrow.csv as arrow_csv
import pyarrow.json as arrow_json
import pyarrow.parquet as arrow_parquet

from sim.errors import TraceError
from sim.model.input_file import InputFileError, expanded, opened

PARQUET_MAGIC = b"PAR1"
BLOCK_BYTES = 16 << 20  # no line may be longer
JSON_ROWS = 65_536
FREE_VALUES, VALUES_PER_BYTE = 8_000_000, 4  # of a column of Parquet
LISTS = pa.list_(pa.int64())
A_LIST = "must be a list of whole numbers of 64 bits"

Batch = tuple[Any, ...]  # Arrow arrays of equal length, one for each wanted column


@dataclass(frozen=True, slots=True)
class Wanted:
    """The columns to read.

    Attributes
    ----------
    time : str
        A number or a text.
    tokens : tuple of str
        Whole numbers.
    session : str or None
        Anything, and it may be missing in a row.
    blocks : str or None
        Lists of whole numbers, which may be missing in a row.
    delay : str or None
        A number, which may be missing in a row, or in all of JSON lines.
    """

    time: str
    tokens: tuple[str, ...]
    session: str | None = None
    blocks: str | None = None
    delay: str | None = None

    @property
    def names(self) -> list[str]:
        """All of them, in the order of a batch."""
        given = (self.time, *self.tokens, self.session, self.blocks, self.delay)
        return [name for name in given if name is not None]


@dataclass(frozen=True, slots=True)
class Container:
    """How one kind of table is read; each function takes the file's path first.

    ``has_lists`` says whether a column may hold lists, ``has_keys`` whether a row may have columns
    that the first lacks.
    """

    columns: Callable[[str], list[str]]
    batches: Callable[[str, Wanted], Iterator[Batch]]
    place: Callable[[str, int], str]
    has_lists: bool = True
    has_keys: bool = False


def container(path: str) -> Container:
    """The kind of table in a file, by its content."""
    with _file_errors(path):
        with opened(path, "trace") as file:
            if file.read(4) == PARQUET_MAGIC:
                return PARQUET
        with _text(path) as text:
            beginning = text.read(4096)
    if not beginning.strip():
        raise TraceError(f"{path}: the file is empty (a trace has one row per request)")
    return JSON_LINES if beginning.lstrip().startswith("{") else CSV


@contextmanager
def _file_errors(path: str) -> Iterator[None]:
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
def _text(path: str) -> Iterator[TextIO]:
    """Text of a plain or compressed file, without a byte-order mark."""
    with (
        expanded(path, "trace") as raw,
        io.TextIOWrapper(raw, encoding="utf-8-sig", newline="") as text,
    ):
        yield text


def _lines(text: TextIO) -> Iterator[str]:
    """Lines of a text, none of which is too long to be one of a trace."""
    while line := text.readline(BLOCK_BYTES):
        if len(line) == BLOCK_BYTES:
            raise InputFileError(f"has a line of more than {BLOCK_BYTES >> 20} MiB")
        yield line


@contextmanager
def _stream(path: str) -> Iterator[Any]:
    """Bytes of a plain or compressed file, as Arrow reads them."""
    with expanded(path, "trace") as raw, pa.PythonFile(raw, mode="r") as stream:
        yield stream


# ---------------------------------------------------------------- CSV


def _csv_columns(path: str) -> list[str]:
    with _file_errors(path), _text(path) as text:
        return next((row for row in csv.reader(_lines(text)) if row), [])


def _csv_batches(path: str, wanted: Wanted) -> Iterator[Batch]:
    names = wanted.names
    read = arrow_csv.ReadOptions(block_size=BLOCK_BYTES)
    parse = arrow_csv.ParseOptions(newlines_in_values=True)
    convert = arrow_csv.ConvertOptions(
        include_columns=names, column_types=dict.fromkeys(names, pa.string())
    )
    with _file_errors(path), _stream(path) as stream:
        options = {"read_options": read, "parse_options": parse, "convert_options": convert}
        try:
            for batch in arrow_csv.open_csv(stream, **options):
                yield tuple(batch.column(name) for name in names)
        except pa.ArrowInvalid:
            _refuse_ragged_row(path)
            raise


def _refuse_ragged_row(path: str) -> None:
    """Raise TraceError for the first row that has not as many fields as the header."""
    with _text(path) as text:
        reader = csv.reader(_lines(text))
        width = 0
        for row in reader:
            width = width or len(row)
            if row and len(row) != width:
                message = f"{len(row)} fields, the header has {width}"
                raise TraceError(f"{path}:{reader.line_num}: {message}")


def _csv_place(path: str, row: int) -> str:
    with _file_errors(path), _text(path) as text:
        reader = csv.reader(_lines(text))
        number = -1  # the header's
        for fields in reader:
            number += bool(fields)
            if number > row:
                break
    return f"{path}:{reader.line_num}"


# ---------------------------------------------------------------- JSON lines


def _json_lines(path: str) -> Iterator[tuple[int, dict[str, Any]]]:
    """Line number and object of every line that is not blank."""
    with _file_errors(path), _text(path) as text:
        for number, line in enumerate(_lines(text), start=1):
            if line.strip():
                try:
                    found = json.loads(line)
                except (ValueError, RecursionError):
                    found = None
                if not isinstance(found, dict):
                    raise TraceError(f"{path}:{number}: is not a JSON object")
                yield number, found


def _json_columns(path: str) -> list[str]:
    _, first = next(_json_lines(path))
    return list(first)


def _json_batches(path: str, wanted: Wanted) -> Iterator[Batch]:
    for schema in _json_schemas(wanted):
        table = _json_table(path, schema)
        if table is not None:
            yield tuple(table.column(name).combine_chunks() for name in wanted.names)
            return
    yield from _json_batches_as_text(path, wanted)


def _json_table(path: str, schema: pa.Schema) -> Any:
    """The columns of a schema; None if they are not of its types throughout."""
    read = arrow_json.ReadOptions(block_size=BLOCK_BYTES)
    parse = arrow_json.ParseOptions(explicit_schema=schema, unexpected_field_behavior="ignore")
    with _file_errors(path), _stream(path) as stream:
        try:
            return arrow_json.read_json(stream, read_options=read, parse_options=parse)
        except (pa.ArrowInvalid, OSError):
            return None


def _json_schemas(wanted: Wanted) -> Iterator[pa.Schema]:
    """The types that the columns may have, the likeliest first."""
    for time in (pa.int64(), pa.float64()):
        for session in (pa.string(), pa.int64()) if wanted.session else (None,):
            types = {wanted.time: time, **dict.fromkeys(wanted.tokens, pa.int64())}
            if wanted.session:
                types[wanted.session] = session
            if wanted.blocks:
                types[wanted.blocks] = LISTS
            if wanted.delay:
                types[wanted.delay] = pa.float64()
            yield pa.schema(list(types.items()))


def _json_batches_as_text(path: str, wanted: Wanted) -> Iterator[Batch]:
    """Values of any type, as text: slow, for dates and for finding what is wrong."""
    rows: list[tuple[Any, ...]] = []
    for number, found in _json_lines(path):
        row: list[Any] = [str(found.get(name, "")) for name in (wanted.time, *wanted.tokens)]
        if wanted.session:
            session = found.get(wanted.session)
            row.append(None if session is None else str(session))
        if wanted.blocks:
            row.append(_list(found.get(wanted.blocks), wanted.blocks, f"{path}:{number}"))
        if wanted.delay:
            delay = found.get(wanted.delay)
            row.append(None if delay is None else str(delay))
        rows.append(tuple(row))
        if len(rows) == JSON_ROWS:
            yield _as_arrays(path, rows, wanted)
            rows = []
    if rows:
        yield _as_arrays(path, rows, wanted)


def _list(value: Any, name: str, place: str) -> list[int] | None:
    """A list of whole numbers, or nothing."""
    if value is None:
        return None
    whole = isinstance(value, list) and all(type(item) is int for item in value)
    if whole and all(-(2**63) <= item < 2**63 for item in value):
        return list(value)
    raise TraceError(f"{place}: {name} ({str(value)[:80]!r}) {A_LIST}")


def _as_arrays(path: str, rows: list[tuple[Any, ...]], wanted: Wanted) -> Batch:
    columns = zip(*rows, strict=True)
    types = [LISTS if name == wanted.blocks else pa.string() for name in wanted.names]
    with _file_errors(path):  # halves of surrogates are no text
        return tuple(pa.array(column, kind) for column, kind in zip(columns, types, strict=True))


def _json_place(path: str, row: int) -> str:
    for index, (number, _) in enumerate(_json_lines(path)):
        if index == row:
            return f"{path}:{number}"
    return path


# ---------------------------------------------------------------- Parquet


def _parquet_columns(path: str) -> list[str]:
    with _parquet(path) as file:
        return list(file.schema_arrow.names)


def _parquet_batches(path: str, wanted: Wanted) -> Iterator[Batch]:
    names = wanted.names
    with _parquet(path) as file:
        for batch in file.iter_batches(columns=names):
            yield tuple(batch.column(name) for name in names)


@contextmanager
def _parquet(path: str) -> Iterator[Any]:
    """A Parquet file of no more rows than its size can hold; equal ones take no room at all."""
    with _file_errors(path), opened(path, "trace") as raw:
        most = FREE_VALUES + VALUES_PER_BYTE * os.fstat(raw.fileno()).st_size
        with arrow_parquet.ParquetFile(raw) as file:
            about = file.metadata
            groups = [about.row_group(index) for index in range(about.num_row_groups)]
            columns = range(about.num_columns)
            values = max((sum(g.column(c).num_values for g in groups) for c in columns), default=0)
            if max(values, about.num_rows) > most:
                raise InputFileError(f"has more than {most:,} rows or values, for its size")
            yield file


def _parquet_place(path: str, row: int) -> str:
    return f"{path}: row {row + 1}"


CSV = Container(_csv_columns, _csv_batches, _csv_place, has_lists=False)
JSON_LINES = Container(_json_columns, _json_batches, _json_place, has_keys=True)
PARQUET = Container(_parquet_columns, _parquet_batches, _parquet_place)
