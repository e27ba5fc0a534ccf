"""Who is in the batch of a replica: admission, decoding, preemption, leaving.

A sequence waits, is admitted, prefills its prompt (in one step or several), decodes, and finishes;
a preempted one goes back to the head of the waiting list and prefills its prompt and what it had
generated. A decoding sequence with g tokens generated has its prompt and g - 1 tokens in the cache:
the last token is written by the step that generates the next. Under speculative decoding a step
takes each sequence on by several tokens, and by parts of one: by their mean.

What a sequence needs to be admitted is a rule of its engine. ``prompt``: blocks for what it is to
prefill, as in vLLM since V1 (`KVCacheManager.allocate_slots`). ``whole``: blocks for its prompt and
its answer beside those that all who run may come to need, as in TensorRT-LLM by default
(`CapacitySchedulerPolicy.GUARANTEED_NO_EVICT`): nobody is ever preempted. A client's `max_tokens`,
which such an engine goes by, is taken to be the length of the answer, as benchmarks ask for it.
``watermark``: a hundredth of all blocks is left free, as vLLM did before
(`BlockSpaceManager.can_allocate`). SGLang's reserve, a share of what the answers under way may
still take that it adapts as it preempts, lies between these and is not modelled.
"""

import math

from sim.engine.replica import (
    adapters,
    fetching,
    frontend,
    handoff,
    loading,
    memory,
    precedence,
    prefix,
    standing,
    waiting,
    yielding,
)
from sim.engine.request import usage
from sim.engine.state import heap
from sim.engine.state.backend_record import ABOVE_WATERMARK, CHUNKED, WHOLE
from sim.engine.state.jit import inner, inner_apart
from sim.engine.state.line_record import FCFS
from sim.engine.state.number import ONE_LESS, ONE_MORE, WIDE, ZERO
from sim.engine.state.record import NONE, RUNNING, Row
from sim.engine.state.state import State


@inner
def fits(s: State, r: int, replica: Row, pool: Row, slot: int, free_blocks: int) -> bool:
    """Whether the KV cache has room for one more, as far as the rule of admission looks.

    An empty batch takes whoever fits at all. What others hold of its prompt takes no room. Who has
    fetched its tokens has its blocks, and comes if those that decode have theirs.
    """
    seq = s.slots[slot]
    if fetching.has_fetched(s, slot):
        return free_blocks >= 0
    if pool.admission == WHOLE:
        return replica.reserved + memory.most_blocks(pool, seq) <= pool.kv_blocks
    if pool.admission == ABOVE_WATERMARK and replica.running > 0:
        free_blocks -= pool.watermark_blocks
    lacking = memory.blocks_for(pool, seq.prefill) - free_blocks
    if lacking > 0 and s.clock[0].has_prefix_caches:
        lacking -= prefix.blocks_shared(s, r, slot)
    return lacking <= 0


@inner
def may_admit(s: State, r: int, replica: Row, pool: Row, spoken_for: int, now: float) -> bool:
    """Whether the head of the line is ready, and has a place and blocks beside those of others."""
    if replica.head == NONE or replica.running >= pool.places:
        return False
    seq = s.slots[replica.head]
    free_blocks = replica.free_blocks - spoken_for
    return seq.ready_s <= now and fits(s, r, replica, pool, WIDE + replica.head, free_blocks)


@inner
def can_admit(
    s: State, r: int, replica: Row, pool: Row, spoken_for: int, grown: int, now: float
) -> bool:
    """The same of who is the head when those before it that are to fetch have begun to.

    The decodes have taken ``grown`` blocks at this boundary.
    """
    if s.clock[0].has_transfers:
        _begin_to_fetch(s, r, replica, pool, spoken_for, grown, now)
    return may_admit(s, r, replica, pool, spoken_for, now)


@inner_apart
def _begin_to_fetch(
    s: State, r: int, replica: Row, pool: Row, spoken_for: int, grown: int, now: float
) -> None:
    while replica.head != NONE:
        slot = WIDE + replica.head
        pulls = fetching.is_to_fetch(s, slot)
        if not pulls and not loading.may_begin(s, pool, slot):
            return
        if not may_admit(s, r, replica, pool, spoken_for, now):
            return
        if pulls:
            handoff.pull(s, r, replica, pool, slot, grown, now)
        elif not loading.begin(s, r, replica, pool, slot, grown, now):
            return


@inner
def tokens_there(s: State, r: int, slot: int) -> int:
    """Tokens that one who waits need not prefill."""
    if fetching.has_fetched(s, slot):
        return s.transfers[slot].found
    return prefix.cached_tokens(s, r, slot) if s.clock[0].has_caches else 0


@inner
def admit(s: State, r: int, replica: Row, pool: Row, grown: int, now: float) -> int:
    """Move the head of the waiting list into the batch; all blocks of its prefill are taken.

    The decodes have taken ``grown`` blocks at this boundary.
    """
    clock = s.clock[0]
    slot = WIDE + replica.head
    seq = s.slots[slot]
    if not (clock.has_special_lines and _has_its_blocks(s, r, replica, pool, slot)):
        _take_blocks(s, r, replica, pool, slot, grown)
    seq.place = RUNNING
    replica.running += 1
    seq.admission = clock.admissions
    clock.admissions += 1
    if seq.admitted_s != seq.admitted_s:  # NaN: never admitted before
        seq.admitted_s = now
    waiting.count_waiting(s, pool, ONE_LESS, now)
    count_running(s, pool, ONE_MORE, now)
    return slot


@inner_apart
def _has_its_blocks(s: State, r: int, replica: Row, pool: Row, slot: int) -> bool:
    """Somebody leaves a line that has an order, or has fetched its tokens: whether it has."""
    if s.clock[0].has_orders:
        precedence.leave(s, r, replica, pool, slot, True)
    if not fetching.has_fetched(s, slot):
        return False
    fetching.leave_line(s, replica, slot)
    if loading.is_load(s, slot):
        s.loads[slot, 0] = NONE
        _find(s, slot, WIDE + s.transfers[slot].found)
    else:
        s.slots[slot].prefilled = s.transfers[slot].found
    return True


@inner
def _take_blocks(s: State, r: int, replica: Row, pool: Row, slot: int, grown: int) -> None:
    clock, seq = s.clock[0], s.slots[slot]
    waiting.take_out(s, replica, slot)
    if clock.has_prefix_caches:
        prefix.settle(s, r, grown)
        if clock.has_adapters:
            adapters.take(s, r, slot)
    replica.free_blocks -= memory.blocks_for(pool, seq.prefill)
    if clock.has_caches:
        found = prefix.use(s, r, slot, grown)
        if clock.has_tiers:
            loading.note_found(s, r, slot, found)
        _find(s, slot, found)
    elif seq.preemptions > 0:
        _find(s, slot, ZERO)
    if pool.admission == WHOLE:
        replica.reserved += memory.most_blocks(pool, seq)


@inner_apart
def _find(s: State, slot: int, found: int) -> None:
    """An admitted sequence has found tokens of its prompt, and computes the others.

    If it was preempted it had tokens in the KV cache: those that it finds again it need not compute
    a second time, the others were computed in vain. What it had not had is cached like what is
    found at a first admission, for it is never computed, but no hit: only what its request found
    at the first admission of all, of whichever attempt, is one.
    """
    seq = s.slots[slot]
    had = seq.prefilled
    again = min(found, had)
    if had > 0:
        usage.found_again(s, seq, again)
        usage.redone(s, seq, had - again)
    seq.cached += found - again
    seq.prefilled = found
    if s.clock[0].has_prefix_caches:
        extra = s.extras[slot]
        if extra.first_found == NONE:
            _remember_first(s, slot, found)
        if had > 0:
            extra.found_later += found - again
        else:
            extra.found_later = max(found - extra.first_found, 0)


@inner
def _remember_first(s: State, slot: int, found: int) -> None:
    """Whatever attempt is the first of its request to be admitted: all of them are to know."""
    extra = s.extras[slot]
    extra.first_found = found
    if extra.twin != NONE and s.extras[extra.twin].first_found != NONE:
        extra.first_found = s.extras[extra.twin].first_found
    number = extra.heir_number
    at = extra.heir
    while at != NONE and s.slots[at].number != number:  # orphaned in its turn
        at = s.extras[at].heir if s.extras[at].heir_number == number else NONE
    if at != NONE and s.extras[at].first_found == NONE:
        s.extras[at].first_found = extra.first_found


@inner
def append_chunk(s: State, replica: Row, slot: int) -> None:
    """Note a sequence whose prefill ends with the step under way."""
    s.slots[slot].next = NONE
    replica.chunks += 1
    if replica.chunk_head == NONE:
        replica.chunk_head = slot
    else:
        s.slots[replica.chunk_tail].next = slot
    replica.chunk_tail = slot


@inner
def start_decoding(s: State, r: int, replica: Row, pool: Row, slot: int) -> None:
    """A prefilled sequence joins those that decode."""
    seq = s.slots[slot]
    units = (WIDE + seq.prefill) << pool.unit_shift
    ends_at = replica.steps + ((WIDE + seq.output - seq.generated) << pool.unit_shift)
    heap.push(s.heap[r], replica.decoding, ends_at, slot)
    replica.decoding += 1
    replica.cached += units
    frontend.count_decoding(s, r, pool, slot, ONE_MORE)
    s.block_phase[r, (units - replica.steps) & pool.block_mask] += 1


@inner
def stop_decoding(s: State, r: int, replica: Row, pool: Row, at: int) -> int:
    """Take the decoding sequence at position ``at`` of the heap out; its blocks are free again.

    The last step may have made more than it needed: its cache has them, its answer does not.
    """
    slot = WIDE + s.heap[r, at].slot
    seq = s.slots[slot]
    left = heap.steps_left(s.heap[r, at], replica.steps)
    lacking = (left + (1 << pool.unit_shift) - 1) >> pool.unit_shift
    seq.generated = seq.output - max(lacking, 0)
    cached = ((WIDE + seq.prompt + seq.output - 1) << pool.unit_shift) - left
    heap.remove(s.heap[r], replica.decoding, at)
    replica.decoding -= 1
    replica.cached -= cached
    frontend.count_decoding(s, r, pool, slot, ONE_LESS)
    memory.free_units(s, r, replica, pool, slot, cached)
    s.block_phase[r, (cached - replica.steps) & pool.block_mask] -= 1
    return slot


@inner_apart
def first_to_finish(s: State, r: int, replica: Row) -> int:
    """Of those that end at this step the one admitted first: what is kept depends on the order."""
    first = 0
    for at in range(1, replica.decoding):
        if heap.steps_left(s.heap[r, at], replica.steps) <= 0:
            admission = s.slots[s.heap[r, at].slot].admission
            if admission < s.slots[s.heap[r, first].slot].admission:
                first = at
    return first


@inner
def make_room(s: State, r: int, replica: Row, pool: Row, now: float) -> int:
    """Preempt the youngest until the next decode step has its blocks; return how many it takes."""
    while memory.blocks_of_step(s, r, replica, pool) > replica.free_blocks:
        _preempt(s, r, replica, pool, _first_to_go(s, r, replica, pool, now), now)
    return memory.blocks_of_step(s, r, replica, pool)


@inner_apart
def give_way(s: State, r: int, replica: Row, pool: Row, now: float) -> None:
    """Preempt those that leave for the head of the line until it has a place and blocks.

    Or until nobody is left who leaves. Of batches that is the youngest, and elsewhere the last by
    rank of those of lower classes: as vLLM's first engine did with priorities
    (`Scheduler._schedule_priority_preemption`), for the first in line at each step; SGLang does so
    as well (`PrefillAdder.preempt_to_schedule`). A prompt that is being read is read to its end.
    """
    if replica.head == NONE or replica.partial != NONE:
        return
    seq = s.slots[replica.head]
    if seq.ready_s > now or (pool.order == FCFS and not yielding.goes_first(s, seq)):
        return
    while True:
        taken = memory.blocks_of_step(s, r, replica, pool)
        if pool.scheduler != CHUNKED:  # then those that decode have their blocks after the prompts
            taken = 0
        if may_admit(s, r, replica, pool, taken, now):
            return
        if pool.order == FCFS:
            at = yielding.youngest(s, r, replica, seq.ready_s, now)
        else:
            at = precedence.giver(s, r, replica, pool, now)
        if at == NONE:
            return
        _preempt(s, r, replica, pool, at, now)


@inner
def _first_to_go(s: State, r: int, replica: Row, pool: Row, now: float) -> int:
    """Where in the heap the youngest of batches is, or else of all; NONE if that is not in it.

    In an order the last by rank. Not there is the prompt that is under way: it was admitted after
    all that decode.
    """
    if s.clock[0].has_standing:
        if pool.order != FCFS:
            return precedence.first_to_go(s, r, replica)
        partial = replica.partial
        if partial == NONE or not yielding.gives_way(s, s.slots[partial], now):
            at = yielding.youngest(s, r, replica, -math.inf, now)
            if at != NONE:
                return at
    if replica.partial != NONE:
        return NONE
    return _youngest(s, r, replica)


@inner_apart
def _preempt(s: State, r: int, replica: Row, pool: Row, at: int, now: float) -> None:
    """Send the decoding sequence at a position of the heap, or else the prompt under way, back."""
    if at == NONE:
        slot = replica.partial
        seq = s.slots[slot]
        replica.partial = NONE
        memory.free(s, r, replica, pool, WIDE + slot, seq.prefill)
    else:
        slot = stop_decoding(s, r, replica, pool, at)
        seq = s.slots[slot]
        seq.prefilled = seq.prompt + seq.generated - 1
    seq.prefill = seq.prompt + seq.generated
    memory.release(replica, pool, seq)
    seq.preemptions += 1
    if s.clock[0].has_standing:
        standing.line_up_again(s, r, replica, slot, now)
    else:
        waiting.put_after(s, replica, fetching.last_fetched(s, replica), slot)
    replica.running -= 1
    count_running(s, pool, ONE_LESS, now)
    waiting.count_waiting(s, pool, ONE_MORE, now)


@inner
def _youngest(s: State, r: int, replica: Row) -> int:
    youngest = ZERO
    for at in range(1, replica.decoding):
        if s.slots[s.heap[r, at].slot].admission > s.slots[s.heap[r, youngest].slot].admission:
            youngest = at
    return youngest


@inner
def count_running(s: State, pool: Row, change: int, now: float) -> None:
    """In a batch, prefilling or decoding."""
    pool.running += change
    pool.running_s -= change * (now - s.clock[0].bin_start_s)
