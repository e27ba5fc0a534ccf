"""A replica as the control plane keeps it, and the nodes that replicas share."""

import math
from dataclasses import dataclass, field

import numpy as np
import simpy

from sim.model.lifecycle import STARTING, Stage


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
    slot_free_s : float
        When its slot can be used again after its end; the past for at once.
    paid_from_s : float
        Since when it is on the bill; NaN before.
    slowness : float
        Factor on its engine times.
    node : Node or None
    """

    number: int
    stage: Stage
    rng: np.random.Generator
    standby: bool = False
    order: int = 0
    on_plane: int = -1
    slot: simpy.Event | None = None
    slot_free_s: float = -math.inf
    paid_from_s: float = math.nan
    slowness: float = 1.0
    node: "Node | None" = None

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
    """Replicas that live and die together."""

    places: int
    replicas: list[Replica] = field(default_factory=list)

    def close(self) -> None:
        """Take no more replicas: the node dies."""
        self.places = 0


class Nodes:
    """The running nodes of a pool; a replica goes to the oldest that has room."""

    def __init__(self, places: int) -> None:
        self.places = places
        self._nodes: list[Node] = []

    def place(self, replica: Replica) -> None:
        """Put a replica on a node."""
        roomy = (node for node in self._nodes if len(node.replicas) < node.places)
        node = next(roomy, None)
        if node is None:
            node = Node(self.places)
            self._nodes.append(node)
        node.replicas.append(replica)
        replica.node = node

    def remove(self, replica: Replica) -> None:
        """Take a replica off its node; an empty node is given up."""
        node = replica.node
        if node is not None:
            node.replicas.remove(replica)
            replica.node = None
            if not node.replicas:
                self._nodes.remove(node)
