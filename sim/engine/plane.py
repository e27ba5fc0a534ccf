"""The data plane as the rest of the program sees it: requests in, time forward, verbs, counts."""

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from sim.engine import kernel, verbs
from sim.engine.histogram import BUCKETS
from sim.engine.routing import ROUTERS
from sim.engine.state import (
    CLOCK,
    GONE,
    LATENCIES,
    NONE,
    POOL,
    READY,
    REPLICA,
    REQUEST,
    SCHEDULERS,
    SEQUENCE,
    WORKLOAD,
    FloatArray,
    Records,
    State,
    grown,
    records,
    with_replica_capacity,
    with_slots,
)
from sim.engine.status import IN_FLIGHT, NEED_SLOTS, REACHED, REPLICA_EMPTY
from sim.model.design import GpuPool
from sim.model.workload import Slo

_FIRST_SLOTS = 1024


class DataPlane:
    """Requests, queues and batches of a fleet, advanced by the compiled kernel.

    Attributes
    ----------
    now : float
        Seconds from the start of the horizon.
    emptied : int
        The draining replica that became empty last.
    added_s, gone_s : list of float
        When each replica became ready, and when it had left (infinite before).
    pool_of : list of int
        Pool of each replica.

    Parameters
    ----------
    pools : sequence of GpuPool
    workload_pool : sequence of int
        Index of the pool that serves each workload.
    slos : sequence of Slo
        One per workload.
    routing_key : int
        Key of the random choices of routers.
    record : bool
        Keep a row for every request (see :meth:`requests`).
    start_s : float
        When the simulation begins; replicas of the pools are ready from then on.
    """

    def __init__(
        self,
        pools: Sequence[GpuPool],
        workload_pool: Sequence[int],
        slos: Sequence[Slo],
        routing_key: int = 0,
        record: bool = False,
        start_s: float = 0.0,
    ) -> None:
        self.now = start_s
        self.emptied = NONE
        self.added_s: list[float] = []
        self.gone_s: list[float] = []
        self.pool_of: list[int] = []
        self._state = _empty_state(pools, len(slos))
        clock = self._state.clock[0]
        clock.routing_key = routing_key
        clock.recording = record
        clock.emptied = NONE
        clock.bin_start_s = start_s
        for row, pool_index, slo in zip(self._state.workloads, workload_pool, slos, strict=True):
            row.pool = pool_index
            row.slo_ttft_s, row.slo_tpot_s, row.slo_e2e_s = slo.ttft_s, slo.tpot_s, slo.e2e_s
        self._reserve_replicas(sum(pool.replicas for pool in pools))
        for index, pool in enumerate(pools):
            for _ in range(pool.replicas):
                self.add(index)

    # Requests in

    def feed(
        self,
        arrival_s: FloatArray,
        prompt_tokens: npt.NDArray[np.int32],
        output_tokens: npt.NDArray[np.int32],
        workload: npt.NDArray[np.int32],
    ) -> None:
        """Append requests; their times continue those fed before, in order.

        Parameters
        ----------
        arrival_s : (n,) float64
        prompt_tokens, output_tokens, workload : (n,) int32
        """
        s, clock = self._state, self._state.clock[0]
        if clock.recording:
            log = _extended_log(s.log, arrival_s, prompt_tokens, output_tokens, workload)
            s = s._replace(log=log)
        left = slice(int(clock.cursor), int(clock.fed))
        self._state = s._replace(
            fed_s=np.concatenate([s.fed_s[left], arrival_s]),
            fed_prompt=np.concatenate([s.fed_prompt[left], prompt_tokens]),
            fed_output=np.concatenate([s.fed_output[left], output_tokens]),
            fed_workload=np.concatenate([s.fed_workload[left], workload]),
        )
        clock.cursor, clock.fed = 0, len(self._state.fed_s)

    def close_feed(self) -> None:
        """Say that no more requests will come."""
        self._state.clock[0].closed = 1

    # Time forward

    def advance(self, until_s: float) -> int:
        """Process every event up to and at ``until_s``.

        Returns
        -------
        int
            ``REACHED``; or, earlier, ``NEED_REQUESTS`` when more must be fed, or ``REPLICA_EMPTY``
            when a draining replica has become empty: see :attr:`emptied`.
        """
        while True:
            signal = kernel.advance(self._state, until_s)
            if signal != NEED_SLOTS:
                break
            self._state = with_slots(self._state, 2 * len(self._state.slots))
        if signal == REACHED:
            self.now = max(self.now, until_s)
        elif signal == REPLICA_EMPTY:
            self._note_emptied()
        return signal

    def _note_emptied(self) -> None:
        clock = self._state.clock[0]
        self.emptied, self.now = int(clock.emptied), float(clock.emptied_s)
        self.gone_s[self.emptied] = self.now
        clock.emptied = NONE

    # Verbs of the control plane

    def add(self, pool: int) -> int:
        """Add a replica to a pool, ready now; its number."""
        replica = len(self.added_s)
        self._reserve_replicas(replica + 1)
        verbs.add(self._state, replica, pool, self.now)
        self.added_s.append(self.now)
        self.gone_s.append(math.inf)
        self.pool_of.append(pool)
        return replica

    def drain(self, replica: int) -> bool:
        """Route nothing more to a replica; True if it had nothing to finish and is gone."""
        if self._state.replicas[replica].life != READY:
            return self.gone_s[replica] <= self.now
        gone = bool(verbs.drain(self._state, replica, self.now))
        if gone:
            self.gone_s[replica] = self.now
        return gone

    def kill(self, replica: int) -> None:
        """Remove a replica; what it was doing fails."""
        if self._state.replicas[replica].life != GONE:
            verbs.kill(self._state, replica, self.now)
            self.gone_s[replica] = self.now

    # Counts out

    def close_bin(self) -> State:
        """Complete the counts and integrals since the last :meth:`open_bin`; read, never write."""
        verbs.close_bin(self._state, len(self.added_s), self.now)
        return self._state

    def open_bin(self) -> None:
        """Count from zero."""
        verbs.open_bin(self._state, self.now)

    def in_flight(self) -> Records:
        """The requests in flight, as rows of ``SEQUENCE``."""
        slots = self._state.slots
        return slots[slots.number != NONE]

    def requests(self) -> Records:
        """One row of ``REQUEST`` per arrived request, by number; NaN for what has not been."""
        log = self._state.log[: int(self._state.clock[0].number)].copy()
        if self._state.clock[0].recording:  # the kernel writes a row when its request ends
            open_ones = self.in_flight()
            for column in ("admitted_s", "first_token_s", "preemptions"):
                log[column][open_ones.number] = open_ones[column]
        return log

    def _reserve_replicas(self, count: int) -> None:
        have = len(self._state.replicas)
        if count > have:
            self._state = with_replica_capacity(self._state, max(count, 2 * have))


def _empty_state(pools: Sequence[GpuPool], workloads: int) -> State:
    """Engine laws and limits in place, no replicas, no requests."""
    batch = max(pool.profile.max_num_seqs for pool in pools)
    block = max(pool.profile.kv_block_tokens for pool in pools)
    laws = np.zeros((2, len(pools), batch + 1))
    rows = records(len(pools), POOL)
    for index, pool in enumerate(pools):
        size = pool.profile.max_num_seqs + 1
        laws[0, index, :size], laws[1, index, :size] = pool.profile.step_tables()
        _fill_pool(rows[index], pool)
    none = np.zeros(0)
    no_slots = np.zeros(0, np.int32)
    state = State(
        clock=records(1, CLOCK),
        pools=rows,
        workloads=records(workloads, WORKLOAD),
        replicas=records(0, REPLICA),
        slots=records(0, SEQUENCE),
        step_base_s=laws[0],
        step_s_per_token=laws[1],
        event_s=none,
        event_tree=no_slots,
        heap_step=np.zeros((0, batch), np.int64),
        heap_slot=np.zeros((0, batch), np.int32),
        block_phase=np.zeros((0, block), np.int32),
        load=np.zeros((len(pools), 0)),
        load_tree=np.zeros((len(pools), 0), np.int32),
        members=np.zeros((len(pools), 0), np.int32),
        ready_list=np.zeros((len(pools), 0), np.int32),
        histograms=np.zeros((workloads, len(LATENCIES), BUCKETS), np.int32),
        fed_s=none,
        fed_prompt=no_slots,
        fed_output=no_slots,
        fed_workload=no_slots,
        log=records(0, REQUEST),
    )
    state.clock[0].free_slot = NONE
    return with_slots(with_replica_capacity(state, 2), _FIRST_SLOTS)


def _fill_pool(row: Records, pool: GpuPool) -> None:
    profile = pool.profile
    row.max_num_seqs = profile.max_num_seqs
    row.max_num_batched_tokens = profile.max_num_batched_tokens
    row.max_model_len = profile.max_model_len
    row.kv_blocks = profile.kv_capacity_tokens // profile.kv_block_tokens
    row.block_mask = profile.kv_block_tokens - 1
    row.block_shift = int(math.log2(profile.kv_block_tokens))
    row.scheduler = SCHEDULERS[profile.scheduler]
    row.router = ROUTERS[pool.router]
    row.prefill_s_per_request = profile.prefill_s_per_request
    row.prefill_s_per_token = profile.prefill_s_per_token
    row.prefill_s_per_token_context = profile.prefill_s_per_token_context
    row.overhead_s = profile.overhead_s
    row.frontend_s_per_request = profile.frontend_s_per_request
    row.frontend_s_per_token = profile.frontend_s_per_token


def _extended_log(
    log: Records,
    arrival_s: FloatArray,
    prompt_tokens: npt.NDArray[np.int32],
    output_tokens: npt.NDArray[np.int32],
    workload: npt.NDArray[np.int32],
) -> Records:
    """The log with rows for the requests that come next, in flight and nowhere yet."""
    have = len(log)
    longer = grown(log, have + len(arrival_s))
    new = longer[have:]
    new.arrival_s = arrival_s
    new.prompt_tokens, new.output_tokens, new.workload = prompt_tokens, output_tokens, workload
    new.ready_s = new.admitted_s = new.first_token_s = new.finish_s = np.nan
    new.status, new.replica = IN_FLIGHT, NONE
    return longer
