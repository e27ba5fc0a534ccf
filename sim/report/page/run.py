"""The page of ``sim run``."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from sim import __version__
from sim.model.workload import Workload
from sim.montecarlo.result import RunResult
from sim.montecarlo.shares import Share
from sim.montecarlo.store import slug
from sim.report.charts import Chart
from sim.report.diff_text import tell
from sim.report.figures import BY_METRIC, GROUPS, LATENCIES, POOLED, scale, text
from sim.report.headline import paragraphs, sentence
from sim.report.page import basis
from sim.report.page.budgets import of_budgets
from sim.report.page.document import Attachment, Key, Page
from sim.report.page.pictures import pictures
from sim.report.page.study import page_of_study
from sim.report.parts import Command, Paragraph, Part, Verdict
from sim.report.table import WORDS, figure_grid, world_grid
from sim.report.thresholds_text import verdict_words
from sim.report.verdicts import in_worlds
from sim.studies.diff import Difference

KEYS = (
    "cost_usd_per_month",
    "cost_usd_per_request",
    "gross_margin",
    "slo_attainment",
    "peak_hour_ttft_p95_s",
    "peak_hour_e2e_p95_s",
    "requests",
    "unanswered_share",
    "offered_load_peak",
    "ready_replicas_mean",
)
METHOD = (
    "Each world is one joint draw of all uncertain inputs, by a Latin hypercube, and one simulation"
    " of every request under it. A percentile belongs to a world; its distribution over worlds is"
    " what is shown, with 95 % intervals by order statistics, and of shares of worlds by Clopper"
    " and Pearson. Worlds that fall behind are counted, and their latency is a lower bound.",
)


def page_of_run(result: RunResult, summary: Mapping[str, Any], charts: Sequence[Chart]) -> Page:
    """The page of a run.

    Parameters
    ----------
    result : RunResult
    summary : dict
        As in ``summary.json``, for it has the thresholds that were asked for beside the scenario's.
    charts : sequence of Chart
    """
    scenario = result.scenario
    return Page(
        title=scenario.name,
        kind="sim run",
        answer=sentence(summary),
        verdicts=tuple(_verdicts(result, summary)),
        details=tuple(map(Paragraph, paragraphs(summary))),
        keys=tuple(_keys(summary["metrics"], len(summary["workloads"]) > 1)),
        figures=(world_grid(summary), figure_grid(summary)),
        pictures=pictures(charts),
        assumptions=tuple(basis.of_run(result)),
        method=tuple(_method(result)),
        scenarios=(Attachment(f"{slug(scenario.name)}.yaml", scenario.to_yaml()),),
        version=__version__,
    )


def page_of_two(answer: Difference, charts: Sequence[Chart], runs: Sequence[RunResult]) -> Page:
    """The page of two runs, the second against the first."""
    before, after = answer.labels
    page = page_of_study(
        "report", tell(answer), charts, [each.scenario for each in runs], (after, runs[1])
    )
    return replace(page, title=f"{after} against {before}")


def _verdicts(result: RunResult, summary: Mapping[str, Any]) -> Iterator[Verdict]:
    for workload in result.design.workloads:
        if workload.slo.is_stated:
            yield _of_slo(result, workload)
    for judged in summary["thresholds"]:
        yield Verdict(judged["kept"], judged["threshold"], verdict_words(judged))
    yield from of_budgets(result)


def _of_slo(result: RunResult, workload: Workload) -> Verdict:
    sample = result.sample
    kept = sample.attained(workload.name, workload.slo.attainment) & ~sample.overloaded()
    return in_worlds(Share.of(kept), _asked(workload))


def _asked(workload: Workload) -> str:
    """An SLO in words."""
    slo = workload.slo
    limits = {
        "ttft_p95_s": slo.ttft_s,
        "tpot_p95_s": slo.tpot_s,
        "e2e_p95_s": slo.e2e_s,
    }
    said = [
        f"{BY_METRIC[metric].label.removesuffix(' p95')} within {_limit(metric, limit)}"
        for metric, limit in limits.items()
        if np.isfinite(limit)
    ]
    what = "Deadline" if workload.has_deadline else "SLO"
    return (
        f"{what} of {workload.name}: {', '.join(said)} for {100 * slo.attainment:g} % of requests"
    )


def _limit(metric: str, value: float) -> str:
    number, unit = text(BY_METRIC[metric], value).rsplit(" ", 1)
    return f"{number.rstrip('0').rstrip('.') if '.' in number else number} {unit}"


def _keys(metrics: Mapping[str, Any], several: bool) -> Iterator[Key]:
    """The figures that are read first, of those that there are."""
    for metric in KEYS:
        estimate = metrics.get(metric)
        if estimate is None or estimate["p50"] is None:
            continue
        if metric == "unanswered_share" and not estimate["p95"]:
            continue
        key = _key(metric, estimate)
        pooled = several and metric in LATENCIES
        yield replace(key, label=f"{key.label}, {POOLED}") if pooled else key


def _key(metric: str, estimate: Mapping[str, Any]) -> Key:
    figure = BY_METRIC[metric]
    value, bounds = estimate["p50"], estimate.get("at_least", ())
    chosen = scale(figure, value, estimate["p95"] or 0.0)
    unit = f" {chosen.unit}" if chosen.unit else ""
    at_least = dict.fromkeys(bounds, "≥")
    varies = not estimate["p5"] == value == estimate["p95"]
    low, high = ("?" if end is None else chosen.text(end) for end in estimate["p50_ci"])
    return Key(
        metric,
        f"cost {figure.label}" if figure in GROUPS["Cost"] else figure.label,
        value,
        f"{at_least.get('p50', '')}{chosen.text(value)}{unit}",
        f"{low} … {at_least.get('p50_ci', '')}{high}" if varies else "",
        f"{at_least.get('p5', '')}{chosen.text(estimate['p5'])} …"
        f" {at_least.get('p95', '')}{chosen.text(estimate['p95'])}{unit}"
        if varies
        else "",
    )


def _method(result: RunResult) -> Iterator[Part]:
    yield from map(Paragraph, METHOD)
    yield Paragraph(WORDS.partition(";")[0] + ".")
    file = f"{slug(result.scenario.name)}.yaml"
    worlds = f"--worlds {len(result.sample)} --seed {result.seed}"
    yield Command("To repeat it, with the scenario below:", f"sim run {file} {worlds}")
