"""Requests that arrive: those that are fed, and those that follow in a task or a closed loop."""

import math

import numpy as np

from sim.engine.client import client, ending, hedge
from sim.engine.gateway import gateway, routes
from sim.engine.request import loop, task, timers
from sim.engine.state.hashing import uniform
from sim.engine.state.jit import inner, inner_apart
from sim.engine.state.number import WIDE, ZERO, whole
from sim.engine.state.record import BACKING_OFF, EVERYBODY, NONE, REMOTE, STREAMED, WANTED
from sim.engine.state.state import State

_ANSWER_STREAM = np.uint64(0x51ED270B)  # keeps the draws of the response cache apart
_ANSWER_DRAW = whole(9)


@inner
def arrive(s: State, now: float) -> int:
    """The next of the fed requests; the backend that it went to."""
    clock = s.clock[0]
    at = clock.cursor
    clock.cursor += 1
    clock.under_way += 1
    clock.arrived_s = now
    slot = _take_slot(s)
    fed, seq = s.fed[at], s.slots[slot]
    seq.arrival_s, seq.patience_end_s = now, now + fed.patience_s
    seq.prompt, seq.output, seq.workload = fed.prompt, fed.output, fed.workload
    if clock.has_extras:
        task.begin(s, slot, s.fed_extras[at], fed.patience_s)
    _begin(s, slot, now)
    return WIDE + seq.backend


@inner_apart
def _go_on(s: State, u: int, now: float) -> None:
    """The next request of a user in a closed loop."""
    workload = s.users[u].workload
    at = loop.take(s, u)
    s.clock[0].arrived_s = now
    slot = _take_slot(s)
    fed, seq = s.sequels[at], s.slots[slot]
    seq.arrival_s, seq.patience_end_s = now, now + fed.patience_s
    seq.prompt, seq.output, seq.workload = fed.prompt, fed.output, workload
    task.begin(s, slot, s.sequel_extras[at], fed.patience_s)
    _begin(s, slot, now)


@inner_apart
def meet_timer(s: State) -> None:
    """The first timer: something is sent or answered, or somebody's patience ends."""
    timer = s.timers[0]
    now, number = timer.time_s, timer.number
    kind, slot = WIDE + timer.kind, WIDE + timer.slot
    timers.pop(s)
    if s.clock[0].has_tasks and kind == timers.CALL:
        new = _take_slot(s)
        task.call(s, slot, number, new, now)
        _begin(s, new, now)
        return
    if s.clock[0].has_users and kind == timers.USER:
        _go_on(s, slot, now)
        return
    if (s.clock[0].has_hedges or s.clock[0].has_detours) and kind >= timers.FIRST:
        _meet_token(s, kind, slot, number, now)
        return
    if s.slots[slot].number != number:
        return  # the request has ended or moved on
    if kind == timers.RETRY:
        client.send_again(s, slot, client.RETRY, now)
    elif kind == timers.FALLBACK:
        client.send_again(s, slot, client.FALLBACK, now)
    elif kind == timers.ESCALATE:
        client.send_again(s, slot, client.ESCALATION, now)
    elif kind == timers.PATIENCE:
        s.clock[0].turn = EVERYBODY
        client.lose_patience(s, slot, now)
    else:
        client.answer(s, slot, now)


@inner
def deliver(s: State) -> None:
    """The first timer: the last token of an answer is with its client.

    Unless it was lost, or its client has left.
    """
    timer = s.timers[0]
    now, slot, delivery = timer.time_s, WIDE + timer.slot, timer.number
    timers.pop(s)
    seq = s.slots[slot]
    if seq.place != STREAMED or seq.admission != delivery:
        return
    r, w = WIDE + seq.replica, seq.workload
    ending.complete(s, slot, ZERO, now)
    gateway.leave_replica(s, r, w, now)


@inner_apart
def _meet_token(s: State, kind: int, slot: int, serial: int, now: float) -> None:
    """A token of an attempt that is still under way; or the attempt comes to its backend."""
    seq = s.slots[slot]
    if seq.serial != serial:
        return
    if kind == timers.COMING:
        client.come_in(s, slot, now)
        return
    if seq.place != REMOTE:  # of a replica, and not lost with it in the meantime
        if seq.first_token_s == now:
            hedge.win(s, slot, now)
        return
    if kind == timers.FIRST:
        seq.first_token_s = now
        if s.clock[0].has_hedges:
            hedge.win(s, slot, now)
    else:
        ending.complete_remotely(s, slot, now)


@inner
def _take_slot(s: State) -> int:
    """A free slot, for a request that has made no attempt."""
    clock = s.clock[0]
    slot = clock.free_slot
    seq = s.slots[slot]
    clock.free_slot = seq.next
    seq.dispatched_s = seq.ready_s = seq.admitted_s = seq.first_token_s = math.nan
    seq.number = clock.number
    clock.number += 1
    seq.attempts = seq.preemptions = 0
    seq.cached = seq.degraded = 0
    seq.replica = NONE
    seq.place, seq.interest = BACKING_OFF, WANTED
    if clock.has_transfers:
        hedge.forget_transfer(s, slot)
    return slot


@inner
def _begin(s: State, slot: int, now: float) -> None:
    """Count a request, and answer it or send its first attempt."""
    seq = s.slots[slot]
    counts = s.workloads[seq.workload]
    routes.begin(s, slot, now)
    most = s.pools[seq.backend].max_model_len - seq.prompt
    if seq.arrival_s >= 0.0:
        counts.requests += 1
        counts.offered_prompt_tokens += seq.prompt
        output = max(min(seq.output, most), 0)
        counts.offered_output_tokens += output
        prompt, decoded = float(seq.prompt), max(output - 1, 0)
        counts.offered_prompt_squares += prompt * prompt
        counts.offered_context += decoded * (prompt + 0.5 * (decoded - 1))
    is_known = counts.response_hit_rate > 0.0 and _is_known(s, slot)
    if most >= 1 and (is_known or not s.clock[0].has_detours):
        seq.output = min(seq.output, most)  # generation stops at the model's limit
    if s.clock[0].recording:
        _log_arrival(s, slot)
    if seq.patience_end_s < math.inf:
        timers.schedule_patience(s, slot)
    if is_known:
        if seq.arrival_s >= 0.0:
            counts.response_hits += 1
        timers.schedule(s, now + counts.response_s, timers.ANSWER, slot)
    else:
        client.send(s, slot, client.FIRST, now)


@inner
def _is_known(s: State, slot: int) -> bool:
    """Whether the response cache has the answer, by chance."""
    seq = s.slots[slot]
    draw = uniform(s.clock[0].routing_key ^ _ANSWER_STREAM, seq.number, _ANSWER_DRAW)
    return draw < s.workloads[seq.workload].response_hit_rate


@inner_apart
def _log_arrival(s: State, slot: int) -> None:
    seq = s.slots[slot]
    row = s.log[seq.number]
    row.arrival_s = seq.arrival_s
    row.prompt_tokens, row.output_tokens = seq.prompt, seq.output
    row.workload = seq.workload
    row.task = s.extras[slot].task_number if s.clock[0].has_extras else seq.number
