"""The nodes of a cluster and the zones they are in: where GPUs are free, and who fits where.

A replica has all its GPUs in one zone. On nodes, one that is no larger than a node has them on one
node: on that with room which is left with the fewest free; a larger one takes as many nodes as it
needs that nobody else is on, and leaves what it does not use of the last to others. Nothing is
moved from one node to another. Without nodes a zone is one place, and without zones the cluster is.
"""

import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

NOWHERE: Mapping[int, int] = {}


@dataclass(frozen=True, slots=True)
class Place:
    """GPUs of a replica, or of a node that is bought whole.

    Attributes
    ----------
    zone : str
        Empty where there are none.
    gpus : tuple of (int, int)
        Numbers of nodes, and how many of each.
    """

    zone: str
    gpus: tuple[tuple[int, int], ...]


class Floor:
    """Free GPUs by node.

    Parameters
    ----------
    gpus : int
        Of the cluster.
    zones : sequence of str
        That they are spread over evenly.
    node_gpus : int or None
        Of a node; None where any GPUs of a zone will do.

    Attributes
    ----------
    zones : tuple of str
    size : int
        GPUs of a node.
    zone_of, free : list
        Zone and free GPUs of each node, those of a zone one after the other.
    has_nodes : bool
        Whether nodes are smaller than zones.
    broken : Counter of int
        Nodes that are under repair, where nobody is placed.
    """

    def __init__(self, gpus: int, zones: Sequence[str] = ("",), node_gpus: int | None = None):
        self.zones = tuple(zones)
        self.size = node_gpus or gpus // len(zones)
        self.zone_of = [zone for zone in zones for _ in range(gpus // len(zones) // self.size)]
        self.free = [self.size for _ in self.zone_of]
        self.has_nodes = node_gpus is not None
        self.broken: Counter[int] = Counter()

    def place(
        self, gpus: int, zones: Iterable[str], coming: Mapping[int, int] = NOWHERE
    ) -> Place | None:
        """Where so many fit, in the first of some zones in which they do; None for nowhere.

        With ``coming`` by node as if they were free.
        """
        for zone in zones:
            free = {
                node: self.free[node] + coming.get(node, 0)
                for node, where in enumerate(self.zone_of)
                if where == zone and self.broken[node] == 0
            }
            found = self._on_one(gpus, free) if gpus <= self.size else self._on_many(gpus, free)
            if found:
                return Place(zone, found)
        return None

    def _on_one(self, gpus: int, free: Mapping[int, int]) -> tuple[tuple[int, int], ...]:
        roomy = [node for node in free if free[node] >= gpus]
        return ((min(roomy, key=free.__getitem__), gpus),) if roomy else ()

    def _on_many(self, gpus: int, free: Mapping[int, int]) -> tuple[tuple[int, int], ...]:
        whole = [node for node in free if free[node] == self.size]
        needed = math.ceil(gpus / self.size)
        if len(whole) < needed:
            return ()
        last = gpus - (needed - 1) * self.size
        return tuple(zip(whole[:needed], [self.size] * (needed - 1) + [last], strict=True))

    def take(self, place: Place) -> None:
        """GPUs are somebody's from now on."""
        for node, gpus in place.gpus:
            self.free[node] -= gpus

    def give(self, place: Place) -> None:
        """They are free again."""
        for node, gpus in place.gpus:
            self.free[node] += gpus

    def fill(self, gpus: int, replicas: int, zones: Sequence[str]) -> bool:
        """Take so many for each of some replicas, spread over zones; whether all found a place."""
        there = dict.fromkeys(zones, 0)
        for _ in range(replicas):
            place = self.place(gpus, sorted(zones, key=there.__getitem__))
            if place is None:
                return False
            self.take(place)
            there[place.zone] += 1
        return True

    def most(self, gpus: int, zones: Iterable[str]) -> int:
        """Replicas of so many that some zones have room for, were nobody else there."""
        nodes = {zone: self.zone_of.count(zone) for zone in zones}
        if gpus <= self.size:
            return sum(nodes.values()) * (self.size // gpus)
        return sum(count // math.ceil(gpus / self.size) for count in nodes.values())
