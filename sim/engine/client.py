"""Clients: attempts sent, abandoned, lost, and made again.

A request keeps one slot while it is backing off or on the server. When its client leaves an attempt
on which a replica goes on working, the attempt keeps the slot, as an orphan, and the request moves
to another one.
"""

import math

import numpy as np

from sim.engine import gateway, outcome, timers, waiting, wake
from sim.engine.hashing import uniform
from sim.engine.jit import inner, inner_apart
from sim.engine.record import (
    BACKING_OFF,
    HELD,
    NONE,
    ORPHAN,
    RUNNING,
    STOPPING,
    WAITING,
    WANTED,
    Row,
)
from sim.engine.state import State
from sim.engine.status import FAILED, GAVE_UP, REJECTED, TIMED_OUT

NO_JITTER, SHORTEN, FULL = 0, 1, 2
JITTERS = {"none": NO_JITTER, "shorten": SHORTEN, "full": FULL}

_JITTER_STREAM = np.uint64(0x9E3779B9)  # keeps the draws of clients apart from those of routers
_JITTER_DRAW = 7


@inner
def send(s: State, slot: int, now: float) -> None:
    """Send an attempt: the first of a request, or one more."""
    clock = s.clock[0]
    seq = s.slots[slot]
    counts = s.workloads[seq.workload]
    seq.serial = clock.serial
    clock.serial += 1
    seq.attempts += 1
    s.pools[counts.pool].attempts += 1
    if seq.attempts == 1:
        counts.tokens = min(counts.tokens + counts.per_request, counts.capacity)
    if seq.arrival_s >= 0.0:
        counts.attempts += 1
        if seq.attempts > 1:
            counts.retries += 1
    seq.replica = NONE
    seq.dispatched_s = seq.ready_s = seq.admitted_s = seq.first_token_s = math.nan
    seq.preemptions = 0
    _rewind(seq)
    if seq.prompt >= s.pools[counts.pool].max_model_len:  # no use in trying again
        outcome.settle(s, slot, REJECTED, now)
        return
    if not gateway.take_in(s, slot, now):
        _lose(s, slot, REJECTED, now)
        return
    if counts.ttft_timeout_s < math.inf:
        timers.set_deadline(s, timers.FIRST_TOKEN, now + counts.ttft_timeout_s, slot)
    if counts.timeout_s < math.inf:
        timers.set_deadline(s, timers.LAST_TOKEN, now + counts.timeout_s, slot)


@inner_apart
def meet_timer(s: State) -> None:
    """The first timer: send an attempt again, or end somebody's patience."""
    timer = s.timers[0]
    now, kind, slot, number = timer.time_s, timer.kind, timer.slot, timer.number
    timers.pop(s)
    seq = s.slots[slot]
    if seq.number != number:
        return  # the request has been settled or moved on
    if kind == timers.RETRY:
        send(s, slot, now)
    elif seq.first_token_s != seq.first_token_s:  # NaN: the latest attempt has had no token
        backing_off = seq.place == BACKING_OFF
        outcome.settle(s, slot if backing_off else _abandon(s, slot, now), GAVE_UP, now)


@inner_apart
def meet_deadline(s: State) -> None:
    """The first deadline: the attempt is lost if it is still the one meant, and late."""
    index = timers.next_ring(s)
    deadline = s.deadlines[index, s.rings[index].first]
    now, slot, serial = deadline.time_s, deadline.slot, deadline.serial
    timers.pop_deadline(s, index)
    seq = s.slots[slot]
    if seq.serial != serial or seq.interest != WANTED or seq.place == BACKING_OFF:
        return
    kind = index & 1
    if kind == timers.FIRST_TOKEN and seq.first_token_s == seq.first_token_s:
        return
    _lose(s, _abandon(s, slot, now), TIMED_OUT, now)


@inner_apart
def lose_replica(s: State, slot: int, now: float) -> None:
    """A request whose replica has died: sent to another by the gateway, or lost."""
    seq = s.slots[slot]
    tokens = seq.prefilled if seq.generated == 0 else seq.prompt + seq.generated
    outcome.waste(s, seq, tokens)
    if seq.interest != WANTED:
        outcome.give_back(s, slot)
        return
    if s.pools[s.workloads[seq.workload].pool].resends:
        _rewind(seq)
        if not gateway.take_in(s, slot, now):
            _lose(s, slot, REJECTED, now)
    else:
        _lose(s, slot, FAILED, now)


@inner
def _rewind(seq: Row) -> None:
    """Nothing of the prompt is prefilled, nothing generated."""
    seq.generated = seq.prefilled = 0
    seq.prefill = seq.prompt


@inner_apart
def _abandon(s: State, slot: int, now: float) -> int:
    """The client leaves its attempt; the slot in which its request now is."""
    seq = s.slots[slot]
    if seq.place == HELD:
        gateway.withdraw(s, slot, now)
        return slot
    stops = s.workloads[seq.workload].server_stops
    r = seq.replica
    if stops and seq.place == WAITING:
        replica = s.replicas[r]
        was_head = replica.head == slot
        waiting.take_out(s, replica, slot)
        waiting.count_waiting(s, s.pools[replica.pool], -1, now)
        gateway.leave_replica(s, r, now)
        if was_head:
            wake.for_head(s, r, now)
        return slot
    moved = _moved(s, slot, now)
    if stops and seq.place == RUNNING:
        seq.interest = STOPPING
        wake.for_stop(s, r, now)
    else:
        seq.interest = ORPHAN
    return moved


@inner_apart
def _moved(s: State, slot: int, now: float) -> int:
    """Move a request to a slot of its own, away from the attempt that goes on without it."""
    clock = s.clock[0]
    moved = clock.free_slot
    seq, new = s.slots[slot], s.slots[moved]
    clock.free_slot = new.next
    new.arrival_s, new.ready_s, new.admitted_s = seq.arrival_s, seq.ready_s, seq.admitted_s
    new.first_token_s, new.dispatched_s = seq.first_token_s, seq.dispatched_s
    new.patience_end_s, new.number, new.serial = seq.patience_end_s, seq.number, seq.serial
    new.prompt, new.output, new.preemptions = seq.prompt, seq.output, seq.preemptions
    new.attempts, new.workload, new.replica = seq.attempts, seq.workload, seq.replica
    new.interest, new.place, new.next, new.previous = WANTED, BACKING_OFF, NONE, NONE
    seq.number = seq.serial = NONE
    if now < new.patience_end_s < math.inf:
        timers.schedule(s, new.patience_end_s, timers.PATIENCE, moved)
    return moved


@inner_apart
def _lose(s: State, slot: int, cause: int, now: float) -> None:
    """An attempt has come to nothing: make it again after a delay, or settle the request."""
    seq = s.slots[slot]
    delay_s = _retry_delay_s(s, seq, cause)
    if delay_s < 0.0:
        outcome.settle(s, slot, cause, now)
        return
    counts = s.workloads[seq.workload]
    counts.tokens -= counts.timeout_cost if cause == TIMED_OUT else counts.cost
    seq.place = BACKING_OFF
    timers.schedule(s, now + delay_s, timers.RETRY, slot)


@inner
def _retry_delay_s(s: State, seq: Row, cause: int) -> float:
    """Seconds until the next attempt, or -1 if there is to be none."""
    counts = s.workloads[seq.workload]
    retries = seq.attempts - 1
    if retries >= counts.max_retries:
        return -1.0
    wanted, cost = counts.after_failure, counts.cost
    if cause == TIMED_OUT:
        wanted, cost = counts.after_timeout, counts.timeout_cost
    elif cause == REJECTED:
        wanted = counts.after_rejection
    if not wanted or counts.tokens < cost:
        return -1.0
    retry_after_s = s.pools[counts.pool].retry_after_s
    if cause == REJECTED and retry_after_s > 0.0:
        if retry_after_s <= counts.retry_after_limit_s:
            return retry_after_s
        if counts.gives_up_beyond:
            return -1.0
    delay_s = min(counts.base_s * 2.0 ** min(retries, 60), counts.cap_s)
    if counts.jitter == NO_JITTER:
        return delay_s
    draw = uniform(s.clock[0].routing_key ^ _JITTER_STREAM, seq.serial, _JITTER_DRAW)
    if counts.jitter == FULL:
        return delay_s * draw
    return delay_s * (1.0 - 0.25 * draw)
