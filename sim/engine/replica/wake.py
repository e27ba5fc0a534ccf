"""The event of a replica, and what moves it: a new head of the line, somebody who leaves."""

from sim.engine.replica import batch, event, leap, precedence, yielding
from sim.engine.replica.event import set_event
from sim.engine.state.backend_record import CHUNKED
from sim.engine.state.jit import inner, inner_apart
from sim.engine.state.line_record import FCFS
from sim.engine.state.number import WIDE
from sim.engine.state.record import IDLE, LAID_OUT, LEAP, NONE, Row
from sim.engine.state.state import State


@inner
def for_head(s: State, r: int, now: float) -> None:
    """Tell a replica that the head of its waiting list has changed.

    An idle replica begins when the head is ready. A leap is cut at the first step boundary at which
    the head is ready, if it could be admitted then.
    """
    replica = s.replicas[r]
    pool = s.pools[replica.pool]
    if replica.mode == IDLE:
        if pool.ranks > 1:
            _rouse(s, r, pool, now)
        else:
            set_event(s, r, _begins_s(s, replica, now))
    elif replica.mode == LEAP and replica.head != NONE:
        steps = steps_until_ready(s, r, replica, pool, replica.start_s, now, WIDE + replica.leap)
        _cut(s, r, replica, pool, steps, now)
    elif replica.mode >= LAID_OUT:
        replica.has_news = 1


@inner
def _begins_s(s: State, replica: Row, now: float) -> float:
    """When an idle replica has something to do."""
    return max(s.slots[replica.head].ready_s, now) if replica.head != NONE else float("inf")


@inner_apart
def _rouse(s: State, r: int, pool: Row, now: float) -> None:
    """The same for an idle rank, unless its replica is in the midst of a boundary."""
    first = event.first_rank(s, r, pool)
    if s.replicas[first].mode == IDLE:
        for_heads(s, first, pool, now, False)


@inner
def for_heads(s: State, first: int, pool: Row, now: float, has_looked: bool) -> None:
    """An idle replica of several ranks begins when the first head of any rank is ready.

    At once if something is planned. If it has looked at who is ready now, and has admitted nobody,
    it waits for blocks that it keeps for others, unless there has been news since.
    """
    begins_s = float("inf")
    for r in range(first, first + pool.ranks):
        if pool.steps_in_flight > 1 and s.plans[r].head != NONE:
            begins_s = now
        own_s = _begins_s(s, s.replicas[r], now)
        is_blocked = has_looked and own_s <= now and s.replicas[r].has_news == 0
        if is_blocked and s.clock[0].has_transfers:
            own_s = precedence.next_ready_s(s, s.replicas[r])
        begins_s = min(begins_s, own_s)
    event.set_events(s, first, pool, begins_s)


@inner
def for_stop(s: State, r: int, now: float) -> None:
    """Tell a replica that a running sequence is to be dropped at the next step boundary."""
    replica = s.replicas[r]
    replica.stopping += 1
    if replica.mode == LEAP:
        since_s = now - replica.start_s
        most = WIDE + replica.leap
        steps = leap.steps_until(since_s, replica.step_s, replica.growth_s, most)
        _cut(s, r, replica, s.pools[replica.pool], steps, now)


@inner
def _cut(s: State, r: int, replica: Row, pool: Row, steps: int, now: float) -> None:
    """End the leap under way, of all ranks, after ``steps`` steps, if that is earlier.

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
    if pool.ranks > 1:
        _cut_all(s, r, pool, steps, ends_s)
    else:
        set_event(s, r, ends_s)


@inner_apart
def _cut_all(s: State, r: int, pool: Row, steps: int, ends_s: float) -> None:
    first = event.first_rank(s, r, pool)
    for rank in range(first, first + pool.ranks):
        s.replicas[rank].leap = steps
    event.set_events(s, first, pool, ends_s)


@inner_apart
def _until_way_is_given(
    s: State, r: int, replica: Row, pool: Row, start_s: float, now: float, most: int
) -> int:
    """The same for a head that lacks a place or blocks: somebody may leave for it.

    Or another one is the head, who needs less.
    """
    if pool.order == FCFS:
        leaves_s = yielding.leaves_s(s, r, replica, s.slots[replica.head], now)
    else:
        leaves_s = precedence.changes_s(s, r, replica, pool, now)
    return leap.steps_until(leaves_s - start_s, replica.step_s, replica.growth_s, most)


@inner_apart
def _without_budget(
    s: State,
    r: int,
    replica: Row,
    pool: Row,
    free_blocks: int,
    start_s: float,
    now: float,
    most: int,
) -> int:
    """The same where decodes take all of the budget: who leaves for a head gives back some."""
    lacks = replica.running >= pool.places or not batch.fits(
        s, r, replica, pool, WIDE + replica.head, free_blocks
    )
    if lacks:
        return _until_way_is_given(s, r, replica, pool, start_s, now, most)
    ready_s = max(precedence.next_ready_s(s, replica), now)
    return leap.steps_until(ready_s - start_s, replica.step_s, replica.growth_s, most)


@inner
def steps_until_ready(
    s: State, r: int, replica: Row, pool: Row, start_s: float, now: float, most: int
) -> int:
    """Steps from ``start_s`` to the boundary where the waiting head may be admitted, or ``most``.

    The boundary is not before ``now``. A head that lacks a place in the batch, budget or blocks now
    will lack them until somebody leaves, for a leap only takes blocks; or gives way.
    """
    seq = s.slots[replica.head]
    free_blocks = WIDE + replica.free_blocks
    if pool.steps_in_flight > 1:  # a plan leaves what two steps of decodes take
        phase = s.block_phase[r]
        free_blocks -= leap.blocks_needed(
            phase, replica.steps, 2 * pool.advance, replica.decoding, pool.block_shift
        )
    if pool.scheduler == CHUNKED and replica.decoding * pool.width >= pool.max_num_batched_tokens:
        if s.clock[0].has_standing:
            most = _without_budget(s, r, replica, pool, free_blocks, start_s, now, most)
        if pool.width == 1 or pool.steps_in_flight == 1:
            return most
        # A plan has the budget of the step after, in which those that end with the next are not.
        ready_s = max(seq.ready_s, now) - start_s
        return max(leap.steps_until(ready_s, replica.step_s, replica.growth_s, most), most - 1)
    if replica.running >= pool.places or not batch.fits(
        s, r, replica, pool, WIDE + replica.head, free_blocks
    ):
        if not s.clock[0].has_standing:
            return most
        return _until_way_is_given(s, r, replica, pool, start_s, now, most)
    return leap.steps_until(max(seq.ready_s, now) - start_s, replica.step_s, replica.growth_s, most)
