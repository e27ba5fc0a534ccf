"""Which designs are on the Pareto front, and which of the others surely are not.

Of each design there is what it costs, how fast it is, and in how many worlds it meets the SLO. One
that is beaten by another in one of these and ahead of it in none is dominated; the others are the
front. Cost and latency are those of the median world. All designs saw the same worlds, so how far
two lie apart is told by the median of their differences, world by world, with its interval by order
statistics; all pairs together hold with 95 %. A latency of a world that falls behind is a lower
bound, which counts as larger than any other; a design that falls behind in the median world has no
latency, and is on no front.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sim.montecarlo.estimates import quantile, quantile_interval
from sim.studies.compare.paired import SAME, order

FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]
IntArray = npt.NDArray[np.int64]

FRONT, SAME_AS, DOMINATED = "front", "the same", "dominated"
UNTOLD, BEHIND = "cannot tell", "falls behind"


@dataclass(frozen=True, slots=True)
class Series:
    """A figure of a design in every world, of which less is better.

    Attributes
    ----------
    values : (worlds,) float64
    bounds : (worlds,) bool
        Where it is a lower bound.
    """

    values: FloatArray
    bounds: BoolArray

    @property
    def median(self) -> float:
        """A bound counting as larger than any value; NaN where there is none."""
        known = ~np.isnan(self.values)
        raised = np.where(self.bounds, np.inf, self.values)[known]
        return quantile(np.sort(raised), 0.5)


@dataclass(frozen=True, slots=True)
class Gap:
    """A figure of one design less that of another, world by world.

    Attributes
    ----------
    median, low, high : float
        With its interval, of which an end is NaN where there are too few worlds for it.
    """

    median: float
    low: float
    high: float

    @property
    def sign(self) -> int:
        """Of the difference, where its interval tells it; else 0."""
        return -1 if self.high < 0.0 else 1 if self.low > 0.0 else 0

    @property
    def none(self) -> bool:
        """Whether the figure is the same, as far as the interval goes."""
        return self.low == self.high == 0.0


def gap(one: Series, other: Series, confidence: float) -> Gap:
    """How far two designs lie apart.

    >>> yes = np.zeros(9, np.bool_)
    >>> gap(Series(np.arange(9.0), yes), Series(np.arange(9.0) + 2.0, yes), 0.95)
    Gap(median=-2.0, low=-2.0, high=-2.0)
    """
    known = np.isfinite(one.values) & np.isfinite(other.values) & ~(one.bounds & other.bounds)
    same = order(one.values, other.values) == 0.0
    raised = np.where(same, 0.0, one.values - other.values)
    raised = np.where(one.bounds, np.inf, np.where(other.bounds, -np.inf, raised))[known]
    if len(raised) and not raised.any():
        return Gap(0.0, 0.0, 0.0)  # the same in every world
    low, high = quantile_interval(raised, 0.5, confidence) if len(raised) else (math.nan,) * 2
    return Gap(quantile(np.sort(raised), 0.5), low, high)


@dataclass(frozen=True, slots=True)
class Place:
    """Where a design is.

    Attributes
    ----------
    status : str
        ``front``; ``the same`` as one of it in every world; ``dominated``, surely; ``cannot tell``,
        dominated by these worlds, which leave open whether it is; ``falls behind``.
    by : int
        The design of the front that it is the same as, or that dominates it, the surest of several;
        -1 of those of the front, and of those that fall behind.
    """

    status: str
    by: int = -1


def places(
    cost: Sequence[Series],
    latency: Sequence[Series],
    kept: Sequence[int],
    confidence: float,
    equal_within: float = 0.0,
) -> list[Place]:
    """Where each design is.

    Parameters
    ----------
    cost, latency : sequence of Series
        Of each design.
    kept : sequence of int
        Worlds in which each meets the SLO; all the same where there is none.
    confidence : float
        Of the interval of a pair.
    equal_within : float
        Share of a figure below which a difference is of no use.
    """
    spots = [(c.median, s.median, -float(k)) for c, s, k in zip(cost, latency, kept, strict=True)]
    seen = [all(map(math.isfinite, spot)) for spot in spots]
    front = [
        at
        for at, spot in enumerate(spots)
        if seen[at] and not any(seen[o] and dominates(other, spot) for o, other in enumerate(spots))
    ]
    found = []
    for at, spot in enumerate(spots):
        if at in front:
            alike = (
                other
                for other in front
                if other < at
                and kept[other] == kept[at]
                and gap(cost[at], cost[other], confidence).none
                and gap(latency[at], latency[other], confidence).none
            )
            twin = next(alike, -1)
            found.append(Place(FRONT) if twin < 0 else Place(SAME_AS, twin))
            continue
        if not seen[at]:
            found.append(Place(BEHIND))
            continue
        above = [each for each in front if dominates(spots[each], spot)]
        sure = [
            each
            for each in above
            if _surely(
                gap(cost[each], cost[at], confidence),
                gap(latency[each], latency[at], confidence),
                (equal_within * abs(spot[0]), equal_within * abs(spot[1])),
            )
        ]
        found.append(Place(DOMINATED, sure[0]) if sure else Place(UNTOLD, above[0]))
    return found


def dominates(one: Sequence[float], other: Sequence[float]) -> bool:
    """Whether a design is ahead of another in one figure, and behind it in none.

    >>> dominates((1.0, 2.0), (1.0, 3.0)), dominates((1.0, 2.0), (1.0, 2.0))
    (True, False)
    """
    ahead = [_below(a, b) for a, b in zip(one, other, strict=True)]
    behind = [_below(b, a) for a, b in zip(one, other, strict=True)]
    return any(ahead) and not any(behind)


def _below(one: float, other: float) -> bool:
    """By more than rounding."""
    return other - one > SAME * max(abs(one), abs(other))


def _surely(cost: Gap, latency: Gap, reach: tuple[float, float]) -> bool:
    """Whether the worlds tell that a design is not behind in either, and ahead in one."""
    ahead = cost.high < 0.0 or latency.high < 0.0
    return ahead and cost.high <= reach[0] and latency.high <= reach[1]
