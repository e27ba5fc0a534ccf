"""The event of a replica, and what moves it: a new head of the line, somebody who leaves."""

from sim.engine.replica import batch, leap
from sim.engine.state import tournament
from sim.engine.state.backend_record import CHUNKED
from sim.engine.state.jit import inner
from sim.engine.state.record import IDLE, LEAP, NONE, Row
from sim.engine.state.state import State


@inner
def set_event(s: State, r: int, event_s: float) -> None:
    """Set the time of the replica's next event."""
    s.event_s[r] = event_s
    tournament.update(s.event_tree, s.event_s, r)


@inner
def for_head(s: State, r: int, now: float) -> None:
    """Tell a replica that the head of its waiting list has changed.

    An idle replica begins when the head is ready. A leap is cut at the first step boundary at which
    the head is ready, if it could be admitted then.
    """
    replica = s.replicas[r]
    if replica.mode == IDLE:
        begins_s = float("inf")
        if replica.head != NONE:
            begins_s = max(s.slots[replica.head].ready_s, now)
        set_event(s, r, begins_s)
    elif replica.mode == LEAP and replica.head != NONE:
        pool = s.pools[replica.pool]
        steps = steps_until_ready(s, r, replica, pool, replica.start_s, now, replica.leap)
        _cut(s, r, replica, steps, now)


@inner
def for_stop(s: State, r: int, now: float) -> None:
    """Tell a replica that a running sequence is to be dropped at the next step boundary."""
    replica = s.replicas[r]
    replica.stopping += 1
    if replica.mode == LEAP:
        since_s = now - replica.start_s
        steps = leap.steps_until(since_s, replica.step_s, replica.growth_s, replica.leap)
        _cut(s, r, replica, steps, now)


@inner
def _cut(s: State, r: int, replica: Row, steps: int, now: float) -> None:
    """End the leap under way after ``steps`` steps, if that is earlier.

    If that is now, and the replica has had its turn at this instant, then a step later.
    """
    if steps >= replica.leap:
        return
    ends_s = replica.start_s + leap.duration_s(steps, replica.step_s, replica.growth_s)
    clock = s.clock[0]
    if ends_s <= now and clock.instant_s == now and clock.turn >= r:
        steps += 1
        if steps == replica.leap:
            return
        ends_s = replica.start_s + leap.duration_s(steps, replica.step_s, replica.growth_s)
    replica.leap = steps
    set_event(s, r, ends_s)


@inner
def steps_until_ready(
    s: State, r: int, replica: Row, pool: Row, start_s: float, now: float, most: int
) -> int:
    """Steps from ``start_s`` to the boundary where the waiting head may be admitted, or ``most``.

    The boundary is not before ``now``. A head that lacks a place in the batch, budget or blocks now
    will lack them until somebody leaves, for a leap only takes blocks.
    """
    seq = s.slots[replica.head]
    free_blocks = replica.free_blocks
    if pool.steps_in_flight > 1:  # a plan leaves what two steps of decodes take
        phase = s.block_phase[r]
        free_blocks -= leap.blocks_needed(
            phase, replica.steps, 2, replica.decoding, pool.block_mask
        )
    if (
        replica.running >= pool.max_num_seqs
        or not batch.fits(replica, pool, seq, free_blocks)
        or (pool.scheduler == CHUNKED and replica.decoding >= pool.max_num_batched_tokens)
    ):
        return most
    return leap.steps_until(max(seq.ready_s, now) - start_s, replica.step_s, replica.growth_s, most)
