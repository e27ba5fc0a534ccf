"""Which adapter (LoRA) a request needs: drawn for its session, else for its task."""

import numpy as np

from sim.engine.state.hashing import mixed_once, uniform
from sim.engine.state.jit import inner_apart
from sim.engine.state.number import WIDE
from sim.engine.state.record import NONE
from sim.engine.state.state import State

_STREAM = np.uint64(0x3C79AC49)  # keeps the draws of adapters apart
_POSITIVE = np.uint64(0x7FFF_FFFF_FFFF_FFFF)


@inner_apart
def of(s: State, slot: int) -> int:
    """The adapter that a request needs, or NONE: that of its session, else of its task."""
    w = WIDE + s.slots[slot].workload
    mine, extra = s.adapter_sets[w], s.extras[slot]
    if mine.count == 0:
        return WIDE + NONE
    who = extra.session if extra.session >= 0 else extra.task_number
    draw = uniform(s.clock[0].routing_key ^ _STREAM, who, w)
    low, high = WIDE, mine.count - 1
    while low < high:  # the first whose share, with all before it, is above the draw
        middle = (low + high) // 2
        if s.adapter_shares[w, middle] > draw:
            high = middle
        else:
            low = middle + 1
    return mine.first + low


@inner_apart
def name_apart(s: State, slot: int) -> None:
    """The blocks of a fed prompt have names of its adapter: what they hold is no other's."""
    adapter, extra = of(s, slot), s.extras[slot]
    if adapter == NONE:
        return
    for at in range(extra.first_name, extra.first_name + extra.names):
        mixed = mixed_once(np.uint64(adapter + 1), s.names[at])
        s.names[at] = np.int64(mixed & _POSITIVE)
