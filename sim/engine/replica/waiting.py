"""The waiting list of a replica: doubly linked through the slots, first come first served."""

from sim.engine.state.jit import inner
from sim.engine.state.record import NONE, WAITING, Row
from sim.engine.state.state import State


@inner
def append(s: State, replica: Row, slot: int) -> None:
    """Put a request at the tail."""
    s.slots[slot].place = WAITING
    link(s, replica, slot)


@inner
def link(s: State, line: Row, slot: int) -> None:
    """Put a slot at the end of a line: a record with ``head`` and ``tail``."""
    seq = s.slots[slot]
    seq.next, seq.previous = NONE, line.tail
    if line.head == NONE:
        line.head = slot
        seq.previous = NONE
    else:
        s.slots[line.tail].next = slot
    line.tail = slot


@inner
def put_first(s: State, replica: Row, slot: int) -> None:
    """Put a preempted request at the head."""
    seq = s.slots[slot]
    seq.place = WAITING
    seq.next, seq.previous = replica.head, NONE
    if replica.head == NONE:
        replica.tail = slot
    else:
        s.slots[replica.head].previous = slot
    replica.head = slot


@inner
def put_after(s: State, replica: Row, before: int, slot: int) -> None:
    """Put a request behind another in the line, or at its head behind NONE."""
    if before == NONE:
        put_first(s, replica, slot)
    elif before == replica.tail:
        append(s, replica, slot)
    else:
        seq = s.slots[slot]
        seq.place = WAITING
        seq.next, seq.previous = s.slots[before].next, before
        s.slots[seq.next].previous = slot
        s.slots[before].next = slot


@inner
def take_out(s: State, line: Row, slot: int) -> None:
    """Unlink a slot, wherever in its line it stands."""
    seq = s.slots[slot]
    if seq.previous == NONE:
        line.head = seq.next
    else:
        s.slots[seq.previous].next = seq.next
    if seq.next == NONE:
        line.tail = seq.previous
    else:
        s.slots[seq.next].previous = seq.previous
    seq.next = seq.previous = NONE


@inner
def count_waiting(s: State, pool: Row, change: int, now: float) -> None:
    """Waiting at the gateway or on a replica."""
    pool.waiting += change
    pool.waiting_s -= change * (now - s.clock[0].bin_start_s)
