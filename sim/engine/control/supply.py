"""Where a pool has its machines from: slots, GPUs of a cluster, nodes, and what is on the bill."""

import math
from collections.abc import Generator, Iterable, Iterator

import simpy

from sim.engine.control.capacity import Capacity
from sim.engine.control.gpu_budget import Tenant
from sim.engine.control.replica import Node, Nodes, Replica
from sim.engine.control.spread import Spread
from sim.model.lifecycle import Stage

Process = Generator[simpy.Event, object, None]


class Supply:
    """Machines that are had in one way: what each replica on them holds, and since when it is paid.

    Parameters
    ----------
    env : simpy.Environment
    spread : Spread
        Zones of the pool.
    slots : float
        Replicas that can be had at once.
    places : int
        Replicas that share a node.
    tenant : Tenant or None
        Whose GPUs of a cluster they are.

    Attributes
    ----------
    capacity : Capacity
    """

    def __init__(
        self,
        env: simpy.Environment,
        spread: Spread,
        slots: float = math.inf,
        places: int = 1,
        tenant: Tenant | None = None,
    ) -> None:
        self.env = env
        self.capacity = Capacity(env, slots)
        self._spread = spread
        self._places = places
        self._nodes: dict[str | None, Nodes] = {}  # by zone
        self._tenant = tenant
        self._bills: list[tuple[float, float]] = []

    def take(self, replica: Replica) -> None:
        """What a replica holds that is there from the beginning."""
        replica.slot = self.capacity.ask()
        if self._tenant is not None:
            replica.claim = self._tenant.take()
        self._place(replica)

    def ask(self, replica: Replica) -> None:
        """Ask for a slot."""
        replica.slot = self.capacity.ask()

    def granted(self, replica: Replica) -> Process:
        """Wait for the slot that was asked for, in a zone, and for GPUs of the cluster."""
        yield from self._slot_granted(replica)
        if self._tenant is not None and not replica.gone:
            replica.claim = self._tenant.ask()
            yield replica.claim
        if not replica.gone:
            self._place(replica)

    def _slot_granted(self, replica: Replica) -> Process:
        assert replica.slot is not None
        yield replica.slot
        while not replica.gone and not self._spread.is_anywhere:  # lost in the instant of its grant
            self.capacity.withdraw(replica.slot)
            self.ask(replica)
            yield replica.slot

    def _place(self, replica: Replica) -> None:
        """In the zone of its GPUs, or in that with the fewest replicas."""
        place = None if replica.claim is None else replica.claim.value
        self._spread.place(replica, None if place is None else place.zone)

    def provisioned_s(self, replica: Replica, provisioning_s: float) -> float:
        """Time until its node runs, of one that takes so long."""
        return provisioning_s

    def node_up(self, replica: Replica) -> bool:
        """Its node runs, and the bill begins; whether nobody was on its instance before."""
        replica.paid_from_s = float(self.env.now)
        self._nodes_of(replica.zone).place(replica)
        return True

    def taken_back(self, replica: Replica, _node: Node | None) -> list[Replica]:
        """Who goes with the instance that a replica was the first on."""
        return [] if replica.gone else [replica]

    def fail(self, node: Node) -> list[Replica]:
        """Take a node away, for it dies; the replicas that were on it."""
        return self._nodes_of(node.replicas[0].zone).fail(node)

    def give_back(self, replica: Replica) -> None:
        """A replica is gone: its slot and GPUs are free once its ``slot_free_s`` has come."""
        now_s = float(self.env.now)
        absent_s = replica.slot_free_s - now_s
        self._leave_node(replica, absent_s)
        self._spread.remove(replica)
        if not math.isnan(replica.paid_from_s):
            self._bills.append((replica.paid_from_s, now_s))
        if replica.claim is not None and self._tenant is not None:
            self._tenant.withdraw(replica.claim, absent_s)
        if replica.slot is not None:
            if absent_s > 0:
                self.env.process(self._free_slot(replica.slot, absent_s))
            else:
                self.capacity.withdraw(replica.slot)

    def rentals(self, replicas: Iterable[Replica]) -> Iterator[tuple[float, float]]:
        """From when to when each replica was, or of those that are there still is, on the bill."""
        yield from self._bills
        for replica in replicas:
            if not math.isnan(replica.paid_from_s):
                yield replica.paid_from_s, math.inf

    def bought(self, replicas: Iterable[Replica]) -> Iterator[tuple[float, float]]:
        """The same of what is bought as a whole: the machines of a replica."""
        return self.rentals(replicas)

    def holders(self, replicas: Iterable[Replica]) -> list[Replica]:
        """Who has GPUs, and is missed least: on standby, then starting, then ready, the newest."""
        hold = (r for r in replicas if r.claim is not None and r.claim.triggered)
        return sorted(hold, key=lambda r: (r.standby, r.starting, r.order), reverse=True)

    def to_evict(self, replicas: Iterable[Replica]) -> list[Replica]:
        """Who gives its GPUs up."""
        return [r for r in self.holders(replicas) if r.stage is not Stage.DRAINING][:1]

    def vacating(self, draining: int) -> int:
        """Of what is bought as a whole, how many will soon be free, as so many replicas drain."""
        return draining

    def _leave_node(self, replica: Replica, absent_s: float) -> None:
        self._nodes_of(replica.zone).remove(replica)

    def _nodes_of(self, zone: str | None) -> Nodes:
        return self._nodes.setdefault(zone, Nodes(self._places))

    def _free_slot(self, slot: simpy.Event, after_s: float) -> Process:
        yield self.env.timeout(after_s)
        self.capacity.withdraw(slot)
