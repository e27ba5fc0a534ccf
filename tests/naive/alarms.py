"""What is set for a moment in the naive simulator, in the order in which it is to happen."""

import heapq
import itertools
import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

Happening = Callable[[], None]


@dataclass(slots=True)
class Alarms:
    """A heap by time, then by a place among those of one instant, then by who was set first."""

    heap: list[tuple[float, tuple[int, ...], int, Happening]] = field(default_factory=list)
    tickets: Iterator[int] = field(default_factory=itertools.count)

    @property
    def next_s(self) -> float:
        return self.heap[0][0] if self.heap else math.inf

    def set(self, at_s: float, place: tuple[int, ...], happening: Happening) -> None:
        heapq.heappush(self.heap, (at_s, place, next(self.tickets), happening))

    def ring(self) -> None:
        """What was set for the first moment happens."""
        *_, happening = heapq.heappop(self.heap)
        happening()
