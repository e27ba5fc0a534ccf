"""Spans of OpenTelemetry, as collectors and SDKs write them: JSON lines of OTLP, or a span a line.

Attributes by the conventions for generative AI (``gen_ai.usage.input_tokens``), of today and
before, and those of OpenInference and OpenLLMetry; a list of keys and values, or a mapping. Spans
without tokens are no requests; those of agents and workflows sum up what is within them.
"""

from collections.abc import Iterable, Iterator
from typing import Any

from sim.catalog.logs.columns import TraceColumns
from sim.catalog.logs.container import Columnar
from sim.catalog.logs.format import Format, Head, Row
from sim.catalog.logs.formats import otel_columns
from sim.catalog.logs.formats.names_of_spans import (
    CACHED,
    OPERATION,
    OUTPUT,
    PROMPT,
    SESSION,
    SUMS,
)

TIMES = ("startTimeUnixNano", "start_time_unix_nano", "start_time", "startTime", "timestamp")
GROUPS = ("resourceSpans", "scopeSpans", "instrumentationLibrarySpans", "spans")


def recognises(head: Head) -> bool:
    """By a group of spans, or an attribute of tokens."""
    return any(_is_group(each) or _has_tokens(each) for each in head.sample)


def rows(found: Row) -> Iterator[Row]:
    """The spans within an object, or the one that it is."""
    if _is_group(found):
        for key in GROUPS:
            for each in found.get(key) or ():
                if isinstance(each, dict):
                    yield from rows(each)
        return
    attributes = _attributes(found)
    sums = attributes.get(OPERATION) in SUMS
    yield {
        "start": _first(found, TIMES),
        "input": None if sums else _first(attributes, PROMPT),
        "output": None if sums else _first(attributes, OUTPUT),
        "cached": _first(attributes, CACHED),
        "session": _first(attributes, SESSION),
    }


def columns(_: Head) -> TraceColumns:
    """As `rows` calls them."""
    return TraceColumns("start", "input", "output", session="session", cached="cached")


def _is_group(found: Row) -> bool:
    return any(isinstance(found.get(key), list) for key in GROUPS)


def _has_tokens(found: Row) -> bool:
    attributes = _attributes(found)
    return any(name in attributes for name in (*PROMPT, *OUTPUT))


def _attributes(span: Row) -> Row:
    """Attributes of a span by name, also where they are a list of keys and values."""
    given = span.get("attributes", span.get("SpanAttributes"))
    if isinstance(given, dict):
        return given
    if not isinstance(given, list):
        return {}
    return {
        str(each.get("key")): _value(each.get("value")) for each in given if isinstance(each, dict)
    }


def _value(given: Any) -> Any:
    """``{"intValue": "900"}`` as what it says."""
    return next(iter(given.values()), None) if isinstance(given, dict) else given


def _first(found: Row, names: Iterable[str]) -> Any:
    for name in names:
        value = found.get(name)
        if value is not None:
            return value
    return None


OTEL = Format(
    "otel",
    "OpenTelemetry spans of generative AI, JSON lines",
    recognises,
    columns,
    rows,
    source="OpenTelemetry file exporter and GenAI semantic conventions; OpenInference; OpenLLMetry",
    columnar=Columnar(otel_columns.schemas, otel_columns.columns),
)
