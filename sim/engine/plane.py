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
from sim.engine.status import IN_FLIGHT, NEED_SLOTS, REACHED
from sim.model.design import GpuPool
from sim.model.workload import Slo

_FIRST_SLOTS = 1024


class DataPlane:
    """Requests, queues and batches of a fleet, advanced by the compiled kernel.

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
        self.replica_count = 0
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
        new = (arrival_s, prompt_tokens, output_tokens, workload)
        if clock.recording:
            s = s._replace(log=_extended_log(s.log, *new))
        if clock.cursor < clock.fed:
            old = (s.fed_s, s.fed_prompt, s.fed_output, s.fed_workload)
            new = tuple(
                np.concatenate([a[clock.cursor :], b]) for a, b in zip(old, new, strict=True)
            )
        clock.cursor, clock.fed = 0, len(new[0])
        self._state = s._replace(
            fed_s=np.ascontiguousarray(new[0], np.float64),
            fed_prompt=np.ascontiguousarray(new[1], np.int32),
            fed_output=np.ascontiguousarray(new[2], np.int32),
            fed_workload=np.ascontiguousarray(new[3], np.int32),
        )

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
        return signal

    def pop_emptied(self) -> int:
        """The replica of the signal ``REPLICA_EMPTY``, and when it became empty is the time now."""
        clock = self._state.clock[0]
        replica = int(clock.emptied)
        clock.emptied = NONE
        return replica

    # Verbs of the control plane

    def add(self, pool: int) -> int:
        """Add a replica to a pool, ready now; its number."""
        replica = self.replica_count
        self._reserve_replicas(replica + 1)
        verbs.add(self._state, replica, pool, self.now)
        self.replica_count += 1
        return replica

    def drain(self, replica: int) -> bool:
        """Route nothing more to a replica; True if it had nothing to finish and is gone."""
        return bool(verbs.drain(self._state, replica, self.now))

    def kill(self, replica: int) -> None:
        """Remove a replica; what it was doing fails."""
        if self._state.replicas[replica].life != GONE:
            verbs.kill(self._state, replica, self.now)

    # Counts out

    def close_bin(self) -> State:
        """Complete the counts and integrals since the last :meth:`open_bin`; read, never write."""
        verbs.close_bin(self._state, self.replica_count, self.now)
        return self._state

    def open_bin(self) -> None:
        """Count from zero."""
        verbs.open_bin(self._state, self.now)

    def in_flight(self) -> Records:
        """The requests in flight, as rows of ``SEQUENCE``."""
        slots = self._state.slots
        return slots[slots.number != NONE]

    def requests(self) -> Records:
        """One row of ``REQUEST`` per request that has arrived, by number; NaN for what has not been."""
        return self._state.log[: int(self._state.clock[0].number)]

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
