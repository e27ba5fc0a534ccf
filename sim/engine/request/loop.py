"""Closed loops: users who send a request, wait for its end, think, and send the next.

A user waits for all calls of a task, whether the request is answered or comes to nothing. The next
request is there beforehand, in the user's list, but for its time; the list of an endless loop is
filled again before it is empty. Users of a loop may share one list, as benchmarks do, whose
requests they then send in its order.
"""

from sim.engine.request import timers
from sim.engine.state.jit import inner, inner_apart
from sim.engine.state.record import NONE, Row
from sim.engine.state.state import State
from sim.engine.state.status import COMPLETED


@inner_apart
def begin(s: State, slot: int, fed: Row) -> None:
    """The request in a slot is sent, of whoever's it is."""
    s.extras[slot].user = fed.user
    if fed.user == NONE:
        return
    user = s.users[fed.user]
    user.open, user.then_s = 1, fed.then_s


@inner
def is_short(s: State, u: int) -> bool:
    """Whether a user's list is empty."""
    return s.users[s.users[u].source].left == 0


@inner
def take(s: State, u: int) -> int:
    """The first request of a user's list, whose row is free with that."""
    source = s.users[s.users[u].source]
    at = source.first
    source.first = s.sequel_extras[at].next
    source.left -= 1
    s.sequel_extras[at].user = u
    s.sequels[at].workload = NONE
    return at


@inner_apart
def end(s: State, slot: int, status: int, now: float) -> None:
    """A request has ended for good: its user, if all calls have, sets out the next."""
    u = s.extras[slot].user
    if u == NONE:
        return
    user, counts = s.users[u], s.workloads[s.users[u].workload]
    user.open -= 1
    if user.open > 0:
        return
    if user.then_s != user.then_s:  # NaN
        user.workload = NONE
        return
    wait_s = user.then_s
    if status != COMPLETED or now <= s.slots[slot].arrival_s:
        wait_s = max(wait_s, counts.pause_s)
    next_s = now + wait_s
    if counts.is_endless:
        if next_s >= counts.closes_s:
            return
        if next_s >= 0.0:
            if counts.unsent == 0:
                return
            counts.unsent -= 1
    timers.schedule_user(s, next_s, u)
    s.clock[0].under_way += 1
