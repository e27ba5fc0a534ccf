"""Latency histograms with logarithmic buckets: 1/64 of an octave, linear within it.

The bucket of a number is read off its binary representation: exponent and the first six bits of the
mantissa. A bucket is 1.1 to 1.6 % wide, so that its middle is within 0.8 % of any number in it,
from 2^-20 s (1 µs) to 2^24 s (half a year); what lies outside is counted in the outermost buckets.
"""

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from sim.engine.state.jit import compiled

_SUB_BITS = 6
_SHIFT = 52 - _SUB_BITS
_LOWEST_EXPONENT = -20
_HIGHEST_EXPONENT = 24
BUCKETS = (_HIGHEST_EXPONENT - _LOWEST_EXPONENT) << _SUB_BITS
_OFFSET = (1023 + _LOWEST_EXPONENT) << _SUB_BITS

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


@compiled
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
    total = 0
    for index in range(len(counts)):
        total += counts[index]
    if total == 0:
        return math.nan
    rank = probability * total
    below = 0
    for index in range(len(counts)):
        inside = counts[index]
        if inside > 0 and below + inside >= rank:
            share = (rank - below) / inside
            return _EDGES_S[index] + share * (_EDGES_S[index + 1] - _EDGES_S[index])
        below += inside
    return _EDGES_S[-1]
