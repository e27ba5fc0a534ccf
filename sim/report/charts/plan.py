"""Charts of ``sim plan``: cost, GPUs, latency, margin and training, month by month."""

from dataclasses import dataclass
from typing import Any, Literal

import altair as alt
import numpy as np
import pandas as pd

from sim.report.charts.chart import Chart
from sim.report.charts.style import BLUE, GREEN, GREY, ORANGE, PINK, VERMILION, drawn, number_axis
from sim.studies.plan.answer import Plan

WIDTH, HEIGHT = 480, 260
LEVELS = ("p5", "p50", "p95")
WIDE = 20.0  # from the shortest to the longest wait, beyond which the axis is logarithmic
TICKS = 12  # on the axis of months, at most


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


def charts(answer: Plan) -> list[Chart]:
    """Cost and latency always; GPUs, margin and training where there are any."""
    frame = answer.frames()["months"]
    budget = (
        []
        if answer.budget_usd is None
        else [
            alt.Chart(pd.DataFrame({"usd": [answer.budget_usd]}))
            .mark_rule(color=VERMILION, strokeDash=[2, 3])
            .encode(y="usd:Q")
        ]
    )
    ends = "" if answer.budget_usd is None else "; level: the budget"
    found = [
        _bands(
            answer,
            "plan_cost",
            "What will it cost, month by month?",
            "USD a month",
            [Line("cost_usd", "", BLUE)],
            budget,
            note=ends,
        ),
        _waiting(answer, frame),
    ]
    if answer.gpus:
        found.append(_gpus(answer, frame))
    if frame["gross_margin_p50"].notna().any():
        zero = alt.Chart(pd.DataFrame({"zero": [0.0]})).mark_rule(color=GREY).encode(y="zero:Q")
        margin = [Line("gross_margin", "", GREEN)]
        found.append(
            _bands(answer, "plan_margin", "Does it earn?", "gross margin", margin, [zero], "%")
        )
    if answer.trains:
        share = [Line("training_share_so_far", "", PINK)]
        title = "training, of all that is paid so far"
        question = "How much goes into training, how much into inference?"
        found.append(_bands(answer, "plan_training", question, title, share, form="%"))
    return found


def _waiting(answer: Plan, frame: pd.DataFrame) -> Chart:
    lines = [Line("weekday_ttft_p95_s", "weekday", BLUE)]
    if frame["peak_day_ttft_p95_s_p50"].notna().any():
        lines.append(Line("peak_day_ttft_p95_s", "peak day", ORANGE))
    columns = [f"{line.figure}_{level}" for line in lines for level in LEVELS]
    ends = frame[columns].to_numpy(dtype=np.float64)
    wide = float(np.nanmax(ends)) > WIDE * float(np.nanmin(ends)) > 0
    of_whom = f" of {answer.waiting}" if answer.waiting else ""
    title = f"time to first token{of_whom}, p95 of the worst hour, s"
    kind: Literal["linear", "log"] = "log" if wide else "linear"
    return _bands(answer, "plan_p95", "Will people wait?", title, lines, form="~g", kind=kind)


def _gpus(answer: Plan, frame: pd.DataFrame) -> Chart:
    lines = [Line("gpus_at_peak", "in use at the peak", BLUE)]
    if not answer.commitments:
        question, title = "How many GPUs does it take?", "GPUs at the busiest hour"
        return _bands(answer, "plan_gpus", question, title, [Line("gpus_at_peak", "", BLUE)])
    # Each month is a step: the last one ends where the month does.
    last = frame[["month", "reserved_gpus"]].tail(1).assign(month=frame["month"].max() + 1)
    steps = pd.concat([frame[["month", "reserved_gpus"]], last]).assign(what="reserved")
    steps["month"] -= 0.5
    line = alt.Chart(steps).mark_line(interpolate="step-after", strokeDash=[6, 3], strokeWidth=2)
    reserved = line.encode(x="month:Q", y="reserved_gpus:Q", color=_colour([*lines, RESERVED]))
    question = "How many GPUs, and how many of them reserved?"
    title = "GPUs at the busiest hour"
    return _bands(answer, "plan_gpus", question, title, lines, [reserved], also=[RESERVED])


RESERVED = Line("reserved_gpus", "reserved", ORANGE)


def _bands(
    answer: Plan,
    name: str,
    question: str,
    title: str,
    lines: list[Line],
    more: list[Any] | None = None,
    form: str = "~s",
    also: list[Line] | None = None,
    note: str = "",
    kind: Literal["linear", "log"] = "linear",
) -> Chart:
    """Medians with their bands, dots where they are simulated, and what breaks when."""
    frame = _long(answer, lines)
    x = _month(answer)
    y = alt.Y("p50:Q", title=title, axis=number_axis(form), scale=alt.Scale(type=kind))
    colour = _colour([*lines, *(also or [])])
    base = alt.Chart(frame)
    layers: list[Any] = [
        base.mark_area(opacity=0.2).encode(x=x, y="p5:Q", y2="p95:Q", color=colour),
        base.mark_line(strokeWidth=2).encode(x=x, y=y, color=colour),
        base.transform_filter("datum.simulated")
        .mark_point(size=36, filled=True, opacity=1)
        .encode(x=x, y=y, color=colour),
        *(more or []),
    ]
    told = f"{answer.name}; median and p5 to p95 over {answer.worlds} worlds; dots: simulated"
    broken = answer.kept.broken
    if broken is not None and broken.month > 0:
        rule = alt.Chart(pd.DataFrame({"month": [broken.month + 1]}))
        layers.append(rule.mark_rule(color=GREY, strokeDash=[2, 3]).encode(x=x))
        note += f"; upright: from month {broken.month + 1} {broken.what}"
    subtitle = [told, note.removeprefix("; ")] if note else told
    return drawn(name, frame, alt.layer(*layers), question, subtitle, WIDTH, HEIGHT)


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
    return alt.X("month:Q", title="month", scale=scale, axis=alt.Axis(format="d", values=ticks))


def _colour(lines: list[Line]) -> Any:
    """Of several lines, with a legend; of one, its own."""
    if len(lines) == 1:
        return alt.value(lines[0].colour)
    domain, colours = [line.label for line in lines], [line.colour for line in lines]
    legend = alt.Legend(orient="bottom", symbolOpacity=1)
    palette = alt.Scale(domain=domain, range=colours)
    return alt.Color("what:N", title=None, scale=palette, legend=legend)
