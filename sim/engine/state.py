"""The state of the data plane: arrays of records, and how they grow."""

from typing import NamedTuple

import numpy as np

from sim.engine.record import (
    DEADLINE,
    NONE,
    CountArray,
    FloatArray,
    IntArray,
    Records,
    SlotArray,
    records,
)
from sim.engine.tournament import leaves_for, rebuild


class State(NamedTuple):
    """Everything that the kernel works on.

    Attributes
    ----------
    clock : (1,) CLOCK
    pools : (pools,) POOL
    workloads : (workloads,) WORKLOAD
    replicas : (capacity,) REPLICA
    slots : (slots,) SEQUENCE
    laws : (pools, 2, batch + 1) float64
        a(B) and c(B).
    event_s, event_tree : (leaves,) float64, int64
        Next event of each replica, and the tournament tree over them.
    heap_step, heap_slot : (capacity, batch) int64
        Per replica a binary heap of decoding sequences, under the step number at which they end.
    block_phase : (capacity, block) int32
        Per replica the number of decoding sequences by (cached tokens - step number) modulo the
        block: those that need a new block at step s are the ones of phase -s.
    load, load_tree : (pools, leaves) float64, int64
        Outstanding requests by member, infinite if not ready, and the tree over them.
    rosters : (pools, 2, capacity) int64
        The replica of each member, and the replicas that may be routed to, in increasing order.
    held_list : (pools, 2, 2) int32
        First and last request held at the gateway, by priority.
    timers : (n,) TIMER
        A binary heap of retries to be sent and patience that ends.
    rings : (2 · workloads,) RING
    deadlines : (2 · workloads, n) DEADLINE
        Timeouts to the first and to the last token, by workload.
    histograms : (workloads, 4, BUCKETS) int32
    fed : (fed,) FED
        Requests to come.
    log : (n,) REQUEST
        One row per request if recording, else empty.
    """

    clock: Records
    pools: Records
    workloads: Records
    replicas: Records
    slots: Records
    laws: FloatArray
    event_s: FloatArray
    event_tree: SlotArray
    heap_step: IntArray
    heap_slot: SlotArray
    block_phase: CountArray
    load: FloatArray
    load_tree: SlotArray
    rosters: SlotArray
    held_list: SlotArray
    timers: Records
    rings: Records
    deadlines: Records
    histograms: CountArray
    fed: Records
    log: Records


def grown(array: Records, count: int) -> Records:
    """A copy with ``count`` rows, the new ones zero."""
    if array.ndim > 1:
        larger = np.zeros((count, *array.shape[1:]), array.dtype)
    else:
        larger = records(count, array.dtype)
    larger[: len(array)] = array
    return larger


def with_replica_capacity(state: State, capacity: int) -> State:
    """The same state with room for ``capacity`` replicas in all and in each pool."""
    leaves = leaves_for(capacity)
    event_s = np.full(leaves, np.inf)
    event_s[: len(state.event_s)] = state.event_s
    load = np.full((len(state.pools), leaves), np.inf)
    load[:, : state.load.shape[1]] = state.load
    rosters = np.zeros((len(state.pools), 2, capacity), np.int64)
    rosters[:, :, : state.rosters.shape[2]] = state.rosters
    enlarged = state._replace(
        replicas=grown(state.replicas, capacity),
        heap_step=grown(state.heap_step, capacity),
        heap_slot=grown(state.heap_slot, capacity),
        block_phase=grown(state.block_phase, capacity),
        event_s=event_s,
        event_tree=np.zeros(leaves, np.int64),
        load=load,
        load_tree=np.zeros((len(state.pools), leaves), np.int64),
        rosters=rosters,
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
    slots.number[have:] = slots.serial[have:] = NONE
    slots.next[count - 1] = state.clock.free_slot[0]
    state.clock.free_slot[0] = have
    return state._replace(slots=slots)


def with_timers(state: State, count: int) -> State:
    """The same state with room for ``count`` timers."""
    return state._replace(timers=grown(state.timers, count))


def with_deadlines(state: State, count: int) -> State:
    """The same state with room for ``count`` deadlines in each ring."""
    rings, have = len(state.rings), state.deadlines.shape[1]
    deadlines = np.zeros((rings, count), DEADLINE)
    for ring in range(rings):
        rows = np.roll(state.deadlines[ring], -int(state.rings[ring].first))
        deadlines[ring, :have] = rows
        state.rings[ring].first = 0
    return state._replace(deadlines=deadlines.view(np.recarray))
