"""Which months are simulated, and what is taken for those in between.

First come the ends of the plan, both sides of every change of hardware, the busiest month of a
growth curve, and some evenly spread. Then, one by one, as long as there is leave to:

1. the months around the first one in which something breaks, until that month and the one before it
   are simulated;
2. the middle of the widest gap that no check covers;
3. as long as an interpolated bill is off by more than a tolerance, the middle of a wide gap, the
   sooner the more its ends are off. That is asked of each simulated month with neighbours on the
   same hardware, which is left out and interpolated from these. The p95 is not asked: it hangs on
   how the replicas of a month are rounded, which no month beside it tells.

The errors of months that are left out say what is typical of those that are not simulated, not how
far off the worst of them is: their number of replicas jumps from month to month, and a month that
is left out lies in a wider gap.

In between, a figure changes evenly in its logarithm over the months, as growth does; what is
proportional to the volume does so for each unit of volume, so that a curve of any form is followed.
"""

from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from sim.studies.plan.outlook import Outlook

FloatArray = npt.NDArray[np.float64]

TOLERANCE = 0.05  # of the bill, well below its spread over worlds
JUMP = 1.2  # of the volume from one month of a curve to the next, beyond which both are simulated


def anchors(outlook: Outlook, first: int, most: int) -> list[int]:
    """Months to begin with: what must be, ``first`` evenly spread, up to ``most`` with jumps.

    Examples
    --------
    >>> anchors(Outlook(months=24), 3, most=9)
    [0, 12, 23]
    """
    last = outlook.months - 1
    chosen = {0, last}
    for month in outlook.changes:
        chosen |= {month - 1, month}
    chosen |= {round(each * last / max(first - 1, 1)) for each in range(first)}
    curve = outlook.curve[: outlook.months]
    if curve:
        chosen.add(curve.index(max(curve)))
    jumps = {month: abs(np.log(curve[month] / curve[month - 1])) for month in range(1, len(curve))}
    for month in sorted(jumps, key=lambda each: -jumps[each]):
        beside = chosen | {month - 1, month}
        if jumps[month] < np.log(JUMP) or len(beside) > most:
            break
        chosen = beside
    return sorted(chosen)


def interpolated(
    at: Sequence[int], values: FloatArray, every: FloatArray, scale: FloatArray | None = None
) -> FloatArray:
    """Figures of every month from those of the simulated ones; axis 0 is the month.

    Parameters
    ----------
    at : sequence of int
        Simulated months, increasing.
    values : (len(at), ...) float64
    every : (n,) float64
        Months that are asked for; beyond the ends the nearest simulated one counts.
    scale : (months, ...) float64, optional
        What the figure is proportional to, for all months of the plan.

    Returns
    -------
    (n, ...) float64

    Examples
    --------
    >>> interpolated([0, 2], np.array([1.0, 4.0]), np.arange(3.0))
    array([1., 2., 4.])
    """
    months = np.array(at, np.float64)
    above = np.clip(np.searchsorted(months, every), min(1, len(at) - 1), len(at) - 1)
    below = np.maximum(above - 1, 0)
    span = np.maximum(months[above] - months[below], 1.0)
    weight = np.clip((every - months[below]) / span, 0.0, 1.0)
    weight = weight.reshape(-1, *(1,) * (values.ndim - 1))
    if scale is not None:
        values = values / scale[list(at)]
    low, high = values[below], values[above]
    with np.errstate(divide="ignore", invalid="ignore"):
        even = np.exp((1.0 - weight) * np.log(low) + weight * np.log(high))
    straight = (1.0 - weight) * low + weight * high
    # At the simulated months themselves exactly what was simulated. What is nothing at one end, or
    # not known there, has no logarithm.
    straight = np.where(weight == 0.0, low, np.where(weight == 1.0, high, straight))
    inside = (low > 0) & (high > 0) & (weight > 0.0) & (weight < 1.0)
    found: FloatArray = np.where(inside, even, straight)
    return found if scale is None else found * scale[every.astype(np.int64)]


def checkable(simulated: Sequence[int], outlook: Outlook) -> Iterator[tuple[int, int, int]]:
    """Simulated months with their neighbours, where all three have the same hardware."""
    for below, month, above in zip(simulated, simulated[1:], simulated[2:], strict=False):
        if outlook.hardware(below) == outlook.hardware(above):
            yield below, month, above


def next_month(
    simulated: Sequence[int],
    outlook: Outlook,
    off: Callable[[int], float],
    probes: Sequence[int],
) -> int | None:
    """The month to simulate next; None if it is good enough as it is.

    Parameters
    ----------
    simulated : sequence of int
        Increasing.
    outlook : Outlook
    off : callable
        Relative error of a month that can be checked.
    probes : sequence of int
        Months on which it hangs when something breaks.
    """
    missing = [month for month in probes if month not in simulated]
    if missing:
        return missing[0]
    checked = [month for _, month, _ in checkable(simulated, outlook)]
    gaps = [(low, high) for low, high in pairwise(simulated) if high - low > 1]
    blind = [(low, high) for low, high in gaps if low not in checked and high not in checked]
    if blind:
        return _middle(max(blind, key=_width))
    errors = {month: off(month) for month in checked}
    if not gaps or max(errors.values(), default=0.0) <= TOLERANCE:
        return None

    def doubt(gap: tuple[int, int]) -> float:
        ends = max(errors.get(month, 0.0) for month in gap)
        return _width(gap) * (1.0 + ends / TOLERANCE)

    return _middle(max(gaps, key=doubt))


def widest(simulated: Sequence[int]) -> int | None:
    """The middle of the widest gap; None if there is none left."""
    gap = max(pairwise(simulated), key=_width, default=(0, 0))
    return _middle(gap) if _width(gap) > 1 else None


def _width(gap: tuple[int, int]) -> int:
    return gap[1] - gap[0]


def _middle(gap: tuple[int, int]) -> int:
    return (gap[0] + gap[1]) // 2
