"""What the clients have set their clocks to: a heap of timers, and rings of deadlines.

Timers (a retry, a following call or a user's next request to be sent, a patience that ends) have
any delay and live in a heap by time and order of scheduling, with four below each, two cache lines,
for it may be long: with the retries of an outage it is as long as the outage has been. Timeouts
have one length per workload, so their deadlines come in the order of sending and live in a ring;
the first of each ring is in a heap, so that fifty workloads have them no dearer than one. Neither
is searched for when it is no longer meant: it is passed over when its time comes, since the slot
then holds another request or attempt.
"""

import math

from sim.engine.state.fetch import fetch
from sim.engine.state.jit import inner, inner_apart
from sim.engine.state.number import whole
from sim.engine.state.record import Row
from sim.engine.state.state import State

# Kinds of timer; FIRST and LAST wait for tokens of a managed backend, FIRST and DELIVERY for what
# the front end of a replica passes on, COMING for an attempt that is sent far away. From FIRST on
# they are of an attempt, but for USER.
RETRY, PATIENCE, ANSWER, CALL = map(whole, (0, 1, 2, 3))
FALLBACK, ESCALATE, FIRST, LAST = map(whole, (4, 5, 6, 7))
USER, DELIVERY, COMING = map(whole, (8, 9, 10))
FIRST_TOKEN, LAST_TOKEN, HEDGE = map(whole, (0, 1, 2))  # kinds of deadline
DEADLINES = 3

# What follows from the ends of sequences that a step ends together has an order of its own, after
# all other timers of an instant: answers that a front end has passed on by attempt ...
_DELIVERIES_ORDER = 1 << 60
# ... and then escalations by request ...
_ESCALATIONS_ORDER = 1 << 61
_CALLS_ORDER = 1 << 62  # ... and then following calls ...
_CALL_BITS = 20  # ... by task, and by its calls
_USERS_ORDER = 5 << 60  # ... and then the next requests in closed loops, by user ...
_PATIENCES_ORDER = 3 << 61  # ... and last patience, by request: a step boundary comes before it


@inner
def schedule(s: State, time_s: float, kind: int, slot: int) -> None:
    """Set a timer for the request in a slot."""
    clock = s.clock[0]
    _push(s, time_s, clock.timer_order, kind, slot, s.slots[slot].number)
    clock.timer_order += 1


@inner
def schedule_token(s: State, time_s: float, kind: int, slot: int) -> None:
    """Set a timer for a token of the attempt in a slot, or for its coming to its backend."""
    clock = s.clock[0]
    _push(s, time_s, clock.timer_order, kind, slot, s.slots[slot].serial)
    clock.timer_order += 1


@inner
def schedule_delivery(s: State, time_s: float, slot: int) -> int:
    """Set a timer for the last token of the attempt in a slot, and tell its number."""
    clock = s.clock[0]
    number = clock.timer_order
    clock.timer_order += 1
    push(s, time_s, _DELIVERIES_ORDER + s.slots[slot].serial, DELIVERY, slot, number)
    return number


@inner
def schedule_patience(s: State, slot: int) -> None:
    """Set a timer for the end of the patience of the request in a slot."""
    seq = s.slots[slot]
    order = _PATIENCES_ORDER + seq.number
    _push(s, seq.patience_end_s, order, PATIENCE, slot, seq.number)


@inner
def schedule_escalation(s: State, now: float, slot: int) -> None:
    """Set a timer for the request in a slot to be sent on at once."""
    number = s.slots[slot].number
    _push(s, now, _ESCALATIONS_ORDER + number, ESCALATE, slot, number)


@inner
def schedule_call(s: State, time_s: float, t: int, index: int) -> None:
    """Set a timer for a following call of a task."""
    order = _CALLS_ORDER + (s.tasks[t].number << _CALL_BITS) + index
    _push(s, time_s, order, CALL, t, index)


@inner
def schedule_user(s: State, time_s: float, u: int) -> None:
    """Set a timer for the next request of a user in a closed loop."""
    _push(s, time_s, _USERS_ORDER + s.users[u].number, USER, u, u)


@inner_apart
def _push(s: State, time_s: float, order: int, kind: int, slot: int, number: int) -> None:
    push(s, time_s, order, kind, slot, number)


@inner
def push(s: State, time_s: float, order: int, kind: int, slot: int, number: int) -> None:
    """Put a timer on the heap."""
    clock = s.clock[0]
    at = clock.timers
    clock.timers += 1
    while at > 0:
        above = (at - 1) >> 2
        other = s.timers[above]
        if _is_earlier(other, time_s, order):
            break
        _copy(s.timers[at], other)
        at = above
    timer = s.timers[at]
    timer.time_s, timer.order, timer.kind = time_s, order, kind
    timer.slot, timer.number = slot, number
    clock.timer_s = s.timers[0].time_s


@inner
def pop(s: State) -> None:
    """Take the first timer off the heap.

    The last takes its place and goes down. Where fewer than four are below, it stands in for those
    that lack.
    """
    clock = s.clock[0]
    clock.timers -= 1
    last = clock.timers
    moved = s.timers[last]
    at = 0
    while 4 * at + 1 < last:
        below = 4 * at + 1
        first = below
        for each in range(below + 1, below + 4):
            other = min(each, last)
            first = other if _before(s.timers[other], s.timers[first]) else first
        if not _before(s.timers[first], moved):
            break
        _copy(s.timers[at], s.timers[first])
        at = first
    _copy(s.timers[at], moved)
    clock.timer_s = s.timers[0].time_s if last > 0 else math.inf
    fetch(s.slots, s.timers[0].slot)  # what comes next will look at it


@inner
def set_deadline(s: State, kind: int, time_s: float, slot: int) -> None:
    """Set the timeout of the attempt in a slot."""
    seq = s.slots[slot]
    ring_index = DEADLINES * seq.workload + kind
    ring = s.rings[ring_index]
    deadline = s.deadlines[ring_index, _around(s, ring.first + ring.count)]
    deadline.time_s, deadline.serial, deadline.slot = time_s, seq.serial, slot
    if ring.count == 0:
        _line_up(s, ring_index, time_s, _order(seq.serial, ring_index), slot)
    ring.count += 1
    clock = s.clock[0]
    clock.fullest = max(clock.fullest, ring.count)


@inner_apart
def _line_up(s: State, ring: int, time_s: float, order: int, slot: int) -> None:
    """Put a ring that has a deadline again among the others, by its first."""
    clock = s.clock[0]
    at = clock.rings
    clock.rings += 1
    while at > 0:
        above = (at - 1) >> 1
        other = s.firsts[above]
        if _is_earlier(other, time_s, order):
            break
        _copy_first(s.firsts[at], other)
        at = above
    first = s.firsts[at]
    first.time_s, first.order, first.ring, first.slot = time_s, order, ring, slot
    clock.deadline_s = s.firsts[0].time_s


@inner
def set_deadlines(s: State, slot: int, now: float) -> None:
    """Set the timeouts of an attempt that is sent now."""
    counts = s.workloads[s.slots[slot].workload]
    if counts.ttft_timeout_s < math.inf:
        set_deadline(s, FIRST_TOKEN, now + counts.ttft_timeout_s, slot)
    if counts.timeout_s < math.inf:
        set_deadline(s, LAST_TOKEN, now + counts.timeout_s, slot)


@inner
def next_ring(s: State) -> int:
    """The ring with the earliest deadline; of one instant, that of the attempt sent first."""
    return s.firsts[0].ring


@inner
def pop_deadline(s: State) -> None:
    """Take the first deadline off its ring, and those behind it that are no longer meant."""
    index = next_ring(s)
    ring = s.rings[index]
    while True:
        ring.first = _around(s, ring.first + 1)
        ring.count -= 1
        if ring.count == 0:
            break
        following = s.deadlines[index, ring.first]
        if s.slots[following.slot].serial == following.serial:
            break
    clock = s.clock[0]
    if ring.count > 0:
        following = s.deadlines[index, ring.first]
        order = _order(following.serial, index)
        _go_down(s, index, following.time_s, order, following.slot)
    else:
        clock.rings -= 1
        last = s.firsts[clock.rings]
        _go_down(s, last.ring, last.time_s, last.order, last.slot)
    clock.deadline_s = s.firsts[0].time_s if clock.rings > 0 else math.inf
    fetch(s.slots, s.firsts[0].slot)


@inner_apart
def _go_down(s: State, ring: int, time_s: float, order: int, slot: int) -> None:
    """Have a ring take the place of the first, or a later one, by its first deadline."""
    count, at = s.clock[0].rings, 0
    while 2 * at + 1 < count:
        below = 2 * at + 1
        if below + 1 < count and _before(s.firsts[below + 1], s.firsts[below]):
            below += 1
        if not _is_earlier(s.firsts[below], time_s, order):
            break
        _copy_first(s.firsts[at], s.firsts[below])
        at = below
    first = s.firsts[at]
    first.time_s, first.order, first.ring, first.slot = time_s, order, ring, slot


@inner
def _order(serial: int, ring: int) -> int:
    """Among deadlines of one instant: by attempt, and of an attempt by kind."""
    return DEADLINES * serial + ring % DEADLINES


@inner
def ring_is_full(s: State) -> bool:
    """Whether a ring has had no room for one more deadline."""
    return s.clock[0].fullest >= s.deadlines.shape[1]


@inner
def _around(s: State, at: int) -> int:
    """A place in a ring, counted on past its end."""
    room = s.deadlines.shape[1]
    return at - room if at >= room else at


@inner
def _before(one: Row, two: Row) -> bool:
    # Without a branch, which would be guessed wrong every other time.
    return (one.time_s < two.time_s) | ((one.time_s == two.time_s) & (one.order < two.order))


@inner
def _is_earlier(one: Row, time_s: float, order: int) -> bool:
    return (one.time_s < time_s) | ((one.time_s == time_s) & (one.order < order))


@inner
def _copy_first(to: Row, source: Row) -> None:
    to.time_s, to.order = source.time_s, source.order
    to.ring, to.slot = source.ring, source.slot


@inner
def _copy(to: Row, source: Row) -> None:
    to.time_s, to.order, to.number = source.time_s, source.order, source.number
    to.slot, to.kind = source.slot, source.kind
