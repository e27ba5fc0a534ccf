"""GPUs that several pools share: never more than there are, and each in its turn."""

from collections.abc import Iterator

import numpy as np
import pytest
import simpy

from sim.engine.control.gpu_budget import LOOK_S, GpuBudget
from sim.model.cluster import Sharing


class Pool:
    """Replicas that hold GPUs, without any of the rest of their lives."""

    def __init__(
        self,
        budget: GpuBudget,
        gpus: int = 1,
        quota: int = 0,
        priority: int = 0,
        load: int = 1,
        drain_s: float = 5.0,
    ) -> None:
        self.env, self.concurrency, self.drain_s = budget.env, load, drain_s
        self.vacating = self.evictions = 0
        self.claims: list[simpy.Event] = []
        self.least_using = 10**9
        self.tenant = budget.join(gpus, quota, priority, batch=1)
        self.tenant.fleet = self

    @property
    def held(self) -> int:
        return sum(claim.triggered for claim in self.claims)

    @property
    def pending(self) -> int:
        return len(self.claims) - self.held

    def ask(self, replicas: int = 1) -> None:
        self.claims += [self.tenant.ask() for _ in range(replicas)]

    def give(self, absent_s: float = 0.0, at: int = -1) -> None:
        """A replica is gone, or no longer asked for: by default the newest."""
        self.tenant.withdraw(self.claims.pop(at), absent_s)

    def evict(self) -> None:
        at = max(index for index, claim in enumerate(self.claims) if claim.triggered)
        self.evictions += 1
        self.vacating += 1
        self.least_using = min(self.least_using, self.tenant.using)
        self.env.process(self._drained(self.claims.pop(at)))
        self.ask()

    def _drained(self, claim: simpy.Event) -> Iterator[simpy.Event]:
        yield self.env.timeout(self.drain_s)
        self.vacating -= 1
        self.tenant.withdraw(claim, 0.0)


def budget_of(gpus: int, sharing: Sharing = "first_come") -> GpuBudget:
    return GpuBudget(simpy.Environment(), gpus, sharing)


def after(budget: GpuBudget, wait_s: float = 0.0) -> None:
    """All that happens up to and at a time from now."""
    end_s = budget.env.now + wait_s
    while budget.env.peek() <= end_s:
        budget.env.step()
    budget.env.run(until=np.nextafter(end_s, np.inf))


def test_what_finds_no_gpus_waits_until_some_are_given_back() -> None:
    budget = budget_of(3)
    a, b = Pool(budget), Pool(budget)
    a.ask(2)
    b.ask(2)
    after(budget)
    assert [(a.held, a.pending), (b.held, b.pending)] == [(2, 0), (1, 1)]
    a.give()
    after(budget)
    assert (a.held, b.held) == (1, 2)
    b.give()
    assert budget.free == 1


def test_all_who_ask_at_an_instant_are_heard_before_any_is_served() -> None:
    """The pool of higher priority comes last in the scenario, and is served first."""
    budget = budget_of(2)
    a, b = Pool(budget), Pool(budget, priority=1)
    a.ask(2)
    b.ask(1)
    after(budget)
    assert (a.held, b.held) == (1, 1)


def test_a_freed_gpu_goes_to_the_higher_priority_then_to_who_has_waited_longest() -> None:
    budget = budget_of(3)
    holder, late, early, high = (Pool(budget, priority=p) for p in (2, 0, 0, 1))
    holder.ask(3)
    after(budget)
    for pool in (early, late, high):
        pool.ask()
        after(budget, 1.0)
    order = []
    for _ in range(3):
        holder.give()
        after(budget, 1.0)
        order.append((high.held, early.held, late.held))
    assert order == [(1, 0, 0), (1, 1, 0), (1, 1, 1)]


def test_gpus_under_repair_are_nobodys() -> None:
    budget = budget_of(4)
    a, b = Pool(budget, gpus=4), Pool(budget)
    a.ask()
    after(budget)
    b.ask(2)
    after(budget, 10.0)
    a.give(absent_s=30.0)  # a crash, repaired at 40 s
    after(budget, 29.0)
    assert (b.held, budget.free) == (0, 0)
    after(budget, 2.0)
    assert (b.held, budget.free) == (2, 2)


def test_a_large_replica_that_does_not_fit_stops_no_small_one() -> None:
    budget = budget_of(4)
    holder, large, small = Pool(budget, gpus=2), Pool(budget, gpus=4), Pool(budget)
    holder.ask()
    after(budget)
    large.ask()
    small.ask(3)
    after(budget)
    assert (large.held, small.held, small.pending) == (0, 2, 1)


@pytest.mark.parametrize("sharing", ["first_come", "load"])
def test_a_pool_within_its_quota_takes_back_what_others_have_borrowed(sharing: Sharing) -> None:
    """Eight GPUs, four of them guaranteed to each: a borrows two, until b wants its own."""
    budget = budget_of(8, sharing)
    a, b = Pool(budget, gpus=2, quota=4, load=90), Pool(budget, gpus=4, quota=4)
    a.ask(4)
    after(budget, 1.0)
    assert a.held == 4
    b.ask()
    after(budget)
    assert (b.held, a.vacating) == (0, 2)  # two of theirs make room for one of b's
    after(budget, 5.0)
    assert (a.held, a.pending, b.held) == (2, 2, 1)
    after(budget, 10 * LOOK_S)
    assert (a.held, a.evictions, b.evictions) == (2, 2, 0)


def test_a_higher_priority_takes_what_a_lower_one_has_borrowed_and_no_more() -> None:
    budget = budget_of(6)
    low, high = Pool(budget, quota=2), Pool(budget, priority=1)
    low.ask(6)
    after(budget)
    high.ask(6)
    after(budget, 10 * LOOK_S)
    assert (low.held, high.held, high.pending) == (2, 4, 2)
    assert low.least_using == 2


def test_nothing_is_drained_that_makes_no_room_for_a_whole_replica() -> None:
    budget = budget_of(6)
    low, high = Pool(budget, quota=4), Pool(budget, gpus=4, priority=1)
    low.ask(6)
    after(budget)
    high.ask()
    after(budget, 10 * LOOK_S)
    assert (low.held, low.evictions) == (6, 0)


@pytest.mark.parametrize(("loads", "held"), [((40, 10), (5, 1)), ((30, 30), (3, 3))])
def test_gpus_go_to_where_the_load_is_and_stay_there(loads, held) -> None:
    budget = budget_of(6, "load")
    a, b = Pool(budget, quota=1, load=10), Pool(budget, quota=1, load=10)
    a.ask(3)
    b.ask(3)
    after(budget)
    a.concurrency, b.concurrency = loads
    a.ask(3)
    b.ask(3)
    after(budget, 20 * LOOK_S)
    assert (a.held, b.held) == held
    moved = b.evictions
    after(budget, 20 * LOOK_S)
    assert (a.held, b.held, b.evictions, a.evictions) == (*held, moved, 0)
    b.concurrency = 10 * a.concurrency
    after(budget, 20 * LOOK_S)
    assert (a.held, b.held) == (1, 5)


def test_first_come_leaves_gpus_with_whom_they_are() -> None:
    budget = budget_of(6)
    a, b = Pool(budget, quota=1, load=1000), Pool(budget, quota=1)
    b.ask(5)
    a.ask(6)
    after(budget, 20 * LOOK_S)
    assert (a.held, b.held, b.evictions) == (1, 5, 0)


@pytest.mark.parametrize("sharing", ["first_come", "load"])
@pytest.mark.parametrize("seed", range(4))
def test_never_more_gpus_than_there_are_and_none_idle_that_somebody_waits_for(
    sharing: Sharing, seed: int
) -> None:
    """Pools of 1, 2 and 4 GPUs a replica come, go, break and swing at random for an hour."""
    rng = np.random.default_rng(seed)
    budget = budget_of(16, sharing)
    pools = [
        Pool(budget, gpus=gpus, quota=quota, priority=int(rng.integers(2)))
        for gpus, quota in ((1, 2), (2, 2), (4, 4))
    ]
    for wait_s in rng.exponential(6.0, 600):
        pool = pools[rng.integers(3)]
        pool.concurrency = int(rng.integers(0, 60))
        if pool.claims and rng.random() < 0.5:
            at = int(rng.integers(len(pool.claims)))
            pool.give(absent_s=float(rng.choice([0.0, 20.0])), at=at)
        else:
            pool.ask(int(rng.integers(1, 4)))
        after(budget)
        held = sum(p.tenant.held for p in pools)
        assert held + budget.free <= 16 and budget.free >= 0
        for p in pools:
            assert p.tenant.held == (p.held + p.vacating) * p.tenant.gpus
            fits = p.pending and p.tenant.gpus <= budget.free
            assert not fits or any(other.vacating for other in pools)
        after(budget, float(wait_s))
    for p in pools:
        assert p.evictions == 0 or p.least_using >= p.tenant.quota
    assert sum(p.evictions for p in pools) > 0
    while any(p.claims for p in pools):
        next(p for p in pools if p.claims).give()
    after(budget, 100.0)
    assert budget.free == 16
