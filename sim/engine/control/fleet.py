"""The replicas of a pool: asked for, started, woken, drained, lost, replaced, and paid for.

Same-instant order: the data plane is done with an instant before any process acts on it; processes
of one instant act in the order in which they were scheduled.
"""

import itertools
import math
from collections.abc import Generator, Iterator
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import simpy

from sim.engine.clock import Clock
from sim.engine.control import breaking
from sim.engine.control.capacity import Capacity
from sim.engine.control.census import Census
from sim.engine.control.fleet_log import FleetLog
from sim.engine.control.gpu_budget import Tenant
from sim.engine.control.replica import Node, Nodes, Replica
from sim.model.design import GpuPool
from sim.model.lifecycle import Stage
from sim.model.streams import Streams

if TYPE_CHECKING:
    from sim.engine.plane.plane import PoolView

Process = Generator[simpy.Event, object, None]


class Fleet:
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
    env : simpy.Environment
        For processes of one's own: ``yield fleet.env.timeout(15)``.
    desired : int
        Replicas that there should be, ready or starting.
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
        self._replicas = Census()
        self._bills: list[tuple[float, float]] = []
        crashes = pool.failures.crashes
        self._nodes = Nodes(1 if crashes is None else crashes.replicas_per_node)
        self._capacity = Capacity(self.env, self._lifecycle.capacity_limit)
        outages = self._lifecycle.capacity_outages
        if outages is not None:
            self.env.process(self._capacity.outages(outages, streams(f"capacity/{pool.name}")))
        self._begin()

    # What can be seen

    @property
    def moment(self) -> datetime:
        """The time of the calendar."""
        return self._start + timedelta(seconds=float(self.env.now))

    @property
    def view(self) -> "PoolView":
        """Counts of the pool at this instant."""
        return self._clock.plane.view(self._index)

    def count(self, stage: Stage) -> int:
        """Replicas in a stage of their lives."""
        return self._replicas.count(stage)

    @property
    def ready(self) -> int:
        """Replicas that serve."""
        return self._replicas.count(Stage.READY)

    @property
    def starting(self) -> int:
        """Replicas that are on their way."""
        return self._replicas.starting

    @property
    def draining(self) -> int:
        """Replicas that finish their requests and are then gone."""
        return self._replicas.count(Stage.DRAINING)

    @property
    def queue(self) -> int:
        """Requests at the gateway and on replicas that are in no batch."""
        view = self.view
        return view.held + view.waiting

    @property
    def concurrency(self) -> int:
        """Requests at the gateway and on replicas."""
        view = self.view
        return view.held + view.waiting + view.running

    def request_held(self) -> simpy.Event:
        """The event that a request has to wait because no replica is ready."""
        return self._clock.request_held(self._index)

    def rentals(self) -> Iterator[tuple[float, float]]:
        """From when to when each replica was, or still is, on the bill."""
        yield from self._bills
        for replica in self._replicas:
            if not math.isnan(replica.paid_from_s):
                yield replica.paid_from_s, math.inf

    # What can be done

    def scale_to(self, replicas: int) -> None:
        """Have so many replicas, within the limits: start, wake, cancel or drain as needed.

        Those that are starting are cancelled before any is drained, the newest first.
        """
        within = min(max(replicas, self._least), self._most)
        if within != self.desired:
            self.desired = within
            self._restore()

    def fail(self, node: Node) -> list[Replica]:
        """Take a node away, for it crashes; the replicas that were on it."""
        victims = self._nodes.fail(node)
        self.log.crashed_s += [self._now_s] * len(victims)
        return victims

    def lose(self, replica: Replica, absent_s: float) -> None:
        """A replica is dead at once; its slot can be used again after ``absent_s``."""
        if replica.stage in (Stage.READY, Stage.DRAINING):
            self._clock.plane.kill(replica.on_plane)
        replica.slot_free_s = self._now_s + absent_s
        self._end(replica)
        self._restore(absent_s)

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
        """Give up the replica that is missed least, and ask for another in its place.

        On standby ones go first, then starting ones, then ready ones, the newest of each first.
        """
        there = (r for r in self._replicas if r.stage is not Stage.DRAINING)
        hold = (r for r in there if r.claim is not None and r.claim.triggered)
        replica = max(hold, key=lambda r: (r.standby, r.starting, r.order))
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
        replica.slot = self._capacity.ask()
        if self._tenant is not None:
            replica.claim = self._tenant.take()
        self._node_up(replica)
        return replica

    def _restore(self, absent_s: float = 0.0) -> None:
        """Have as many as desired; what is launched can be had after ``absent_s`` only."""
        serving = [replica for replica in self._replicas if replica.serving]
        for _ in range(self.desired - len(serving)):
            self._add(absent_s)
        if len(serving) > self.desired:
            # Starting ones go first, then ready ones, the newest of each before the others.
            serving.sort(key=lambda r: (r.starting, r.order), reverse=True)
            for replica in serving[: len(serving) - self.desired]:
                self._drop(replica)
        self._refill(absent_s)
        self._note()

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

    def _launch(self, absent_s: float, standby: bool) -> None:
        stage = Stage.ABSENT if absent_s > 0 else Stage.REQUESTED
        replica = self._new(stage, standby)
        self.env.process(self._start_up(replica, absent_s))

    def _new(self, stage: Stage, standby: bool) -> Replica:
        number = next(self._numbers)
        rng = self.streams(f"lifecycle/{self.pool.name}/{number}")
        replica = Replica(number, stage, rng, standby, order=next(self._orders))
        self._replicas.add(replica)
        return replica

    def _start_up(self, replica: Replica, absent_s: float) -> Process:
        """From the request to the loaded replica, unless it is cancelled or lost on the way."""
        cold_start = self._lifecycle.cold_start
        provisioning_s, loading_s = cold_start.draw(replica.rng)
        if absent_s > 0:
            yield self.env.timeout(absent_s)
        if replica.gone:
            return
        self._replicas.put(replica, Stage.REQUESTED, replica.standby)
        replica.slot = self._capacity.ask()
        yield replica.slot
        if self._tenant is not None and not replica.gone:
            replica.claim = self._tenant.ask()
            yield replica.claim
        if replica.gone:
            return
        self._replicas.put(replica, Stage.PROVISIONING, replica.standby)
        self._note()
        yield self.env.timeout(provisioning_s)
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
        replica.paid_from_s = self._now_s
        self._nodes.place(replica)
        breaking.attach(self, replica)

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
        doomed = replica.is_evicted or replica.slot_free_s > self._now_s
        if standby is not None and not doomed and self._replicas.on_standby < standby.replicas:
            self._replicas.put(replica, Stage.STANDBY, standby=True)
        else:
            self._end(replica)

    def _end(self, replica: Replica) -> None:
        """Gone, from whatever stage."""
        self._replicas.remove(replica)
        self._nodes.remove(replica)
        if not math.isnan(replica.paid_from_s):
            self._bills.append((replica.paid_from_s, self._now_s))
        absent_s = replica.slot_free_s - self._now_s
        if replica.claim is not None and self._tenant is not None:
            self._tenant.withdraw(replica.claim, absent_s)
        if replica.slot is not None:
            if absent_s > 0:
                self.env.process(self._free_slot(replica.slot, absent_s))
            else:
                self._capacity.withdraw(replica.slot)

    def _free_slot(self, slot: simpy.Event, after_s: float) -> Process:
        yield self.env.timeout(after_s)
        self._capacity.withdraw(slot)

    def _note(self) -> None:
        pending = self._replicas.count(Stage.REQUESTED)
        self.log.note(self._now_s, self.ready, self.starting, pending)
