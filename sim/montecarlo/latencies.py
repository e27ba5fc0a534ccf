"""Latencies of a replication: percentiles and means, those who still wait at its end included.

Who is unanswered at the end is a survivor: what becomes of it is not seen, but it has waited so
long already. It counts as at least its age; per token, as at least what its tokens so far come to
over all that it is to have. Its first token, or its place in the batch, is known if it has one. So
a figure is a lower bound where what is unfinished could move it: a percentile, where it would be
larger by more than ``TOLERANCE`` if all of these took for ever; a mean, where they are a larger
share than that of those it is taken over.

``<latency>_at_least_from`` is the lowest of the percentiles 0.50, 0.95 and 0.99 that is a lower
bound, and with it all above; NaN where none is.
"""

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from sim.engine.events.bins import LEAST_IN_HOUR
from sim.engine.simulation import Outcome
from sim.engine.state.histogram import BUCKETS, edges_s, quantile
from sim.engine.state.record import E2E, LATENCIES, TASK_E2E, TPOT, TTFT, WAIT, Records
from sim.model.workload import Slo
from sim.montecarlo.lower_bounds import OPEN, TOLERANCE, UNFINISHED

FloatArray = npt.NDArray[np.float64]
CountArray = npt.NDArray[np.int64]

QUANTILES = {"p50": 0.50, "p95": 0.95, "p99": 0.99}
SUMS = {  # sum over those who are done, and how many these are
    TTFT: ("ttft_s", "completed"),
    TPOT: ("tpot_s", "multi_token"),
    E2E: ("e2e_s", "completed"),
    WAIT: ("queue_wait_s", "completed"),
    TASK_E2E: ("task_s", "tasks_completed"),
}
_EDGES_S = edges_s()
_NONE = np.zeros(BUCKETS, np.int64)


class Survivors(NamedTuple):
    """One latency of those who are unanswered at the end: as it is, or the least that it can be."""

    known_s: FloatArray
    least_s: FloatArray

    @classmethod
    def of(cls, taken_s: FloatArray, age_s: FloatArray) -> "Survivors":
        """What each has taken, where that is not NaN; else at least its age."""
        open_ = np.isnan(taken_s)
        return cls(taken_s[~open_], age_s[open_])


class Percentile(NamedTuple):
    """A percentile, and what it would be if all that is unfinished took for ever."""

    low_s: float
    high_s: float

    def is_open(self, shown_s: float) -> bool:
        """Whether it could be larger than what is shown by more than the tolerance."""
        return self.high_s > shown_s * (1.0 + TOLERANCE)


def latencies(outcome: Outcome, indices: Sequence[int], row: int) -> dict[str, float]:
    """Percentiles of the horizon and of the worst hour, and means, of some workloads together.

    Parameters
    ----------
    outcome : Outcome
    indices : sequence of int
        The workloads.
    row : int
        Theirs in the ledger's figures of hours.
    """
    bounds = survivors(outcome, indices)
    done = outcome.ledger.histograms[list(indices)].sum(axis=0)
    figures: dict[str, float] = {}
    for latency, name in LATENCIES.items():
        known, least = (_counted(values_s) for values_s in bounds[latency])
        figures |= _percentiles(name, done[latency] + known, least)
    for latency in (TTFT, E2E):
        figures |= _of_worst_hour(outcome, indices, row, latency, bounds[latency], figures)
    booked = outcome.ledger.workloads[list(indices)]
    figures |= {
        f"{name}_mean_s": _mean(booked, latency, bounds[latency])
        for latency, name in LATENCIES.items()
    }
    left, answered = len(bounds[E2E].least_s), float(booked["completed"].sum())
    return figures | {UNFINISHED: _ratio(left, left + answered)}


def survivors(outcome: Outcome, indices: Sequence[int]) -> dict[int, Survivors]:
    """Latencies of what is unfinished at the end, by latency."""
    left = outcome.in_flight[np.isin(outcome.in_flight["workload"], indices)]
    tasks = outcome.tasks_in_flight
    begun_s = tasks.arrival_s[np.isin(tasks.workload, indices) & (tasks.arrival_s >= 0.0)]
    age_s = outcome.end_s - left["arrival_s"]
    none = np.empty(0)
    return {
        TTFT: Survivors.of(left["first_token_s"] - left["arrival_s"], age_s),
        TPOT: Survivors(none, _per_token_s(left, outcome.end_s)[left["output"] > 1]),
        E2E: Survivors(none, age_s),
        WAIT: Survivors.of(left["admitted_s"] - left["arrival_s"], age_s),
        TASK_E2E: Survivors(none, outcome.end_s - begun_s),
    }


def late(in_flight: Records, slo: Slo, end_s: float) -> npt.NDArray[np.bool_]:
    """Which of those who are unanswered at the end can no longer keep their SLO."""
    age_s = end_s - in_flight["arrival_s"]
    taken_s = in_flight["first_token_s"] - in_flight["arrival_s"]
    ttft_s = np.where(np.isnan(taken_s), age_s, taken_s)
    is_late: npt.NDArray[np.bool_] = (
        (age_s > slo.e2e_s) | (ttft_s > slo.ttft_s) | (_per_token_s(in_flight, end_s) > slo.tpot_s)
    )
    return is_late


def _per_token_s(left: Records, end_s: float) -> FloatArray:
    """Time since the first token over all tokens after it; 0 where there is no first token yet."""
    since_s = np.nan_to_num(end_s - left["first_token_s"])
    per_token_s: FloatArray = since_s / np.maximum(left["output"] - 1, 1) * (left["output"] > 1)
    return per_token_s


def _counted(values_s: FloatArray) -> CountArray:
    """Values by bucket."""
    if not len(values_s):
        return _NONE
    places = np.searchsorted(_EDGES_S, values_s, side="right") - 1
    return np.bincount(np.clip(places, 0, BUCKETS - 1), minlength=BUCKETS)


def _percentile(done: CountArray, left: CountArray, probability: float) -> Percentile:
    if not done.any() and not left[1:].any():  # at least 0, of which nobody learns anything
        return Percentile(math.nan, math.nan)
    if not left.any():
        exact_s = float(quantile(done, probability))
        return Percentile(exact_s, exact_s)
    low_s = float(quantile(done + left, probability))
    finished = int(done.sum())
    rank = probability * (finished + int(left.sum()))
    if rank > finished:
        return Percentile(low_s, math.inf)
    return Percentile(low_s, float(quantile(done, rank / finished)))


def _percentiles(name: str, done: CountArray, left: CountArray) -> dict[str, float]:
    found = {level: _percentile(done, left, p) for level, p in QUANTILES.items()}
    opened = [QUANTILES[level] for level, each in found.items() if each.is_open(each.low_s)]
    figures = {f"{name}_{level}_s": each.low_s for level, each in found.items()}
    return figures | {f"{name}{OPEN}": min(opened, default=math.nan)}


def _of_worst_hour(
    outcome: Outcome,
    indices: Sequence[int],
    row: int,
    latency: int,
    bounds: Survivors,
    figures: dict[str, float],
) -> dict[str, float]:
    """The 95th percentile of the worst hour; where all are too thin, that of all.

    Who is unfinished counts in the last hour.
    """
    name, ledger = LATENCIES[latency], outcome.ledger
    worst_s = float(ledger.worst_hour_p95_s[row, latency])
    known, left = (_counted(values_s) for values_s in bounds)
    done = ledger.last_hour[list(indices), latency].sum(axis=0) + known
    last = _percentile(done, left, 0.95)
    opened = math.nan
    if (known.any() or left.any()) and done.sum() + left.sum() >= LEAST_IN_HOUR:
        worst_s = float(np.fmax(worst_s, last.low_s))
        opened = 0.95 if last.is_open(worst_s) else math.nan
    if math.isnan(worst_s):
        worst_s, from_ = figures[f"{name}_p95_s"], figures[f"{name}{OPEN}"]
        opened = 0.95 if from_ <= 0.95 else math.nan
    return {f"peak_hour_{name}_p95_s": worst_s, f"peak_hour_{name}{OPEN}": opened}


def _mean(booked: Records, latency: int, bounds: Survivors) -> float:
    total_s, count = (float(booked[field].sum()) for field in SUMS[latency])
    left_s = np.concatenate(bounds)
    return _ratio(total_s + float(left_s.sum()), count + len(left_s))


def _ratio(top: float, bottom: float) -> float:
    return top / bottom if bottom > 0 else math.nan
