"""Answers that are complete, and whether they are good enough."""

import math

import numpy as np

from sim.engine.gateway import managed
from sim.engine.request import outcome, task, timers, usage
from sim.engine.state.hashing import uniform
from sim.engine.state.jit import inner, inner_apart
from sim.engine.state.number import WIDE, whole
from sim.engine.state.record import BACKING_OFF, NONE
from sim.engine.state.state import State
from sim.engine.state.status import COMPLETED

_QUALITY_STREAM, _QUALITY_DRAW = np.uint64(0xE5CA), whole(16)


@inner
def complete(s: State, slot: int, billing: int, now: float) -> None:
    """An answer is complete: so is its request, unless another backend is to be asked."""
    usage.answered(s, slot, billing)
    _show(s, slot, now)
    if s.clock[0].has_detours and _is_poor(s, slot):
        _escalate(s, slot, billing, now)
    else:
        outcome.settle(s, slot, COMPLETED, now)


@inner
def _show(s: State, slot: int, now: float) -> None:
    """Let the control plane see how long an answer has taken."""
    seq = s.slots[slot]
    pool = s.pools[seq.backend]
    pool.answers += 1
    pool.ttft_s += seq.first_token_s - task.asked_s(s, slot)
    pool.streamed_s += now - seq.first_token_s
    if s.clock[0].has_transfers:
        _show_to_who_began(s, slot)


@inner_apart
def _show_to_who_began(s: State, slot: int) -> None:
    """The same of the pool that computed the prompt for another one."""
    home, seq = s.transfers[slot].home, s.slots[slot]
    if home != NONE:
        s.pools[home].answers += 1
        s.pools[home].ttft_s += seq.first_token_s - task.asked_s(s, slot)


@inner_apart
def complete_remotely(s: State, slot: int, now: float) -> None:
    """A managed backend has finished an answer."""
    managed.let_go(s, slot, WIDE + s.slots[slot].output, now)
    if s.clock[0].has_tasks:
        task.keep(s, slot)
    complete(s, slot, s.extras[slot].billing, now)


@inner_apart
def _is_poor(s: State, slot: int) -> bool:
    seq = s.slots[slot]
    leg = s.legs[s.workloads[seq.workload].first_leg + seq.leg]
    if leg.escalation == NONE:
        return False
    key = s.clock[0].routing_key ^ _QUALITY_STREAM
    return uniform(key, seq.serial, _QUALITY_DRAW) < leg.escalation_share


@inner_apart
def _escalate(s: State, slot: int, billing: int, now: float) -> None:
    """The user sees nothing of an answer that is made again."""
    seq = s.slots[slot]
    if seq.arrival_s >= 0.0:
        s.usage[seq.workload, seq.backend, billing].escalated += 1
    seq.leg = s.legs[s.workloads[seq.workload].first_leg + seq.leg].escalation
    seq.place = BACKING_OFF
    seq.first_token_s = math.nan
    timers.schedule_escalation(s, now, slot)
