"""Estimates over worlds, with their intervals.

A figure of a replication (its p95 latency, its cost) is one number; the answer is its distribution
over worlds. Percentiles carry the exact order-statistic interval: the number of worlds below the
true p-quantile is binomial(n, p), whatever the distribution, so two order statistics enclose it
with at least the asked probability (the interval of ``scipy.stats.quantile_test``). Where there
are too few worlds for one of the two, that end is NaN: a two-sided 95 % interval of a p95 needs 72
worlds, one of a median needs 6. The mean carries Student's interval.

The intervals hold for independent worlds. Sobol points are spread more evenly than independent
ones, so the intervals are on the wide side where the uncertain inputs rule.

A latency measured in an overloaded world is a lower bound: its backlog would have grown further.
Raise those values without limit, and a percentile stays where it is exactly if they all lie above
the order statistics it rests on; otherwise the percentile itself is a lower bound.
"""

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt
from scipy.special import bdtr, betaincinv, stdtrit

FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]
Interval = tuple[float, float]

CONFIDENCE = 0.95
NAN = float("nan")


@dataclass(frozen=True, slots=True)
class Estimate:
    """A figure over worlds.

    Attributes
    ----------
    mean, sd : float
        Over the worlds in which the figure is defined; NaN where there are too few.
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


def estimate(values: npt.ArrayLike, lower_bound: npt.ArrayLike | None = None) -> Estimate:
    """Estimate of a figure from its values in the worlds of a run.

    Parameters
    ----------
    values : (worlds,) float
        NaN where the figure is undefined; such worlds are left out, and ``n`` says so.
    lower_bound : (worlds,) bool, optional
        Worlds whose value is a lower bound.

    Examples
    --------
    >>> e = estimate([3.0, 1.0, 2.0, float("nan"), 5.0, 4.0, 6.0])
    >>> e.n, e.p50, e.p50_ci, e.p95_ci
    (6, 3.5, (1.0, 6.0), (4.0, nan))
    """
    x = np.asarray(values, dtype=np.float64)
    bounded = np.zeros(len(x), np.bool_) if lower_bound is None else np.asarray(lower_bound)
    defined = ~np.isnan(x)
    # Among equals the lower bounds come last: they would move up, the others stay.
    order = np.lexsort((bounded[defined], x[defined]))
    ordered, bounded = x[defined][order], bounded[defined][order]
    mean, sd, mean_ci = _moments(ordered)
    return Estimate(
        mean=mean,
        sd=sd,
        p5=quantile(ordered, 0.05),
        p50=quantile(ordered, 0.50),
        p95=quantile(ordered, 0.95),
        p50_ci=quantile_interval(ordered, 0.50),
        p95_ci=quantile_interval(ordered, 0.95),
        mean_ci=mean_ci,
        n=len(ordered),
        at_least=_lower_bounds(bounded),
    )


def quantile(ordered: FloatArray, p: float) -> float:
    """The p-quantile of increasing values, linear between order statistics; NaN of none."""
    if len(ordered) == 0:
        return NAN
    below, above, weight = _position(len(ordered), p)
    low, high = float(ordered[below]), float(ordered[above])
    # Infinite values must not meet: inf - inf is no number.
    return low if weight == 0.0 or low == high else low + weight * (high - low)


def quantile_interval(ordered: FloatArray, p: float, confidence: float = CONFIDENCE) -> Interval:
    """Order-statistic interval of the p-quantile of increasing values."""
    low, high = order_interval(len(ordered), p, confidence)
    return (
        NAN if low is None else float(ordered[low]),
        NAN if high is None else float(ordered[high]),
    )


@lru_cache(maxsize=1024)
def order_interval(n: int, p: float, confidence: float = CONFIDENCE) -> tuple[int | None, ...]:
    """Positions from 0 of the order statistics that enclose the p-quantile of n values.

    With N ~ binomial(n, p) values below the quantile, they are the largest l with P(N <= l) below
    (1 - confidence) / 2, and the smallest h with P(N > h) at most that. None where there is none.
    """
    tail = (1.0 - confidence) / 2.0
    at_most = bdtr(np.arange(n + 1), n, p)  # P(N <= k)
    low = int(np.searchsorted(at_most, tail, side="left")) - 1
    high = int(np.searchsorted(at_most, 1.0 - tail, side="left"))
    return (low if low >= 0 else None, high if high < n else None)


@lru_cache(maxsize=65_536)
def share_at_least(count: int, n: int, error: float) -> float:
    """Lower limit of a share of which ``count`` of ``n`` were seen (Clopper and Pearson, 1934).

    The share is below it with a chance of at most ``error``.

    >>> round(share_at_least(59, 59, 0.05), 4)
    0.9505
    """
    return 0.0 if count == 0 else float(betaincinv(count, n - count + 1, error))


@lru_cache(maxsize=65_536)
def share_at_most(count: int, n: int, error: float) -> float:
    """Upper limit of a share: it is above with a chance of at most ``error``."""
    return 1.0 if count == n else float(betaincinv(count + 1, n - count, 1.0 - error))


def share_interval(count: int, n: int, confidence: float = CONFIDENCE) -> Interval:
    """Clopper and Pearson's interval of a share; NaN of none."""
    if n == 0:
        return NAN, NAN
    tail = (1.0 - confidence) / 2.0
    return share_at_least(count, n, tail), share_at_most(count, n, tail)


def _position(n: int, p: float) -> tuple[int, int, float]:
    """Order statistics on both sides of the p-quantile and the weight of the second."""
    place = p * (n - 1)
    below = int(place)
    return below, min(below + 1, n - 1), place - below


def _moments(ordered: FloatArray) -> tuple[float, float, Interval]:
    """Mean, standard deviation, and Student's interval of the mean."""
    n = len(ordered)
    if n == 0:
        return NAN, NAN, (NAN, NAN)
    mean = float(np.mean(ordered))
    if n == 1 or not np.isfinite(mean):
        return mean, NAN, (NAN, NAN)
    sd = float(np.std(ordered, ddof=1))
    half = float(stdtrit(n - 1, (1.0 + CONFIDENCE) / 2.0)) * sd / n**0.5
    return mean, sd, (mean - half, mean + half)


def _lower_bounds(bounded: BoolArray) -> tuple[str, ...]:
    """Which attributes of an estimate are lower bounds.

    Parameters
    ----------
    bounded : (n,) bool
        Whether each order statistic is a lower bound.
    """
    if not bounded.any():
        return ()
    n, first = len(bounded), int(np.argmax(bounded))
    rests_on = {name: _highest(n, p) for name, p in (("p5", 0.05), ("p50", 0.5), ("p95", 0.95))}
    for name, p in (("p50_ci", 0.5), ("p95_ci", 0.95)):
        high = order_interval(n, p)[1]
        rests_on[name] = -1 if high is None else high
    affected = tuple(name for name, position in rests_on.items() if position >= first)
    return ("mean", *affected, "mean_ci")


def _highest(n: int, p: float) -> int:
    below, above, weight = _position(n, p)
    return above if weight > 0.0 else below
