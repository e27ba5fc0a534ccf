"""Paired differences over worlds, and what they allow to say.

Two things are told apart: which design is lower on average, and which is lower in most worlds. A
design with a rare disaster is the cheaper one in most worlds and the dearer one on average, and a
few worlds show only the former. So a verdict on the mean rests on an interval that knows of
skewness (:mod:`sim.montecarlo.means`), at a smaller error than the stated one, for skewed figures
take up the rest; and where no world disagrees with the others there is none below 299 worlds, the
number that shows what happens in 1 of 100. Which is lower in most worlds follows from the interval
of the share alone, whatever the shape. How often a mean verdict is wrong is measured in
``benchmarks/interval_shapes.py``. There is neither a verdict on the mean nor an interval of it
where an input has a rare branch that no world has drawn (:mod:`sim.montecarlo.undrawn`), and no
interval below 72 worlds, as of any mean, where nothing is known of what differs between worlds, for
there are no uncertain inputs, or too many for so few: then the median's is told.

A latency of an overloaded world is a lower bound. There the order of two designs is known only if
the bound of the one is above the value of the other, and their difference is not: mean differences
are over worlds in which neither is a bound, orders over all in which they are known.
"""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sim.montecarlo.controls import Controls
from sim.montecarlo.estimates import quantile, quantile_interval
from sim.montecarlo.means import fewest_of_difference, mean_interval
from sim.montecarlo.shares import Interval, Share, share_interval

FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]

FEWEST_WORLDS = 10  # with a difference, for a verdict on the mean
STRICTER = 0.4  # error of the interval behind such a verdict, over the stated one
REVEALING = 299  # worlds that show what happens in 1 of 100 with 95 %
MANY_TIMES = 10  # as many worlds, where a single one makes up the spread
ALIKE_WORLDS = 100_000  # designs that more worlds than this could tell apart are alike
SAME = 1e-9  # relative: a difference that comes of rounding only


@dataclass(frozen=True, slots=True)
class Paired:
    """A figure of one design less that of another, world by world.

    Attributes
    ----------
    n : int
        Worlds with a difference.
    mean : float
    median : float
        A lower bound counts as raised without limit.
    mean_ci, median_ci : (float, float)
        That of :mod:`sim.montecarlo.means`, NaN where the worlds tell none; that of order
        statistics.
    lower, higher, same : int
        Worlds in which the figure is lower, higher, the same.
    unknown : int
        Worlds in which the order is unknown, for one is undefined, or a lower bound below the
        other.
    bounded : bool
        Whether there are lower bounds: then the mean is not known.
    sign : {-1, 0, 1}
        Of the mean difference, where these worlds tell it; 0 where they do not.
    most : {-1, 0, 1}
        Whether the figure is lower in most worlds, or higher; 0 where these do not tell.
    worlds_needed : float
        About as many would tell the sign, or which way most go where there are lower bounds;
        infinite beyond 100,000.
    """

    n: int
    bounded: bool
    mean: float
    median: float
    mean_ci: Interval
    median_ci: Interval
    lower: int
    higher: int
    same: int
    unknown: int
    sign: int
    most: int
    worlds_needed: float

    @property
    def decided(self) -> int:
        """Worlds in which the order is known."""
        return self.lower + self.higher + self.same

    @property
    def differing(self) -> Share:
        """Worlds in which it is lower, of those in which it is known to differ."""
        return Share(self.lower, self.lower + self.higher)

    @property
    def throughout(self) -> int:
        """The sign of the difference where most worlds have it and none has the other; else 0."""
        return 0 if self.lower and self.higher else self.most

    @property
    def by_median(self) -> bool:
        """Whether the median tells more: the mean is not known, or how well it is known."""
        unknown = math.isnan(self.mean_ci[0]) and math.isnan(self.mean_ci[1])
        return self.bounded or (unknown and self.median_ci[0] < self.median_ci[1])

    def within(self, reach: float) -> bool:
        """Whether all of the interval of the difference lies within so much of 0."""
        low, high = self.median_ci if self.by_median else self.mean_ci
        return not self.bounded and self.n >= FEWEST_WORLDS and -reach <= low and high <= reach

    @property
    def alike(self) -> bool:
        """Whether the figure is the same in every world."""
        return 0 < self.same == self.decided and not self.unknown


def order(
    one: FloatArray, other: FloatArray, bounds: tuple[BoolArray, BoolArray] | None = None
) -> FloatArray:
    """In each world -1 where ``one`` is below ``other``, 0 where they are the same, 1 where above.

    NaN where it is unknown; parameters as of :func:`paired`.

    >>> lower_bounds = np.array([False, False, True]), np.array([False, True, False])
    >>> order(np.array([1.0, 2.0, 2.0]), np.array([2.0, 1.0, 1.0]), lower_bounds)
    array([-1., nan,  1.])
    """
    bound, other_bound = bounds if bounds else (np.zeros(len(one), np.bool_),) * 2
    close = np.abs(one - other) <= SAME * np.maximum(np.abs(one), np.abs(other))
    found = np.where(close, 0.0, np.sign(one - other))
    # A lower bound is surely above only what it exceeds already.
    unknown = (bound & other_bound) | (bound & (found <= 0)) | (other_bound & (found >= 0))
    return np.where(unknown | ~np.isfinite(one) | ~np.isfinite(other), np.nan, found)


def paired(
    one: FloatArray,
    other: FloatArray,
    bounds: tuple[BoolArray, BoolArray] | None = None,
    confidence: float = 0.95,
    controls: Controls | None = None,
) -> Paired:
    """The difference ``one`` - ``other``.

    Parameters
    ----------
    one, other : (worlds,) float64
        NaN where undefined.
    bounds : two of (worlds,) bool, optional
        Where each is a lower bound.
    confidence : float
        Of the intervals, and of the verdict.
    controls : Controls, optional
        The inputs of these worlds; of no use where a difference is missing in some of them.
    """
    bound, other_bound = bounds if bounds else (np.zeros(len(one), np.bool_),) * 2
    orders = order(one, other, (bound, other_bound))
    defined = np.isfinite(one) & np.isfinite(other)
    lower, higher, same = (int(np.sum(orders == sign)) for sign in (-1.0, 1.0, 0.0))
    exact = defined & ~bound & ~other_bound
    difference = np.where(orders == 0.0, 0.0, one - other)[exact]
    used = controls if exact.all() else None
    told = not (controls and controls.undrawn)
    fewest = fewest_of_difference(used)
    mean, mean_ci = mean_interval(difference, confidence, used, fewest, told)
    known = defined & ~(bound & other_bound)
    raised = np.where(exact, one - other, np.where(bound, np.inf, -np.inf))[known]
    by_order = bool((defined & ~exact).any())
    most, needed = _of_orders(lower, higher, confidence)
    sign = 0
    if not by_order and told:
        sign, needed = _of_means(difference, confidence, used)
        if not (lower and higher) and sign and len(difference) < REVEALING:
            sign, needed = 0, float(REVEALING)
    elif not by_order and controls:
        needed = float(max(each.worlds for each in controls.undrawn))
    return Paired(
        n=len(difference),
        bounded=by_order,
        mean=mean,
        median=quantile(np.sort(raised), 0.5),
        mean_ci=mean_ci,
        median_ci=quantile_interval(raised, 0.5, confidence, controls if known.all() else None),
        lower=lower,
        higher=higher,
        same=same,
        unknown=int(np.sum(np.isnan(orders))),
        sign=sign,
        most=most,
        worlds_needed=needed,
    )


def _of_means(
    difference: FloatArray, confidence: float, controls: Controls | None
) -> tuple[int, float]:
    """Verdict by the mean difference: an interval of it leaves out 0."""
    stricter = 1.0 - STRICTER * (1.0 - confidence)
    mean, (low, high) = mean_interval(difference, stricter, controls, verdict=True)
    n = len(difference)
    if n >= FEWEST_WORLDS and (low > 0.0 or high < 0.0):
        return (1 if low > 0.0 else -1), float(n)
    if mean == 0.0 or math.isnan(mean):
        return 0, math.inf
    towards_0 = mean - low if mean > 0.0 else high - mean
    if math.isnan(towards_0):
        return 0, _worlds(MANY_TIMES * n, n)
    # The width of an interval falls with the square root of the number of worlds.
    return 0, _worlds(n * (towards_0 / mean) ** 2, n)


def _of_orders(lower: int, higher: int, confidence: float) -> tuple[int, float]:
    """What most worlds show: the interval of the share of worlds leaves out a half."""
    n = lower + higher
    low, high = share_interval(lower, n, confidence)
    if low > 0.5 or high < 0.5:
        return (-1 if low > 0.5 else 1), float(n)
    if lower == higher:
        return 0, math.inf
    gap = abs(lower / n - 0.5)
    return 0, _worlds(n * ((high - low) / 2.0 / gap) ** 2, n)


def _worlds(needed: float, n: int) -> float:
    """Worlds to ask for: some more than there are, in round numbers."""
    needed = max(needed, 1.2 * n, FEWEST_WORLDS)
    if needed > ALIKE_WORLDS:
        return math.inf
    size = 10.0 ** (math.floor(math.log10(needed)) - 1)
    return math.ceil(needed / size) * size
