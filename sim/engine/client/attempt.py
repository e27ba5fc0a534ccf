"""An attempt that nobody waits for any more, wherever it is."""

from sim.engine.gateway import gateway, lease, managed
from sim.engine.replica import fetching, standing, waiting, wake
from sim.engine.request import outcome, usage
from sim.engine.state.jit import inner_apart
from sim.engine.state.number import ONE_LESS, WIDE, ZERO
from sim.engine.state.record import (
    BACKING_OFF,
    FETCHING,
    HELD,
    NONE,
    ORPHAN,
    REMOTE,
    RUNNING,
    STOPPING,
    STREAMED,
    TRAVELLING,
    WAITING,
)
from sim.engine.state.state import State


@inner_apart
def is_removable(s: State, slot: int) -> bool:
    """Whether an attempt that is dropped leaves its place at once."""
    seq = s.slots[slot]
    stops = s.workloads[seq.workload].server_stops
    at_once = seq.place in (BACKING_OFF, HELD, REMOTE, STREAMED, TRAVELLING)
    return at_once or (seq.place in (WAITING, FETCHING) and stops)


@inner_apart
def remove(s: State, slot: int, now: float) -> None:
    """Take a removable attempt from its place; its slot remains."""
    seq = s.slots[slot]
    if seq.place in (HELD, WAITING, FETCHING):
        tokens = WIDE + seq.prefilled - seq.cached
        if tokens > 0:  # it was preempted, or its prompt has been computed elsewhere
            usage.wasted(s, slot, tokens, ZERO)
        take_off(s, slot, now)
        if s.clock[0].has_transfers:
            lease.end(s, slot, now)
    elif seq.place == STREAMED:
        r = WIDE + seq.replica
        usage.wasted(s, slot, seq.prompt + seq.output - seq.cached, WIDE + seq.output)
        gateway.leave_replica(s, r, seq.workload, now)
    elif s.clock[0].has_detours and seq.place == REMOTE:
        managed.leave(s, slot, now)
    seq.place = BACKING_OFF


@inner_apart
def take_off(s: State, slot: int, now: float) -> None:
    """Take an attempt that is in no batch from its line, or from where its tokens come to."""
    seq = s.slots[slot]
    if seq.place == HELD:
        gateway.withdraw(s, slot, now)
        return
    r = WIDE + seq.replica
    replica = s.replicas[r]
    head, frees = replica.head + 0, False
    if s.clock[0].has_transfers and (seq.place == FETCHING or fetching.has_fetched(s, slot)):
        fetching.drop(s, r, slot, now)
        frees = True
    elif s.clock[0].has_standing:
        standing.leave_line(s, r, replica, slot)
    else:
        waiting.take_out(s, replica, slot)
    frees = frees or replica.head != head
    seq.place = BACKING_OFF
    waiting.count_waiting(s, s.pools[replica.pool], ONE_LESS, now)
    gateway.leave_replica(s, r, WIDE + seq.workload, now)
    if frees:
        wake.for_head(s, r, now)


@inner_apart
def leave(s: State, slot: int, now: float) -> None:
    """Nobody waits for an attempt on a replica: it is dropped at the next boundary, or goes on."""
    seq = s.slots[slot]
    seq.number = seq.serial = NONE
    if s.workloads[seq.workload].server_stops and seq.place == RUNNING:
        seq.interest = STOPPING
        wake.for_stop(s, WIDE + seq.replica, now)
    else:
        seq.interest = ORPHAN


@inner_apart
def drop(s: State, slot: int, now: float) -> None:
    """End an attempt whose request is elsewhere."""
    if is_removable(s, slot):
        remove(s, slot, now)
        outcome.give_back(s, slot)
    else:
        leave(s, slot, now)
