"""Data-parallel attention: the ranks of a replica step together, and the slowest sets the pace.

Where the attention of a mixture of experts is data-parallel, each rank has a waiting list, a batch,
a KV cache and a cache of prompts of its own, while the experts are spread over the GPUs of all. No
rank can begin a step before the others, for all exchange tokens in every layer. A rank with nothing
to do takes part with a dummy step, as long as another one works: vLLM's `DPEngineCoreProc` with
`execute_dummy_batch` ("Data Parallel Deployment" in its documentation), SGLang's idle batches under
`--enable-dp-attention` (`prepare_mlp_sync_batch`). A dummy step of a single token or none is taken
to be no longer than anybody's real one. A step may be one of prompts on one rank and of decodes on
another, in either engine. Two things are left out: vLLM notes only every 32 steps that nobody has
work left, and goes on with dummy steps until then; and it pads batches to that of the largest rank,
which makes the slowest slower only where it is not the largest.

Each rank is a row among the replicas, those of a replica one after the other. At a boundary each
has its turn, in their order: it ends its segment, and lays out what it would do next, a step or a
leap. The last of them sets the pace, for all the same. A step takes the longest of theirs. So do
the steps of a leap; the n-th step of a rank takes s + n·g, and the longest of several such lines is
convex in n: a leap ends where another rank becomes the slowest, and the pace within it is one line,
that of a single replica. It ends as well with the shortest leap of any rank. Whatever looks at the
segment under way of a rank need not know that there are others.

With two steps in flight a rank with nothing to do has a dummy step planned as others have real
ones: who comes to it in step i runs in i + 2. Where no rank has anything under way, what is planned
runs at once: all have another turn at that instant.
"""

import math

from sim.engine.replica import event, leap, wake
from sim.engine.state.jit import inner, inner_apart
from sim.engine.state.number import ONE_LESS, ONE_MORE, WIDE
from sim.engine.state.record import IDLE, LAID_OUT, LEAP, NONE, Row
from sim.engine.state.state import State


@inner_apart
def take_turn(s: State, r: int, replica: Row, pool: Row, was_busy: bool, now: float) -> None:
    """A rank has laid out its next segment as if it were alone; the last sets the pace of all."""
    first = event.first_rank(s, r, pool)
    if r == first and was_busy:
        _count_busy(s, pool, ONE_LESS, now)
    replica.mode += LAID_OUT
    replica.has_news = 0
    event.set_event(s, r, math.inf)
    if r == first + pool.ranks - 1:
        _go_on(s, first, pool, now)


@inner
def _go_on(s: State, first: int, pool: Row, now: float) -> None:
    """All ranks have laid out their next segments: they begin one together, or are idle."""
    for r in range(first, first + pool.ranks):
        s.replicas[r].mode -= LAID_OUT
    slowest = _slowest(s, first, pool)
    if slowest == NONE:
        wake.for_heads(s, first, pool, now, True)
        return
    _count_busy(s, pool, ONE_MORE, now)
    step_s, growth_s = s.replicas[slowest].step_s, s.replicas[slowest].growth_s
    steps = _steps_at_most(s, first, pool, step_s, growth_s)
    if steps == 1:
        growth_s = 0.0
    for r in range(first, first + pool.ranks):
        replica = s.replicas[r]
        replica.step_s, replica.growth_s = step_s, growth_s
        if steps > 1 and replica.head != NONE:
            steps = wake.steps_until_ready(s, r, replica, pool, now, now, steps)
    for r in range(first, first + pool.ranks):
        replica = s.replicas[r]
        if replica.mode == IDLE:
            replica.mode = LEAP
        if replica.mode == LEAP:
            replica.leap = steps
    event.set_events(s, first, pool, now + leap.duration_s(steps, step_s, growth_s))


@inner
def _slowest(s: State, first: int, pool: Row) -> int:
    """The rank whose next step takes longest, of equals the one that slows down most; or NONE."""
    slowest = WIDE + NONE
    for r in range(first, first + pool.ranks):
        replica = s.replicas[r]
        if replica.mode == IDLE:
            continue
        if slowest != NONE:
            other = s.replicas[slowest]
            if replica.step_s < other.step_s:
                continue
            if replica.step_s == other.step_s and replica.growth_s <= other.growth_s:
                continue
        slowest = WIDE + r
    return slowest


@inner
def _steps_at_most(s: State, first: int, pool: Row, step_s: float, growth_s: float) -> int:
    """Steps until a rank has a change, or another becomes the slowest; 1 amid prompts.

    Somebody who hung up since a rank had its turn is dropped after a step.
    """
    steps = WIDE + NONE
    for r in range(first, first + pool.ranks):
        replica = s.replicas[r]
        if pool.steps_in_flight > 1 and s.plans[r].head != NONE:
            return 1  # then the plan is to run
        if replica.mode == IDLE:
            continue
        if replica.mode != LEAP or replica.stopping > 0:
            return 1
        if steps == NONE or replica.leap < steps:
            steps = WIDE + replica.leap
    for r in range(first, first + pool.ranks):
        replica = s.replicas[r]
        if replica.mode == LEAP and replica.growth_s > growth_s:
            meets_after = (step_s - replica.step_s) / (replica.growth_s - growth_s)
            if meets_after < steps - 1:  # the step of this number, counted from 0, is its last
                steps = int(meets_after) + 1
    return steps


@inner
def _count_busy(s: State, pool: Row, change: int, now: float) -> None:
    """One replica more or less is busy."""
    pool.busy += change
    pool.busy_s -= change * (now - s.clock[0].bin_start_s)


@inner_apart
def is_empty(s: State, r: int, pool: Row) -> bool:
    """Whether no rank of a replica has anything, or keeps anything for others."""
    first = event.first_rank(s, r, pool)
    for rank in range(first, first + pool.ranks):
        if s.replicas[rank].outstanding + s.replicas[rank].leases > 0:
            return False
    return True
