"""Time in the naive simulator: what is to happen next, and until when.

At an instant things happen in this order: arrivals; timers (a retry is sent, a kept answer is
given, a managed backend's token comes), in the order in which they were set; escalations, of the
lowest request first; calls that follow others in a task, of the lowest task first; what comes over
links; step boundaries, of the lowest replica first; the end of somebody's patience, of the lowest
request first; deadlines, of the attempt sent first; then the control plane acts.
"""

from abc import ABC, abstractmethod
from collections import deque

from naive.alarms import Alarms, Happening
from naive.attempt import NEVER, Attempt
from naive.link import Link
from naive.replica import Replica
from naive.task import Task
from sim.engine.state import status

FIRST_TOKEN, LAST_TOKEN, HEDGE = 0, 1, 2  # kinds of deadline


class Clockwork(ABC):
    """Requests to come, timers, replicas and deadlines, in the order of their times."""

    def __init__(self) -> None:
        self.now_s = 0.0
        self.coming: deque[Task] = deque()
        self.replicas: list[Replica] = []
        self.links: dict[tuple[int, int], Link] = {}  # of pools (0) and replicas (1)
        self.timers = Alarms()
        self.patience = Alarms()
        self.deadlines = Alarms()
        self.held = -1  # the pool where a request was held last for want of a ready replica
        self.has_news = False  # of that

    def advance(self, until_s: float) -> int:
        """Every event up to ``until_s``; or as far as one that leaves a request without replica."""
        while not self.has_news:
            now_s, happen = self.next_event()
            if now_s > until_s or now_s == NEVER:
                self.now_s = max(self.now_s, until_s)
                return status.REACHED
            self.now_s = now_s
            happen()
        self.has_news = False
        return status.REQUEST_HELD

    def next_event(self) -> tuple[float, Happening]:
        """The earliest event; at one instant, of the first kind."""
        kinds: list[tuple[float, Happening]] = [
            (self.coming[0].arrival_s if self.coming else NEVER, self.arrive),
            (self.timers.next_s, self.timers.ring),
            (self.next_link_s(), self.meet_link),
            (min(map(Replica.next_event_s, self.replicas), default=NEVER), self.reach_boundary),
            (self.patience.next_s, self.patience.ring),
            (self.deadlines.next_s, self.deadlines.ring),
        ]
        return min(kinds, key=lambda kind: kind[0])

    @abstractmethod
    def arrive(self) -> None: ...

    @abstractmethod
    def next_link_s(self) -> float: ...

    @abstractmethod
    def meet_link(self) -> None: ...

    @abstractmethod
    def reach_boundary(self) -> None: ...

    def set_timer(self, delay_s: float, happening: Happening) -> None:
        self.set_timer_at(self.now_s + delay_s, happening)

    def set_timer_at(self, at_s: float, happening: Happening) -> None:
        self.timers.set(at_s, (0,), happening)

    def set_deadline(
        self, delay_s: float, kind: int, attempt: Attempt, happening: Happening
    ) -> None:
        self.deadlines.set(self.now_s + delay_s, (attempt.serial, kind), happening)
