"""Requests of a trace that wait for others: turns of a session, each after the answer before.

A file may say so, by a delay after the end of the session's request before, as AIPerf's files of
several turns do. Or a replay may take it so: what passed between the times of two requests of a
session is then the time from the end of one to the next, and a slower fleet is asked later.
"""

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from sim.model import ragged
from sim.model.trace import Trace

FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]
Rows = npt.NDArray[np.int64]


def leads(session: Rows | None, delay: FloatArray, untimed: BoolArray) -> tuple[Rows, int | None]:
    """The row at whose time each row's line of requests begins, its own if it waits for none.

    Parameters
    ----------
    session : (n,) int64 or None
        Of rows as they stand in the file; -1 for none.
    delay : (n,) float64
        NaN for a row that comes at its own time.
    untimed : (n,) bool
        Whether a row has no time.

    Returns
    -------
    lead : (n,) int64
    odd : int or None
        The first row that has neither a time nor another before it.
    """
    n = len(delay)
    number = np.full(n, -1) if session is None else session
    order = np.argsort(number, kind="stable")
    first = np.concatenate([[True], np.diff(number[order]) != 0]) | (number[order] < 0)
    begins = first | np.isnan(delay[order])
    lead = np.empty(n, np.int64)
    lead[order] = order[np.maximum.accumulate(np.where(begins, np.arange(n), 0))]
    odd = np.flatnonzero(untimed & (lead == np.arange(n)))
    return lead, int(odd[0]) if len(odd) else None


def after(lead: Rows, delay_s: FloatArray) -> FloatArray:
    """Delays of rows in the order of a replay; NaN for the first of each line: (n,) float64."""
    return np.where(np.concatenate([[True], np.diff(lead) != 0]), np.nan, delay_s)


def with_closed_sessions(trace: Trace) -> Trace:
    """The trace with each request of a session after the answer to the one before."""
    if trace.session is None:
        return trace
    n = len(trace.arrival_s)
    order = np.lexsort((np.arange(n), trace.session))
    session, arrival_s = trace.session[order], trace.arrival_s[order]
    gap_s = np.diff(arrival_s, prepend=0.0)
    if trace.delay_s is not None:
        own = trace.delay_s[order]
        gap_s = np.where(np.isnan(own), gap_s, own)
    begins = np.concatenate([[True], np.diff(session) != 0]) | (session < 0)
    lead = np.empty(n, np.int64)
    lead[order] = order[np.maximum.accumulate(np.where(begins, np.arange(n), 0))]
    delay_s = np.empty(n)
    delay_s[order] = gap_s
    at_s = trace.arrival_s[lead]
    rows = np.lexsort((np.arange(n), lead, at_s))
    return replace(
        trace,
        arrival_s=at_s[rows],
        prompt_tokens=trace.prompt_tokens[rows],
        output_tokens=trace.output_tokens[rows],
        session=trace.session[rows],
        prefixes=None if trace.prefixes is None else ragged.reordered(trace.prefixes, rows),
        delay_s=after(lead[rows], delay_s[rows]),
    )
