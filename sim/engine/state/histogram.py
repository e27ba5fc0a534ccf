"""Latency histograms with logarithmic buckets: 1/64 of an octave, linear within it.

The bucket of a number is read off its binary representation: exponent and the first six bits of the
mantissa. A bucket is 1.1 to 1.6 % wide, so that its middle is within 0.8 % of any number in it,
from 2^-20 s (1 µs) to 2^24 s (half a year); what lies outside is counted in the outermost buckets.
"""

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from sim.engine.state.jit import compiled, inner

_SUB_BITS = 6
_SHIFT = 52 - _SUB_BITS
_LOWEST_EXPONENT = -20
_HIGHEST_EXPONENT = 24
BUCKETS = (_HIGHEST_EXPONENT - _LOWEST_EXPONENT) << _SUB_BITS
_OFFSET = (1023 + _LOWEST_EXPONENT) << _SUB_BITS

BinArray = npt.NDArray[np.int32]
CountArray = npt.NDArray[np.int64]
FloatArray = npt.NDArray[np.float64]


@compiled
def bucket(seconds: float) -> int:
    """Bucket of a non-negative number of seconds."""
    code: Any = np.float64(seconds).view(np.int64)
    return min(max((code >> _SHIFT) - _OFFSET, 0), BUCKETS - 1)


def edges_s() -> FloatArray:
    """Lower edges of the buckets and the upper edge of the last.

    Returns
    -------
    (BUCKETS + 1,) float64
        Seconds; the first is 0, since the first bucket also takes what is smaller.
    """
    codes = (np.arange(BUCKETS + 1, dtype=np.int64) + _OFFSET) << _SHIFT
    edges = codes.view(np.float64).copy()
    edges[0] = 0.0
    return edges


_EDGES_S = edges_s()


def quantile(counts: npt.NDArray[np.integer], probability: float) -> float:
    """Quantile of what was counted, linear within a bucket.

    Parameters
    ----------
    counts : (BUCKETS,) integers
    probability : float

    Returns
    -------
    float
        Seconds; NaN if nothing was counted.
    """
    return _quantile(counts.reshape(1, 1, BUCKETS), probability)


@compiled
def _quantile(counts: npt.NDArray[np.integer], probability: float) -> float:
    return _quantile_of(counts, 0, 1, 0, 1, probability)


@compiled
def book_bin(histograms: BinArray, hour: CountArray, p95_s: FloatArray) -> None:
    """Add what was counted in a bin to its hour, and take the 95th percentiles of the bin.

    Parameters
    ----------
    histograms : (workloads, latencies, BUCKETS) int32
    hour : (workloads, latencies, BUCKETS) int64
    p95_s : (workloads + 1, latencies) float64
        The last row is of all workloads together; NaN stays where nothing was counted.
    """
    workloads, latencies, buckets = histograms.shape
    for k in range(latencies):
        for w in range(workloads):
            for index in range(buckets):
                hour[w, k, index] += histograms[w, k, index]
            p95_s[w, k] = _p95(histograms, w, w + 1, k, 1)
        p95_s[workloads, k] = p95_s[0, k]
        if workloads > 1:
            p95_s[workloads, k] = _p95(histograms, 0, workloads, k, 1)


@compiled
def close_hour(
    hour: CountArray, least: int, worst_s: FloatArray, horizon: CountArray, last: CountArray
) -> None:
    """Add an hour to the horizon, keep it as the last, and count the next from zero.

    ``worst_s`` rises to its 95th percentiles where it has ``least`` counts or more. Shapes as in
    :func:`book_bin`.
    """
    workloads, latencies, buckets = hour.shape
    for k in range(latencies):
        for w in range(workloads):
            worst_s[w, k] = _larger(worst_s[w, k], _p95(hour, w, w + 1, k, least))
        of_all_s = worst_s[0, k] if workloads == 1 else _p95(hour, 0, workloads, k, least)
        worst_s[workloads, k] = _larger(worst_s[workloads, k], of_all_s)
    for w in range(workloads):
        for k in range(latencies):
            for index in range(buckets):
                horizon[w, k, index] += hour[w, k, index]
                last[w, k, index] = hour[w, k, index]
                hour[w, k, index] = 0


@inner
def _p95(counts: npt.NDArray[np.integer], first: int, end: int, k: int, least: int) -> float:
    return _quantile_of(counts, first, end, k, least, 0.95)


@inner
def _quantile_of(
    counts: npt.NDArray[np.integer], first: int, end: int, k: int, least: int, probability: float
) -> float:
    """Quantile of workloads ``first`` to ``end`` together; NaN of fewer than ``least``."""
    total = 0
    for w in range(first, end):
        for index in range(BUCKETS):
            total += counts[w, k, index]
    if total < least:
        return math.nan
    rank = probability * total
    below = 0
    for index in range(BUCKETS):
        inside = 0
        for w in range(first, end):
            inside += counts[w, k, index]
        if inside > 0 and below + inside >= rank:
            share = (rank - below) / inside
            return _EDGES_S[index] + share * (_EDGES_S[index + 1] - _EDGES_S[index])
        below += inside
    return _EDGES_S[-1]


@inner
def _larger(one: float, other: float) -> float:
    """The larger of two numbers; of one that is NaN the other."""
    return one if math.isnan(other) or one >= other else other
