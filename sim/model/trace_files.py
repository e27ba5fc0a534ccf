"""Request traces from files.

=========  ===================================================================================
azure      Azure LLM inference traces: ``2023-11-16 18:15:46.6805900,374,44``
mooncake   Mooncake JSON lines: ``{"timestamp": 0, "input_length": 6758, "output_length": 500}``,
           with ``hash_ids``, the names of the prompt's blocks of 512 tokens, where it has them
burstgpt   BurstGPT CSV: seconds, and 0 response tokens for a failed request
columns    any CSV, JSON lines or Parquet file whose columns are named by the user
=========  ===================================================================================

Rows may stand in any order and are sorted by time. Rows without prompt or output tokens are dropped
and counted. Dates are exact to the nanosecond, and to 0.1 µs within three years' span.
"""

import difflib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Literal, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from sim.errors import TraceError
from sim.model import ragged
from sim.model.lengths import MAX_TOKENS
from sim.model.rule import require
from sim.model.trace import Trace
from sim.model.trace_shared import block_names, numbered, session_names, sessions
from sim.model.trace_tables import A_LIST, Batch, Container, Wanted, container
from sim.model.workload import Prefixes

Unit = Literal["datetime", "s", "ms", "us", "ns"]
Times = npt.NDArray[np.int64] | npt.NDArray[np.float64]
Tokens = npt.NDArray[np.int64]

MOST_COLUMNS = 1000
LONGEST = 80  # letters of a value in a message
UNITS_PER_S = {"datetime": 1e9, "s": 1.0, "ms": 1e3, "us": 1e6, "ns": 1e9}
WHOLE = f"must be a whole number of tokens, at most {MAX_TOKENS}"
MOMENT = "must be a date and time such as 2026-11-23 18:15:46.6805900"


@dataclass(frozen=True, slots=True)
class TraceColumns:
    """Which columns hold what.

    Attributes
    ----------
    timestamp, prompt_tokens, output_tokens : str
        Column names, or keys of JSON objects.
    unit : {"datetime", "s", "ms", "us", "ns"}
        How times are written: ISO 8601 dates (or Parquet's timestamps), or numbers in a unit.
    session : str or None
        Column of the session that a request belongs to, if any.
    blocks : str or None
        Column of lists that name the blocks a prompt begins with: prompts whose first names are the
        same begin alike.
    block_tokens : int
        Tokens of a named block; 0 where blocks have no names.
    """

    timestamp: str
    prompt_tokens: str
    output_tokens: str
    unit: Unit = "s"
    session: str | None = None
    blocks: str | None = None
    block_tokens: int = 0

    def __post_init__(self) -> None:
        known = f"must be one of {', '.join(UNITS_PER_S)}"
        require(self.unit in UNITS_PER_S, "unit of time", self.unit, known)
        require(len(set(self.names)) == 3, "columns", ", ".join(self.names), "must be three")
        every = self.wanted().names
        require(len(set(every)) == len(every), "columns", ", ".join(every), "must be different")
        named = self.blocks is not None
        rule = "must be at least 1 where there is a column of blocks, else 0"
        require(named == (self.block_tokens > 0), "block tokens", self.block_tokens, rule)

    @property
    def names(self) -> tuple[str, str, str]:
        """The three columns without which there is no trace."""
        return self.timestamp, self.prompt_tokens, self.output_tokens

    def wanted(self) -> Wanted:
        """All columns, as a container reads them."""
        return Wanted(self.timestamp, self.names[1:], self.session, self.blocks)


FORMATS = {
    "azure": TraceColumns("TIMESTAMP", "ContextTokens", "GeneratedTokens", "datetime"),
    "mooncake": TraceColumns(
        "timestamp", "input_length", "output_length", "ms", "session_id", "hash_ids", 512
    ),
    "burstgpt": TraceColumns("Timestamp", "Request tokens", "Response tokens", "s", "Session ID"),
}  # sessions and blocks where a file has them


def read_trace(path: str, layout: str | TraceColumns = "auto") -> Trace:
    """Read a trace.

    Parameters
    ----------
    path : str
        A plain or gzip file.
    layout : str or TraceColumns
        ``auto``, a name in ``FORMATS``, or the names of the columns.

    Raises
    ------
    TraceError
        With file, line and value, for whatever keeps the file from being a trace.
    """
    table = container(path)
    found = table.columns(path)
    if not found:
        raise TraceError(f"{path}: no columns (a trace has a time and two numbers of tokens)")
    if len(found) > MOST_COLUMNS:
        raise TraceError(f"{path}: more than {MOST_COLUMNS} columns (is it a trace?)")
    columns = _layout(path, found, layout)
    present = {name: _present(path, found, name) for name in columns.wanted().names}
    columns = _renamed(columns, present)
    if columns.blocks is not None and not table.has_lists:
        message = f"a CSV file has no lists, as {columns.blocks!r} must be"
        raise TraceError(f"{path}: {message} (JSON lines and Parquet have)")
    parts = list(_parts(path, table, columns))
    if not any(len(part.times) for part in parts):
        raise TraceError(f"{path}: no rows (a trace has one row per request)")
    return _trace(path, parts, columns)


def _renamed(columns: TraceColumns, names: dict[str, str]) -> TraceColumns:
    """The columns as the file spells them."""
    return replace(
        columns,
        timestamp=names[columns.timestamp],
        prompt_tokens=names[columns.prompt_tokens],
        output_tokens=names[columns.output_tokens],
        session=None if columns.session is None else names[columns.session],
        blocks=None if columns.blocks is None else names[columns.blocks],
    )


def _layout(path: str, found: list[str], layout: str | TraceColumns) -> TraceColumns:
    """The columns meant by a layout."""
    if isinstance(layout, TraceColumns):
        return layout
    present = {name.strip() for name in found}
    if layout != "auto":
        require(layout in FORMATS, "format", layout, f"must be auto, {', '.join(FORMATS)}")
        return _with_what_is_there(FORMATS[layout], present)
    for columns in FORMATS.values():
        if present.issuperset(columns.names):
            return _with_what_is_there(columns, present)
    remedy = "name the columns that hold the time, the prompt tokens and the output tokens"
    raise TraceError(f"{path}: is of no known trace format ({remedy})")


def _with_what_is_there(columns: TraceColumns, present: set[str]) -> TraceColumns:
    """The columns of a format without those that a file may lack, and does."""
    if columns.session not in present:
        columns = replace(columns, session=None)
    if columns.blocks not in present:
        columns = replace(columns, blocks=None, block_tokens=0)
    return columns


def _present(path: str, found: list[str], name: str) -> str:
    """The column of this name, as the file spells it (blanks around it), if it is there once."""
    stripped = [column.strip() for column in found]
    if stripped.count(name) == 1:
        return found[stripped.index(name)]
    if name in stripped:
        raise TraceError(f"{path}: column {name!r} is there {stripped.count(name)} times")
    lowered = {column.casefold(): column for column in stripped}
    near = difflib.get_close_matches(name.casefold(), lowered, n=1)  # not of any other file
    remedy = f" (nearest: {lowered[near[0]]!r})" if near else ""
    raise TraceError(f"{path}: no column {name!r}{remedy}")


class _BadValueError(ValueError):
    """A value that keeps a rule not, by its row within a batch."""

    def __init__(self, row: int, value: object, rule: str) -> None:
        super().__init__(rule)
        self.row, self.value, self.rule = row, value, rule


class _Part(NamedTuple):
    """Rows of a trace: times in seconds or exact units, and names as the file has them."""

    times: Times
    prompt: Tokens
    output: Tokens
    session: Any = None
    prefixes: Prefixes | None = None


def _parts(path: str, table: Container, columns: TraceColumns) -> Iterator[_Part]:
    """The rows, batch by batch."""
    rows = 0
    for batch in table.batches(path, columns.wanted()):
        yield _part(path, table, columns, batch, rows)
        rows += len(batch[0])


def _part(path: str, table: Container, columns: TraceColumns, batch: Batch, rows: int) -> _Part:
    """Convert a batch, of which ``rows`` rows come before."""
    by_name = dict(zip(columns.wanted().names, batch, strict=True))
    name = columns.timestamp
    try:
        times = _times(by_name[name], columns.unit)
        name = columns.prompt_tokens
        prompt = _tokens(by_name[name])
        name = columns.output_tokens
        output = _tokens(by_name[name])
        session = prefixes = None
        if columns.session is not None:
            name = columns.session
            session = _session(by_name[name])
        if columns.blocks is not None:
            name = columns.blocks
            prefixes = _prefixes(by_name[name], prompt, output, columns.block_tokens)
    except _BadValueError as error:
        place = table.place(path, rows + error.row)
        shown = repr(error.value)[:LONGEST]
        raise TraceError(f"{place}: {name} ({shown}) {error.rule}") from None
    return _Part(times, prompt, output, session, prefixes)


def _session(column: Any) -> Any:
    names = session_names(column)
    if names is None:
        raise _BadValueError(0, str(column.type), "must be a text or a number")
    return names


def _prefixes(column: Any, prompt: Tokens, output: Tokens, block_tokens: int) -> Prefixes:
    """Names of blocks, no more than the prompt has."""
    prefixes = block_names(column)
    if isinstance(prefixes, int):
        raise _BadValueError(prefixes, str(column[prefixes].as_py())[:80], A_LIST)
    most = -(-prompt // block_tokens)  # the last block may be a part of one
    odd = (prefixes.count > most) & (prompt > 0) & (output > 0)
    if odd.any():
        row = int(odd.argmax())
        rule = f"must be at most {most[row]}, one for each {block_tokens} tokens of the prompt"
        raise _BadValueError(row, f"{prefixes.count[row]} names", f"{rule} ({prompt[row]})")
    return prefixes


def _times(column: Any, unit: Unit) -> Times:
    """Times in the unit, integers if whole; nanoseconds if they are dates."""
    if unit == "datetime":
        return _dates(column)
    rule = f"must be a number in {unit}; give the unit datetime for dates"
    return _integers(column) if _fits(column, pa.int64()) else _floats(column, rule)


def _dates(column: Any) -> npt.NDArray[np.int64]:
    """Nanoseconds since 1970, from ISO 8601 text or Arrow timestamps, in a time zone or not."""
    if pa.types.is_timestamp(column.type):
        zone = column.type.tz
    elif _is_text(column):
        column = pc.utf8_trim_whitespace(column)
        zone = None if _fits(column.slice(0, 1), pa.timestamp("ns")) else "UTC"
    else:
        raise _BadValueError(0, column[0].as_py(), f"{MOMENT}; give the unit of a number")
    return _integers(_cast(column, pa.timestamp("ns", zone), MOMENT))


def _tokens(column: Any) -> Tokens:
    """Whole numbers, also where they are written 12.0."""
    if _fits(column, pa.int64()):
        tokens = _integers(column)
        odd = tokens > MAX_TOKENS
    else:
        values = _floats(column, WHOLE)
        odd = (values != np.floor(values)) | (np.abs(values) > MAX_TOKENS)
        tokens = np.where(odd, 0, values).astype(np.int64)
    if odd.any():
        row = int(odd.argmax())
        raise _BadValueError(row, column[row].as_py(), WHOLE)
    return tokens


def _is_text(column: Any) -> bool:
    return bool(pa.types.is_string(column.type) or pa.types.is_large_string(column.type))


def _fits(column: Any, kind: Any) -> bool:
    """Whether every value converts without loss."""
    try:
        _cast(column, kind, "")
    except _BadValueError:
        return False
    return True


def _cast(column: Any, kind: Any, rule: str) -> Any:
    """Convert an Arrow array; the first value that does not convert raises _BadValueError."""
    text = pc.utf8_trim_whitespace(column) if _is_text(column) else column
    try:
        if text.null_count == 0:
            return text.cast(kind)
    except pa.ArrowException:
        pass
    good, bad = 0, len(text)  # the first `good` rows convert, the first `bad` do not
    while bad - good > 1:
        middle = (good + bad) // 2
        if _converts(text.slice(good, middle - good), kind):
            good = middle
        else:
            bad = middle
    raise _BadValueError(good, column[good].as_py(), rule)


def _converts(column: Any, kind: Any) -> bool:
    try:
        column.cast(kind)
    except pa.ArrowException:
        return False
    return bool(column.null_count == 0)


def _integers(column: Any) -> npt.NDArray[np.int64]:
    """An Arrow array of (what fits) integers as NumPy's."""
    return np.asarray(_cast(column, pa.int64(), "").to_numpy(zero_copy_only=False))


def _floats(column: Any, rule: str) -> npt.NDArray[np.float64]:
    """Finite numbers."""
    values = np.asarray(_cast(column, pa.float64(), rule).to_numpy(zero_copy_only=False))
    finite = np.isfinite(values)
    if not finite.all():
        row = int((~finite).argmax())
        raise _BadValueError(row, column[row].as_py(), rule)
    return values


def _trace(path: str, parts: list[_Part], columns: TraceColumns) -> Trace:
    """Drop failed requests, sort by time, count from the first."""
    times = np.concatenate([part.times for part in parts])
    prompt = np.concatenate([part.prompt for part in parts])
    output = np.concatenate([part.output for part in parts])
    kept = np.flatnonzero((prompt > 0) & (output > 0))
    dropped = len(prompt) - len(kept)
    if not len(kept):
        message = f"none of {dropped} rows has both prompt and output tokens"
        raise TraceError(f"{path}: {message} (at least one request is needed)")
    order = kept[np.argsort(times[kept], kind="stable")]
    times = times[order]
    session = prefixes = None
    if columns.session is not None:
        session = sessions([part.session for part in parts])
    if columns.blocks is not None:
        prefixes = numbered([part.prefixes for part in parts if part.prefixes is not None])
    return Trace(
        arrival_s=(times - times[0]) / UNITS_PER_S[columns.unit],
        prompt_tokens=prompt[order].astype(np.int32),
        output_tokens=output[order].astype(np.int32),
        file=path,
        dropped=dropped,
        session=None if session is None else session[order],
        prefixes=None if prefixes is None else ragged.reordered(prefixes, order),
        block_tokens=0 if prefixes is None else columns.block_tokens,
        began=_moment(int(times[0])) if columns.unit == "datetime" else None,
    )


def _moment(epoch_ns: int) -> datetime:
    """Date and time of nanoseconds since 1970, without a zone."""
    return datetime(1970, 1, 1) + timedelta(microseconds=epoch_ns // 1000)
