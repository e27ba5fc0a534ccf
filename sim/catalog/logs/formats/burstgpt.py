"""BurstGPT: seconds since a first day, and 0 response tokens for a failed request."""

from sim.catalog.logs.columns import TraceColumns
from sim.catalog.logs.format import Format, Head


def recognises(head: Head) -> bool:
    """By its three columns."""
    return head.has("Timestamp", "Request tokens", "Response tokens")


def columns(head: Head) -> TraceColumns:
    """Newer files have sessions."""
    session = head.first(("Session ID",))
    return TraceColumns("Timestamp", "Request tokens", "Response tokens", session=session)


BURSTGPT = Format(
    "burstgpt", "BurstGPT, CSV in seconds", recognises, columns, source="HPMLL/BurstGPT"
)
