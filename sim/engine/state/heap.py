"""Decoding sequences of a replica, in a binary heap by the step number at which they end.

The step at which a sequence ends never changes while it runs, so the heap is touched only when one
joins or leaves. Of step numbers the last 32 bits are kept: an answer is shorter than 2^31 tokens,
so that their difference, in 32 bits, tells how far one lies behind another.
"""

from typing import Any

import numpy as np

from sim.engine.state.jit import inner
from sim.engine.state.number import WIDE
from sim.engine.state.record import Records, Row


@inner
def steps_left(entry: Row, step: int) -> int:
    """Steps from the given number to the one at which a sequence ends."""
    left: Any = np.int32(entry.step - step)
    return WIDE + left


@inner
def push(heap: Records, count: int, ends_at: int, new_slot: int) -> None:
    """Add a sequence to a heap of ``count``."""
    at = count
    while at > 0:
        above = (at - 1) >> 1
        if steps_left(heap[above], ends_at) <= 0:
            break
        _copy(heap[at], heap[above])
        at = above
    heap[at].step, heap[at].slot = ends_at, new_slot


@inner
def remove(heap: Records, count: int, at: int) -> None:
    """Take out the element at position ``at`` of a heap of ``count``; 0 is the first to end."""
    last = count - 1
    ends_at, moved = WIDE + heap[last].step, heap[last].slot
    while at > 0 and steps_left(heap[(at - 1) >> 1], ends_at) > 0:  # only from the middle
        above = (at - 1) >> 1
        _copy(heap[at], heap[above])
        at = above
    while True:
        below = 2 * at + 1
        if below >= last:
            break
        if below + 1 < last and steps_left(heap[below + 1], heap[below].step) < 0:
            below += 1
        if steps_left(heap[below], ends_at) >= 0:
            break
        _copy(heap[at], heap[below])
        at = below
    heap[at].step, heap[at].slot = ends_at, moved


@inner
def _copy(to: Row, source: Row) -> None:
    to.step, to.slot = source.step, source.slot
