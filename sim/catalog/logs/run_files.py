"""Requests of a benchmark's run as a trace: vLLM, GuideLLM, inference-perf, AIPerf and others.

A run whose tool logs when each request was sent may be replayed; of others the summaries alone are
of use, for ``sim calibrate``.
"""

import numpy as np

from sim.catalog.benchmarks import read_benchmarks
from sim.errors import MeasurementError, TraceError
from sim.model.measured import MeasuredRun
from sim.model.trace import Origin, Trace


def trace_of_run(path: str) -> Trace | None:
    """The requests of the only run of a benchmark's file; None if it is none.

    Raises
    ------
    TraceError
        For a benchmark's file that does not say when requests were sent, or holds several runs.
    """
    try:
        runs = read_benchmarks([path])
    except MeasurementError:
        return None
    timed = [run for run in runs if run.requests is not None and run.requests.has_times]
    if not timed:
        tool = runs[0].source.tool if runs else "a benchmark"
        message = f"is of {tool} and does not say when each request was sent"
        raise TraceError(f"{path}: {message} (sim calibrate reads it)")
    if len(timed) > 1:
        message = f"holds {len(timed)} runs, and a trace is one (write one to a file of its own)"
        raise TraceError(f"{path}: {message}")
    return _trace(path, timed[0])


def _trace(path: str, run: MeasuredRun) -> Trace:
    log = run.requests
    assert log is not None
    full = (log.input_tokens > 0) & (log.output_tokens > 0)
    rows = np.flatnonzero(full)
    if not len(rows):
        message = f"none of {len(log)} requests has both prompt and output tokens"
        raise TraceError(f"{path}: {message} (at least one request is needed)")
    order = rows[np.argsort(log.sent_s[rows], kind="stable")]
    sent_s, prompt = log.sent_s[order], log.input_tokens[order]
    cached = log.cached_tokens[order]
    known = np.isfinite(cached).any()
    share = float(np.nansum(cached) / prompt.sum()) if known else np.nan
    lost = len(log) - len(rows)
    skipped = (("without prompt or output tokens", lost),) if lost else ()
    return Trace(
        arrival_s=sent_s - sent_s[0],
        prompt_tokens=prompt.astype(np.int32),
        output_tokens=log.output_tokens[order].astype(np.int32),
        file=path,
        dropped=lost,
        origin=Origin(run.source.tool, "benchmark", len(log), skipped, (), share),
    )
