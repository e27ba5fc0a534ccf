"""The data plane as the rest of the program sees it: requests in, time forward, verbs, counts."""

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from sim.engine.events import bins, kernel, verbs
from sim.engine.plane import intake, loops, unfinished
from sim.engine.plane.feed import Feed
from sim.engine.plane.growth import (
    ROOM,
    with_open_links,
    with_replica_capacity,
    with_room_for_losses,
    with_runs_for_a_verb,
)
from sim.engine.plane.pool_view import PoolView
from sim.engine.plane.rows import Rows
from sim.engine.plane.setup import (
    Traits,
    empty_state,
    fill_client,
    fill_workload,
    note_what_there_is,
    shared_by,
)
from sim.engine.plane.setup_adapters import with_adapters
from sim.engine.plane.setup_managed import with_routes
from sim.engine.state.plain import is_plain
from sim.engine.state.record import GONE, NONE, READY, FloatArray, IntArray, Records
from sim.engine.state.state import State
from sim.engine.state.status import (
    DRAINED,
    REACHED,
    REPLICA_EMPTY,
    REQUEST_HELD,
)
from sim.engine.state.thin import numbered, renumbered, told
from sim.model.adapters import Adapters
from sim.model.cache import ResponseCache
from sim.model.client import Client
from sim.model.closed import LoopRules
from sim.model.design import GpuPool
from sim.model.managed import ManagedApi
from sim.model.routing import Routing, to_one
from sim.model.variants import Variants
from sim.model.workload import Chains, Loop, Prefixes, Slo, Yielding


class DataPlane:
    """Requests, queues and batches of a fleet, advanced by the compiled kernel.

    Attributes
    ----------
    now : float
        Seconds from the start of the horizon.
    emptied : int
        The draining replica that became empty last.
    held : int
        The pool of which the gateway held a request last while no replica was ready.
    added_s, gone_s : list of float
        When each replica became ready, and when it had left (infinite before).
    pool_of : list of int
        Pool of each replica.

    Parameters
    ----------
    pools : sequence of GpuPool
    workload_pool : sequence of int
        Index of the backend that serves each workload; looked at only without ``routes``.
    slos : sequence of Slo
        One per workload.
    routing_key : int
        Key of the random choices of routers.
    record : bool
        Keep a row for every request (see :meth:`requests`).
    start_s : float
        When the simulation begins; replicas of the pools are ready from then on.
    clients : sequence of Client, optional
        One per workload; by default they wait for ever and never try again.
    priorities : sequence of int, optional
        One per workload, as in :mod:`sim.model.scheduling`.
    max_concurrency, carry, prefix_hit_rate, response_cache, yielding, tenants : sequences, optional
        One each per workload, as in :class:`~sim.model.workload.Workload`.
    managed : sequence of ManagedApi
        Their numbers as backends follow those of the pools.
    routes : sequence of Routing, optional
        One per workload.
    day_start_s : float
        At time 0.
    closed, adapters : sequences of LoopRules or None and of Adapters or None, optional
        One per workload: how a closed population goes on, and what requests need.
    variants : sequence of Variants
        Their numbers as backends follow those of the managed ones.
    """

    def __init__(
        self,
        pools: Sequence[GpuPool],
        workload_pool: Sequence[int],
        slos: Sequence[Slo],
        routing_key: int = 0,
        record: bool = False,
        start_s: float = 0.0,
        clients: Sequence[Client] | None = None,
        priorities: Sequence[int] | None = None,
        max_concurrency: Sequence[float] | None = None,
        carry: Sequence[float] | None = None,
        prefix_hit_rate: Sequence[float] | None = None,
        response_cache: Sequence[ResponseCache | None] | None = None,
        managed: Sequence[ManagedApi] = (),
        routes: Sequence[Routing] | None = None,
        day_start_s: float = 0.0,
        closed: Sequence[LoopRules | None] | None = None,
        yielding: Sequence[Yielding | None] | None = None,
        adapters: Sequence[Adapters | None] | None = None,
        variants: Sequence[Variants] = (),
        tenants: Sequence[str] | None = None,
    ) -> None:
        self.now = start_s
        self.emptied = self.held = NONE
        self.added_s, self.gone_s = list[float](), list[float]()
        self.pool_of = list[int]()
        self._rows, self._fed = Rows(pools), 0
        count = len(slos)
        state = empty_state(pools, managed, count, start_s, variants)
        names = [p.name for p in pools] + [b.name for b in managed] + [v.name for v in variants]
        if routes is None:
            names = [str(index) for index in range(len(names))]  # pools may share theirs
            routes = [to_one(names[index]) for index in workload_pool]
        state = with_routes(state, routes, {name: at for at, name in enumerate(names)})
        state = with_adapters(state, pools, adapters or [None] * count)
        self._state, self._numbers = state, numbered(state)
        clients = clients or [Client()] * count
        traits = zip(
            max_concurrency or [math.inf] * count,
            carry or [1.0] * count,
            prefix_hit_rate or [0.0] * count,
            response_cache or [None] * count,
            yielding or [None] * count,
            tenants or map(str, range(count)),
            strict=True,
        )
        rows = self._state.workloads
        each = zip(rows, slos, priorities or [0] * count, traits, clients, strict=True)
        for row, slo, priority, traits_of_one, client in each:
            fill_workload(row, slo, priority, Traits(*traits_of_one))
            fill_client(row, client)
        for row, rules in zip(rows, closed or (), strict=False):
            loops.fill_loop(row, rules)
        clock = self._state.clock[0]
        clock.routing_key = routing_key
        clock.recording = record
        clock.day_start_s = day_start_s
        clock.bin_start_s = start_s
        note_what_there_is(self._state)
        if clock.has_hedges or clock.has_prefix_caches or clock.has_detours:
            self._hold(intake.with_extras(self._state))
        if clock.has_transfers:
            self._hold(with_open_links(self._state))
        if clock.has_orders:
            self._hold(shared_by(self._state, pools, tenants or [*map(str, range(count))]))
        self._numbers = told(self._numbers, is_plain(self._state))
        self._reserve_rows(sum(pool.replicas * pool.profile.data_parallel_ranks for pool in pools))
        for index, gpu_pool in enumerate(pools):
            for _ in range(gpu_pool.replicas):
                self.add(index)

    # Requests in

    def feed(
        self,
        arrival_s: FloatArray,
        prompt_tokens: npt.NDArray[np.int32],
        output_tokens: npt.NDArray[np.int32],
        workload: npt.NDArray[np.int32],
        patience_s: FloatArray | None = None,
        session: npt.NDArray[np.int64] | None = None,
        chains: Chains | None = None,
        prefixes: Prefixes | None = None,
        loop: Loop | None = None,
    ) -> None:
        """Append requests; their times continue those fed before, in order.

        Parameters
        ----------
        arrival_s : (n,) float64
        prompt_tokens, output_tokens, workload : (n,) int32
        patience_s : (n,) float64, optional
            Seconds from the arrival; infinite by default.
        session, chains, prefixes, loop : optional
            As in :class:`~sim.model.workload.RequestBlock`.
        """
        columns = arrival_s, prompt_tokens, output_tokens, workload, patience_s, session
        feed = Feed(*columns, chains, prefixes, loop)
        self._hold(intake.appended(self._state, feed, self._fed))
        self._fed += len(arrival_s)

    @property
    def wanted(self) -> loops.Wanted:
        """What users in closed loops are to send next, after ``NEED_SEQUELS``."""
        return loops.wanted(self._state)

    def lengthen(self, users: npt.NDArray[np.int64], requests: Feed) -> None:
        """Append requests, whose times are open, to the lists of users by their rows."""
        self._hold(intake.lengthened(self._state, requests, users, self._fed))
        self._fed += len(users)

    def close_feed(self) -> None:
        """Say that no more requests will come."""
        self._state.clock[0].closed = 1

    def end_when_empty(self) -> None:
        """Have time end with the last request, once no more will come: see :meth:`advance`."""
        self._state.clock[0].ends_empty = 1

    @property
    def is_empty(self) -> bool:
        """Whether no request is in flight, none will follow in a task, and none is fed."""
        clock = self._state.clock[0]
        return bool(clock.under_way == 0 and clock.cursor >= clock.fed)

    @property
    def arrived_s(self) -> float:
        """When the latest of the fed requests came."""
        return float(self._state.clock[0].arrived_s)

    # Time forward

    def advance(self, until_s: float) -> int:
        """Process every event up to and at ``until_s``.

        Returns
        -------
        int
            ``REACHED``; or, earlier, ``NEED_REQUESTS`` when more must be fed, ``NEED_SEQUELS``
            when users in closed loops lack requests (see :attr:`wanted`), ``REPLICA_EMPTY``
            when a draining replica has become empty (see :attr:`emptied`), ``REQUEST_HELD`` when a
            request waits at the gateway of a pool without a ready replica (see :attr:`held`),
            ``DRAINED`` when :meth:`end_when_empty` has asked for it.
        """
        while (signal := kernel.advance(self._numbers, until_s)) in ROOM:
            self._hold(ROOM[signal](self._state))
        if signal == REACHED:
            self.now = max(self.now, until_s)
        elif signal == REPLICA_EMPTY:
            clock = self._state.clock[0]
            row, self.now = int(clock.emptied), max(self.now, float(clock.emptied_s))
            self.emptied = self._rows.replica_of[row]
            self.gone_s[self.emptied] = self.now
            clock.emptied = self._state.replicas[row].next_emptied
        elif signal == REQUEST_HELD:
            clock = self._state.clock[0]
            self.held, self.now = int(clock.held), max(self.now, float(clock.held_s))
            clock.held = NONE
        elif signal == DRAINED:
            clock = self._state.clock[0]
            clock.ends_empty, self.now = 0, max(self.now, float(clock.empty_s))
        return signal

    # Verbs of the control plane

    def add(self, pool: int, slowness: float = 1.0) -> int:
        """Add a replica to a pool, ready now; its number.

        ``slowness`` is a factor on every time of its engine: 1.3 for a straggler.
        """
        replica, row = len(self.added_s), self._rows.add(pool)
        self._reserve_rows(len(self._rows))
        self._hold(with_runs_for_a_verb(self._state))
        verbs.add(self._numbers, row, pool, slowness, self.now)
        self.added_s.append(self.now)
        self.gone_s.append(math.inf)
        self.pool_of.append(pool)
        return replica

    def drain(self, replica: int) -> bool:
        """Route nothing more to a replica; True if it had nothing to finish and is gone."""
        row = self._rows.first[replica]
        if self._state.replicas[row].life != READY:
            return self.gone_s[replica] <= self.now
        if gone := bool(verbs.drain(self._numbers, row, self.now)):
            self.gone_s[replica] = self.now
        return gone

    def kill(self, replica: int) -> None:
        """Remove a replica; what it was doing is lost, or sent to others by the gateway."""
        rows = self._state.replicas[self._rows.of(replica)]
        if rows[0].life != GONE:
            lost = int((rows.outstanding + rows.leases).sum())
            self._hold(with_room_for_losses(self._state, lost))
            verbs.kill(self._numbers, self._rows.first[replica], self.now)
            self.gone_s[replica] = self.now

    def slow_down(self, replica: int, slowness: float) -> None:
        """Change a replica's slowness, from its next segment on."""
        verbs.slow_down(self._numbers, self._rows.first[replica], slowness, self.now)

    def hold_back(self, pool: int) -> None:
        """Have all that comes to a pool wait at its gateway."""
        verbs.hold_back(self._numbers, pool)

    def let_go(self, pool: int, usual: float, most: int) -> None:
        """Hand over so much of what is held; what comes, too, unless something is left of it."""
        verbs.let_go(self._numbers, pool, usual, most, self.now)

    def shut(self, pool: int) -> None:
        """Lose a pool's gateway: what it holds fails, and what finds no replica is rejected."""
        self._hold(with_room_for_losses(self._state, int(self._state.pools[pool].held)))
        verbs.shut(self._numbers, pool, self.now)

    def open(self, pool: int, holds: bool) -> None:
        """Have a pool's gateway again."""
        self._state.pools[pool].holds = holds

    def set_errors(self, backend: int, share: float) -> None:
        """Have a share of the attempts at a managed backend fail, besides those that always do."""
        self._state.providers[backend].outage_share = share

    def set_slowness(self, backend: int, slowness: float) -> None:
        """Change a managed backend's slowness, for attempts from now on."""
        self._state.providers[backend].slowness = slowness

    # Counts out

    def view(self, pool: int) -> PoolView:
        """What a control plane can see of a pool now."""
        return PoolView(*verbs.look(self._numbers, pool, self.now, math.inf, math.inf)[:-1])

    def saturation(self, pool: int, full_queue: float, full_kv: float) -> float:
        """Of each ready replica the larger of two shares, summed.

        Those of its waiting requests in ``full_queue`` and of its used KV blocks in the share
        ``full_kv`` of all.
        """
        return verbs.look(self._numbers, pool, self.now, full_queue, full_kv)[-1]

    def close_bin(self) -> State:
        """Complete the counts and integrals since the last :meth:`open_bin`; read, never write."""
        bins.close_bin(self._numbers, len(self._rows), self.now)
        return self._state

    def open_bin(self) -> None:
        """Count from zero."""
        bins.open_bin(self._numbers, len(self._rows), self.now)

    def turn_bin(self, books: IntArray, at: int, ends_hour: bool) -> State:
        """Complete the bin, book it as bin ``at`` of what :func:`numbered` made, begin the next."""
        bins.turn_bin(self._numbers, books, len(self._rows), self.now, at, ends_hour)
        return self._state

    def in_flight(self) -> Records:
        """The requests in flight, as rows of ``SEQUENCE``; of a hedged one the first attempt."""
        return unfinished.requests(self._state, self.now)

    def tasks_in_flight(self) -> unfinished.Tasks:
        """The tasks under way."""
        return unfinished.tasks(self._state)

    def requests(self) -> Records:
        """One row of ``REQUEST`` per arrived request, by number; NaN for what has not been."""
        log = unfinished.log(self._state, self.now)
        log.replica, log.rank = self._rows.placed(log.replica)
        return log

    def _hold(self, state: State) -> None:
        """Keep a state, and what the kernel is told of it, unless it is that which there was."""
        if state is self._state:
            return
        self._numbers = told(renumbered(self._numbers, self._state, state), is_plain(state))
        self._state = state

    def _reserve_rows(self, count: int) -> None:
        have = len(self._state.replicas)
        if count > have:
            self._hold(with_replica_capacity(self._state, max(count, 2 * have)))
