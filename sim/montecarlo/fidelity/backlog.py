"""Which queues a day begins with: a fluid estimate of every hour, with chance.

A pool works off what comes at its capacity (:mod:`sim.model.capacity`), and what it cannot is
carried over into the next hour: Lindley's recursion, with the work of an hour varying about what
the world's rate says as that of so many requests by chance does. How much work a token of the
horizon is for a pool, and what the pool can do, is read off a day that has been simulated.

Two things are drawn from it. Before a day that is simulated by itself, what is simulated begins at
the last hour, early enough for what else a fleet remembers, in which no queue is left in any of
some such courses: on Fridays of a fleet that falls behind all week, on Monday morning. Where
clients do not wait for so long, or gateways turn them away, a queue is forgotten sooner than that.
And how long requests wait on each day, by which days are put in an order.
"""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sim.engine.simulation import Outcome
from sim.model.design import Design
from sim.model.price import HOUR_S
from sim.model.workload import Workload
from sim.montecarlo.offered import work_and_capacity_s

FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]

COURSES = 8
CHANCE = 2.0  # variance of an hour's work by that of as many equal requests: lengths vary, too
EMPTY_S = 36.0  # of a pool's capacity: less than that is as good as nothing
HOURS = 24


@dataclass(frozen=True, slots=True)
class Pilot:
    """A part of the horizon that was simulated, as a horizon of its own, and its first hour."""

    outcome: Outcome
    part: Design
    first: int


@dataclass(frozen=True, slots=True)
class Backlog:
    """Queues of every hour.

    Attributes
    ----------
    empty : (hours + 1,) bool
        Whether no work is left at the beginning of each hour, and at the end, in any course.
    clear : (hours + 1,) bool
        The same of the pools whose queues are not forgotten soon.
    waits_s : (hours,) float64
        How long what comes then waits, the mean over courses, of the pool where that is longest.
    """

    empty: BoolArray
    clear: BoolArray
    waits_s: FloatArray

    def begins(self, day: int, before_hours: int) -> int:
        """The hour from which on what comes before a day is simulated."""
        latest = max(HOURS * day - before_hours, 0)
        return int(np.flatnonzero(self.clear[: latest + 1])[-1])

    def is_empty(self, start: int, end: int) -> bool:
        """Whether no work is left at any hour from one to another."""
        return bool(self.empty[start : end + 1].all())

    def waits_of_days(self, work: FloatArray) -> FloatArray:
        """Mean wait of the work of each day, in seconds: (days,)."""
        shape = -1, HOURS
        waited = (self.waits_s * work).reshape(shape).sum(axis=1)
        whole = work.reshape(shape).sum(axis=1)
        waits_s: FloatArray = np.divide(waited, whole, out=np.zeros(len(whole)), where=whole > 0.0)
        return waits_s


def backlog(
    design: Design,
    tokens: FloatArray,
    requests: FloatArray,
    pilot: Pilot,
    least: int,
    rng: np.random.Generator,
) -> Backlog:
    """Queues of every hour of a horizon, from what a part of it shows.

    Parameters
    ----------
    design : Design
    tokens, requests : (workloads, hours) float64
        Expected.
    pilot : Pilot
    least : int
        Hours that are simulated before a day in any case.
    rng : numpy.random.Generator
    """
    hours = tokens.shape[1]
    empty, clear, waits_s = np.ones(hours + 1, np.bool_), np.ones(hours + 1, np.bool_), 0.0
    for index, pool in enumerate(design.pools):
        mine = [i for i, each in enumerate(design.workloads) if pool.name in each.route.backends]
        asked = requests[mine].sum(axis=0)
        work_s, able_s = _of_hours(tokens[mine].sum(axis=0), index, pilot)
        queue_s = _queues(work_s, asked, able_s, rng)
        longest_s = _longest_wait_s(
            design, index, float(work_s.sum() / (asked.sum() or 1.0)), able_s
        )
        is_empty = (queue_s <= EMPTY_S / HOUR_S * able_s).all(axis=0)
        empty &= is_empty
        clear &= is_empty | (longest_s <= least * HOUR_S)
        behind_s = queue_s * HOUR_S / (able_s or 1.0)
        mean_s = np.minimum(behind_s, longest_s).mean(axis=0)
        waits_s = np.maximum(waits_s, (mean_s[1:] + mean_s[:-1]) / 2.0)
    clear[0] = True  # nobody has come yet
    return Backlog(empty, clear, np.broadcast_to(waits_s, hours))


def _longest_wait_s(design: Design, index: int, each_s: float, able_s: float) -> float:
    """How old what waits for a pool may be: then its clients leave, or it turns them away."""
    pool = design.pools[index]
    patience_s = [_patience_s(w) for w in design.workloads if pool.name in w.route.backends]
    room = pool.gateway.max_queue
    full_s = room * each_s * HOUR_S / able_s if math.isfinite(room) and able_s else math.inf
    return min(max(patience_s, default=0.0), full_s)


def _patience_s(workload: Workload) -> float:
    """How long an attempt waits; for ever where the server works on for clients that have left."""
    client = workload.client
    return min(client.ttft_timeout_s, client.timeout_s) if client.server_stops else math.inf


def _of_hours(tokens: FloatArray, index: int, pilot: Pilot) -> tuple[FloatArray, float]:
    """Work of each hour, and what a pool can do in one, in replica-seconds."""
    duration_s = pilot.part.horizon.duration_s
    did_s, able_s = work_and_capacity_s(pilot.outcome, pilot.part, index)
    seen = float(tokens[pilot.first : pilot.first + round(duration_s / HOUR_S)].sum())
    each_s = float(did_s.sum()) / seen if seen > 0.0 else 0.0
    return each_s * tokens, float(able_s.sum()) * HOUR_S / duration_s


def _queues(
    work_s: FloatArray, requests: FloatArray, able_s: float, rng: np.random.Generator
) -> FloatArray:
    """Work that is left at each edge of the hours, in courses by chance: (courses, hours + 1)."""
    spread_s = work_s * np.sqrt(CHANCE / np.maximum(requests, 1.0))
    noise = rng.standard_normal((COURSES, len(work_s)))
    steps_s = np.maximum(work_s + spread_s * noise, 0.0) - able_s
    sums_s = np.zeros((COURSES, len(work_s) + 1))
    np.cumsum(steps_s, axis=1, out=sums_s[:, 1:])
    queues_s: FloatArray = sums_s - np.minimum.accumulate(sums_s, axis=1)
    return queues_s
