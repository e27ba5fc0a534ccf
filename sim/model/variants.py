"""Pools of several services that serve one model behind one router and, perhaps, one autoscaler."""

from dataclasses import dataclass, field
from typing import Final, Literal

from sim.model.autoscaler import Autoscaler
from sim.model.gateway import Gateway
from sim.model.rule import require

VariantRouter = Literal["least_loaded", "power_of_two", "random", "round_robin", "prefix"]
OF_POOLS: Final = ("session", "scored")  # routers that know no weights


@dataclass(frozen=True, slots=True)
class Variants:
    """A backend of several pools, such as H100 beside L40S.

    Attributes
    ----------
    name : str
        Of the backend, which routes lead to.
    pools : tuple of str
        Those that it joins, in the order in which an autoscaler fills them.
    weights : tuple of float
        Of a replica of each, the smallest 1: what it can take, relative to the others.
    router : VariantRouter
    gateway : Gateway
        Before all of them; those of the pools only say how much a replica is given at once.
    autoscaler : Autoscaler or None
        Its targets are those of a replica of weight 1, and a replica counts as its weight.
    """

    name: str
    pools: tuple[str, ...]
    weights: tuple[float, ...]
    router: VariantRouter = "least_loaded"
    gateway: Gateway = field(default_factory=Gateway)
    autoscaler: Autoscaler | None = None

    def __post_init__(self) -> None:
        rule = "must be above 0, so that a router reaches each variant"
        require(min(self.weights) > 0, "smallest weight", min(self.weights), rule)

    def weight_of(self, pool: str) -> float:
        """Weight of a replica of a pool."""
        return self.weights[self.pools.index(pool)]
