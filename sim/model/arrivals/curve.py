"""The expected rate of requests over time, piecewise constant."""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime

import numpy as np
import numpy.typing as npt

from sim.model.arrivals.shape import DAY_S, FLAT, DayShape
from sim.model.distributions.protocol import FloatArray
from sim.model.rule import require, require_finite

YEAR_S = 365.25 * DAY_S
GROWTH_CELL_S = 3600.0  # growth is held constant this long at most; x10 a year is 0.026 % an hour


@dataclass(frozen=True, slots=True, eq=False)
class RateCurve:
    """A piecewise-constant rate, and its integral counted from time 0.

    Attributes
    ----------
    edges_s : (m + 1,) float64
        Seconds from the start of the horizon, increasing, negative in the warm-up; one of them is 0
        (an edge is added where it lies within a cell). There are no requests outside.
    rate_per_s : (m,) float64
        Requests per second between two edges, at least 0.
    """

    edges_s: FloatArray
    rate_per_s: FloatArray
    _count: FloatArray = field(init=False, repr=False)  # (m + 1,) integral from 0 to each edge
    _anchor_s: FloatArray = field(init=False, repr=False)  # (m,) each cell's edge next to time 0
    _anchor_count: FloatArray = field(init=False, repr=False)  # (m,) the integral there
    _gap_s: FloatArray = field(init=False, repr=False)  # (m,) 1 / rate; 0 where the rate is 0

    def __post_init__(self) -> None:
        edges = np.asarray(self.edges_s, dtype=np.float64)
        rate = np.asarray(self.rate_per_s, dtype=np.float64)
        _check(edges, rate)
        zero = int(np.searchsorted(edges, 0.0))
        if edges[zero] != 0.0:
            edges, rate = np.insert(edges, zero, 0.0), np.insert(rate, zero, rate[zero - 1])
        # Sums run outward from 0, so that a longer curve does not move a bit of a shorter one.
        mass = rate * np.diff(edges)
        before = -np.cumsum(mass[:zero][::-1])[::-1]
        count = np.concatenate((before, [0.0], np.cumsum(mass[zero:])))
        anchor = np.arange(len(rate)) + (np.arange(len(rate)) < zero)
        with np.errstate(divide="ignore"):
            gap = np.where(rate > 0, 1.0 / rate, 0.0)
        derived = (edges, rate, count, edges[anchor], count[anchor], gap)
        names = ("edges_s", "rate_per_s", "_count", "_anchor_s", "_anchor_count", "_gap_s")
        for name, array in zip(names, derived, strict=True):
            object.__setattr__(self, name, array)

    @classmethod
    def constant(cls, rate_per_s: float, start_s: float, end_s: float) -> "RateCurve":
        """One rate over [start_s, end_s), which holds 0."""
        return cls(np.array([start_s, end_s]), np.array([rate_per_s]))

    @property
    def start_s(self) -> float:
        """Beginning of the curve."""
        return float(self.edges_s[0])

    @property
    def end_s(self) -> float:
        """End of the curve."""
        return float(self.edges_s[-1])

    def cumulative(self, t_s: npt.ArrayLike) -> FloatArray:
        """Expected requests from time 0 to t, negative before 0."""
        return np.asarray(np.interp(np.asarray(t_s, dtype=np.float64), self.edges_s, self._count))

    def inverse(self, count: FloatArray) -> FloatArray:
        """Times at which the cumulative rate reaches the given counts.

        Parameters
        ----------
        count : (n,) float64, non-decreasing

        Returns
        -------
        (n,) float64, non-decreasing
            Infinite (with its sign) for counts that the curve does not reach.
        """
        if len(count) == 0:
            return np.empty(0)
        last = len(self.rate_per_s) - 1
        ends = np.searchsorted(self._count, (count[0], count[-1]), side="right") - 1
        low, high = np.clip(ends, 0, last)
        # Both are in order: where each cell ends is looked for, and the block taken in runs.
        ends = np.searchsorted(count, self._count[low + 1 : high + 1], side="left")
        cells = slice(low, high + 1)
        runs = np.diff(ends, prepend=0, append=len(count))
        t = count - np.repeat(self._anchor_count[cells], runs)
        t *= np.repeat(self._gap_s[cells], runs)
        t += np.repeat(self._anchor_s[cells], runs)
        np.maximum(t, np.repeat(self.edges_s[cells], runs), out=t)
        np.minimum(t, np.repeat(self.edges_s[low + 1 : high + 2], runs), out=t)
        t[np.searchsorted(count, self._count[-1], side="right") :] = math.inf
        t[: np.searchsorted(count, self._count[0], side="left")] = -math.inf
        return t

    def expected(self, start_s: float, end_s: float) -> float:
        """Expected number of requests in [start_s, end_s)."""
        low, high = self.cumulative([start_s, end_s])
        return float(high - low)

    def mean_rate(self) -> float:
        """Requests per second over the horizon: from time 0 to the end of the curve."""
        return float(self._count[-1]) / self.end_s

    def later(self, by_s: float, start_s: float, end_s: float) -> "RateCurve":
        """The curve as it is ``by_s`` later, over [start_s, end_s) of that clock, which holds 0.

        >>> morning = RateCurve(np.array([0.0, 10.0, 20.0]), np.array([1.0, 3.0]))
        >>> morning.later(8.0, -2.0, 4.0).rate_per_s
        array([1., 1., 3.])
        """
        first = int(np.searchsorted(self.edges_s, start_s + by_s, side="right")) - 1
        last = int(np.searchsorted(self.edges_s, end_s + by_s, side="left"))
        edges = self.edges_s[first : last + 1] - by_s
        edges[0], edges[-1] = start_s, end_s
        return RateCurve(edges, self.rate_per_s[first:last])

    def times(self, edges_s: FloatArray, factor: FloatArray) -> "RateCurve":
        """Multiply by a piecewise-constant factor that covers the curve.

        Parameters
        ----------
        edges_s : (k + 1,) float64
        factor : (k,) float64
        """
        inside = edges_s[(edges_s > self.start_s) & (edges_s < self.end_s)]
        edges = np.union1d(self.edges_s, inside)
        middle = (edges[:-1] + edges[1:]) / 2
        rate = self.rate_per_s[np.searchsorted(self.edges_s, middle) - 1]
        return RateCurve(edges, rate * factor[np.searchsorted(edges_s, middle) - 1])


def spliced(curves: Sequence[RateCurve], at_s: FloatArray) -> RateCurve:
    """One curve after the other: the second from the first of these times on, and so forth.

    All cover one window, in which the times lie, increasing.

    >>> slow, fast = (RateCurve.constant(rate, -5.0, 5.0) for rate in (1.0, 3.0))
    >>> spliced([slow, fast], np.array([2.0])).rate_per_s
    array([1., 1., 3.])
    """
    edges = curves[0].edges_s
    for each in curves[1:]:
        edges = np.union1d(edges, each.edges_s)
    edges = np.union1d(edges, at_s)
    middle = (edges[:-1] + edges[1:]) / 2
    whose = np.searchsorted(at_s, middle)
    rate = np.empty(len(middle))
    for index, each in enumerate(curves):
        here = whose == index
        rate[here] = each.rate_per_s[np.searchsorted(each.edges_s, middle[here]) - 1]
    return RateCurve(edges, rate)


@dataclass(frozen=True, slots=True)
class SpecialEvent:
    """A launch, a campaign, an outage elsewhere: the rate times ``factor`` for a while.

    Attributes
    ----------
    start_s, duration_s : float
        Seconds; the start counts from the start of the horizon.
    factor : float
        3 triples the rate; overlapping events multiply.
    """

    start_s: float
    duration_s: float
    factor: float

    def __post_init__(self) -> None:
        require_finite(start=self.start_s, duration=self.duration_s, factor=self.factor)
        require(self.duration_s > 0, "event duration", self.duration_s, "must be above 0 s")
        require(self.factor >= 0, "event factor", self.factor, "must be at least 0")


def rate_curve(
    mean_per_s: float,
    start: datetime,
    start_s: float,
    end_s: float,
    shape: DayShape = FLAT,
    growth_per_year: float = 1.0,
    events: Sequence[SpecialEvent] = (),
) -> RateCurve:
    """Mean x shape x growth x events, as a piecewise-constant curve.

    Parameters
    ----------
    mean_per_s : float
        Requests per second, averaged over the shape's period, at time 0, without events.
    start : datetime
        Time 0 on the shape's clock, naive.
    start_s, end_s : float
        The window: from minus the warm-up to the horizon's duration.
    growth_per_year : float
        Factor per year of 365.25 days, compounding continuously from 1 at time 0. It is evaluated
        at the middle of cells of an hour at most.
    """
    require_finite(rate=mean_per_s, growth=growth_per_year)
    require(mean_per_s >= 0, "rate", mean_per_s, "must be at least 0 requests/s")
    require(growth_per_year > 0, "growth", growth_per_year, "must be above 0 per year")
    parts = 1 if growth_per_year == 1 else math.ceil(shape.cell_s / GROWTH_CELL_S)
    width, phase = shape.cell_s / parts, shape.phase_s(start)
    # Whole cells that cover the window: a cell's rate must not depend on where the window is cut.
    first = math.floor((start_s + phase) / width)
    last = math.ceil((end_s + phase) / width)
    edges = np.arange(first, last + 1) * width - phase
    turns = [t for e in events for t in (e.start_s, e.start_s + e.duration_s)]
    turns = [t for t in (0.0, *turns) if edges[0] < t < edges[-1]]
    edges = np.union1d(edges, turns)
    middle = (edges[:-1] + edges[1:]) / 2
    cell = np.floor((middle + phase) / shape.cell_s).astype(np.int64) % len(shape.values)
    rate = mean_per_s * shape.multipliers()[cell] * growth_per_year ** (middle / YEAR_S)
    for e in events:
        rate[(middle > e.start_s) & (middle < e.start_s + e.duration_s)] *= e.factor
    edges = np.clip(edges, start_s, end_s)
    wide = np.diff(edges) > 0
    return RateCurve(np.append(edges[:-1][wide], end_s), rate[wide])


def _check(edges: FloatArray, rate: FloatArray) -> None:
    """Raise ValueError unless the two make a curve."""
    cells = f"must be one fewer than the edges ({len(edges)})"
    require(len(edges) == len(rate) + 1 > 1, "rates", len(rate), cells)
    finite = bool(np.isfinite(edges).all() and np.isfinite(rate).all())
    require(finite, "rate curve", "not finite", "must be finite numbers")
    require(bool((np.diff(edges) > 0).all()), "edges", "out of order", "must increase")
    require(bool((rate >= 0).all()), "rate", rate.min(), "must be at least 0 requests/s")
    window = f"{edges[0]:g} to {edges[-1]:g} s"
    require(bool(edges[0] <= 0 < edges[-1]), "rate curve", window, "must hold time 0")
