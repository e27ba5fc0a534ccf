"""The data plane's event loop, compiled.

Events of one instant have one total order: (time, priority, sequence).

====================  ========  =====================================================
event                 priority  reason
====================  ========  =====================================================
arrival               0         a request that arrives at a step boundary is in that step
timer                 1         a retry is an arrival too, after the new ones
link (by index)       2         what comes over it is there for the boundary, as what arrives is
replica (by index)    3         the boundary then sees all that has arrived
patience              4         a token at the very end of somebody's patience is in time ...
deadline              5         ... and at the very deadline, too; who leaves tries no more
control plane         6         an autoscaler sees everything up to its instant, and its
                                verbs act on what comes after
====================  ========  =====================================================

Of one kind the sequence is: arrivals as they are fed; timers as they were set, then answers that a
front end has passed on by attempt, then escalations by request, then the calls of tasks by task and
call, then the next requests in closed loops by user; patience by request; deadlines by attempt and
kind. A step boundary within a leap is no event, and has its turn all the same: what is sent to a
replica, or dropped there, after its turn at an instant meets the boundary after it, and finds the
tokens of this one in the front end before it. So a hedge that is sent, or an attempt that is
dropped, by a deadline at a boundary misses that boundary.
"""

import math

from sim.engine.client import client, handoff
from sim.engine.events import ahead, arrival, segment
from sim.engine.replica import landing, link, loading, tiers
from sim.engine.request import loop, timers
from sim.engine.state import tournament
from sim.engine.state.jit import compiled, inner, inner_apart
from sim.engine.state.number import WIDE
from sim.engine.state.record import EVERYBODY, NONE, IntArray
from sim.engine.state.state import State
from sim.engine.state.status import (
    DRAINED,
    NEED_DEADLINES,
    NEED_LOG,
    NEED_REQUESTS,
    NEED_RUNS,
    NEED_SEQUELS,
    NEED_SLOTS,
    NEED_TASKS,
    NEED_TIMERS,
    REACHED,
    REPLICA_EMPTY,
    REQUEST_HELD,
)
from sim.engine.state.thin import thin

# What the next event is.
_NOTHING, _ARRIVAL, _TIMER, _REPLICA, _DEADLINE, _LINK = 0, 1, 2, 3, 4, 5


@compiled
def advance(numbers: IntArray, until_s: float) -> int:
    """Process every event up to and at ``until_s``; return early with a signal.

    The signals are those of :mod:`sim.engine.state.status`. Whatever the signal, the state is
    consistent and calling again goes on.
    """
    s = thin(numbers)
    while True:
        signal = _news(s)
        if signal != REACHED:
            return signal
        event = _next_event(s, until_s)
        clock = s.clock[0]
        if event == _NOTHING:
            clock.instant_s, clock.turn = until_s, EVERYBODY
            return REACHED
        signal = _room(s, event)
        if signal != REACHED:
            return signal
        if event == _ARRIVAL:
            p = arrival.arrive(s, s.fed[clock.cursor].arrival_s)
            if clock.is_large and s.pools[p].tracks_load:
                ahead.look_for(s, p)
        elif event == _REPLICA:
            r = tournament.first(s.event_tree, s.event_s)
            if clock.is_large:
                ahead.look(s, r)
            clock.turn = max(clock.turn, r)
            segment.next_segment(s, r, s.event_s[r])
        elif event == _TIMER:
            if s.timers[0].kind == timers.DELIVERY:
                arrival.deliver(s)
            else:
                arrival.meet_timer(s)
        else:
            _meet_last(s, event)


@inner
def _meet_last(s: State, event: int) -> None:
    """What comes over a link, or a deadline."""
    if s.clock[0].has_transfers and event == _LINK:
        _meet_link(s)
    else:
        s.clock[0].turn = EVERYBODY
        client.meet_deadline(s)


@inner_apart
def _meet_link(s: State) -> None:
    """Something is through or arrives."""
    at = link.first(s)
    slot = link.end_next(s, at, s.link_s[at])
    if slot == NONE:
        return
    if loading.is_load(s, slot):
        landing.arrive(s, slot, s.clock[0].instant_s)
    else:
        handoff.arrive(s, slot, s.clock[0].instant_s)


@inner
def _news(s: State) -> int:
    """What the plane must hear before the next event, or ``REACHED``."""
    clock = s.clock[0]
    if clock.emptied != NONE:
        return REPLICA_EMPTY
    if clock.held != NONE:
        return REQUEST_HELD
    if clock.cursor >= clock.fed and not clock.closed:
        return NEED_REQUESTS
    if clock.ends_empty and clock.under_way == 0 and clock.cursor >= clock.fed:
        return DRAINED
    return REACHED


@inner
def _next_event(s: State, until_s: float) -> int:
    """The kind of the next event up to ``until_s``; of one instant, the first by priority."""
    clock = s.clock[0]
    event, event_s = _ARRIVAL, math.inf
    if clock.cursor < clock.fed:
        event_s = s.fed[clock.cursor].arrival_s
    if clock.timer_s < event_s:
        event, event_s = _TIMER, clock.timer_s
    boundary_s = s.event_tree[tournament.ROOT]
    if boundary_s < event_s or (
        boundary_s == event_s and event == _TIMER and s.timers[0].kind == timers.PATIENCE
    ):
        event, event_s = _REPLICA, boundary_s
    if clock.has_transfers and clock.link_s <= event_s and _is_link_first(s, event, event_s):
        event, event_s = _LINK, clock.link_s
    if clock.deadline_s < event_s:
        event, event_s = _DEADLINE, clock.deadline_s
    if event_s > until_s or event_s == math.inf:
        return _NOTHING
    if event_s != clock.instant_s:
        clock.instant_s, clock.turn = event_s, NONE
    return event


@inner_apart
def _is_link_first(s: State, event: int, event_s: float) -> bool:
    """Whether what comes over a link goes before an event that is no earlier."""
    if s.clock[0].link_s < event_s or event == _REPLICA:
        return True
    return event == _TIMER and s.timers[0].kind == timers.PATIENCE


@inner
def _room(s: State, event: int) -> int:
    """``REACHED`` if there is room for whatever an event may add, else what lacks."""
    if s.clock[0].has_tiers and s.clock[0].free_runs <= _runs_in_tiers(s):
        return NEED_RUNS
    return _room_for(s, event)


@inner
def _room_for(s: State, event: int) -> int:
    clock = s.clock[0]
    if len(s.timers) < clock.timers + clock.spare_timers:
        return NEED_TIMERS
    if event == _LINK or (event == _TIMER and s.timers[0].kind == timers.DELIVERY):
        return REACHED
    if event == _REPLICA:
        return _room_for_runs(s) if clock.has_prefix_caches else REACHED
    if event == _TIMER and clock.has_users and _is_short(s):
        return NEED_SEQUELS
    if clock.has_deadlines and timers.ring_is_full(s):
        return NEED_DEADLINES
    return _room_for_request(s)


@inner
def _is_short(s: State) -> bool:
    """Whether the next timer is a user's whose requests are used up."""
    return s.timers[0].kind == timers.USER and loop.is_short(s, WIDE + s.timers[0].slot)


@inner_apart
def _room_for_runs(s: State) -> int:
    """Whether the next replica could fill its cache of prompts."""
    r = tournament.first(s.event_tree, s.event_s)
    most = s.pools[s.replicas[r].pool].prefix_blocks - s.caches[r].runs  # of a block each
    return NEED_RUNS if s.clock[0].free_runs <= most else REACHED


@inner_apart
def _runs_in_tiers(s: State) -> int:
    """Runs that any event may add, where there are tiers."""
    most = 0
    for p in range(len(s.pools)):
        most = max(most, tiers.most_runs(s, p))
    return most


@inner
def _room_for_request(s: State) -> int:
    """Whether there are two slots, for a request and its hedge, and what else it needs."""
    clock = s.clock[0]
    if clock.free_slot == NONE or s.slots[clock.free_slot].next == NONE:
        return NEED_SLOTS
    if clock.has_tasks and clock.free_task == NONE:
        return NEED_TASKS
    if clock.recording and clock.number >= len(s.log):
        return NEED_LOG
    return REACHED
