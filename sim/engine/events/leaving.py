"""How sequences leave a batch, those first that nobody wants any more."""

from sim.engine.gateway import gateway
from sim.engine.replica import batch, memory, plan
from sim.engine.request import outcome, usage
from sim.engine.state.jit import inner, inner_apart
from sim.engine.state.number import ONE_LESS, WIDE, ZERO
from sim.engine.state.record import BOUNDARY, IDLE, NONE, STOPPING, Row
from sim.engine.state.state import State


@inner_apart
def drop_one(s: State, r: int, replica: Row, pool: Row, now: float) -> None:
    """Drop the first of those admitted whose clients have gone: caches are left in that order.

    Prompts that are under way or planned were admitted after all that decode.
    """
    first = WIDE + NONE
    for at in range(replica.decoding):
        seq = s.slots[s.heap[r, at].slot]
        if seq.interest == STOPPING and (
            first == NONE or seq.admission < s.slots[s.heap[r, first].slot].admission
        ):
            first = WIDE + at
    if first == NONE:
        slot = _take_off_prompt(s, r, replica)
        memory.release(replica, pool, s.slots[slot])
        memory.free(s, r, replica, pool, slot, s.slots[slot].prefill)
        tokens = s.slots[slot].prefilled - s.slots[slot].cached
        leave_unwanted(s, r, replica, pool, slot, tokens, ZERO, now)
        return
    slot = batch.stop_decoding(s, r, replica, pool, first)
    seq = s.slots[slot]
    memory.release(replica, pool, seq)
    tokens = seq.prompt + seq.generated - seq.cached
    leave_unwanted(s, r, replica, pool, slot, tokens, seq.generated, now)


@inner_apart
def drop_planned(s: State, r: int, replica: Row, pool: Row, now: float) -> None:
    """Drop who has been planned on an idle rank, and whose client has gone before it began."""
    replica.mode = BOUNDARY
    while replica.stopping > 0:
        drop_one(s, r, replica, pool, now)
    replica.mode = IDLE


@inner
def _take_off_prompt(s: State, r: int, replica: Row) -> int:
    """Take a prompt that is under way or planned, and unwanted, off the batch."""
    slot = WIDE + replica.partial
    if slot == NONE or s.slots[slot].interest != STOPPING:
        return plan.take_off_stopping(s, r)
    replica.partial = NONE
    return slot


@inner_apart
def leave_unwanted(
    s: State, r: int, replica: Row, pool: Row, slot: int, tokens: int, generated: int, now: float
) -> None:
    """One leaves whom nobody wants, for whom so many tokens were worked on in vain.

    Of the tokens ``generated`` were made one by one.
    """
    seq = s.slots[slot]
    usage.wasted(s, slot, tokens, generated)
    if seq.interest == STOPPING:
        replica.stopping -= 1
    w = seq.workload
    outcome.give_back(s, slot)
    leave(s, r, replica, pool, w, now)


@inner
def leave(s: State, r: int, replica: Row, pool: Row, w: int, now: float) -> None:
    """One of workload ``w`` less in the batch, and on the replica."""
    replica.running -= 1
    batch.count_running(s, pool, ONE_LESS, now)
    gateway.leave_replica(s, r, w, now)
