"""Prefill here, decode there: an attempt goes on to another pool when its prompt is computed.

A pool may compute prompts for another, which makes the answers. Nothing of the prompt's token goes
to the client. The attempt leaves its replica, which keeps its blocks on lease, and comes to the
gateway of the other pool as any does that is sent there. At the head of a replica's line it takes
blocks and *pulls* the prompt over a link (`sim.engine.replica.fetching`); when all is there the
lease ends, and the next step that has a place for it computes the last token of the prompt again,
which is the first of the answer. If its memory is taken there later it is computed anew there.

So NVIDIA's Dynamo, llm-d and vLLM do with the `NixlConnector`: the prefill engine is asked for one
token, keeps the blocks as `request_finished` says until it hears that they have been read, and the
decode engine reads `num_computed_tokens` at once and asks for no block before it has its own
(`get_num_new_matched_tokens`, `update_state_after_alloc`). In SGLang, too, the decode side takes
its memory first, and the transfer begins when both are ready (`DecodePreallocQueue`). A router
that leaves short prompts to the decode pool is Dynamo's conditional disaggregation. Left out: that
vLLM gives a lease up after eight minutes, or in 2026 half a minute after the decode side was last
heard of (its design note "NIXL KV Cache Lease Renewal"), that SGLang sends the layers of a prompt
while later chunks are computed, and the way of the prefill engine's one token through its front
end, which is booked there, and for which nobody waits.
"""

from sim.engine.client import attempt, client
from sim.engine.gateway import gateway, lease
from sim.engine.replica import batch, fetching, wake
from sim.engine.request import outcome, usage
from sim.engine.state.jit import inner, inner_apart
from sim.engine.state.link_record import TO_FETCH
from sim.engine.state.number import ONE_LESS, WIDE, ZERO
from sim.engine.state.record import NONE, WANTED, Row
from sim.engine.state.state import State
from sim.engine.state.status import IN_FLIGHT


@inner_apart
def pass_on(s: State, r: int, replica: Row, pool: Row, slot: int, now: float) -> None:
    """The prompt of a sequence has been computed here, and is to be answered elsewhere."""
    seq, row = s.slots[slot], s.transfers[slot]
    lease.begin(s, r, slot)
    row.home, row.ended_s = replica.pool, now
    row.dispatched_s, row.ready_s = seq.dispatched_s, seq.ready_s
    replica.running -= 1
    batch.count_running(s, pool, ONE_LESS, now)
    gateway.leave_replica(s, r, WIDE + seq.workload, now)
    pool.prompt_tokens += seq.prompt
    pool.finished += 1
    seq.replica, seq.backend = NONE, pool.hands_to
    s.pools[seq.backend].attempts += 1
    usage.handed_on(s, seq)
    row.stage = TO_FETCH
    fate = gateway.take_in(s, slot, now)
    if fate == IN_FLIGHT:
        return
    usage.wasted(s, slot, WIDE + seq.prompt - seq.cached, ZERO)
    lease.end(s, slot, now)
    if seq.interest == WANTED:
        client.lose_attempt(s, slot, fate, now)
    else:
        outcome.give_back(s, slot)


@inner_apart
def arrive(s: State, slot: int, now: float) -> None:
    """All that a sequence lacked of its prompt is there."""
    row = s.transfers[slot]
    home = s.pools[row.home]
    home.transfers += 1
    home.moved_bytes += row.bytes
    home.handoff_s += now - row.ended_s
    lease.end(s, slot, now)
    if fetching.line_up(s, slot):
        wake.for_head(s, WIDE + s.slots[slot].replica, now)


@inner_apart
def lose_source(s: State, r: int, now: float) -> int:
    """A replica is dead: what it kept for others is lost, as one list by attempt.

    They are taken from wherever they are.
    """
    first = last = WIDE + NONE
    while s.replicas[r].leases > 0:
        slot = _first_leased(s, r)
        seq, row = s.slots[slot], s.transfers[slot]
        lease.void(s, slot)
        attempt.take_off(s, slot, now)
        seq.replica, seq.backend = r, row.home
        seq.next = NONE
        if first == NONE:
            first = slot
        else:
            s.slots[last].next = slot
        last = slot
    return first


@inner
def _first_leased(s: State, r: int) -> int:
    found = WIDE + NONE
    for slot in range(len(s.transfers)):
        if s.transfers[slot].source == r and (
            found == NONE or s.transfers[slot].serial < s.transfers[found].serial
        ):
            found = WIDE + slot
    return found
