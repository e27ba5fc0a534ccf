"""Charts of ``sim sensitivity``: the shares of the variance, and a tornado, for each measure."""

import re
from typing import Literal

import altair as alt
import pandas as pd

from sim.report.charts.chart import Chart
from sim.report.charts.style import BLUE, GREY, ORANGE, drawn
from sim.studies.measure import Measure, compact
from sim.studies.sensitivity.answer import CHANCE, Influence, Sensitivity, short_names

WIDTH = 520
STEP = 44  # pixels per input
SIDES: tuple[tuple[Literal["left", "right"], int, str], ...] = (  # of a bar, for its number
    ("right", -4, "datum.value < datum.at_medians"),
    ("left", 4, "datum.value >= datum.at_medians"),
)


def charts(answer: Sensitivity) -> list[Chart]:
    """For each measure the shares of its variance, if they are known, and a tornado."""
    drawn: list[Chart] = []
    for each in answer.influences:
        slug = re.sub(r"\W+", "_", each.measure.name).strip("_")
        if each.factors["total"].notna().all():
            drawn.append(_shares(each, f"{slug}_sobol", answer.rows))
        if (each.factors["swing"].abs() > 0.0).any():
            drawn.append(_tornado(each, f"{slug}_tornado"))
    return drawn


def _shares(each: Influence, name: str, rows: int) -> Chart:
    """First-order and total indices with their intervals."""
    names = short_names(each.factors["factor"].tolist())
    kinds = {"first": "alone", "total": "with interactions"}
    frame = pd.concat(
        pd.DataFrame(
            {
                "factor": each.factors["factor"].map(names),
                "index": label,
                "share": each.factors[kind].clip(0.0, 1.0),
                "low": each.factors[f"{kind}_low"].clip(0.0, 1.0),
                "high": each.factors[f"{kind}_high"].clip(0.0, 1.0),
            }
        )
        for kind, label in kinds.items()
    )
    order = [names[factor] for factor in each.factors["factor"]]
    y = alt.Y("factor:N", sort=order, title=None, axis=alt.Axis(labelLimit=260))
    offset = alt.YOffset("index:N", sort=list(kinds.values()))
    axis = alt.X(
        "share:Q",
        title="share of the variance over worlds (95 % interval)",
        axis=alt.Axis(format="%"),
        scale=alt.Scale(domain=[0, 1]),
    )
    colour = alt.Color(
        "index:N",
        title=None,
        sort=list(kinds.values()),
        scale=alt.Scale(domain=list(kinds.values()), range=[BLUE, ORANGE]),
        legend=alt.Legend(orient="bottom"),
    )
    base = alt.Chart(frame)
    bars = base.mark_bar(size=STEP / 3).encode(y=y, yOffset=offset, x=axis, color=colour)
    whiskers = base.mark_rule(color=GREY, strokeWidth=1.5).encode(
        y=y, yOffset=offset, x="low:Q", x2="high:Q"
    )
    question = f"Which uncertain input moves {_about(each.measure)}?"
    subtitle, height = f"Sobol indices, {rows} rows", alt.Step(STEP / 2)
    data = frame.reset_index(drop=True)
    return drawn(name, data, bars + whiskers, question, subtitle, WIDTH, height)


def _tornado(each: Influence, name: str) -> Chart:
    """The measure at the p10 and the p90 of each input."""
    measure = each.measure
    frame = _swings(each)
    unit, percent = _unit(measure), measure.kind == "share"
    y = alt.Y("factor:N", sort=frame["factor"].unique().tolist(), title=None)
    axis = alt.X(
        "value:Q",
        title=f"{measure.words()}{f' ({unit})' if unit else ''}",
        axis=alt.Axis(format="%") if percent else alt.Axis(),
        scale=alt.Scale(domain=_domain(frame), nice=False, zero=False),
    )
    colour = alt.Color(
        "end:N",
        title=None,
        scale=alt.Scale(range=[BLUE, ORANGE]),
        legend=alt.Legend(orient="bottom"),
    )
    base = alt.Chart(frame).encode(y=y.axis(labelLimit=260))
    bars = base.mark_bar(size=STEP / 2).encode(x=axis, x2="at_medians:Q", color=colour)
    ends = base.encode(x=axis, text="label:N")
    left, right = (
        ends.mark_text(align=align, dx=dx, fontSize=10, color=GREY).transform_filter(test)
        for align, dx, test in SIDES
    )
    middle = alt.Chart(frame.head(1)).mark_rule(color=GREY).encode(x="at_medians:Q")
    return drawn(
        name,
        frame,
        bars + middle + left + right,
        f"How far does each input alone move {_about(measure)}?",
        "from its p10 to its p90 (numbers at the bars), the others at their medians",
        WIDTH,
        alt.Step(STEP),
    )


def _swings(each: Influence) -> pd.DataFrame:
    """Two rows for each input, those that swing the measure furthest first."""
    inputs = each.factors[each.factors["factor"] != CHANCE]
    names = short_names(inputs["factor"].tolist())
    by_swing = inputs.assign(size=inputs["swing"].abs()).sort_values("size", ascending=False)
    return pd.concat(
        pd.DataFrame(
            {
                "factor": by_swing["factor"].map(names),
                "end": end,
                "input": by_swing[f"input_{level}"],
                "value": by_swing[f"at_{level}"],
                "at_medians": each.at_medians,
                "label": by_swing[f"input_{level}"].map(compact),
            }
        )
        for level, end in (("p10", "input at its p10"), ("p90", "input at its p90"))
    ).reset_index(drop=True)


def _domain(frame: pd.DataFrame) -> list[float]:
    """From the least to the greatest value, with room for the numbers at the bars."""
    values = [*frame["value"].dropna(), *frame["at_medians"]]
    low, high = min(values), max(values)
    return [low - 0.12 * (high - low), high + 0.12 * (high - low)]


def _about(measure: Measure) -> str:
    words = measure.words()
    return (
        f"whether {words}"
        if measure.sign
        else words.replace("the SLO met", "whether the SLO is met")
    )


def _unit(measure: Measure) -> str:
    return {
        "usd": "USD",
        "seconds": "s",
        "share": "share of worlds" if measure.decision else "%",
    }.get(measure.kind, "")
