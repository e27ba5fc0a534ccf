"""Decoding sequences of a replica, in a binary heap by the step number at which they end.

The step at which a sequence ends never changes while it runs, so the heap is touched only when one
joins or leaves.
"""

from sim.engine.state.jit import compiled
from sim.engine.state.record import IntArray, SlotArray


@compiled
def push(step: IntArray, slot: SlotArray, count: int, ends_at: int, new_slot: int) -> None:
    """Add a sequence to a heap of ``count``."""
    at = count
    while at > 0:
        above = (at - 1) >> 1
        if step[above] <= ends_at:
            break
        step[at], slot[at] = step[above], slot[above]
        at = above
    step[at], slot[at] = ends_at, new_slot


@compiled
def remove(step: IntArray, slot: SlotArray, count: int, at: int) -> None:
    """Take out the element at position ``at`` of a heap of ``count``; 0 is the first to end."""
    last = count - 1
    ends_at, moved = step[last], slot[last]
    while at > 0 and step[(at - 1) >> 1] > ends_at:  # only when taken from the middle
        above = (at - 1) >> 1
        step[at], slot[at] = step[above], slot[above]
        at = above
    while True:
        below = 2 * at + 1
        if below >= last:
            break
        if below + 1 < last and step[below + 1] < step[below]:
            below += 1
        if step[below] >= ends_at:
            break
        step[at], slot[at] = step[below], slot[below]
        at = below
    step[at], slot[at] = ends_at, moved
