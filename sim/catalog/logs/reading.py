"""Traces from logs and tables of any tool, normalised to plain arrays.

Rows may stand in any order and are sorted by time, but for those with a delay, which come after the
row of their session before. Rows without a time, or without prompt or output tokens, are left out
and counted. Dates are exact to the nanosecond, and to 0.1 µs within three years' span.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np

from sim.catalog.logs.access_lines import LAST
from sim.catalog.logs.clock import Clock, UnitError, clock_of, said, senseless
from sim.catalog.logs.columns import BLOCK_TOKENS, NEEDED, TraceColumns
from sim.catalog.logs.container import A_LIST, Batch
from sim.catalog.logs.finding import Found, find, names_of
from sim.catalog.logs.run_files import trace_of_run
from sim.catalog.logs.shared import (
    block_names,
    block_tokens,
    conversations,
    fits,
    numbered,
    session_names,
    sessions,
)
from sim.catalog.logs.turns import Lengths, judged, whole
from sim.catalog.logs.values import (
    BadValueError,
    BoolArray,
    FloatArray,
    Times,
    Tokens,
    delays_of,
    is_dates,
    times_of,
    tokens_of,
)
from sim.errors import TraceError
from sim.model import ragged
from sim.model.lengths import MAX_TOKENS
from sim.model.trace import Origin, Trace
from sim.model.trace_loops import after, leads
from sim.model.workload import Prefixes

LONGEST = 80  # letters of a value in a message
MOST_UNTIMED = 0.5  # share of rows without a time
OF_TURNS = ("mooncake", "aiperf")  # formats whose later turns may say what is new alone
UNTIMED, EMPTY = "without a time", "without prompt or output tokens"


def read_trace(
    path: str, layout: str | TraceColumns = "auto", given: Mapping[str, Any] | None = None
) -> Trace:
    """Read a trace.

    Parameters
    ----------
    path : str
        A plain or gzip file.
    layout : str or TraceColumns
        ``auto``, a name in ``FORMATS``, ``columns``, or the columns.
    given : mapping or None
        What is known of the columns: fields of `TraceColumns`, which go before the format's.

    Raises
    ------
    TraceError
        With file, line and value, for whatever keeps the file from being a trace.
    ValueError
        For columns that contradict each other.
    """
    found = find(path, layout, given or {})
    if found is None:
        run = trace_of_run(path)
        if run is not None:
            return run
        remedy = "name the columns that hold the time, the prompt tokens and the output tokens"
        missing = [key for key in NEEDED if (given or {}).get(key) is None]
        if len(missing) < len(NEEDED):
            remedy = f"name the column of {' and of '.join(missing)}, too"
        raise TraceError(f"{path}: is of no known trace format ({remedy})", names_of(path))
    parts, found = _parts(path, found)
    if not any(len(part.times) for part in parts):
        raise TraceError(f"{path}: no rows (a trace has one row per request)")
    return _trace(path, found, _joined(parts, found))


class _Part(NamedTuple):
    """Rows of a log: times as the file has them, and names likewise."""

    times: Times
    untimed: BoolArray
    prompt: Tokens
    output: Tokens
    cached: Tokens
    session: Any = None
    parent: Any = None
    prefixes: Prefixes | None = None
    delay: FloatArray | None = None


def _parts(path: str, found: Found) -> tuple[list[_Part], Found]:
    """The rows, batch by batch; and whether their times are dates, which the first may tell."""
    parts, rows, is_number = [], 0, found.columns.unit is not None
    for batch in found.table.batches(path, found.columns):
        if not is_number and found.columns.unit is None:
            dates = is_dates(batch[0])
            is_number = dates is False
            if dates:
                found = replace(found, columns=replace(found.columns, unit="datetime"))
        parts.append(_part(path, found, batch, rows))
        rows += len(batch[0])
    return parts, found


def _part(path: str, found: Found, batch: Batch, rows: int) -> _Part:
    """Convert a batch, of which ``rows`` rows come before."""
    columns = found.columns
    by_name = dict(zip(columns.names, batch, strict=True))
    name = columns.timestamp
    try:
        times, untimed = times_of(by_name[name], columns.unit or "number")
        tokens = {}
        for name in columns.tokens:
            tokens[name] = tokens_of(by_name[name])
        delay = session = parent = prefixes = None
        if columns.delay is not None:
            name = columns.delay
            delay = delays_of(by_name[name])
        if columns.session is not None:
            name = columns.session
            session = _session(by_name[name])
        if columns.parent is not None:
            name = columns.parent
            parent = _session(by_name[name])
        if columns.blocks is not None:
            name = columns.blocks
            prefixes = _names_of_blocks(by_name[name])
    except BadValueError as error:
        place = found.table.place(path, rows + error.row)
        shown = repr(error.value)[:LONGEST]
        raise TraceError(f"{place}: {name} ({shown}) {error.rule}") from None
    prompt, output = tokens[columns.prompt_tokens], tokens[columns.output_tokens]
    for also in columns.also_prompt:
        prompt = prompt + np.maximum(tokens[also], 0)
    cached = tokens[columns.cached] if columns.cached else np.zeros(0, np.int64)
    return _Part(times, untimed, prompt, output, cached, session, parent, prefixes, delay)


def _session(column: Any) -> Any:
    names = session_names(column)
    if names is None:
        raise BadValueError(0, str(column.type), "must be a text or a number")
    return names


def _names_of_blocks(column: Any) -> Prefixes:
    prefixes = block_names(column)
    if isinstance(prefixes, int):
        raise BadValueError(prefixes, str(column[prefixes].as_py())[:LONGEST], A_LIST)
    return prefixes


@dataclass(frozen=True, slots=True, eq=False)
class _Rows:
    """All rows of a log, in the order of the file."""

    times: Times
    untimed: BoolArray
    prompt: Tokens
    output: Tokens
    cached: Tokens
    session: Tokens | None
    prefixes: Prefixes | None
    delay: FloatArray | None


def _joined(parts: list[_Part], found: Found) -> _Rows:
    session = delay = prefixes = None
    if found.columns.parent is not None:
        session = conversations([p.session for p in parts], [p.parent for p in parts])
    elif found.columns.session is not None:
        session = sessions([part.session for part in parts])
    if found.columns.delay is not None:
        delay = np.concatenate([p.delay for p in parts if p.delay is not None])
    if found.columns.blocks is not None:
        prefixes = ragged.joined([p.prefixes for p in parts if p.prefixes is not None])
    return _Rows(
        np.concatenate([part.times for part in parts]),
        np.concatenate([part.untimed for part in parts]),
        np.concatenate([part.prompt for part in parts]),
        np.concatenate([part.output for part in parts]),
        np.concatenate([part.cached for part in parts]),
        session,
        prefixes,
        None if delay is None or np.isnan(delay).all() else delay,
    )


def _trace(path: str, found: Found, rows: _Rows) -> Trace:
    """Leave out what is no request, sort by time, count from the first."""
    columns, n = found.columns, len(rows.times)
    waits = np.zeros(n, np.bool_) if rows.delay is None else ~np.isnan(rows.delay)
    lost = rows.untimed & ~waits
    full = (rows.prompt > 0) & (rows.output > 0)
    kept = np.flatnonzero(full & ~lost)
    _refuse_untimed(path, found, lost)
    if not len(kept):
        message = f"none of {n} rows has both prompt and output tokens"
        raise TraceError(f"{path}: {message} (at least one request is needed)")
    prefixes, size, about_blocks = _prefixes(path, found, rows, full)
    mooncake = rows.prefixes is not None and fits(
        rows.prefixes.count[kept], rows.prompt[kept], BLOCK_TOKENS
    )
    clock = _clock(path, columns, rows.times[kept[~rows.untimed[kept]]], mooncake)
    times, delay_s = rows.times, None
    if rows.delay is None:
        order = kept[np.argsort(times[kept], kind="stable")]
    else:
        lead, odd = leads(rows.session, rows.delay, rows.untimed)
        if odd is not None and np.isnan(rows.delay[odd]):
            rule = f"must be there, or a {columns.delay} in its place"
            raise TraceError(f"{found.table.place(path, odd)}: {columns.timestamp} (None) {rule}")
        if odd is not None:
            rule = f"has neither a {columns.timestamp} nor a row of its session before it"
            place = found.table.place(path, odd)
            raise TraceError(f"{place}: {columns.delay} ({rows.delay[odd]:g}) {rule}")
        times = times[lead]
        order = kept[np.lexsort((kept, lead[kept], times[kept]))]
        unit_s = 1.0 if clock.unit == "datetime" else clock.per_s
        delay_s = after(lead[order], rows.delay[order] / unit_s)
    times, cached = times[order], rows.cached[order] if len(rows.cached) else rows.cached
    told = None if rows.delay is None else _of_turns(path, found, rows, kept, prefixes, size)
    whole, prefixes = (rows.prompt, prefixes) if told is None else told[:2]
    prompt = whole[order]
    share = float(np.clip(cached, 0, prompt).sum() / prompt.sum()) if cached.any() else np.nan
    reasons = ((UNTIMED, int((lost & full).sum())), (EMPTY, int((~full).sum())))
    trace = Trace(
        arrival_s=(times - times[0]) / clock.per_s,
        prompt_tokens=prompt.astype(np.int32),
        output_tokens=rows.output[order].astype(np.int32),
        file=path,
        dropped=n - len(kept),
        session=None if rows.session is None else rows.session[order],
        prefixes=None if prefixes is None else ragged.reordered(prefixes, order),
        block_tokens=size,
        began=clock.moment(times[0]),
        delay_s=delay_s,
    )
    skipped = tuple((reason, count) for reason, count in reasons if count)
    about_turns = () if told is None else told[2]
    remarks = (*_of_clock(clock, times, trace), *about_blocks, *about_turns, *_of_columns(found))
    origin = Origin(found.format, found.table.name, n, skipped, remarks, share)
    return replace(trace, origin=origin)


def _of_turns(
    path: str,
    found: Found,
    rows: _Rows,
    kept: Tokens,
    prefixes: Prefixes | None,
    size: int,
) -> tuple[Tokens, Prefixes | None, tuple[str, ...]]:
    """Whole prompts of all rows, names of their blocks, and what was taken for what."""
    assert rows.session is not None
    columns = found.columns
    named = None if prefixes is None else ragged.reordered(prefixes, kept)
    there = Lengths(rows.session[kept], rows.prompt[kept], rows.output[kept], named, size)
    is_seen = columns.turns is None and found.format in OF_TURNS
    turns = judged(there) if is_seen else columns.turns
    prompt = rows.prompt.copy()
    if turns == "new":
        prompt[kept], named = whole(there)
        if prompt.max() > MAX_TOKENS:
            message = f"the turns of a session add up to {prompt.max():,} tokens"
            raise TraceError(f"{path}: {message} (at most {MAX_TOKENS:,}; turns: whole?)")
        if prefixes is not None and named is not None:
            prefixes = _spread(named, kept, len(prompt))
    if not is_seen:
        return prompt, prefixes, ()
    read, other = ("new tokens", "whole") if turns == "new" else ("whole prompts", "new")
    text = f"{columns.prompt_tokens} of later turns is read as their {read} (else turns: {other})"
    return prompt, prefixes, (text,)


def _spread(table: Prefixes, rows: Tokens, n: int) -> Prefixes:
    """The table of n requests, of which those of ``rows`` have the entries of another's."""
    count = np.zeros(n, np.int32)
    count[rows] = table.count  # rows ascend, so that entries keep their order
    return Prefixes(count, table.name)


def _clock(path: str, columns: TraceColumns, times: Times, bursts: bool) -> Clock:
    try:
        return clock_of(times, columns.unit, columns.default_unit, columns.strict, bursts)
    except UnitError as error:
        raise TraceError(f"{path}: {columns.timestamp}: {error}") from None


def _refuse_untimed(path: str, found: Found, lost: BoolArray) -> None:
    """Raise TraceError if it is no accident that rows have no times."""
    count, name = int(lost.sum()), found.columns.timestamp
    if count and found.columns.delay is None and "delay" in found.names:
        remedy = "name it with columns: {session: …}"
        raise TraceError(
            f"{path}: {count:,} rows have a delay in place of a {name}, but no session ({remedy})"
        )
    if count > MOST_UNTIMED * len(lost):
        raise TraceError(f"{path}: {count:,} of {len(lost):,} rows have no {name}")


def _prefixes(
    path: str, found: Found, rows: _Rows, full: BoolArray
) -> tuple[Prefixes | None, int, tuple[str, ...]]:
    """Names of blocks, numbered; tokens of one; and what to say of that."""
    name, size = found.columns.blocks, found.columns.block_tokens
    if rows.prefixes is None or not len(rows.prefixes.name):
        return None, 0, ()
    count, remarks = rows.prefixes.count, []
    if size == 0:
        told = block_tokens(count[full], rows.prompt[full])
        if told is None:
            rule = "does not tell how many tokens a block has"
            raise TraceError(f"{path}: {name} {rule} (give block_tokens, such as block_tokens: 16)")
        size = told
        if size != BLOCK_TOKENS:
            remarks.append(f"blocks of {name} are read as {size} tokens each, by their numbers")
    most = -(-rows.prompt // size)  # the last block may be a part of one
    odd = (count > most) & full
    if odd.any():
        row = int(odd.argmax())
        rule = f"must be at most {most[row]}, one for each {size} tokens of the prompt"
        value = f"('{count[row]} names') {rule} ({rows.prompt[row]})"
        raise TraceError(f"{found.table.place(path, row)}: {name} {value}")
    return numbered([rows.prefixes]), size, tuple(remarks)


def _of_clock(clock: Clock, times: Times, trace: Trace) -> tuple[str, ...]:
    """How times were read, where nobody said how, and what is odd about them."""
    odd = senseless(len(times), trace.span_s)
    if clock.unit == "datetime" and trace.span_s < 1e7:
        odd = None  # a test of a second is one
    lines = () if clock.told or clock.unit == "datetime" else (said(clock, times),)
    return lines if odd is None else (*lines, odd)


def _of_columns(found: Found) -> tuple[str, ...]:
    """Which columns were taken, where their names alone tell."""
    if found.format != "usage":
        return ()
    if found.columns.output_tokens == LAST:
        return ("the last two numbers of each line are taken as prompt and output tokens",)
    return (f"columns taken by their names: {', '.join(found.columns.needed)}",)
