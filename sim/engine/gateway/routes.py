"""Which backend an attempt goes to: the first of its legs that fits and is not too busy."""

import math

import numpy as np

from sim.engine.state.hashing import uniform
from sim.engine.state.jit import inner, inner_apart
from sim.engine.state.number import whole
from sim.engine.state.record import NONE, Row
from sim.engine.state.state import State
from sim.engine.state.status import FAILED, REJECTED

_LEG_STREAM, _LEG_DRAW = np.uint64(0x1E65), whole(11)
_DEVICE_STREAM, _DEVICE_DRAW = np.uint64(0xCAFE), whole(12)


@inner
def begin(s: State, slot: int) -> None:
    """A request takes a leg, which is the same whenever it begins anew."""
    seq = s.slots[slot]
    counts = s.workloads[seq.workload]
    seq.leg = _chosen(s, slot) if counts.routes > 1 else 0
    seq.backend = s.legs[counts.first_leg + seq.leg].backend


@inner_apart
def _chosen(s: State, slot: int) -> int:
    """By chance among the legs for such prompts, in proportion to their shares."""
    seq = s.slots[slot]
    counts = s.workloads[seq.workload]
    total = 0.0
    for leg in range(counts.routes):
        row = s.legs[counts.first_leg + leg]
        if row.least_prompt <= seq.prompt <= row.most_prompt:
            total += row.share
    left = total * uniform(s.clock[0].routing_key ^ _LEG_STREAM, seq.number, _LEG_DRAW)
    for leg in range(counts.routes):
        row = s.legs[counts.first_leg + leg]
        if row.least_prompt <= seq.prompt <= row.most_prompt:
            left -= row.share
            if left < 0.0:
                return leg
    return int(counts.routes) - 1


@inner_apart
def place(s: State, slot: int) -> bool:
    """Find the backend of an attempt, from its leg on; False if it fits none.

    If all that it fits are too busy, it goes to the first of them.
    """
    seq = s.slots[slot]
    counts = s.workloads[seq.workload]
    leg, first = int(seq.leg), int(NONE)
    while leg != NONE:
        row = s.legs[counts.first_leg + leg]
        if _fits(s, seq, row.backend):
            if s.providers[row.backend].is_managed or (
                s.pools[row.backend].waiting < counts.overflow_queue
            ):
                break
            if first == NONE:
                first = leg
        leg = row.next
    if leg == NONE:
        leg = first
    if leg == NONE:
        seq.backend = s.legs[counts.first_leg + seq.leg].backend
        return False
    seq.leg = leg
    seq.backend = s.legs[counts.first_leg + leg].backend
    _shorten(s, seq, counts)
    return True


@inner
def _fits(s: State, seq: Row, b: int) -> bool:
    if seq.prompt >= s.pools[b].max_model_len:
        return False
    share = s.providers[b].capable_share
    if share >= 1.0:
        return True
    return uniform(s.clock[0].routing_key ^ _DEVICE_STREAM, seq.number, _DEVICE_DRAW) < share


@inner
def _shorten(s: State, seq: Row, counts: Row) -> None:
    """Answers are shorter while a queue is long, and end at the model's limit."""
    pool = s.pools[seq.backend]
    is_long = pool.waiting >= counts.degrade_queue and not s.providers[seq.backend].is_managed
    if is_long and not seq.degraded:
        seq.output = max(1, math.floor(seq.output * counts.degraded_output))
        seq.degraded = 1
    seq.output = min(seq.output, pool.max_model_len - seq.prompt)


@inner_apart
def goes_on(s: State, slot: int, cause: int) -> bool:
    """Whether an attempt that has come to nothing goes on to another backend; takes that leg."""
    seq = s.slots[slot]
    counts = s.workloads[seq.workload]
    following = s.legs[counts.first_leg + seq.leg].next
    if cause == REJECTED:
        wanted = counts.falls_after_rejection
    elif cause == FAILED:
        wanted = counts.falls_after_failure
    else:
        wanted = counts.falls_after_timeout
    if following == NONE or not wanted:
        return False
    seq.leg = following
    return True
