"""Traffic as a block of a scenario, with what it rests on in comments."""

import textwrap
from typing import Any

from sim.errors import one_line
from sim.model.arrivals.shape import FLAT
from sim.scenario.text.emission import to_yaml
from sim.studies.traffic.answer import Traffic

WIDTH = 96
DAY_S = 86_400.0


def workload_yaml(found: Traffic, width: int = WIDTH) -> str:
    """The ``workloads`` of a scenario, as YAML, its comments in lines of so many columns."""
    spans = f"{found.requests:,} requests in {span_text(found.span_s)}"
    lines = [f"Traffic of {found.file}: {spans}.", *found.remarks]
    comments = []
    for index, line in enumerate(lines):
        text = line if index == 0 else f"- {line}"
        indent = "" if index == 0 else "  "
        comments += textwrap.wrap(one_line(text), width - 2, subsequent_indent=indent)
    head = "".join(f"# {line}\n" for line in comments)
    return head + to_yaml({"workloads": {found.name: workload(found)}})


def as_json(found: Traffic) -> dict[str, Any]:
    """The same as data, with what it rests on and how it fits."""
    return {
        "file": found.file,
        "requests": found.requests,
        "span_s": found.span_s,
        "workloads": {found.name: workload(found)},
        "remarks": list(found.remarks),
        "fit": {name: frame.to_dict("list") for name, frame in found.frames().items()},
    }


def workload(found: Traffic) -> dict[str, Any]:
    """The workload as plain data."""
    data: dict[str, Any] = {
        "arrivals": _arrivals(found),
        "prompt_tokens": found.prompt.written,
        "output_tokens": found.output.written,
    }
    if found.correlation:
        data["token_correlation"] = round(found.correlation, 3)
    if found.follow_up:
        data["follow_ups"] = {
            "calls_per_task": found.follow_up.calls,
            "think_time": found.follow_up.think_time,
            "carry": found.follow_up.carry,
            "prompt_tokens": found.follow_up.prompt.written,
            "output_tokens": found.follow_up.output.written,
        }
    if found.hit_rate:
        data["prefix_cache"] = {"hit_rate": round(found.hit_rate, 4)}
    return data


def _arrivals(found: Traffic) -> dict[str, Any]:
    rate = found.rate
    data: dict[str, Any] = {}
    if found.rate.shape is not FLAT:
        data["requests_per_day"] = _rounded(rate.per_s * DAY_S)
    else:
        data["requests_per_second"] = _rounded(rate.per_s)
    if rate.shape is not FLAT:
        data["shape"] = [_rounded(value) for value in rate.shape.values]
    if rate.growth:
        data["growth_per_year"] = {"p5": _rounded(rate.growth[0]), "p95": _rounded(rate.growth[1])}
    if rate.dispersion:
        swing = rate.dispersion
        data["dispersion"] = {"cv": _rounded(swing.cv), "timescale": _rounded(swing.timescale_s)}
    if rate.gap_cv != 1:
        data["burstiness"] = _rounded(rate.gap_cv)
    return data


def span_text(seconds: float) -> str:
    """A time as people say it.

    >>> span_text(3534.0), span_text(700_000.0)
    ('58.9 min', '8.1 days')
    """
    for unit, size in (("days", DAY_S), ("h", 3600.0), ("min", 60.0)):
        if seconds >= 2 * size:
            return f"{seconds / size:.1f} {unit}"
    return f"{seconds:.3g} s"


def _rounded(value: float) -> float:
    """Four digits."""
    return float(f"{value:.4g}")
