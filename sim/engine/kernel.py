"""The data plane's event loop, compiled.

Events of one instant have one total order: (time, priority, sequence).

====================  ========  =====================================================
event                 priority  reason
====================  ========  =====================================================
arrival               0         a request that arrives at a step boundary is in that step
replica (by index)    1         the boundary then sees all that has arrived
control plane         2         an autoscaler sees everything up to its instant, and its
                                verbs act on what comes after
====================  ========  =====================================================
"""

import math

from sim.engine import batch, outcome, routing, segment
from sim.engine.jit import compiled
from sim.engine.state import NONE, Row, State
from sim.engine.status import NEED_REQUESTS, NEED_SLOTS, REACHED, REPLICA_EMPTY


@compiled
def advance(s: State, until_s: float) -> int:
    """Process every event up to and at ``until_s``; return early with a signal.

    The signals are those of :mod:`sim.engine.status`. Whatever the signal, the state is consistent
    and calling again goes on.
    """
    clock = s.clock[0]
    while True:
        r = s.event_tree[1]
        event_s = s.event_s[r]
        if clock.cursor < clock.fed:
            arrival_s = s.fed_s[clock.cursor]
        elif clock.closed:
            arrival_s = math.inf
        else:
            return NEED_REQUESTS
        if arrival_s <= event_s:
            if arrival_s > until_s or arrival_s == math.inf:
                return REACHED
            if clock.free_slot == NONE:
                return NEED_SLOTS
            _arrive(s, arrival_s)
        else:
            if event_s > until_s:
                return REACHED
            segment.next_segment(s, r, event_s)
            if clock.emptied != NONE:
                return REPLICA_EMPTY


@compiled
def _arrive(s: State, now: float) -> None:
    """Route the next of the fed requests to a replica of its pool."""
    clock = s.clock[0]
    at, number = clock.cursor, clock.number
    clock.cursor += 1
    clock.number += 1
    workload = s.fed_workload[at]
    prompt, output = s.fed_prompt[at], s.fed_output[at]
    counts = s.workloads[workload]
    pool = s.pools[counts.pool]
    output = min(output, pool.max_model_len - prompt)  # generation stops at the model's limit
    if now >= 0.0:
        counts.requests += 1
        counts.offered_prompt_tokens += prompt
        counts.offered_output_tokens += max(output, 0)
    r = routing.route(s, counts.pool, number) if output >= 1 else NONE
    if r == NONE:
        outcome.reject(s, workload, number, now)
        return
    replica = s.replicas[r]
    slot = _fill_slot(s, number, workload, now, prompt, output)
    ready_s = _through_frontend(replica, pool, now, output)
    s.slots[slot].ready_s = ready_s
    if clock.recording:
        s.log[number].replica = r
        s.log[number].ready_s = ready_s
        s.log[number].output_tokens = output
    replica.outstanding += 1
    routing.set_load(s, r)
    batch.append_waiting(s, replica, pool, slot, now)
    if replica.head == slot:
        segment.wake(s, r, slot)


@compiled
def _fill_slot(s: State, number: int, workload: int, now: float, prompt: int, output: int) -> int:
    clock = s.clock[0]
    slot = clock.free_slot
    seq = s.slots[slot]
    clock.free_slot = seq.next
    seq.arrival_s = now
    seq.admitted_s = math.nan
    seq.first_token_s = math.nan
    seq.number = number
    seq.prompt = prompt
    seq.output = output
    seq.generated = 0
    seq.prefill = prompt
    seq.prefilled = 0
    seq.preemptions = 0
    seq.workload = workload
    return slot


@compiled
def _through_frontend(replica: Row, pool: Row, now: float, output: int) -> float:
    """When the scheduler sees the request: a serial server, then a constant delay."""
    begins_s = max(replica.frontend_free_s, now)
    replica.frontend_free_s = (
        begins_s + pool.frontend_s_per_request + pool.frontend_s_per_token * output
    )
    return replica.frontend_free_s + pool.overhead_s
