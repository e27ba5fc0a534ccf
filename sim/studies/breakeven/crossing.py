"""Where one side becomes the cheaper one for good.

The break-even of a world is the volume from which on a side costs no more than the reference up to
the end of the range. Fleets grow in steps, so there may be crossings before: at the full load of
the first replica, say, and no longer when the second one comes. They do not count. A world without
a break-even has an infinite one; one in which the side is the cheaper already at the beginning has
that as its break-even, which is then a bound.

A side that does not keep the SLO at a volume costs an infinite amount there.
"""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sim.montecarlo.controls import Controls
from sim.montecarlo.estimates import quantile, quantile_interval
from sim.montecarlo.shares import share_interval
from sim.studies.breakeven.costs import Curve

FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]

Z = 1.959964  # of a 95 % interval
ENOUGH = 1_000_000  # worlds that nobody will simulate: the answer is on the fence


def break_even(
    side: Curve, reference: Curve, least: float, most: float, factor: float = 1.0
) -> FloatArray:
    """The break-even volume of each world.

    Parameters
    ----------
    side, reference : Curve
    least, most : float
        Range of volumes.
    factor : float
        On all costs of the side.

    Returns
    -------
    (worlds,) float64
        Within the range; infinite where there is none.
    """
    breaks = np.union1d(side.breaks, reference.breaks)
    inner = breaks[(breaks > least) & (breaks < most)]
    edges = np.concatenate(([least], inner, [most]))
    # Costs jump at edges: just after one there may be a replica more.
    after = edges[:-1] + 1e-9 * np.diff(edges)
    begin = excess(side.usd(after) * factor, reference.usd(after))
    end = excess(side.usd(edges[1:]) * factor, reference.usd(edges[1:]))
    rows = zip(begin, end, strict=True)
    return np.array([_last_crossing(edges, after, *row) for row in rows])


def excess(side_usd: FloatArray, reference_usd: FloatArray) -> FloatArray:
    """How much more the side costs; infinite where it cannot serve, also where neither can."""
    with np.errstate(invalid="ignore"):
        more = side_usd - reference_usd
    return np.asarray(np.where(np.isinf(side_usd), np.inf, more))


def _last_crossing(
    edges: FloatArray, after: FloatArray, begin: FloatArray, end: FloatArray
) -> float:
    """Where a piecewise linear excess is above 0 for the last time.

    Parameters
    ----------
    edges : (n + 1,) float64
        Volumes between which it is linear.
    after : (n,) float64
        Just after each of them but the last.
    begin, end : (n,) float64
        The excess there, and at the next edge.

    Examples
    --------
    >>> edges = np.array([0.0, 10.0, 20.0])
    >>> _last_crossing(edges, edges[:-1], np.array([5.0, -1.0]), np.array([-5.0, -9.0]))
    5.0
    >>> _last_crossing(edges, edges[:-1], np.array([5.0, 1.0]), np.array([-5.0, -9.0]))
    11.0
    >>> _last_crossing(edges, edges[:-1], np.array([5.0, 1.0]), np.array([-5.0, 0.5]))
    inf
    """
    dearer = np.flatnonzero((begin > 0) | (end > 0))
    if len(dearer) == 0:
        return float(edges[0])
    last = int(dearer[-1])
    if end[last] > 0:
        return math.inf if last == len(end) - 1 else float(edges[last + 1])
    if not math.isfinite(begin[last] - end[last]):
        return float(edges[last + 1])
    share = begin[last] / (begin[last] - end[last])
    return float(after[last] + share * (edges[last + 1] - after[last]))


@dataclass(frozen=True, slots=True)
class Breaking:
    """Break-even volumes over worlds.

    Attributes
    ----------
    volume : (worlds,) float64
        Infinite where there is none.
    least, most : float
        The range.
    controls : Controls, optional
        The uncertain inputs of the worlds; they narrow the intervals.
    """

    volume: FloatArray
    least: float
    most: float
    controls: Controls | None = None

    @property
    def worlds(self) -> int:
        """How many."""
        return len(self.volume)

    @property
    def none(self) -> int:
        """Worlds without a break-even."""
        return int(np.isinf(self.volume).sum())

    @property
    def at_once(self) -> int:
        """Worlds in which the side is the cheaper one from the beginning of the range."""
        return int((self.volume <= self.least).sum())

    @property
    def share_interval(self) -> tuple[float, float]:
        """95 % interval of the share of worlds that have a break-even (Clopper and Pearson)."""
        there = self.worlds - self.none
        return share_interval(there, self.worlds)

    @property
    def exists(self) -> bool | None:
        """Whether most worlds have a break-even; None if these worlds do not tell."""
        low, high = self.share_interval
        if np.all(self.volume == self.volume[0]):  # there is no chance in it
            return bool(np.isfinite(self.volume[0]))
        return True if low > 0.5 else False if high < 0.5 else None

    @property
    def worlds_needed(self) -> int | None:
        """Worlds that would tell whether most have one, if their share is as it seems.

        None where it seems to be just a half, of which no number of worlds tells.
        """
        distance = abs(1 - self.none / self.worlds - 0.5)
        if distance == 0:
            return None
        wanted = (Z / (2 * distance)) ** 2
        return int(min(max(math.ceil(wanted), self.worlds + 1), ENOUGH))

    def level(self, p: float) -> float:
        """A quantile over worlds."""
        return quantile(np.sort(self.volume), p)

    @property
    def median_interval(self) -> tuple[float, float]:
        """95 % interval of the median; an end is NaN where there are too few worlds."""
        return quantile_interval(self.volume, 0.5, controls=self.controls)
