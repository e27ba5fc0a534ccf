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
from sim.engine.state.state import State

_SUB_BITS = 6
_SHIFT = 52 - _SUB_BITS
_LOWEST_EXPONENT = -20
_HIGHEST_EXPONENT = 24
OCTAVES = _HIGHEST_EXPONENT - _LOWEST_EXPONENT
BUCKETS = OCTAVES << _SUB_BITS
OCTAVE = 1 << _SUB_BITS  # buckets
_OFFSET = (1023 + _LOWEST_EXPONENT) << _SUB_BITS

_EVERY = (1 << OCTAVES) - 1

FloatArray = npt.NDArray[np.float64]


@compiled
def bucket(seconds: float) -> int:
    """Bucket of a non-negative number of seconds."""
    code: Any = np.float64(seconds).view(np.int64)
    return min(max((code >> _SHIFT) - _OFFSET, 0), BUCKETS - 1)


@inner
def count(s: State, w: int, latency: int, seconds: float) -> None:
    """Count a latency of a workload, and note in which octave."""
    at = bucket(seconds)
    s.histograms[w, latency, at] += 1
    s.octaves[w, latency] |= 1 << (at >> _SUB_BITS)


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
    return quantile_of(counts, _EVERY, 0, 1, 0, probability)


@inner
def quantile_of(
    counts: npt.NDArray[np.integer], octaves: int, first: int, end: int, k: int, probability: float
) -> float:
    """Quantile of latency ``k`` of workloads ``first`` to ``end`` together; NaN of nothing."""
    total = total_of(counts, octaves, first, end, k)
    rank = probability * total
    below = 0
    for octave in range(OCTAVES):
        if octaves >> octave & 1 == 0:
            continue
        for index in range(octave * OCTAVE, (octave + 1) * OCTAVE):
            inside = 0
            for w in range(first, end):
                inside += counts[w, k, index]
            if inside > 0 and below + inside >= rank:
                share = (rank - below) / inside
                return _EDGES_S[index] + share * (_EDGES_S[index + 1] - _EDGES_S[index])
            below += inside
    return math.nan if total == 0 else _EDGES_S[BUCKETS]


@inner
def total_of(counts: npt.NDArray[np.integer], octaves: int, first: int, end: int, k: int) -> int:
    """Counts of latency ``k`` of workloads ``first`` to ``end`` together."""
    total = 0
    for octave in range(OCTAVES):
        if octaves >> octave & 1 == 1:
            for w in range(first, end):
                for index in range(octave * OCTAVE, (octave + 1) * OCTAVE):
                    total += counts[w, k, index]
    return total
