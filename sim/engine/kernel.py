"""The data plane's event loop, compiled.

Events of one instant have one total order: (time, priority, sequence).

====================  ========  =====================================================
event                 priority  reason
====================  ========  =====================================================
arrival               0         a request that arrives at a step boundary is in that step
timer                 1         a retry is an arrival too, after the new ones
replica (by index)    2         the boundary then sees all that has arrived
deadline              3         a token at the very deadline is in time
control plane         4         an autoscaler sees everything up to its instant, and its
                                verbs act on what comes after
====================  ========  =====================================================
"""

import math

from sim.engine import client, segment, timers
from sim.engine.jit import compiled, inner
from sim.engine.record import BACKING_OFF, NONE, WANTED
from sim.engine.state import State
from sim.engine.status import (
    NEED_DEADLINES,
    NEED_REQUESTS,
    NEED_SLOTS,
    NEED_TIMERS,
    REACHED,
    REPLICA_EMPTY,
    REQUEST_HELD,
)

_SPARE_TIMERS = 4  # more than one event schedules


@compiled
def advance(s: State, until_s: float) -> int:
    """Process every event up to and at ``until_s``; return early with a signal.

    The signals are those of :mod:`sim.engine.status`. Whatever the signal, the state is consistent
    and calling again goes on.
    """
    clock = s.clock[0]
    if len(s.timers) < clock.timers + _SPARE_TIMERS:
        return NEED_TIMERS
    while True:
        if clock.emptied != NONE:
            return REPLICA_EMPTY
        if clock.held != NONE:
            return REQUEST_HELD
        r = s.event_tree[1]
        event_s = s.event_s[r]
        if clock.cursor < clock.fed:
            arrival_s = s.fed[clock.cursor].arrival_s
        elif clock.closed:
            arrival_s = math.inf
        else:
            return NEED_REQUESTS
        # The next of each kind, in the order of their priority.
        if arrival_s <= event_s and arrival_s <= clock.timer_s and arrival_s <= clock.deadline_s:
            if arrival_s > until_s or arrival_s == math.inf:
                return REACHED
            signal = _room(s)
            if signal != REACHED:
                return signal
            _arrive(s, arrival_s)
        elif clock.timer_s <= event_s and clock.timer_s <= clock.deadline_s:
            if clock.timer_s > until_s:
                return REACHED
            signal = _room(s)
            if signal != REACHED:
                return signal
            client.meet_timer(s)
        elif event_s <= clock.deadline_s:
            if event_s > until_s:
                return REACHED
            segment.next_segment(s, r, event_s)
        else:
            if clock.deadline_s > until_s:
                return REACHED
            signal = _room(s)
            if signal != REACHED:
                return signal
            client.meet_deadline(s)


@inner
def _room(s: State) -> int:
    """REACHED if there is room for whatever one event may add, else the signal for what lacks."""
    clock = s.clock[0]
    if clock.free_slot == NONE or s.slots[clock.free_slot].next == NONE:
        return NEED_SLOTS
    if len(s.timers) < clock.timers + _SPARE_TIMERS:
        return NEED_TIMERS
    if clock.has_deadlines and timers.ring_is_full(s):
        return NEED_DEADLINES
    return REACHED


@inner
def _arrive(s: State, now: float) -> None:
    """The next of the fed requests: its first attempt is sent."""
    clock = s.clock[0]
    at = clock.cursor
    clock.cursor += 1
    slot = _fill_slot(s, at, now)
    seq = s.slots[slot]
    counts = s.workloads[seq.workload]
    most = s.pools[counts.pool].max_model_len - seq.prompt
    if now >= 0.0:
        counts.requests += 1
        counts.offered_prompt_tokens += seq.prompt
        counts.offered_output_tokens += max(min(seq.output, most), 0)
    if most >= 1:
        seq.output = min(seq.output, most)  # generation stops at the model's limit
    if seq.patience_end_s < math.inf:
        timers.schedule(s, seq.patience_end_s, timers.PATIENCE, slot)
    client.send(s, slot, now)


@inner
def _fill_slot(s: State, at: int, now: float) -> int:
    clock = s.clock[0]
    fed = s.fed[at]
    slot = clock.free_slot
    seq = s.slots[slot]
    clock.free_slot = seq.next
    seq.arrival_s = now
    seq.patience_end_s = now + fed.patience_s
    seq.dispatched_s = seq.ready_s = seq.admitted_s = seq.first_token_s = math.nan
    seq.number = clock.number
    clock.number += 1
    seq.prompt, seq.output, seq.workload = fed.prompt, fed.output, fed.workload
    seq.attempts = seq.preemptions = 0
    seq.replica = NONE
    seq.place, seq.interest = BACKING_OFF, WANTED
    return slot
