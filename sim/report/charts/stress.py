"""Charts of ``sim stress``: cost, cost per request, latency and attainment against growth.

A rule stands where a fleet breaks: at the middle of what encloses it, or, where the worlds cannot
tell, at both ends of the range.
"""

import math
from typing import Any

import altair as alt
import pandas as pd

from sim.report.charts.axes import amount, amounts
from sim.report.charts.chart import Chart
from sim.report.charts.style import BLUE, GREEN, VERMILION, brief, drawn, legend, level
from sim.report.figures import Kind
from sim.studies.stress.answer import Stress
from sim.studies.stress.fleets import AUTOSCALED, FIXED, RESIZED
from sim.studies.stress.outcome import Outcome

COLOURS = {FIXED: VERMILION, AUTOSCALED: BLUE, RESIZED: GREEN}
DASHES = {FIXED: [1, 0], AUTOSCALED: [6, 3], RESIZED: [2, 2]}
SIGNS = {"holds": "circle", "cannot tell": "diamond", "breaks": "cross"}
QUESTIONS: dict[str, tuple[str, str, str, Kind]] = {
    "cost_usd_per_month": ("stress_cost", "What does growth cost?", "USD a month", "usd"),
    "cost_usd_per_request": (
        "stress_cost_per_request",
        "Does a request become cheaper as traffic grows?",
        "USD per answered request",
        "usd",
    ),
    "peak_hour_ttft_p95_s": (
        "stress_p95",
        "When do people begin to wait?",
        "p95 time to first token of the worst hour",
        "seconds",
    ),
    "slo_attainment": (
        "stress_attainment",
        "Up to where is the SLO kept?",
        "requests within the SLO",
        "share",
    ),
}


def charts(answer: Stress) -> list[Chart]:
    """One chart for each figure."""
    return [_chart(answer, metric) for metric in QUESTIONS]


def _chart(answer: Stress, metric: str) -> Chart:
    name, question, title, kind = QUESTIONS[metric]
    frame, limit = _frame(answer, metric), _limit(answer, metric)
    x = _growth(answer)
    ends = [*frame["p5"], *frame["p50"], *frame["p95"], limit]
    if kind == "share":
        up = amounts(kind, [0.0, 1.0], title)
    else:
        up = amounts(kind, ends, f"{title} (log scale)", log=True)
        if up["scale"].to_dict().get("type") != "log":
            up["title"] = title
    y = alt.Y("p50:Q", **up)
    shown = [fleet for fleet in COLOURS if fleet in answer.fleets]
    colour, dash = _fleets(shown)
    known = frame[frame["p50"].notna()]
    base = alt.Chart(known)
    band = base.mark_area(opacity=0.15).encode(
        x=x, y=alt.Y("p5:Q"), y2=alt.Y2("p95:Q"), color=colour
    )
    line = base.mark_line(strokeWidth=2).encode(x=x, y=y, color=colour, strokeDash=dash)
    points = base.mark_point(size=60, filled=True, opacity=1).encode(
        x=x, y=y, color=colour, shape=_verdicts(frame)
    )
    layers: list[alt.Chart] = [band, line, points]
    notes = [f"{brief(answer.name)}; median and p5 to p95 over {answer.worlds} worlds"]
    breaks = _breaks(answer) if _by_volume(answer) else []
    if breaks:
        rules = alt.Chart(pd.DataFrame(breaks)).mark_rule(strokeWidth=1.5, opacity=0.7)
        layers.append(rules.encode(x=alt.X("volume:Q"), color=colour, strokeDash=dash))
        notes.append("upright lines where a fleet breaks")
    if math.isfinite(limit):
        layers += level(limit, f"SLO {amount(kind, limit)}", below=kind == "share")
    if len(known) < len(frame):
        notes.append("no point where nobody is answered")
    return drawn(
        name,
        frame,
        alt.layer(*layers),
        question,
        "; ".join(notes),
        _alt(frame, shown, title, kind, limit, breaks),
    )


def _limit(answer: Stress, metric: str) -> float:
    """The threshold on a figure: the strictest of all workloads; NaN where there is none."""
    slos = [each.slo for each in answer.outcomes[0].result.design.workloads]
    stated = [slo for slo in slos if slo.is_stated]
    match metric:
        case "peak_hour_ttft_p95_s":
            limit = min((slo.ttft_s for slo in stated), default=math.inf)
            return limit if math.isfinite(limit) else math.nan
        case "slo_attainment":
            return max((slo.attainment for slo in stated), default=math.nan)
        case _:
            return math.nan


def _alt(
    frame: pd.DataFrame,
    fleets: list[str],
    title: str,
    kind: Kind,
    limit: float,
    breaks: list[dict[str, Any]],
) -> str:
    """What it shows in words: where each fleet begins and ends, and where it breaks."""
    parts = []
    for fleet in fleets:
        own = frame[frame["fleet"] == fleet]
        first, last = own.iloc[0], own.iloc[-1]
        ends = f"{amount(kind, float(first['p50']))} at {first['growth']},"
        ends += f" {amount(kind, float(last['p50']))} at {last['growth']}"
        broken = [each["volume"] for each in breaks if each["fleet"] == fleet]
        where = f", breaks at about {broken[-1]:.3g}x" if broken else f", {last['verdict']}"
        parts.append(f"{fleet}: {ends}{where}")
    limit_told = f" The SLO is {amount(kind, limit)}." if math.isfinite(limit) else ""
    return f"Lines of {title} against growth, in the median world. {'; '.join(parts)}.{limit_told}"


def _growth(answer: Stress) -> alt.X:
    """The axis of growth: its volume, or the steps by name."""
    if not _by_volume(answer):
        steps = [str(step) for step in answer.steps]
        axis = alt.Axis(labelAngle=0, labelOverlap=True, labelLimit=90)
        return alt.X("growth:O", title="growth", sort=steps, axis=axis)
    volumes = [step.volume for step in answer.steps]
    axis = alt.Axis(
        values=volumes,
        labelExpr="format(datum.value, '~g') + 'x'",
        labelOverlap="greedy",
        labelSeparation=6,
    )
    return alt.X(
        "volume:Q",
        title="volume, times today's (log scale)",
        scale=alt.Scale(type="log", nice=False, domain=[min(volumes), max(volumes)]),
        axis=axis,
    )


def _fleets(shown: list[str]) -> tuple[alt.Color, alt.StrokeDash]:
    """Colour and dash of each fleet."""
    colours = alt.Scale(domain=shown, range=[COLOURS[fleet] for fleet in shown])
    dashes = alt.Scale(domain=shown, range=[DASHES[fleet] for fleet in shown])
    lines = legend(shown, "bottom", symbolOpacity=1, symbolType="stroke", symbolStrokeWidth=2)
    return (
        alt.Color("fleet:N", sort=shown, scale=colours, legend=lines),
        alt.StrokeDash("fleet:N", legend=None, scale=dashes),
    )


def _verdicts(frame: pd.DataFrame) -> alt.Shape:
    """A sign for each verdict."""
    found = [word for word in SIGNS if word in set(frame["verdict"])]
    scale = alt.Scale(domain=found, range=[SIGNS[word] for word in found])
    return alt.Shape("verdict:N", sort=found, scale=scale, legend=legend(found))


def _by_volume(answer: Stress) -> bool:
    """Whether the steps differ in volume, each from all others."""
    volumes = [step.volume for step in answer.steps]
    return len(set(volumes)) == len(volumes) > 1


def _drawn(answer: Stress) -> list[Outcome]:
    """All steps, and what was looked at between them where it has a place on the axis."""
    if not _by_volume(answer):
        return list(answer.outcomes)
    probes = [probe for fleet in answer.fleets for probe in answer.probes(fleet)]
    return sorted((*answer.outcomes, *probes), key=lambda each: (each.fleet, each.growth.volume))


def _breaks(answer: Stress) -> list[dict[str, Any]]:
    """Volumes at which fleets break, for the rules."""
    places = []
    for each in answer.breakings:
        ends = (each.about,) if each.about else (each.held, each.broken.growth)
        places += [{"fleet": each.fleet, "volume": end.volume} for end in ends if end]
    return places


def _frame(answer: Stress, metric: str) -> pd.DataFrame:
    return pd.DataFrame(
        [
            {
                "fleet": outcome.fleet,
                "growth": str(outcome.growth),
                "volume": outcome.growth.volume,
                "verdict": outcome.word,
                "p5": outcome.figures[metric].p5,
                "p50": outcome.figures[metric].p50,
                "p95": outcome.figures[metric].p95,
            }
            for outcome in _drawn(answer)
        ]
    )
