"""The front end of a replica: processes through which requests come in and tokens go out.

A process is a serial server, first come first served. When B of its sequences decode, each step
that ends brings it b = B·w seconds of work, and more if nothing was to be done: then it takes
b + B·u = b + e from rest, so that free ← max(t + b + e, free + b). Over n steps of an unchanged
batch, which end at t_1 … t_n, this comes to

    free + n·b,  or if that is more  max over j of (t_j + e + (n - j + 1)·b).

Steps grow longer in arithmetic progression, so t_j - j·b is convex in j: of all j only the first
and the last can be the largest, and a leap costs as much as a step. A request that comes in amid a
leap finds what the steps before it have brought; the rest of the leap goes on from there. At one
instant a request goes before the tokens of a step if the replica has not had its turn.

From rest, since what passes tokens on are several in line, the last the client: each batch goes
through all of them, and where batches follow each other the slowest says how fast. Measured beside
an H200: the tokens of a step are with their clients after 76 us each, and where they are more than
that, one follows another after 54.

The first token of an answer costs more. vLLM's detokenizer is a stream that begins with the prompt
(`FastIncrementalDetokenizer`), and its first step decodes that twice, once without and once with
the token (`step_decode_stream` of Hugging Face's tokenizers since 0.22): measured, 1.3 to 1.6 us
for each token of the prompt, whatever the load. All tokens of the step wait for it.

A sequence that the engine has finished is *streamed*, until its last token is delivered.
"""

import math

from sim.engine.replica import leap
from sim.engine.request import timers
from sim.engine.state.jit import inner, inner_apart
from sim.engine.state.number import WIDE
from sim.engine.state.record import LEAP, NONE, STREAMED, Row
from sim.engine.state.state import State


@inner
def open_up(s: State, r: int, processes: int) -> None:
    """A new replica has had nothing to do."""
    for at in range(processes):
        process = s.frontends[r, at]
        process.free_s = -math.inf


@inner
def take_request(s: State, r: int, replica: Row, pool: Row, slot: int, now: float) -> float:
    """A request comes in; when the scheduler may see it."""
    at = 0
    if pool.processes > 1:
        at = WIDE + replica.next_process
        replica.next_process = (at + 1) % pool.processes
        s.processes[slot] = at
    process = s.frontends[r, at]
    if replica.mode == LEAP and pool.works_on_tokens:
        _fold_before(s, r, replica, pool, process, now)
    takes_s = pool.frontend_s_per_request
    takes_s += pool.frontend_s_per_prompt_token * s.slots[slot].prompt
    pool.frontend_s += takes_s
    process.free_s = max(process.free_s, now) + takes_s
    return process.free_s + pool.overhead_s


@inner
def take_tokens(s: State, r: int, replica: Row, pool: Row, now: float) -> None:
    """The segment under way ends: what its steps have made has come, or comes now."""
    for at in range(pool.processes):
        process = s.frontends[r, at]
        decoding = _decoding(replica, pool, process)
        if replica.mode == LEAP:
            _fold(replica, pool, process, decoding, WIDE + replica.leap, now)
            process.folded = 0
        else:
            prefilled, first_s = _prefilled(s, replica, pool, at)
            tokens = replica.leap * decoding * pool.gain + prefilled
            if tokens > 0:
                pool.frontend_s += pool.frontend_s_per_token * prefilled + first_s
                tokens_s = pool.frontend_s_per_token * tokens + first_s
                rest_s = now + pool.frontend_s_per_token_from_rest * tokens
                process.free_s = max(process.free_s, rest_s) + tokens_s
        process.done_s = process.free_s


@inner
def delivered_s(s: State, r: int, pool: Row, slot: int, now: float) -> float:
    """When a client has the token of a step that ends now."""
    if pool.works_on_tokens:
        return s.frontends[r, process_of(s, pool, slot)].done_s + pool.output_delay_s
    return now + pool.output_delay_s


@inner
def count_decoding(s: State, r: int, pool: Row, slot: int, change: int) -> None:
    """One more or less of a process's sequences decodes."""
    if pool.processes > 1:
        s.frontends[r, s.processes[slot]].decoding += change


@inner
def stream(s: State, r: int, pool: Row, slot: int, now: float) -> None:
    """A sequence has left the batch with its last token, which is to be delivered."""
    seq = s.slots[slot]
    seq.place = STREAMED
    seq.admission = timers.schedule_delivery(s, delivered_s(s, r, pool, slot, now), slot)


@inner_apart
def streamed(s: State, r: int) -> int:
    """A replica dies: what it streams as one list, by attempt."""
    first = WIDE + NONE
    for slot in range(len(s.slots)):
        seq = s.slots[slot]
        if seq.place != STREAMED or seq.replica != r:
            continue
        before, after = WIDE + NONE, first
        while after != NONE and s.slots[after].serial < seq.serial:
            before, after = after, s.slots[after].next
        seq.next = after
        if before == NONE:
            first = WIDE + slot
        else:
            s.slots[before].next = slot
    return first


@inner
def process_of(s: State, pool: Row, slot: int) -> int:
    """The process of an attempt."""
    return s.processes[slot] if pool.processes > 1 else 0


@inner
def _decoding(replica: Row, pool: Row, process: Row) -> int:
    return process.decoding if pool.processes > 1 else WIDE + replica.decoding


@inner
def _prefilled(s: State, replica: Row, pool: Row, at: int) -> tuple[int, float]:
    """Sequences of a process whose prefill ends with the step under way, and what is the more work.

    A preempted one that is prefilled again has had its first token.
    """
    if pool.processes == 1 and pool.frontend_s_per_prompt_token_out == 0.0:
        return WIDE + replica.chunks, 0.0
    count, first_s = 0, 0.0
    slot = WIDE + replica.chunk_head
    while slot != NONE:
        seq = s.slots[slot]
        if process_of(s, pool, slot) == at:
            count += 1
            if seq.generated == 0:
                first_s += pool.frontend_s_per_prompt_token_out * seq.prompt
        slot = WIDE + seq.next
    return count, first_s


@inner
def _fold_before(s: State, r: int, replica: Row, pool: Row, process: Row, now: float) -> None:
    """The steps of the leap under way that have ended have brought their tokens."""
    clock = s.clock[0]
    since_s = now - replica.start_s
    most = WIDE + replica.leap
    steps = leap.steps_until(since_s, replica.step_s, replica.growth_s, most)
    ends_s = replica.start_s + leap.duration_s(steps, replica.step_s, replica.growth_s)
    has_had_its_turn = clock.instant_s == now and clock.turn >= r
    if ends_s > now or (ends_s == now and not has_had_its_turn):
        steps -= 1
        ends_s = replica.start_s + leap.duration_s(steps, replica.step_s, replica.growth_s)
    _fold(replica, pool, process, _decoding(replica, pool, process), steps, ends_s)


@inner
def _fold(replica: Row, pool: Row, process: Row, decoding: int, steps: int, last_s: float) -> None:
    """The tokens of a leap's steps up to the given one, which ends at ``last_s``, come in.

    Where even the first step takes longer than its tokens, only the last may be the largest.
    """
    n = steps - process.folded
    if n <= 0:
        return
    if decoding > 0:
        batch_s = pool.frontend_s_per_token * decoding * pool.gain
        rest_s = pool.frontend_s_per_token_from_rest * decoding * pool.gain
        work_s = n * batch_s
        free_s = max(process.free_s + work_s, last_s + rest_s + batch_s)
        if batch_s > replica.step_s:
            before = process.folded + 1
            first_s = replica.start_s + rest_s
            first_s += leap.duration_s(before, replica.step_s, replica.growth_s)
            free_s = max(free_s, first_s + work_s)
        process.free_s = free_s
    process.folded = steps
