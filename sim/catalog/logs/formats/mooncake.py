"""Mooncake's JSON lines and what has taken over their keys.

``{"timestamp": 0, "input_length": 6758, "output_length": 500, "hash_ids": [0, 1]}``: milliseconds,
and names of the prompt's blocks of 512 tokens where there are any. Later turns of a ``session_id``
may have a ``delay`` after the answer before, in place of a timestamp, as AIPerf's have; whether a
turn's ``input_length`` is that of its new tokens or of its whole prompt is seen from the file
(:mod:`sim.catalog.logs.turns`). Timed traces of vLLM, GuideLLM and others have the same keys with
seconds, or blocks of other sizes: see :mod:`sim.catalog.logs.clock`.
"""

from sim.catalog.logs.columns import TraceColumns
from sim.catalog.logs.format import Format, Head


def recognises(head: Head) -> bool:
    """By its three keys."""
    return head.has("timestamp", "input_length", "output_length")


def columns(head: Head) -> TraceColumns:
    """Sessions, delays and blocks where a file has them."""
    session = head.first(("session_id",))
    return TraceColumns(
        "timestamp",
        "input_length",
        "output_length",
        session=session,
        blocks=head.first(("hash_ids",)),
        delay=head.first(("delay",)) if session else None,
        default_unit="ms",
        strict=True,
    )


MOONCAKE = Format(
    "mooncake",
    "Mooncake and AIPerf traces, JSON lines in milliseconds",
    recognises,
    columns,
    source="kvcache-ai/Mooncake FAST25-release/traces; ai-dynamo/aiperf",
)
