"""What becomes of a request, written down: counters, histograms, and the log if there is one.

Only requests that arrive at time 0 or later count; those of the warm-up keep the fleet busy and
leave no trace.
"""

from sim.engine.histogram import bucket
from sim.engine.jit import compiled
from sim.engine.state import E2E, NONE, TPOT, TTFT, WAIT, Row, State
from sim.engine.status import COMPLETED, FAILED, REJECTED


@compiled
def reject(s: State, workload: int, number: int, arrival_s: float) -> None:
    """A request that no replica takes."""
    if s.clock[0].recording:
        s.log[number].status = REJECTED
    if arrival_s >= 0.0:
        s.workloads[workload].rejected += 1


@compiled
def complete(s: State, slot: int, now: float) -> None:
    """The last token of a request: latencies counted, slot given back."""
    seq = s.slots[slot]
    if seq.arrival_s >= 0.0:
        _count_completed(s, seq, now)
    if s.clock[0].recording:
        _log(s, seq, COMPLETED, now)
    give_back(s, slot)


@compiled
def fail(s: State, slot: int, now: float) -> None:
    """A request lost with its replica."""
    seq = s.slots[slot]
    if seq.arrival_s >= 0.0:
        s.workloads[seq.workload].failed += 1
    if s.clock[0].recording:
        _log(s, seq, FAILED, now)
    give_back(s, slot)


@compiled
def give_back(s: State, slot: int) -> None:
    """Return a slot to the free list."""
    clock = s.clock[0]
    s.slots[slot].next = clock.free_slot
    s.slots[slot].number = NONE
    clock.free_slot = slot


@compiled
def _count_completed(s: State, seq: Row, now: float) -> None:
    w = seq.workload
    counts = s.workloads[w]
    ttft_s = seq.first_token_s - seq.arrival_s
    e2e_s = now - seq.arrival_s
    wait_s = seq.admitted_s - seq.arrival_s
    tpot_s = 0.0
    if seq.output > 1:
        tpot_s = (now - seq.first_token_s) / (seq.output - 1)
        counts.multi_token += 1
        counts.tpot_s += tpot_s
        s.histograms[w, TPOT, bucket(tpot_s)] += 1
    s.histograms[w, TTFT, bucket(ttft_s)] += 1
    s.histograms[w, E2E, bucket(e2e_s)] += 1
    s.histograms[w, WAIT, bucket(wait_s)] += 1
    counts.completed += 1
    counts.ttft_s += ttft_s
    counts.e2e_s += e2e_s
    counts.queue_wait_s += wait_s
    counts.prompt_tokens += seq.prompt
    counts.output_tokens += seq.output
    counts.preemptions += seq.preemptions
    if ttft_s <= counts.slo_ttft_s and tpot_s <= counts.slo_tpot_s and e2e_s <= counts.slo_e2e_s:
        counts.slo_met += 1


@compiled
def _log(s: State, seq: Row, status: int, now: float) -> None:
    row = s.log[seq.number]
    row.status = status
    row.admitted_s = seq.admitted_s
    row.first_token_s = seq.first_token_s
    row.finish_s = now
    row.preemptions = seq.preemptions
