"""Logs and tables of requests that people have, as traces: a reader for each tool that writes them.

What a file is, is told by its content, and ``sim catalog formats`` lists what is known. All are
plain or gzip; CSV may be separated by semicolons or tabs. Whatever is guessed is said: see
:class:`sim.model.trace.Origin`.
"""

from sim.catalog.logs.columns import GIVEN, UNITS, TraceColumns
from sim.catalog.logs.formats import FORMATS
from sim.catalog.logs.reading import read_trace

__all__ = ["FORMATS", "GIVEN", "UNITS", "TraceColumns", "read_trace"]
