"""The replicas of a pool: asked for, started, woken, drained, lost, replaced, and paid for.

Same-instant order: the data plane is done with an instant before any process acts on it; processes
of one instant act in the order in which they were scheduled.
"""

import itertools
import math
from collections.abc import Generator
from datetime import datetime

import simpy

from sim.engine.clock import Clock
from sim.engine.control import breaking, spread, stand_ins
from sim.engine.control.census import Census
from sim.engine.control.fleet_log import FleetLog
from sim.engine.control.fleet_view import FleetView
from sim.engine.control.gpu_budget import Tenant
from sim.engine.control.node_supply import NodeSupply
from sim.engine.control.replica import Node, Replica, label_of
from sim.engine.control.spread import Spread
from sim.engine.control.supply import Supply
from sim.model.design import GpuPool
from sim.model.lifecycle import Stage
from sim.model.streams import Streams

Process = Generator[simpy.Event, object, None]


class Fleet(FleetView):
    """The replicas of one pool, as an autoscaler sees and moves them.

    Parameters
    ----------
    clock : Clock
    index : int
        Of the pool on the data plane, where its first replicas are ready.
    pool : GpuPool
    streams : Streams
    start : datetime
        The moment of time 0.
    tenant : Tenant or None
        Its place among the pools of a cluster whose GPUs it shares.

    Attributes
    ----------
    log : FleetLog
    """

    def __init__(
        self,
        clock: Clock,
        index: int,
        pool: GpuPool,
        streams: Streams,
        start: datetime,
        tenant: Tenant | None = None,
    ) -> None:
        self.env = clock.env
        self.pool = pool
        self.desired = pool.replicas
        self.log = FleetLog(clock.plane.now, pool.replicas)
        self.streams = streams
        self._clock, self._index, self._start = clock, index, start
        self._lifecycle, self._tenant = pool.lifecycle, tenant
        if tenant is not None:
            tenant.fleet = self
        self._least, self._most = pool.limits
        self._numbers, self._orders = itertools.count(), itertools.count()
        self._stand_in_numbers = itertools.count()
        self._replicas = Census()
        zones = pool.failures.zones
        self._spread = Spread(zones)
        self._takes_gateway = zones is not None and zones.takes_gateway
        self._own, self._on_demand = self._supplies(tenant)
        outages = self._lifecycle.capacity_outages
        if outages is not None:
            spells = self._own.capacity.outages(outages, streams(f"capacity/{pool.name}"))
            self.env.process(spells)
        self._begin()
        if zones is not None:
            spread.start(self, zones)

    # What can be done

    def scale_to(self, replicas: int) -> None:
        """Have so many replicas, within the limits: start, wake, cancel or drain as needed.

        Those that are starting are cancelled before any is drained, the newest first.
        """
        within = min(max(replicas, self._least), self._most)
        if within != self.desired:
            self.desired = within
            self._restore()

    def crash(self, replica: Replica, repair_s: float) -> None:
        """All on a replica's node are dead at once; it can be used again after ``repair_s``.

        Of whichever pool, where those of a cluster share its nodes.
        """
        node, tenant = replica.node, self._tenant
        if tenant is not None and tenant.budget.shares_nodes and replica.claim is not None:
            tenant.budget.crash(replica.claim, repair_s)
        elif node is not None:
            self._lose_all(self._supply(replica).fail(node), repair_s)

    def lose_claim(self, claim: simpy.Event, repair_s: float) -> None:
        """The replica of a claim is dead at once, with the node that it is on."""
        self._lose_all([replica for replica in self._replicas if replica.claim is claim], repair_s)

    def _lose_all(self, victims: list[Replica], absent_s: float) -> None:
        self.log.crashed_s += [self._now_s] * len(victims)
        for victim in victims:
            self.lose(victim, absent_s)

    def lose(self, replica: Replica, absent_s: float) -> None:
        """A replica is dead at once; its slot can be used again after ``absent_s``."""
        if replica.stage in (Stage.READY, Stage.DRAINING):
            self._clock.plane.kill(replica.on_plane)
        replica.slot_free_s = self._now_s + absent_s
        self._end(replica)
        self._restore(0.0 if replica.stands_in else absent_s)

    def lose_zone(self, zone: str) -> None:
        """All replicas in a zone are dead at once, and none is to be had there."""
        self._spread.close(zone)
        self._open_supplies()
        if self._takes_gateway:
            self._clock.plane.shut(self._index)
        self._lose_all([replica for replica in self._replicas if replica.zone == zone], 0.0)

    def regain_zone(self, zone: str) -> None:
        """Replicas are to be had in a zone again."""
        self._spread.open(zone)
        self._open_supplies()
        self._reopen()
        if self._tenant is not None:
            self._tenant.budget.stir()

    def _reopen(self) -> None:
        """A gateway that was lost is there again, with the first replica, or where none is due."""
        if self._takes_gateway and self._spread.is_anywhere and (self.ready or not self.desired):
            self._clock.plane.open(self._index, self.pool.gateway.holds)

    def taken_back(self, replica: Replica, node: Node | None) -> list[Replica]:
        """Who goes with the instance that a replica was the first on."""
        return self._own.taken_back(replica, node)

    def give_notice(self, replica: Replica, notice_s: float, absent_s: float) -> None:
        """A replica dies after ``notice_s``; until then it drains, and a new one is asked for.

        Its slot can be used again ``absent_s`` after that.
        """
        absent_s += notice_s
        self.log.noticed_s.append(self._now_s)
        match replica.stage:
            case Stage.READY:
                replica.slot_free_s = self._now_s + absent_s
                self._drain(replica)
                self.env.process(self._kill_later(replica, notice_s))
                self._restore(absent_s)
            case Stage.DRAINING:
                replica.slot_free_s = self._now_s + absent_s
                self.env.process(self._kill_later(replica, notice_s))
            case _:
                self.lose(replica, absent_s)

    def evict(self) -> None:
        """Give up the replica or node that is missed least, and ask for others in its place."""
        self._give_up(self._own.to_evict(self._replicas))

    def give_up(self, claim: simpy.Event) -> None:
        """Give up the replica of a claim, and ask for another in its place."""
        self._give_up([replica for replica in self._replicas if replica.claim is claim])

    def _give_up(self, replicas: list[Replica]) -> None:
        for replica in replicas:
            replica.is_evicted = True
            if replica.stage is Stage.READY:
                self._drain(replica)
            else:
                self._end(replica)
        self._restore()

    def set_slowness(self, replica: Replica, slowness: float) -> None:
        """Every engine time of a replica takes ``slowness`` times as long, from its next step."""
        replica.slowness = slowness
        if replica.stage in (Stage.READY, Stage.DRAINING):
            self._clock.plane.slow_down(replica.on_plane, slowness)

    # Lives

    @property
    def _now_s(self) -> float:
        return float(self.env.now)

    def _supplies(self, tenant: Tenant | None) -> tuple[Supply, Supply]:
        """Machines of the pool's own, and those on demand in their place."""
        crashes, slots = self.pool.failures.crashes, self._lifecycle.capacity_limit
        together = 1 if crashes is None else crashes.replicas_per_node
        by_node = self.pool.node_gpus is not None
        kind, places = (NodeSupply, self.pool.unit_replicas) if by_node else (Supply, together)
        own = kind(self.env, self._spread, slots, places, tenant)
        return own, kind(self.env, self._spread, places=places)

    def _begin(self) -> None:
        """Take over the replicas that the data plane began with, and fill the warm pool."""
        pool_of = self._clock.plane.pool_of
        for on_plane in [r for r, pool in enumerate(pool_of) if pool == self._index]:
            replica = self._running(Stage.READY)
            replica.on_plane = on_plane
        standby = self._lifecycle.standby
        for _ in range(standby.replicas if standby is not None and standby.refill else 0):
            self._running(Stage.STANDBY, standby=True)

    def _running(self, stage: Stage, standby: bool = False) -> Replica:
        """A replica that runs from the beginning."""
        replica = self._new(stage, standby)
        self._own.take(replica)
        self._node_up(replica)
        return replica

    def _restore(self, absent_s: float = 0.0) -> None:
        """Have as many as desired; what is launched can be had after ``absent_s`` only."""
        serving = [r for r in self._replicas if r.serving and not r.stands_in]
        for _ in range(self.desired - len(serving)):
            self._add(absent_s)
        self._drop_newest(serving, self.desired)
        self._refill(absent_s)
        self._stand_in()
        self._reopen()
        self._note()

    def _stand_in(self) -> None:
        """Replicas on demand where none on spot is to be had; they go when one serves again."""
        if not self.pool.falls_back:
            return
        least, most = stand_ins.bounds(self._replicas, self.desired)
        there = [r for r in self._replicas if r.serving and r.stands_in]
        for _ in range(least - len(there)):
            self._launch(0.0, standby=False, stands_in=True)
        self._drop_newest(there, most)

    def _drop_newest(self, replicas: list[Replica], left: int) -> None:
        """Keep so many: starting ones go first, then ready ones, the newest of each first."""
        if len(replicas) > left:
            replicas.sort(key=lambda r: (r.starting, r.order), reverse=True)
            for replica in replicas[: len(replicas) - left]:
                self._drop(replica)

    def _add(self, absent_s: float) -> None:
        """One more: the readiest on standby or on its way there, or a new one."""
        replica = self._readiest() if self._replicas.on_standby else None
        if replica is None:
            self._launch(absent_s, standby=False)
            return
        replica.order = next(self._orders)
        if replica.stage is Stage.STANDBY:
            self._replicas.put(replica, Stage.WAKING)
            self.env.process(self._wake(replica))
        else:
            self._replicas.put(replica, replica.stage)

    def _readiest(self) -> Replica | None:
        """Of those on standby or on their way there the first to serve, were it asked to."""
        on_standby = [r for r in self._replicas if r.standby and r.stage is not Stage.ABSENT]
        return max(on_standby, key=lambda r: (r.stage is Stage.STANDBY, -r.number), default=None)

    def _drop(self, replica: Replica) -> None:
        match replica.stage:
            case Stage.READY:
                self._drain(replica)
            case Stage.WAKING:
                self._replicas.put(replica, Stage.STANDBY, standby=True)
            case _:
                self._end(replica)

    def _refill(self, absent_s: float) -> None:
        standby = self._lifecycle.standby
        if standby is not None and standby.refill:
            for _ in range(standby.replicas - self._replicas.on_standby):
                self._launch(absent_s, standby=True)

    def _launch(self, absent_s: float, standby: bool, stands_in: bool = False) -> None:
        stage = Stage.ABSENT if absent_s > 0 else Stage.REQUESTED
        replica = self._new(stage, standby, stands_in)
        self.env.process(self._start_up(replica, absent_s))

    def _new(self, stage: Stage, standby: bool, stands_in: bool = False) -> Replica:
        number = next(self._stand_in_numbers if stands_in else self._numbers)
        rng = self.streams(f"lifecycle/{self.pool.name}/{label_of(number, stands_in)}")
        order = next(self._orders)
        replica = Replica(number, stage, rng, standby, order, stands_in=stands_in)
        self._replicas.add(replica)
        return replica

    def _open_supplies(self) -> None:
        for supply in (self._own, self._on_demand):
            supply.capacity.is_placed = self._spread.is_anywhere

    def _supply(self, replica: Replica) -> Supply:
        return self._on_demand if replica.stands_in else self._own

    def _start_up(self, replica: Replica, absent_s: float) -> Process:
        """From the request to the loaded replica, unless it is cancelled or lost on the way."""
        cold_start = self._lifecycle.cold_start
        provisioning_s, loading_s = cold_start.draw(replica.rng)
        if absent_s > 0:
            yield self.env.timeout(absent_s)
        if replica.gone:
            return
        self._replicas.put(replica, Stage.REQUESTED, replica.standby)
        supply = self._supply(replica)
        supply.ask(replica)
        self._stand_in()
        yield from supply.granted(replica)
        if replica.gone:
            return
        self._replicas.put(replica, Stage.PROVISIONING, replica.standby)
        self._note()
        yield self.env.timeout(supply.provisioned_s(replica, provisioning_s))
        if replica.gone:
            return
        self._replicas.put(replica, Stage.LOADING, replica.standby)
        self._node_up(replica)
        yield self.env.timeout(min(loading_s, cold_start.deadline_s))
        if replica.stage is not Stage.LOADING:
            return
        if loading_s <= cold_start.deadline_s:
            self._loaded(replica)
        else:
            self.log.overdue_s.append(self._now_s)
            self._end(replica)
            self._restore()

    def _node_up(self, replica: Replica) -> None:
        """The bill, and the clocks of all that can go wrong, start."""
        breaking.attach(self, replica, self._supply(replica).node_up(replica))

    def _loaded(self, replica: Replica) -> None:
        if replica.standby:
            self._replicas.put(replica, Stage.STANDBY, standby=True)
        else:
            self._serve(replica)

    def _wake(self, replica: Replica) -> Process:
        standby, order = self._lifecycle.standby, replica.order
        assert standby is not None
        yield self.env.timeout(max(0.0, float(standby.wake.sample(replica.rng, 1)[0])))
        if replica.stage is Stage.WAKING and replica.order == order:
            self._serve(replica)

    def _serve(self, replica: Replica) -> None:
        self._replicas.put(replica, Stage.READY)
        replica.order = next(self._orders)
        replica.on_plane = self._clock.plane.add(self._index, replica.slowness)
        self._reopen()
        self._stand_in()
        self._note()

    def _drain(self, replica: Replica) -> None:
        self._replicas.put(replica, Stage.DRAINING)
        if self._clock.plane.drain(replica.on_plane):
            self._drained(replica)
        else:
            self.env.process(self._await_drained(replica))
            if math.isfinite(self._lifecycle.drain_limit_s):
                self.env.process(self._kill_later(replica, self._lifecycle.drain_limit_s))

    def _await_drained(self, replica: Replica) -> Process:
        yield self._clock.gone(replica.on_plane)
        if replica.stage is Stage.DRAINING:
            self._drained(replica)

    def _kill_later(self, replica: Replica, after_s: float) -> Process:
        on_plane = replica.on_plane
        yield self.env.timeout(after_s)
        if replica.stage is Stage.DRAINING and replica.on_plane == on_plane:
            self._clock.plane.kill(on_plane)
            self._end(replica)

    def _drained(self, replica: Replica) -> None:
        """Back to standby where there is room, unless the replica is to die or to make room."""
        standby = self._lifecycle.standby
        doomed = replica.is_evicted or replica.stands_in or replica.slot_free_s > self._now_s
        if standby is not None and not doomed and self._replicas.on_standby < standby.replicas:
            self._replicas.put(replica, Stage.STANDBY, standby=True)
        else:
            self._end(replica)

    def _end(self, replica: Replica) -> None:
        """Gone, from whatever stage."""
        self._replicas.remove(replica)
        self._supply(replica).give_back(replica)

    def _note(self) -> None:
        pending = self._replicas.count(Stage.REQUESTED)
        self.log.note(self._now_s, self.ready, self.starting, pending)
