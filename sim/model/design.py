"""A design in one world: everything concrete that a replication needs."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from sim.model.gateway import Gateway
from sim.model.price import GpuPrice
from sim.model.profile import ServiceProfile
from sim.model.workload import Workload

Router = Literal["round_robin", "random", "least_loaded", "power_of_two"]


@dataclass(frozen=True, slots=True)
class Horizon:
    """The simulated time.

    Times in a simulation are seconds from ``start``; the warm-up runs before it, at negative times,
    and leaves no trace in any result.

    Attributes
    ----------
    start : datetime
        Naive, in the clock of the day shapes (UTC for those built in).
    duration_s, warm_up_s : float
    bin_s : float
        Width of a timeline bin; divides the duration into at least one bin, the last may be short.
    """

    start: datetime
    duration_s: float
    warm_up_s: float
    bin_s: float


@dataclass(frozen=True, slots=True)
class GpuPool:
    """Replicas of one model behind one router and its gateway."""

    name: str
    profile: ServiceProfile
    replicas: int
    router: Router
    price: GpuPrice
    gateway: Gateway = field(default_factory=Gateway)


@dataclass(frozen=True, slots=True)
class Design:
    """What one replication simulates."""

    name: str
    horizon: Horizon
    workloads: tuple[Workload, ...]
    pools: tuple[GpuPool, ...]
