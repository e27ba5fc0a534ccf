"""Requests that Helicone exports, as CSV, JSON or JSON lines, or an answer of its API."""

from sim.catalog.logs.columns import TraceColumns
from sim.catalog.logs.format import Format, Head

SESSIONS = (
    "request_properties.Helicone-Session-Id",
    "properties.Helicone-Session-Id",
    "Helicone-Session-Id",
)


def recognises(head: Head) -> bool:
    """By its times of requests."""
    return head.has("request_created_at", "prompt_tokens", "completion_tokens")


def columns(head: Head) -> TraceColumns:
    """Sessions and cached tokens where a file has them."""
    return TraceColumns(
        "request_created_at",
        "prompt_tokens",
        "completion_tokens",
        session=head.first(SESSIONS),
        cached=head.first(("prompt_cache_read_tokens",)),
    )


HELICONE = Format(
    "helicone",
    "Helicone requests, CSV or JSON",
    recognises,
    columns,
    source="docs.helicone.ai POST /v1/request/query",
)
