"""What becomes of a request, written down: counters, histograms, and the log if there is one.

Only requests that arrive at time 0 or later count; those of the warm-up keep the fleet busy and
leave no trace.
"""

from sim.engine.request import loop, task
from sim.engine.state import histogram
from sim.engine.state.jit import inner
from sim.engine.state.record import E2E, FREE, NONE, TPOT, TTFT, WAIT, WANTED
from sim.engine.state.state import State
from sim.engine.state.status import COMPLETED, GAVE_UP, REJECTED, TIMED_OUT


@inner
def settle(s: State, slot: int, status: int, now: float) -> None:
    """The final status of a request; its slot is given back."""
    seq = s.slots[slot]
    counts = s.workloads[seq.workload]
    if status == COMPLETED and seq.attempts > 0:
        counts.tokens = min(counts.tokens + counts.per_success, counts.capacity)
    if seq.arrival_s >= 0.0:
        if status == COMPLETED:
            _count_completed(s, slot, now)
        elif status == TIMED_OUT:
            counts.timed_out += 1
        elif status == REJECTED:
            counts.rejected += 1
        elif status == GAVE_UP:
            counts.gave_up += 1
        else:
            counts.failed += 1
    if s.clock[0].recording:
        _log(s, slot, status, now)
    if s.clock[0].has_tasks:
        task.end_call(s, slot, status, now)
    if s.clock[0].has_users:
        loop.end(s, slot, status, now)
    s.clock[0].under_way -= 1
    if s.clock[0].under_way == 0:
        s.clock[0].empty_s = now
    give_back(s, slot)


@inner
def give_back(s: State, slot: int) -> None:
    """Return a slot to the free list."""
    clock = s.clock[0]
    seq = s.slots[slot]
    seq.place, seq.interest = FREE, WANTED
    seq.number = seq.serial = NONE
    seq.next = clock.free_slot
    clock.free_slot = slot


@inner
def _count_completed(s: State, slot: int, now: float) -> None:
    seq = s.slots[slot]
    w = seq.workload
    counts = s.workloads[w]
    ttft_s = seq.first_token_s - seq.arrival_s
    e2e_s = now - seq.arrival_s
    wait_s = 0.0
    if seq.attempts > 0:
        wait_s = seq.admitted_s - task.asked_s(s, slot)
        counts.prompt_tokens += seq.prompt
        counts.output_tokens += seq.output
        counts.cached_tokens += seq.cached
        if s.clock[0].has_prefix_caches:
            counts.found_later_tokens += s.extras[slot].found_later
    tpot_s = 0.0
    if seq.output > 1:
        tpot_s = (now - seq.first_token_s) / (seq.output - 1)
        counts.multi_token += 1
        counts.tpot_s += tpot_s
        histogram.count(s, w, TPOT, tpot_s)
    histogram.count(s, w, TTFT, ttft_s)
    histogram.count(s, w, E2E, e2e_s)
    histogram.count(s, w, WAIT, wait_s)
    counts.completed += 1
    counts.degraded += seq.degraded
    counts.ttft_s += ttft_s
    counts.e2e_s += e2e_s
    counts.queue_wait_s += wait_s
    counts.preemptions += seq.preemptions
    if ttft_s <= counts.slo_ttft_s and tpot_s <= counts.slo_tpot_s and e2e_s <= counts.slo_e2e_s:
        counts.slo_met += 1


@inner
def _log(s: State, slot: int, status: int, now: float) -> None:
    """How a request has ended, and where its latest attempt has got to."""
    seq = s.slots[slot]
    row = s.log[seq.number]
    row.status = status
    row.finish_s = now
    row.attempts = seq.attempts
    row.backend, row.degraded = seq.backend, seq.degraded
    row.replica = seq.replica
    row.dispatched_s, row.ready_s = seq.dispatched_s, seq.ready_s
    if s.clock[0].has_transfers and s.transfers[slot].home != NONE:  # first, where it was computed
        sent = s.transfers[slot]
        row.dispatched_s, row.ready_s = sent.dispatched_s, sent.ready_s
    row.admitted_s = seq.admitted_s
    row.first_token_s = seq.first_token_s
    row.output_tokens = seq.output
    row.preemptions = seq.preemptions
    row.cached_tokens = seq.cached
    if s.clock[0].has_prefix_caches:
        row.cached_tokens -= s.extras[slot].found_later
