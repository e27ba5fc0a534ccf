"""Decoding sequences come off their heap by the step at which they end, however many steps ago."""

from typing import Any

import numba
import numpy as np
import pytest

from sim.engine.state import heap
from sim.engine.state.inlined import EntryCompiler
from sim.engine.state.record import ENTRY, records

BATCH = 300


@numba.njit(pipeline_class=EntryCompiler)  # which links what the kernel's functions call
def _play(entries: Any, ends_at: Any, middle: Any, step: int, left: Any, slots: Any) -> None:
    """Push all, take some out of the middle, then all off the top."""
    for slot in range(len(ends_at)):
        heap.push(entries, slot, ends_at[slot], slot)
    count = len(ends_at)
    for at in middle:
        heap.remove(entries, count, at)
        count -= 1
    for i in range(count):
        left[i], slots[i] = heap.steps_left(entries[0], step), entries[0].slot
        heap.remove(entries, count - i, 0)


@pytest.mark.parametrize("step", [0, 2**31 - 500, 2**31 + 7, 2**32 - 3, 5 * 2**32])
def test_whoever_ends_first_is_first_also_past_32_bits(step: int) -> None:
    rng = np.random.default_rng(step % 1000)
    asked = np.concatenate([rng.integers(1, 1000, BATCH - 1), [2**31 - 1]])
    middle = rng.integers(1, 200, 50)
    left, slots = np.zeros(BATCH - 50, np.int64), np.zeros(BATCH - 50, np.int64)
    _play(records(BATCH, ENTRY), step + asked, middle, step, left, slots)
    assert (np.diff(left) >= 0).all()
    assert (asked[slots] == left).all()
    assert len(set(slots.tolist())) == len(slots)
