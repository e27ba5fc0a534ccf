"""Where a request stands in the line of a replica, where that is not simply its end."""

from sim.engine.replica import adapters, fetching, precedence, waiting, yielding
from sim.engine.state.jit import inner_apart
from sim.engine.state.line_record import FCFS
from sim.engine.state.record import Row
from sim.engine.state.state import State


@inner_apart
def line_up(s: State, r: int, replica: Row, slot: int, now: float) -> bool:
    """A request comes to a replica; whether that is to be told so."""
    clock, pool = s.clock[0], s.pools[replica.pool]
    if clock.has_adapters:
        adapters.come(s, r, slot)
    if pool.order != FCFS:  # then it has no adapters
        return precedence.line_up(s, r, replica, pool, slot, now)
    if clock.has_batches and yielding.goes_first(s, s.slots[slot]):
        if clock.has_adapters:
            adapters.join_line(s, r)
        yielding.line_up(s, replica, slot, now)
    else:
        waiting.append(s, replica, slot)
    if clock.has_adapters:
        adapters.settle(s, r)
    return replica.head == slot


@inner_apart
def line_up_again(s: State, r: int, replica: Row, slot: int, now: float) -> None:
    """A preempted request comes back: to the head of the line, unless it gives way."""
    clock = s.clock[0]
    if s.pools[replica.pool].order != FCFS:
        precedence.put(s, replica, slot)
        return
    if clock.has_adapters:
        adapters.come(s, r, slot)
        adapters.join_line(s, r)
    if clock.has_batches and yielding.gives_way(s, s.slots[slot], now):
        yielding.line_up(s, replica, slot, now)
    else:
        waiting.put_after(s, replica, fetching.last_fetched(s, replica), slot)
    if clock.has_adapters:
        adapters.settle(s, r)


@inner_apart
def leave_line(s: State, r: int, replica: Row, slot: int) -> None:
    """A request leaves the line, wherever it stands in it."""
    clock, pool = s.clock[0], s.pools[replica.pool]
    if pool.order != FCFS:
        precedence.leave(s, r, replica, pool, slot, False)
    elif clock.has_adapters:
        adapters.join_line(s, r)
        adapters.leave_line(s, r, slot)
    waiting.take_out(s, replica, slot)
    if clock.has_adapters:
        adapters.settle(s, r)
