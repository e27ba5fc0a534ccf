"""How many replicas a pool has had in each stage, over time."""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]


class FleetLog:
    """Counts of replicas, noted whenever they change.

    Parameters
    ----------
    start_s : float
        When the log begins.
    ready : int
        Replicas that are ready then; none is starting.

    Attributes
    ----------
    time_s : list of float
        Non-decreasing; of several counts at one instant the last holds.
    ready, starting, pending : list of int
        Replicas that serve, those on their way to it, and those of them that wait for GPUs.
    crashed_s, noticed_s : list of float
        When replicas were lost to crashes, one entry for each, and when spot instances were given
        notice.
    overdue_s : list of float
        When replicas were killed that had not started by their deadline.
    """

    def __init__(self, start_s: float, ready: int) -> None:
        self.time_s = [start_s]
        self.ready = [ready]
        self.starting = [0]
        self.pending = [0]
        self.crashed_s: list[float] = []
        self.noticed_s: list[float] = []
        self.overdue_s: list[float] = []

    def note(self, now_s: float, ready: int, starting: int, pending: int = 0) -> None:
        """Note the counts from now on."""
        counts = self.ready, self.starting, self.pending
        if now_s == self.time_s[-1]:
            for each in (self.time_s, *counts):
                each.pop()
        elif (ready, starting, pending) == tuple(each[-1] for each in counts):
            return
        self.time_s.append(now_s)
        self.ready.append(ready)
        self.starting.append(starting)
        self.pending.append(pending)

    def overdue(self, start_s: float, end_s: float) -> int:
        """Replicas in [start_s, end_s) that had not started by their deadline."""
        return sum(start_s <= at_s < end_s for at_s in self.overdue_s)

    def starting_s(self, edges_s: FloatArray) -> FloatArray:
        """Replica-seconds of starting in each bin: (bins,) for (bins + 1,) edges."""
        return self._lasted_s(self.starting, edges_s)

    def pending_s(self, edges_s: FloatArray) -> FloatArray:
        """Replica-seconds of waiting for GPUs in each bin: (bins,) for (bins + 1,) edges."""
        return self._lasted_s(self.pending, edges_s)

    def _lasted_s(self, counts: Sequence[int], edges_s: FloatArray) -> FloatArray:
        times = np.array(self.time_s)
        past = np.concatenate([[0.0], np.cumsum(np.diff(times) * counts[:-1])])
        at = np.searchsorted(times, edges_s, side="right") - 1
        whole = past[at] + (edges_s - times[at]) * np.array(counts)[at]
        lasted_s: FloatArray = np.diff(whole)
        return lasted_s


def most_ready(logs: Sequence[FleetLog], start_s: float, end_s: float) -> int:
    """Largest number of ready replicas of several pools together in [start_s, end_s)."""
    changes = sorted(
        (max(at_s, start_s), after - before)
        for log in logs
        for at_s, before, after in zip(log.time_s, [0, *log.ready], log.ready, strict=False)
        if at_s < end_s
    )
    most = count = 0
    for at, (time_s, change) in enumerate(changes):
        count += change
        if at + 1 == len(changes) or changes[at + 1][0] > time_s:
            most = max(most, count)
    return most
