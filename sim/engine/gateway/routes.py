"""Which backend an attempt goes to: the first of its legs that fits and is not too busy."""

import math

import numpy as np

from sim.engine.gateway import budget, cooldown, variants
from sim.engine.request import timers, usage
from sim.engine.state.backend_record import MANAGED
from sim.engine.state.hashing import uniform
from sim.engine.state.jit import inner, inner_apart
from sim.engine.state.number import whole
from sim.engine.state.record import NONE, TRAVELLING, Row
from sim.engine.state.state import State
from sim.engine.state.status import FAILED, REJECTED

# How an attempt comes to its backend: it fits none, at once, or after a round trip.
NOWHERE, HERE, FAR = map(whole, (0, 1, 2))

_LEG_STREAM, _LEG_DRAW = np.uint64(0x1E65), whole(11)
_DEVICE_STREAM, _DEVICE_DRAW = np.uint64(0xCAFE), whole(12)


@inner
def begin(s: State, slot: int, now: float) -> None:
    """A request takes a leg: the same whenever it begins anew, while no backend is left out."""
    seq = s.slots[slot]
    counts = s.workloads[seq.workload]
    seq.leg = _chosen(s, slot, now) if s.clock[0].has_detours and counts.routes > 1 else 0
    seq.backend = s.legs[counts.first_leg + seq.leg].backend


@inner_apart
def _chosen(s: State, slot: int, now: float) -> int:
    """By chance among the legs for such prompts, in proportion to their shares.

    Backends that are left out have no share, unless all are.
    """
    seq = s.slots[slot]
    counts = s.workloads[seq.workload]
    spares = s.clock[0].has_absences == 1
    total = _shares(s, seq, counts, spares, now)
    if total == 0.0:
        spares = False
        total = _shares(s, seq, counts, spares, now)
    return _at(s, seq, spares, total, now)


@inner
def _at(s: State, seq: Row, spares: bool, total: float, now: float) -> int:
    """The leg at which a request's draw lies, the shares being so much together."""
    counts = s.workloads[seq.workload]
    left = total * uniform(s.clock[0].routing_key ^ _LEG_STREAM, seq.number, _LEG_DRAW)
    for leg in range(counts.routes):
        left -= _share(s, seq, counts.first_leg + leg, spares, now)
        if left < 0.0:
            return leg
    return int(counts.routes) - 1


@inner
def _shares(s: State, seq: Row, counts: Row, spares: bool, now: float) -> float:
    total = 0.0
    for leg in range(counts.routes):
        total += _share(s, seq, counts.first_leg + leg, spares, now)
    return total


@inner
def _share(s: State, seq: Row, leg: int, spares: bool, now: float) -> float:
    """Of a leg, for such a prompt; if it spares those that are left out, 0 for them."""
    row = s.legs[leg]
    if not row.least_prompt <= seq.prompt <= row.most_prompt:
        return 0.0
    if spares and cooldown.is_out(s, row.backend, now):
        return 0.0
    return float(row.share)


@inner_apart
def note_other_leg(s: State, slot: int, now: float) -> None:
    """A request takes another leg than it would if no budget were spent."""
    seq = s.slots[slot]
    counts = s.workloads[seq.workload]
    wanted = _at(s, seq, False, _shares(s, seq, counts, False, now), now)
    backend = s.legs[counts.first_leg + wanted].backend
    if wanted != seq.leg and budget.is_spent(s, backend, now):
        usage.diverted(s, seq, backend)


@inner_apart
def place(s: State, slot: int, now: float) -> int:
    """Find the backend of an attempt, from its leg on, and how it comes there.

    If all that it fits are too busy, it goes to the first of them that is not left out; if all are
    left out, to the first.
    """
    seq = s.slots[slot]
    counts = s.workloads[seq.workload]
    leg, busy, out = int(seq.leg), int(NONE), int(NONE)
    while leg != NONE:
        row = s.legs[counts.first_leg + leg]
        if _fits(s, seq, row.backend):
            if s.clock[0].has_absences and cooldown.is_out(s, row.backend, now):
                out = leg if out == NONE else out
            elif (
                counts.overflow_queue == math.inf
                or s.providers[row.backend].kind == MANAGED
                or variants.has_room(s, row.backend, counts.overflow_queue)
            ):
                break
            elif busy == NONE:
                busy = leg
        leg = row.next
    if leg == NONE:
        leg = busy if busy != NONE else out
    if leg == NONE:
        seq.backend = s.legs[counts.first_leg + seq.leg].backend
        return NOWHERE
    if s.clock[0].has_budgets:
        _note_diverted(s, seq, counts, leg, now)
    seq.leg = leg
    seq.backend = s.legs[counts.first_leg + leg].backend
    _shorten(s, seq, counts)
    return FAR if is_far(s, seq) else HERE


@inner
def is_far(s: State, seq: Row) -> bool:
    """Whether the leg of an attempt leads far away from its users."""
    return bool(s.legs[s.workloads[seq.workload].first_leg + seq.leg].trip_s > 0.0)


@inner_apart
def set_out(s: State, slot: int, now: float) -> None:
    """An attempt is on its way: at its backend after the whole of a round trip.

    What the answer takes on its way back is spent before, too: its client sees all that comes of it
    when it would, and the backend half a round trip later than it would, whoever it serves.
    """
    seq = s.slots[slot]
    trip_s = s.legs[s.workloads[seq.workload].first_leg + seq.leg].trip_s
    seq.place = TRAVELLING
    timers.schedule_token(s, now + trip_s, timers.COMING, slot)


@inner_apart
def _note_diverted(s: State, seq: Row, counts: Row, leg: int, now: float) -> None:
    """An attempt goes to a leg: past backends whose budgets are spent, on the way to it."""
    passed = int(seq.leg)
    while passed != leg:
        row = s.legs[counts.first_leg + passed]
        if budget.is_spent(s, row.backend, now) and _fits(s, seq, row.backend):
            usage.diverted(s, seq, row.backend)
        passed = row.next


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
    is_long = variants.waiting(s, seq.backend) >= counts.degrade_queue
    is_long = is_long and s.providers[seq.backend].kind != MANAGED
    if is_long and not seq.degraded:
        seq.output = max(1, math.floor(seq.output * counts.degraded_output))
        seq.degraded = 1
    seq.output = min(seq.output, pool.max_model_len - seq.prompt)


@inner_apart
def goes_on(s: State, slot: int, cause: int, now: float) -> bool:
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
    if s.clock[0].has_absences and _back_s(s, seq, counts, following) - cooldown.SOON_S > now:
        return False
    seq.leg = following
    return True


@inner_apart
def wait_s(s: State, slot: int, now: float) -> float:
    """Until the first of the backends from the attempt's leg on is back; all are left out."""
    seq = s.slots[slot]
    return _back_s(s, seq, s.workloads[seq.workload], int(seq.leg)) - now


@inner
def _back_s(s: State, seq: Row, counts: Row, leg: int) -> float:
    """When one of those from a leg on that an attempt fits is back, -inf if it fits none."""
    first_s = math.inf
    while leg != NONE:
        row = s.legs[counts.first_leg + leg]
        if _fits(s, seq, row.backend):
            first_s = min(first_s, cooldown.back_s(s, row.backend))
        leg = row.next
    return first_s if first_s < math.inf else -math.inf
