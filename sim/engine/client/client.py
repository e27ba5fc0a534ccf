"""Clients: attempts sent, abandoned, lost, and made again.

A request keeps one slot while it is backing off or on the server. When its client leaves an attempt
on which a replica goes on working, the attempt keeps the slot, as an orphan, and the request moves
to another one.
"""

import math

import numpy as np

from sim.engine.client import attempt, hedge
from sim.engine.gateway import cooldown, gateway, lease, routes
from sim.engine.request import outcome, timers, usage
from sim.engine.state.hashing import uniform
from sim.engine.state.jit import inner, inner_apart
from sim.engine.state.number import WIDE, ZERO, whole
from sim.engine.state.record import (
    BACKING_OFF,
    NONE,
    RUNNING,
    STREAMED,
    TRAVELLING,
    WANTED,
    Row,
)
from sim.engine.state.state import State
from sim.engine.state.status import COMPLETED, FAILED, GAVE_UP, IN_FLIGHT, REJECTED, TIMED_OUT

FIRST, RETRY, FALLBACK, ESCALATION = map(whole, (0, 1, 2, 3))  # why an attempt is sent

NO_JITTER, SHORTEN, FULL = 0, 1, 2
JITTERS = {"none": NO_JITTER, "shorten": SHORTEN, "full": FULL}

_JITTER_STREAM = np.uint64(0x9E3779B9)  # keeps the draws of clients apart from those of routers
_JITTER_DRAW = whole(7)


@inner_apart
def send_again(s: State, slot: int, why: int, now: float) -> None:
    """Send one more attempt of a request."""
    if why == RETRY:
        routes.begin(s, slot, now)
    else:
        s.extras[slot].detours += 1
    send(s, slot, why, now)


@inner
def send(s: State, slot: int, why: int, now: float) -> None:
    """Send an attempt on the leg of its request."""
    clock = s.clock[0]
    seq = s.slots[slot]
    counts = s.workloads[seq.workload]
    seq.serial = clock.serial
    clock.serial += 1
    seq.attempts += 1
    if clock.has_budgets and counts.routes > 1 and why in (FIRST, RETRY):
        routes.note_other_leg(s, slot, now)
    if clock.has_detours:
        way = routes.place(s, slot, now)
    else:
        is_short = seq.prompt < s.pools[seq.backend].max_model_len
        way = routes.HERE if is_short else routes.NOWHERE
    if clock.has_transfers:
        _keep_local(s, seq)
    s.pools[seq.backend].attempts += 1
    if why == FIRST:
        counts.tokens = min(counts.tokens + counts.per_request, counts.capacity)
    _count(s, seq, counts, why)
    seq.replica = NONE
    seq.dispatched_s = seq.ready_s = seq.admitted_s = seq.first_token_s = math.nan
    seq.preemptions = 0
    _rewind(s, slot)
    if way != routes.HERE and _goes_otherwise(s, slot, way, now):
        return
    if clock.has_absences and cooldown.is_out(s, seq.backend, now):
        cooldown.turn_away(s, seq, now)
        _lose(s, slot, REJECTED, routes.wait_s(s, slot, now), now)
        return
    fate = gateway.take_in(s, slot, now)
    if fate != IN_FLIGHT:
        _note_loss(s, slot, fate, now)
        _lose(s, slot, fate, s.pools[seq.backend].retry_after_s, now)
        return
    _wait_for(s, slot, counts, now)


@inner
def _wait_for(s: State, slot: int, counts: Row, now: float) -> None:
    """The client of an attempt that is sent now sets its clocks."""
    timers.set_deadlines(s, slot, now)
    if counts.hedge_s < math.inf:
        timers.set_deadline(s, timers.HEDGE, now + counts.hedge_s, slot)


@inner_apart
def _goes_otherwise(s: State, slot: int, way: int, now: float) -> bool:
    """An attempt fits no backend, or sets out to one that is far away, unless that is left out."""
    seq = s.slots[slot]
    if way == routes.NOWHERE:  # no use in trying again
        outcome.settle(s, slot, REJECTED, now)
        return True
    if s.clock[0].has_absences and cooldown.is_out(s, seq.backend, now):
        return False
    routes.set_out(s, slot, now)
    _wait_for(s, slot, s.workloads[seq.workload], now)
    return True


@inner_apart
def come_in(s: State, slot: int, now: float) -> None:
    """An attempt comes to a backend that is far away, unless its client has left it."""
    if s.slots[slot].place != TRAVELLING:
        return
    fate = gateway.take_in(s, slot, now)
    if fate != IN_FLIGHT:
        lose_attempt(s, slot, fate, now)


@inner
def _keep_local(s: State, seq: Row) -> None:
    """Short prompts go to the pool that makes the answers at once."""
    pool = s.pools[seq.backend]
    if pool.hands_to != NONE and seq.prompt < pool.local_below:
        pool.kept_local += 1
        seq.backend = pool.hands_to


@inner
def _count(s: State, seq: Row, counts: Row, why: int) -> None:
    usage.sent(s, seq)
    if seq.arrival_s >= 0.0:
        counts.attempts += 1
        if why == RETRY:
            counts.retries += 1
        elif why == FALLBACK:
            counts.fallbacks += 1
        elif why == ESCALATION:
            counts.escalations += 1


@inner_apart
def answer(s: State, slot: int, now: float) -> None:
    """The response cache answers a request."""
    s.slots[slot].first_token_s = now
    outcome.settle(s, slot, COMPLETED, now)


@inner_apart
def lose_patience(s: State, slot: int, now: float) -> None:
    """The user leaves, unless the latest attempt, or that beside it, has had a token."""
    seq = s.slots[slot]
    if seq.first_token_s <= now:
        return
    first, second = slot, hedge.part(s, slot)
    if second != NONE:
        if s.slots[second].serial < seq.serial:
            first, second = second, first
        attempt.drop(s, second, now)
    outcome.settle(s, _abandon(s, first, now), GAVE_UP, now)


@inner_apart
def meet_deadline(s: State) -> None:
    """The first deadline: the attempt is lost or hedged, if it is still the one meant, and late."""
    index = timers.next_ring(s)
    deadline = s.deadlines[index, s.rings[index].first]
    now, slot, serial = deadline.time_s, deadline.slot, deadline.serial
    timers.pop_deadline(s)
    seq = s.slots[slot]
    if seq.serial != serial or seq.interest != WANTED or seq.place == BACKING_OFF:
        return
    kind = index % timers.DEADLINES
    if kind != timers.LAST_TOKEN and seq.first_token_s <= now:
        return
    if s.clock[0].has_hedges and kind == timers.HEDGE:
        if hedge.twin_of(s, slot) == NONE:
            hedge.send_beside(s, slot, now)
        return
    _note_loss(s, slot, TIMED_OUT, now)
    other = hedge.part(s, slot)
    if other != NONE:
        hedge.inherit(s, slot, other)
        attempt.drop(s, slot, now)
    else:
        _lose(s, _abandon(s, slot, now), TIMED_OUT, math.nan, now)


@inner_apart
def lose_replica(s: State, slot: int, now: float) -> None:
    """A request whose replica has died: sent to another by the gateway, or lost."""
    seq = s.slots[slot]
    tokens, generated = seq.prompt + seq.generated, seq.generated
    is_running = seq.place in (RUNNING, STREAMED)
    if not is_running or tokens <= seq.prefill:  # has not generated since it was admitted
        tokens, generated = seq.prefilled, ZERO
    usage.wasted(s, slot, WIDE + tokens - seq.cached, generated)
    if s.clock[0].has_transfers:
        lease.end(s, slot, now)
    if seq.interest != WANTED:
        outcome.give_back(s, slot)
        return
    _forget_token(seq, now)
    cause = FAILED
    if s.pools[seq.backend].resends:
        if s.clock[0].has_transfers:
            hedge.go_back(s, slot)
        _rewind(s, slot)
        if gateway.take_in(s, slot, now) == IN_FLIGHT:
            return
        cause = REJECTED
    else:
        usage.failed(s, seq)
    lose_attempt(s, slot, cause, now)


@inner_apart
def lose_attempt(s: State, slot: int, cause: int, now: float) -> None:
    """An attempt has come to nothing at a pool; another may be beside it."""
    _note_loss(s, slot, cause, now)
    if hedge.part(s, slot) != NONE:
        outcome.give_back(s, slot)
    else:
        told_s = s.pools[s.slots[slot].backend].retry_after_s
        _lose(s, slot, cause, told_s, now)


@inner
def _forget_token(seq: Row, now: float) -> None:
    """A first token that is still on its way does not come."""
    if seq.first_token_s > now:
        seq.first_token_s = math.nan


@inner
def _rewind(s: State, slot: int) -> None:
    """Nothing of the prompt is prefilled, nothing generated."""
    seq = s.slots[slot]
    seq.generated = seq.prefilled = seq.cached = 0
    seq.prefill = seq.prompt
    if s.clock[0].has_prefix_caches:
        s.extras[slot].found_later = 0
    if s.clock[0].has_transfers:
        hedge.forget_transfer(s, slot)


@inner_apart
def _abandon(s: State, slot: int, now: float) -> int:
    """The client leaves its attempt; the slot in which its request now is.

    A request keeps its slot if the attempt leaves its place at once. Else the attempt keeps it.
    """
    _forget_token(s.slots[slot], now)
    if attempt.is_removable(s, slot):
        attempt.remove(s, slot, now)
        return slot
    moved = hedge.copied(s, slot)
    hedge.inherit(s, slot, moved)
    attempt.leave(s, slot, now)
    if now < s.slots[moved].patience_end_s < math.inf:
        timers.schedule_patience(s, moved)
    return moved


@inner
def _note_loss(s: State, slot: int, cause: int, now: float) -> None:
    if s.clock[0].has_absences:
        cooldown.note_loss(s, slot, cause, now)


@inner_apart
def _lose(s: State, slot: int, cause: int, told_s: float, now: float) -> None:
    """An attempt has come to nothing: make it again after a delay, or settle the request.

    Whoever is rejected is told to come back in ``told_s``: NaN for nothing, infinite for never.
    """
    seq = s.slots[slot]
    if s.clock[0].has_detours and routes.goes_on(s, slot, cause, now):
        seq.place = BACKING_OFF
        timers.schedule(s, now, timers.FALLBACK, slot)
        return
    delay_s = _retry_delay_s(s, slot, cause, told_s)
    if delay_s < 0.0:
        outcome.settle(s, slot, cause, now)
        return
    counts = s.workloads[seq.workload]
    counts.tokens -= counts.timeout_cost if cause == TIMED_OUT else counts.cost
    seq.place = BACKING_OFF
    timers.schedule(s, now + delay_s, timers.RETRY, slot)


@inner
def _retry_delay_s(s: State, slot: int, cause: int, told_s: float) -> float:
    """Seconds until the next attempt, or -1 if there is to be none, or no budget for it."""
    seq = s.slots[slot]
    counts = s.workloads[seq.workload]
    retries = seq.attempts - 1
    if s.clock[0].has_extras:
        retries -= s.extras[slot].hedges + s.extras[slot].detours
    if retries >= counts.max_retries or not _is_worth_it(counts, cause):
        return -1.0
    delay_s = _delay_s(s, seq, retries, cause, told_s)
    if delay_s >= 0.0 and counts.tokens < (
        counts.timeout_cost if cause == TIMED_OUT else counts.cost
    ):
        if seq.arrival_s >= 0.0:
            counts.retries_withheld += 1
        return -1.0
    return delay_s


@inner
def _delay_s(s: State, seq: Row, retries: int, cause: int, told_s: float) -> float:
    """How long the client waits after so many retries, and what it was told; -1 to give up."""
    counts = s.workloads[seq.workload]
    if cause == REJECTED and told_s > 0.0:
        if told_s == math.inf:
            return -1.0
        if told_s <= counts.retry_after_limit_s:
            return told_s
        if counts.gives_up_beyond:
            return -1.0
    delay_s = min(counts.base_s * 2.0 ** min(retries, 60), counts.cap_s)
    if counts.jitter == NO_JITTER:
        return delay_s
    draw = uniform(s.clock[0].routing_key ^ _JITTER_STREAM, seq.serial, _JITTER_DRAW)
    return delay_s * draw if counts.jitter == FULL else delay_s * (1.0 - 0.25 * draw)


@inner
def _is_worth_it(counts: Row, cause: int) -> bool:
    """Whether the client tries again after such a loss."""
    if cause == TIMED_OUT:
        return bool(counts.after_timeout)
    return bool(counts.after_rejection if cause == REJECTED else counts.after_failure)
