"""A trace's traffic, fitted, and held against the trace."""

import math
import re
from collections.abc import Iterator
from datetime import datetime
from pathlib import PurePath

import numpy as np
import numpy.typing as npt
import pandas as pd

from sim.errors import TraceError
from sim.model.arrivals import YEAR_S
from sim.model.trace import Trace
from sim.studies.traffic.answer import LengthLaw, Rate, Traffic
from sim.studies.traffic.lengths import length_law, rank_correlation
from sim.studies.traffic.rate import (
    dispersion_index,
    expected_counts,
    model_index,
    rate_of,
    window_s,
    windows,
)
from sim.studies.traffic.sharing import first_calls, follow_up, hit_share

FloatArray = npt.NDArray[np.float64]

LEAST = 50  # requests
LONGEST_S, FASTEST_PER_S = 10 * YEAR_S, 1e6  # beyond which times are in another unit
MOSTLY = 0.8  # of the windows, for the swings of the model to be those of the trace
PICTURED = 300  # windows at most
MOST_WINDOWS = 100_000  # of the narrowest kind
LEVELS = (1, 5, 10, 25, 50, 75, 90, 95, 99, 99.9)
THINKS = "times between the requests of a session hold the time of the answer before"


def traffic(trace: Trace) -> Traffic:
    """The traffic of a trace, in the terms of a workload.

    Raises
    ------
    TraceError
        For a trace that is too small to say anything, or whose times cannot be.
    """
    if trace.delay_s is not None:
        message = "requests with a delay after an answer have no times, and so no rate"
        raise TraceError(f"{trace.file}: {message} (replay it instead)")
    fast = trace.span_s > 0 and trace.mean_rate > FASTEST_PER_S
    if trace.span_s > LONGEST_S or fast:
        years = f"it spans {trace.span_s / YEAR_S:,.0f} years"
        message = f"it has {trace.mean_rate:,.0f} requests a second" if fast else years
        raise TraceError(f"{trace.file}: {message} (are its times in another unit?)")
    first = first_calls(trace)
    following = follow_up(trace, first)
    begins = first if following else np.ones(len(first), np.bool_)
    n = int(begins.sum())
    if n < LEAST or not trace.span_s > 0:
        what = "sessions" if following else "requests"
        message = f"{n} {what} within {trace.span_s:g} s do not make a distribution"
        raise TraceError(f"{trace.file}: {message} (at least {LEAST}; replay it instead)")
    arrival_s = trace.arrival_s[begins]
    rate, remarks = rate_of(arrival_s, trace.period_s, trace.began)
    prompt, output = trace.prompt_tokens[begins], trace.output_tokens[begins]
    laws = length_law(prompt), length_law(output)
    seen = _windows(arrival_s, trace.period_s, rate, trace.began)
    return Traffic(
        name=workload_name(trace.file),
        file=trace.file,
        requests=len(first),
        span_s=trace.span_s,
        rate=rate,
        prompt=laws[0],
        output=laws[1],
        correlation=rank_correlation(prompt, output),
        follow_up=following,
        hit_rate=hit_share(trace),
        remarks=(*remarks, *_further(trace, following is not None, seen)),
        windows=seen,
        quantiles=pd.concat(
            [_quantiles("prompt", prompt, laws[0]), _quantiles("output", output, laws[1])],
            ignore_index=True,
        ),
        dispersions=_dispersions(arrival_s, trace.period_s, rate, trace.began),
    )


def _further(trace: Trace, sessions: bool, seen: pd.DataFrame) -> Iterator[str]:
    """What else to know of a fit."""
    if sessions:
        yield THINKS
    if trace.dropped:
        yield f"{trace.dropped} requests without prompt or output are left out"
    inside = float(seen["per_s"].between(seen["low"], seen["high"]).mean())
    if inside < MOSTLY:
        yield (
            f"{inside:.0%} of the windows lie where the model expects 90 %: where that matters,"
            " replay the trace (arrivals: {trace: …})"
        )


def workload_name(file: str) -> str:
    """A name for the workload from that of its file.

    >>> workload_name("a/AzureLLM Trace_conv.csv.gz")
    'azurellm-trace-conv'
    """
    stem = PurePath(file).name.split(".")[0].casefold()
    plain = re.sub(r"[^a-z0-9]+", "-", stem).lstrip("-0123456789")[:40].strip("-")
    return plain or "workload"


def _windows(
    arrival_s: FloatArray, span_s: float, rate: Rate, began: datetime | None
) -> pd.DataFrame:
    """Counts over time, with the interval in which nine of ten should lie."""
    width = max(window_s(span_s, rate.clock_s), span_s / PICTURED)
    edges = windows(span_s, width)
    counts, mean = np.histogram(arrival_s, edges)[0], expected_counts(rate, began, edges)
    spread = np.sqrt([model_index(rate, m, width) * m for m in mean.tolist()])
    sigma = np.sqrt(np.log1p((spread / np.maximum(mean, 1e-9)) ** 2))
    ends = [mean * np.exp(sign * 1.6449 * sigma - sigma**2 / 2) for sign in (-1, 1)]
    return pd.DataFrame(
        {
            "time_s": edges[:-1],
            "per_s": counts / width,
            "expected": mean / width,
            "low": ends[0] / width,
            "high": ends[1] / width,
        }
    )


def _quantiles(what: str, tokens: npt.NDArray[np.integer], law: LengthLaw) -> pd.DataFrame:
    levels = np.array(LEVELS) / 100
    return pd.DataFrame(
        {
            "what": what,
            "percentile": LEVELS,
            "data": np.quantile(tokens, levels),
            "model": law.ppf(levels),
        }
    )


def _dispersions(
    arrival_s: FloatArray, span_s: float, rate: Rate, began: datetime | None
) -> pd.DataFrame:
    """Index of dispersion of counts, by the width of the window."""
    shortest = max(1.0, 4 * rate.clock_s, span_s / MOST_WINDOWS)
    widths = np.geomspace(shortest, max(span_s / 20, 2 * shortest), 12)
    rows = []
    for width in widths.tolist():
        edges = windows(span_s, width)
        if len(edges) < 10:
            continue
        mean = expected_counts(rate, began, edges)
        data = dispersion_index(arrival_s, mean, edges)
        # Windows count by their own expectation, as the data's do.
        model = float(np.mean([model_index(rate, m, width) for m in _some(mean).tolist()]))
        rows.append((width, data, model))
    return pd.DataFrame(rows, columns=["window_s", "data", "model"])


def _some(values: FloatArray) -> FloatArray:
    """At most a thousand of some values, evenly spaced."""
    return values[:: max(math.ceil(len(values) / 1000), 1)]
