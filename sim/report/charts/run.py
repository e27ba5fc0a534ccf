"""Pictures of ``sim run``: what it costs, how long people wait, and the hours of it."""

import math
from collections.abc import Iterator

import altair as alt
import pandas as pd

from sim.montecarlo.result import RunResult
from sim.montecarlo.sample import is_latency
from sim.report.charts.axes import amounts, between
from sim.report.charts.chart import Chart
from sim.report.charts.day import day
from sim.report.charts.dollars import dollars
from sim.report.charts.hours import Hours
from sim.report.charts.knee import knee
from sim.report.charts.spread import FEWEST_WORLDS, Spread
from sim.report.charts.style import BLUE, VERMILION, brief, drawn, names_axis
from sim.report.figures import Kind
from sim.report.headline import KINDS

SPREADS: tuple[tuple[str, str, str, str, Kind], ...] = (  # metric, file, question, axis, kind
    ("cost_usd_per_month", "cost", "What will a month cost?", "USD a month", "usd"),
    (
        "cost_usd_per_request",
        "cost_per_request",
        "What will a request cost?",
        "USD a request",
        "usd",
    ),
    (
        "peak_hour_ttft_p95_s",
        "first_token",
        "How long does the worst hour let people wait for a first token?",
        "p95 time to first token of the worst hour",
        "seconds",
    ),
    (
        "peak_hour_e2e_p95_s",
        "whole_answer",
        "How long does a whole answer take in the worst hour?",
        "p95 time of a whole answer in the worst hour",
        "seconds",
    ),
)
STEP = 38  # pixels of a bar of a share


def charts(result: RunResult) -> list[Chart]:
    """Where a dollar goes, distributions, the horizon, and the load that is too much."""
    return [chart for chart in drawing(result) if chart is not None]


def drawing(result: RunResult) -> Iterator[Chart | None]:
    """The same one by one, for who may not want the next any more; None where one says nothing."""
    about, hours = _about(result), Hours.of(result)
    yield from dollars(result, about)
    for each in SPREADS:
        yield _spread(result, *each)
    yield _worlds(result)
    yield from day(result, hours, about)
    yield knee(result, hours, about)


def _about(result: RunResult) -> str:
    worlds = len(result.sample)
    return f"{brief(result.scenario.name)}, {worlds:,} world{'s' if worlds != 1 else ''}"


def _spread(
    result: RunResult, metric: str, name: str, question: str, axis: str, kind: Kind
) -> Chart | None:
    """Worlds by the size of a figure; a latency is that of the workload that is served worst."""
    source, whose, limit = metric, "", math.nan
    if is_latency(metric):
        worst, *others = result.summary["worst_workloads"]
        limit = _limit(result, worst["name"], metric)
        if others:
            source = f"workloads.{worst['name']}.{metric}"
            whose = f"; {brief(worst['name'])}, the worst served"
    spread = Spread(name, metric, question, axis, _about(result) + whose, kind, limit)
    return spread.chart(result.sample.values(source), result.sample.lower_bound(source))


def _limit(result: RunResult, workload: str, metric: str) -> float:
    """The threshold of a workload on a latency; NaN where it has none."""
    slo = next(each.slo for each in result.design.workloads if each.name == workload)
    limit = slo.ttft_s if "ttft" in metric else slo.e2e_s
    return limit if math.isfinite(limit) else math.nan


def _worlds(result: RunResult) -> Chart | None:
    """In how many worlds something goes wrong, each share with its interval."""
    if len(result.sample) < FEWEST_WORLDS:
        return None
    counts = {name: found for name, found in result.summary["worlds"].items() if found is not None}
    if not counts:
        return None
    frame = pd.DataFrame(
        [
            {
                "what": f"{KINDS[name]}|{found['count']:,} of {found['of']:,}",
                "worlds": found["count"],
                "share": found["share"],
                "low": found["share_ci"][0],
                "high": found["share_ci"][1],
            }
            for name, found in counts.items()
        ]
    )
    two_lines = names_axis(labelExpr="split(datum.label, '|')")
    base = alt.Chart(frame).encode(y=alt.Y("what:N", sort=None, axis=two_lines))
    across = amounts("share", [0.0, 1.0], "share of worlds", beside_names=True)
    bars = base.mark_bar(color=BLUE, height={"band": 0.6}).encode(x=alt.X("share:Q", **across))
    ends = base.mark_rule(color=VERMILION, strokeWidth=3).encode(
        x=alt.X("low:Q"), x2=alt.X2("high:Q")
    )
    worst = result.summary["worst_world"]["world"]
    ends_of = zip(frame["what"], frame["low"], frame["high"], strict=True)
    shares = "; ".join(
        f"{what.replace('|', ' in ')} ({between('share', low, high)})"
        for what, low, high in ends_of
    )
    return drawn(
        "worlds",
        frame.assign(what=frame["what"].str.partition("|")[0]),
        bars + ends,
        "In how many worlds does it go wrong?",
        f"{_about(result)}; lines: 95 % intervals; the worst is world {worst}",
        f"Bars with 95 % intervals: {shares}. The worst is world {worst}.",
        height=alt.Step(STEP),
    )
