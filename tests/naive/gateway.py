"""The gateway before a pool in the naive simulator: it rejects, holds, routes and hands over."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from naive.attempt import Attempt
from naive.hashing import jump, mixed
from naive.photo_finish import comes_at_an_end
from naive.replica import Replica
from naive.tiers import Tier, alone
from sim.engine.state.hashing import uniform
from sim.model.design import GpuPool
from sim.model.scorers import Scorers

SESSION_DRAW = 11


@dataclass(slots=True)
class Router:
    """What a router may look at: the last replica used, and the key of its random draws."""

    policy: str
    key: np.uint64
    scorers: Scorers = field(default_factory=Scorers)
    last_index: int = -1
    turns: dict[int, int] = field(default_factory=dict)  # the last one of each replica
    handed_over: int = 0  # requests

    def choose(self, ready: list[Replica], attempt: Attempt) -> Replica:
        """One of ``ready`` (in index order, not empty)."""
        chosen = ROUTERS[self.policy](self, ready, attempt)
        self.last_index = chosen.index
        return chosen

    def turn_of(self, replica: Replica) -> tuple[int, int]:
        """When a replica had its last turn; its index, if it had none."""
        return self.turns.get(replica.index, 0), replica.index

    def note_turn(self, replica: Replica) -> None:
        """A request is handed over to it."""
        self.handed_over += 1
        self.turns[replica.index] = self.handed_over

    def draw(self, ready: list[Replica], attempt: Attempt, draw: int) -> Replica:
        return ready[int(uniform(self.key, attempt.serial, draw) * len(ready))]


def round_robin(router: Router, ready: list[Replica], attempt: Attempt) -> Replica:
    later = [replica for replica in ready if replica.index > router.last_index]
    return later[0] if later else ready[0]


def random_replica(router: Router, ready: list[Replica], attempt: Attempt) -> Replica:
    return router.draw(ready, attempt, 0)


def least_loaded(router: Router, ready: list[Replica], attempt: Attempt) -> Replica:
    """Of equals the one that had its turn longest ago; those that never had one before all."""
    return min(ready, key=lambda replica: (replica.outstanding, router.turn_of(replica)))


def power_of_two(router: Router, ready: list[Replica], attempt: Attempt) -> Replica:
    first, second = router.draw(ready, attempt, 0), router.draw(ready, attempt, 1)
    return second if second.outstanding < first.outstanding else first


def same_for_a_session(router: Router, ready: list[Replica], attempt: Attempt) -> Replica:
    if attempt.session < 0:
        return least_loaded(router, ready, attempt)
    return ready[jump(mixed(int(router.key), attempt.session, SESSION_DRAW), len(ready))]


def most_of_the_prefix(router: Router, ready: list[Replica], attempt: Attempt) -> Replica:
    """The replica that has most of the prompt cached, unless it is far busier than others."""
    if attempt.names is None:
        return least_loaded(router, ready, attempt)
    names = attempt.names
    most = 2 * min(replica.outstanding for replica in ready) + 4
    return min(
        (replica for replica in ready if replica.outstanding <= most),
        key=lambda replica: (
            -replica.points(names),
            replica.outstanding,
            router.turn_of(replica),
        ),
    )


def best_score(router: Router, ready: list[Replica], attempt: Attempt) -> Replica:
    """The largest weighted sum of what scorers say of each; of equals the least loaded."""
    weights = router.scorers

    def between(figure: Callable[[Replica], int], best: Callable[..., int]) -> list[float]:
        figures = [figure(replica) for replica in ready]
        one, zero = best(figures), (min if best is max else max)(figures)
        return [1.0 if one == zero else (own - zero) / (one - zero) for own in figures]

    names = attempt.names or ()
    kept = between(lambda replica: replica.points(names) if names else 0, max)
    waiting = between(lambda replica: replica.outstanding - len(replica.running), min)
    running = between(lambda replica: len(replica.running), min)
    scores = [
        weights.prefix * kept[at]
        + weights.queue * waiting[at]
        + weights.kv_cache * (replica.free_blocks / replica.total_blocks)
        + weights.adapter * replica.shelf.affinity(attempt, replica.waiting)
        + weights.running * running[at]
        for at, replica in enumerate(ready)
    ]
    at = min(
        range(len(ready)),
        key=lambda at: (-scores[at], ready[at].outstanding, router.turn_of(ready[at])),
    )
    return ready[at]


ROUTERS: dict[str, Callable[[Router, list[Replica], Attempt], Replica]] = {
    "round_robin": round_robin,
    "random": random_replica,
    "least_loaded": least_loaded,
    "power_of_two": power_of_two,
    "session": same_for_a_session,
    "prefix": most_of_the_prefix,
    "scored": best_score,
}
# Obeyed by a central queue too, where the chosen one has room.
AFFINE = ("session", "prefix", "scored")


@dataclass(slots=True)
class Gateway:
    """The door of a pool, and the queue behind the door: one line for each priority."""

    index: int  # of the pool
    pool: GpuPool
    router: Router
    members: list[Replica] = field(default_factory=list)
    stores: list[Tier] = field(default_factory=list)  # that its replicas share
    lines: dict[int, list[Attempt]] = field(default_factory=lambda: {p: [] for p in range(-1, 3)})
    rejected: int = 0  # attempts
    holds_back: bool = False  # all that comes
    is_lost: bool = False  # with its region
    beyond_limit: int = 0  # of a replica, beside batches that give way there
    moved: Counter[str] = field(default_factory=Counter)  # to other pools
    hands_to: "Gateway | None" = None  # who answers the prompts that are computed here

    def __post_init__(self) -> None:
        if (cache := self.pool.prefix_cache) is not None:
            self.stores = [alone(cache, tier) for tier in cache.tiers if tier.is_shared]

    @property
    def max_model_len(self) -> int:
        longest = self.pool.profile.max_model_len
        return longest if self.hands_to is None else min(longest, self.hands_to.max_model_len)

    @property
    def cooldown_s(self) -> float:
        return self.pool.cooldown_s

    @property
    def ready(self) -> list[Replica]:
        return [replica for replica in self.members if replica.routable]

    @property
    def held(self) -> int:
        return sum(map(len, self.lines.values()))

    @property
    def outstanding(self) -> int:
        """Attempts in the pool, its draining replicas and its orphans included, and before it."""
        return self.held + sum(replica.outstanding for replica in self.members)

    @property
    def waiting(self) -> int:
        """Attempts that are held, or wait on a replica."""
        return self.held + sum(len(it.waiting) + len(it.fetching) for it in self.members)

    def join(self, rank: Replica) -> None:
        self.members.append(rank)

    def is_full(self) -> bool:
        places = len(self.ready) * self.pool.profile.max_num_seqs
        return self.outstanding >= places + self.pool.gateway.max_queue

    def attempts_of(self, workload: int) -> int:
        """Attempts of a workload in the pool, as above."""
        places = [*self.lines.values(), *(replica.attempts for replica in self.members)]
        return sum(attempt.workload == workload for place in places for attempt in place)

    def is_open(self) -> bool:
        """Whether a replica is there, or there are to be some."""
        return bool(self.ready) or (self.pool.gateway.holds and not self.is_lost)

    def accepts(self) -> bool:
        return self.is_open() and not self.is_full()

    def empty(self) -> list[Attempt]:
        """Take all off its lines, in order."""
        held = [attempt for line in self.lines.values() for attempt in line]
        for line in self.lines.values():
            line.clear()
        return held

    def is_saturated(self) -> bool:
        """Then sheddable attempts are turned away."""
        most = self.pool.gateway.shed_queue * len(self.ready)
        return self.holds_back or self.waiting >= most

    def next_replica(self, attempt: Attempt) -> Replica | None:
        """Where an attempt goes now; None where nobody has room."""
        ready, limit = self.ready, self.pool.gateway.replica_limit
        if not ready or self.holds_back:
            return None
        if limit == np.inf:
            return self.router.choose(ready, attempt)
        if self.router.policy in AFFINE:
            chosen = self.router.choose(ready, attempt)
            if chosen.outstanding < limit:
                return chosen
        chosen = least_loaded(self.router, ready, attempt)
        return chosen if chosen.outstanding < limit else self.beside_batches(attempt)

    def beside_batches(self, attempt: Attempt) -> Replica | None:
        """Beyond its limit a replica takes as many of others as it has of batches."""
        limit = self.pool.gateway.replica_limit
        rooms = [it for it in self.ready if it.of_batches and it.of_others < limit]
        if not attempt.goes_first or not rooms:
            return None
        self.beyond_limit += 1
        return min(rooms, key=lambda it: (it.of_others, self.router.turn_of(it)))

    def take_in(self, attempt: Attempt, priority: int, now_s: float) -> None:
        """To a replica, or to the end of its line."""
        replica = self.next_replica(attempt)
        if replica is None:
            self.lines[priority].append(attempt)
        else:
            self.hand(replica, attempt, now_s)

    def hand(self, replica: Replica, attempt: Attempt, now_s: float) -> None:
        self.router.note_turn(replica)
        replica.is_close_call |= comes_at_an_end(replica, now_s)
        replica.accept(attempt, now_s)

    def hand_over(self, now_s: float, most: float = np.inf) -> int:
        """Empty the lines, in order, as far as replicas have room; how many have left."""
        left = 0
        for line in self.lines.values():
            while line and left < most and (replica := self.next_replica(line[0])) is not None:
                self.hand(replica, line.pop(0), now_s)
                left += 1
        return left

    def drop(self, attempt: Attempt) -> bool:
        """Take an attempt off its line; whether it was held."""
        for line in self.lines.values():
            if attempt in line:
                line.remove(attempt)
                return True
        return False
