"""Spend logs of LiteLLM's proxy: ``GET /spend/logs``, or its table as CSV.

A row a request: ``startTime``, ``prompt_tokens``, ``completion_tokens``, ``session_id`` in newer
versions, and what came from the provider's cache within ``metadata``. Failed calls have 0 tokens.
"""

from sim.catalog.logs.columns import TraceColumns
from sim.catalog.logs.format import Format, Head

CACHED = (
    "metadata.usage_object.prompt_tokens_details.cached_tokens",
    "metadata.additional_usage_values.prompt_tokens_details.cached_tokens",
    "metadata.additional_usage_values.cache_read_input_tokens",
)


def recognises(head: Head) -> bool:
    """By its three columns."""
    return head.has("startTime", "prompt_tokens", "completion_tokens")


def columns(head: Head) -> TraceColumns:
    """Sessions and cached tokens where a file has them."""
    return TraceColumns(
        "startTime",
        "prompt_tokens",
        "completion_tokens",
        session=head.first(("session_id",)),
        cached=head.first(CACHED),
    )


LITELLM = Format(
    "litellm",
    "LiteLLM spend logs, JSON array or CSV",
    recognises,
    columns,
    source="BerriAI/litellm LiteLLM_SpendLogs",
)
