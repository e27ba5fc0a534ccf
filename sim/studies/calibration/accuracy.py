"""How well a profile predicts runs: simulated over measured, run by run and metric by metric.

Figures are those that people look at: p50, p95 and p99 of TTFT, TPOT and E2E of settled requests,
and throughput; or the statistics that a file has. Errors of a profile are stated below saturation,
since beyond it a time is a matter of how long the run was.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from sim.model.joint_error import SimulatedError
from sim.model.measured import ClosedLoop, MeasuredRun, OpenLoop, RequestLog
from sim.model.profile import ServiceProfile
from sim.studies.calibration.figures import (
    CORRELATED,
    FEWEST,
    METRICS,
    THROUGHPUT,
    Figure,
    is_saturated,
    metric_values,
    settled_requests,
    summary,
    throughput,
    values_of,
)
from sim.studies.calibration.replay import replays
from sim.studies.calibration.script import Script

PERCENTILES = (50.0, 95.0, 99.0)
ENOUGH = {50.0: FEWEST, 95.0: 20, 99.0: 100}  # requests of which a percentile is compared
OF_TAILS: dict[object, float] = {50.0: 1.25, 95.0: 2.0, 99.0: 3.0}  # of a normal's mean
GRADES = (("A", 0.05, 0.15), ("B", 0.10, 0.25))  # largest error of TPOT and TTFT
SHORT = {"ttft_s": "ttft", "tpot_s": "tpot", "e2e_s": "e2e", THROUGHPUT: "throughput"}


@dataclass(frozen=True, slots=True)
class Compared:
    """A figure of a run, measured and simulated.

    Attributes
    ----------
    figure : Figure
    load : float
        Requests in flight, or asked for in a second.
    open_loop : bool
    saturated : bool
    simulated : float
    chance : float
        Standard deviation of its logarithm over so few requests.
    """

    figure: Figure
    load: float
    open_loop: bool
    saturated: bool
    simulated: float
    chance: float = 0.0

    @property
    def error(self) -> float:
        """Simulated over measured, less one."""
        return self.simulated / self.figure.value - 1.0


def compared_figures(run: MeasuredRun) -> list[Figure]:
    """What is compared of a run."""
    log = run.requests
    if log is None or log.completed.sum() < FEWEST:
        return _of_statistics(run)
    settled = bool(settled_requests(log).sum() >= FEWEST)
    found = []
    for metric in METRICS:
        values = metric_values(log, metric, settled)
        found += [
            Figure(run.name, metric, p, value, math.nan, settled)
            for p in PERCENTILES
            if len(values) >= ENOUGH[p] and (value := summary(values, p)) > 0
        ]
    if log.has_times and (value := throughput(log, settled)) > 0:
        found.append(Figure(run.name, THROUGHPUT, "mean", value, math.nan, settled))
    return found


def _of_statistics(run: MeasuredRun) -> list[Figure]:
    whichs: tuple[Literal["mean"] | float, ...] = ("mean", *PERCENTILES)
    found = [
        Figure(run.name, metric, which, value, math.nan, False)
        for metric in METRICS
        for which in whichs
        if math.isfinite(value := run.statistic(metric, which)) and value > 0
    ]
    if run.output_tokens_per_s:
        found.append(Figure(run.name, THROUGHPUT, "mean", run.output_tokens_per_s, math.nan, False))
    return found


def load_of(script: Script) -> tuple[float, bool]:
    """Users of a closed loop or requests per second of an open one, and which it is."""
    loop = script.run.drive.loop
    if isinstance(loop, ClosedLoop):
        return float(loop.users), False
    if isinstance(loop, OpenLoop) and math.isfinite(loop.rate):
        return loop.rate, True
    return script.in_flight, False


def comparison(profile: ServiceProfile, scripts: Sequence[Script]) -> list[Compared]:
    """Every figure of every run, measured and simulated."""
    logs = replays([(profile, script) for script in scripts])
    return [
        each for script, log in zip(scripts, logs, strict=True) for each in _compared(script, log)
    ]


def _compared(script: Script, log: RequestLog) -> list[Compared]:
    load, is_open = load_of(script)
    saturated = is_saturated(script.run)
    figures = compared_figures(script.run)
    return [
        Compared(figure, load, is_open, saturated, value, chance(figure, log))
        for figure, value in zip(figures, values_of(figures, log), strict=True)
    ]


def chance(figure: Figure, log: RequestLog) -> float:
    """What a figure may be off by over so few requests, as a sd of its logarithm."""
    if figure.metric == THROUGHPUT:
        return 0.5 / math.sqrt(max(int(log.completed.sum()), 1))
    values = metric_values(log, figure.metric, figure.settled)
    values = values[values > 0]
    if len(values) < 2:
        return 0.0
    wider = OF_TAILS.get(figure.which, 1.0)
    return wider * CORRELATED * float(np.log(values).std()) / math.sqrt(len(values))


def central(rows: Sequence[Compared], metric: str) -> list[Compared]:
    """The medians of a metric below saturation, or the means where there are no medians."""
    of_metric = [
        row for row in rows if row.figure.metric == metric and math.isfinite(row.simulated)
    ]
    below = [row for row in of_metric if not row.saturated] or of_metric
    medians = [row for row in below if row.figure.which == 50.0]
    return medians or [row for row in below if row.figure.which == "mean"]


def simulated_error(
    rows: Sequence[Compared], noise: Mapping[tuple[str, str], float] | None = None
) -> SimulatedError:
    """Mean absolute errors of a profile.

    Parameters
    ----------
    rows : sequence of Compared
    noise : mapping of (str, str) to float
        What a run is from its repeats, by run and metric: its error counts as at least that.
    """
    known = noise or {}
    found = {}
    for metric, name in SHORT.items():
        errors = [
            max(abs(row.error), known.get((row.figure.run, metric), 0.0))
            for row in central(rows, metric)
        ]
        found[name] = float(np.mean(errors)) if errors else math.nan
    return SimulatedError(**found)


def grade(error: SimulatedError) -> str:
    """A, B or C, by the errors of TPOT and TTFT; C where one of them is not known."""
    for letter, of_tpot, of_ttft in GRADES:
        if error.tpot <= of_tpot and error.ttft <= of_ttft:  # NaN compares false
            return letter
    return "C"


def frame_of(rows: Sequence[Compared]) -> pd.DataFrame:
    """One row for each figure."""
    return pd.DataFrame(
        {
            "run": [row.figure.run for row in rows],
            "load": [row.load for row in rows],
            "loop": ["open" if row.open_loop else "closed" for row in rows],
            "saturated": [row.saturated for row in rows],
            "metric": [SHORT[row.figure.metric] for row in rows],
            "statistic": [statistic(row.figure) for row in rows],
            "measured": [row.figure.value for row in rows],
            "simulated": [row.simulated for row in rows],
            "error": [row.error for row in rows],
        }
    )


def statistic(figure: Figure) -> str:
    """Which statistic a figure is: p50, mean."""
    return f"p{figure.which:g}" if isinstance(figure.which, float) else figure.which
