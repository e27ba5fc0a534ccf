"""Users of closed loops in the naive simulator, each of whom sends one request after the other."""

import math
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from sim.model.closed import LoopRules
from sim.model.workload import Loop

if TYPE_CHECKING:
    from naive.task import Task

Further = Callable[[int, int, int], "Task"]  # of a workload, by user and number


@dataclass(slots=True)
class Crew:
    """The users of one closed population, and what they have in common."""

    workload: int
    rules: LoopRules
    further: Further
    unsent: float = field(init=False)
    listed: int = 0  # requests taken from the list that they share

    def __post_init__(self) -> None:
        self.unsent = math.inf if self.rules.unsent is None else self.rules.unsent

    def may_send(self, at_s: float) -> bool:
        """Whether one more request is sent then; it is counted off."""
        if at_s >= self.rules.closes_s:
            return False
        if at_s >= 0:
            if self.unsent <= 0:
                return False
            self.unsent -= 1
        return True

    def next_of_list(self) -> "Task":
        self.listed += 1
        return self.further(self.workload, -1, self.listed - 1)


@dataclass(slots=True, eq=False)
class User:
    """Somebody who waits for the end of one task before beginning the next."""

    number: int
    own: int
    workload: int
    crew: Crew | None
    coming: deque["Task"] = field(default_factory=deque)
    drawn: int = 0  # tasks that were handed over

    def wait_s(self, then_s: float, was_in_vain: bool) -> float:
        least_s = 0.0 if self.crew is None else self.crew.rules.pause_s
        return max(then_s, least_s) if was_in_vain else then_s

    def goes_on(self, then_s: float, at_s: float) -> bool:
        if self.crew is not None:
            return self.crew.may_send(at_s)
        return not math.isnan(then_s)

    def next(self) -> "Task":
        """What is begun now."""
        if self.coming:
            task = self.coming.popleft()
        else:
            assert self.crew is not None
            if self.crew.rules.in_order:
                task = self.crew.next_of_list()
            else:
                task = self.crew.further(self.crew.workload, self.own, self.drawn)
                self.drawn += 1
        task.user = self
        return task


def users_of(
    first: int, tasks: Sequence["Task"], loop: Loop, crews: Sequence[Crew | None]
) -> Iterator["Task"]:
    """Give tasks to their users, numbered from ``first``; only the first of each is handed back."""
    number, latest = first, None
    for task, own, then_s in zip(tasks, loop.user.tolist(), loop.then_s.tolist(), strict=True):
        task.then_s = then_s
        if latest is not None and (own, task.workload) == (latest.own, latest.workload):
            latest.coming.append(task)
            latest.drawn += 1
            continue
        latest = None
        if own >= 0:
            task.user = latest = User(number, own, task.workload, crews[task.workload], drawn=1)
            number += 1
        yield task
