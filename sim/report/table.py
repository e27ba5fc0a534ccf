"""The answer of a run as text: a sentence, then each figure with its interval."""

from collections.abc import Iterator, Mapping
from typing import Any

import click

from sim.report.figures import (
    ABSENT,
    BY_METRIC,
    GROUPS,
    PARTS,
    Figure,
    Scale,
    duration,
    scale,
    text,
    typical,
)
from sim.report.paragraph import filled

Estimate = Mapping[str, Any]

WORTH_SAYING = 0.005  # share of requests without an answer, from which on it is part of the answer
AMPLIFIED = 1.5  # attempts per request; a few timeouts do not get there
AT_LEAST = "≥"
# Left out, and named below the table, where no world has any.
NAMED_WHERE_ABSENT = ("retries", "rejected", "timed_out", "failed", "gave_up", "preemptions")
SILENT: dict[str, float] = {  # left out where it is this in nearly every world
    **dict.fromkeys(NAMED_WHERE_ABSENT, 0.0),
    "retry_amplification": 1.0,
    **dict.fromkeys(
        (
            "hedges",
            "fallbacks",
            "escalations",
            "degraded",
            "rejections",
            "errors",
            "cost_wasted_usd",
            "cost_idle_usd",
            "revenue_usd",
            "gpu_hours",
            "ready_replicas_mean",
            "ready_replicas_max",
            "offered_load",
            "offered_load_peak",
            "unanswered_share",
            "time_above_slo_share",
            "time_to_recover_s",
            "wasted_work_share",
            "cache_hit_rate",
            "found_again_tokens",
            "response_cache_hit_rate",
        ),
        0.0,
    ),
}
OF_REPLICAS = ("queue_wait_mean_s", "queue_wait_p95_s")
OF_TASKS = ("cost_usd_per_task", "tasks", "task_success", "task_e2e_p50_s", "task_e2e_p95_s")
HEADER = ("", "", "p5", "p50", "95 % interval", "p95", "95 % interval")
NOTES = {
    AT_LEAST: "at least: in some worlds the backlog or the recovery goes on after the end",
    "?": "too few worlds for this end of the interval (a p50 needs 6, a p95 needs 72)",
}


def render(summary: Mapping[str, Any]) -> str:
    """The summary of a run as text.

    Headings are bold by terminal codes, which ``click.echo`` takes out where there is no terminal.
    """
    blocks = dict(_blocks(summary))
    rows = [row for block in blocks.values() for row in block]
    widths = [max(map(len, column)) for column in zip(HEADER, *rows, strict=True)]
    lines = [filled(sentence(summary)), ""]
    lines += [line for text in _warnings(summary) for line in (filled(text), "")]
    lines.append(_line(HEADER, widths))
    for title, block in blocks.items():
        lines += [click.style(title, bold=True), *(_line(row, widths) for row in block)]
    notes = list(_notes(summary, "\n".join(lines)))
    return "\n".join([*lines, *([""] if notes else []), *notes])


def sentence(summary: Mapping[str, Any]) -> str:
    """The answer in one sentence."""
    worlds = summary["replications"]
    about = f"{worlds:,} world{'s' if worlds != 1 else ''}"
    stopped = " before it was interrupted" if summary["interrupted"] else ""
    subject = f"{summary['scenario']}, {duration(summary['horizon_s'])}, {about}{stopped}"
    return f"{subject}: {'; '.join(_clauses(summary))}."


def _clauses(summary: Mapping[str, Any]) -> Iterator[str]:
    metrics = summary["metrics"]
    yield from _clause(metrics, "cost_usd_per_month", "the median cost is {} a month")
    loses = metrics.get("loses_money")
    if loses and loses["mean"] is not None:
        yield from _clause(metrics, "gross_margin", "the median gross margin is {}")
        if loses["mean"] > 0.0:
            yield f"money is lost in {_worlds(loses['mean'])}"
    unanswered = _median(metrics, "unanswered_share")
    those = ""
    if unanswered >= WORTH_SAYING:
        yield f"in the median world {_share(round(unanswered, 3))} of requests are not answered"
        those = " of the others"
    where = "" if those else "in the median world "
    first = f"{where}the p95 time to first token{those} is {{}} in the worst hour"
    yield from _clause(metrics, "peak_hour_ttft_p95_s", first)
    if _median(metrics, "time_to_recover_s") > 0.0:
        yield from _clause(metrics, "time_to_recover_s", "recovery after a spike takes {}")
    if summary.get("slo_met_share") is not None:
        yield f"the SLO is met in {_worlds(summary['slo_met_share'])}"
    overloaded = summary["overloaded_share"]
    yield f"{_worlds(overloaded)} overload" if overloaded else "no world overloads"


def _clause(metrics: Mapping[str, Estimate], metric: str, words: str) -> Iterator[str]:
    """The median of a figure in words, if there is one."""
    estimate = metrics.get(metric)
    if estimate and estimate["p50"] is not None:
        bound = "at least " if "p50" in estimate.get("at_least", ()) else ""
        yield words.format(bound + text(BY_METRIC[metric], estimate["p50"]))


def _median(metrics: Mapping[str, Estimate], metric: str) -> float:
    """The median of a figure; 0 where there is none."""
    estimate = metrics.get(metric)
    return float(estimate["p50"] or 0.0) if estimate else 0.0


def _warnings(summary: Mapping[str, Any]) -> Iterator[str]:
    """What to be told beside the answer, in a paragraph each."""
    metrics = summary["metrics"]
    attempts, wasted, offered = (
        _median(metrics, name)
        for name in ("retry_amplification", "wasted_work_share", "offered_load")
    )
    if attempts > AMPLIFIED and wasted > offered and wasted + offered > 1.0:
        yield (
            f"Retries hold the fleet down: what is asked of it would fill"
            f" {_share(round(offered, 2))} of it, but clients send {attempts:.1f} attempts for each"
            f" request, and {_share(round(wasted, 2))} of the work serves nobody. A retry budget, a"
            f" server that drops what its client has left, or a shorter queue breaks the circle."
        )


def _worlds(share: float) -> str:
    """A share of worlds in words.

    >>> _worlds(0.0), _worlds(0.93), _worlds(1.0)
    ('no world', '93 % of worlds', 'all worlds')
    """
    return {0.0: "no world", 1.0: "all worlds"}.get(share, f"{_share(share)} of worlds")


def _share(value: float) -> str:
    """A share of worlds: never rounded to none or all where it is neither.

    >>> _share(0.93), _share(0.9996), _share(0.005), _share(1.0)
    ('93 %', '99.96 %', '0.5 %', '100 %')
    """
    texts = [f"{value:.{digits}%}" for digits in range(5)]
    telling = (text for text in texts if value in (0, 1) or 0 < float(text[:-1]) < 100)
    return next(telling, texts[-1]).replace("%", " %")


def _blocks(summary: Mapping[str, Any]) -> Iterator[tuple[str, list[tuple[str, ...]]]]:
    """Titles and rows: the groups of the whole, then workloads and backends among several."""
    for title, figures in GROUPS.items():
        yield from _block(title, summary["metrics"], figures)
    for part, metrics in PARTS.items():
        if len(summary[part]) > 1:
            for name, estimates in summary[part].items():
                figures = tuple(BY_METRIC[metric] for metric in metrics)
                yield from _block(f"{part.capitalize()[:-1]} {name}", estimates, figures)


def _block(
    title: str, estimates: Mapping[str, Estimate], figures: tuple[Figure, ...]
) -> Iterator[tuple[str, list[tuple[str, ...]]]]:
    rows = [
        _row(figure, estimates[figure.metric])
        for figure in figures
        if figure.metric in estimates and not _left_out(figure.metric, estimates)
    ]
    if rows:
        yield title, rows


def _left_out(metric: str, estimates: Mapping[str, Estimate]) -> bool:
    """Undefined in every world, none in any, what it is without trouble, or a task of one call."""
    estimate = estimates[metric]
    if metric in OF_TASKS and estimates.get("tasks") == estimates.get("requests"):
        return True
    if metric in OF_REPLICAS and _always(estimates["gpu_hours"], 0.0):
        return True
    if metric in SILENT and _nearly_always(estimate, SILENT[metric]):
        return True
    return typical(estimate) is None


def _always(estimate: Estimate, value: float) -> bool:
    """Whether a figure is ``value`` in every world: then it has no spread."""
    return bool(_nearly_always(estimate, value) and not estimate["sd"])


def _nearly_always(estimate: Estimate, value: float) -> bool:
    """Whether it is in nine worlds of ten or more: the percentiles do not tell of the others."""
    return all(estimate[level] == value for level in ("p5", "p50", "p95"))


def _row(figure: Figure, estimate: Estimate) -> tuple[str, ...]:
    largest = max(estimate["p95"] or 0.0, estimate["p95_ci"][1] or 0.0)
    chosen = scale(figure, typical(estimate) or 0.0, largest)
    varies = not estimate["p5"] == estimate["p50"] == estimate["p95"]
    bounds = estimate.get("at_least", ())
    return (
        f"  {figure.label}",
        chosen.unit,
        *(
            cell
            for name, interval in (("p5", ""), ("p50", "p50_ci"), ("p95", "p95_ci"))
            for cell in _cells(chosen, estimate, name, interval if varies else None, bounds)
        ),
    )


def _cells(
    chosen: Scale, estimate: Estimate, name: str, interval: str | None, bounds: Any
) -> Iterator[str]:
    """A percentile, and its interval unless it has none (``""``) or needs none (None)."""
    yield (AT_LEAST if name in bounds else "") + chosen.text(estimate[name])
    if interval == "":
        return
    if interval is None:
        if name != "p5":
            yield ""
        return
    low, high = (chosen.text(end).replace(ABSENT, "?") for end in estimate[interval])
    yield f"{low} … {AT_LEAST if interval in bounds else ''}{high}"


def _line(cells: tuple[str, ...], widths: list[int]) -> str:
    label, unit, *numbers = cells
    right = [cell.rjust(width) for cell, width in zip(numbers, widths[2:], strict=True)]
    return "  ".join([label.ljust(widths[0]), unit.ljust(widths[1]), *right]).rstrip()


def _notes(summary: Mapping[str, Any], shown: str) -> Iterator[str]:
    """What the signs in the table mean, and what never happened."""
    for sign, meaning in NOTES.items():
        if sign in shown:
            yield f"{sign}  {meaning}"
    metrics = summary["metrics"]
    silent = [
        (metric, _always(metrics[metric], value))
        for metric, value in SILENT.items()
        if metric in metrics and _nearly_always(metrics[metric], value)
    ]
    never = [BY_METRIC[m].label for m, always in silent if always and m in NAMED_WHERE_ABSENT]
    if never:
        yield f"In no world: {', '.join(never)}."
    rare = [BY_METRIC[m].label for m, always in silent if not always]
    if rare:
        yield filled(f"In few worlds, not in the table: {', '.join(rare)}.")
