"""Observations that Langfuse exports, as CSV, JSON array, JSON lines or an answer of its API.

A row an observation, of which generations have tokens: ``usageDetails`` (``usage_details`` in
exports to blob storage), or ``usage`` or ``promptTokens`` of older versions. In details the input
leaves out what was read from a cache, which stands beside it.
"""

from collections.abc import Iterator

from sim.catalog.logs.columns import TraceColumns
from sim.catalog.logs.format import Format, Head

TIMES = ("startTime", "start_time")
PAIRS = (
    ("usageDetails.input", "usageDetails.output"),
    ("usage_details.input", "usage_details.output"),
    ("usage.input", "usage.output"),
    ("inputUsage", "outputUsage"),
    ("promptTokens", "completionTokens"),
)
CACHED = ("input_cached_tokens", "cache_read_input_tokens", "input_cache_read")
TRACES = ("traceId", "trace_id")
SESSIONS = ("sessionId", "session_id")


def recognises(head: Head) -> bool:
    """By the trace that an observation belongs to, and its tokens."""
    return bool(head.first(TRACES) and head.first(TIMES) and next(_pairs(head), None))


def columns(head: Head) -> TraceColumns:
    """The newest of its pairs of tokens that a file has."""
    prompt, output = next(_pairs(head), PAIRS[0])
    details, _, _ = prompt.rpartition(".")
    cached = head.first(f"{details}.{name}" for name in CACHED) if "etails" in details else None
    return TraceColumns(
        head.first(TIMES) or TIMES[0],
        prompt,
        output,
        session=head.first(SESSIONS),
        cached=cached,
        also_prompt=() if cached is None else (cached,),
    )


def _pairs(head: Head) -> Iterator[tuple[str, str]]:
    return (pair for pair in PAIRS if head.has(*pair))


LANGFUSE = Format(
    "langfuse",
    "Langfuse observations, CSV or JSON",
    recognises,
    columns,
    source="langfuse.com blob storage export fields, observations API",
)
