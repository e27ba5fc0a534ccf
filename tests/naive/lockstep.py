"""The ranks of a replica in the naive simulator: they begin a step together and end it together."""

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from naive.replica import Replica

NEVER = float("inf")


@dataclass(slots=True, eq=False)
class Team:
    """Ranks that step together; a replica without data parallelism has one.

    At a boundary they have their turns one after the other. The last to have had it starts them
    all, and the slowest says when the step ends. Who has nothing to do goes through the motions.
    """

    number: int  # of the replica
    ranks: list["Replica"] = field(default_factory=list)
    in_line: list["Replica"] = field(default_factory=list)  # to have their turn at a boundary ...
    boundary_s: float = NEVER  # ... at this time
    is_at_rest: bool = True  # nothing was under way then, but for what a lone rank has

    @property
    def is_lone_and_under_way(self) -> bool:
        """Whether there is one rank, and no boundary is under way."""
        return len(self.ranks) == 1 and not self.in_line

    def next_event_s(self, rank: "Replica") -> float:
        """When a rank has its next turn."""
        if self.in_line:
            return self.boundary_s if rank in self.in_line else NEVER
        if len(self.ranks) == 1:
            return rank.wakes_s() if rank.step is None else rank.step.ends_s
        ends_s = [other.step.ends_s for other in self.ranks if other.step is not None]
        return max(ends_s) if ends_s else min(other.wakes_s() for other in self.ranks)

    def begin_turn(self, now_s: float) -> None:
        """A rank has its turn at a boundary: the first one if none is under way."""
        if not self.in_line:
            self.in_line, self.boundary_s = list(self.ranks), now_s
            self.is_at_rest = len(self.ranks) == 1 or all(r.step is None for r in self.ranks)

    def end_turn(self, rank: "Replica") -> None:
        """A rank is ready for its next step, or has none."""
        self.in_line.remove(rank)
        if self.in_line or not any(other.step for other in self.ranks):
            return
        ends_s = max(other.step.ends_s for other in self.ranks if other.step is not None)
        for other in self.ranks:
            other.step_until(ends_s)

    def die(self) -> None:
        """No boundary is under way any more."""
        self.in_line = []
