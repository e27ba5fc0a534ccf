"""One budget of GPUs for the replicas of several pools: who gets those that are free, and when.

All who ask at an instant are heard before any is served. Free GPUs go, as far as they reach, to
pools that wait in the order of

1. those whose next replica lies within their quota,
2. the higher priority,
3. where GPUs are shared by load, the smaller share: GPUs in use, with those of the next replica,
   over the load; a load is the GPUs that would hold the pool's requests in full batches,
4. who has waited longest, and the order of the scenario.

A replica that does not fit does not stop those behind it that do (Kueue's ``BestEffortFIFO``)
unless GPUs are being reclaimed for it. The next replica of a pool has GPUs reclaimed if those that
are drained anyway do not suffice: the newest replicas of pools that hold more than their quota,
never so many that one falls below it, are drained and wait anew. They are taken from anybody for a
replica within its quota (``reclaimWithinCohort: Any``), else from pools of a lower priority
(``borrowWithinCohort: LowerPriority``), or where shared by load from those of the same priority
whose share is larger by a quarter than the asking pool's would be (fair sharing by
``LessThanInitialShare``, with a margin, as loads are never still): from the lowest priority first,
then the largest share. Nothing is drained that does not make room for a whole replica.

GPUs under repair, or that were taken back and not given again, are nobody's for so long. Loads
change, so whoever waits is looked at again every 15 s, as often as HPA looks.
"""

import itertools
from collections import deque
from collections.abc import Generator, Iterable
from typing import Protocol

import simpy

from sim.model.cluster import Sharing
from sim.model.floor import Place
from sim.model.rule import require

LOOK_S = 15.0  # sync period of HPA
AFTER_ALL = 2  # priority of an event after all others of its instant; SimPy has 0 and 1
MARGIN = 1.25  # beyond what the counts of some dozens of requests swing by (1 / sqrt(60) is 13 %)
LEAST_LOAD = 1e-9  # GPUs, so that nothing is divided by 0


class Fleet(Protocol):
    """The replicas of a pool, as far as the budget is told."""

    @property
    def concurrency(self) -> int:
        """Requests at the gateway and on replicas."""
        ...

    @property
    def vacating(self) -> int:
        """Replicas, or nodes bought whole, that hold GPUs and will soon be gone."""
        ...

    @property
    def zones(self) -> list[str]:
        """Those that are there, where the next replica goes first; one without a name for none."""
        ...

    def claims(self) -> list[tuple[simpy.Event, bool]]:
        """Claims of its replicas that were granted, and whether each will soon be gone.

        Of what is missed least first.
        """
        ...

    def evict(self) -> None:
        """Give up the replica or node that is missed least, and ask for others in its place."""
        ...

    def give_up(self, claim: simpy.Event) -> None:
        """Give up the replica of a claim, and ask for another in its place."""
        ...

    def lose_claim(self, claim: simpy.Event, repair_s: float) -> None:
        """The replica of a claim is dead at once, with the node that it is on."""
        ...


class Tenant:
    """A pool as the budget keeps it.

    Parameters
    ----------
    budget : GpuBudget
    number : int
        In the order of the scenario.
    gpus : int
        That a replica holds, or a node that is bought whole.
    quota, priority : int
    batch : int
        Requests that these GPUs have in their batches at most.

    Attributes
    ----------
    held : int
        GPUs of its replicas, those that are draining included.
    waiting : deque of (int, simpy.Event)
        Replicas that wait, with their turn among all that ever asked.
    """

    def __init__(
        self, budget: "GpuBudget", number: int, gpus: int, quota: int, priority: int, batch: int
    ) -> None:
        self.budget, self.number, self.gpus = budget, number, gpus
        self.quota, self.priority, self.batch = quota, priority, batch
        self.held = 0
        self.waiting: deque[tuple[int, simpy.Event]] = deque()
        self.fleet: Fleet

    @property
    def load(self) -> float:
        """GPUs that would hold its requests in full batches."""
        return max(self.fleet.concurrency / self.batch * self.gpus, LEAST_LOAD)

    @property
    def using(self) -> int:
        """GPUs of its replicas, those left out that will soon be gone."""
        return self.held - self.fleet.vacating * self.gpus

    def take(self) -> simpy.Event:
        """GPUs for a replica that is there from the beginning; a claim's value says where."""
        return self.budget.env.event().succeed(self.budget.take(self))

    def ask(self) -> simpy.Event:
        """The event that a replica's GPUs are granted."""
        event = self.budget.env.event()
        self.waiting.append((next(self.budget.turns), event))
        self.budget.stir()
        return event

    def withdraw(self, event: simpy.Event, absent_s: float) -> None:
        """No longer ask; GPUs that were granted already are free after ``absent_s``."""
        if event.triggered:
            self.held -= self.gpus
            self.budget.get_back(self.gpus, absent_s, event.value)
        else:
            self.waiting = deque(each for each in self.waiting if each[1] is not event)


class GpuBudget:
    """GPUs of a cluster, and the pools that wait for some.

    Parameters
    ----------
    env : simpy.Environment
    gpus : int
        That there are for pools that move.
    sharing : {"load", "first_come"}
    """

    shares_nodes = False  # whether replicas of several pools are on one node

    def __init__(self, env: simpy.Environment, gpus: int, sharing: Sharing) -> None:
        self.env, self.free = env, gpus
        self.turns = itertools.count()
        self._by_load = sharing == "load"
        self._tenants: list[Tenant] = []
        self._reclaiming_for: Tenant | None = None
        self._is_stirred = self._looks_again = False

    def join(self, gpus: int, quota: int, priority: int, batch: int) -> Tenant:
        """A further pool."""
        tenant = Tenant(self, len(self._tenants), gpus, quota, priority, batch)
        self._tenants.append(tenant)
        return tenant

    def take(self, tenant: Tenant) -> Place | None:
        """A replica's GPUs are its own from now on; where they are, if that matters."""
        rule = f"must be among the {self.free} that are free"
        require(tenant.gpus <= self.free, "GPUs of a replica", tenant.gpus, rule)
        self.free -= tenant.gpus
        tenant.held += tenant.gpus
        return None

    def get_back(self, gpus: int, after_s: float, place: Place | None = None) -> None:
        """Have GPUs again, at once or later."""
        if after_s > 0:
            self.env.process(self._later(gpus, after_s, place))
        else:
            self._free_again(gpus, place)
            self.stir()

    def _later(self, gpus: int, after_s: float, place: Place | None) -> Generator[simpy.Event]:
        yield self.env.timeout(after_s)
        self.get_back(gpus, 0.0, place)

    def _free_again(self, gpus: int, _place: Place | None) -> None:
        self.free += gpus

    def crash(self, claim: simpy.Event, repair_s: float) -> None:
        """The nodes of a claim are dead at once; nobody has any here."""
        raise NotImplementedError

    def stir(self) -> None:
        """Something has changed: serve those that wait once all of this instant are heard."""
        if not self._is_stirred:
            self._is_stirred = True
            event = self.env.event()
            event._ok, event._value = True, None
            event.callbacks = [self._settle]
            self.env.schedule(event, priority=AFTER_ALL)  # type: ignore[arg-type]

    def _settle(self, _: simpy.Event) -> None:
        self._is_stirred = False
        self._grant()
        for tenant in self._in_turn():
            if self._reclaim(tenant):
                break
        if not self._looks_again and any(tenant.waiting for tenant in self._tenants):
            self._looks_again = True
            self.env.process(self._look_again())

    def _look_again(self) -> Generator[simpy.Event]:
        yield self.env.timeout(LOOK_S)
        self._looks_again = False
        self.stir()

    # Turns

    def _in_turn(self) -> list[Tenant]:
        """Pools that wait, who is first to be served first."""
        return sorted((each for each in self._tenants if each.waiting), key=self._turn)

    def _turn(self, tenant: Tenant) -> tuple[bool, int, float, int]:
        owed = _is_owed(tenant)
        share = _share(tenant, tenant.using + tenant.gpus) if self._by_load and not owed else 0.0
        return not owed, -tenant.priority, share, tenant.waiting[0][0]

    def _grant(self) -> None:
        """Serve those that wait as far as the free GPUs reach."""
        while (tenant := self._next()) is not None:
            place = self.take(tenant)
            tenant.waiting.popleft()[1].succeed(place)
            if tenant is self._reclaiming_for:
                self._reclaiming_for = None

    def _next(self) -> Tenant | None:
        for tenant in self._in_turn():
            if self._fits(tenant):
                return tenant
            if tenant is self._reclaiming_for and self._coming:
                return None
        return None

    def _fits(self, tenant: Tenant) -> bool:
        return tenant.gpus <= self.free

    # Reclaiming

    @property
    def _coming(self) -> int:
        """GPUs that will soon be free."""
        return sum(each.fleet.vacating * each.gpus for each in self._tenants)

    def _reclaim(self, tenant: Tenant) -> bool:
        """See that GPUs come free for the next replica of a pool, if any may be taken for it."""
        missing = tenant.gpus - self.free - self._coming
        if missing <= 0:
            return True
        using = {each: each.using for each in self._tenants}
        givers: list[Tenant] = []
        while missing > 0:
            giver = self._giver(tenant, using, self._tenants)
            if giver is None:
                return False
            givers.append(giver)
            using[giver] -= giver.gpus
            missing -= giver.gpus
        self._reclaiming_for = tenant
        for giver in givers:
            giver.fleet.evict()
        return True

    def _giver(
        self, tenant: Tenant, using: dict[Tenant, int], among: Iterable[Tenant]
    ) -> Tenant | None:
        """Which of some pools gives up a replica to make room for one of this pool."""
        able = (
            each
            for each in among
            if each is not tenant
            and using[each] - each.gpus >= each.quota
            and self._yields(each, using[each], tenant)
        )
        return min(
            able,
            key=lambda each: (each.priority, -_share(each, using[each]), -each.number),
            default=None,
        )

    def _yields(self, giver: Tenant, using: int, tenant: Tenant) -> bool:
        if _is_owed(tenant) or giver.priority < tenant.priority:
            return True
        if not self._by_load or giver.priority > tenant.priority:
            return False
        return MARGIN * _share(tenant, tenant.using + tenant.gpus) < _share(giver, using)


def _is_owed(tenant: Tenant) -> bool:
    """Whether its next replica lies within its quota."""
    return tenant.using + tenant.gpus <= tenant.quota


def _share(tenant: Tenant, using: int) -> float:
    """GPUs for each that the load of a pool would fill, where it uses so many."""
    return using / tenant.load
