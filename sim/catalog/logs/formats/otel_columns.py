"""Spans of OpenTelemetry a column at a time, where they are written as protobuf's JSON has them.

What is written otherwise, with attributes as a mapping, say, or groups under old names, is none of
these columns: then spans are read one by one, by :mod:`sim.catalog.logs.formats.otel`.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from sim.catalog.logs.container import Row
from sim.catalog.logs.formats.names_of_spans import (
    CACHED,
    OPERATION,
    OUTPUT,
    PROMPT,
    SESSION,
    SUMS,
)

START = "startTimeUnixNano"
OF_TOKENS = {"input": PROMPT, "output": OUTPUT, "cached": CACHED}


def schemas(first: Row) -> Iterator[pa.Schema]:
    """Types that spans may have, in groups or each on a line, as the first object is."""
    for whole in (pa.string(), pa.int64()):
        value = pa.struct([("intValue", whole), ("stringValue", pa.string())])
        attributes = pa.list_(pa.struct([("key", pa.string()), ("value", value)]))
        for start in (pa.string(), pa.int64()):
            span = [(START, start), ("attributes", attributes)]
            scopes = pa.list_(pa.struct([("spans", pa.list_(pa.struct(span)))]))
            groups = pa.list_(pa.struct([("scopeSpans", scopes)]))
            yield pa.schema([("resourceSpans", groups)] if "resourceSpans" in first else span)


def columns(table: Any) -> dict[str, Any] | None:
    """The columns of all spans by name; None if some are written in another way."""
    spans = _spans(table)
    if spans is None or spans[0].null_count or not len(spans[0]):
        return None
    start, attributes = spans
    n = len(start)
    span = np.asarray(pc.list_parent_indices(attributes).to_numpy(zero_copy_only=False))
    flat = pc.list_flatten(attributes)
    if not len(flat):
        return None
    key, value = (pc.struct_field(flat, name) for name in ("key", "value"))
    if value.null_count or key.null_count:
        return None
    whole, text = (pc.struct_field(value, name) for name in ("intValue", "stringValue"))
    tokens = pc.coalesce(whole.cast(pa.string()), text)  # some write numbers as texts
    sums = _rows(pc.and_(pc.equal(key, OPERATION), pc.is_in(text, pa.array(sorted(SUMS)))))
    found = {"start": start, "session": _named(n, span, key, text, SESSION)}
    for name, names in OF_TOKENS.items():
        found[name] = _named(n, span, key, tokens, names)
        if name != "cached" and len(sums):
            is_sum = np.zeros(n, np.bool_)
            is_sum[span[sums]] = True
            found[name] = pc.if_else(pa.array(is_sum), None, found[name])
    return found


def _spans(table: Any) -> tuple[Any, Any] | None:
    """Starts and attributes of all spans."""
    if START in table.column_names:
        return tuple(table.column(name).combine_chunks() for name in (START, "attributes"))
    inner = table.column("resourceSpans").combine_chunks()
    for name in ("scopeSpans", "spans"):
        if inner.null_count:
            return None
        inner = pc.struct_field(pc.list_flatten(inner), name)
    if inner.null_count:
        return None
    spans = pc.list_flatten(inner)
    return pc.struct_field(spans, START), pc.struct_field(spans, "attributes")


def _named(n: int, span: Any, key: Any, value: Any, names: Sequence[str]) -> Any:
    """Of each span the value under the first of some names that it has."""
    place = np.full(n, -1)
    for name in reversed(names):
        rows = _rows(pc.and_(pc.equal(key, name), pc.is_valid(value)))
        place[span[rows]] = rows
    return value.take(pa.array(place, mask=place < 0))


def _rows(flags: Any) -> Any:
    return np.flatnonzero(pc.fill_null(flags, False).to_numpy(zero_copy_only=False))
