"""Continuous batching on one replica, segment by segment.

A *segment* is a leap of decode steps with an unchanged batch, or one step with prefill in it. At
its end sequences finish or join; then the next one is laid out. The order at a step boundary is
that of today's engines: room for the decodes first (by preempting the youngest), then the prompt
that is under way, then the head of the waiting list while budget, batch and cache allow.

All blocks of a prefill are taken at admission, so a prefill never stalls half way, and a prompt is
never admitted in the step that preempted it: it needs more blocks than its going has left free (but
for engines with several tokens a step, where it may need fewer and is computed again at once).
"""

import math

from sim.engine.client import ending, handoff, hedge
from sim.engine.events import leaving
from sim.engine.replica import (
    adapters,
    batch,
    frontend,
    leap,
    lockstep,
    memory,
    plan,
    precedence,
    prefix,
    work,
)
from sim.engine.replica.event import set_event
from sim.engine.replica.wake import steps_until_ready
from sim.engine.request import timers
from sim.engine.state import heap
from sim.engine.state.backend_record import (
    CHUNKED,
)
from sim.engine.state.jit import inner, inner_apart
from sim.engine.state.line_record import FCFS
from sim.engine.state.number import ONE_LESS, WIDE, ZERO
from sim.engine.state.record import (
    ALONE,
    BOUNDARY,
    IDLE,
    LEAP,
    MIXED,
    NONE,
    PREFILL,
    STOPPING,
    WANTED,
    Row,
)
from sim.engine.state.state import State


@inner
def next_segment(s: State, r: int, now: float) -> None:
    """The replica's event: end the segment under way, if any, and begin the next."""
    replica = s.replicas[r]
    pool = s.pools[replica.pool]
    was_busy = replica.mode != IDLE
    if was_busy:
        _end(s, r, replica, pool, now)
    elif replica.stopping > 0:
        leaving.drop_planned(s, r, replica, pool, now)
    if not was_busy and s.clock[0].has_transfers:
        memory.settle(s, r, now)
    _begin(s, r, replica, pool, now)
    replica.start_s = now
    replica.blocks_since_s = now
    replica.blocks_then = pool.kv_blocks - replica.free_blocks
    if pool.is_apart:
        if pool.ranks > 1:
            lockstep.take_turn(s, r, replica, pool, was_busy, now)
            return
        adapters.wait_for_loads(s, r, now)
    is_busy = replica.mode != IDLE
    if is_busy != was_busy:
        change = 1 if is_busy else -1
        pool.busy += change
        pool.busy_s -= change * (now - s.clock[0].bin_start_s)


@inner
def _end(s: State, r: int, replica: Row, pool: Row, now: float) -> None:
    """Advance the batch to the end of its segment; sequences finish or join."""
    work.book_steps(replica, pool, WIDE + replica.leap, 1.0)
    replica.free_blocks -= memory.taken(s, r, replica, pool)
    if s.clock[0].has_prefix_caches:
        prefix.settle(s, r, ZERO)
    units = replica.leap * pool.advance
    replica.cached += units * replica.decoding
    replica.steps += units
    memory.account(replica, pool, float(pool.kv_blocks - replica.free_blocks), now)
    if pool.works_on_tokens:
        frontend.take_tokens(s, r, replica, pool, now)
    replica.mode = BOUNDARY
    chunk = WIDE + replica.chunk_head
    replica.chunk_head = NONE
    replica.chunks = 0
    while True:  # first those that decoded; with one call of what is long and compiled into here
        if replica.decoding > 0 and heap.steps_left(s.heap[r, 0], replica.steps) <= 0:
            at = batch.first_to_finish(s, r, replica) if s.clock[0].has_prefix_caches else ZERO
            slot = batch.stop_decoding(s, r, replica, pool, at)
        elif chunk != NONE:
            slot = chunk
            chunk = WIDE + s.slots[slot].next
            if not _prefilled(s, r, replica, pool, slot, now):
                continue
        else:
            break
        _finish(s, r, replica, pool, slot, now)
    while replica.stopping > 0:
        leaving.drop_one(s, r, replica, pool, now)


@inner
def _prefilled(s: State, r: int, replica: Row, pool: Row, slot: int, now: float) -> bool:
    """The end of a prefill is a token: whether the sequence finishes with it, or goes on."""
    seq = s.slots[slot]
    if s.clock[0].has_prefix_caches:
        prefix.keep(s, r, slot, s.extras[slot].names)
    if pool.hands_to != NONE:
        _hand_over(s, r, replica, pool, slot, now)
        return False
    if seq.first_token_s != seq.first_token_s:  # NaN: it had none before
        _make_first_token(s, r, pool, slot, now)
    seq.generated += 1
    if seq.generated == seq.output:
        memory.free(s, r, replica, pool, slot, seq.prefill)
        return True
    batch.start_decoding(s, r, replica, pool, slot)
    return False


@inner_apart
def _hand_over(s: State, r: int, replica: Row, pool: Row, slot: int, now: float) -> None:
    """A prompt has been computed for another pool, unless nobody wants it any more."""
    seq = s.slots[slot]
    if seq.interest == STOPPING:
        memory.release(replica, pool, seq)
        memory.free(s, r, replica, pool, slot, seq.prefill)
        leaving.leave_unwanted(s, r, replica, pool, slot, WIDE + seq.prompt - seq.cached, ZERO, now)
    else:
        handoff.pass_on(s, r, replica, pool, slot, now)


@inner
def _make_first_token(s: State, r: int, pool: Row, slot: int, now: float) -> None:
    """The client has it now, or when the front end has passed it on.

    That time is known already, and whoever asks for the token before it looks at the clock. It is
    an event only where it may end a race of hedges.
    """
    seq = s.slots[slot]
    seq.first_token_s = now
    if pool.streams:
        seq.first_token_s = frontend.delivered_s(s, r, pool, slot, now)
        races = s.clock[0].has_hedges and s.workloads[seq.workload].hedge_s < math.inf
        if races and seq.interest == WANTED:
            timers.schedule_token(s, seq.first_token_s, timers.FIRST, slot)
    elif s.clock[0].has_hedges:
        hedge.win(s, slot, now)


@inner
def _finish(s: State, r: int, replica: Row, pool: Row, slot: int, now: float) -> None:
    """The engine has made a sequence's last token."""
    seq = s.slots[slot]
    memory.release(replica, pool, seq)
    pool.prompt_tokens += seq.prompt
    pool.output_tokens += seq.output
    pool.finished += 1
    if seq.interest == WANTED:
        if s.clock[0].has_prefix_caches and s.extras[slot].naming == ALONE:
            prefix.leave(s, r, slot, prefix.names_of(s, slot, seq.prompt + seq.output))
        if pool.streams:
            frontend.stream(s, r, pool, slot, now)
            replica.running -= 1
            batch.count_running(s, pool, ONE_LESS, now)
            return
        w = seq.workload
        ending.complete(s, slot, ZERO, now)
        leaving.leave(s, r, replica, pool, w, now)
    else:
        tokens = seq.prompt + seq.output - seq.cached
        leaving.leave_unwanted(s, r, replica, pool, slot, tokens, seq.output, now)


@inner
def _begin(s: State, r: int, replica: Row, pool: Row, now: float) -> None:
    """Lay out the next segment and set the replica's event to its end."""
    if s.clock[0].has_standing:
        _look_at_line(s, r, replica, pool, now)
    if pool.scheduler == CHUNKED:
        taken = batch.make_room(s, r, replica, pool, now)
        if pool.steps_in_flight > 1:
            prefill_s = _run_plan(s, r, replica, pool, taken, now)
        else:
            prefill_s = _schedule_chunks(s, r, replica, pool, taken, now)
        if prefill_s >= 0.0:
            replica.mode, replica.leap = MIXED, 1
            step_s = _step_s(s, replica, WIDE + replica.decoding) + prefill_s
            replica.step_s = replica.slowness * step_s
            set_event(s, r, now + replica.step_s)
            return
    else:
        prefill_s = _schedule_prompts(s, r, replica, pool, now)
        if prefill_s >= 0.0:
            replica.mode, replica.leap = PREFILL, 0
            step_s = s.laws[replica.pool, 0, 0] + prefill_s
            replica.step_s = replica.slowness * step_s
            set_event(s, r, now + replica.step_s)
            return
        batch.make_room(s, r, replica, pool, now)
    if replica.decoding > 0:
        _begin_leap(s, r, replica, pool, now)
    else:
        replica.mode, replica.leap = IDLE, 0
        set_event(s, r, _idle_until_s(s, replica, now))


@inner_apart
def _look_at_line(s: State, r: int, replica: Row, pool: Row, now: float) -> None:
    """Who is first in line, now that others have left the batch, and who gives way to it."""
    if s.clock[0].has_adapters:
        adapters.settle(s, r)
    if pool.order != FCFS:
        precedence.sort_in(s, replica, now)
    if pool.order != FCFS or s.clock[0].has_batches:
        batch.give_way(s, r, replica, pool, now)


@inner
def _idle_until_s(s: State, replica: Row, now: float) -> float:
    """When the head is ready; who is, and lacks blocks that are kept for others, waits for them."""
    if replica.head == NONE:
        return math.inf
    ready_s = float(s.slots[replica.head].ready_s)
    if ready_s > now or not s.clock[0].has_transfers:
        return max(ready_s, now)
    return precedence.next_ready_s(s, replica)


@inner
def _step_s(s: State, replica: Row, decoding: int) -> float:
    """a(B) + c(B)·K."""
    p = replica.pool
    return s.laws[p, 0, decoding] + s.laws[p, 1, decoding] * replica.cached


@inner_apart
def _run_plan(s: State, r: int, replica: Row, pool: Row, taken: int, now: float) -> float:
    """Begin what was planned for this step, and plan the next; as :func:`_schedule_chunks`."""
    is_alone = pool.ranks == 1 or replica.mode == IDLE  # else other ranks have steps under way
    if is_alone and replica.decoding == 0 and replica.partial == NONE and s.plans[r].head == NONE:
        plan.make(s, r, replica, pool, taken, now)  # nothing is under way
    prefill_s = plan.run(s, r, replica, pool)
    plan.make(s, r, replica, pool, taken, now)
    return prefill_s


@inner
def _schedule_chunks(s: State, r: int, replica: Row, pool: Row, taken: int, now: float) -> float:
    """Spend the step's token budget on prefill; seconds that it adds, or -1 if there is none.

    ``taken`` blocks are spoken for by the decodes of this step.
    """
    room = pool.max_num_batched_tokens - replica.decoding * pool.width
    budget, prompts = room, 0
    prefill_s = -1.0
    while budget > 0:
        if replica.partial != NONE:
            slot = WIDE + replica.partial
        elif batch.can_admit(s, r, replica, pool, taken, taken, now):
            slot = batch.admit(s, r, replica, pool, taken, now)
        else:
            break
        seq = s.slots[slot]
        tokens = min(seq.prefill - seq.prefilled, budget)
        prefill_s = max(prefill_s, 0.0) + work.chunk_s(pool, seq.prefilled, tokens)
        seq.prefilled += tokens
        budget -= tokens
        prompts += 1
        replica.partial = slot
        if seq.prefilled == seq.prefill:
            replica.partial = NONE
            batch.append_chunk(s, replica, slot)
    if prompts > 0:
        work.book_prompts(replica, pool, prompts, room - budget, prefill_s)
    return prefill_s


@inner
def _schedule_prompts(s: State, r: int, replica: Row, pool: Row, now: float) -> float:
    """Admit whole prompts for a step of their own; its prefill seconds, or -1 if there is none."""
    budget, prompts = pool.max_num_batched_tokens, 0
    prefill_s = -1.0
    while batch.can_admit(s, r, replica, pool, ZERO, ZERO, now):
        cached = batch.tokens_there(s, r, WIDE + replica.head)
        tokens = s.slots[replica.head].prefill - cached
        if tokens > budget and prefill_s >= 0.0:
            break  # the first is admitted even if it is longer than the budget
        slot = batch.admit(s, r, replica, pool, ZERO, now)
        s.slots[slot].prefilled = s.slots[slot].prefill
        prefill_s = max(prefill_s, 0.0) + work.chunk_s(pool, cached, tokens)
        budget -= tokens
        prompts += 1
        batch.append_chunk(s, replica, slot)
    if prompts > 0:
        tokens = pool.max_num_batched_tokens - budget
        work.book_prompts(replica, pool, prompts, tokens, s.laws[replica.pool, 0, 0] + prefill_s)
    return prefill_s


@inner
def _begin_leap(s: State, r: int, replica: Row, pool: Row, now: float) -> None:
    """Decode until a sequence finishes, the cache is full, or the next request can be admitted."""
    decoding = WIDE + replica.decoding
    shift = pool.block_shift
    replica.mode = LEAP
    growth_s = s.laws[replica.pool, 1, decoding] * (decoding * pool.advance)
    replica.step_s = replica.slowness * _step_s(s, replica, decoding)
    replica.growth_s = replica.slowness * growth_s
    units = heap.steps_left(s.heap[r, 0], replica.steps)
    if pool.steps_in_flight > 1 and (s.plans[r].head != NONE or replica.partial != NONE):
        units = 1  # then the plan is to run, or to be made anew
    if pool.advance > 1:
        units = leap.whole_steps(units + pool.advance - 1, pool)
    if replica.free_blocks < decoding * ((units >> shift) + 1):
        units = leap.steps_until_full(
            s.block_phase[r], replica.steps, decoding, shift, WIDE + replica.free_blocks, units
        )
    steps = units // pool.advance if pool.advance > 1 else units
    if replica.head != NONE and pool.ranks == 1:  # of several, when their pace is known
        steps = steps_until_ready(s, r, replica, pool, now, now, steps)
    replica.leap = steps
    duration_s = leap.duration_s(steps, replica.step_s, replica.growth_s)
    set_event(s, r, now + duration_s)
