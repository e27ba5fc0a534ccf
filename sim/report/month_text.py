"""What a figure of a month and one of a request have apart, where days differ."""

from collections.abc import Iterator, Mapping
from typing import Any

from sim.model.price import MONTH_S
from sim.montecarlo.shares import percent
from sim.report.figures import BY_METRIC, duration, text

DAY_S = 86_400.0
WORTH_SAYING = 0.02  # of the requests


def of_the_volume(summary: Mapping[str, Any]) -> Iterator[str]:
    """Which requests are counted: those simulated, where a mean day of the month has others.

    A bill, a volume and a break-even count those of a mean day; the table those of the days that
    were simulated.
    """
    figures = summary["metrics"]
    known = all(name in figures for name in ("requests", "requests_per_month"))
    if not known or summary["ending"]:
        return
    a_day = (figures["requests_per_month"]["p50"] or 0.0) * DAY_S / MONTH_S
    seen = figures["requests"]["p50"] or 0.0
    simulated = a_day * summary["horizon_s"] / DAY_S
    if not simulated or abs(seen / simulated - 1) < WORTH_SAYING:
        return
    yield (
        f"requests: {text(BY_METRIC['requests'], seen)} in the {duration(summary['horizon_s'])}"
        f" simulated; a mean day of the month has {text(BY_METRIC['requests'], a_day)}, which is"
        " the volume that a bill and a break-even speak of"
    )


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
