"""Whether a run is long enough to tell what is asked of it.

A few seconds of traffic make any fleet look good: the queue that a day would build has no time to
grow, the percentile rests on a handful of requests, and the daily peak does not come. Such a run is
refused, with what would do instead.
"""

import math
from collections.abc import Iterator
from datetime import datetime

import numpy as np

from sim.errors import PeakfleetError
from sim.model.arrivals.shape import DAY_S, DayShape
from sim.model.design import Design, GpuPool
from sim.montecarlo.result import RunResult
from sim.scenario import Scenario
from sim.studies.size.question import Question, bound

BEYOND = 20  # requests outside of the percentile: their number is then known within a quarter
SERVICES = 10  # durations of an answer; fewer, and most of what is seen arrived before
FROM_EMPTY = 100  # the same without a warm-up that fills the fleet
OF_THE_PEAK = 0.95  # of the day's highest rate, that must be seen
STEP_S = 300.0


def check_run_length(
    scenario: Scenario, design: Design, pool: GpuPool, question: Question, trial: RunResult
) -> None:
    """Refuse a horizon that cannot tell.

    Parameters
    ----------
    trial : RunResult
        Any few worlds of the scenario, whatever its fleet: for the traffic.

    Raises
    ------
    PeakfleetError
        With every reason and what to do.
    """
    reasons = [
        *_too_few(design, question, trial),
        *_too_short(design, pool, trial),
        *_before_the_peak(scenario, design),
    ]
    if reasons:
        raise PeakfleetError(
            f"a run of {_time(design.horizon.duration_s)} cannot tell which fleet keeps the SLO: "
            + "; ".join(reasons)
        )


def _too_few(design: Design, question: Question, trial: RunResult) -> Iterator[str]:
    """Workloads whose percentile rests on too few requests."""
    for workload in bound(design):
        requests = float(np.mean(trial.sample.values(f"workloads.{workload.name}.requests")))
        share = question.asked_of(workload)
        needed = BEYOND / (1.0 - share)
        if requests < needed:
            longer_s = design.horizon.duration_s * needed / max(requests, 1e-9)
            yield (
                f"{workload.name} sends {requests:,.0f} requests in it, and {100 * share:g} % of"
                f" them rests on fewer than {BEYOND} beyond: simulate at least {_time(longer_s)}"
            )


def _too_short(design: Design, pool: GpuPool, trial: RunResult) -> Iterator[str]:
    """A horizon of few answers."""
    answer_s = _answer_s(pool, trial)
    horizon = design.horizon
    warm = horizon.warm_up_s >= SERVICES * answer_s
    needed_s = (SERVICES if warm else FROM_EMPTY) * answer_s
    if horizon.duration_s < needed_s:
        filled = "" if warm else ", from a fleet that is empty at first,"
        yield (
            f"an answer takes {answer_s:.3g} s on an idle replica, and what queues{filled} shows"
            f" only after many: simulate at least {_time(needed_s)}"
        )


def _answer_s(pool: GpuPool, trial: RunResult) -> float:
    """Seconds of a mean answer on an idle replica; 0 if none was finished."""
    completed = float(trial.sample.values("completed").sum())
    if completed == 0.0:
        return 0.0
    prompt = float(trial.sample.values("prompt_tokens").sum()) / completed
    output = float(trial.sample.values("output_tokens").sum()) / completed
    profile = pool.profile
    return (
        profile.passage_s(prompt)
        + profile.prefill_s(math.ceil(prompt))
        + max(output - 1.0, 0.0) * profile.step_s(1, prompt + output / 2)
    )


def _before_the_peak(scenario: Scenario, design: Design) -> Iterator[str]:
    """Workloads whose daily peak lies outside of a horizon shorter than a day."""
    horizon = design.horizon
    if horizon.duration_s >= DAY_S:
        return
    for workload in bound(design):
        arrivals = scenario.model.workloads[workload.name].arrivals
        if arrivals.trace is not None or arrivals.shape is None:
            continue
        shape = arrivals.shape.day_shape
        seen = _highest(shape, horizon.start, horizon.duration_s)
        day = _highest(shape, horizon.start, DAY_S)
        if seen < OF_THE_PEAK * day:
            yield (
                f"the highest rate of {workload.name} in it is {100 * seen / day:.0f} % of the"
                " day's: simulate a whole day, or the hours of the peak"
            )


def _highest(shape: DayShape, start: datetime, duration_s: float) -> float:
    """Highest relative rate between two moments."""
    times_s = shape.phase_s(start) + np.arange(0.0, duration_s, min(STEP_S, duration_s / 2))
    cells = (times_s % shape.period_s / shape.cell_s).astype(np.int64)
    return float(shape.multipliers()[cells].max())


def _time(seconds: float) -> str:
    """A duration, rounded up to two digits."""
    for name, size in (("days", DAY_S), ("hours", 3600.0), ("minutes", 60.0)):
        if seconds >= 2 * size:
            return f"{_two_digits(seconds / size):g} {name}"
    return f"{_two_digits(seconds):g} s"


def _two_digits(value: float) -> float:
    size = 10.0 ** (math.floor(math.log10(max(value, 1e-9))) - 1)
    return math.ceil(round(value / size, 6)) * size
