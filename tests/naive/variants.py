"""Pools of several services behind one gateway in the naive simulator."""

from collections.abc import Callable
from dataclasses import dataclass, field

from naive.attempt import Attempt
from naive.gateway import Gateway, round_robin
from naive.replica import Replica
from sim.engine.state.hashing import uniform
from sim.model.variants import Variants


@dataclass(slots=True)
class Joined(Gateway):
    """The gateway before several pools, whose replicas are all its members."""

    variants: Variants = field(kw_only=True)
    doors: list["Door"] = field(default_factory=list)
    door_of: dict[int, "Door"] = field(default_factory=dict)  # by rank
    note: Callable[[Attempt], None] = field(kw_only=True)  # that an attempt has come to a pool

    @property
    def max_model_len(self) -> int:
        return min(door.pool.profile.max_model_len for door in self.doors)

    @property
    def outstanding(self) -> int:
        return self.held

    def attempts_of(self, workload: int) -> int:
        """Those that are held."""
        return sum(attempt.workload == workload for line in self.lines.values() for attempt in line)

    def is_full(self) -> bool:
        places = sum(replica.profile.max_num_seqs for replica in self.ready)
        inside = self.held + sum(replica.outstanding for replica in self.members)
        return inside >= places + self.variants.gateway.max_queue

    def weight(self, replica: Replica) -> float:
        return self.door_of[replica.index].weight

    def load(self, replica: Replica) -> float:
        """Requests over weight, with the one that is to come."""
        return (replica.outstanding + 1) / self.weight(replica)

    def order(self, replica: Replica) -> tuple[float, tuple[int, int]]:
        return self.load(replica), self.router.turn_of(replica)

    def has_room(self, replica: Replica) -> bool:
        limit = self.door_of[replica.index].pool.gateway.replica_limit
        return replica.outstanding < limit

    def next_replica(self, attempt: Attempt) -> Replica | None:
        ready = self.ready
        if not ready:
            return None
        if self.router.policy == "prefix":
            chosen = self.by_prefix(attempt)
            if chosen is not None and self.has_room(chosen):
                return chosen
        central = any(door.pool.gateway.replica_limit < float("inf") for door in self.doors)
        if central or self.router.policy in ("prefix", "least_loaded"):
            return min(filter(self.has_room, ready), key=self.order, default=None)
        if self.router.policy == "round_robin":
            return self.in_turn(attempt)
        one = self.by_chance(attempt, 0)
        if self.router.policy == "random":
            return one
        two = self.by_chance(attempt, 1)
        return two if self.load(two) < self.load(one) else one

    def by_prefix(self, attempt: Attempt) -> Replica | None:
        if attempt.names is None:
            return None
        least = min(replica.outstanding / self.weight(replica) for replica in self.ready)
        calm = [it for it in self.ready if it.outstanding <= 2 * least * self.weight(it) + 4]
        names = attempt.names
        return min(calm, key=lambda it: (-it.points(names), *self.order(it)), default=None)

    def in_turn(self, attempt: Attempt) -> Replica:
        for door in self.doors:
            door.credit += door.weight * len(door.ready)
        able = [door for door in self.doors if door.ready]
        turn = max(able, key=lambda door: door.credit)
        turn.credit -= sum(door.weight * len(door.ready) for door in self.doors)
        chosen = round_robin(turn.router, turn.ready, attempt)
        turn.router.last_index = chosen.index
        return chosen

    def by_chance(self, attempt: Attempt, draw: int) -> Replica:
        able = [door for door in self.doors if door.ready]
        at = uniform(self.router.key, attempt.serial, draw)
        at *= sum(door.weight * len(door.ready) for door in self.doors)
        for door in able[:-1]:
            if at < door.weight * len(door.ready):
                break
            at -= door.weight * len(door.ready)
        else:
            door = able[-1]
        return door.ready[min(int(at / door.weight), len(door.ready) - 1)]

    def hand(self, replica: Replica, attempt: Attempt, now_s: float) -> None:
        attempt.backend = self.door_of[replica.index].index
        self.note(attempt)
        Gateway.hand(self, replica, attempt, now_s)


@dataclass(slots=True)
class Door(Gateway):
    """A pool that is one of several: its line is that of all."""

    weight: float = 1.0
    credit: float = 0.0
    joined: Joined = field(init=False)
    own: list[Replica] = field(default_factory=list)

    def behind(self, joined: Joined, weight: float) -> None:
        self.joined, self.weight = joined, weight / self.pool.profile.data_parallel_ranks
        self.members = joined.members
        joined.doors.append(self)

    def join(self, rank: Replica) -> None:
        self.own.append(rank)
        self.joined.door_of[rank.index] = self
        self.joined.join(rank)

    @property
    def ready(self) -> list[Replica]:
        return [replica for replica in self.own if replica.routable]

    @property
    def held(self) -> int:
        return self.joined.held

    @property
    def outstanding(self) -> int:
        return sum(replica.outstanding for replica in self.own)

    def attempts_of(self, workload: int) -> int:
        return sum(a.workload == workload for replica in self.own for a in replica.attempts)

    def hand_over(self, now_s: float, most: float = float("inf")) -> int:
        return self.joined.hand_over(now_s, most)
