"""Logs and tables of requests that people have, as traces: a reader for each tool that writes them.

What a file is, is told by its content, and ``sim catalog formats`` lists what is known. All are
plain or gzip; CSV may be separated by semicolons or tabs. Whatever is guessed is said: see
:class:`sim.model.trace.Origin`.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from sim.catalog.logs.columns import GIVEN, UNITS, TraceColumns
from sim.catalog.logs.names import NAMES

if TYPE_CHECKING:
    from sim.catalog.logs.formats import FORMATS
    from sim.catalog.logs.reading import read_trace

__all__ = ["FORMATS", "GIVEN", "NAMES", "UNITS", "TraceColumns", "read_trace"]

# What reads a log imports Arrow, which takes a quarter of a second.
_MODULES = {"FORMATS": "formats", "read_trace": "reading"}


def __getattr__(name: str) -> Any:
    try:
        module = _MODULES[name]
    except KeyError:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}") from None
    return getattr(import_module(f"{__name__}.{module}"), name)
