"""A replica as the control plane keeps it, and the nodes that replicas share."""

import itertools
import math
from dataclasses import dataclass, field

import numpy as np
import simpy

from sim.model.lifecycle import STARTING, Stage


def label_of(number: int, stands_in: bool) -> str:
    """The name of a replica in its pool, from its number among those of its kind."""
    return f"on_demand/{number}" if stands_in else str(number)


@dataclass(eq=False, slots=True)
class Replica:
    """One replica from its request to its end.

    Attributes
    ----------
    number : int
        In its pool, in the order of launching; its random numbers go by it.
    stage : Stage
    rng : numpy.random.Generator
        Its own, for the durations of its life.
    standby : bool
        On standby, or on its way there.
    order : int
        When it was last asked to serve, or became ready: larger is later.
    on_plane : int
        Its number on the data plane since it last became ready.
    slot : simpy.Event or None
        Its place among those that can be had.
    claim : simpy.Event or None
        Its GPUs of those that several pools share.
    slot_free_s : float
        When its slot can be used again after its end; the past for at once.
    paid_from_s : float
        Since when it is on the bill; NaN before.
    slowness : float
        Factor on its engine times.
    node : Node or None
    is_evicted : bool
        Gives its GPUs to another pool.
    zone : str or None
        Where it is; None before it is anywhere.
    stands_in : bool
        Rented on demand in the place of a spot replica; numbers of its kind are their own.
    """

    number: int
    stage: Stage
    rng: np.random.Generator
    standby: bool = False
    order: int = 0
    on_plane: int = -1
    slot: simpy.Event | None = None
    claim: simpy.Event | None = None
    slot_free_s: float = -math.inf
    paid_from_s: float = math.nan
    slowness: float = 1.0
    node: "Node | None" = None
    is_evicted: bool = False
    zone: str | None = None
    stands_in: bool = False

    @property
    def label(self) -> str:
        """Its name in the pool, by which it has random numbers of its own."""
        return label_of(self.number, self.stands_in)

    @property
    def gone(self) -> bool:
        """Whether its life is over."""
        return self.stage is Stage.GONE

    @property
    def starting(self) -> bool:
        """Whether it is on its way to serving."""
        return not self.standby and self.stage in STARTING

    @property
    def serving(self) -> bool:
        """Whether it serves, or is on its way to it."""
        return self.stage is Stage.READY or self.starting


@dataclass(eq=False, slots=True)
class Node:
    """Replicas that live and die together, by the order in which they came."""

    number: int
    replicas: list[Replica] = field(default_factory=list)


class Nodes:
    """The running nodes of a pool; a replica goes to the oldest that has room.

    Parameters
    ----------
    places : int
        Replicas that a node has room for.
    """

    def __init__(self, places: int) -> None:
        self.places = places
        self._numbers = itertools.count()
        self._roomy: dict[int, Node] = {}  # by number

    def place(self, replica: Replica) -> None:
        """Put a replica on a node."""
        number = min(self._roomy) if self._roomy else next(self._numbers)
        node = self._roomy.setdefault(number, Node(number))
        node.replicas.append(replica)
        replica.node = node
        if len(node.replicas) == self.places:
            del self._roomy[number]

    def remove(self, replica: Replica) -> None:
        """Take a replica off its node; an empty node is given up."""
        node = replica.node
        if node is None:
            return
        node.replicas.remove(replica)
        replica.node = None
        if not node.replicas:
            self._roomy.pop(node.number, None)
        else:
            self._roomy[node.number] = node

    def fail(self, node: Node) -> list[Replica]:
        """Take a node away, for it dies; the replicas that were on it, which are on none now."""
        self._roomy.pop(node.number, None)
        victims, node.replicas = node.replicas, []
        for victim in victims:
            victim.node = None
        return victims
