"""What goes wrong with replicas: crashes, reclaimed spot instances, stragglers.

Every replica has its own random numbers, so that a policy that keeps more replicas does not move
the failures of the others. Clocks run while the replica's node runs. Whatever is lost is replaced
at once by a new replica with a cold start of its own, once its slot is there again.
"""

from dataclasses import dataclass

from sim.model.distributions import Distribution
from sim.model.lifecycle import Alternation
from sim.model.price import HOUR_S
from sim.model.rule import require
from sim.model.zones import Zones

# 419 unexpected interruptions in 54 days of 16,384 H100, 58.7 % caused by GPUs: 1.97e-5 per
# GPU-hour (Meta, 2024-07); 6.50 failures per 1,000 node-days of 8 A100: 3.4e-5 per GPU-hour
# (arXiv 2410.21680).
CRASHES_PER_GPU_HOUR = {"h100-llama3": 1.97e-5, "a100-rsc1": 3.4e-5}

# Seconds of notice before a spot instance is taken: AWS spot instance termination notices, GCP and
# Azure documentation.
SPOT_NOTICE_S = {"aws": 120.0, "gcp": 30.0, "azure": 30.0}


@dataclass(frozen=True, slots=True)
class Crashes:
    """Sudden deaths at a constant rate.

    Attributes
    ----------
    per_gpu_hour : float
        The GPUs of a replica crash independently; the first one takes the replica's node along.
    repair : Distribution or None
        Seconds until the slot can be used again, before the replacement's cold start; None where
        another node is to be had at once.
    replicas_per_node : int
        Replicas that share a node, and die together.
    """

    per_gpu_hour: float
    repair: Distribution | None = None
    replicas_per_node: int = 1

    def __post_init__(self) -> None:
        require(self.per_gpu_hour > 0, "per_gpu_hour", self.per_gpu_hour, "must be above 0")
        require(
            self.replicas_per_node >= 1, "replicas_per_node", self.replicas_per_node, "must be >= 1"
        )

    def mean_life_s(self, gpus: int) -> float:
        """Mean time to the crash of a replica of so many GPUs, were it alone on its node."""
        return HOUR_S / (self.per_gpu_hour * gpus)


@dataclass(frozen=True, slots=True)
class Spot:
    """Instances that their owner takes back.

    Attributes
    ----------
    life : Distribution
        Seconds from the start of a node to its end; the notice is part of it. Measured means are
        0.7 to 10.5 h, with outages of 0.8 to 3.6 h (AWS V100, 9 zones, skypilot-org/spot-traces).
    notice_s : float
        How long before its end the replica is told, and drains.
    absence : Distribution or None
        Seconds from the end of a node until another is to be had in its place; None for at once.
    falls_back : bool
        Whether a replica is rented on demand, with a cold start of its own, for each one that is
        not to be had on spot, until one on spot serves again in its place.
    """

    life: Distribution
    notice_s: float = SPOT_NOTICE_S["aws"]
    absence: Distribution | None = None
    falls_back: bool = False

    def __post_init__(self) -> None:
        require(self.notice_s >= 0, "notice_s", self.notice_s, "must be >= 0")
        require(
            self.notice_s < self.life.mean(),
            "notice_s",
            self.notice_s,
            f"must be shorter than the mean life ({self.life.mean():g})",
        )


@dataclass(frozen=True, slots=True)
class Stragglers:
    """Replicas that run, but slowly.

    Attributes
    ----------
    share : float
        Probability that a replica is one.
    slowness : float
        Factor on every engine time of a slow replica: 1.3 is 30 % slower.
    periods : Alternation or None
        Spells at full speed (on) and slow (off); None: a straggler is slow all its life.
    """

    share: float
    slowness: float
    periods: Alternation | None = None

    def __post_init__(self) -> None:
        require(0 < self.share <= 1, "share", self.share, "must be above 0 and at most 1")
        require(self.slowness > 0, "slowness", self.slowness, "must be above 0")


@dataclass(frozen=True, slots=True)
class Failures:
    """All that goes wrong with the replicas of a pool; None for what does not."""

    crashes: Crashes | None = None
    spot: Spot | None = None
    stragglers: Stragglers | None = None
    zones: Zones | None = None
