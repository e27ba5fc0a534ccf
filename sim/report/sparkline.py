"""A row of bars in a line of text: how a figure goes over the time that is simulated."""

import math
import sys
from collections.abc import Sequence
from itertools import pairwise

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]

BARS = "▁▂▃▄▅▆▇█"
PLAIN = "_.-=+*%#"  # where the encoding has no bars
GAP = " "  # where nothing is known


def sparkline(values: Sequence[float] | FloatArray, width: int, levels: str = BARS) -> str:
    """Bars from the least to the greatest of some values, of as many stretches as there is room.

    Parameters
    ----------
    values : (n,) float
        At equal distances; NaN where undefined.
    width : int
        Bars at most.
    levels : str
        A letter for each height.

    Examples
    --------
    >>> sparkline([0, 1, 2, 3, 4, 5, 6, 7], 8), sparkline([1.0, math.nan, 3.0], 8)
    ('▁▂▃▄▅▆▇█', '▁ █')
    >>> sparkline([0, 0, 9, 9], 2, PLAIN), sparkline([5, 5], 8)
    ('_#', '▁▁')
    """
    means = in_stretches(np.asarray(values, np.float64), width)
    known = means[np.isfinite(means)]
    if not len(known):
        return ""
    low, span = known.min(), known.max() - known.min()
    return "".join(_bar(value, low, span, levels) for value in means.tolist())


def _bar(value: float, low: float, span: float, levels: str) -> str:
    if not math.isfinite(value):
        return GAP
    if span <= 0:
        return levels[0]
    return levels[min(int((value - low) / span * len(levels)), len(levels) - 1)]


def in_stretches(values: FloatArray, most: int) -> FloatArray:
    """Means of as many stretches at most, NaN where nothing is defined."""
    if len(values) <= most:
        return values
    edges = np.linspace(0, len(values), most + 1).round().astype(int)
    parts = (values[low:high] for low, high in pairwise(edges))
    return np.array([np.nan if np.isnan(part).all() else np.nanmean(part) for part in parts])


def levels_for(encoding: str | None) -> str:
    """Bars that an encoding has.

    >>> levels_for("utf-8") == BARS, levels_for("ascii") == PLAIN, levels_for(None) == BARS
    (True, True, True)
    """
    try:
        BARS.encode(encoding or "utf-8")
    except (UnicodeEncodeError, LookupError):
        return PLAIN
    return BARS


def levels_of_stdout() -> str:
    """Bars that can be printed."""
    return levels_for(getattr(sys.stdout, "encoding", None))
