"""Requests that ServeGen generates, written as JSON or CSV: seconds, tokens under ``data``.

``{"request_id": 0, "timestamp": 0.005, "data": {"input_tokens": 512, "output_tokens": 12}}``
"""

from sim.catalog.logs.columns import TraceColumns
from sim.catalog.logs.format import Format, Head


def recognises(head: Head) -> bool:
    """By its tokens under ``data``."""
    return head.has("timestamp", "data.input_tokens", "data.output_tokens")


def columns(_: Head) -> TraceColumns:
    """The same in all files."""
    return TraceColumns("timestamp", "data.input_tokens", "data.output_tokens")


SERVEGEN = Format(
    "servegen",
    "ServeGen's requests, JSON or CSV in seconds",
    recognises,
    columns,
    source="alibaba/ServeGen",
)
