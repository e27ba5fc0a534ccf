"""The front end of a replica: processes through which requests come in and tokens go out.

A process is a serial server, first come first served. When B of its sequences decode, each step
that ends brings it b = B·w seconds of work: free ← max(free, t) + b. Over n steps of an unchanged
batch, which end at t_1 … t_n, this comes to

    free + n·b,  or if that is more  max over j of (t_j + (n - j + 1)·b).

Steps grow longer in arithmetic progression, so t_j - j·b is convex in j: of all j only the first
and the last can be the largest, and a leap costs as much as a step. A request that comes in amid a
leap finds what the steps before it have brought; the rest of the leap goes on from there. At one
instant a request goes before the tokens of a step if the replica has not had its turn.

A sequence that the engine has finished is *streamed*, until its last token is delivered.
"""

import math

from sim.engine.replica import leap
from sim.engine.state.jit import inner, inner_apart
from sim.engine.state.record import LEAP, NONE, STREAMED, Row
from sim.engine.state.state import State


@inner
def open_up(s: State, r: int, processes: int) -> None:
    """A new replica has had nothing to do."""
    replica = s.replicas[r]
    replica.delivers_s = math.inf
    for at in range(processes):
        process = s.frontends[r, at]
        process.free_s = -math.inf
        process.head = process.tail = NONE


@inner
def take_request(s: State, r: int, replica: Row, pool: Row, slot: int, now: float) -> float:
    """A request comes in; when the scheduler may see it."""
    at = 0
    if pool.processes > 1:
        at = replica.handed % pool.processes
        replica.handed += 1
        s.streams[slot].process = at
    process = s.frontends[r, at]
    if replica.mode == LEAP and pool.frontend_s_per_token > 0.0:
        steps = _steps_before(s, r, replica, now)
        _fold(replica, pool, process, _decoding(replica, pool, process), steps)
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
            _fold(replica, pool, process, decoding, replica.leap)
            process.folded = 0
        else:
            first = _prefilled(s, replica, pool, at)
            tokens = replica.leap * decoding + first
            if tokens > 0:
                pool.frontend_s += pool.frontend_s_per_token * first
                process.free_s = max(process.free_s, now) + pool.frontend_s_per_token * tokens
        process.done_s = process.free_s


@inner
def delivered_s(s: State, r: int, pool: Row, slot: int, now: float) -> float:
    """When a client has the token of a step that ends now."""
    if pool.frontend_s_per_token > 0.0:
        return s.frontends[r, process_of(s, pool, slot)].done_s + pool.output_delay_s
    return now + pool.output_delay_s


@inner
def count_decoding(s: State, r: int, pool: Row, slot: int, change: int) -> None:
    """One more or less of a process's sequences decodes."""
    if pool.processes > 1:
        s.frontends[r, s.streams[slot].process].decoding += change


@inner
def stream(s: State, r: int, replica: Row, pool: Row, slot: int, now: float) -> None:
    """A sequence has left the batch with its last token, which is to be delivered.

    Of those that are delivered together the lowest request comes first.
    """
    seq, own = s.slots[slot], s.streams[slot]
    process = s.frontends[r, process_of(s, pool, slot)]
    own.delivered_s = delivered_s(s, r, pool, slot, now)
    seq.place = STREAMED
    before = process.tail
    while (
        before != NONE
        and s.streams[before].delivered_s == own.delivered_s
        and s.slots[before].number > seq.number
    ):
        before = s.slots[before].previous
    after = process.head if before == NONE else s.slots[before].next
    seq.previous, seq.next = before, after
    if before == NONE:
        process.head = slot
    else:
        s.slots[before].next = slot
    if after == NONE:
        process.tail = slot
    else:
        s.slots[after].previous = slot
    replica.delivers_s = min(replica.delivers_s, own.delivered_s)


@inner
def next_delivered(s: State, r: int, replica: Row, pool: Row) -> int:
    """The streamed sequence that is delivered next; of one instant, by the first process."""
    for at in range(pool.processes):
        slot = s.frontends[r, at].head
        if slot != NONE and s.streams[slot].delivered_s == replica.delivers_s:
            return slot
    return NONE


@inner
def take_back(s: State, r: int, slot: int) -> None:
    """A sequence is streamed no more; who calls sets the replica's event."""
    seq, replica = s.slots[slot], s.replicas[r]
    pool = s.pools[replica.pool]
    process = s.frontends[r, process_of(s, pool, slot)]
    if seq.previous == NONE:
        process.head = seq.next
    else:
        s.slots[seq.previous].next = seq.next
    if seq.next == NONE:
        process.tail = seq.previous
    else:
        s.slots[seq.next].previous = seq.previous
    seq.next = seq.previous = NONE
    replica.delivers_s = math.inf
    for at in range(pool.processes):
        head = s.frontends[r, at].head
        if head != NONE:
            replica.delivers_s = min(replica.delivers_s, s.streams[head].delivered_s)


@inner_apart
def close_down(s: State, r: int, processes: int) -> int:
    """A replica dies: what it streams as one list, process by process, which it forgets."""
    first, last = NONE, NONE
    for at in range(processes):
        process = s.frontends[r, at]
        if process.head != NONE:
            if first == NONE:
                first = process.head
            else:
                s.slots[last].next = process.head
            last = process.tail
        process.head = process.tail = NONE
    s.replicas[r].delivers_s = math.inf
    return first


@inner
def process_of(s: State, pool: Row, slot: int) -> int:
    """The process of an attempt."""
    return s.streams[slot].process if pool.processes > 1 else 0


@inner
def _decoding(replica: Row, pool: Row, process: Row) -> int:
    return process.decoding if pool.processes > 1 else replica.decoding


@inner
def _prefilled(s: State, replica: Row, pool: Row, at: int) -> int:
    """Sequences of a process whose prefill ends with the step under way."""
    count = 0
    slot = replica.chunk_head
    while slot != NONE:
        if process_of(s, pool, slot) == at:
            count += 1
        slot = s.slots[slot].next
    return count


@inner
def _steps_before(s: State, r: int, replica: Row, now: float) -> int:
    """Steps of the leap under way that have brought their tokens."""
    clock = s.clock[0]
    since_s = now - replica.start_s
    steps = leap.steps_until(since_s, replica.step_s, replica.growth_s, replica.leap)
    ends_s = replica.start_s + leap.duration_s(steps, replica.step_s, replica.growth_s)
    has_had_its_turn = clock.instant_s == now and clock.turn >= r
    if ends_s > now or (ends_s == now and not has_had_its_turn):
        steps -= 1
    return steps


@inner
def _fold(replica: Row, pool: Row, process: Row, decoding: int, steps: int) -> None:
    """The tokens of a leap's steps up to the given one come to a process."""
    n = steps - process.folded
    if n <= 0:
        return
    if decoding > 0:
        batch_s = pool.frontend_s_per_token * decoding
        step_s, growth_s = replica.step_s, replica.growth_s
        first_s = replica.start_s + leap.duration_s(process.folded + 1, step_s, growth_s)
        last_s = replica.start_s + leap.duration_s(steps, step_s, growth_s)
        work_s = n * batch_s
        process.free_s = max(process.free_s + work_s, first_s + work_s, last_s + batch_s)
    process.folded = steps
