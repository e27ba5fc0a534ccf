"""Sequences whose tokens come over a link into blocks that they have taken.

The head of the line takes the blocks of all that it is to prefill, as one that is admitted does,
but no place in the batch, and *fetches*: its tokens are on their way. When all have come it waits
for a place at the head of the line, behind those that have come before it and ahead of everybody
else, those that were preempted among them: it needs no more blocks, and whoever waits for some may
wait for those that it has. It is admitted with the tokens that it has found, and prefills the rest.

So vLLM's scheduler does (`Scheduler.schedule`, with a connector's `get_num_new_matched_tokens`):
blocks are allocated when the head could be admitted, the request is set aside as
`WAITING_FOR_REMOTE_KVS` without a place among the running, those behind it go on, and once it is
among `finished_recving` it stands at the head of the line again. So a fetch begins only while there
is a place, which it does not keep. There the first of several is who began to fetch first, here who
has its tokens first: the same where all are of one size.
"""

from sim.engine.replica import link, memory, precedence, prefix, waiting
from sim.engine.state.backend_record import WHOLE
from sim.engine.state.jit import inner, inner_apart
from sim.engine.state.link_record import FETCHED, NOT_SENT, TO_FETCH
from sim.engine.state.number import WIDE
from sim.engine.state.record import FETCHING, NONE, Row
from sim.engine.state.state import State


@inner
def is_to_fetch(s: State, slot: int) -> bool:
    """Whether tokens of a sequence lie elsewhere, and it is to have blocks for them."""
    return s.clock[0].has_transfers and s.transfers[slot].stage == TO_FETCH


@inner
def has_fetched(s: State, slot: int) -> bool:
    """Whether a sequence in line has its blocks, and in them what has come over a link."""
    return s.clock[0].has_transfers and s.transfers[slot].stage == FETCHED


@inner
def last_fetched(s: State, replica: Row) -> int:
    """The last in line of those whose tokens have come, or NONE."""
    return WIDE + (replica.fetched if s.clock[0].has_transfers else NONE)


@inner_apart
def take_blocks(s: State, r: int, replica: Row, pool: Row, slot: int, grown: int) -> int:
    """The head leaves the line with blocks for its prefill; tokens of it that these have already.

    The decodes have taken ``grown`` blocks at this boundary.
    """
    seq = s.slots[slot]
    if s.clock[0].has_orders:
        precedence.leave(s, r, replica, pool, slot, True)
    waiting.take_out(s, replica, slot)
    seq.place = FETCHING
    if s.clock[0].has_prefix_caches:
        prefix.settle(s, r, grown)
    replica.free_blocks -= memory.blocks_for(pool, seq.prefill)
    if pool.admission == WHOLE:
        replica.reserved += memory.most_blocks(pool, seq)
    if s.clock[0].has_prefix_caches and prefix.is_named(s, slot):
        return prefix.use(s, r, slot, grown)
    return 0


@inner_apart
def fetch(
    s: State, slot: int, found: int, at: int, work_s: float, latency_s: float, now: float
) -> None:
    """Tokens are sent over a link, so that it has found ``found`` of them when all have come."""
    s.transfers[slot].found = found
    link.start(s, at, slot, work_s, latency_s, now)


@inner_apart
def line_up(s: State, slot: int) -> bool:
    """All has come: to the head of the line, behind those before it; whether it is the head."""
    replica = s.replicas[s.slots[slot].replica]
    after = WIDE + replica.fetched
    waiting.put_after(s, replica, after, slot)
    replica.fetched = slot
    return after == NONE


@inner_apart
def leave_line(s: State, replica: Row, slot: int) -> None:
    """One whose tokens have come leaves the line: those before it have theirs, too."""
    if replica.fetched == slot:
        replica.fetched = s.slots[slot].previous
    waiting.take_out(s, replica, slot)
    s.transfers[slot].stage = NOT_SENT


@inner_apart
def drop(s: State, r: int, slot: int, now: float) -> None:
    """A sequence that fetches, or has, needs its blocks no more."""
    replica, seq = s.replicas[r], s.slots[slot]
    if seq.place == FETCHING:
        link.stop(s, slot, now)
    else:
        leave_line(s, replica, slot)
    s.loads[slot, 0] = NONE
    memory.release(replica, s.pools[replica.pool], seq)
    memory.free_amid(s, r, slot, WIDE + seq.prefill, now)


@inner_apart
def on_replica(s: State, r: int) -> int:
    """A replica dies: those that fetch there as one list, by attempt."""
    first = WIDE + NONE
    for slot in range(len(s.slots)):
        seq = s.slots[slot]
        if seq.place != FETCHING or seq.replica != r:
            continue
        before, after, serial = WIDE + NONE, first, s.transfers[slot].serial
        while after != NONE and s.transfers[after].serial < serial:
            before, after = after, WIDE + s.slots[after].next
        seq.next = after
        if before == NONE:
            first = WIDE + slot
        else:
            s.slots[before].next = slot
    return first
