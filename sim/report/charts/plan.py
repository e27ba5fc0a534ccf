"""Charts of ``sim plan``: cost, GPUs and latency, month by month."""

from typing import Any

import altair as alt
import pandas as pd

from sim.report.charts.chart import Chart
from sim.report.charts.style import BLUE, GREEN, ORANGE, drawn
from sim.studies.plan.answer import Plan

WIDTH, HEIGHT = 480, 260
LEVELS = ("p5", "p50", "p95")


def charts(answer: Plan) -> list[Chart]:
    """Cost and latency always; GPUs where there are any; the margin where there is revenue."""
    months = answer.frames()["months"]
    drawn = [
        _bands(answer, "plan_cost", "What will it cost?", "USD a month", {"cost_usd": ("", BLUE)}),
        _bands(
            answer,
            "plan_p95",
            "Will people wait?",
            "time to first token, p95 of the worst hour, s",
            {
                "weekday_ttft_p95_s": ("weekday", BLUE),
                "peak_day_ttft_p95_s": ("peak day", ORANGE),
            },
        ),
    ]
    if answer.gpus:
        drawn.append(
            _bands(
                answer,
                "plan_gpus",
                "How many GPUs, and how many of them reserved?",
                "GPUs at the busiest hour",
                {"gpus_at_peak": ("in use at the peak", BLUE)},
                months[["month", "reserved_gpus"]],
            )
        )
    if months["gross_margin_p50"].notna().any():
        margin = {"gross_margin": ("", GREEN)}
        drawn.append(
            _bands(answer, "plan_margin", "Does it earn?", "gross margin", margin, form="%")
        )
    return drawn


def _bands(
    answer: Plan,
    name: str,
    question: str,
    title: str,
    figures: dict[str, tuple[str, str]],
    reserved: pd.DataFrame | None = None,
    form: str = "~s",
) -> Chart:
    """Medians with their bands, and steps of what is reserved."""
    months = answer.frames()["months"]
    frame = pd.concat(
        months[["month", *(f"{figure}_{level}" for level in LEVELS)]]
        .rename(columns={f"{figure}_{level}": level for level in LEVELS})
        .assign(what=label)
        for figure, (label, _) in figures.items()
    ).reset_index(drop=True)
    labels = [label for label, _ in figures.values()]
    colours = [colour for _, colour in figures.values()]
    x = alt.X("month:Q", title="month", scale=alt.Scale(nice=False), axis=alt.Axis(format="d"))
    y = alt.Y("p50:Q", title=title, axis=alt.Axis(format=form))
    colour: Any = alt.value(colours[0])
    if labels != [""]:
        legend = alt.Legend(orient="bottom", symbolOpacity=1)
        domain = [*labels, *(["reserved"] if reserved is not None else [])]
        palette = alt.Scale(domain=domain, range=[*colours, ORANGE][: len(domain)])
        colour = alt.Color("what:N", title=None, scale=palette, legend=legend)
    base = alt.Chart(frame)
    layers: list[Any] = [
        base.mark_area(opacity=0.2).encode(x=x, y="p5:Q", y2="p95:Q", color=colour),
        base.mark_line(strokeWidth=2).encode(x=x, y=y, color=colour),
    ]
    if reserved is not None:
        steps = reserved.assign(what="reserved")
        line = alt.Chart(steps).mark_line(interpolate="step-after", strokeDash=[6, 3])
        layers.append(line.encode(x=x, y="reserved_gpus:Q", color=colour))
    worlds = f"{answer.name}; median and p5 to p95 over {answer.worlds} worlds"
    return drawn(name, frame, alt.layer(*layers), question, worlds, WIDTH, HEIGHT)
