"""Lines that have an order in the naive simulator: plain sorted lists."""

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from naive.attempt import Attempt
from sim.engine.state.hashing import uniform
from sim.model.scheduling import Scheduling

if TYPE_CHECKING:
    from naive.replica import Replica

NO_KEY = np.uint64(0)
PREDICTION_KEY = np.uint64(0x2545F491)


@dataclass(slots=True)
class Line:
    """What a replica knows of the order of its line: who comes when, and who has had what."""

    scheduling: Scheduling = field(default_factory=Scheduling)
    key: np.uint64 = NO_KEY
    come: int = 0
    virtual: float = 0.0
    finish: dict[str, float] = field(default_factory=dict)  # of each tenant

    @property
    def is_sorted(self) -> bool:
        return self.scheduling.order != "fcfs"

    def predicted(self, attempt: Attempt) -> float:
        """Two uniforms make a normal error of the logarithm, the same for all attempts."""
        if self.scheduling.prediction_error == 0.0:
            return float(attempt.output)
        key = self.key ^ PREDICTION_KEY
        one, two = (uniform(key, attempt.number, draw) for draw in (11, 12))
        normal = math.sqrt(-2.0 * math.log(1.0 - one)) * math.cos(2.0 * math.pi * two)
        return attempt.output * math.exp(self.scheduling.prediction_error * normal)

    def rank(self, attempt: Attempt, now_s: float) -> None:
        """Somebody has come: who is less goes before."""
        rules, key = self.scheduling, now_s
        level = float(attempt.priority)
        match rules.order:
            case "priority" if rules.ageing_s < math.inf:
                level, key = 0.0, now_s + rules.ageing_s * level
            case "shortest_predicted" if rules.ageing_s < math.inf:
                key = now_s + rules.ageing_s * (level + self.predicted(attempt) / 1000.0)
                level = 0.0
            case "shortest_predicted":
                key = self.predicted(attempt)
            case "deadline":
                key = attempt.due_s
            case "fair":
                key = max(self.virtual, self.finish.get(attempt.tenant, 0.0))
                cost = attempt.prompt + 2.0 * self.predicted(attempt)
                attempt.cost = cost / rules.weight(attempt.tenant)
                self.finish[attempt.tenant] = key + attempt.cost
        attempt.standing = level, key, self.come
        self.come += 1

    def serve(self, attempt: Attempt) -> None:
        """Somebody leaves the line with blocks."""
        self.virtual = max(self.virtual, attempt.standing[1])
        attempt.cost = 0.0

    def give_back(self, attempt: Attempt) -> None:
        """Somebody leaves the line without having been served."""
        if attempt.cost:
            self.finish[attempt.tenant] -= attempt.cost
            attempt.cost = 0.0


def sort_in(replica: "Replica", now_s: float) -> None:
    """Those through the front end, in the order in which they came, take their places."""
    for attempt in [attempt for attempt in replica.waiting if attempt.is_in_front]:
        if attempt.ready_s > now_s:
            return
        replica.waiting.remove(attempt)
        attempt.is_in_front = False
        put(replica, attempt)


def put(replica: "Replica", attempt: Attempt) -> None:
    """In its place, behind those that have fetched and before those that nobody has seen yet."""
    before = [
        other
        for other in replica.waiting
        if other.stage == "fetched" or (not other.is_in_front and other.standing < attempt.standing)
    ]
    replica.waiting.insert(len(before), attempt)


def givers(replica: "Replica", head: Attempt, now_s: float) -> list[Attempt]:
    """Those that decode and leave for the head of the line, the last of them last."""
    rules = replica.order.scheduling
    if not rules.takes_places or head.ready_s + rules.takes_after_s > now_s:
        return []
    lower = [each for each in replica.decoding() if each.priority > head.priority]
    return sorted(
        (each for each in lower if each.standing > head.standing), key=lambda each: each.standing
    )
