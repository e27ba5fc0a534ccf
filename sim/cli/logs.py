"""Logs that a command line names: what is wrong with one is told with the columns that it has."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sim.errors import TraceError, one_line

if TYPE_CHECKING:
    from sim.model.trace import Trace

MOST = 24  # columns that a message lists
BY_OPTION = "--column timestamp=NAME and so on"
BY_TRACE = "sim trace FILE --scenario YAML --column timestamp=NAME and so on"


def log_at(
    file: str, layout: str = "auto", given: Mapping[str, Any] | None = None, how: str = BY_OPTION
) -> "Trace":
    """The log in a file.

    Parameters
    ----------
    file : str
    layout : str
        ``auto``, or the name of a format.
    given : mapping, optional
        Columns by hand.
    how : str
        They are named.

    Raises
    ------
    TraceError
        Where it cannot be read; with its columns, where some were looked for in vain.
    """
    from sim.catalog.logs import read_trace

    try:
        return read_trace(str(Path(file).absolute()), layout, dict(given or {}))
    except TraceError as error:
        if not error.columns:
            raise
        shown = ", ".join(one_line(name)[:60] for name in error.columns[:MOST])
        more = len(error.columns) - MOST
        rest = f", and {more:,} more" if more > 0 else ""
        raise TraceError(f"{error}; it has: {shown}{rest} (name them: {how})") from None
