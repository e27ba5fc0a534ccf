"""Variants under one autoscaler: how many replicas there are together, and who gets them.

A replica counts as its weight, of which the smallest is 1, and part of a replica not at all. What
the autoscaler asks for is had from the variants in their order: the first that has not its most
gains a replica, until there is enough, and the last that has more than its fewest loses one, as
long as there is enough without it. So does the variant autoscaler of llm-d, which adds where it is
cheapest and takes where it is dearest. A replica that waits for a place to run counts for nothing
until it has one: the next variant stands in, and gives way when it comes. At a time replicas are
added or taken away, never both: a large replica that is more than was lacking makes small ones go
only once it serves, when the autoscaler wants fewer.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import simpy

from sim.engine.clock import Clock
from sim.engine.control import autoscaling
from sim.engine.control.fleet import Fleet
from sim.engine.plane.pool_view import PoolView
from sim.model.design import Design, GpuPool
from sim.model.lifecycle import Stage
from sim.model.variants import Variants

SLACK = 1e-9  # of sums of weights


@dataclass(slots=True)
class Part:
    """A variant of those that are scaled together.

    Attributes
    ----------
    index : int
        Of its pool.
    pool : GpuPool
    weight : float
    fleet : Fleet or None
        None where its replicas never move.
    """

    index: int
    pool: GpuPool
    weight: float
    fleet: Fleet | None

    @property
    def desired(self) -> int:
        """Replicas that there should be."""
        return self.pool.replicas if self.fleet is None else self.fleet.desired

    @property
    def ready(self) -> int:
        """Replicas that serve."""
        return self.pool.replicas if self.fleet is None else self.fleet.ready

    @property
    def pending(self) -> int:
        """Replicas that wait for a place to run."""
        return 0 if self.fleet is None else self.fleet.count(Stage.REQUESTED)

    @property
    def limits(self) -> tuple[int, int]:
        """Fewest and most replicas."""
        return self.pool.limits


def shares(wanted: float, parts: list[tuple[float, int, int, int, int]]) -> list[int]:
    """Replicas of each variant, of which ``wanted`` of weight 1 are wanted together.

    Parameters
    ----------
    wanted : float
    parts : list of (weight, desired, pending, fewest, most)
        In the order in which they are filled.

    Examples
    --------
    Of weights 1 and 3, the second with room for two more:

    >>> shares(9.0, [(1.0, 2, 0, 0, 2), (3.0, 1, 0, 0, 3)])
    [2, 3]
    >>> shares(4.0, [(1.0, 2, 0, 0, 2), (3.0, 3, 0, 0, 3)])
    [1, 1]

    Where one of the first two waits for a place, one of the others stands in:

    >>> shares(2.0, [(1.0, 2, 1, 0, 2), (3.0, 0, 0, 0, 3)])
    [2, 1]
    """
    count = [desired for _, desired, _, _, _ in parts]
    waiting = [pending for _, _, pending, _, _ in parts]

    def there(until: int) -> float:
        return sum(parts[at][0] * (count[at] - waiting[at]) for at in range(until))

    for at, (_, _, pending, _, most) in enumerate(parts):
        while there(len(parts)) < wanted - SLACK and not pending and count[at] < most:
            count[at] += 1
    if count != [desired for _, desired, _, _, _ in parts]:
        return count  # nobody goes before who has come serves
    for at, (weight, _, _, fewest, _) in reversed(list(enumerate(parts))):
        while count[at] > fewest:
            if waiting[at]:  # would it be of use, once it had a place?
                if there(at + 1) < wanted - SLACK:
                    break
                waiting[at] -= 1
            elif there(len(parts)) - weight < wanted - SLACK:
                break
            count[at] -= 1
    return count


class VariantFleet:
    """The replicas of several pools as one fleet, in replicas of weight 1.

    Parameters
    ----------
    clock : Clock
    index : int
        Of what joins them on the data plane.
    joined : Variants
    parts : list of Part
        In the order in which they are filled.
    """

    def __init__(self, clock: Clock, index: int, joined: Variants, parts: list[Part]) -> None:
        self.env = clock.env
        self.joined = joined
        self._clock, self._index, self._parts = clock, index, parts

    def _counted(self, counts: list[int]) -> int:
        pairs = zip(self._parts, counts, strict=True)
        return math.floor(sum(part.weight * count for part, count in pairs) + SLACK)

    @property
    def desired(self) -> int:
        """Replicas that there should be, but for those that wait for a place."""
        return self._counted([part.desired - part.pending for part in self._parts])

    @property
    def ready(self) -> int:
        """Replicas that serve."""
        return self._counted([part.ready for part in self._parts])

    @property
    def view(self) -> PoolView:
        """Counts of all pools, and of what waits before them, at this instant."""
        plane, ready = self._clock.plane, self.ready
        whole = plane.view(self._index)
        views = [plane.view(part.index) for part in self._parts]
        summed = {
            name: sum(getattr(view, name) for view in views)
            for name in PoolView._fields
            if name not in ("ready", "held", "attempts", "rejected", "kv_utilisation")
        }
        weights = (part.weight / part.pool.profile.data_parallel_ranks for part in self._parts)
        used = sum(w * v.kv_utilisation * v.ready for w, v in zip(weights, views, strict=True))
        return PoolView(
            ready=ready,
            held=whole.held,
            attempts=whole.attempts,
            rejected=whole.rejected,
            kv_utilisation=used / ready if ready else 0.0,
            **summed,
        )

    @property
    def concurrency(self) -> int:
        """Requests at the gateway and on replicas."""
        view = self.view
        return view.held + view.waiting + view.running

    def saturation(self, full_queue: float, full_kv: float) -> float:
        """How full the ready replicas are, summed by weight."""
        plane = self._clock.plane
        return sum(
            part.weight * plane.saturation(part.index, full_queue, full_kv) for part in self._parts
        )

    def request_held(self) -> simpy.Event:
        """The event that a request has to wait because no replica of any is ready."""
        return self._clock.request_held(self._index)

    def scale_to(self, replicas: int) -> None:
        """Have so many replicas of weight 1, or what comes nearest above."""
        each = [(part.weight, part.desired, part.pending, *part.limits) for part in self._parts]
        for part, count in zip(self._parts, shares(replicas, each), strict=True):
            if part.fleet is not None:
                part.fleet.scale_to(count)


def start(design: Design, clock: Clock, fleets: Mapping[int, Fleet]) -> set[int]:
    """Have the variants that are scaled together scaled; the indices of their pools."""
    names = [pool.name for pool in design.pools]
    together: set[int] = set()
    for index, joined in enumerate(design.variants, len(design.backends)):
        if joined.autoscaler is None:
            continue
        each = [names.index(name) for name in joined.pools]
        parts = [
            Part(at, design.pools[at], weight, fleets.get(at))
            for at, weight in zip(each, joined.weights, strict=True)
        ]
        together.update(each)
        autoscaling.start_by(joined.autoscaler, VariantFleet(clock, index, joined, parts))
    return together
