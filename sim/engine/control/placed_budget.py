"""The budget of a cluster with nodes or zones: GPUs are to be free together, and where.

Who goes first is as in :mod:`~sim.engine.control.gpu_budget`; so are who gives, and to whom. A
replica that finds GPUs enough, but not together, waits as one does that finds too few. Replicas are
given up for it on those nodes where the fewest have to be.
"""

from collections.abc import Generator, Iterator, Mapping
from typing import NamedTuple

import simpy

from sim.engine.control.gpu_budget import GpuBudget, Tenant
from sim.model.cluster import Sharing
from sim.model.floor import Floor, Place


class Given(NamedTuple):
    """Who gives up what is on a node, and what that frees on which nodes."""

    tenant: Tenant
    claim: simpy.Event


class _State(NamedTuple):
    """What there would be, had some replicas been given up.

    Attributes
    ----------
    using : dict
        GPUs in use by pool.
    coming : dict
        GPUs that will soon be free, by node.
    given : list of Given
    """

    using: dict[Tenant, int]
    coming: dict[int, int]
    given: list[Given]


class PlacedBudget(GpuBudget):
    """GPUs of a cluster on its nodes; further parameters are those of :class:`GpuBudget`."""

    def __init__(self, env: simpy.Environment, floor: Floor, sharing: Sharing) -> None:
        super().__init__(env, sum(floor.free), sharing)
        self._floor, self.shares_nodes = floor, floor.has_nodes

    def take(self, tenant: Tenant) -> Place:
        """A replica's GPUs are its own from now on, where they are."""
        place = self._floor.place(tenant.gpus, tenant.fleet.zones)
        if place is None:
            raise ValueError(f"{tenant.gpus} GPUs of a replica are not free together anywhere")
        super().take(tenant)
        self._floor.take(place)
        return place

    def _free_again(self, gpus: int, place: Place | None) -> None:
        assert place is not None
        self._floor.give(place)
        super()._free_again(gpus, place)

    def crash(self, claim: simpy.Event, repair_s: float) -> None:
        """The nodes of a claim are dead at once, with all that is on them, of whichever pool."""
        nodes = {node for node, _ in _place_of(claim).gpus}
        lost = [
            (tenant.fleet, other)
            for tenant in self._tenants
            for other, _ in tenant.fleet.claims()
            if not nodes.isdisjoint(node for node, _ in _place_of(other).gpus)
        ]
        if repair_s > 0:
            self.env.process(self._repair(nodes, repair_s))
        for fleet, other in lost:
            fleet.lose_claim(other, repair_s)

    def _repair(self, nodes: set[int], repair_s: float) -> Generator[simpy.Event]:
        self._floor.broken.update(nodes)
        yield self.env.timeout(repair_s)
        self._floor.broken.subtract(nodes)
        self.stir()

    def _fits(self, tenant: Tenant) -> bool:
        return self._floor.place(tenant.gpus, tenant.fleet.zones) is not None

    def _reclaim(self, tenant: Tenant) -> bool:
        """See that GPUs come free together for the next replica of a pool, if any may be taken."""
        coming = self._coming_by_node()
        if self._floor.place(tenant.gpus, tenant.fleet.zones, coming) is not None:
            return True
        plans = [plan for zone in tenant.fleet.zones for plan in self._plans(tenant, zone, coming)]
        if not plans:
            return False
        self._reclaiming_for = tenant
        for tenant_that_gives, claim in min(plans, key=len):
            tenant_that_gives.fleet.give_up(claim)
        return True

    def _coming_by_node(self) -> dict[int, int]:
        """GPUs that will soon be free."""
        coming: dict[int, int] = {}
        for tenant in self._tenants:
            for claim, is_vacating in tenant.fleet.claims():
                if is_vacating:
                    _add(coming, _place_of(claim))
        return coming

    def _plans(self, tenant: Tenant, zone: str, coming: Mapping[int, int]) -> Iterator[list[Given]]:
        """What may be given up in a zone so that there is room: for each node that it begins with.

        Those of one plan go one after the other, as if the ones before were gone: from the pool
        whose turn it is, what is missed least of all that it has on the node.
        """
        nodes = [node for node, where in enumerate(self._floor.zone_of) if where == zone]
        if tenant.gpus > self._floor.size:  # the emptiest nodes together
            nodes.sort(key=lambda node: -self._floor.free[node] - coming.get(node, 0))
            yield from self._plan(tenant, zone, nodes, dict(coming))
            return
        for node in nodes:
            yield from self._plan(tenant, zone, [node], dict(coming))

    def _plan(
        self, tenant: Tenant, zone: str, nodes: list[int], coming: dict[int, int]
    ) -> Iterator[list[Given]]:
        state = _State({each: each.using for each in self._tenants}, coming, [])
        for node in nodes:
            tried = self._cleared(tenant, zone, node, state)
            whole = self._floor.free[node] + tried.coming.get(node, 0) == self._floor.size
            if whole or self._has_room(tenant, zone, tried):  # else it is given up in vain
                state = tried
        if self._has_room(tenant, zone, state):
            yield state.given

    def _has_room(self, tenant: Tenant, zone: str, state: "_State") -> bool:
        return self._floor.place(tenant.gpus, [zone], state.coming) is not None

    def _cleared(self, tenant: Tenant, zone: str, node: int, state: "_State") -> "_State":
        """What becomes of it when a node is cleared as far as need be, and as may be."""
        using, coming, given = dict(state.using), dict(state.coming), list(state.given)
        tried = _State(using, coming, given)
        while not self._has_room(tenant, zone, tried):
            claims = {each: self._least_missed(each, node, given) for each in self._tenants}
            there = [each for each, claim in claims.items() if claim is not None]
            giver = self._giver(tenant, using, there)
            claim = None if giver is None else claims[giver]
            if giver is None or claim is None:
                break
            given.append(Given(giver, claim))
            using[giver] -= giver.gpus
            _add(coming, _place_of(claim))
        return tried

    def _least_missed(self, tenant: Tenant, node: int, given: list[Given]) -> simpy.Event | None:
        """What a pool would give up first of what it has on a node."""
        gone = [claim for _, claim in given]
        for claim, is_vacating in tenant.fleet.claims():
            on_nodes = dict(_place_of(claim).gpus)
            if not is_vacating and claim not in gone and node in on_nodes:
                return claim
        return None


def _place_of(claim: simpy.Event) -> Place:
    """Where the GPUs of a claim are that was granted."""
    place = claim.value
    assert isinstance(place, Place)
    return place


def _add(coming: dict[int, int], place: Place) -> None:
    for node, gpus in place.gpus:
        coming[node] = coming.get(node, 0) + gpus
