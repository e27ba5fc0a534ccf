"""Charts of ``sim stress``: cost, cost per request, latency and attainment against growth.

A rule stands where a fleet breaks: at the middle of what encloses it, or, where the worlds cannot
tell, at both ends of the range.
"""

from typing import Any

import altair as alt
import pandas as pd

from sim.report.charts.chart import Chart
from sim.report.charts.style import BLUE, GREEN, VERMILION, drawn, number_axis
from sim.studies.stress.answer import Stress
from sim.studies.stress.fleets import AUTOSCALED, FIXED, RESIZED
from sim.studies.stress.outcome import Outcome

COLOURS = {FIXED: VERMILION, AUTOSCALED: BLUE, RESIZED: GREEN}
DASHES = {FIXED: [1, 0], AUTOSCALED: [6, 3], RESIZED: [2, 2]}
SIGNS = {"holds": "circle", "cannot tell": "diamond", "breaks": "cross"}
WIDTH, HEIGHT = 460, 280
LEGEND = alt.Legend(orient="bottom", symbolOpacity=1, symbolStrokeWidth=2)
QUESTIONS = {
    "cost_usd_per_month": ("stress_cost", "What does growth cost?", "USD a month", "log", "~s"),
    "cost_usd_per_request": (
        "stress_cost_per_request",
        "Does a request become cheaper as traffic grows?",
        "USD per answered request",
        "log",
        "~g",
    ),
    "peak_hour_ttft_p95_s": (
        "stress_p95",
        "When do people begin to wait?",
        "time to first token, p95 of the worst hour, s",
        "log",
        "~s",
    ),
    "slo_attainment": (
        "stress_attainment",
        "Up to where is the SLO kept?",
        "requests within the SLO",
        "linear",
        "%",
    ),
}


def charts(answer: Stress) -> list[Chart]:
    """One chart for each figure."""
    return [_chart(answer, metric) for metric in QUESTIONS]


def _chart(answer: Stress, metric: str) -> Chart:
    name, question, title, kind, digits = QUESTIONS[metric]
    frame = _frame(answer, metric)
    x = _growth(answer)
    span = alt.Scale(type="log") if kind == "log" else alt.Scale(domain=[0, 1])
    y = alt.Y("p50:Q", title=title, scale=span, axis=number_axis(digits, tickCount=5))
    colour, dash = _fleets([fleet for fleet in COLOURS if fleet in answer.fleets])
    base = alt.Chart(frame)
    band = base.mark_area(opacity=0.15).encode(x=x, y=alt.Y("p5:Q"), y2="p95:Q", color=colour)
    line = base.mark_line(strokeWidth=2).encode(x=x, y=y, color=colour, strokeDash=dash)
    points = base.mark_point(size=60, filled=True, opacity=1).encode(
        x=x, y=y, color=colour, shape=_verdicts()
    )
    layers = band + line + points
    worlds = f"{answer.name}; median and p5 to p95 over {answer.worlds} worlds"
    if _by_volume(answer) and (breaks := _breaks(answer)):
        rules = alt.Chart(pd.DataFrame(breaks)).mark_rule(strokeWidth=1.5, opacity=0.7)
        layers += rules.encode(x=alt.X("volume:Q"), color=colour, strokeDash=dash)
        worlds += "; upright lines where a fleet breaks"
    return drawn(name, frame, layers, question, worlds, WIDTH, HEIGHT)


def _growth(answer: Stress) -> alt.X:
    """The axis of growth: its volume, or the steps by name."""
    if not _by_volume(answer):
        steps = [str(step) for step in answer.steps]
        return alt.X("growth:O", title="growth", sort=steps, axis=alt.Axis(labelAngle=0))
    return alt.X(
        "volume:Q",
        title="volume, times that of the scenario",
        scale=alt.Scale(type="log", nice=False),
        axis=alt.Axis(values=[step.volume for step in answer.steps], format="~g"),
    )


def _fleets(shown: list[str]) -> tuple[alt.Color, alt.StrokeDash]:
    """Colour and dash of each fleet."""
    colours = alt.Scale(domain=shown, range=[COLOURS[fleet] for fleet in shown])
    dashes = alt.Scale(domain=shown, range=[DASHES[fleet] for fleet in shown])
    return (
        alt.Color("fleet:N", title=None, sort=shown, scale=colours, legend=LEGEND),
        alt.StrokeDash("fleet:N", legend=None, scale=dashes),
    )


def _verdicts() -> alt.Shape:
    """A sign for each verdict."""
    scale = alt.Scale(domain=list(SIGNS), range=list(SIGNS.values()))
    return alt.Shape("verdict:N", title=None, sort=list(SIGNS), scale=scale, legend=LEGEND)


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
