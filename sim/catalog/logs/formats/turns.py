"""Conversations of AIPerf: a session a line, whose ``turns`` have times or delays, and lengths."""

from collections.abc import Iterator

from sim.catalog.logs.columns import TraceColumns
from sim.catalog.logs.format import Format, Head, Row

KEYS = ("timestamp", "delay", "input_length", "output_length", "hash_ids")


def recognises(head: Head) -> bool:
    """By turns with lengths."""
    turns = [turn for found in head.sample for turn in _turns(found)]
    return bool(turns) and all("input_length" in turn for turn in turns)


def rows(found: Row) -> Iterator[Row]:
    """The turns of a session, with its name."""
    for turn in _turns(found):
        yield {"session_id": found.get("session_id"), **{key: turn.get(key) for key in KEYS}}


def columns(_: Head) -> TraceColumns:
    """Those of Mooncake's turns, in milliseconds."""
    return TraceColumns(
        "timestamp",
        "input_length",
        "output_length",
        session="session_id",
        blocks="hash_ids",
        delay="delay",
        default_unit="ms",
        strict=True,
    )


def _turns(found: Row) -> list[Row]:
    turns = found.get("turns")
    return [each for each in turns if isinstance(each, dict)] if isinstance(turns, list) else []


TURNS = Format(
    "aiperf",
    "AIPerf sessions with turns, JSON lines",
    recognises,
    columns,
    rows,
    source="ai-dynamo/aiperf",
)
