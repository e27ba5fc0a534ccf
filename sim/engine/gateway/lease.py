"""Leases: a replica keeps the blocks of a prompt that it has computed until another has them."""

from sim.engine.gateway import gateway
from sim.engine.replica import holding, memory, wake
from sim.engine.state.jit import inner, inner_apart
from sim.engine.state.number import WIDE
from sim.engine.state.record import NONE
from sim.engine.state.state import State


@inner_apart
def begin(s: State, r: int, slot: int) -> None:
    """A sequence goes on elsewhere, and its blocks stay."""
    row = s.transfers[slot]
    row.source = r
    s.replicas[r].leases += 1
    if s.clock[0].has_prefix_caches:
        row.held, s.extras[slot].held = s.extras[slot].held, 0


@inner_apart
def end(s: State, slot: int, now: float) -> None:
    """Its blocks are free, if any are kept for it: whoever waits for them may be admitted."""
    row = s.transfers[slot]
    r = row.source + 0
    if r == NONE:
        return
    row.source = NONE
    replica = s.replicas[r]
    here = _swapped(s, slot)
    memory.release(replica, s.pools[replica.pool], s.slots[slot])
    memory.free_amid(s, r, slot, WIDE + s.slots[slot].prompt, now)
    _swap_back(s, slot, here)
    replica.leases -= 1
    wake.for_head(s, r, now)
    gateway.go_if_drained(s, r, now)


@inner_apart
def void(s: State, slot: int) -> None:
    """The replica that keeps blocks for it is dead."""
    row = s.transfers[slot]
    r = row.source + 0
    row.source = NONE
    s.replicas[r].leases -= 1
    if s.clock[0].has_prefix_caches:
        here = _swapped(s, slot)
        holding.let_go(s, r, slot)
        _swap_back(s, slot, here)


@inner
def _swapped(s: State, slot: int) -> int:
    """Named blocks that it shares where it is, while those that it shares at its source count."""
    here = 0
    if s.clock[0].has_prefix_caches:
        here += s.extras[slot].held
        s.extras[slot].held = s.transfers[slot].held
        s.transfers[slot].held = 0
    return here


@inner
def _swap_back(s: State, slot: int, here: int) -> None:
    if s.clock[0].has_prefix_caches:
        s.extras[slot].held = here
