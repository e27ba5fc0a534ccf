"""What a figure of a month and one of a request have apart, where days differ."""

from collections.abc import Iterator, Mapping
from typing import Any

from sim.model.price import MONTH_S
from sim.montecarlo.shares import percent
from sim.report.figures import duration

WORTH_SAYING = 0.02  # of the requests


def of_a_request(summary: Mapping[str, Any]) -> Iterator[str]:
    """That the cost of a request is that of the time simulated, where a month has other days.

    GPUs cost the same on a quiet day, so that a request of the month costs more than one of a busy
    day. The price of a request at an API does not hang on the day; and what runs to its last
    answer, as a job does, is no sample of a month.
    """
    figures = summary["metrics"]
    known = all(name in figures for name in ("requests", "requests_per_month"))
    has_gpus = any("gpu_hours" in each for each in summary["backends"].values())
    if not known or not has_gpus or summary["ending"]:
        return
    mean = (figures["requests_per_month"]["p50"] or 0.0) * summary["horizon_s"] / MONTH_S
    seen = figures["requests"]["p50"] or 0.0
    if not mean or abs(seen / mean - 1) < WORTH_SAYING:
        return
    more = f"{percent(abs(seen / mean - 1))} {'more' if seen > mean else 'fewer'}"
    yield (
        f"per request and task: of the {duration(summary['horizon_s'])} simulated, with {more}"
        " requests than such a time of the month has on average"
    )
