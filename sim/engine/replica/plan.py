"""Two steps in flight: the prompts of a step are planned as the step before it begins.

An engine that composes the next batch while the GPU works on this one never lets it wait, and is
always one step behind with the news: vLLM's asynchronous scheduling, on by default since 0.14
(pull request 27614; `EngineCore.step_with_batch_queue` composes while its queue of two has room,
else waits for the oldest output), SGLang's overlap, on by default since 0.4
(`Scheduler.event_loop_overlap`), and that of TensorRT-LLM's PyTorch backend, the default since 1.0
(manual, "Overlap Scheduler"). What becomes ready during step i is planned as i ends, which is
when i + 1 begins, and runs in i + 2. Where nothing is under way the first plan runs at once.

The place and the blocks of a sequence that ends with step i are free when the output of i is
there: for i + 2. Its own last step is known beforehand from the limit of its answer, so it takes
part in no step after it, as in vLLM (`Scheduler.schedule`: "Avoid scheduling an extra step"). An
answer that ends before its limit decodes once more there, and every answer does so in SGLang, which
throws the token away: that is a place in one step more, and is not modelled.

A plan takes places and blocks for its prompts when it is made, and leaves those that the decodes of
this step and of its own need. So nobody in it is ever preempted before it runs. Who decodes, and
who is preempted, is settled when a step begins. A prompt whose client has gone is taken off the
plan.
"""

from sim.engine.replica import batch, leap, memory, waiting, work
from sim.engine.state import heap
from sim.engine.state.jit import inner
from sim.engine.state.number import WIDE
from sim.engine.state.record import NONE, STOPPING, Row
from sim.engine.state.state import State


@inner
def empty(plan: Row) -> None:
    """Nothing is planned."""
    plan.head = plan.tail = NONE
    plan.rest = 0


@inner
def make(s: State, r: int, replica: Row, pool: Row, taken: int, now: float) -> None:
    """Plan the step after the one that begins, whose decodes take ``taken`` blocks."""
    slot = WIDE + replica.partial
    if slot == NONE and not batch.may_admit(s, r, replica, pool, taken, now):
        return
    plan = s.plans[r]
    decoding, blocks = _next_decodes(s, r, replica, pool)
    grown = taken
    taken += blocks
    budget = max(pool.max_num_batched_tokens - decoding * pool.width, 0)
    if slot != NONE:
        budget = _put(s, plan, slot, budget)
    while budget > 0 and batch.can_admit(s, r, replica, pool, taken, grown, now):
        slot = batch.admit(s, r, replica, pool, grown, now)
        waiting.link(s, plan, slot)
        budget = _put(s, plan, slot, budget)


@inner
def run(s: State, r: int, replica: Row, pool: Row) -> float:
    """Begin the step that was planned; seconds that its prompts add, or -1 if there are none.

    The prompt that is under way goes on, then those of the plan begin, each to its end but for what
    the plan leaves of the last.
    """
    plan = s.plans[r]
    begun = WIDE + replica.partial
    slot = begun if begun != NONE else plan.head
    prompts, tokens, prefill_s = 0, 0, -1.0
    while slot != NONE:
        seq = s.slots[slot]
        following = plan.head if slot == begun else WIDE + seq.next
        chunk = seq.prefill - seq.prefilled
        if following == NONE:
            chunk -= plan.rest
        if chunk > 0:  # else drafts have taken all of the budget
            prefill_s = max(prefill_s, 0.0) + work.chunk_s(pool, seq.prefilled, chunk)
            seq.prefilled += chunk
            tokens += chunk
            prompts += 1
        replica.partial = NONE
        if seq.prefilled == seq.prefill:
            batch.append_chunk(s, replica, slot)
        else:
            replica.partial = slot
        slot = following
    empty(plan)
    if prompts > 0:
        work.book_prompts(replica, pool, prompts, tokens, prefill_s)
    return prefill_s


@inner
def take_off_stopping(s: State, r: int) -> int:
    """Take a prompt whose client has gone off the plan; its slot, or NONE if there is none."""
    plan = s.plans[r]
    slot = plan.head
    while slot != NONE and s.slots[slot].interest != STOPPING:
        slot = s.slots[slot].next
    if slot != NONE:
        if slot == plan.tail:
            plan.rest = 0
        waiting.take_out(s, plan, slot)
    return slot


@inner
def _put(s: State, plan: Row, slot: int, budget: int) -> int:
    """Plan as much of a prompt as the budget has tokens; what is left of the budget."""
    left = s.slots[slot].prefill - s.slots[slot].prefilled
    plan.rest = max(left - budget, 0)
    return max(budget - left, 0)


@inner
def _grows(pool: Row, units: int) -> int:
    """KV blocks that a sequence with so many units takes with its next step."""
    return memory.blocks_of(pool, units + pool.advance) - memory.blocks_of(pool, units)


@inner
def _next_decodes(s: State, r: int, replica: Row, pool: Row) -> tuple[int, int]:
    """Sequences that decode in the step after the one that begins, and blocks that they take.

    Of those that decode now all but those that end, and those whose prefill ends now but for those
    that end with their first token.
    """
    ends_at = replica.steps + pool.advance
    phases, shift = s.block_phase[r], pool.block_shift
    decoding, at = WIDE + replica.decoding, 0
    if pool.advance == 1:
        blocks = phases[-ends_at & pool.block_mask] + 0
    else:
        blocks = leap.blocks_needed(phases, ends_at, pool.advance, decoding, shift)
    while replica.decoding > 0:  # over the part of the heap that ends with the step, from its top
        if at < replica.decoding and heap.steps_left(s.heap[r, at], ends_at) <= 0:
            seq = s.slots[s.heap[r, at].slot]
            decoding -= 1
            units = (WIDE + seq.prompt + seq.output - 1) << pool.unit_shift
            blocks -= _grows(pool, units - heap.steps_left(s.heap[r, at], ends_at))
            at = 2 * at + 1
        else:
            while at > 0 and at & 1 == 0:
                at = (at - 1) >> 1
            if at == 0:
                break
            at += 1
    slot = replica.chunk_head
    while slot != NONE:
        seq = s.slots[slot]
        if seq.generated + 1 < seq.output:
            decoding += 1
            blocks += _grows(pool, (WIDE + seq.prefill) << pool.unit_shift)
        slot = seq.next
    return decoding, blocks
