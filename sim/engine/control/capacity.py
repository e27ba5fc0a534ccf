"""How many replicas can be had, and when."""

import math
from collections import deque
from collections.abc import Generator

import numpy as np
import simpy

from sim.model.lifecycle import Alternation


class Capacity:
    """Slots for replicas, granted in the order of asking, and none during an outage.

    Parameters
    ----------
    env : simpy.Environment
    limit : float
        Slots that there are.
    taken : int
        Slots in use from the beginning.
    """

    def __init__(self, env: simpy.Environment, limit: float = math.inf, taken: int = 0) -> None:
        self.env = env
        self.limit = limit
        self.taken = taken
        self._is_out = False
        self._is_placed = True
        self._asking: deque[simpy.Event] = deque()

    def ask(self) -> simpy.Event:
        """The event that a slot is granted."""
        event = self.env.event()
        self._asking.append(event)
        self._grant()
        return event

    def withdraw(self, event: simpy.Event) -> None:
        """No longer ask; a slot that was granted already is released."""
        if event.triggered:
            self.release()
        else:
            self._asking.remove(event)

    def release(self) -> None:
        """Give a slot back."""
        self.taken -= 1
        self._grant()

    def outages(self, spells: Alternation, rng: np.random.Generator) -> Generator[simpy.Event]:
        """Process: nothing is to be had while the spells are off."""
        while True:
            yield self.env.timeout(spell_s(spells, True, rng))
            self._is_out = True
            yield self.env.timeout(spell_s(spells, False, rng))
            self._is_out = False
            self._grant()

    @property
    def is_placed(self) -> bool:
        """Whether there is a place, such as a zone, to have anything in."""
        return self._is_placed

    @is_placed.setter
    def is_placed(self, is_placed: bool) -> None:
        self._is_placed = is_placed
        self._grant()

    @property
    def _is_to_be_had(self) -> bool:
        return self._is_placed and not self._is_out

    def _grant(self) -> None:
        while self._asking and self._is_to_be_had and self.taken < self.limit:
            self.taken += 1
            self._asking.popleft().succeed()


def spell_s(spells: Alternation, on: bool, rng: np.random.Generator) -> float:
    """Length of the next spell, at least a microsecond, so that time goes on."""
    length = spells.on if on else spells.off
    return max(1e-6, float(length.sample(rng, 1)[0]))
