"""The gateway of a pool: attempts come in, are rejected, held, or handed to a replica.

Pools that are variants of one backend have one gateway, in the row of that backend, which keeps
what it holds. What it hands to a replica is in the pool of the replica from then on. Each of these
pools says that it holds as much, so that who leaves one of them looks at the line of all.
"""

import math

from sim.engine.gateway import managed, routing, variants
from sim.engine.replica import (
    event,
    fetching,
    frontend,
    lockstep,
    prefix,
    standing,
    waiting,
    wake,
    yielding,
)
from sim.engine.request import usage
from sim.engine.state import tournament
from sim.engine.state.backend_record import MANAGED, VARIANTS
from sim.engine.state.jit import inner, inner_apart
from sim.engine.state.number import ONE_LESS, ONE_MORE, WIDE
from sim.engine.state.record import DRAINING, EVERYBODY, GONE, HELD, NONE, Row
from sim.engine.state.state import State
from sim.engine.state.status import IN_FLIGHT, REJECTED
from sim.model.scheduling import CLASSES, CRITICAL


@inner
def take_in(s: State, slot: int, now: float) -> int:
    """Hand an attempt to a replica or hold it: IN_FLIGHT, or why it is not."""
    seq = s.slots[slot]
    counts = s.workloads[seq.workload]
    p = WIDE + seq.backend
    pool = s.pools[p]
    if s.clock[0].has_detours and s.providers[p].kind:
        return _take_in_elsewhere(s, p, slot, now)
    if (
        (pool.routable == 0 and not pool.holds)
        or pool.outstanding >= pool.routable * pool.max_num_seqs + pool.max_queue
        or counts.inside >= counts.max_concurrency
    ) and not (counts.sheds and _has_room_to_spare(s, pool, slot)):
        usage.turned_away(s, seq)
        return REJECTED
    pool.outstanding += 1
    counts.inside += 1
    waiting.count_waiting(s, pool, ONE_MORE, now)
    r = _place_for(s, p, pool, slot, now)
    if r != NONE:
        _hand_over(s, p, r, slot, now)
    else:
        _hold(s, p, slot, now)
    return IN_FLIGHT


@inner_apart
def _take_in_elsewhere(s: State, p: int, slot: int, now: float) -> int:
    """The same at a managed backend, or at one that has several pools."""
    if s.providers[p].kind == MANAGED:
        return managed.take_in(s, slot, now)
    return _take_in_among(s, variants.whole(s, p), slot, now)


@inner_apart
def _take_in_among(s: State, g: int, slot: int, now: float) -> int:
    """The same by a gateway before several pools."""
    seq, pool = s.slots[slot], s.pools[g]
    counts = s.workloads[seq.workload]
    seq.backend = g
    pool.routable = variants.routable(s, g)
    if (
        (pool.routable == 0 and not pool.holds)
        or variants.outstanding(s, g) >= variants.places(s, g) + pool.max_queue
        or counts.inside >= counts.most_inside
    ):
        usage.turned_away(s, seq)
        return REJECTED
    counts.inside += 1
    r = variants.choose(s, g, slot, now)
    if r != NONE:
        _enter(s, g, r, slot, now)
    else:
        pool.outstanding += 1
        waiting.count_waiting(s, pool, ONE_MORE, now)
        _hold(s, g, slot, now)
        variants.tell_held(s, g)
    return IN_FLIGHT


@inner
def _enter(s: State, g: int, r: int, slot: int, now: float) -> None:
    """An attempt comes to a replica of one of several pools, which take turns together."""
    seq, p = s.slots[slot], WIDE + s.replicas[r].pool
    pool = s.pools[p]
    seq.backend = p
    pool.attempts += 1
    usage.handed_on(s, seq)
    pool.outstanding += 1
    waiting.count_waiting(s, pool, ONE_MORE, now)
    pool.turns = s.pools[g].turns
    _hand_over(s, p, r, slot, now)
    s.pools[g].turns = pool.turns


@inner_apart
def _release_among(s: State, g: int, most: int, now: float) -> int:
    """Hand over so much of what is held before several pools; how much more it might be."""
    pool = s.pools[g]
    while pool.held > 0 and most > 0:
        at = 0
        while s.held_list[g, at, 0] == NONE:
            at += 1
        slot = s.held_list[g, at, 0]
        r = variants.choose(s, g, slot, now)
        if r == NONE:
            break
        _unlink(s, g, slot)
        pool.outstanding -= 1
        waiting.count_waiting(s, pool, ONE_LESS, now)
        _enter(s, g, r, slot, now)
        most -= 1
    variants.tell_held(s, g)
    return most


@inner_apart
def _has_room_to_spare(s: State, pool: Row, slot: int) -> bool:
    """Whether a sheddable attempt is taken in; if not as that is what it is, it is counted.

    Without flow control that is so while fewer wait than ``shed_queue`` for each replica; with it,
    while the gateway does not hold requests back: as the saturation detector of the Gateway API
    Inference Extension has it, by which the endpoint picker turns them away. A prompt that has been
    computed is not.
    """
    seq = s.slots[slot]
    counts = s.workloads[seq.workload]
    if (
        (pool.routable == 0 and not pool.holds)
        or pool.outstanding >= pool.routable * pool.max_num_seqs + pool.max_queue
        or counts.inside >= counts.most_inside
    ):
        return False
    is_saturated = pool.replica_limit == 0.0 or pool.waiting >= pool.shed_queue * pool.routable
    if not is_saturated or fetching.is_to_fetch(s, slot):
        return True
    if seq.arrival_s >= 0.0:
        counts.shed += 1
    return False


@inner
def leave_replica(s: State, r: int, w: int, now: float) -> None:
    """A request of workload ``w`` leaves: the replica is empty, or has room for another."""
    replica = s.replicas[r]
    replica.outstanding -= 1
    replica.of_batches -= s.workloads[w].gives_way
    s.workloads[w].inside -= 1
    pool = s.pools[replica.pool]
    pool.outstanding -= 1
    routing.set_load(s, r)
    go_if_drained(s, r, now)
    if pool.held > 0:
        serve_held(s, WIDE + replica.pool, now)


@inner
def go_if_drained(s: State, r: int, now: float) -> None:
    """A replica that drains is gone when it has, and keeps, nothing for anybody any more."""
    replica = s.replicas[r]
    if replica.life == DRAINING and replica.outstanding == 0 and replica.leases == 0:
        pool = s.pools[replica.pool]
        if pool.ranks == 1:
            _empty(s, r, now)
        elif lockstep.is_empty(s, r, pool):
            _empty(s, event.first_rank(s, r, pool), now)


@inner_apart
def _empty(s: State, r: int, now: float) -> None:
    """A draining replica, whose first rank has row ``r``, has finished its last request."""
    clock, replica = s.clock[0], s.replicas[r]
    go(s, r, now)
    replica.next_emptied = clock.emptied
    clock.emptied, clock.emptied_s = r, now


@inner_apart
def go(s: State, r: int, now: float) -> None:
    """A replica, whose first rank has row ``r``, is gone, and what it kept with it."""
    pool = s.pools[s.replicas[r].pool]
    pool.serving -= 1
    pool.serving_s += now - s.clock[0].bin_start_s
    for rank in range(r, r + pool.ranks):
        s.replicas[rank].life = GONE
        if s.clock[0].has_tiers:
            prefix.settle_now(s, rank, now)  # what has gone down by now counts as written
        if s.clock[0].has_prefix_caches:
            prefix.forget(s, rank)


@inner_apart
def serve_held(s: State, p: int, now: float) -> None:
    """Hand over what is held, by priority and in order, while replicas have room."""
    release(s, p, EVERYBODY, now)


@inner_apart
def release(s: State, p: int, most: int, now: float) -> int:
    """Hand over so much of what is held, as far as there is room; how much more it might be."""
    pool = s.pools[p]
    while pool.held > 0 and most > 0:
        at = 0
        while at < CLASSES and s.held_list[p, at, 0] == NONE:
            at += 1
        if s.clock[0].joined and at == CLASSES:  # held before several pools, of which this is one
            return _release_among(s, variants.whole(s, p), most, now)
        slot = s.held_list[p, at, 0]
        r = _place_for(s, p, pool, slot, now)
        if r == NONE:
            break
        _unlink(s, p, slot)
        _hand_over(s, p, r, slot, now)
        most -= 1
    return most


@inner_apart
def withdraw(s: State, slot: int, now: float) -> None:
    """Take a held request away from the gateway."""
    p = WIDE + s.slots[slot].backend
    pool = s.pools[p]
    _unlink(s, p, slot)
    pool.outstanding -= 1
    s.workloads[s.slots[slot].workload].inside -= 1
    waiting.count_waiting(s, pool, ONE_LESS, now)
    if s.clock[0].joined and s.providers[p].kind == VARIANTS:
        variants.tell_held(s, p)


@inner
def _has_room(s: State, p: int, pool: Row) -> bool:
    if pool.routable == 0:
        return False
    return pool.replica_limit == math.inf or s.load_tree[p, tournament.ROOT] < pool.replica_limit


@inner
def _place_for(s: State, p: int, pool: Row, slot: int, now: float) -> int:
    """The replica that takes a request now, or NONE.

    Beyond its limit one takes as many of others as it has of batches, which give way there.
    """
    if _has_room(s, p, pool):
        return routing.route(s, p, slot, now)
    if not s.clock[0].has_batches or not yielding.goes_first(s, s.slots[slot]):
        return WIDE + NONE
    return routing.beside_batches(s, p)


@inner
def _hand_over(s: State, p: int, r: int, slot: int, now: float) -> None:
    """Hand a request to a replica of the pool, through its front end into its waiting list."""
    seq = s.slots[slot]
    pool = s.pools[p]
    replica = s.replicas[r]
    seq.replica = r
    seq.dispatched_s = now
    seq.ready_s = frontend.take_request(s, r, replica, pool, slot, now)
    routing.hand_over(s, r)
    replica.of_batches += s.workloads[seq.workload].gives_way
    if s.clock[0].has_standing:
        wakes = standing.line_up(s, r, replica, slot, now)
    else:
        waiting.append(s, replica, slot)
        wakes = replica.head == slot
    if wakes:
        wake.for_head(s, r, now)


@inner_apart
def _hold(s: State, p: int, slot: int, now: float) -> None:
    """Put a request at the end of the gateway's queue."""
    seq, pool = s.slots[slot], s.pools[p]
    ends = s.held_list[p, s.workloads[seq.workload].priority - CRITICAL]
    seq.place = HELD
    seq.next, seq.previous = NONE, ends[1]
    if ends[1] == NONE:
        ends[0] = slot
    else:
        s.slots[ends[1]].next = slot
    ends[1] = slot
    if pool.held == 0 and pool.routable == 0:
        s.clock[0].held = p
        s.clock[0].held_s = now
    pool.held += 1


@inner
def _unlink(s: State, p: int, slot: int) -> None:
    seq, pool = s.slots[slot], s.pools[p]
    ends = s.held_list[p, s.workloads[seq.workload].priority - CRITICAL]
    if seq.previous == NONE:
        ends[0] = seq.next
    else:
        s.slots[seq.previous].next = seq.next
    if seq.next == NONE:
        ends[1] = seq.previous
    else:
        s.slots[seq.next].previous = seq.previous
    seq.next = seq.previous = NONE
    pool.held -= 1
