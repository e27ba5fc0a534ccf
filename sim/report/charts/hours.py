"""Timelines of all worlds, on a grid that is coarse enough to be looked at.

A year has 35,040 quarters of an hour, and a drawing 560 pixels. Each world's bins are put together
first, and percentiles over worlds are taken of that. Where all that came in an hour went without an
answer, how long people wait is without bound: such a world is slower than all others, not missing.
"""

from dataclasses import dataclass, field, replace
from typing import Literal

import numpy as np
import numpy.typing as npt

from sim.engine.ledger import UNANSWERED
from sim.montecarlo.result import LEVELS, RunResult
from sim.montecarlo.timelines import Timelines, column_quantiles

MOST_STEPS = 200  # on the axis of time
MINUTE, HOUR, DAY = 60.0, 3600.0, 86_400.0
STEPS = (
    *(MINUTE, 2 * MINUTE, 5 * MINUTE, 10 * MINUTE, 15 * MINUTE, 30 * MINUTE),
    *(HOUR, 2 * HOUR, 3 * HOUR, 4 * HOUR, 6 * HOUR, 12 * HOUR, DAY, 2 * DAY, 7 * DAY, 28 * DAY),
)

How = Literal["mean", "most"]
FloatArray = npt.NDArray[np.float64]
CellArray = npt.NDArray[np.floating]


@dataclass(frozen=True, slots=True)
class Hours:
    """Bins of a horizon, put together.

    Attributes
    ----------
    timelines : Timelines
    firsts : (n,) int
        The first bin of each step.
    start_s, end_s : (n,) float64
        Of each step, in seconds from the start of the horizon.
    step_s : float
        Width of a step; that of a bin where nothing is put together.
    is_coarse : bool
        Whether bins are put together.
    seen : dict of (str, str) to (worlds, steps) float32
        Columns that were looked at, and how they were put together.
    """

    timelines: Timelines
    firsts: npt.NDArray[np.intp]
    start_s: FloatArray
    end_s: FloatArray
    step_s: float
    is_coarse: bool
    seen: dict[tuple[str, How], CellArray] = field(default_factory=dict)

    @classmethod
    def of(cls, result: RunResult) -> "Hours":
        """The steps of a run, up to the last that any world has reached."""
        bins = result.sample.timelines.bins
        edges_s = result.design.horizon.edges_s[: bins + 1]
        step_s = step_of(result.bin_s, float(edges_s[-1]), bins)
        steps = np.floor(edges_s[:-1] / step_s + 1e-9)
        firsts = np.flatnonzero(np.diff(steps, prepend=-1.0))
        ends = np.append(firsts[1:], bins)
        whole = cls(
            result.sample.timelines,
            firsts,
            edges_s[firsts],
            edges_s[ends],
            step_s,
            len(firsts) < bins,
        )
        reached = np.flatnonzero(np.isfinite(whole.values("load_rps")).any(axis=0))
        last = int(reached[-1]) + 1 if reached.size else 0
        return replace(whole, start_s=whole.start_s[:last], end_s=whole.end_s[:last])

    def __len__(self) -> int:
        return len(self.start_s)

    @property
    def span_s(self) -> float:
        """From the first step's beginning to the last one's end."""
        return float(self.end_s[-1]) if len(self) else 0.0

    def values(self, column: str, how: How = "mean") -> CellArray:
        """A column of the timeline in each world: (worlds, n).

        Mean or greatest value of a step's bins; NaN where there is none.
        """
        key = (column, how)
        if key not in self.seen:
            rows = [self._joined(cells, how) for cells in self.timelines.column(column)]
            self.seen[key] = np.array(rows, np.float32).reshape(len(rows), -1)
        return self.seen[key][:, : len(self)]

    def unanswered_share(self, prefix: str = "") -> CellArray:
        """Share of the requests that ended in a step that had no answer: (worlds, n)."""
        answered = self.values(f"{prefix}completed_rps")
        lost = sum((self.values(f"{prefix}{fate}_rps") for fate in UNANSWERED), 0.0 * answered)
        ended = answered + lost
        return np.divide(lost, ended, out=np.full_like(ended, np.nan), where=ended > 0)

    def wait_s(self, prefix: str = "") -> CellArray:
        """The p95 of the time to first token, infinite where nobody got an answer: (worlds, n)."""
        wait_s = self.values(f"{prefix}ttft_p95_s", "most")
        return np.where(self.unanswered_share(prefix) >= 1.0, np.inf, wait_s)

    def _joined(self, cells: npt.NDArray[np.float32], how: How) -> npt.NDArray[np.floating]:
        if not self.is_coarse:
            return cells
        known = ~np.isnan(cells)
        count = np.add.reduceat(known, self.firsts, dtype=np.float64)
        if how == "most":
            most = np.maximum.reduceat(np.where(known, cells, -np.inf), self.firsts)
            return np.asarray(np.where(count > 0, most, np.nan), np.float64)
        total = np.add.reduceat(np.where(known, cells, 0.0), self.firsts, dtype=np.float64)
        joined: FloatArray = np.divide(
            total, count, out=np.full(len(total), np.nan), where=count > 0
        )
        return joined


def bands(values: CellArray) -> dict[str, FloatArray]:
    """Percentiles over worlds of each step: (n,) by level."""
    cells = column_quantiles(values, list(LEVELS.values()))
    return {level: cells[row] for row, level in enumerate(LEVELS)}


def step_of(bin_s: float, span_s: float, bins: int) -> float:
    """Width of the steps in which a horizon is drawn.

    >>> step_of(900.0, 86_400.0, 96), step_of(900.0, 28 * 86_400.0, 2688)
    (900.0, 14400.0)
    """
    if bins <= MOST_STEPS:
        return bin_s
    wide = [step for step in STEPS if step >= bin_s and span_s / step <= MOST_STEPS]
    return wide[0] if wide else span_s / MOST_STEPS
