"""Request traces from files.

=========  ===================================================================================
azure      Azure LLM inference traces: ``2023-11-16 18:15:46.6805900,374,44``
mooncake   Mooncake JSON lines: ``{"timestamp": 0, "input_length": 6758, "output_length": 500}``
burstgpt   BurstGPT CSV: seconds, and 0 response tokens for a failed request
columns    any CSV, JSON lines or Parquet file whose columns are named by the user
=========  ===================================================================================

Rows may stand in any order and are sorted by time. Rows without prompt or output tokens are dropped
and counted. Dates are exact to the nanosecond, and to 0.1 µs within three years' span.
"""

import difflib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from sim.errors import TraceError
from sim.model.lengths import MAX_TOKENS
from sim.model.rule import require
from sim.model.trace import Trace
from sim.model.trace_tables import Batch, Container, container

Unit = Literal["datetime", "s", "ms", "us", "ns"]
Times = npt.NDArray[np.int64] | npt.NDArray[np.float64]
Tokens = npt.NDArray[np.int64]

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
    """

    timestamp: str
    prompt_tokens: str
    output_tokens: str
    unit: Unit = "s"

    def __post_init__(self) -> None:
        known = f"must be one of {', '.join(UNITS_PER_S)}"
        require(self.unit in UNITS_PER_S, "unit of time", self.unit, known)
        require(len(set(self.names)) == 3, "columns", ", ".join(self.names), "must be three")

    @property
    def names(self) -> tuple[str, str, str]:
        """The three column names."""
        return self.timestamp, self.prompt_tokens, self.output_tokens


FORMATS = {
    "azure": TraceColumns("TIMESTAMP", "ContextTokens", "GeneratedTokens", "datetime"),
    "mooncake": TraceColumns("timestamp", "input_length", "output_length", "ms"),
    "burstgpt": TraceColumns("Timestamp", "Request tokens", "Response tokens", "s"),
}


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
    columns = _layout(path, found, layout)
    timestamp, prompt_name, output_name = (_present(path, found, name) for name in columns.names)
    wanted = TraceColumns(timestamp, prompt_name, output_name, columns.unit)
    parts = list(_parts(path, table, wanted))
    if not any(len(times) for times, _, _ in parts):
        raise TraceError(f"{path}: no rows (a trace has one row per request)")
    times, prompt, output = (np.concatenate(column) for column in zip(*parts, strict=True))
    return _trace(path, times, prompt, output, wanted.unit)


def _layout(path: str, found: list[str], layout: str | TraceColumns) -> TraceColumns:
    """The columns meant by a layout."""
    if isinstance(layout, TraceColumns):
        return layout
    if layout != "auto":
        require(layout in FORMATS, "format", layout, f"must be auto, {', '.join(FORMATS)}")
        return FORMATS[layout]
    present = {name.strip() for name in found}
    for columns in FORMATS.values():
        if present.issuperset(columns.names):
            return columns
    listed = ", ".join(found)[:200]
    remedy = "name the columns that hold the time, the prompt tokens and the output tokens"
    raise TraceError(f"{path}: columns {listed} are of no known trace format ({remedy})")


def _present(path: str, found: list[str], name: str) -> str:
    """The column of this name, as the file spells it (blanks around it), if it is there once."""
    stripped = [column.strip() for column in found]
    if stripped.count(name) == 1:
        return found[stripped.index(name)]
    if name in stripped:
        raise TraceError(f"{path}: column {name!r} is there {stripped.count(name)} times")
    lowered = {column.casefold(): column for column in stripped}
    near = difflib.get_close_matches(name.casefold(), lowered, n=1, cutoff=0.0)
    raise TraceError(f"{path}: no column {name!r} (nearest: {lowered[near[0]]!r})")


class _BadValueError(ValueError):
    """A value that keeps a rule not, by its row within a batch."""

    def __init__(self, row: int, value: object, rule: str) -> None:
        super().__init__(rule)
        self.row, self.value, self.rule = row, value, rule


def _parts(path: str, table: Container, columns: TraceColumns) -> Iterator[tuple[Any, Any, Any]]:
    """Times in seconds or exact units, and tokens, of each batch of rows."""
    rows = 0
    for batch in table.batches(path, columns.names):
        yield _numbers(path, table, columns, batch, rows)
        rows += len(batch[0])


def _numbers(
    path: str, table: Container, columns: TraceColumns, batch: Batch, rows: int
) -> tuple[Times, Tokens, Tokens]:
    """Convert a batch, of which ``rows`` rows come before."""
    name = columns.timestamp
    try:
        times = _times(batch[0], columns.unit)
        name = columns.prompt_tokens
        prompt = _tokens(batch[1])
        name = columns.output_tokens
        return times, prompt, _tokens(batch[2])
    except _BadValueError as error:
        place = table.place(path, rows + error.row)
        raise TraceError(f"{place}: {name} ({error.value!r}) {error.rule}") from None


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


def _trace(path: str, times: Times, prompt: Tokens, output: Tokens, unit: Unit) -> Trace:
    """Drop failed requests, sort by time, count from the first."""
    kept = (prompt > 0) & (output > 0)
    dropped = len(kept) - int(np.count_nonzero(kept))
    if dropped == len(kept):
        message = f"none of {dropped} rows has both prompt and output tokens"
        raise TraceError(f"{path}: {message} (at least one request is needed)")
    times = times[kept]
    order = np.argsort(times, kind="stable")
    times = times[order]
    return Trace(
        arrival_s=(times - times[0]) / UNITS_PER_S[unit],
        prompt_tokens=prompt[kept][order].astype(np.int32),
        output_tokens=output[kept][order].astype(np.int32),
        file=path,
        dropped=dropped,
    )
