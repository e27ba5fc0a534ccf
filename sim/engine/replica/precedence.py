"""Lines that have an order: who goes before whom on a replica, and who leaves its batch for whom.

First come first served is the plain line of :mod:`sim.engine.replica.waiting`. In any other order a
request has a *rank* from the moment when it comes to the replica, and keeps it: level, key, turn.
So also who ages need not be looked at again: if waiting for ``ageing`` makes up for a class, who is
a class behind goes like one that came so much later, for both wait from now on.

    priority              (class, time of coming)                 vLLM's ``priority, arrival_time``
    ... that ages         (0, time of coming + ageing · class)
    shortest_predicted    (class, predicted tokens)
    ... that ages         (0, time of coming + ageing · (class + predicted / 1000))
    deadline              (class, arrival + deadline)             earliest first: Jackson (1955)
    fair                  (class, start tag of its tenant)

The start tag is that of start-time fair queueing (Goyal, Vin, Cheng, SIGCOMM 1996): the later of
the largest tag of who has been admitted and the tenant's own finish tag, to which prompt and twice
the predicted tokens are added, over its weight. Between two tenants that are never without work
what has been admitted differs by at most a request of each, as with the virtual token counter of
Sheng et al. (OSDI 2024), which charges tokens when they are made: there nothing need be predicted,
and who turns out to be long is paid for later.

A line is, from its head: those that have fetched their tokens, who have their blocks; those that
are ready, by rank; and those that are yet in the front end, as they came, who take their places at
the first boundary at which they are ready. The line is a list as any; a treap over the second part
(Aragon and Seidel 1989, its heap by a hash of the turn) finds whom to stand behind in O(log n).

Where decodes lack blocks the last by rank of all that run leaves, as in vLLM
(`Scheduler.schedule`: ``max(self.running, key=lambda r: (r.priority, r.arrival_time))``). With
``takes_places`` the head of the line also takes place and blocks of those that decode, of lower
classes and after it by rank, the last first, as SGLang does with `--enable-priority-scheduling`
(`PrefillAdder.preempt_to_schedule`, its threshold being a class), there at once, here after
``takes_after_s``. Who leaves is ready and keeps its rank; it computes again what it had in the
cache, but for what it finds there.
"""

import math

import numpy as np

from sim.engine.replica import waiting
from sim.engine.state.hashing import mixed_once, uniform
from sim.engine.state.jit import inner, inner_apart
from sim.engine.state.line_record import DEADLINE_FIRST, FAIR, FCFS, SHORTEST_PREDICTED
from sim.engine.state.number import WIDE, whole
from sim.engine.state.record import NONE, Row
from sim.engine.state.state import State
from sim.model.scheduling import AGEING_TOKENS, OUTPUT_WEIGHT

_LEFT, _RIGHT = 0, 1
_LUCK = np.uint64(0x5851F42D)  # keeps the heap of the treap apart
_PREDICTION_STREAM = np.uint64(0x2545F491)  # ... and the draws of predictors
_RADIUS_DRAW, _ANGLE_DRAW = whole(11), whole(12)
_CLOCK = 0  # of the virtual time of a replica, before the finish tags of tenants


@inner_apart
def line_up(s: State, r: int, replica: Row, pool: Row, slot: int, now: float) -> bool:
    """A request comes to a replica; whether that is to be told so."""
    _rank(s, r, replica, pool, slot, now)
    waiting.append(s, replica, slot)
    if replica.unready == NONE:
        replica.unready = slot
    return replica.unready == slot


@inner_apart
def sort_in(s: State, replica: Row, now: float) -> None:
    """Those that the front end has passed on by now take their places in the line."""
    while replica.unready != NONE and s.slots[replica.unready].ready_s <= now:
        slot = WIDE + replica.unready
        replica.unready = s.slots[slot].next
        waiting.take_out(s, replica, slot)
        put(s, replica, slot)


@inner_apart
def put(s: State, replica: Row, slot: int) -> None:
    """Put one that is ready in its place."""
    before = _insert(s, replica, slot)
    s.ranked[slot].is_sorted = 1
    if before == NONE:
        before = WIDE + replica.fetched
    waiting.put_after(s, replica, before, slot)


@inner_apart
def leave(s: State, r: int, replica: Row, pool: Row, slot: int, is_served: bool) -> None:
    """Somebody leaves the line, to be served or as nobody waits for it; the list does not know."""
    if pool.order == FCFS:
        return
    row = s.ranked[slot]
    if row.is_sorted:
        _remove(s, replica, slot)
        row.is_sorted = 0
    elif replica.unready == slot:
        replica.unready = s.slots[slot].next
    if pool.order != FAIR:
        return
    if is_served:
        s.served[r, _CLOCK] = max(s.served[r, _CLOCK], row.key)
    else:
        s.served[r, 1 + s.workloads[s.slots[slot].workload].tenant] -= row.cost
    row.cost = 0.0


@inner_apart
def first_to_go(s: State, r: int, replica: Row) -> int:
    """Where in the heap the last by rank of all that run is; NONE for the prompt under way."""
    at = _last(s, r, replica, WIDE + NONE)
    partial = WIDE + replica.partial
    if partial != NONE and goes_before(s, WIDE + s.heap[r, at].slot, partial):
        return WIDE + NONE
    return at


@inner_apart
def giver(s: State, r: int, replica: Row, pool: Row, now: float) -> int:
    """Where in the heap the last by rank is of those that leave for the head of the line; or NONE.

    Nobody does before the head has waited for long enough.
    """
    waits = now < s.slots[replica.head].ready_s + pool.takes_after_s
    if pool.takes_places == 0 or waits:
        return WIDE + NONE
    return _last(s, r, replica, WIDE + replica.head)


@inner_apart
def changes_s(s: State, r: int, replica: Row, pool: Row, now: float) -> float:
    """When a head that lacks a place or blocks may have them, or another is the head."""
    asked_s = s.slots[replica.head].ready_s + pool.takes_after_s
    changes_s = next_ready_s(s, replica)
    if asked_s < changes_s and giver(s, r, replica, pool, asked_s) != NONE:
        changes_s = asked_s
    return max(changes_s, now)


@inner
def next_ready_s(s: State, replica: Row) -> float:
    """When the first is ready of those in the front end; infinite if nobody is there."""
    if replica.unready == NONE:
        return math.inf
    return float(s.slots[replica.unready].ready_s)


@inner
def goes_before(s: State, slot: int, other: int) -> bool:
    """Whether one goes before another on its replica."""
    one, two = s.ranked[slot], s.ranked[other]
    if one.level != two.level:
        return one.level < two.level
    if one.key != two.key:
        return one.key < two.key
    return one.turn < two.turn


@inner_apart
def _last(s: State, r: int, replica: Row, slot: int) -> int:
    """Where in the heap the last by rank is; of those alone that leave for ``slot``, or NONE."""
    found = WIDE + NONE
    for at in range(replica.decoding):
        other = WIDE + s.heap[r, at].slot
        if slot != NONE and not _leaves_for(s, other, slot):
            continue
        if found == NONE or goes_before(s, WIDE + s.heap[r, found].slot, other):
            found = WIDE + at
    return found


@inner
def _leaves_for(s: State, slot: int, other: int) -> bool:
    """Whether one that runs leaves for another: it is of a lower class, and not so old as that."""
    one, two = s.slots[slot].workload, s.slots[other].workload
    is_lower = s.workloads[one].priority > s.workloads[two].priority
    return is_lower and goes_before(s, other, slot)


@inner_apart
def _rank(s: State, r: int, replica: Row, pool: Row, slot: int, now: float) -> None:
    """What a request goes by from now on."""
    seq, row = s.slots[slot], s.ranked[slot]
    counts = s.workloads[seq.workload]
    row.turn = replica.lined_up
    replica.lined_up += 1
    row.is_sorted, row.cost = 0, 0.0
    row.level, row.key = counts.priority, now
    if pool.order == DEADLINE_FIRST:
        row.key = seq.arrival_s + counts.due_s
    elif pool.order == FAIR:
        row.key = _start_tag(s, r, pool, slot)
    elif pool.ageing_s < math.inf:
        classes = float(counts.priority)
        if pool.order == SHORTEST_PREDICTED:
            classes += _predicted(s, pool, slot) / AGEING_TOKENS
        row.level, row.key = 0.0, now + pool.ageing_s * classes
    elif pool.order == SHORTEST_PREDICTED:
        row.key = _predicted(s, pool, slot)


@inner
def _predicted(s: State, pool: Row, slot: int) -> float:
    """Tokens of the answer as predicted: the same for each attempt of a request."""
    seq = s.slots[slot]
    if pool.prediction_error == 0.0 or seq.number == NONE:
        return float(seq.output)
    key = s.clock[0].routing_key ^ _PREDICTION_STREAM
    radius = math.sqrt(-2.0 * math.log(1.0 - uniform(key, seq.number, _RADIUS_DRAW)))
    angle = 2.0 * math.pi * uniform(key, seq.number, _ANGLE_DRAW)  # Box and Muller (1958)
    return seq.output * math.exp(pool.prediction_error * radius * math.cos(angle))


@inner
def _start_tag(s: State, r: int, pool: Row, slot: int) -> float:
    """When its tenant's turn comes, in virtual time, which the tenant is charged for it."""
    seq = s.slots[slot]
    tenant = s.workloads[seq.workload].tenant
    start = max(s.served[r, _CLOCK], s.served[r, 1 + tenant])
    cost = seq.prompt + OUTPUT_WEIGHT * _predicted(s, pool, slot)
    s.ranked[slot].cost = cost / s.weights[s.replicas[r].pool, tenant]
    s.served[r, 1 + tenant] = start + s.ranked[slot].cost
    return start


# The treap. An end of a branch is a slot and a side; that of no slot is the root.


@inner
def _luck(s: State, slot: int) -> np.uint64:
    return mixed_once(_LUCK, s.ranked[slot].turn)


@inner
def _tie(s: State, replica: Row, up: int, side: int, slot: int) -> None:
    """Have a slot, or NONE, follow at an end."""
    if up == NONE:
        replica.root = slot
    else:
        s.trees[up, side] = slot


@inner_apart
def _insert(s: State, replica: Row, slot: int) -> int:
    """Put a slot into the tree; after whom it goes, or NONE."""
    before, up, side = WIDE + NONE, WIDE + NONE, WIDE
    at, luck = WIDE + replica.root, _luck(s, slot)
    while at != NONE and _luck(s, at) >= luck:
        up, side = at, WIDE + _LEFT
        if goes_before(s, at, slot):
            before, side = at, WIDE + _RIGHT
        at = WIDE + s.trees[up, side]
    _tie(s, replica, up, side, slot)
    low_up, low_side, high_up, high_side = slot, WIDE + _LEFT, slot, WIDE + _RIGHT
    while at != NONE:  # what is below is of less luck: to either side of it
        if goes_before(s, at, slot):
            before = at
            _tie(s, replica, low_up, low_side, at)
            low_up, low_side = at, WIDE + _RIGHT
            at = WIDE + s.trees[at, _RIGHT]
        else:
            _tie(s, replica, high_up, high_side, at)
            high_up, high_side = at, WIDE + _LEFT
            at = WIDE + s.trees[at, _LEFT]
    _tie(s, replica, low_up, low_side, WIDE + NONE)
    _tie(s, replica, high_up, high_side, WIDE + NONE)
    return before


@inner_apart
def _remove(s: State, replica: Row, slot: int) -> None:
    up, side, at = WIDE + NONE, WIDE, WIDE + replica.root
    while at != slot:
        up, side = at, WIDE + (_RIGHT if goes_before(s, at, slot) else _LEFT)
        at = WIDE + s.trees[up, side]
    low, high = WIDE + s.trees[slot, _LEFT], WIDE + s.trees[slot, _RIGHT]
    while NONE not in (low, high):
        if _luck(s, low) >= _luck(s, high):
            _tie(s, replica, up, side, low)
            up, side = low, WIDE + _RIGHT
            low = WIDE + s.trees[low, _RIGHT]
        else:
            _tie(s, replica, up, side, high)
            up, side = high, WIDE + _LEFT
            high = WIDE + s.trees[high, _LEFT]
    _tie(s, replica, up, side, low if low != NONE else high)
