"""How a time bin is completed, booked, and the next begun; see :mod:`sim.engine.ledger`.

All in one call for each bin, for a small world is hardly more than its bins. Of the histograms only
the octaves in which there are counts are looked at.
"""

import math

from sim.engine.replica import memory, work
from sim.engine.state.books import Books
from sim.engine.state.copying import copy
from sim.engine.state.histogram import OCTAVE, OCTAVES, quantile_of, total_of
from sim.engine.state.jit import compiled, inner, inner_apart
from sim.engine.state.record import GONE, IDLE, LEAP, IntArray
from sim.engine.state.state import State
from sim.engine.state.thin import thin, thin_books

LEAST_IN_HOUR = 100  # completions; the p95 of fewer rests on fewer than five requests
HOUR, LAST = 0, 1  # of the octaves of the books


@compiled
def close_bin(numbers: IntArray, count: int, now: float) -> None:
    """Complete the integrals of the bin at its end; ``count`` rows have ever been added."""
    _complete(thin(numbers), count, now)


@compiled
def open_bin(numbers: IntArray, count: int, now: float) -> None:
    """Begin a bin: moments, counts and histograms from zero."""
    _begin(thin(numbers), count, now)


@compiled
def turn_bin(
    numbers: IntArray, written: IntArray, count: int, now: float, at: int, ends_hour: bool
) -> None:
    """Complete a bin, write it into the books as bin ``at``, and begin the next."""
    s, books = thin(numbers), thin_books(written)
    _complete(s, count, now)
    _book_counts(s, books, at)
    _book_latencies(s, books, at)
    if ends_hour:
        _close_hour(books)
    _begin(s, count, now)


@inner_apart
def _complete(s: State, count: int, now: float) -> None:
    for r in range(count):
        if s.replicas[r].mode != IDLE or (s.replicas[r].life != GONE and s.clock[0].has_transfers):
            memory.settle(s, r, now)
    _book_leaps(s, count, 1.0, now)
    width_s = now - s.clock[0].bin_start_s
    for p in range(len(s.pools)):
        pool = s.pools[p]
        pool.busy_s += pool.busy * width_s
        pool.waiting_s += pool.waiting * width_s
        pool.running_s += pool.running * width_s
        pool.ready_s += pool.ready * width_s
        pool.serving_s += pool.serving * width_s
        pool.able_s += pool.speed * width_s


@inner_apart
def _begin(s: State, count: int, now: float) -> None:
    s.clock[0].bin_start_s = now
    for p in range(len(s.pools)):
        pool = s.pools[p]
        pool.busy_s = pool.waiting_s = pool.running_s = pool.ready_s = pool.blocks_s = 0.0
        pool.serving_s = pool.able_s = 0.0
        pool.decoded = pool.context = pool.prompts = 0.0
        pool.prefilled = pool.prefill_s = pool.frontend_s = 0.0
        pool.transfers = pool.kept_local = 0
        pool.moved_bytes = pool.handoff_s = 0.0
    _book_leaps(s, count, -1.0, now)
    for w in range(len(s.workloads)):
        counts = s.workloads[w]
        counts.requests = counts.attempts = counts.retries = counts.completed = 0
        counts.retries_withheld = 0
        counts.hedges = counts.response_hits = counts.cached_tokens = 0
        counts.fallbacks = counts.escalations = counts.degraded = 0
        counts.tasks = counts.tasks_completed = counts.tasks_failed = 0
        counts.task_s = 0.0
        counts.timed_out = counts.rejected = counts.failed = counts.gave_up = 0
        counts.wasted_tokens = 0
        counts.slo_met = counts.prompt_tokens = counts.output_tokens = 0
        counts.offered_prompt_tokens = counts.offered_output_tokens = 0
        counts.offered_prompt_squares = counts.offered_context = 0.0
        counts.preemptions = counts.multi_token = 0
        counts.found_later_tokens = counts.found_again_tokens = counts.shed = 0
        counts.ttft_s = counts.tpot_s = counts.e2e_s = counts.queue_wait_s = 0.0
    _forget_latencies(s)
    _forget_usage(s)


@inner
def _book_counts(s: State, books: Books, at: int) -> None:
    for w in range(len(s.workloads)):
        copy(books.workloads[w, at], s.workloads[w])
    pools = len(books.pools) - s.clock[0].joined
    for p in range(pools):
        copy(books.pools[p, at], s.pools[p])
    for p in range(pools, len(books.pools)):  # backends of several pools are the last of all
        copy(books.pools[p, at], s.pools[len(s.pools) - len(books.pools) + p])
    for w in range(s.usage.shape[0]):
        for b in range(s.usage.shape[1]):
            for billing in range(s.usage.shape[2]):
                copy(books.usage[w, b, billing, at], s.usage[w, b, billing])


@inner
def _book_latencies(s: State, books: Books, at: int) -> None:
    """Add a bin to its hour, and take its 95th percentiles; NaN stays where there is none."""
    workloads, latencies = s.octaves.shape
    for k in range(latencies):
        octaves = 0
        for w in range(workloads):
            own = s.octaves[w, k]
            for octave in range(OCTAVES):
                if own >> octave & 1 == 1:
                    for index in range(octave * OCTAVE, (octave + 1) * OCTAVE):
                        books.hour[w, k, index] += s.histograms[w, k, index]
            books.p95_s[w, k, at] = quantile_of(s.histograms, own, w, w + 1, k, 0.95)
            books.octaves[HOUR, w, k] |= own
            octaves |= own
        books.p95_s[workloads, k, at] = books.p95_s[0, k, at]
        if workloads > 1:
            books.p95_s[workloads, k, at] = quantile_of(
                s.histograms, octaves, 0, workloads, k, 0.95
            )


@inner
def _close_hour(books: Books) -> None:
    """Add an hour to the horizon, keep it as the last, and count the next from zero."""
    workloads, latencies = books.octaves.shape[1:]
    for k in range(latencies):
        octaves = 0
        for w in range(workloads):
            own = books.octaves[HOUR, w, k]
            octaves |= own
            _see_hour(books, w, own, w, w + 1, k)
        _see_hour(books, workloads, octaves, 0, workloads, k)
        for w in range(workloads):
            _move_hour(books, w, k)


@inner
def _see_hour(books: Books, row: int, octaves: int, first: int, end: int, k: int) -> None:
    """Have the worst hour's 95th percentile be at least that of this one, if it has enough."""
    if total_of(books.hour, octaves, first, end, k) >= LEAST_IN_HOUR:
        p95_s = quantile_of(books.hour, octaves, first, end, k, 0.95)
        worst_s = books.worst_hour_p95_s[row, k]
        books.worst_hour_p95_s[row, k] = p95_s if math.isnan(worst_s) else max(worst_s, p95_s)


@inner
def _move_hour(books: Books, w: int, k: int) -> None:
    own, before = books.octaves[HOUR, w, k], books.octaves[LAST, w, k]
    for octave in range(OCTAVES):
        if (own | before) >> octave & 1 == 1:
            for index in range(octave * OCTAVE, (octave + 1) * OCTAVE):
                counts = books.hour[w, k, index]
                books.histograms[w, k, index] += counts
                books.last_hour[w, k, index] = counts
                books.hour[w, k, index] = 0
    books.octaves[LAST, w, k], books.octaves[HOUR, w, k] = own, 0


@inner
def _book_leaps(s: State, count: int, sign: float, now: float) -> None:
    """Book what the leaps under way have done by now, or take it off."""
    for r in range(count):
        replica = s.replicas[r]
        if replica.mode == LEAP:
            steps = work.steps_by(replica, now)
            work.book_steps(replica, s.pools[replica.pool], steps, sign)


@inner_apart
def _forget_usage(s: State) -> None:
    for w in range(s.usage.shape[0]):
        for b in range(s.usage.shape[1]):
            for billing in range(s.usage.shape[2]):
                row = s.usage[w, b, billing]
                row.attempts = row.handed_on = row.errors = row.rejections = 0
                row.over_budget = row.diverted = 0
                row.answers = row.escalated = row.degraded = 0
                row.prompt_tokens = row.cached_tokens = row.written_tokens = 0
                row.found_later_tokens = 0
                row.output_tokens = row.wasted_tokens = row.redone_tokens = 0
                row.wasted_prompt_tokens = row.wasted_cached_tokens = 0
                row.wasted_written_tokens = row.wasted_output_tokens = 0


@inner
def _forget_latencies(s: State) -> None:
    workloads, latencies = s.octaves.shape
    for w in range(workloads):
        for k in range(latencies):
            own = s.octaves[w, k]
            for octave in range(OCTAVES):
                if own >> octave & 1 == 1:
                    for index in range(octave * OCTAVE, (octave + 1) * OCTAVE):
                        s.histograms[w, k, index] = 0
            s.octaves[w, k] = 0
