"""Which days of a horizon are simulated, and which of them stands for each of the others.

Days are put in an order by what the world's own rate tells of them before they are simulated: the
work of the whole day, which costs go by, that of its busiest hour, where queues come from, and the
time for which requests wait by a fluid estimate (:mod:`sim.montecarlo.fidelity.backlog`), where
work is carried over from hour to hour and over midnight. The order is cut into strata, the
narrower the more there is of all that, for most is decided on such days; one day of each stratum is
drawn, and stands for all. So every day is as likely to be drawn as those beside it, and sums over
the horizon have no bias. Days with events or incidents are strata of their own, and the busiest of
the others is always simulated. A set of days is drawn anew until the work of all days, and that of
their busiest hours, comes out right by it (rejective sampling, Fuller 2009): what is known of the
horizon is not left to chance.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]
IntArray = npt.NDArray[np.int64]

DAYS, REQUESTS = "simulated_days", "simulated_requests"  # of a world, as figures
SHARE = 0.045  # of all work that is simulated, warm-ups included
FEWEST = 8  # strata of days like any others
CANDIDATES = 256  # sets of days that are drawn
BALANCED = 0.003  # of all work: so far may the set be off that is taken
SPECIAL_SHARE = 0.3  # of the strata at most, for days with events
WAITS = 2.0  # what e-fold waits count for, where the load of a mean day is 2


@dataclass(frozen=True, slots=True)
class Days:
    """What is known of the days of a world before they are simulated.

    Attributes
    ----------
    work : (days,) float64
        Expected tokens.
    busiest : (days,) float64
        Those of the busiest hour.
    special : (days,) float64
        Hours of events and incidents; 0 on a day like any other.
    waits : (days,) float64
        How long requests wait by a fluid estimate, in times of a usual request.
    cost : (days,) float64
        Tokens that are simulated for the day, with what has to come before it.
    """

    work: FloatArray
    busiest: FloatArray
    special: FloatArray
    waits: FloatArray
    cost: FloatArray

    def __len__(self) -> int:
        return len(self.work)

    @property
    def busiest_day(self) -> int:
        """Of those without events, if there are any: it is always simulated."""
        load = self.work / _mean(self.work) + self.busiest / _mean(self.busiest)
        ordinary = self.special == 0.0
        return int(np.argmax(np.where(ordinary, load, -1.0) if ordinary.any() else load))

    @property
    def weight(self) -> FloatArray:
        """What of all that is decided on each day, by its load and its waits."""
        load = self.work / _mean(self.work) + self.busiest / _mean(self.busiest)
        return np.asarray(load + WAITS * np.log1p(self.waits))


def stands_for(days: Days, rng: np.random.Generator) -> IntArray:
    """The simulated day in the place of each: (days,) int64; a simulated one stands for itself.

    Examples
    --------
    >>> even, none = np.ones(365), np.zeros(365)
    >>> days = Days(even, even, none, waits=none, cost=1.25 * even)
    >>> len(np.unique(stands_for(days, np.random.default_rng(0))))
    13
    """
    groups = strata(days)
    sizes = np.array([len(group) for group in groups])
    places = np.floor(rng.random((CANDIDATES, len(groups))) * sizes).astype(np.int64)
    drawn = np.stack([group[places[:, at]] for at, group in enumerate(groups)], axis=1)
    off = [np.abs(each[drawn] @ sizes / _total(each) - 1.0) for each in (days.work, days.busiest)]
    fair = np.max(off, axis=0)
    chosen = int(np.argmax(fair <= BALANCED)) if bool((fair <= BALANCED).any()) else fair.argmin()
    found = np.arange(len(days))
    for group, day in zip(groups, drawn[chosen], strict=True):
        found[group] = day
    return found


def _total(values: FloatArray) -> float:
    return float(values.sum()) or 1.0


def strata(days: Days) -> list[IntArray]:
    """Days of each stratum: as many strata as about ``SHARE`` of all work has room for."""
    low, high = FEWEST, len(days) + 1  # few enough, or the fewest; too many
    while high - low > 1:
        count = (low + high) // 2
        if expected_cost(days, _strata(days, count)) <= SHARE * float(days.work.sum()):
            low = count
        else:
            high = count
    return _strata(days, low)


def expected_cost(days: Days, groups: Sequence[IntArray]) -> float:
    """Tokens that are simulated, one day of each stratum being drawn."""
    return sum(float(days.cost[each].mean()) for each in groups)


def _strata(days: Days, count: int) -> list[IntArray]:
    key, always = days.weight, days.busiest_day
    special = np.flatnonzero(days.special > 0.0)
    special = special[np.lexsort((key[special], days.special[special]))]
    for_special = min(len(special), max(1, math.floor(SPECIAL_SHARE * count)))
    groups = _cut(special, np.ones(len(special)), for_special)
    rest = np.flatnonzero(days.special == 0.0)
    if len(rest):
        own = max(count - for_special - 1, FEWEST)
        rest = rest[rest != always]
        rest = rest[np.argsort(key[rest], kind="stable")]
        groups += [np.array([always]), *_cut(rest, key[rest] ** 2, own)]
    return groups


def _mean(values: FloatArray) -> float:
    return float(values.mean()) or 1.0


def _cut(ordered: IntArray, weight: FloatArray, strata: int) -> list[IntArray]:
    """Runs of about the same weight, none of them empty; no more than there are days."""
    strata = min(strata, len(ordered))
    if strata == 0 or not weight.any():
        weight = np.ones(len(ordered))
    if strata == 0:
        return []
    passed = np.cumsum(weight)
    ends = np.searchsorted(passed, passed[-1] * np.arange(1, strata) / strata, side="left") + 1
    # Each keeps at least one day, and leaves one for each that follows.
    for at in range(strata - 1):
        ends[at] = max(ends[at], (ends[at - 1] if at else 0) + 1)
    for at in reversed(range(strata - 1)):
        ends[at] = min(ends[at], len(ordered) - (strata - 1 - at))
    return np.split(ordered, ends)
