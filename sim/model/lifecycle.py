"""The life of a replica: requested, provisioning, loading, ready, draining, gone.

A replica that is asked for waits for capacity, then for a node (provisioning), then for everything
that turns a node into a serving engine (loading). It is on the bill from the moment its node runs
until it is gone, as clouds bill instances: the wait for a node costs nothing, pulling the image and
loading the weights are paid for. Replicas on standby, asleep or kept warm, hold their GPUs and are
paid for too.
"""

import math
from dataclasses import dataclass
from enum import Enum
from typing import Protocol

import numpy as np
import numpy.typing as npt

from sim.model.distributions import Constant, Distribution
from sim.model.rule import require

FloatArray = npt.NDArray[np.float64]

NOTHING = Constant(0.0)


class Stage(Enum):
    """Where a replica is in its life."""

    ABSENT = "absent"  # its slot is under repair, or was reclaimed and is not back yet
    REQUESTED = "requested"  # waits for capacity
    PROVISIONING = "provisioning"  # waits for its node
    LOADING = "loading"  # the bill runs from here on
    STANDBY = "standby"  # loaded, serves nobody
    WAKING = "waking"
    READY = "ready"
    DRAINING = "draining"
    GONE = "gone"


STARTING = {Stage.ABSENT, Stage.REQUESTED, Stage.PROVISIONING, Stage.LOADING, Stage.WAKING}
"""The stages that are on their way to ``READY``."""


class Duration(Protocol):
    """Anything that durations can be drawn from; every ``Distribution`` is one."""

    def sample(self, rng: np.random.Generator, n: int) -> FloatArray:
        """Draw n durations in seconds: (n,) float64."""
        ...


@dataclass(frozen=True, slots=True)
class WeightLoad:
    """Loading a model's weights: their size over the bandwidth of the slowest link.

    Attributes
    ----------
    weight_bytes : float
        Bytes that a replica reads.
    bytes_per_s : Distribution
        min(disk, network, PCIe); 0.3 to 3 GB/s with plain loaders, 3 to 20 GB/s with tuned ones
        (Run:ai Model Streamer and ServerlessLLM benchmarks, 2026).
    """

    weight_bytes: float
    bytes_per_s: Distribution

    def __post_init__(self) -> None:
        require(self.weight_bytes > 0, "weight_bytes", self.weight_bytes, "must be above 0")

    def sample(self, rng: np.random.Generator, n: int) -> FloatArray:
        """Draw n loading times in seconds."""
        loading_s: FloatArray = self.weight_bytes / self.bytes_per_s.sample(rng, n)
        return loading_s


@dataclass(frozen=True, slots=True)
class ColdStart:
    """From the grant of capacity to a serving replica.

    Attributes
    ----------
    provisioning : Duration
        Until the node runs, in seconds; not billed.
    loading : tuple of Duration
        What follows on the running node, one after the other; billed.
    deadline_s : float
        A replica that does not serve this long after its node runs is killed and asked for anew,
        as startup and liveness probes have it.

    Examples
    --------
    >>> from sim.model.distributions import Constant
    >>> cold_start = ColdStart.composed(
    ...     node=Constant(180.0),
    ...     image_pull=Constant(60.0),
    ...     weights=WeightLoad(141e9, Constant(2e9)),
    ...     engine_start=Constant(30.0),
    ... )
    >>> cold_start.draw(np.random.default_rng(0))
    (180.0, 160.5)
    """

    provisioning: Duration = NOTHING
    loading: tuple[Duration, ...] = ()
    deadline_s: float = math.inf

    def __post_init__(self) -> None:
        require(self.deadline_s > 0, "deadline_s", self.deadline_s, "must be above 0")

    @classmethod
    def whole(cls, duration: Duration, deadline_s: float = math.inf) -> "ColdStart":
        """A cold start known as one figure; its node runs, and is billed, from the beginning."""
        return cls(loading=(duration,), deadline_s=deadline_s)

    @classmethod
    def composed(
        cls,
        node: Duration = NOTHING,
        image_pull: Duration = NOTHING,
        weights: WeightLoad | None = None,
        engine_start: Duration = NOTHING,
        graph_capture: Duration | None = None,
        deadline_s: float = math.inf,
    ) -> "ColdStart":
        """A cold start put together from its parts, in the order in which they happen."""
        parts = (image_pull, weights, engine_start, graph_capture)
        return cls(node, tuple(part for part in parts if part is not None), deadline_s)

    def draw(self, rng: np.random.Generator) -> tuple[float, float]:
        """Provisioning and loading time of one replica, in seconds, never below 0."""
        provisioning_s = _once(self.provisioning, rng)
        return provisioning_s, sum((_once(part, rng) for part in self.loading), 0.0)


def _once(duration: Duration, rng: np.random.Generator) -> float:
    return max(0.0, float(duration.sample(rng, 1)[0]))


@dataclass(frozen=True, slots=True)
class Alternation:
    """Something that is on for a while, then off for a while, and so on; it begins on.

    Attributes
    ----------
    on, off : Distribution
        Seconds.
    """

    on: Distribution
    off: Distribution


@dataclass(frozen=True, slots=True)
class Standby:
    """Loaded replicas that serve nobody, and become ready in seconds.

    Attributes
    ----------
    replicas : int
        How many are kept at most.
    wake : Distribution
        Seconds from standby to ready.
    refill : bool
        A warm pool (True) is full at the start, and is filled up with cold starts; else only
        replicas that are no longer wanted go to standby: they sleep instead of being given back.
    """

    replicas: int
    wake: Distribution
    refill: bool = True

    def __post_init__(self) -> None:
        require(self.replicas > 0, "replicas on standby", self.replicas, "must be at least 1")


@dataclass(frozen=True, slots=True)
class Lifecycle:
    """How the replicas of a pool come and go.

    Attributes
    ----------
    cold_start : ColdStart
    standby : Standby or None
    capacity_limit : float
        Replicas that can be had at once, starting, serving, draining and on standby; further
        requests wait in order.
    capacity_outages : Alternation or None
        While it is off no new node is to be had; replicas that have theirs are not touched.
    drain_limit_s : float
        A replica that has not finished its requests this long after it was told to is killed.
    """

    cold_start: ColdStart = ColdStart()
    standby: Standby | None = None
    capacity_limit: float = math.inf
    capacity_outages: Alternation | None = None
    drain_limit_s: float = math.inf

    def __post_init__(self) -> None:
        require(self.capacity_limit >= 1, "capacity_limit", self.capacity_limit, "must be >= 1")
        require(self.drain_limit_s >= 0, "drain_limit_s", self.drain_limit_s, "must be >= 0")

    @property
    def kept_ready(self) -> int:
        """Replicas that stand by all the time, beside those that serve: used up, they are refilled.

        >>> Lifecycle(standby=Standby(3, wake=Constant(5.0))).kept_ready
        3
        """
        return self.standby.replicas if self.standby is not None and self.standby.refill else 0

    @property
    def most_serving(self) -> float:
        """Replicas that can be had beside those."""
        return self.capacity_limit - self.kept_ready
