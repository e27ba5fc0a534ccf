"""What happened, bin by bin: the only thing that a replication keeps.

Latencies are booked in the bin in which the request completes, as a monitoring system would; counts
of requests by the bin of their arrival, all else where it happens. Memory is a few hundred bytes
per bin, whatever the traffic, and one histogram per workload and latency.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from sim.engine.plane.plane import DataPlane
from sim.engine.state.backend_record import (
    BILLINGS,
    POOL,
    USAGE,
)
from sim.engine.state.books import Books
from sim.engine.state.histogram import BUCKETS
from sim.engine.state.record import (
    E2E,
    LATENCIES,
    TASK_E2E,
    WORKLOAD,
)
from sim.engine.state.thin import numbered
from sim.model.price import HOUR_S

FloatArray = npt.NDArray[np.float64]

UNANSWERED = ("timed_out", "rejected", "failed", "gave_up")  # fates of requests, but for completed


class Ledger:
    """Counts, integrals and latencies of the bins of a horizon.

    Parameters
    ----------
    edges_s : (bins + 1,) float64
        Edges of the bins, from 0 to the end of the horizon, or to the latest that it may have.
    workloads, pools, backends : int

    Attributes
    ----------
    edges_s : (bins + 1,) float64
        Of the bins that were closed, once the last was.
    workloads : (workloads, bins) WORKLOAD
        Where no request is followed by another, each is a task of its own.
    pools : (pools, bins) POOL
        Those of the design, then backends that join several, with what waits before these.
        Moments are integrals over the bin; counts such as ``waiting`` are those at its end.
    usage : (workloads, backends, BILLINGS, bins) USAGE
        What each backend did for each workload.
    histograms : (workloads, latencies, BUCKETS) int64
        Of the whole horizon.
    p95_s : (workloads + 1, latencies, bins) float64
        95th percentile of each latency in each bin; the last row is of all workloads together.
    worst_hour_p95_s : (workloads + 1, latencies) float64
        Largest 95th percentile of an hour of the clock with ``LEAST_IN_HOUR`` completions or more
        (see :mod:`sim.engine.events.bins`); NaN if there is none.
    last_hour : (workloads, latencies, BUCKETS) int64
        Of the hour of the clock in which the latest closed bin ended.
    """

    def __init__(self, edges_s: FloatArray, workloads: int, pools: int, backends: int) -> None:
        bins = len(edges_s) - 1
        counts = workloads, len(LATENCIES), BUCKETS
        self.edges_s = edges_s
        self._books = books = Books(
            workloads=np.zeros((workloads, bins), WORKLOAD),
            pools=np.zeros((pools, bins), POOL),
            usage=np.zeros((workloads, backends, BILLINGS, bins), USAGE),
            histograms=np.zeros(counts, np.int64),
            hour=np.zeros(counts, np.int64),
            last_hour=np.zeros(counts, np.int64),
            octaves=np.zeros((2, *counts[:2]), np.int64),
            p95_s=np.full((workloads + 1, len(LATENCIES), bins), np.nan),
            worst_hour_p95_s=np.full((workloads + 1, len(LATENCIES)), np.nan),
        )
        self._numbers = numbered(books)
        self.workloads, self.pools, self.usage = books.workloads, books.pools, books.usage
        self.histograms, self.last_hour = books.histograms, books.last_hour
        self.p95_s, self.worst_hour_p95_s = books.p95_s, books.worst_hour_p95_s
        hours = edges_s // HOUR_S
        self._ends_hour = [*(hours[:-1] != hours[1:])[:-1].tolist(), True]  # the last may be short
        self._bin = 0

    def close_bin(self, plane: DataPlane, is_last: bool = False) -> None:
        """Book the bin that ends now and begin the next, unless it is the last."""
        at = self._bin
        state = plane.turn_bin(self._numbers, at, is_last or self._ends_hour[at])
        self._bin += 1
        if is_last:
            self._end_with(at, plane.now)
        if self._bin == len(self.edges_s) - 1 and not state.clock[0].has_tasks:
            self._count_requests_as_tasks()

    def drop_outputs(self, workloads: Sequence[int]) -> None:
        """Have no tokens in the answers of some workloads, which are embeddings or scores."""
        for table in (self.workloads, self.usage):
            for index in workloads:
                table["output_tokens"][index] = 0
        for index in workloads:
            self.workloads["offered_output_tokens"][index] = 0
            self.usage["wasted_output_tokens"][index] = 0

    def forget(self) -> None:
        """Have histograms, and figures of the worst hour, begin anew; an hour has just ended."""
        self.histograms[...] = 0
        self.worst_hour_p95_s[...] = np.nan

    def _end_with(self, at: int, now_s: float) -> None:
        """Have bin ``at`` be the last, and end now."""
        self.edges_s = np.append(self.edges_s[: at + 1], now_s)
        self.workloads, self.pools = self.workloads[:, : at + 1], self.pools[:, : at + 1]
        self.usage, self.p95_s = self.usage[..., : at + 1], self.p95_s[..., : at + 1]

    def _count_requests_as_tasks(self) -> None:
        """Counts and latencies of requests as those of tasks, which the kernel did not count."""
        booked = self.workloads
        booked["tasks"], booked["tasks_completed"] = booked["requests"], booked["completed"]
        booked["tasks_failed"] = sum(booked[fate] for fate in UNANSWERED)
        booked["task_s"] = booked["e2e_s"]
        for by_latency in (self.histograms, self.p95_s, self.worst_hour_p95_s, self.last_hour):
            by_latency[:, TASK_E2E] = by_latency[:, E2E]
