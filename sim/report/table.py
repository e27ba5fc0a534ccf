"""The answer of a run as text: a sentence, then each figure with its interval."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from sim.montecarlo.shares import percent
from sim.report.columns import Column, blocks
from sim.report.figures import (
    ABSENT,
    BY_METRIC,
    GROUPS,
    LATENCIES,
    LATENCY,
    PARTS,
    POOLED,
    Figure,
    Scale,
    relabelled,
    scale,
    typical,
)
from sim.report.headline import KINDS, WORTH_SAYING, paragraphs, sentence, shares
from sim.report.month_text import of_a_request, of_the_volume
from sim.report.paragraph import filled
from sim.report.parts import Grid
from sim.report.thresholds_text import threshold_lines
from sim.report.without_slo import WITH_SOME, WITHOUT_SLO

Estimate = Mapping[str, Any]
Parts = Sequence[tuple[str, Sequence[tuple[str, ...]]]]  # titles and rows

AT_LEAST = "≥"
# Left out, and named below the table, where no world has any.
NAMED_WHERE_ABSENT = ("retries", "rejected", "timed_out", "failed", "gave_up", "preemptions")
SILENT: dict[str, float] = {  # left out where it is this in nearly every world
    **dict.fromkeys(NAMED_WHERE_ABSENT, 0.0),
    "retry_amplification": 1.0,
    "cost_used_share": 1.0,
    **dict.fromkeys(
        (
            "retries_withheld",
            "shed",
            "hedges",
            "fallbacks",
            "escalations",
            "degraded",
            "rejections",
            "over_budget",
            "diverted",
            "kept_local",
            "errors",
            "cost_headroom_share",
            "cost_idle_share",
            "cost_wasted_share",
            "revenue_usd",
            "gpu_hours",
            "stand_in_gpu_hours",
            "unused_gpu_hours",
            "cost_stand_in_usd",
            "failed_starts",
            "ready_replicas_mean",
            "ready_replicas_max",
            "pending_replicas_mean",
            "offered_load",
            "offered_load_peak",
            "hours_over_capacity",
            "unanswered_share",
            "energy_unknown_share",
            "time_above_slo_share",
            "time_to_recover_s",
            "wasted_work_share",
            "cache_hit_rate",
            "found_again_tokens",
            "response_cache_hit_rate",
            "gpu_hit_share",
            "host_hit_share",
            "nvme_hit_share",
            "shared_hit_share",
            "adapter_load_share",
        ),
        0.0,
    ),
}
ANSWERED = BY_METRIC["requests_answered_share"]
KEY = (  # what decides, in the order of its groups
    "cost_usd_per_month",
    "cost_usd_per_request",
    "cost_usd_per_task",
    "cost_usd_per_user_month",
    "gross_margin",
    "energy_kwh_per_month",
    "energy_wh_per_request",
    "energy_unknown_share",
    "power_peak_w",
    "co2e_kg_per_month",
    "co2e_g_per_request",
    "deadline_met_share",
    "makespan_s",
    "peak_hour_ttft_p95_s",
    "peak_hour_e2e_p95_s",
    "offered_load_peak",
    "ready_replicas_mean",
    "slo_attainment",
    "unanswered_share",
    "cost_used_share",
    "cost_headroom_share",
    "cost_idle_share",
    "wasted_work_share",
    "cache_hit_rate",
)
WORST_HOUR = "peak_hour_"
NOTHING = {"p50": None}
OF_REPLICAS = ("queue_wait_mean_s", "queue_wait_p95_s")
OF_ASKED = {  # unit costs of what was asked for, and the share of it that was served
    "cost_usd_per_request_asked": "requests_answered_share",
    "cost_usd_per_task_asked": "tasks_answered_share",
    "cost_usd_per_user_month_asked": "tasks_answered_share",
}
OF_TASKS = (
    "cost_usd_per_task",
    "cost_usd_per_task_asked",
    "energy_wh_per_task",
    "co2e_g_per_task",
    "tasks",
    "task_success",
    "task_e2e_p50_s",
    "task_e2e_p95_s",
)
HEADER = (
    Column("", right=False),
    Column("", right=False),
    Column("p5"),
    Column("p50"),
    Column("95 % interval", leaves=1),
    Column("p95"),
    Column("95 % interval", leaves=2),
)
WORDS = "A world is one draw of all that is uncertain; 'sim catalog words' has the other words."
INTERVALS = P50_INTERVAL, P95_INTERVAL = 4, 6
UNKNOWN = "? … ?"  # an interval of which too few worlds tell anything
NOTES = {
    AT_LEAST: "at least: in some worlds the backlog or the recovery goes on after the end, or the"
    " month is that of a quiet day, or only some of the days are simulated",
    "?": "too few worlds for this end of the interval (a p50 needs 6, a p95 needs 72)",
}


def render(summary: Mapping[str, Any], day: Sequence[str] = ()) -> str:
    """The summary of a run as text, with all figures.

    ``day`` are lines on how it went over the time that is simulated.
    Headings are bold by terminal codes, which ``click.echo`` takes out where there is no terminal.
    """
    parts = list(_blocks(summary))
    told = _told(parts)
    grid = _grid(parts, told)
    figures = blocks(grid.columns, grid.blocks)
    lines = threshold_lines(summary.get("thresholds", ()))
    lines += [""] if lines else []
    lines += [filled(sentence(summary)), ""]
    lines += [line for text in paragraphs(summary) for line in (filled(text), "")]
    lines += [*day, ""] if day else []
    worlds = world_grid(summary)
    lines += [*blocks(worlds.columns, worlds.blocks).lines, "", *figures.lines]
    notes = [_laid_out(note) for note in (*_notes(summary, "\n".join(figures.lines)), WORDS)]
    if figures.left_out:
        notes.insert(0, filled("Wider terminals have the intervals, too, and so has --json."))
    elif too_few := _too_few(parts, told):
        notes.insert(0, filled(too_few))
    return "\n".join([*lines, "", *notes])


def figure_grid(summary: Mapping[str, Any]) -> Grid:
    """Every figure that tells something, with what the signs beside it mean."""
    parts = list(_blocks(summary))
    told = _told(parts)
    shown = "\n".join(cell for _, block in parts for row in block for cell in row)
    too_few = _too_few(parts, told)
    notes = (*([too_few] if too_few else []), *_notes(summary, shown))
    return replace(_grid(parts, told), notes=notes)


def key_grid(summary: Mapping[str, Any]) -> Grid:
    """The figures that decide, of everything together; the p95 without its interval."""
    found = {each for each in KEY if (summary["metrics"].get(each) or NOTHING)["p50"] is not None}
    # Where no hour has enough answers for a p95 of its own, that of the whole time stands for it.
    short = {each.removeprefix(WORST_HOUR) for each in KEY if each not in found}
    own = LATENCIES if len(summary["workloads"]) > 1 else ()  # in the table of workloads beneath
    parts = list(_of_all(summary, [each for each in (*KEY, *short) if each not in own]))
    return _grid(parts, [at for at in _told(parts) if at != P95_INTERVAL])


def sign_notes(shown: str) -> Iterator[str]:
    """What the signs in a table mean."""
    for sign, meaning in NOTES.items():
        if sign in shown:
            yield f"{sign}  {meaning}"


def _grid(parts: Parts, told: list[int]) -> Grid:
    """The columns that tell something."""
    return Grid(
        tuple(HEADER[at] for at in told),
        tuple((title, [[row[at] for at in told] for row in block]) for title, block in parts),
    )


def _told(parts: Parts) -> list[int]:
    """Columns, without those of intervals of which too few worlds tell anything."""
    rows = [row for _, block in parts for row in block]
    return [at for at in range(len(HEADER)) if at not in INTERVALS or _tells(at, rows)]


def _too_few(parts: Parts, told: list[int]) -> str:
    """That there is no interval of a median, where there would be; empty otherwise."""
    wanted = any(row[P50_INTERVAL] for _, block in parts for row in block)
    if wanted and P50_INTERVAL not in told:
        return "Too few worlds for intervals of the p50, which need 6."
    return ""


def _laid_out(note: str) -> str:
    """A note in lines; what a sign means hangs beside it."""
    return filled(note, hanging="   " if note[:1] in NOTES else "")


def world_grid(summary: Mapping[str, Any]) -> Grid:
    """In how many worlds something goes wrong, each count with its interval."""
    found = {name: share for name, share in shares(summary).items() if share is not None}
    rows = [
        (f"  {KINDS[name]}", str(s.count), percent(s.value), s.bounds().strip("()"))
        for name, s in found.items()
    ]
    first = Column("Worlds", right=False)
    others = (Column(f"of {summary['replications']:,}"), Column("share"), Column("95 % interval"))
    return Grid((first, *others), (("", rows),))


def _blocks(summary: Mapping[str, Any]) -> Iterator[tuple[str, list[tuple[str, ...]]]]:
    """Titles and rows: the groups of the whole, then workloads and backends among several."""
    free = {each["name"] for each in summary["worst_workloads"] if each["attainment"] is None}
    yield from _of_all(summary)
    for part, metrics in PARTS.items():
        if len(summary.get(part, ())) > 1:
            for name, estimates in summary[part].items():
                labels = WITHOUT_SLO if part == "workloads" and name in free else {}
                figures = tuple(relabelled(BY_METRIC[metric], labels) for metric in metrics)
                yield from _block(f"{part.capitalize()[:-1]} {name}", estimates, figures)


def _of_all(
    summary: Mapping[str, Any], only: Sequence[str] = ()
) -> Iterator[tuple[str, list[tuple[str, ...]]]]:
    """The groups of everything together, of all figures or of some."""
    free = {each["name"] for each in summary["worst_workloads"] if each["attainment"] is None}
    every = len(free) == len(summary["worst_workloads"])
    labels = WITHOUT_SLO if every else WITH_SOME if free else {}
    for title, group in GROUPS.items():
        chosen = (each for each in group if not only or each.metric in only)
        figures = tuple(relabelled(figure, labels) for figure in chosen)
        pooled = title == LATENCY and len(summary["workloads"]) > 1
        shown = f"{title}, {POOLED}" if pooled else title
        yield from _block(shown, summary["metrics"], figures)


def _block(
    title: str, estimates: Mapping[str, Estimate], figures: tuple[Figure, ...]
) -> Iterator[tuple[str, list[tuple[str, ...]]]]:
    rows = [
        _row(figure, estimates[figure.metric])
        for figure in figures
        if figure.metric in estimates and not _left_out(figure, estimates)
    ]
    if rows:
        yield title, rows


def _left_out(figure: Figure, estimates: Mapping[str, Estimate]) -> bool:
    """Undefined in every world, none in any, what it is without trouble, or a task of one call.

    Where nearly all that was asked for was served, costs of both are the same; where no SLO is
    stated, the share within it is of those answered, which is a figure of its own. Nobody waits for
    a replica's batch where none has anything to do.
    """
    metric = figure.metric
    estimate = estimates[metric]
    if figure.label == WITHOUT_SLO.get(metric) and figure.label == ANSWERED.label:
        return ANSWERED.metric in estimates and typical(estimates[ANSWERED.metric]) is not None
    if metric in OF_TASKS and estimates.get("tasks") == estimates.get("requests"):
        return True
    if metric in OF_REPLICAS and any(
        name in estimates and _always(estimates[name], 0.0)
        for name in ("gpu_hours", "offered_load")
    ):
        return True
    share = estimates.get(OF_ASKED.get(metric, ""))
    if share and (share["p5"] or 0.0) > 1.0 - WORTH_SAYING:
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


def _tells(at: int, rows: list[tuple[str, ...]]) -> bool:
    """Whether there is an end of any interval in a column of them."""
    return any(row[at] not in ("", UNKNOWN) for row in rows)


def _notes(summary: Mapping[str, Any], shown: str) -> Iterator[str]:
    """What the signs in the table mean, and what never happened."""
    yield from sign_notes(shown)
    yield from of_a_request(summary)
    yield from of_the_volume(summary)
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
        yield f"In few worlds, not in the table: {', '.join(rare)}."
