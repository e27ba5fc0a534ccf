"""Model invocation logs of Amazon Bedrock, JSON lines (in gzip) as they lie in S3.

``input.inputTokenCount``, ``output.outputTokenCount`` and, of the former, what was read from the
cache: ``input.cacheReadInputTokenCount``.
"""

from sim.catalog.logs.columns import TraceColumns
from sim.catalog.logs.format import Format, Head


def recognises(head: Head) -> bool:
    """By its two numbers of tokens."""
    return head.has("timestamp", "input.inputTokenCount", "output.outputTokenCount")


def columns(head: Head) -> TraceColumns:
    """Cached tokens where a file has them."""
    return TraceColumns(
        "timestamp",
        "input.inputTokenCount",
        "output.outputTokenCount",
        cached=head.first(("input.cacheReadInputTokenCount",)),
    )


BEDROCK = Format(
    "bedrock",
    "Amazon Bedrock model invocation logs",
    recognises,
    columns,
    source="AWS model invocation logging, schema ModelInvocationLog 1.0",
)
