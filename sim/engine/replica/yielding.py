"""Batches give way: who lets others go first on a replica, and where it stands in its line.

A request of a batch that gives way does so until it is near its deadline: those of others stand
before it in the line of a replica, and it leaves the batch of the engine for them, once they have
waited for long enough (``sim.engine.replica.batch.give_way``).
"""

from sim.engine.replica import waiting
from sim.engine.state.jit import inner, inner_apart
from sim.engine.state.number import WIDE
from sim.engine.state.record import NONE, Row
from sim.engine.state.state import State
from sim.model.scheduling import STANDARD


@inner
def gives_way(s: State, seq: Row, now: float) -> bool:
    """Whether a request lets others go first."""
    counts = s.workloads[seq.workload]
    return counts.gives_way != 0 and now < seq.arrival_s + counts.gives_way_for_s


@inner
def goes_first(s: State, seq: Row) -> bool:
    """Whether others give way to it: it is of no batch."""
    return s.workloads[seq.workload].priority <= STANDARD


@inner_apart
def line_up(s: State, replica: Row, slot: int, now: float) -> None:
    """Put a request before those at the end of the line that give way, and have no blocks yet."""
    after, last = replica.tail + 0, WIDE + replica.fetched
    while after != last and gives_way(s, s.slots[after], now):
        after = s.slots[after].previous
    waiting.put_after(s, replica, after, slot)


@inner_apart
def leaves_s(s: State, r: int, replica: Row, seq: Row, now: float) -> float:
    """From when on somebody who runs gives way to a request that waits; infinite for nobody."""
    earliest_s = float("inf")
    if not goes_first(s, seq):
        return earliest_s
    for at in range(replica.decoding):
        other = s.slots[s.heap[r, at].slot]
        asked_s = max(now, seq.ready_s + s.workloads[other.workload].gives_way_after_s)
        if asked_s < earliest_s and gives_way(s, other, asked_s):
            earliest_s = asked_s
    return earliest_s


@inner_apart
def youngest(s: State, r: int, replica: Row, since_s: float, now: float) -> int:
    """Where in the heap the youngest of those that give way is, or NONE.

    To somebody who has waited since a time; of those that decode.
    """
    found = NONE
    for at in range(replica.decoding):
        seq = s.slots[s.heap[r, at].slot]
        if (
            gives_way(s, seq, now)
            and since_s + s.workloads[seq.workload].gives_way_after_s <= now
            and (found == NONE or seq.admission > s.slots[s.heap[r, found].slot].admission)
        ):
            found = at
    return found
