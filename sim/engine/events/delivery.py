"""Answers that the front end of a replica has streamed to the end."""

from sim.engine.client import ending
from sim.engine.gateway import gateway
from sim.engine.replica import frontend, wake
from sim.engine.state.jit import inner
from sim.engine.state.number import ZERO
from sim.engine.state.state import State


@inner
def deliver(s: State, r: int, now: float) -> None:
    """The last token of an answer is with its client."""
    replica = s.replicas[r]
    slot = frontend.next_delivered(s, r, replica, s.pools[replica.pool])
    frontend.take_back(s, r, slot)
    wake.set_event(s, r, replica.ends_s)
    w = s.slots[slot].workload
    ending.complete(s, slot, ZERO, now)
    gateway.leave_replica(s, r, w, now)
