"""Charts of ``sim plan``: cost, GPUs, latency, margin and training, month by month."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import altair as alt
import numpy as np
import pandas as pd

from sim.report.charts.axes import amount, amounts, between
from sim.report.charts.chart import Chart
from sim.report.charts.style import BLUE, GREEN, GREY, ORANGE, PINK, brief, drawn, legend, level
from sim.report.figures import Kind
from sim.studies.plan.answer import Plan

LEVELS = ("p5", "p50", "p95")
TICKS = 8  # on the axis of months, at most


@dataclass(frozen=True, slots=True)
class Line:
    """A figure with its band.

    Attributes
    ----------
    figure : str
        Of the frame of months.
    label, colour : str
    """

    figure: str
    label: str
    colour: str


@dataclass(frozen=True, slots=True)
class Figure:
    """What a picture shows.

    Attributes
    ----------
    name : str
        Of its files.
    question, title : str
        ``title`` is that of the axis.
    kind : {"usd", "seconds", "share", "count", "rate"}
    """

    name: str
    question: str
    title: str
    kind: Kind


def charts(answer: Plan) -> list[Chart]:
    """Cost and latency always; GPUs, margin and training where there are any."""
    frame = answer.frames()["months"]
    budget = answer.budget_usd
    cost = Line("cost_usd", "cost", BLUE)
    found = [
        _bands(
            answer,
            Figure("plan_cost", "What will it cost, month by month?", "USD a month", "usd"),
            [cost],
            math.nan if budget is None else budget,
            "" if budget is None else f"budget {amount('usd', budget)}",
        ),
        _waiting(answer, frame),
    ]
    if answer.gpus:
        found.append(_gpus(answer, frame))
    if frame["gross_margin_p50"].notna().any():
        figure = Figure("plan_margin", "Does it earn?", "gross margin", "share")
        margin = [Line("gross_margin", "gross margin", GREEN)]
        found.append(_bands(answer, figure, margin, 0.0, "neither profit nor loss"))
    if answer.trains:
        share = [Line("training_share_so_far", "training", PINK)]
        question = "How much goes into training, how much into inference?"
        title = "training, of all that is paid so far"
        found.append(_bands(answer, Figure("plan_training", question, title, "share"), share))
    return found


def _waiting(answer: Plan, frame: pd.DataFrame) -> Chart:
    lines = [Line("weekday_ttft_p95_s", "weekday", BLUE)]
    if frame["peak_day_ttft_p95_s_p50"].notna().any():
        lines.append(Line("peak_day_ttft_p95_s", "peak day", ORANGE))
    of_whom = f" of {brief(answer.waiting, 24)}" if answer.waiting else ""
    title = f"p95 time to first token{of_whom}, worst hour"
    figure = Figure("plan_p95", "Will people wait?", title, "seconds")
    asked = f"SLO {amount('seconds', answer.limit_s)}" if math.isfinite(answer.limit_s) else ""
    return _bands(answer, figure, lines, answer.limit_s, asked)


def _gpus(answer: Plan, frame: pd.DataFrame) -> Chart:
    title = "GPUs at the busiest hour"
    used = Line("gpus_at_peak", "in use at the peak", BLUE)
    if not answer.commitments:
        figure = Figure("plan_gpus", "How many GPUs does it take?", title, "count")
        return _bands(answer, figure, [used])
    # Each month is a step: the last one ends where the month does.
    last = frame[["month", "reserved_gpus"]].tail(1).assign(month=frame["month"].max() + 1)
    steps = pd.concat([frame[["month", "reserved_gpus"]], last]).assign(what="reserved")
    steps["month"] -= 0.5
    line = alt.Chart(steps).mark_line(interpolate="step-after", strokeDash=[6, 3], strokeWidth=2)
    reserved = Line("reserved_gpus", "reserved", ORANGE)
    colour = _colour([used, reserved])
    drawing = line.encode(x=alt.X("month:Q"), y=alt.Y("reserved_gpus:Q"), color=colour)
    question = "How many GPUs, and how many of them reserved?"
    figure = Figure("plan_gpus", question, title, "count")
    most = [float(frame["reserved_gpus"].max())]
    return _bands(answer, figure, [used], more=[drawing], also=[reserved], seen=most)


def _bands(
    answer: Plan,
    figure: Figure,
    lines: list[Line],
    limit: float = math.nan,
    label: str = "",
    *,
    more: Sequence[alt.Chart] = (),
    also: Sequence[Line] = (),
    seen: Sequence[float] = (),
) -> Chart:
    """Medians with their bands, dots where they are simulated, and what breaks when.

    Parameters
    ----------
    limit, label : float, str
        A dashed line across.
    more, also, seen
        Further layers, the lines that they are, and what is to be seen of them.
    """
    frame = _long(answer, lines)
    ends = [*frame[list(LEVELS)].to_numpy(np.float64).ravel(), *seen, limit]
    is_time = figure.kind == "seconds"
    up = amounts(figure.kind, ends, figure.title, log=None if is_time else False)
    if up["scale"].to_dict().get("type") == "log":
        up["title"] = [*np.atleast_1d(up["title"]), "(log scale)"]
    x, y = _month(answer), alt.Y("p50:Q", **up)
    colour = _colour([*lines, *also])
    base = alt.Chart(frame[frame["p50"].notna()])
    layers: list[alt.Chart] = [
        base.mark_area(opacity=0.2).encode(x=x, y=alt.Y("p5:Q"), y2=alt.Y2("p95:Q"), color=colour),
        base.mark_line(strokeWidth=2).encode(x=x, y=y, color=colour),
        base.transform_filter("datum.simulated")
        .mark_point(size=36, filled=True, opacity=1)
        .encode(x=x, y=y, color=colour),
        *more,
    ]
    if math.isfinite(limit):
        layers += level(limit, label)
    notes = [
        f"{brief(answer.name)}; median and p5 to p95 over {answer.worlds} worlds; dots: simulated"
    ]
    broken = answer.kept.broken
    if broken is not None and broken.month > 0:
        rule = alt.Chart(pd.DataFrame({"month": [broken.month + 1]}))
        layers.append(rule.mark_rule(color=GREY, strokeDash=[2, 3]).encode(x=x))
        notes.append(f"Upright: from month {broken.month + 1} {brief(broken.what, 120)}")
    return drawn(
        figure.name,
        frame,
        alt.layer(*layers),
        figure.question,
        notes,
        _alt(frame, lines, figure, limit, label),
    )


def _alt(frame: pd.DataFrame, lines: list[Line], figure: Figure, limit: float, label: str) -> str:
    """What it shows in words: the first and the last month of each line, and its most."""
    parts = []
    for line in lines:
        own = frame[(frame["what"] == line.label) & frame["p50"].notna()]
        if own.empty:
            continue
        first, last = own.iloc[0], own.iloc[-1]
        most = own.iloc[int(own["p50"].to_numpy().argmax())]
        parts.append(
            f"{line.label}: {amount(figure.kind, float(first['p50']))} in month"
            f" {first['month']:.0f}, {amount(figure.kind, float(last['p50']))} in month"
            f" {last['month']:.0f}"
            f" ({between(figure.kind, float(last['p5']), float(last['p95']))}); most"
            f" {amount(figure.kind, float(most['p50']))} in month {most['month']:.0f}"
        )
    level_told = f" Across: {label}." if math.isfinite(limit) else ""
    told = "; ".join(parts) or "no month has a figure"
    return f"Lines with bands, {figure.title}, median over worlds. {told}.{level_told}"


def _long(answer: Plan, lines: list[Line]) -> pd.DataFrame:
    """Months under one another, line by line."""
    months = answer.frames()["months"]
    return pd.concat(
        months[["month", "simulated", *(f"{line.figure}_{level}" for level in LEVELS)]]
        .rename(columns={f"{line.figure}_{level}": level for level in LEVELS})
        .assign(what=line.label)
        for line in lines
    ).reset_index(drop=True)


def _month(answer: Plan) -> alt.X:
    months = answer.outlook.months
    step = next(each for each in (1, 2, 3, 6, 12) if months / each <= TICKS or each == 12)
    ticks = sorted({1, *range(step, months + 1, step)} - ({2} if step > 1 else set()))
    scale = alt.Scale(domain=[0.5, months + 0.5], nice=False)
    axis = alt.Axis(format="d", values=ticks, labelOverlap=True, labelSeparation=4, grid=False)
    return alt.X("month:Q", title="month", scale=scale, axis=axis)


def _colour(lines: Sequence[Line]) -> Any:
    """Of several lines, with a legend; of one, its own."""
    if len(lines) == 1:
        return alt.value(lines[0].colour)
    domain, colours = [line.label for line in lines], [line.colour for line in lines]
    palette = alt.Scale(domain=domain, range=colours)
    return alt.Color("what:N", scale=palette, legend=legend(domain, "bottom", symbolOpacity=1))
