"""The state of the data plane: records in arrays, and nothing else.

A row of ``SEQUENCE`` is a request in flight (its *slot*), a row of ``REPLICA`` a copy of the model,
a row of ``POOL`` the engine law and limits that its replicas share, a row of ``WORKLOAD`` what is
counted for a workload in the current time bin. The kernel reads and writes them in place; what is
constant lies beside what changes where both are used together, for the cache's sake.

Integrals over time bins are kept as sums of moments: a count that rises at τ (seconds since the
bin's start) subtracts τ, one that falls adds τ, and the bin's end adds count · width. This is exact
and costs one addition per change.
"""

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from sim.engine.tournament import leaves_for, rebuild

# Scheduler of a pool.
CHUNKED, PREFILL_FIRST = 0, 1
SCHEDULERS = {"chunked": CHUNKED, "prefill_first": PREFILL_FIRST}

# What a replica is doing.
IDLE = 0
LEAP = 1  # decoding, batch unchanged, over `leap` steps
MIXED = 2  # one step of prefill chunks, with decodes riding along
PREFILL = 3  # one step of whole prompts while decodes wait

# Life of a replica, as far as the data plane knows it.
READY, DRAINING, GONE = 0, 1, 2

# Latencies with a histogram, per workload.
TTFT, TPOT, E2E, WAIT = 0, 1, 2, 3
LATENCIES = {TTFT: "ttft", TPOT: "tpot", E2E: "e2e", WAIT: "queue_wait"}

NONE = -1  # no slot, no replica

SEQUENCE = np.dtype(
    [
        ("arrival_s", "f8"),
        ("ready_s", "f8"),  # through the front end, visible to the scheduler
        ("admitted_s", "f8"),  # first admission to the batch
        ("first_token_s", "f8"),
        ("number", "i8"),  # of the request, in the order of arrival
        ("admission", "i8"),  # order of the latest admission: the largest is the youngest
        ("prompt", "i4"),
        ("output", "i4"),
        ("generated", "i4"),
        ("prefill", "i4"),  # tokens to prefill: the prompt and what was generated before
        ("prefilled", "i4"),
        ("preemptions", "i4"),
        ("workload", "i4"),
        ("next", "i4"),  # slot: in the waiting list, the list of chunks, or the free list
    ],
    align=True,
)

REPLICA = np.dtype(
    [
        # The segment under way: a leap of `leap` steps from step number `steps` at `start_s`.
        ("start_s", "f8"),
        ("step_s", "f8"),
        ("growth_s", "f8"),
        ("steps", "i8"),
        ("leap", "i8"),
        ("cached", "i8"),  # K: tokens in the caches of decoding sequences, at the start
        ("free_blocks", "i8"),  # at the start, prefills under way taken off
        ("frontend_free_s", "f8"),
        ("blocks_since_s", "f8"),  # the integral of used blocks is complete up to here
        ("blocks_then", "f8"),  # used blocks at that time
        ("decoding", "i4"),  # B
        ("running", "i4"),  # decoding and prefilling
        ("outstanding", "i4"),  # routed here and not finished
        ("head", "i4"),  # waiting list, first to be admitted first
        ("tail", "i4"),
        ("chunk_head", "i4"),  # sequences whose prefill ends with the step under way
        ("chunk_tail", "i4"),
        ("partial", "i4"),  # the one sequence that is prefilled in part
        ("pool", "i4"),
        ("member", "i4"),  # index within the pool
        ("mode", "i4"),
        ("life", "i4"),
    ],
    align=True,
)

POOL = np.dtype(
    [
        ("max_num_seqs", "i8"),
        ("max_num_batched_tokens", "i8"),
        ("max_model_len", "i8"),
        ("kv_blocks", "i8"),
        ("block_mask", "i8"),  # tokens of a block minus one
        ("block_shift", "i8"),  # log2 of the tokens of a block
        ("scheduler", "i8"),
        ("router", "i8"),
        ("prefill_s_per_request", "f8"),
        ("prefill_s_per_token", "f8"),
        ("prefill_s_per_token_context", "f8"),
        ("overhead_s", "f8"),
        ("frontend_s_per_request", "f8"),
        ("frontend_s_per_token", "f8"),
        ("members", "i8"),  # replicas ever added
        ("ready", "i8"),
        ("cursor", "i8"),  # of the round robin, into the ready list
        # Counts now, and moments of the bin under way.
        ("busy", "i8"),
        ("waiting", "i8"),
        ("running", "i8"),
        ("busy_s", "f8"),
        ("waiting_s", "f8"),
        ("running_s", "f8"),
        ("blocks_s", "f8"),
        ("ready_s", "f8"),
    ],
    align=True,
)

WORKLOAD = np.dtype(
    [
        ("pool", "i8"),
        ("slo_ttft_s", "f8"),
        ("slo_tpot_s", "f8"),
        ("slo_e2e_s", "f8"),
        # Counts of the bin under way, of requests that arrived at time 0 or later.
        ("requests", "i8"),
        ("completed", "i8"),
        ("rejected", "i8"),
        ("failed", "i8"),
        ("slo_met", "i8"),
        ("offered_prompt_tokens", "i8"),  # of all that arrived
        ("offered_output_tokens", "i8"),
        ("prompt_tokens", "i8"),
        ("output_tokens", "i8"),
        ("preemptions", "i8"),
        ("ttft_s", "f8"),  # sums over completed requests
        ("tpot_s", "f8"),
        ("e2e_s", "f8"),
        ("queue_wait_s", "f8"),
        ("multi_token", "i8"),  # completed requests of two tokens or more, which have a TPOT
    ],
    align=True,
)

REQUEST = np.dtype(
    [
        ("arrival_s", "f8"),
        ("ready_s", "f8"),
        ("admitted_s", "f8"),
        ("first_token_s", "f8"),
        ("finish_s", "f8"),
        ("prompt_tokens", "i4"),
        ("output_tokens", "i4"),
        ("workload", "i4"),
        ("replica", "i4"),
        ("status", "i4"),
        ("preemptions", "i4"),
    ],
    align=True,
)

CLOCK = np.dtype(
    [
        ("cursor", "i8"),  # next of the fed requests
        ("fed", "i8"),
        ("closed", "i8"),  # no more requests will be fed
        ("number", "i8"),  # of the next request
        ("admissions", "i8"),
        ("free_slot", "i8"),
        ("emptied", "i8"),  # the replica of the signal REPLICA_EMPTY
        ("emptied_s", "f8"),
        ("bin_start_s", "f8"),
        ("routing_key", "u8"),
        ("recording", "i8"),
    ],
    align=True,
)

Records = Any  # np.recarray of one of the types above; NumPy's typing knows no fields
Row = Any  # one row of such an array
IntArray = npt.NDArray[np.int64]
SlotArray = npt.NDArray[np.int32]
FloatArray = npt.NDArray[np.float64]


class State(NamedTuple):
    """Everything that the kernel works on.

    Attributes
    ----------
    clock : (1,) CLOCK
    pools : (pools,) POOL
    workloads : (workloads,) WORKLOAD
    replicas : (capacity,) REPLICA
    slots : (slots,) SEQUENCE
    step_base_s, step_s_per_token : (pools, batch + 1) float64
        a(B) and c(B).
    event_s, event_tree : (leaves,) float64, int32
        Next event of each replica, and the tournament tree over them.
    heap_step, heap_slot : (capacity, batch) int64, int32
        Per replica a binary heap of decoding sequences, under the step number at which they end.
    block_phase : (capacity, block) int32
        Per replica the number of decoding sequences by (cached tokens - step number) modulo the
        block: those that need a new block at step s are the ones of phase -s.
    load, load_tree : (pools, leaves) float64, int32
        Outstanding requests by member, infinite if not ready, and the tree over them.
    members : (pools, capacity) int32
        Replica of each member.
    ready_list : (pools, capacity) int32
        Replicas that may be routed to, in increasing order.
    histograms : (workloads, 4, BUCKETS) int32
    fed_s, fed_prompt, fed_output, fed_workload : (fed,) arrays
    log : (n,) REQUEST
        One row per request if recording, else empty.
    """

    clock: Records
    pools: Records
    workloads: Records
    replicas: Records
    slots: Records
    step_base_s: FloatArray
    step_s_per_token: FloatArray
    event_s: FloatArray
    event_tree: SlotArray
    heap_step: IntArray
    heap_slot: SlotArray
    block_phase: SlotArray
    load: FloatArray
    load_tree: SlotArray
    members: SlotArray
    ready_list: SlotArray
    histograms: SlotArray
    fed_s: FloatArray
    fed_prompt: SlotArray
    fed_output: SlotArray
    fed_workload: SlotArray
    log: Records


def records(count: int, dtype: np.dtype[np.void]) -> Records:
    """``count`` zeroed rows whose fields can be read as attributes."""
    return np.zeros(count, dtype).view(np.recarray)


def grown(array: Records, count: int) -> Records:
    """A copy with ``count`` rows, the new ones zero."""
    larger = np.zeros((count, *array.shape[1:]), array.dtype)
    larger[: len(array)] = array
    return larger.view(type(array))


def with_replica_capacity(state: State, capacity: int) -> State:
    """The same state with room for ``capacity`` replicas in all and in each pool."""
    leaves = leaves_for(capacity)
    event_s = np.full(leaves, np.inf)
    event_s[: len(state.event_s)] = state.event_s
    load = np.full((len(state.pools), leaves), np.inf)
    load[:, : state.load.shape[1]] = state.load
    members, ready_list = np.zeros((2, len(state.pools), capacity), np.int32)
    members[:, : state.members.shape[1]] = state.members
    ready_list[:, : state.ready_list.shape[1]] = state.ready_list
    enlarged = state._replace(
        replicas=grown(state.replicas, capacity),
        heap_step=grown(state.heap_step, capacity),
        heap_slot=grown(state.heap_slot, capacity),
        block_phase=grown(state.block_phase, capacity),
        event_s=event_s,
        event_tree=np.zeros(leaves, np.int32),
        load=load,
        load_tree=np.zeros((len(state.pools), leaves), np.int32),
        members=members,
        ready_list=ready_list,
    )
    rebuild(enlarged.event_tree, enlarged.event_s)
    for tree, key in zip(enlarged.load_tree, enlarged.load, strict=True):
        rebuild(tree, key)
    return enlarged


def with_slots(state: State, count: int) -> State:
    """The same state with ``count`` slots, the new ones on the free list."""
    have = len(state.slots)
    slots = grown(state.slots, count)
    slots.next[have:] = np.arange(have + 1, count + 1)
    slots.number[have:] = NONE
    slots.next[count - 1] = state.clock.free_slot[0]
    state.clock.free_slot[0] = have
    return state._replace(slots=slots)
