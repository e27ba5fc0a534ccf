"""A design in one world: everything concrete that a replication needs."""

import math
from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

import numpy as np
import numpy.typing as npt

from sim.model.adapters import AdapterSlots
from sim.model.autoscaler import Autoscaler, Keda
from sim.model.cache import PrefixCache
from sim.model.cluster import Cluster
from sim.model.economics import OneOff
from sim.model.energy import Energy
from sim.model.failure import Failures
from sim.model.gateway import Gateway
from sim.model.handoff import Handoff
from sim.model.lifecycle import Lifecycle
from sim.model.managed import ManagedApi
from sim.model.price import GpuPrice
from sim.model.profile import ServiceProfile
from sim.model.purchase import PurchasePlan
from sim.model.rule import require
from sim.model.scheduling import Scheduling
from sim.model.scorers import Scorers
from sim.model.variants import Variants
from sim.model.workload import Workload

Router = Literal[
    "round_robin", "random", "least_loaded", "power_of_two", "session", "prefix", "scored"
]

TAIL_BINS = 48  # after the arrivals, before bins become twice as wide: a job may take a week


@dataclass(frozen=True, slots=True)
class Horizon:
    """The simulated time.

    Times in a simulation are seconds from ``start``; the warm-up runs before it, at negative times,
    and leaves no trace in any result. Requests arrive before ``duration_s``. A horizon that is
    *cut* ends there. One that is *drained* ends with the last answer, in each world at a time of
    its own: where all requests come from traces that are played once, or are a given number, maybe
    before ``duration_s``, else not before.

    Attributes
    ----------
    start : datetime
        Naive, in the clock of the day shapes (UTC for those built in).
    duration_s, warm_up_s : float
    bin_s : float
        Width of a timeline bin; divides the duration into at least one bin, the last may be short.
    end_limit_s : float
        Longest time after ``duration_s`` for which a drained horizon waits for the last answers; 0
        for one that is cut.
    """

    start: datetime
    duration_s: float
    warm_up_s: float
    bin_s: float
    end_limit_s: float = 0.0

    @property
    def is_drained(self) -> bool:
        """Whether the last answers are waited for."""
        return self.end_limit_s > 0.0

    @property
    def latest_s(self) -> float:
        """The latest time at which it may end."""
        return self.duration_s + self.end_limit_s

    @property
    def edges_s(self) -> npt.NDArray[np.float64]:
        """Edges of the timeline's bins, up to the latest end: (bins + 1,) float64.

        Multiples of the width up to ``duration_s``, where an edge is. Beyond, each ``TAIL_BINS``
        are twice as wide as those before.
        """
        count = max(1, math.ceil(self.duration_s / self.bin_s - 1e-9))
        edges_s = np.arange(count + 1, dtype=np.float64) * self.bin_s
        edges_s[-1] = self.duration_s
        if not self.is_drained:
            return edges_s
        doublings = math.ceil(math.log2(self.end_limit_s / (TAIL_BINS * self.bin_s) + 1.0))
        widths_s = np.repeat(self.bin_s * 2.0 ** np.arange(max(doublings, 1)), TAIL_BINS)
        tail_s = self.duration_s + np.cumsum(widths_s)
        return np.concatenate([edges_s, tail_s[tail_s < self.latest_s], [self.latest_s]])


@dataclass(frozen=True, slots=True)
class GpuPool:
    """Replicas of one model behind one router and its gateway.

    ``replicas`` are ready when the simulation begins. There are as many from then on, but for
    failures, unless there is an autoscaler. ``cooldown_s`` is as that of a managed backend.
    ``node_gpus`` are those of a node, where nodes are bought whole; None where replicas are.
    With a ``handoff`` it computes prompts for another pool, which makes the answers.
    ``fixed_usd_per_month`` is paid beside the price of GPUs, whatever there is of them. ``energy``
    is None where nobody asks for it. ``scorers`` are those of the router ``scored``.
    ``adapters`` is None where none can be loaded. ``scheduling`` is the order in which those that
    wait on a replica are taken. Timetables are on a clock that is so many seconds ahead of that of
    the horizon (``ahead_s``).
    """

    name: str
    profile: ServiceProfile
    replicas: int
    router: Router
    price: GpuPrice | PurchasePlan
    gateway: Gateway = field(default_factory=Gateway)
    lifecycle: Lifecycle = field(default_factory=Lifecycle)
    autoscaler: Autoscaler | None = None
    failures: Failures = field(default_factory=Failures)
    prefix_cache: PrefixCache | None = None
    quality: float = math.nan
    cooldown_s: float = 0.0
    node_gpus: int | None = None
    fixed_usd_per_month: float = 0.0
    energy: Energy | None = None
    handoff: Handoff | None = None
    scorers: Scorers = field(default_factory=Scorers)
    adapters: AdapterSlots | None = None
    ahead_s: float = 0.0
    scheduling: Scheduling = field(default_factory=Scheduling)

    def __post_init__(self) -> None:
        is_either = self.adapters is None or self.scheduling.order == "fcfs"
        order = self.scheduling.order
        require(is_either, "order", order, "must be fcfs where adapters are loaded")
        there = self.replicas + self.lifecycle.kept_ready
        limit = self.lifecycle.capacity_limit
        require(there <= limit, "replicas at the start", there, f"exceed the capacity ({limit})")
        plan = self.price
        if isinstance(plan, PurchasePlan):
            most = self.bought_gpus(min(self.limits[1], limit))
            gpus, aside, tranche = plan.gpus, "", "a tranche"
            if self.falls_back:  # what is on demand stands in, and holds nothing of its own
                gpus, aside = plan.own().gpus, ", those on demand left aside"
                tranche = "a tranche that is not on demand"
            rule = (
                f"must be at least the {most} that the pool may have{aside}; let {tranche} be"
                " unlimited (leave its gpus out)"
            )
            require(gpus >= most, "GPUs of the purchase plan", f"{gpus:g}", rule)

    @property
    def gpus_per_replica(self) -> int:
        """GPUs that a replica holds."""
        return self.profile.gpus_per_replica

    @property
    def unit_gpus(self) -> int:
        """GPUs that are bought together: of a replica, of a node, or of a replica's nodes."""
        size = self.gpus_per_replica
        return size if self.node_gpus is None else math.ceil(size / self.node_gpus) * self.node_gpus

    @property
    def unit_replicas(self) -> int:
        """Replicas that those serve at most."""
        return 1 if self.node_gpus is None else max(1, self.node_gpus // self.gpus_per_replica)

    def bought_gpus(self, replicas: float) -> int:
        """GPUs that are bought for so many replicas, one on a node until it is full."""
        return math.ceil(replicas / self.unit_replicas - 1e-9) * self.unit_gpus

    @property
    def falls_back(self) -> bool:
        """Whether replicas on demand stand in for those on spot that are not to be had."""
        return self.failures.spot is not None and self.failures.spot.falls_back

    @property
    def capacity_limit(self) -> float:
        """Replicas that can be had at once; on demand, as many as are wanted."""
        return math.inf if self.falls_back else self.lifecycle.capacity_limit

    @property
    def moves(self) -> bool:
        """Whether replicas ever come, go, stand by or change."""
        at_rest = self.lifecycle.standby is None and self.failures == Failures()
        return not at_rest or self.autoscaler is not None

    @property
    def limits(self) -> tuple[int, int]:
        """Fewest and most replicas that may be wanted."""
        match self.autoscaler:
            case None:
                return self.replicas, self.replicas
            case Keda() as policy:
                return policy.resting_replicas, policy.max_replicas
            case policy:
                return policy.min_replicas, policy.max_replicas


@dataclass(frozen=True, slots=True)
class Region:
    """A part of the world: the workloads of users there, and the backends that stand there."""

    name: str
    workloads: tuple[str, ...]
    backends: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Design:
    """What one replication simulates.

    Backends are numbered: the pools, then the managed ones, then those that join several pools.
    """

    name: str
    horizon: Horizon
    workloads: tuple[Workload, ...]
    pools: tuple[GpuPool, ...]
    managed: tuple[ManagedApi, ...] = ()
    one_off: OneOff | None = None
    cluster: Cluster | None = None
    variants: tuple[Variants, ...] = ()
    regions: tuple[Region, ...] = ()

    @property
    def backends(self) -> tuple[GpuPool | ManagedApi, ...]:
        """All that do the work, in the order of their numbers."""
        return (*self.pools, *self.managed)

    @property
    def booked(self) -> tuple[int, int]:
        """Pools and backends that are booked, those that join several pools included."""
        more = len(self.variants)
        return len(self.pools) + more, len(self.backends) + more

    def joined(self, pool: str) -> Variants | None:
        """What a pool is a variant of."""
        return next((each for each in self.variants if pool in each.pools), None)

    def is_part(self, pool: str) -> bool:
        """Whether others have part in what comes to a pool.

        It only computes prompts for another, makes answers for one that does, or is a variant.
        """
        if self.joined(pool) is not None:
            return True
        handoffs = [(each.name, each.handoff.to) for each in self.pools if each.handoff is not None]
        return any(pool in pair for pair in handoffs)

    def quota_gpus(self, pool: GpuPool) -> int:
        """GPUs of the cluster that are guaranteed to a pool: by default for its fewest replicas."""
        given = None if self.cluster is None else self.cluster.standing(pool.name).quota
        least = pool.bought_gpus(pool.limits[0] + pool.lifecycle.kept_ready)
        return least if given is None else given

    def most_replicas(self, pool: GpuPool) -> float:
        """Replicas that a pool may have at once, with what the cluster owes to the others."""
        return min(pool.limits[1], pool.capacity_limit, self.left_for(pool))

    def left_for(self, pool: GpuPool) -> float:
        """Replicas of a pool that the cluster has GPUs for, beside what it owes to the others."""
        if self.cluster is None:
            return math.inf
        owed = sum(self.quota_gpus(each) for each in self.pools if each.name != pool.name)
        left = (self.cluster.gpus - owed) // pool.unit_gpus * pool.unit_replicas
        floor = self.cluster.floor()
        if floor is None:
            return left
        zones = pool.failures.zones
        return min(left, floor.most(pool.unit_gpus, floor.zones if zones is None else zones.names))
