"""Tasks: a request, and the calls that follow it, stage by stage.

The calls of a stage are sent side by side, each its think time after the last answer of the stage
before. A call without an answer fails its task, and no further stage begins.
"""

import math

from sim.engine.request import adapter, loop, timers
from sim.engine.state import histogram
from sim.engine.state.backend_record import SINCE, TOKENS
from sim.engine.state.jit import inner, inner_apart
from sim.engine.state.number import ONE, WIDE, ZERO
from sim.engine.state.record import (
    ALONE,
    BESIDE,
    FED_NAMES,
    NONE,
    TASK_E2E,
    UNNAMED,
    Row,
)
from sim.engine.state.state import State
from sim.engine.state.status import COMPLETED


@inner_apart
def begin(s: State, slot: int, fed: Row, patience_s: float) -> None:
    """A request begins a task in a slot; ``fed`` is what it brings along."""
    clock = s.clock[0]
    seq, extra = s.slots[slot], s.extras[slot]
    number = clock.task_number
    clock.task_number += 1
    extra.task_number, extra.session = number, fed.session
    extra.task = extra.twin = NONE
    extra.hedges = extra.detours = extra.found_later = 0
    extra.first_found = extra.heir = NONE
    extra.sent_s = seq.arrival_s
    loop.begin(s, slot, fed)
    _name_fed(s, slot, fed)
    counts = s.workloads[seq.workload]
    if seq.arrival_s >= 0.0:
        counts.tasks += 1
    if fed.calls == 0:
        return
    t = clock.free_task
    row = s.tasks[t]
    clock.free_task = row.next
    extra.task = t
    row.arrival_s, row.patience_s = seq.arrival_s, patience_s
    row.number, row.session, row.workload = number, fed.session, seq.workload
    row.first, row.calls, row.sent = fed.first_call, fed.calls, 0
    row.awaited = row.open = row.width = 1
    row.said = row.carried = row.failed = 0
    row.has_fed_names = fed.names > 0
    row.user = fed.user
    for b in range(s.kept.shape[1]):
        s.kept[t, b, TOKENS] = 0.0


@inner_apart
def call(s: State, t: int, index: int, slot: int, now: float) -> None:
    """A following call of task ``t`` in a slot, about to be sent.

    One of another workload counts from the arrival of the task: its user has waited since then.
    """
    row = s.tasks[t]
    seq, extra, following = s.slots[slot], s.extras[slot], s.calls[row.first + index]
    seq.workload, seq.arrival_s = row.workload, now
    if following.workload != NONE:
        seq.workload, seq.arrival_s = following.workload, row.arrival_s
    extra.sent_s, seq.patience_end_s = now, max(seq.arrival_s + row.patience_s, now)
    seq.prompt = max(row.carried + following.prompt, 1)
    seq.output = following.output
    extra.task, extra.task_number, extra.session = t, row.number, row.session
    extra.user = row.user
    extra.twin = NONE
    extra.hedges = extra.detours = extra.found_later = 0
    extra.first_found = extra.heir = NONE
    if row.has_fed_names:
        extra.naming, extra.names = UNNAMED, 0
    else:
        _name_after_task(s, slot, row.width, row.carried)


@inner
def asked_s(s: State, slot: int) -> float:
    """When the request in a slot was sent: with its arrival, unless other workloads came first."""
    return s.extras[slot].sent_s if s.clock[0].has_chains else s.slots[slot].arrival_s


@inner_apart
def keep(s: State, slot: int) -> None:
    """A managed backend keeps what has been said in a task once it has answered.

    It does so from the moment at which it took the attempt in.
    """
    seq, t = s.slots[slot], s.extras[slot].task
    if t == NONE:
        return
    row, kept = s.tasks[t], s.kept[t, seq.backend]
    kept[SINCE] = max(kept[SINCE], seq.dispatched_s) if kept[TOKENS] > 0.0 else seq.dispatched_s
    kept[TOKENS] = max(kept[TOKENS], row.said + seq.prompt - row.carried + seq.output)


@inner_apart
def end_call(s: State, slot: int, status: int, now: float) -> None:
    """What the end of a request means for its task."""
    seq, t = s.slots[slot], s.extras[slot].task
    if t == NONE:
        _count(s, WIDE + seq.workload, seq.arrival_s, status, now)
        return
    row = s.tasks[t]
    row.open -= 1
    if status == COMPLETED:
        row.awaited -= 1
        row.said += seq.prompt - row.carried + seq.output
        if row.awaited == 0 and not row.failed:
            if row.sent < row.calls:
                _next_stage(s, t, now)
            else:
                _count(s, row.workload, row.arrival_s, status, now)
    elif not row.failed:
        row.failed = 1
        _count(s, row.workload, row.arrival_s, status, now)
    if row.open == 0:
        clock = s.clock[0]
        row.number = NONE
        row.next = clock.free_task
        clock.free_task = t


@inner_apart
def _next_stage(s: State, t: int, now: float) -> None:
    row = s.tasks[t]
    row.carried = math.floor(s.workloads[row.workload].carry * row.said)
    first = row.sent
    stage = s.calls[row.first + first].stage
    while row.sent < row.calls and s.calls[row.first + row.sent].stage == stage:
        think_s = s.calls[row.first + row.sent].think_s
        timers.schedule_call(s, now + think_s, t, row.sent)
        row.sent += 1
    row.width = row.sent - first
    row.awaited = row.width
    row.open += row.width
    if row.user != NONE:
        s.users[row.user].open += row.width
    s.clock[0].under_way += row.width


@inner_apart
def _count(s: State, w: int, arrival_s: float, status: int, now: float) -> None:
    """Book a task that has ended, unless it began in the warm-up."""
    if arrival_s < 0.0:
        return
    counts = s.workloads[w]
    if status == COMPLETED:
        counts.tasks_completed += 1
        counts.task_s += now - arrival_s
        histogram.count(s, w, TASK_E2E, now - arrival_s)
    else:
        counts.tasks_failed += 1


@inner_apart
def _name_fed(s: State, slot: int, fed: Row) -> None:
    """How the blocks of a fed request's prompt are named."""
    extra, seq = s.extras[slot], s.slots[slot]
    extra.naming, extra.names = UNNAMED, 0
    block_tokens = s.workloads[seq.workload].prefix_block_tokens
    if fed.names > 0 and block_tokens > 0:
        extra.naming, extra.first_name = FED_NAMES, fed.first_name
        extra.names = min(fed.names, seq.prompt // block_tokens)
        if s.clock[0].has_adapters:
            adapter.name_apart(s, slot)
    elif fed.calls > 0 and fed.names == 0:
        _name_after_task(s, slot, ONE, ZERO)


@inner_apart
def _name_after_task(s: State, slot: int, width: int, carried: int) -> None:
    extra, seq = s.extras[slot], s.slots[slot]
    counts = s.workloads[seq.workload]
    block_tokens = counts.prefix_block_tokens
    extra.naming, extra.names = UNNAMED, 0
    if block_tokens > 0 and counts.carry == 1.0:
        alone = width == 1
        extra.naming = ALONE if alone else BESIDE
        extra.names = (seq.prompt if alone else carried) // block_tokens
