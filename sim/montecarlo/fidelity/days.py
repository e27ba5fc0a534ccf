"""Which days of a horizon are simulated, and which of them stands for each of the others.

Days are put in an order by what the world's own rate tells of them before they are simulated: the
work of the whole day, which costs go by, that of its busiest hour, where queues come from, and the
time for which requests wait by a fluid estimate (:mod:`sim.montecarlo.fidelity.backlog`), where
work is carried over from hour to hour and over midnight. The order is cut into strata where it
makes the least error (:mod:`sim.montecarlo.fidelity.cuts`); one day of each stratum is drawn, and
stands for all. So every day is as likely to be drawn as those beside it, and sums over the horizon
have hardly a bias. Days with events or incidents are strata of their own, and the busiest of
the others is always simulated. A set of days is drawn anew until the work of all days, and that of
their busiest hours, comes out right by it (rejective sampling, Fuller 2009): what is known of the
horizon is not left to chance.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sim.montecarlo.fidelity.cuts import Cuts

FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]
IntArray = npt.NDArray[np.int64]

DAYS, REQUESTS = "simulated_days", "simulated_requests"  # of a world, as figures
SHARE = 0.045  # of all work that is simulated, warm-ups included
FEWEST = 8  # strata of days like any others
CANDIDATES = 256  # sets of days that are drawn
BALANCED = 0.003  # of all work: so far may the set be off that is taken
NEAREST = 16  # of them, of which one is taken where none comes so near
MOST = 64  # strata
SPECIAL_SHARE = 0.3  # of the strata at least, for days with events, if there are so many
APART = 100.0  # between the causes of events
WILD = 2.0  # times as much is chance in waits as in loads
WAITS = 2.0  # what e-fold waits count for, where the load of a mean day is 2
EVENTS = 10.0  # and e-fold hours of events, so that the day after is not taken for one


@dataclass(frozen=True, slots=True)
class Days:
    """What is known of the days of a world before they are simulated.

    Attributes
    ----------
    work : (days,) float64
        Expected tokens.
    busiest : (days,) float64
        Those of the busiest hour.
    special : (causes, days) float64
        Hours of the events and incidents of each cause; 0 on a day like any other.
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
    def is_special(self) -> BoolArray:
        """Whether there are events or incidents: (days,)."""
        return np.asarray((self.special > 0.0).any(axis=0))

    @property
    def busiest_day(self) -> int:
        """Of those without events, if there are any: it is always simulated."""
        ordinary = ~self.is_special
        return int(
            np.argmax(np.where(ordinary, self._load, -1.0) if ordinary.any() else self._load)
        )

    @property
    def key(self) -> FloatArray:
        """What days go by: load, waits and events, the causes of which lie apart."""
        felt = WAITS * np.log1p(self.waits) + EVENTS * np.log1p(self.special.sum(axis=0))
        return np.asarray(self._load + felt + APART * self.special.argmax(axis=0))

    @property
    def size(self) -> FloatArray:
        """How much is left to chance on each day: most where requests wait."""
        return np.asarray(self._load + WILD * WAITS * np.log1p(self.waits))

    @property
    def _load(self) -> FloatArray:
        return self.work / _mean(self.work) + self.busiest / _mean(self.busiest)


def stands_for(days: Days, rng: np.random.Generator) -> IntArray:
    """The simulated day in the place of each: (days,) int64; a simulated one stands for itself.

    Examples
    --------
    >>> even, none = np.ones(365), np.zeros(365)
    >>> days = Days(even, even, none[None], waits=none, cost=1.25 * even)
    >>> len(np.unique(stands_for(days, np.random.default_rng(0))))
    13
    """
    groups = strata(days)
    sizes = np.array([len(group) for group in groups])
    places = np.floor(rng.random((CANDIDATES, len(groups))) * sizes).astype(np.int64)
    drawn = np.stack([group[places[:, at]] for at, group in enumerate(groups)], axis=1)
    off = [np.abs(each[drawn] @ sizes / _total(each) - 1.0) for each in (days.work, days.busiest)]
    fair = np.max(off, axis=0)
    chosen = int(np.argmax(fair <= max(BALANCED, float(np.partition(fair, NEAREST)[NEAREST]))))
    found = np.arange(len(days))
    for group, day in zip(groups, drawn[chosen], strict=True):
        found[group] = day
    return found


def _total(values: FloatArray) -> float:
    return float(values.sum()) or 1.0


def strata(days: Days) -> list[IntArray]:
    """Days of each stratum: as many strata as about ``SHARE`` of all work has room for."""
    room = SHARE * float(days.work.sum())
    special, rest = (_ordered(days, each) for each in (days.is_special, ~days.is_special))
    alone = [np.array([days.busiest_day])] if len(rest) else []
    rest = rest[rest != days.busiest_day]
    most = min(len(days), math.ceil(SHARE * len(days)) + FEWEST, MOST)
    cuts = [Cuts(days.key[each], days.size[each], most) for each in (special, rest)]
    found: list[IntArray] = []
    for count in range(min(FEWEST, len(days) - len(alone)), most + 1):
        groups = [*alone, *_cut((special, rest), cuts, count)]
        if found and expected_cost(days, groups) > room:
            break
        found = groups
    return found


def _cut(orders: Sequence[IntArray], cuts: Sequence[Cuts], count: int) -> list[IntArray]:
    """So many strata of the two kinds of days, shared out so that the error is the least."""
    one, other = cuts
    most = min(count, one.most)
    least = min(most, max(math.floor(SPECIAL_SHARE * count), count - other.most))
    shares = range(least, most + 1)
    share = min(shares, key=lambda k: float(one.error[k] + other.error[count - k]))
    counts = share, min(count - share, other.most)
    return [
        order[places]
        for order, cut, parts in zip(orders, cuts, counts, strict=True)
        for places in cut.into(parts)
        if len(order)
    ]


def _ordered(days: Days, which: BoolArray) -> IntArray:
    found = np.flatnonzero(which)
    return found[np.argsort(days.key[found], kind="stable")]


def expected_cost(days: Days, groups: Sequence[IntArray]) -> float:
    """Tokens that are simulated, one day of each stratum being drawn."""
    return sum(float(days.cost[each].mean()) for each in groups)


def _mean(values: FloatArray) -> float:
    return float(values.mean()) or 1.0
