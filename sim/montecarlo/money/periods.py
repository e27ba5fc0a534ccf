"""Hours and months of a horizon, and what the timeline's bins say of them."""

import math
from datetime import datetime, timedelta
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from sim.model.price import HOUR_S

FloatArray = npt.NDArray[np.float64]


def hour_edges_s(duration_s: float) -> FloatArray:
    """Edges of the hours from the start of the horizon to its end; the last may be short.

    Examples
    --------
    >>> hour_edges_s(9000.0).tolist()
    [0.0, 3600.0, 7200.0, 9000.0]
    """
    hours = max(1, math.ceil(duration_s / HOUR_S - 1e-9))
    edges = np.arange(hours + 1, dtype=np.float64) * HOUR_S
    edges[-1] = duration_s
    return edges


def by_hour(values: npt.NDArray[np.generic], bins_s: FloatArray, hours_s: FloatArray) -> FloatArray:
    """Sums over bins as sums over hours; what is in a bin is spread evenly over it.

    Parameters
    ----------
    values : (..., bins)
    bins_s : (bins + 1,) float64
        Edges of the bins.
    hours_s : (hours + 1,) float64
        Edges of the hours, from the first edge of a bin to the last.

    Returns
    -------
    (..., hours) float64

    Examples
    --------
    >>> by_hour(np.array([6, 3]), np.array([0.0, 5400.0, 7200.0]), np.array([0.0, 3600.0, 7200.0]))
    array([4., 5.])
    """
    summed = np.zeros((*values.shape[:-1], values.shape[-1] + 1))
    np.cumsum(values, axis=-1, out=summed[..., 1:])
    at = np.clip(np.searchsorted(bins_s, hours_s, side="right") - 1, 0, len(bins_s) - 2)
    share = (hours_s - bins_s[at]) / (bins_s[at + 1] - bins_s[at])
    # Where an hour ends with a bin, the sum is that of whole bins, to the last bit.
    until = summed[..., at] * (1 - share) + summed[..., at + 1] * share
    spread: FloatArray = np.diff(until, axis=-1)
    return spread


def months(start: datetime, hours_s: FloatArray) -> list[slice]:
    """The hours that begin in each calendar month.

    Examples
    --------
    >>> months(datetime(2026, 11, 30, 22), hour_edges_s(4 * HOUR_S))
    [slice(0, 2, None), slice(2, 4, None)]
    """
    begins = [start + timedelta(seconds=float(second)) for second in hours_s[:-1]]
    number = np.array([begin.year * 12 + begin.month for begin in begins])
    first = [0, *(np.flatnonzero(np.diff(number)) + 1).tolist(), len(number)]
    return [slice(begin, end) for begin, end in pairwise(first)]
