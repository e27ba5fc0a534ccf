"""Latency histograms with logarithmic buckets: 1/64 of an octave, linear within it.

The bucket of a number is read off its binary representation: exponent and the first six bits of the
mantissa. A bucket is 1.1 to 1.6 % wide, so that its middle is within 0.8 % of any number in it,
from 2^-20 s (1 µs) to 2^24 s (half a year); what lies outside is counted in the outermost buckets.
"""

import numpy as np
import numpy.typing as npt

from sim.engine.jit import compiled

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
    index = (np.float64(seconds).view(np.int64) >> _SHIFT) - _OFFSET
    return min(max(index, 0), BUCKETS - 1)


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


def quantiles(counts: npt.NDArray[np.integer], probabilities: FloatArray) -> FloatArray:
    """Quantiles of what was counted, linear within a bucket.

    Parameters
    ----------
    counts : (BUCKETS,) integers
    probabilities : (m,) float64

    Returns
    -------
    (m,) float64
        Seconds; NaN if nothing was counted.
    """
    cumulative = np.cumsum(counts, dtype=np.int64)
    total = cumulative[-1]
    if total == 0:
        return np.full(len(probabilities), np.nan)
    rank = probabilities * total
    index = np.minimum(np.searchsorted(cumulative, rank, side="left"), BUCKETS - 1)
    inside = counts[index]
    below = cumulative[index] - inside
    share = np.clip((rank - below) / np.maximum(inside, 1), 0.0, 1.0)
    low, high = _EDGES_S[index], _EDGES_S[index + 1]
    result: FloatArray = low + share * (high - low)
    return result
