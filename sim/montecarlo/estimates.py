"""Estimates over worlds, with their intervals.

A figure of a replication (its p95 latency, its cost) is one number; the answer is its distribution
over worlds. Percentiles carry the exact order-statistic interval: the number of worlds below the
true p-quantile is binomial(n, p), whatever the distribution, so two order statistics enclose it
with at least the asked probability (the interval of ``scipy.stats.quantile_test``). Where there
are too few worlds for one of the two, that end is NaN: a two-sided 95 % interval of a p95 needs 72
worlds, one of a median needs 6. The mean carries an interval that knows of skewness
(:mod:`sim.montecarlo.means`), a probability that of Clopper and Pearson.

Those intervals are for independent worlds, and worlds are more even than that. Where the uncertain
inputs explain a figure (:mod:`sim.montecarlo.controls`), its mean is that of the regression, with
the interval of the residuals; and the share of worlds below a quantile is known as well as
from so many more independent worlds, which is the number that its interval is taken for (Woodruff
1952, with the effective sample size of Korn and Graubard 1998).

A latency measured in an overloaded world is a lower bound: its backlog would have grown further.
Raise those values without limit, and a percentile stays where it is exactly if they all lie above
the order statistics it rests on; otherwise the percentile itself is a lower bound.
"""

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from sim.model.special import bdtr, betaincinv, ndtri, stdtrit
from sim.montecarlo.controls import Controls, rank_of
from sim.montecarlo.lower_bounds import TOLERANCE
from sim.montecarlo.means import FEWEST, mean_interval
from sim.montecarlo.shares import CONFIDENCE, NAN, Interval, Share

FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]

TOO_FEW = 1.001  # times what may lie beyond an end, so that rounding decides nothing
FEWEST_BESIDE = 5  # worlds on each side of a quantile, for a regression of who lies there


@dataclass(frozen=True, slots=True)
class Estimate:
    """A figure over worlds.

    Attributes
    ----------
    mean, sd : float
        Over the worlds in which the figure is defined; NaN where there are too few. Where the
        inputs explain the figure, the mean is that at their true means.
    p5, p50, p95 : float
        Percentiles, linear between order statistics.
    p50_ci, p95_ci, mean_ci : (float, float)
        Intervals of 95 % confidence; an end is NaN where there are too few worlds for it.
    n : int
        Worlds in which the figure is defined.
    at_least : tuple of str
        Names of the attributes above that are lower bounds only; for an interval, its upper end.
    """

    mean: float
    sd: float
    p5: float
    p50: float
    p95: float
    p50_ci: Interval
    p95_ci: Interval
    mean_ci: Interval
    n: int
    at_least: tuple[str, ...] = ()

    @property
    def middle(self) -> tuple[float, Interval]:
        """The mean and its interval; the median and its own where these worlds tell none of it."""
        if all(map(math.isnan, self.mean_ci)) and self.p50_ci[0] < self.p50_ci[1]:
            return self.p50, self.p50_ci
        return self.mean, self.mean_ci


def estimate(
    values: npt.ArrayLike,
    lower_bound: npt.ArrayLike | None = None,
    controls: Controls | None = None,
    yes_or_no: bool = False,
    fewest: int = FEWEST,
) -> Estimate:
    """Estimate of a figure from its values in the worlds of a run.

    Parameters
    ----------
    values : (worlds,) float
        NaN where the figure is undefined; such worlds are left out, and ``n`` says so.
    lower_bound : (worlds,) bool, optional
        Worlds whose value is a lower bound.
    controls : Controls, optional
        The inputs of these worlds; of no use where the figure is undefined in some of them. Where
        one has a rare branch that no world has drawn there is no interval of the mean.
    yes_or_no : bool
        Whether the figure is 1 in worlds that have a property and 0 in the others: its mean is a
        probability, with Clopper and Pearson's interval.
    fewest : int
        Worlds for an interval of the mean of what inputs do not explain.

    Examples
    --------
    >>> e = estimate([3.0, 1.0, 2.0, float("nan"), 5.0, 4.0, 6.0])
    >>> e.n, e.p50, e.p50_ci, e.p95_ci
    (6, 3.5, (1.0, 6.0), (4.0, nan))
    """
    x = np.asarray(values, dtype=np.float64)
    bounded = np.zeros(len(x), np.bool_) if lower_bound is None else np.asarray(lower_bound)
    defined = ~np.isnan(x)
    told = not (controls and controls.undrawn)
    controls = controls if defined.all() else None
    # Among equals the lower bounds come last: they would move up, the others stay.
    order = np.lexsort((bounded[defined], x[defined]))
    ordered, bounded = x[defined][order], bounded[defined][order]
    if yes_or_no:
        share = Share(int(x[defined].sum()), int(defined.sum()))
        mean, mean_ci = share.value, share.interval
    else:
        mean, mean_ci = mean_interval(x[defined], controls=controls, fewest=fewest, told=told)
    ends = {p: _ends(x[defined], p, CONFIDENCE, controls) for p in (0.50, 0.95)}
    return Estimate(
        mean=mean,
        sd=float(np.std(ordered, ddof=1)) if math.isfinite(mean) and len(ordered) > 1 else NAN,
        p5=quantile(ordered, 0.05),
        p50=quantile(ordered, 0.50),
        p95=quantile(ordered, 0.95),
        p50_ci=_between(ordered, ends[0.50]),
        p95_ci=_between(ordered, ends[0.95]),
        mean_ci=mean_ci,
        n=len(ordered),
        at_least=_lower_bounds(ordered, bounded, ends[0.50][1], ends[0.95][1]),
    )


def quantile(ordered: FloatArray, p: float) -> float:
    """The p-quantile of increasing values, linear between order statistics; NaN of none."""
    return _at(ordered, p * (len(ordered) - 1)) if len(ordered) else NAN


def quantile_interval(
    values: FloatArray,
    p: float,
    confidence: float = CONFIDENCE,
    controls: Controls | None = None,
) -> Interval:
    """Interval of the p-quantile, by order statistics; an end is NaN where there are too few.

    Parameters
    ----------
    values : (n,) float64
        Not NaN, in the order of worlds.
    p, confidence : float
    controls : Controls, optional
        Of the same worlds.
    """
    return _between(np.sort(values), _ends(values, p, confidence, controls))


Ends = tuple[float | None, float | None]  # positions among order statistics, from 0


def _ends(values: FloatArray, p: float, confidence: float, controls: Controls | None) -> Ends:
    """Where among the order statistics the interval of a quantile ends; between two, too."""
    n = len(values)
    tail = (1.0 - confidence) / 2.0
    fit = controls.share_below(values, p) if controls and _beside(n, p) else None
    if fit and fit.error > 0.0:
        # As of independent worlds; fewer degrees of freedom than theirs count as fewer worlds.
        wider = _wider(fit.freedom, tail)
        worlds = p * (1.0 - p) / (fit.error * wider) ** 2
        if worlds > n:
            shift = rank_of(p, n) / n - fit.mean
            below, above = p * worlds + 0.5, (1.0 - p) * worlds + 0.5
            low, high = (float(betaincinv(below, above, share)) for share in (tail, 1.0 - tail))
            middle = p * (n - 1)
            first = min((low + shift) * n - 0.5, middle)
            last = max((high + shift) * n - 0.5, middle)
            return first if first >= 0.0 else None, last if last <= n - 1 else None
    return order_interval(n, p, confidence)


@lru_cache(maxsize=64)
def _wider(freedom: int, tail: float) -> float:
    """An interval by Student's distribution over that by the normal one."""
    return float(stdtrit(freedom, 1.0 - tail) / ndtri(1.0 - tail))


def _beside(n: int, p: float) -> bool:
    """Whether enough of n worlds lie on each side of their p-quantile."""
    return min(p, 1.0 - p) * n >= FEWEST_BESIDE


def _between(ordered: FloatArray, ends: Ends) -> Interval:
    low, high = (NAN if end is None else _at(ordered, end) for end in ends)
    return low, high


def _at(ordered: FloatArray, place: float) -> float:
    """An order statistic, or linear between two; infinite values must not meet."""
    below = int(place)
    above = min(below + 1, len(ordered) - 1)
    low, high, weight = float(ordered[below]), float(ordered[above]), place - below
    return low if weight == 0.0 or low == high else low + weight * (high - low)


@lru_cache(maxsize=1024)
def order_interval(
    n: int, p: float, confidence: float = CONFIDENCE
) -> tuple[int | None, int | None]:
    """Positions from 0 of the order statistics that enclose the p-quantile of n values.

    With N ~ binomial(n, p) values below the quantile, they are the largest l with P(N <= l) below
    (1 - confidence) / 2, and the smallest h with P(N > h) at most that. None where there is none.
    """
    tail = (1.0 - confidence) / 2.0
    if min(p, 1.0 - p) ** n > TOO_FEW * tail:  # all may lie below it, and all above
        return None, None
    at_most = bdtr(np.arange(n + 1), n, p)  # P(N <= k)
    low = int(np.searchsorted(at_most, tail, side="left")) - 1
    high = int(np.searchsorted(at_most, 1.0 - tail, side="left"))
    return (low if low >= 0 else None, high if high < n else None)


def _lower_bounds(
    ordered: FloatArray,
    bounded: BoolArray,
    end_of_p50: float | None,
    end_of_p95: float | None,
) -> tuple[str, ...]:
    """Which attributes of an estimate are lower bounds.

    These are the means, and what would be larger by more than ``TOLERANCE`` if the values that are
    lower bounds were without limit.

    Parameters
    ----------
    ordered : (n,) float
        Increasing values.
    bounded : (n,) bool
        Whether each of them is a lower bound.
    end_of_p50, end_of_p95 : float or None
        Upper ends of their intervals, as positions.
    """
    if not bounded.any():
        return ()
    n = len(ordered)
    rests_on = {name: p * (n - 1) for name, p in (("p5", 0.05), ("p50", 0.5), ("p95", 0.95))}
    ends = {"p50_ci": end_of_p50, "p95_ci": end_of_p95}
    rests_on |= {name: end for name, end in ends.items() if end is not None}
    risen = np.sort(np.where(bounded, np.inf, ordered))
    moves = risen > ordered + TOLERANCE * np.abs(ordered)
    affected = tuple(
        name
        for name, place in rests_on.items()
        if moves[math.floor(place)] or moves[min(math.ceil(place), n - 1)]
    )
    return ("mean", *affected, "mean_ci")
