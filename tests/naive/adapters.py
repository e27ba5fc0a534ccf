"""Adapters in the naive simulator: which one a request needs, and those that a replica holds."""

from bisect import bisect_right, insort
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from sim.engine.state.hashing import uniform
from sim.model.adapters import Adapters, AdapterSlots

if TYPE_CHECKING:
    from naive.attempt import Attempt

ADAPTER_KEY = np.uint64(0x3C79AC49)


def drawn(needed: Sequence[Adapters | None], key: np.uint64, workload: int, who: int) -> int:
    """The number of the adapter that somebody's requests need, -1 for none."""
    mine = needed[workload]
    if mine is None:
        return -1
    before = sum(each.count for each in needed[:workload] if each is not None)
    at = bisect_right(mine.shares.tolist(), uniform(key ^ ADAPTER_KEY, who, workload))
    return before + min(at, mine.count - 1)


@dataclass(slots=True, eq=False)
class Shelf:
    """What a replica has of adapters: needed ones, idle ones in slots, and those in its host."""

    model: AdapterSlots | None = None
    needed: Counter[int] = field(default_factory=Counter)  # by how many in the batch
    idle: list[tuple[float, int]] = field(default_factory=list)  # since when, and which
    hosted: list[int] = field(default_factory=list)  # the least recently used first
    counts: Counter[str] = field(default_factory=Counter)

    @property
    def factor(self) -> float:
        """How many times as long a step takes."""
        return 1.0 if self.model is None else self.model.step_factor(len(self.needed))

    @property
    def held(self) -> int:
        """Adapters in slots."""
        return len(self.needed) + len(self.idle)

    def bars(self, attempt: "Attempt") -> bool:
        """Whether there is no slot for what it needs."""
        if self.model is None or attempt.adapter < 0:
            return False
        return len(self.needed) == self.model.slots and attempt.adapter not in self.needed

    def take(self, attempt: "Attempt") -> None:
        """It is admitted, and what it needs is loaded."""
        which, attempt.load_s = attempt.adapter, 0.0
        if self.model is None or which < 0:
            return
        assert not self.bars(attempt)
        self.counts["asked"] += 1
        in_slots = [adapter for _, adapter in self.idle]
        if which in self.needed or which in in_slots:
            self.counts["found"] += 1
            self.idle = [each for each in self.idle if each[1] != which]
        else:
            self.load(attempt, self.model)
        self.needed[which] += 1

    def load(self, attempt: "Attempt", model: AdapterSlots) -> None:
        """Into a slot, by way of the host."""
        self.counts["loads"] += 1
        attempt.load_s = model.load_s(attempt.rank)
        if attempt.adapter in self.hosted:
            self.hosted.remove(attempt.adapter)
        else:
            self.counts["fetches"] += 1
            attempt.load_s += model.fetch_s(attempt.rank)
        if self.held == model.slots:
            self.counts["evictions"] += 1
            self.hosted.append(self.idle.pop(0)[1])
        while self.held + 1 + len(self.hosted) > model.host_slots:
            self.hosted.pop(0)

    def let_go(self, attempt: "Attempt", now_s: float) -> None:
        """It leaves the batch."""
        which = attempt.adapter
        if which not in self.needed:
            return
        self.needed[which] -= 1
        if self.needed[which] == 0:
            del self.needed[which]
            insort(self.idle, (now_s, which))

    def affinity(self, attempt: "Attempt", waiting: list["Attempt"]) -> float:
        """How well the replica is placed for it, as a router sees it."""
        if self.model is None:
            return 0.0
        if attempt.adapter in self.needed:
            return 1.0
        awaited = {each.adapter for each in waiting if each.adapter >= 0}
        if len(awaited | self.needed.keys()) < self.model.slots:
            return 0.8
        return 0.6 if attempt.adapter in awaited else 0.0
