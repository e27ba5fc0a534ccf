"""Hedges: two attempts side by side, of which the first to have a token goes on.

Each has a slot, and knows that of the other as its twin.
"""

import math

from sim.engine.client import attempt
from sim.engine.gateway import cooldown, gateway, routes, variants
from sim.engine.request import outcome, timers, usage
from sim.engine.state.jit import inner, inner_apart
from sim.engine.state.link_record import NOT_SENT
from sim.engine.state.number import WIDE
from sim.engine.state.record import BACKING_OFF, NONE, WANTED
from sim.engine.state.state import State
from sim.engine.state.status import IN_FLIGHT


@inner
def twin_of(s: State, slot: int) -> int:
    """Slot of the attempt beside this one, or NONE."""
    return s.extras[slot].twin if s.clock[0].has_hedges else NONE


@inner_apart
def send_beside(s: State, slot: int, now: float) -> None:
    """Send a second attempt of a request, if the budget has it."""
    seq, extra = s.slots[slot], s.extras[slot]
    counts = s.workloads[seq.workload]
    if counts.tokens < counts.cost:
        return
    counts.tokens -= counts.cost
    seq.attempts += 1
    extra.hedges += 1
    if seq.arrival_s >= 0.0:
        counts.attempts += 1
        counts.hedges += 1
    twin = copied(s, slot)
    new = s.slots[twin]
    if s.clock[0].has_transfers:
        new.backend = first_backend(s, slot)
    if s.clock[0].has_detours:
        new.backend = variants.whole(s, WIDE + new.backend)
    s.pools[new.backend].attempts += 1
    usage.sent(s, new)
    new.serial = s.clock[0].serial
    s.clock[0].serial += 1
    new.dispatched_s = new.ready_s = new.admitted_s = new.first_token_s = math.nan
    new.preemptions = new.generated = new.prefilled = new.cached = 0
    new.prefill = new.prompt
    new.replica = NONE
    s.extras[twin].found_later = 0
    if s.clock[0].has_transfers:
        forget_transfer(s, twin)
    if not _is_taken_in(s, twin, now):
        outcome.give_back(s, twin)
        return
    extra.twin, s.extras[twin].twin = twin, slot
    timers.set_deadlines(s, twin, now)
    if now < new.patience_end_s < math.inf:
        timers.schedule_patience(s, twin)


@inner
def first_backend(s: State, slot: int) -> int:
    """Where the attempt in a slot was sent, whoever it was handed on to."""
    home = s.transfers[slot].home
    return WIDE + s.slots[slot].backend if home == NONE else home


@inner_apart
def go_back(s: State, slot: int) -> None:
    """An attempt is to begin anew where it was sent."""
    seq, row = s.slots[slot], s.transfers[slot]
    seq.backend = first_backend(s, slot)
    if row.home != NONE:
        seq.dispatched_s, seq.ready_s = row.dispatched_s, row.ready_s


@inner
def forget_transfer(s: State, slot: int) -> None:
    """Nothing of an attempt has been computed for another pool."""
    row = s.transfers[slot]
    row.stage, row.home, row.serial = NOT_SENT, NONE, s.slots[slot].serial
    s.loads[slot, 0] = NONE


@inner
def _is_taken_in(s: State, twin: int, now: float) -> bool:
    has_absences, seq = s.clock[0].has_absences, s.slots[twin]
    if has_absences and cooldown.is_out(s, seq.backend, now):
        cooldown.turn_away(s, seq, now)
        return False
    if s.clock[0].has_detours and routes.is_far(s, seq):
        routes.set_out(s, twin, now)
        return True
    fate = gateway.take_in(s, twin, now)
    if has_absences and fate != IN_FLIGHT:
        cooldown.note_loss(s, twin, fate, now)
    return fate == IN_FLIGHT


@inner_apart
def part(s: State, slot: int) -> int:
    """Part two twins; the slot of the other, or NONE."""
    if not s.clock[0].has_hedges:
        return WIDE + NONE
    twin = WIDE + s.extras[slot].twin
    if twin != NONE:
        one, two = s.extras[slot], s.extras[twin]
        one.twin = two.twin = NONE
        if one.first_found == NONE:
            one.first_found = two.first_found
        elif two.first_found == NONE:
            two.first_found = one.first_found
    return twin


@inner
def inherit(s: State, slot: int, heir: int) -> None:
    """The request of an attempt that is left behind is in another slot."""
    if s.clock[0].has_prefix_caches:
        s.extras[slot].heir = heir
        s.extras[slot].heir_number = s.slots[heir].number


@inner_apart
def win(s: State, slot: int, now: float) -> None:
    """An attempt has its first token: the one beside it, if any, is dropped."""
    twin = part(s, slot)
    if twin != NONE:
        attempt.drop(s, twin, now)


@inner_apart
def copied(s: State, slot: int) -> int:
    """A slot for the same request; its attempt is that of the first until it is sent anew."""
    clock = s.clock[0]
    moved = clock.free_slot
    seq, new = s.slots[slot], s.slots[moved]
    clock.free_slot = new.next
    new.arrival_s, new.ready_s, new.admitted_s = seq.arrival_s, seq.ready_s, seq.admitted_s
    new.first_token_s, new.dispatched_s = seq.first_token_s, seq.dispatched_s
    new.patience_end_s, new.number, new.serial = seq.patience_end_s, seq.number, seq.serial
    new.prompt, new.output, new.cached = seq.prompt, seq.output, seq.cached
    new.attempts, new.preemptions = seq.attempts, seq.preemptions
    new.workload, new.replica = seq.workload, seq.replica
    new.backend, new.leg, new.degraded = seq.backend, seq.leg, seq.degraded
    new.interest, new.place, new.next, new.previous = WANTED, BACKING_OFF, NONE, NONE
    if clock.has_transfers:
        row = s.transfers[slot]
        if row.home != NONE:
            new.dispatched_s, new.ready_s = row.dispatched_s, row.ready_s
        forget_transfer(s, moved)
    if clock.has_extras:
        extra, more = s.extras[slot], s.extras[moved]
        more.session, more.task_number, more.task = extra.session, extra.task_number, extra.task
        more.user, more.sent_s = extra.user, extra.sent_s
        more.naming, more.names, more.first_name = extra.naming, extra.names, extra.first_name
        more.hedges, more.detours, more.twin = extra.hedges, extra.detours, NONE
        more.first_found, more.found_later = extra.first_found, extra.found_later
        more.heir = NONE
    return moved
