"""How the arrays of the state grow: larger copies, with what is new free, empty or nowhere yet."""

from collections.abc import Callable

import numpy as np

from sim.engine.events.ahead import LARGE
from sim.engine.replica import link, runs
from sim.engine.state.cache_record import CACHE
from sim.engine.state.record import DEADLINE, NONE, TIMER, Records, records, zeros
from sim.engine.state.state import State
from sim.engine.state.status import (
    IN_FLIGHT,
    NEED_DEADLINES,
    NEED_LOG,
    NEED_RUNS,
    NEED_SLOTS,
    NEED_TASKS,
    NEED_TIMERS,
)
from sim.engine.state.thin import numbered
from sim.engine.state.tournament import leaves_for, nodes_for, rebuild


def grown(array: Records, count: int) -> Records:
    """A copy with ``count`` rows, the new ones zero."""
    larger = zeros((count, *array.shape[1:]), array.dtype).view(type(array))
    larger[: len(array)] = array
    return larger


def with_replica_capacity(state: State, capacity: int) -> State:
    """The same state with room for ``capacity`` replicas in all and in each pool."""
    leaves = leaves_for(capacity)
    event_s = zeros(leaves, np.float64)
    event_s[:] = np.inf
    event_s[: len(state.event_s)] = state.event_s
    load = zeros((len(state.pools), leaves), np.float64)
    load[:] = np.inf
    load[:, : state.load.shape[1]] = state.load
    rosters = np.zeros((len(state.pools), 2, capacity), np.int64)
    rosters[:, :, : state.rosters.shape[2]] = state.rosters
    enlarged = state._replace(
        replicas=grown(state.replicas, capacity),
        caches=_with_caches(state, capacity),
        plans=grown(state.plans, capacity),
        frontends=grown(state.frontends, capacity),
        heap=grown(state.heap, capacity),
        block_phase=grown(state.block_phase, capacity),
        event_s=event_s,
        event_tree=zeros(nodes_for(leaves), np.float64),
        load=load,
        load_tree=zeros((len(state.pools), nodes_for(leaves)), np.float64),
        rosters=rosters,
    )
    if enlarged.clock.has_adapters[0]:
        enlarged = enlarged._replace(
            adapters=grown(state.adapters, capacity),
            adapter_slots=grown(state.adapter_slots, capacity),
        )
    if enlarged.served.shape[1] > 0:
        enlarged = enlarged._replace(served=grown(state.served, capacity))
    if enlarged.clock.has_transfers[0]:
        enlarged = with_links(enlarged)
    if state.tiers.shape[1] > 0:
        _move_runs(enlarged, len(state.replicas))
    enlarged.clock.is_large[0] = capacity >= LARGE
    rebuild(enlarged.event_tree, enlarged.event_s)
    for tree, key in zip(enlarged.load_tree, enlarged.load, strict=True):
        rebuild(tree, key)
    return enlarged


def with_links(state: State) -> State:
    """The same state with the links of all its pools and of the replicas that it has room for."""
    count = link.OF_POOL * len(state.pools) + link.OF_REPLICA * len(state.replicas)
    leaves = leaves_for(count)
    link_s = zeros(leaves, np.float64)
    link_s[:] = np.inf
    link_s[: len(state.link_s)] = state.link_s
    links = grown(state.links, count)
    new = links[len(state.links) :]
    new.root = new.head = new.tail = NONE
    enlarged = state._replace(
        links=links,
        link_s=link_s,
        link_tree=zeros(nodes_for(leaves), np.float64),
    )
    rebuild(enlarged.link_tree, enlarged.link_s)
    return enlarged


def with_open_links(state: State) -> State:
    """The same state with room for what is sent, and the links of its pools open."""
    state = with_transfers(with_links(state), len(state.slots))
    links = state.links[: link.OF_POOL * len(state.pools)]
    links.root = links.head = links.tail = NONE
    return state


def with_transfers(state: State, count: int) -> State:
    """The same state with a row for what is sent for the sequence in each of ``count`` slots."""
    have = len(state.transfers)
    rows = grown(state.transfers, count)
    rows.source[have:] = rows.home[have:] = NONE
    loads = np.zeros((count, 1 + state.tiers.shape[1]), np.int64)
    loads[:, 0] = NONE
    loads[:have] = state.loads
    return state._replace(transfers=rows, loads=loads)


def with_ranks(state: State, count: int) -> State:
    """The same state with ranks in lines for each of ``count`` slots."""
    trees = np.zeros((count, 2), np.int64)
    trees[: len(state.trees)] = state.trees
    return state._replace(ranked=grown(state.ranked, count), trees=trees)


def _with_caches(state: State, capacity: int) -> Records:
    """Caches of so many replicas, then their tiers, then shared stores, in one array."""
    have, tiers = len(state.replicas), state.tiers.shape[1]
    if tiers == 0:
        return grown(state.caches, capacity)
    larger = records(capacity * (1 + tiers) + len(state.pools), CACHE)
    larger.newest = larger.oldest = NONE
    if have > 0:
        larger[:have] = state.caches[:have]
        larger[capacity : capacity + have * tiers] = state.caches[have : have * (1 + tiers)]
        larger[capacity * (1 + tiers) :] = state.caches[have * (1 + tiers) :]
    return larger


def _move_runs(state: State, have: int) -> None:
    """Runs in tiers lie in other rows now that there are more replicas, and in other buckets."""
    more, tiers = len(state.replicas) - have, state.tiers.shape[1]
    rows = state.runs
    is_shared = rows.replica >= have * (1 + tiers)
    rows.replica[rows.replica >= have] += more
    rows.replica[is_shared] += more * tiers
    state.buckets[:] = NONE
    runs.hash_all(numbered(state))


def with_slots(state: State, count: int) -> State:
    """The same state with ``count`` slots, the new ones on the free list."""
    have = len(state.slots)
    slots = grown(state.slots, count)
    slots.number[have:] = slots.serial[have:] = NONE
    state.clock.free_slot[0] = _freed(slots, have, int(state.clock.free_slot[0]))
    extras = grown(state.extras, count) if state.clock.has_extras[0] else state.extras
    processes = np.zeros(count, np.int64)
    processes[:have] = state.processes
    larger = state._replace(slots=slots, extras=extras, processes=processes)
    if state.clock.has_adapters[0]:
        larger = larger._replace(needs=grown(state.needs, count))
    if state.clock.has_orders[0]:
        larger = with_ranks(larger, count)
    return with_transfers(larger, count) if state.clock.has_transfers[0] else larger


def with_tasks(state: State, count: int) -> State:
    """The same state with room for ``count`` tasks."""
    have = len(state.tasks)
    tasks = grown(state.tasks, count)
    tasks.number[have:] = NONE
    state.clock.free_task[0] = _freed(tasks, have, int(state.clock.free_task[0]))
    return state._replace(tasks=tasks, kept=grown(state.kept, count))


def with_runs(state: State, count: int) -> State:
    """The same state with room for ``count`` runs of blocks of prompts, all in their buckets."""
    have = len(state.runs)
    rows = grown(state.runs, count)
    clock = state.clock[0]
    clock.free_run = _freed(rows, have, int(clock.free_run))
    clock.free_runs += count - have
    larger = state._replace(
        runs=rows, buckets=np.full(1 << (count - 1).bit_length(), NONE, np.int64)
    )
    runs.hash_all(numbered(larger))
    return larger


def with_more_runs(state: State) -> State:
    """The same state with room for the runs of any one event, and twice as many as before."""
    return with_runs(state, 2 * (len(state.runs) + _runs_of_an_event(state) + 1))


def with_room_for_losses(state: State, requests: int) -> State:
    """The same state with room for what so many requests set out to do that lose their replica."""
    needed = int(state.clock[0].timers) + requests + 4
    if needed > len(state.timers):
        state = with_timers(state, 2 * needed)
    return with_runs_for_a_verb(state)


def with_runs_for_a_verb(state: State) -> State:
    """The same state, or one with more room if an event might lack it."""
    has_room = state.clock[0].free_runs > _runs_of_an_event(state)
    return state if has_room or not state.clock[0].has_tiers else with_more_runs(state)


def _runs_of_an_event(state: State) -> int:
    """As :func:`sim.engine.replica.tiers.most_runs` has it, of the pool where it is most."""
    pools = state.pools
    most = pools.prefix_blocks + pools.tier_runs
    if state.tiers.shape[1] > 0:
        goes_down = (pools.tiers > 0) & (state.tiers.writes_through[:, 0] == 0)
        most = most + goes_down * pools.members * pools.prefix_blocks
    return int(most.max())


def _freed(rows: Records, have: int, first_free: int) -> int:
    """Link the rows from ``have`` on into the free list; its new first row."""
    count = len(rows)
    rows.next[have:] = np.arange(have + 1, count + 1)
    rows.next[count - 1] = first_free
    return have


def with_timers(state: State, count: int) -> State:
    """The same state with room for ``count`` timers."""
    timers = timer_heap(count)
    timers[: len(state.timers)] = state.timers
    return state._replace(timers=timers)


def timer_heap(count: int) -> Records:
    """Room for so many timers, with the first four below the top at a cache line's start."""
    return records(count + 3, TIMER)[3:]


def with_deadlines(state: State, count: int) -> State:
    """The same state with room for ``count`` deadlines in each ring."""
    rings, have = len(state.rings), state.deadlines.shape[1]
    deadlines = np.zeros((rings, count), DEADLINE)
    for ring, row in enumerate(state.rings):  # what is empty takes up no memory
        at = (int(row.first) + np.arange(int(row.count))) % have
        deadlines[ring, : len(at)] = state.deadlines[ring, at]
        row.first = 0
    return state._replace(deadlines=deadlines.view(np.recarray))


def with_log(state: State, count: int) -> State:
    """The same state with room for ``count`` requests in the log, nowhere yet."""
    have = len(state.log)
    log = grown(state.log, count)
    new = log[have:]
    new.dispatched_s = new.ready_s = np.nan
    new.admitted_s = new.first_token_s = new.finish_s = np.nan
    new.status, new.replica = IN_FLIGHT, NONE
    return state._replace(log=log)


_FIRST_TASKS = 64
_FIRST_LOG = 1024

ROOM: dict[int, Callable[[State], State]] = {
    NEED_SLOTS: lambda state: with_slots(state, 2 * len(state.slots)),
    NEED_TIMERS: lambda state: with_timers(
        state, 2 * int(state.clock[0].timers + state.clock[0].spare_timers)
    ),
    NEED_DEADLINES: lambda state: with_deadlines(state, 2 * state.deadlines.shape[1]),
    NEED_TASKS: lambda state: with_tasks(state, max(_FIRST_TASKS, 2 * len(state.tasks))),
    NEED_RUNS: with_more_runs,
    NEED_LOG: lambda state: with_log(state, max(_FIRST_LOG, 2 * len(state.log))),
}
"""How the state is enlarged when the kernel asks for room, by its signal."""
