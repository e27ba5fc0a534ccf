"""What the control plane can do to the data plane.

All act at an instant after the kernel has processed every event up to it.
"""

import math

from sim.engine.client import attempt, client, handoff
from sim.engine.gateway import gateway
from sim.engine.replica import (
    adapters,
    batch,
    fetching,
    frontend,
    link,
    lockstep,
    memory,
    plan,
    prefix,
    tiers,
    waiting,
    work,
)
from sim.engine.replica.event import set_event
from sim.engine.request import usage
from sim.engine.state import tournament
from sim.engine.state.backend_record import VARIANT, VARIANTS
from sim.engine.state.jit import compiled, inner, inner_apart
from sim.engine.state.number import ONE_LESS, ONE_MORE, WIDE, ZERO
from sim.engine.state.record import (
    DRAINING,
    IDLE,
    LAID_OUT,
    LEAP,
    NONE,
    READY,
    IntArray,
    Row,
)
from sim.engine.state.state import State
from sim.engine.state.status import FAILED
from sim.engine.state.thin import thin

HOLD_ALL = 0.0  # requests that a replica is given at once


@compiled
def add(numbers: IntArray, r: int, p: int, slowness: float, now: float) -> None:
    """A replica of pool ``p``, with fresh rows for its ranks from ``r`` on, is ready from now."""
    s = thin(numbers)
    pool = s.pools[p]
    for rank in range(r, r + pool.ranks):
        _add_rank(s, rank, p, slowness, now)
    pool.serving += 1
    pool.serving_s -= now - s.clock[0].bin_start_s
    _count_ready(s, r, ONE_MORE, now)
    gateway.serve_held(s, p, now)


@inner
def _add_rank(s: State, r: int, p: int, slowness: float, now: float) -> None:
    """A rank with nothing to do, that is routed to."""
    replica, pool = s.replicas[r], s.pools[p]
    replica.pool = p
    replica.slowness = slowness
    replica.member = pool.members
    replica.free_blocks = pool.kv_blocks
    frontend.open_up(s, r, pool.processes)
    replica.blocks_since_s = now
    replica.head = replica.tail = replica.chunk_head = replica.chunk_tail = NONE
    replica.partial = replica.fetched = replica.root = replica.unready = NONE
    plan.empty(s.plans[r])
    if s.clock[0].has_transfers:
        for at in range(link.OF_REPLICA):
            link.open_up(s, link.of_replica(s, r) + at, now)
    replica.mode, replica.life = IDLE, READY
    replica.next_emptied = NONE
    cache = s.caches[r]
    cache.newest = cache.oldest = NONE
    if s.clock[0].has_tiers:
        tiers.open_up(s, r)
    if s.clock[0].has_adapters:
        adapters.open_up(s, r, slowness)
    s.rosters[p, 0, replica.member] = r
    s.rosters[p, 1, pool.routable] = r  # r is larger than all before it
    pool.members += 1
    pool.routable += 1
    s.load[p, replica.member] = 0.0
    tournament.update(s.load_tree[p], s.load[p], WIDE + replica.member)


@compiled
def drain(numbers: IntArray, r: int, now: float) -> bool:
    """No more requests for a replica, by its first row; True if it has none left, and is gone."""
    s = thin(numbers)
    pool = s.pools[s.replicas[r].pool]
    _unlist(s, r, pool, now)
    for rank in range(r, r + pool.ranks):
        s.replicas[rank].life = DRAINING
    is_empty = lockstep.is_empty(s, r, pool)
    if is_empty:
        gateway.go(s, r, now)
    return is_empty


@compiled
def kill(numbers: IntArray, r: int, now: float) -> None:
    """A replica, by its first row, is gone, and its requests are lost or sent to others."""
    s = thin(numbers)
    replica = s.replicas[r]
    pool = s.pools[replica.pool]
    if replica.life == READY:
        _unlist(s, r, pool, now)
    gateway.go(s, r, now)
    if replica.mode != IDLE and replica.mode < LAID_OUT:  # else it is not counted
        pool.busy -= 1
        pool.busy_s += now - s.clock[0].bin_start_s
    victims = NONE
    for rank in range(r, r + pool.ranks):
        victims = _join_lists(s, victims, _end_rank(s, rank, pool, now))
    leased = WIDE + NONE
    for rank in range(r, r + pool.ranks):
        if s.clock[0].has_transfers and s.replicas[rank].leases > 0:
            leased = _join_lists(s, leased, handoff.lose_source(s, rank, now))
            prefix.forget(s, rank)
    slot = victims
    while slot != NONE:
        s.workloads[s.slots[slot].workload].inside -= 1
        slot = s.slots[slot].next
    victims = _join_lists(s, victims, leased)
    while victims != NONE:
        following = s.slots[victims].next
        client.lose_replica(s, victims, now)
        victims = following


@inner
def _end_rank(s: State, r: int, pool: Row, now: float) -> int:
    """A rank does nothing any more; what it had, as a list."""
    replica = s.replicas[r]
    if replica.mode != IDLE or s.clock[0].has_transfers:
        _stop_at(s, r, now)
    lost = _take_off_all(s, r, now)
    if s.clock[0].has_prefix_caches:
        prefix.forget_held(s, r, lost)
    pool.outstanding -= replica.outstanding
    replica.outstanding = replica.of_batches = replica.stopping = 0
    replica.mode = IDLE
    set_event(s, r, math.inf)
    return lost


@compiled
def slow_down(numbers: IntArray, r: int, slowness: float, now: float) -> None:
    """Every time of a replica's engine takes so many times as long from its next segment on."""
    s = thin(numbers)
    replica = s.replicas[r]
    pool = s.pools[replica.pool]
    if replica.life == READY:
        change = 1.0 / slowness - 1.0 / _slowness(s, r)
        _count_speed(s, pool, change, now)
    for rank in range(r, r + pool.ranks):
        s.replicas[rank].slowness = slowness
        if s.clock[0].has_adapters:
            adapters.set_slowness(s, rank, slowness)


@compiled
def hold_back(numbers: IntArray, p: int) -> None:
    """Whatever comes to pool ``p`` waits at its gateway from now on."""
    thin(numbers).pools[p].replica_limit = HOLD_ALL


@compiled
def let_go(numbers: IntArray, p: int, usual: float, most: int, now: float) -> None:
    """Hand over so much of what is held, and then, if nothing is left of it, what comes.

    A replica is given ``usual`` requests at once.
    """
    s = thin(numbers)
    pool = s.pools[p]
    pool.replica_limit = usual
    if gateway.release(s, p, most, now) == 0 and pool.held > 0:
        pool.replica_limit = HOLD_ALL


@compiled
def shut(numbers: IntArray, p: int, now: float) -> None:
    """The gateway of pool ``p`` is lost with all that it holds, and holds nothing more."""
    s = thin(numbers)
    pool = s.pools[p]
    pool.holds = 0
    while pool.held > 0:
        at = 0
        while s.held_list[p, at, 0] == NONE:
            at += 1
        slot = s.held_list[p, at, 0]
        attempt.remove(s, slot, now)
        usage.failed(s, s.slots[slot])
        client.lose_attempt(s, slot, FAILED, now)


@inner
def _stop_at(s: State, r: int, now: float) -> None:
    """End a segment early: the steps done by now count, the one under way is lost."""
    memory.settle(s, r, now)
    replica = s.replicas[r]
    if replica.mode == LEAP:
        pool = s.pools[replica.pool]
        steps = work.steps_by(replica, now)
        work.book_steps(replica, pool, steps, 1.0)
        replica.cached += steps * pool.advance * replica.decoding
        replica.steps += steps * pool.advance


@inner
def _take_off_all(s: State, r: int, now: float) -> int:
    """Link all requests of a replica that dies into one list, and empty the replica.

    Waiting ones come first, in their order, then those that fetch, by attempt, then those whose
    prefill would have ended with the step under way, then the one prefilled in part, those that
    were to begin with the next step, then those that decode, by attempt, and last those that are
    streamed.
    """
    replica = s.replicas[r]
    pool = s.pools[replica.pool]
    count = 0
    slot = replica.head
    while slot != NONE:
        count += 1
        slot = s.slots[slot].next
    fetch = _stop_fetching(s, r, now) if s.clock[0].has_transfers else WIDE + NONE
    slot = fetch
    while slot != NONE:
        count += 1
        slot = s.slots[slot].next
    waiting.count_waiting(s, pool, -count, now)
    batch.count_running(s, pool, WIDE - replica.running, now)
    first = _join_lists(s, _join_lists(s, WIDE + replica.head, fetch), WIDE + replica.chunk_head)
    first = _join_lists(s, first, WIDE + replica.partial)
    first = _join_lists(s, first, s.plans[r].head)
    decoding = NONE
    while replica.decoding > 0:
        at = ZERO
        for other in range(1, replica.decoding):
            if s.slots[s.heap[r, other].slot].serial > s.slots[s.heap[r, at].slot].serial:
                at = other
        slot = batch.stop_decoding(s, r, replica, pool, at)
        s.slots[slot].next = decoding
        decoding = slot
    replica.head = replica.tail = replica.chunk_head = replica.chunk_tail = NONE
    replica.partial = replica.fetched = replica.root = replica.unready = NONE
    plan.empty(s.plans[r])
    replica.running = replica.reserved = replica.chunks = 0
    first = _join_lists(s, first, decoding)
    return _join_lists(s, first, frontend.streamed(s, r)) if pool.streams else first


@inner_apart
def _stop_fetching(s: State, r: int, now: float) -> int:
    """Nothing is sent to a dead replica any more; for whom it was, as a list."""
    first = fetching.on_replica(s, r)
    slot = first
    while slot != NONE:
        link.stop(s, slot, now)
        slot = WIDE + s.slots[slot].next
    return first


@inner
def _join_lists(s: State, first: int, second: int) -> int:
    """Append a linked list to another."""
    if first == NONE:
        return second
    slot = first
    while s.slots[slot].next != NONE:
        slot = s.slots[slot].next
    s.slots[slot].next = second
    return first


@compiled
def look(
    numbers: IntArray, p: int, now: float, full_queue: float, full_kv: float
) -> tuple[int, int, int, int, float, int, int, int, int, int, int, float, float, float]:
    """The fields of a :class:`~sim.engine.plane.pool_view.PoolView`, and how full replicas are."""
    s = thin(numbers)
    pool = s.pools[p]
    used = full = 0.0
    kind = s.providers[p].kind
    for at in range(ZERO if kind == VARIANTS else pool.routable):
        r = s.rosters[p, 1, at]
        replica = s.replicas[r]
        blocks = 0.0
        if replica.mode != IDLE or s.clock[0].has_transfers:
            blocks = memory.used_now(s, r, now)
        used += blocks
        waiting = float(replica.outstanding - replica.running)
        full += max(waiting / full_queue, blocks / (pool.kv_blocks * full_kv))
    held = ZERO if kind == VARIANT else pool.held  # else before all variants
    return (
        pool.ready,
        held,
        pool.waiting - held,
        pool.running,
        used / max(pool.kv_blocks * pool.routable, 1),
        pool.attempts,
        pool.rejected,
        pool.prompt_tokens,
        pool.output_tokens,
        pool.finished,
        pool.answers,
        pool.ttft_s,
        pool.streamed_s,
        full / max(pool.ranks, 1),
    )


@inner
def _unlist(s: State, r: int, pool: Row, now: float) -> None:
    """Take a ready replica off the router's lists."""
    for rank in range(r, r + pool.ranks):
        _unlist_rank(s, rank, pool)
    _count_ready(s, r, ONE_LESS, now)


@inner
def _unlist_rank(s: State, r: int, pool: Row) -> None:
    replica = s.replicas[r]
    p = WIDE + replica.pool
    at = 0
    while s.rosters[p, 1, at] != r:
        at += 1
    for i in range(at + 1, pool.routable):
        s.rosters[p, 1, i - 1] = s.rosters[p, 1, i]
    if at < pool.cursor:
        pool.cursor -= 1
    pool.routable -= 1
    s.load[p, replica.member] = math.inf
    tournament.update(s.load_tree[p], s.load[p], WIDE + replica.member)


@inner
def _count_ready(s: State, r: int, change: int, now: float) -> None:
    pool = s.pools[s.replicas[r].pool]
    pool.ready += change
    pool.ready_s -= change * (now - s.clock[0].bin_start_s)
    _count_speed(s, pool, change / _slowness(s, r), now)


@inner
def _slowness(s: State, r: int) -> float:
    """That of a replica, whatever its batch needs."""
    if s.clock[0].has_adapters:
        return float(s.adapter_slots[r].slowness)
    return float(s.replicas[r].slowness)


@inner
def _count_speed(s: State, pool: Row, change: float, now: float) -> None:
    pool.speed += change
    pool.able_s -= change * (now - s.clock[0].bin_start_s)
