"""Deadlines of many workloads come one after the other, whatever their rings hold."""

from typing import Any

import numba
import numpy as np
import pytest
from fleets import pool

from sim.engine.plane.growth import with_deadlines
from sim.engine.plane.plane import DataPlane
from sim.engine.request import timers
from sim.engine.state.inlined import EntryCompiler
from sim.engine.state.thin import numbered, thin
from sim.model.client import Client, Hedge
from sim.model.workload import Slo

ATTEMPTS = 800


@numba.njit(pipeline_class=EntryCompiler)  # which links what the kernel's functions call
def _send(numbers: Any, slot: int, w: int, now: float) -> None:
    """Send an attempt, whose serial is the number of its slot."""
    s = thin(numbers)
    seq = s.slots[slot]
    seq.workload, seq.serial = w, slot
    timers.set_deadlines(s, slot, now)
    timers.set_deadline(s, timers.HEDGE, now + s.workloads[w].hedge_s, slot)


@numba.njit(pipeline_class=EntryCompiler)
def _meet(numbers: Any, until_s: float, met: Any) -> int:
    """Take off all deadlines up to a time; how many they are."""
    s, count = thin(numbers), 0
    while s.clock[0].deadline_s <= until_s:
        ring = timers.next_ring(s)
        deadline = s.deadlines[ring, s.rings[ring].first]
        met[count, 0], met[count, 1], met[count, 2] = deadline.time_s, deadline.serial, ring
        timers.pop_deadline(s)
        count += 1
    return count


@pytest.mark.parametrize("workloads", [1, 2, 7, 50])
def test_the_earliest_of_all_rings_is_met_first_and_of_one_instant_that_sent_first(
    workloads: int,
) -> None:
    rng = np.random.default_rng(workloads)
    # Whole seconds, few of them: most deadlines share their instant with others.
    waits_s = rng.integers(1, 6, (workloads, 3)).astype(float)
    clients = [Client(first, last, hedge=Hedge(hedge)) for first, last, hedge in waits_s]
    plane = DataPlane([pool()], [0] * workloads, [Slo()] * workloads, clients=clients)
    state = plane._state
    numbers, met, expected, now = numbered(state), np.zeros((5000, 3)), [], 0.0
    found: list[tuple[float, ...]] = []
    unmeant = set(rng.choice(ATTEMPTS, ATTEMPTS // 4, replace=False).tolist())
    for attempt in range(ATTEMPTS):
        now += float(rng.integers(0, 2))
        found += map(tuple, met[: _meet(numbers, now - 0.5, met)].tolist())
        w = int(rng.integers(workloads))
        if state.clock[0].fullest >= state.deadlines.shape[1]:
            state = with_deadlines(state, 2 * state.deadlines.shape[1])
            numbers = numbered(state)
        _send(numbers, attempt, w, now)
        if attempt in unmeant:
            state.slots[attempt].serial = -1
        else:
            expected += [(now + waits_s[w, k], attempt, 3 * w + k) for k in range(3)]
    found += map(tuple, met[: _meet(numbers, 1e9, met)].tolist())
    assert [each for each in found if each[1] not in unmeant] == sorted(expected)
    assert state.clock[0].rings == 0
    assert state.clock[0].deadline_s == np.inf
