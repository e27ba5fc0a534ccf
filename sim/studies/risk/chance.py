"""The chance of a rare miss, from worlds of levels whose shares of all worlds are known.

Of the worlds of a level so many miss: its chance has the exact interval of Clopper and Pearson
(1934), and so has the sum over levels, each counted by its share, by the square root of the sum of
the squared distances to their ends (Zou and Donner 2008): the ends hold what each of them holds,
and levels that all miss, or none of which does, add what they may hide.

That is so for the levels in which misses were seen, and the next lower one. Levels below, in which
none was, are most of all worlds, and no number of worlds that anybody simulates shows that their
chance is as small as a thousandth of a rare one. For these something has to be assumed: **that
misses get rarer, as the score falls, at least as fast as they do where they are seen**. This holds
where chance within a world shifts the limit by a figure whose density is log-concave (normal,
logistic, exponential and Gumbel ones are), whatever its size: then the chance falls ever faster.
How fast it falls at least is the slope of a logistic curve through all worlds, less 1.645 standard
errors; what the levels below may add at most is added to the upper end. Where luck decides more
than the inputs, that is much, and the interval is wide, as it should be.

The lower end is that of a gamma distribution where that is lower.

References
----------
Clopper and Pearson (1934), The use of confidence or fiducial limits. Fay and Feuer
(1997), Confidence intervals for directly standardized rates. Zou and Donner (2008), Construction of
confidence limits about effect measures: a general approach.
"""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sim.model.special import gammaincinv, ndtri
from sim.montecarlo.shares import Interval, share_at_least, share_at_most, share_interval

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]
BoolArray = npt.NDArray[np.bool_]

TAIL = 0.025
SLOWER = 1.645  # standard errors that are taken off the slope
RIDGE = np.diag([1e-4, 0.02])  # keeps the curve finite where all that is above a score misses
STEEPEST = 30.0
STEPS = 60
ANCHORS = 2  # levels that it is taken to fall from
MOST_CHANCE = 0.9  # of one of these
POINTS = 16  # of a level, to average over it
MOST_WORLDS = 100_000_000


@dataclass(frozen=True, slots=True)
class Slope:
    """A logistic curve of the chance of a miss over the height of a world.

    Attributes
    ----------
    at_0, slope : float
        Log-odds at height 0, and how fast they rise.
    error : float
        Standard error of the slope.
    """

    at_0: float
    slope: float
    error: float

    @property
    def least(self) -> float:
        """How fast the chance falls at least, below where misses are seen."""
        return max(self.slope - SLOWER * self.error, 0.0)

    def chance(self, height: FloatArray) -> FloatArray:
        """Of a miss, at some heights."""
        return np.asarray(_logistic(self.at_0 + self.slope * height))


def slope_of(height: FloatArray, missed: BoolArray) -> Slope:
    """The curve through some worlds, by penalised maximum likelihood (damped Newton steps)."""
    design = np.column_stack([np.ones_like(height), height])
    found: FloatArray = np.zeros(2)
    misfit, gradient, inverse = _misfit(design, missed, found)
    for _ in range(STEPS):
        step = inverse @ gradient
        if np.abs(step).max() < 1e-6:
            break
        for _ in range(STEPS):
            tried = found + step
            after = _misfit(design, missed, tried)
            if after[0] <= misfit:
                break
            step = 0.5 * step
        found, (misfit, gradient, inverse) = tried, after
    return Slope(float(found[0]), float(found[1]), math.sqrt(float(inverse[1, 1])))


def _misfit(
    design: FloatArray, missed: BoolArray, found: FloatArray
) -> tuple[float, FloatArray, FloatArray]:
    """Penalised log-likelihood with its sign turned, the way uphill, the curvature's inverse."""
    odds = design @ found
    chance = _logistic(odds)
    misfit = float(np.sum(np.logaddexp(0.0, odds)) - odds @ missed + 0.5 * found @ RIDGE @ found)
    gradient = design.T @ (missed - chance) - RIDGE @ found
    curvature = (design.T * (chance * (1.0 - chance))) @ design + RIDGE
    return misfit, np.asarray(gradient), np.asarray(np.linalg.inv(curvature))


def _logistic(odds: FloatArray) -> FloatArray:
    return np.asarray(1.0 / (1.0 + np.exp(-np.clip(odds, -STEEPEST, STEEPEST))))


@dataclass(frozen=True, slots=True)
class Chance:
    """The chance of a miss.

    Attributes
    ----------
    value : float
    interval : (float, float)
        Holds it with 95 %.
    below : float
        What of the upper end comes of levels in which no miss is due.
    lowest : int
        The lowest level that is not among these.
    without : float
        Upper end without the assumption on the levels below.
    """

    value: float
    interval: Interval
    below: float
    lowest: int
    without: float


def chance(
    missed: IntArray, worlds: IntArray, share: FloatArray, slope: Slope, population: int
) -> Chance:
    """The chance of a miss among all worlds.

    Parameters
    ----------
    missed, worlds : (levels,) int64
        Worlds of each level, and those of them that miss.
    share : (levels,) float64
        Of all worlds that each level is.
    slope : Slope
        Through all simulated worlds, heights being normal quantiles of ranks.
    population : int
        Worlds that were ranked: they are a sample, too.
    """
    counts = list(zip(missed.tolist(), worlds.tolist(), strict=True))
    low, high = (np.array(ends) for ends in zip(*(share_interval(*c) for c in counts), strict=True))
    rate = missed / worlds
    value = float(share @ rate)
    seen = np.flatnonzero(missed)
    lowest = max(int(seen[0]) - 1 if len(seen) else len(counts) - 2, 0)
    ranked = float(ndtri(1.0 - TAIL)) ** 2 * value / population
    under, over, over_all = (
        math.sqrt(float(np.sum((share * reach)[level:] ** 2)) + ranked)
        for reach, level in ((rate - low, lowest), (high - rate, lowest), (high - rate, 0))
    )
    below = float(share[:lowest] @ _at_most(missed, worlds, share, slope, high, lowest))
    least = min(value - under, _least(missed, worlds, share))
    ends = max(least, 0.0), min(value + over + below, 1.0)
    return Chance(value, ends, below, lowest, min(value + max(over_all, over + below), 1.0))


def _least(missed: IntArray, worlds: IntArray, share: FloatArray) -> float:
    """Lower end by a gamma distribution of the same mean and variance (Fay and Feuer 1997).

    It knows that a single miss in a frequent level may be most of the sum.
    """
    each = share / worlds
    mean = float(each @ missed)
    variance = float((each**2) @ (missed * (1.0 - missed / worlds)))
    if variance <= 0.0:
        return mean
    return variance / mean * float(gammaincinv(mean**2 / variance, TAIL))


def _at_most(
    missed: IntArray,
    worlds: IntArray,
    share: FloatArray,
    slope: Slope,
    high: FloatArray,
    lowest: int,
) -> FloatArray:
    """Upper limits of the chance in each level below, the odds falling from those above."""
    above = 1.0 - np.cumsum(np.append(0.0, share))  # share of worlds above each edge
    middle = (np.arange(POINTS) + 0.5) / POINTS
    found = _pooled(missed, worlds, lowest)
    anchors = [k for k in range(lowest, min(lowest + ANCHORS, len(share))) if high[k] < MOST_CHANCE]
    for level in range(lowest):
        height = ndtri(1.0 - (above[level] - share[level] * middle))
        for anchor in anchors:
            there = ndtri(1.0 - 0.5 * (above[anchor] + above[anchor + 1]))
            odds = high[anchor] / (1.0 - high[anchor]) * np.exp(slope.least * (height - there))
            found[level] = min(found[level], float(np.mean(odds / (1.0 + odds))))
    return found


def _pooled(missed: IntArray, worlds: IntArray, lowest: int) -> FloatArray:
    """The same of worlds alone: no level misses more often than the ones above it."""
    return np.array(
        [
            share_at_most(int(missed[level : lowest + 1].sum()), int(n), TAIL)
            for level, n in enumerate(np.cumsum(worlds[lowest::-1])[::-1][:lowest])
        ]
    )


def plain_worlds(share: float, half_width: float) -> float:
    """Worlds drawn as they come whose interval of a share would be as narrow.

    Infinite where that is more than 100 million.

    >>> plain_worlds(0.001, 0.0005)
    17400.0
    """

    def width(n: int) -> float:
        count = round(share * n)
        return 0.5 * (share_at_most(count, n, TAIL) - share_at_least(count, n, TAIL))

    low, high = 1, 2
    while width(high) > half_width:
        low, high = high, 2 * high
        if high > MOST_WORLDS:
            return math.inf
    while high - low > max(high // 200, 1):
        middle = (low + high) // 2
        low, high = (low, middle) if width(middle) <= half_width else (middle, high)
    size = 10.0 ** max(math.floor(math.log10(high)) - 2, 0)
    return math.ceil(high / size) * size
