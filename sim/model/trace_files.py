"""Request traces from files.

=========  ===================================================================================
azure      Azure LLM inference traces: ``2023-11-16 18:15:46.6805900,374,44``
mooncake   Mooncake JSON lines: ``{"timestamp": 0, "input_length": 6758, "output_length": 500}``,
           with ``hash_ids``, the names of the prompt's blocks of 512 tokens, where it has them;
           later turns of a ``session_id`` may have a ``delay`` after the answer before, in place
           of a timestamp, as AIPerf's have; a turn's ``input_length`` is taken as its whole prompt
burstgpt   BurstGPT CSV: seconds, and 0 response tokens for a failed request
columns    any CSV, JSON lines or Parquet file whose columns are named by the user
=========  ===================================================================================

Rows may stand in any order and are sorted by time, but for those with a delay, which come after the
row of their session before. Rows without prompt or output tokens are dropped and counted. Dates are
exact to the nanosecond, and to 0.1 µs within three years' span.
"""

import difflib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, NamedTuple

import numpy as np

from sim.errors import TraceError
from sim.model import ragged
from sim.model.rule import require
from sim.model.trace import Trace
from sim.model.trace_loops import after, leads
from sim.model.trace_shared import block_names, numbered, session_names, sessions
from sim.model.trace_tables import A_LIST, Batch, Container, Wanted, container
from sim.model.trace_values import (
    BadValueError,
    BoolArray,
    FloatArray,
    Times,
    Tokens,
    Unit,
    delays_of,
    missing,
    times_but,
    times_of,
    tokens_of,
)
from sim.model.workload import Prefixes

MOST_COLUMNS = 1000
LONGEST = 80  # letters of a value in a message
UNITS_PER_S = {"datetime": 1e9, "s": 1.0, "ms": 1e3, "us": 1e6, "ns": 1e9}


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
    delay : str or None
        Column of times from the end of the session's request before, if any: in the unit, or in
        seconds beside dates.
    """

    timestamp: str
    prompt_tokens: str
    output_tokens: str
    unit: Unit = "s"
    session: str | None = None
    blocks: str | None = None
    block_tokens: int = 0
    delay: str | None = None

    def __post_init__(self) -> None:
        known = f"must be one of {', '.join(UNITS_PER_S)}"
        require(self.unit in UNITS_PER_S, "unit of time", self.unit, known)
        require(len(set(self.names)) == 3, "columns", ", ".join(self.names), "must be three")
        every = self.wanted().names
        require(len(set(every)) == len(every), "columns", ", ".join(every), "must be different")
        rule = "must be None where there is no column of sessions"
        require(self.delay is None or self.session is not None, "delay", self.delay, rule)
        named = self.blocks is not None
        rule = "must be at least 1 where there is a column of blocks, else 0"
        require(named == (self.block_tokens > 0), "block tokens", self.block_tokens, rule)

    @property
    def names(self) -> tuple[str, str, str]:
        """The three columns without which there is no trace."""
        return self.timestamp, self.prompt_tokens, self.output_tokens

    def wanted(self) -> Wanted:
        """All columns, as a container reads them."""
        return Wanted(self.timestamp, self.names[1:], self.session, self.blocks, self.delay)


FORMATS = {
    "azure": TraceColumns("TIMESTAMP", "ContextTokens", "GeneratedTokens", "datetime"),
    "mooncake": TraceColumns(
        "timestamp", "input_length", "output_length", "ms", "session_id", "hash_ids", 512, "delay"
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
    if table.has_keys:
        found = _with_delay(found, layout)
    columns = _layout(path, found, layout)
    present = {name: _present(path, found, name) for name in columns.wanted().names}
    columns = _renamed(columns, present)
    if columns.blocks is not None and not table.has_lists:
        message = f"a CSV file has no lists, as {columns.blocks!r} must be"
        raise TraceError(f"{path}: {message} (JSON lines and Parquet have)")
    parts = list(_parts(path, table, columns))
    if not any(len(part.times) for part in parts):
        raise TraceError(f"{path}: no rows (a trace has one row per request)")
    return _trace(path, table, parts, columns)


def _with_delay(found: list[str], layout: str | TraceColumns) -> list[str]:
    """The keys of the first object, with that of delays, which the first turn of all has not."""
    named = layout if isinstance(layout, TraceColumns) else FORMATS["mooncake"]
    return found if named.delay is None or named.delay in found else [*found, named.delay]


def _renamed(columns: TraceColumns, names: dict[str, str]) -> TraceColumns:
    """The columns as the file spells them."""
    return replace(
        columns,
        timestamp=names[columns.timestamp],
        prompt_tokens=names[columns.prompt_tokens],
        output_tokens=names[columns.output_tokens],
        session=None if columns.session is None else names[columns.session],
        blocks=None if columns.blocks is None else names[columns.blocks],
        delay=None if columns.delay is None else names[columns.delay],
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
    if columns.delay not in present or columns.session not in present:
        columns = replace(columns, delay=None)
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


class _Part(NamedTuple):
    """Rows of a trace: times in seconds or exact units, and names as the file has them."""

    times: Times
    prompt: Tokens
    output: Tokens
    session: Any = None
    prefixes: Prefixes | None = None
    delay: FloatArray | None = None
    untimed: BoolArray | None = None


def _parts(path: str, table: Container, columns: TraceColumns) -> Iterator[_Part]:
    """The rows, batch by batch."""
    rows = 0
    for batch in table.batches(path, columns.wanted()):
        yield _part(path, table, columns, batch, rows)
        rows += len(batch[0])


def _part(path: str, table: Container, columns: TraceColumns, batch: Batch, rows: int) -> _Part:
    """Convert a batch, of which ``rows`` rows come before."""
    by_name = dict(zip(columns.wanted().names, batch, strict=True))
    name, delay, untimed = columns.timestamp, None, None
    try:
        if columns.delay is None:
            times = times_of(by_name[name], columns.unit)
        else:
            name = columns.delay
            delay = delays_of(by_name[name])
            name = columns.timestamp
            untimed = ~np.isnan(delay) & missing(by_name[name])
            times = times_but(untimed, by_name[name], columns.unit)
        name = columns.prompt_tokens
        prompt = tokens_of(by_name[name])
        name = columns.output_tokens
        output = tokens_of(by_name[name])
        session = prefixes = None
        if columns.session is not None:
            name = columns.session
            session = _session(by_name[name])
        if columns.blocks is not None:
            name = columns.blocks
            prefixes = _prefixes(by_name[name], prompt, output, columns.block_tokens)
    except BadValueError as error:
        place = table.place(path, rows + error.row)
        shown = repr(error.value)[:LONGEST]
        raise TraceError(f"{place}: {name} ({shown}) {error.rule}") from None
    return _Part(times, prompt, output, session, prefixes, delay, untimed)


def _session(column: Any) -> Any:
    names = session_names(column)
    if names is None:
        raise BadValueError(0, str(column.type), "must be a text or a number")
    return names


def _prefixes(column: Any, prompt: Tokens, output: Tokens, block_tokens: int) -> Prefixes:
    """Names of blocks, no more than the prompt has."""
    prefixes = block_names(column)
    if isinstance(prefixes, int):
        raise BadValueError(prefixes, str(column[prefixes].as_py())[:80], A_LIST)
    most = -(-prompt // block_tokens)  # the last block may be a part of one
    odd = (prefixes.count > most) & (prompt > 0) & (output > 0)
    if odd.any():
        row = int(odd.argmax())
        rule = f"must be at most {most[row]}, one for each {block_tokens} tokens of the prompt"
        raise BadValueError(row, f"{prefixes.count[row]} names", f"{rule} ({prompt[row]})")
    return prefixes


def _trace(path: str, table: Container, parts: list[_Part], columns: TraceColumns) -> Trace:
    """Drop failed requests, sort by time, count from the first."""
    times = np.concatenate([part.times for part in parts])
    prompt = np.concatenate([part.prompt for part in parts])
    output = np.concatenate([part.output for part in parts])
    kept = np.flatnonzero((prompt > 0) & (output > 0))
    dropped = len(prompt) - len(kept)
    if not len(kept):
        message = f"none of {dropped} rows has both prompt and output tokens"
        raise TraceError(f"{path}: {message} (at least one request is needed)")
    session = prefixes = delay_s = None
    if columns.session is not None:
        session = sessions([part.session for part in parts])
    order = kept[np.argsort(times[kept], kind="stable")]
    delay = np.concatenate([[], *(part.delay for part in parts if part.delay is not None)])
    if not np.isnan(delay).all():
        untimed = np.concatenate([part.untimed for part in parts if part.untimed is not None])
        lead, odd = leads(session, delay, untimed)
        if odd is not None:
            rule = f"has neither a {columns.timestamp} nor a row of its session before it"
            raise TraceError(f"{table.place(path, odd)}: {columns.delay} ({delay[odd]:g}) {rule}")
        times = times[lead]
        order = kept[np.lexsort((kept, lead[kept], times[kept]))]
        unit_s = 1.0 if columns.unit == "datetime" else UNITS_PER_S[columns.unit]
        delay_s = after(lead[order], delay[order] / unit_s)
    times = times[order]
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
        delay_s=delay_s,
    )


def _moment(epoch_ns: int) -> datetime:
    """Date and time of nanoseconds since 1970, without a zone."""
    return datetime(1970, 1, 1) + timedelta(microseconds=epoch_ns // 1000)
