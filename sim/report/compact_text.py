"""The answer of a run in one screen: the decision, ticks of the SLOs, the day, about ten figures.

What is left out stands in ``--full``: the worst world, the counts of troubled ones, which the
sentence tells, and all further figures, of each workload and backend as well.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import click

from sim.montecarlo.shares import percent, percent_beside
from sim.report.columns import Column, blocks, table
from sim.report.figures import BY_METRIC, Figure, text
from sim.report.headline import median, paragraphs, sentence
from sim.report.month_text import of_a_request
from sim.report.of_regions import ON_A_SCREEN
from sim.report.paragraph import filled
from sim.report.table import AT_LEAST, key_grid, sign_notes
from sim.report.thresholds_text import threshold_lines

PARTS = {
    "regions": ON_A_SCREEN,
    "workloads": ("requests", "peak_hour_ttft_p95_s", "e2e_p95_s", "slo_attainment"),
    "backends": ("cost_usd_per_month", "answers", "offered_load_peak", "ready_replicas_mean"),
}
KEPT, MISSED = "✓", "✗"
MEDIANS = (
    "Of workloads and backends these are medians over worlds, each figure by itself: no two need be"
    " of one world."
)
FULL = (
    "--full has every figure, each workload and backend, and the worst world; 'sim explain WORD'"
    " says what a word means."
)


def compact(summary: Mapping[str, Any], day: Sequence[str] = ()) -> str:
    """The summary of a run as text.

    Parameters
    ----------
    summary : mapping
    day : sequence of str
        How it went over the time that is simulated, in lines.
    """
    lines = threshold_lines(summary.get("thresholds", ()))
    lines += [""] if lines else []
    lines += [filled(sentence(summary)), ""]
    ticks = [*_ticks(summary)]
    lines += [*ticks, ""] if ticks else []
    lines += [line for each in paragraphs(summary, False) for line in (filled(each), "")]
    lines += [*day, ""] if day else []
    grid = key_grid(summary)
    figures = blocks(grid.columns, grid.blocks)
    lines += figures.lines
    for part, metrics in PARTS.items():
        if len(summary.get(part, ())) > 1:
            lines += ["", *_of_parts(part, summary[part], metrics)]
    several = any(len(summary.get(part, ())) > 1 for part in PARTS)
    notes = [
        *([MEDIANS] if several else []),
        *sign_notes("\n".join(figures.lines)),
        *of_a_request(summary),
        FULL,
    ]
    return "\n".join([*lines, "", *map(filled, notes)])


def _of_parts(
    part: str, every: Mapping[str, Mapping[str, Any]], metrics: Sequence[str]
) -> list[str]:
    """A line for each workload or backend, of the median world."""
    figures = [BY_METRIC[metric] for metric in metrics]
    heads = (Column(part.capitalize(), right=False, text=True),)
    rows = [
        (f"  {name}", *(_middle(figure, estimates) for figure in figures))
        for name, estimates in every.items()
    ]
    return table((*heads, *(Column(figure.label) for figure in figures)), rows).lines


def _middle(figure: Figure, estimates: Mapping[str, Any]) -> str:
    """The median, with its unit; empty where there is none."""
    estimate = estimates.get(figure.metric)
    if not estimate or estimate["p50"] is None:
        return ""
    bound = AT_LEAST if "p50" in estimate.get("at_least", ()) else ""
    return bound + text(figure, estimate["p50"])


def _ticks(summary: Mapping[str, Any]) -> Iterator[str]:
    """Whether each workload keeps its SLO in the median world."""
    for each in summary["worst_workloads"]:
        asked = each["attainment"]
        estimates = summary["workloads"].get(each["name"], {})
        if asked is None or "slo_attainment" not in estimates:
            continue
        within = median(estimates, "slo_attainment")
        kept = within >= asked
        mark = click.style(KEPT, fg="green") if kept else click.style(MISSED, fg="red")
        said = (
            f"{mark} {each['name']}: {percent_beside(within, asked)} of requests within the SLO in"
            f" the median world, {percent(asked)} asked"
        )
        yield filled(said, hanging="  ")
