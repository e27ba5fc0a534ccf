"""Azure LLM inference traces of 2023 to 2025: ``2023-11-16 18:15:46.6805900,374,44``."""

from sim.catalog.logs.columns import TraceColumns
from sim.catalog.logs.format import Format, Head

COLUMNS = TraceColumns("TIMESTAMP", "ContextTokens", "GeneratedTokens", "datetime")


def recognises(head: Head) -> bool:
    """By its three columns."""
    return head.has(*COLUMNS.needed)


AZURE = Format(
    "azure",
    "Azure LLM inference traces, CSV",
    recognises,
    lambda _: COLUMNS,
    source="Azure/AzurePublicDataset",
)
