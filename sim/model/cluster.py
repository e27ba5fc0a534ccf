"""A cluster whose GPUs several pools share: what is guaranteed to each, and who comes first.

The words and the rules are those of Kueue (kueue.sigs.k8s.io, concepts: Cluster Queue, Preemption;
read 2026-11-26). A pool is a cluster queue, all pools are one cohort. A pool within its quota (its
nominal quota) is owed its GPUs; what it holds beyond is borrowed.
"""

from dataclasses import dataclass
from typing import Literal

from sim.model.floor import Floor
from sim.model.rule import require

Sharing = Literal["load", "first_come"]


@dataclass(frozen=True, slots=True)
class Standing:
    """What a pool is to its cluster.

    Attributes
    ----------
    quota : int or None
        GPUs that are guaranteed to it; None for those of its fewest replicas.
    priority : int
        The higher goes first where both borrow.
    """

    quota: int | None = None
    priority: int = 0


@dataclass(frozen=True, slots=True)
class Cluster:
    """GPUs that the replicas of all pools hold together at most.

    Attributes
    ----------
    gpus : int
    sharing : {"load", "first_come"}
        Among those of one priority that borrow: who has the fewest GPUs for its load goes first and
        takes from who has more, down to its quota (as Kueue's fair sharing, weighted by the load),
        or who asked first goes first and keeps what it has (Kueue's classic way).
    standings : tuple of (str, Standing)
        Of pools by name; of all others the default.
    node_gpus : int or None
        Of a node, which replicas of all pools share; None where any GPUs will do.
    zones : tuple of str
        Over which its GPUs are spread evenly; empty where they are in one place.
    """

    gpus: int
    sharing: Sharing = "load"
    standings: tuple[tuple[str, Standing], ...] = ()
    node_gpus: int | None = None
    zones: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        require(self.gpus >= 1, "GPUs of the cluster", self.gpus, "must be at least 1")
        each = (self.node_gpus or 1) * max(len(self.zones), 1)
        rule = f"must be a multiple of {each}, those of a node in each zone"
        require(self.gpus % each == 0, "GPUs of the cluster", self.gpus, rule)

    def floor(self) -> Floor | None:
        """Its nodes, with nobody there; None where it does not matter where GPUs are."""
        if self.node_gpus is None and not self.zones:
            return None
        return Floor(self.gpus, self.zones or ("",), self.node_gpus)

    def standing(self, pool: str) -> Standing:
        """What a pool is to the cluster."""
        return dict(self.standings).get(pool, Standing())
