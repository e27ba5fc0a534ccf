"""A horizon that waits for the last answers, in words: how long a job takes, and what it costs."""

from collections.abc import Iterator, Mapping
from typing import Any

from sim.montecarlo.shares import Share
from sim.report.figures import BY_METRIC, duration, scale, text

Summary = Mapping[str, Any]

LATE = 1.05  # makespan to the time of arrivals, from which on it is part of the answer


def is_job(summary: Summary) -> bool:
    """Whether in every world all requests had come before the first was answered."""
    ending = summary.get("ending")
    return bool(ending and ending["job"])


def time_of(summary: Summary) -> str:
    """What is simulated: so much time, or a job of so many requests."""
    if not is_job(summary):
        return duration(summary["horizon_s"])
    requests = text(BY_METRIC["requests"], summary["metrics"]["requests"]["p50"])
    return f"{requests} requests at once"


def clauses(summary: Summary) -> Iterator[str]:
    """What there is to say about the end: the job, or answers that come late or never."""
    ending, metrics = summary.get("ending"), summary["metrics"]
    if not ending:
        return
    if is_job(summary):
        hours = metrics["gpu_hours"]["p50"]
        machines = f", {_spread(metrics, 'gpu_hours')} GPU-hours" if hours else ""
        takes, cost = _spread(metrics, "makespan_s"), _spread(metrics, "cost_usd")
        yield f"the job takes {takes}{machines} and {cost}"
    elif metrics["makespan_s"]["p50"] > LATE * summary["horizon_s"]:
        yield f"the last answer comes after {_spread(metrics, 'makespan_s')}"
    stuck = Share(round((1.0 - ending["drained_share"]) * _worlds(summary)), _worlds(summary))
    if stuck.count:
        limit = duration(ending["limit_s"])
        yield f"in {stuck.words()} requests were still unanswered {limit} after the last had come"


def _worlds(summary: Summary) -> int:
    return int(summary["replications"])


def _spread(metrics: Mapping[str, Any], metric: str) -> str:
    """The median with its unit, and the p5 and p95 of the worlds where they differ."""
    figure, estimate = BY_METRIC[metric], metrics[metric]
    bounds = estimate.get("at_least", ())
    chosen = scale(figure, estimate["p50"], estimate["p95"] or 0.0)
    bound = "at least " if "p50" in bounds else ""
    middle = f"{bound}{chosen.text(estimate['p50'])} {chosen.unit}".rstrip()
    low, high = (chosen.text(estimate[name]) for name in ("p5", "p95"))
    if low == high:
        return middle
    return f"{middle} ({low} … {'≥' if 'p95' in bounds else ''}{high})"
