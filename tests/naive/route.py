"""Routes in the naive simulator: which backends a request is sent to, and in which order."""

from collections.abc import Collection
from dataclasses import dataclass

import numpy as np

from naive.attempt import Attempt
from sim.engine.state import status
from sim.engine.state.hashing import uniform
from sim.model.routing import Leg, Routing

LEG_KEY, LEG_DRAW = np.uint64(0x1E65), 11
ESCALATION_KEY, ESCALATION_DRAW = np.uint64(0xE5CA), 16


@dataclass(frozen=True, slots=True)
class Route:
    """What a workload's routing says, in numbers of backends."""

    routing: Routing
    names: list[str]  # of the backends
    key: np.uint64

    def leg(self, number: int, prompt: int, left_out: Collection[int] = ()) -> Leg:
        """The leg of a request, by chance among those for its length, the last if there is none.

        Legs to backends that are left out are none, unless all are.
        """
        fitting = [
            leg for leg in self.routing.legs if leg.least_prompt <= prompt <= leg.most_prompt
        ]
        there = [leg for leg in fitting if self.names.index(leg.to) not in left_out]
        fitting = there or fitting
        at = uniform(self.key ^ LEG_KEY, number, LEG_DRAW) * sum(leg.share for leg in fitting)
        end = 0.0
        for leg in fitting:
            end += leg.share
            if at < end:
                return leg
        return (fitting or self.routing.legs)[-1]

    def chain(self, first: str) -> list[int]:
        """A backend, and the others to which attempts go on from there."""
        others = [name for name in self.routing.after(first) if name != first]
        return [self.names.index(name) for name in (first, *others)]

    def trip_s(self, backend: int) -> float:
        """Round trip between the users and a backend."""
        return dict(self.routing.trips_s).get(self.names[backend], 0.0)

    def goes_on_after(self, cause: int) -> bool:
        return {
            status.REJECTED: self.routing.after_rejection,
            status.FAILED: self.routing.after_failure,
            status.TIMED_OUT: self.routing.after_timeout,
        }[cause]

    def escalates(self, leg: Leg, attempt: Attempt) -> bool:
        """Whether the answer of an attempt is not good enough, and another may do better."""
        if not leg.escalates_to or self.names[attempt.backend] == leg.escalates_to:
            return False
        u = uniform(self.key ^ ESCALATION_KEY, attempt.serial, ESCALATION_DRAW)
        return u < leg.escalation_share
