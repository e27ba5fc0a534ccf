"""Machines that are bought by the node: replicas share nodes, and pay for all GPUs of each.

A new replica goes to the oldest node of its zone that has room, running or not; where there is
none, to a new node. A node is asked for as a whole, and is on the bill from when it runs until its
last replica is gone. Nothing is moved from one node to another.
"""

import itertools
import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import simpy

from sim.engine.control.gpu_budget import Tenant
from sim.engine.control.replica import Node, Replica
from sim.engine.control.spread import Spread
from sim.engine.control.supply import Process, Supply
from sim.model.lifecycle import Stage


@dataclass(eq=False, slots=True)
class BoughtNode(Node):
    """A node, from its first replica's asking for it until its last is gone.

    Attributes
    ----------
    zone : str or None
    claim : simpy.Event or None
        Its GPUs of those that several pools share.
    runs_from_s : float
        When it runs, or will; NaN before its GPUs are granted.
    paid_from_s : float
        NaN before it runs.
    is_closing : bool
        Whether no further replica may come: it is dead, or is given up for another pool.
    """

    zone: str | None = None
    claim: simpy.Event | None = None
    runs_from_s: float = math.nan
    paid_from_s: float = field(default=math.nan)
    is_closing: bool = False


class NodeSupply(Supply):
    """Machines that are bought by the node; parameters are those of :class:`Supply`."""

    def __init__(
        self,
        env: simpy.Environment,
        spread: Spread,
        slots: float = math.inf,
        places: int = 1,
        tenant: Tenant | None = None,
    ) -> None:
        super().__init__(env, spread, slots, places, tenant)
        self._numbers = itertools.count()
        self._there: dict[int, BoughtNode] = {}  # by number
        self._node_bills: list[tuple[float, float]] = []

    def take(self, replica: Replica) -> None:
        """What a replica holds that is there from the beginning."""
        replica.slot = self.capacity.ask()
        self._spread.place(replica)
        node = self._placed(replica)
        if self._tenant is not None and node.claim is None:
            node.claim = self._tenant.take()
        node.runs_from_s = float(self.env.now)

    def granted(self, replica: Replica) -> Process:
        """Wait for the slot that was asked for, and for the GPUs of a node."""
        yield from self._slot_granted(replica)
        if replica.gone:
            return
        self._place(replica)
        node = self._placed(replica)
        if self._tenant is not None:
            node.claim = node.claim or self._tenant.ask()
            yield node.claim

    def provisioned_s(self, replica: Replica, provisioning_s: float) -> float:
        """Time until its node runs, which takes as long as its first replica says."""
        node, now_s = self._of(replica), float(self.env.now)
        if math.isnan(node.runs_from_s):
            node.runs_from_s = now_s + provisioning_s
        return max(0.0, node.runs_from_s - now_s)

    def node_up(self, replica: Replica) -> bool:
        """Its node runs, and the bill begins; whether it did not run before."""
        node = self._of(replica)
        replica.paid_from_s = float(self.env.now)
        is_new = math.isnan(node.paid_from_s)
        if is_new:
            node.paid_from_s = replica.paid_from_s
        return is_new

    def taken_back(self, replica: Replica, node: Node | None) -> list[Replica]:
        """All that are on a node, if it is there still; no others come."""
        return [] if node is None or node.number not in self._there else self.fail(node)

    def fail(self, node: Node) -> list[Replica]:
        """Take a node away, for it dies; the replicas that were on it."""
        self._there[node.number].is_closing = True
        return list(node.replicas)

    def to_evict(self, replicas: Iterable[Replica]) -> list[Replica]:
        """Of the node that is missed least all that do not drain yet; it takes no others."""
        held = [n for n in self._there.values() if n.claim is not None and n.claim.triggered]
        node = min((n for n in held if not _is_vacating(n)), key=_missed)
        node.is_closing = True
        return [replica for replica in node.replicas if replica.stage is not Stage.DRAINING]

    def vacating(self, draining: int) -> int:
        """Nodes that are held, and of which all replicas drain."""
        return sum(_is_vacating(node) for node in self._there.values()) if draining else 0

    def bought(self, replicas: Iterable[Replica]) -> Iterator[tuple[float, float]]:
        """From when to when each node was, or still is, on the bill."""
        yield from self._node_bills
        for node in self._there.values():
            if not math.isnan(node.paid_from_s):
                yield node.paid_from_s, math.inf

    def _leave_node(self, replica: Replica, absent_s: float) -> None:
        if replica.node is None:
            return
        node, replica.node = self._of(replica), None
        node.replicas.remove(replica)
        if node.replicas:
            return
        del self._there[node.number]
        if not math.isnan(node.paid_from_s):
            self._node_bills.append((node.paid_from_s, float(self.env.now)))
        if node.claim is not None and self._tenant is not None:
            self._tenant.withdraw(node.claim, absent_s)

    def _placed(self, replica: Replica) -> BoughtNode:
        """The node that a replica is on from now on."""
        node = next((n for n in self._there.values() if self._has_room(n, replica.zone)), None)
        if node is None:
            node = BoughtNode(next(self._numbers), zone=replica.zone)
            self._there[node.number] = node
        node.replicas.append(replica)
        replica.node = node
        return node

    def _has_room(self, node: BoughtNode, zone: str | None) -> bool:
        return node.zone == zone and not node.is_closing and len(node.replicas) < self._places

    def _of(self, replica: Replica) -> BoughtNode:
        assert replica.node is not None
        return self._there[replica.node.number]


def _is_vacating(node: BoughtNode) -> bool:
    return all(replica.stage is Stage.DRAINING for replica in node.replicas)


def _missed(node: BoughtNode) -> tuple[int, int, int]:
    """How much a node is missed: by who serves, by who will, and the newest least."""
    serving = sum(replica.stage is Stage.READY for replica in node.replicas)
    return serving, len(node.replicas), -node.number
