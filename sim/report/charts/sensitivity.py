"""Charts of ``sim sensitivity``: the shares of the variance, and a tornado, for each measure."""

import re
from typing import Literal

import altair as alt
import numpy as np
import pandas as pd

from sim.report.charts.axes import amount, amounts, between
from sim.report.charts.chart import Chart
from sim.report.charts.style import BLUE, ORANGE, brief, brief_names, drawn, legend, names_axis
from sim.report.figures import Kind
from sim.studies.measure import Measure, compact
from sim.studies.sensitivity.answer import CHANCE, Influence, Sensitivity, short_names

STEP = 44  # pixels per input
MOST_INPUTS = 16  # that are drawn
LEAST = 0.01  # share of the variance, or of the longest bar, below which none is
ENDS = {"p10": "input at its p10", "p90": "input at its p90"}
KINDS: dict[str, Kind] = {"usd": "usd", "seconds": "seconds", "share": "share", "number": "rate"}
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
    names = _names(each.factors["factor"].tolist())
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
    offset = alt.YOffset("index:N", sort=list(kinds.values()))
    across = amounts("share", [0.0, 1.0], "share of the variance over worlds", beside_names=True)
    colour = alt.Color(
        "index:N",
        sort=list(kinds.values()),
        scale=alt.Scale(domain=list(kinds.values()), range=[BLUE, ORANGE]),
        legend=legend(kinds.values(), "bottom", beside_names=True),
    )
    frame = frame.reset_index(drop=True)
    weights = frame.groupby("factor")["share"].max()
    shown, left_out = _most_important(frame, weights, "of the variance")
    y = alt.Y("factor:N", sort=list(dict.fromkeys(shown["factor"])), axis=names_axis())
    base = alt.Chart(shown)
    bars = base.mark_bar(height=STEP / 3).encode(
        y=y, yOffset=offset, x=alt.X("share:Q", **across), color=colour
    )
    whiskers = base.mark_rule(strokeWidth=1.5).encode(
        y=y, yOffset=offset, x=alt.X("low:Q"), x2=alt.X2("high:Q")
    )
    total = shown[shown["index"] == kinds["total"]]
    shares = zip(total["factor"], total["share"], total["low"], total["high"], strict=True)
    told = "; ".join(
        f"{factor} {amount('share', share)} ({between('share', low, high)})"
        for factor, share, low, high in shares
    )
    return drawn(
        name,
        frame,
        bars + whiskers,
        f"Which uncertain input moves {_about(each.measure)}?",
        f"Sobol indices of {rows} rows, lines: 95 % intervals{left_out}",
        f"Bars of each input's share of the variance, with interactions: {told}{left_out}.",
        height=alt.Step(STEP / 2),
    )


def _most_important(
    frame: pd.DataFrame, weights: "pd.Series[float]", of_what: str
) -> tuple[pd.DataFrame, str]:
    """The inputs that matter, and how many others there are.

    Parameters
    ----------
    frame : pandas.DataFrame
        Rows of inputs, by ``factor``.
    weights : pandas.Series
        How much each matters, from 0 to 1 of ``of_what``.
    """
    heaviest = weights.sort_values(ascending=False, kind="stable").head(MOST_INPUTS)
    kept = heaviest[(heaviest >= LEAST) | (np.arange(len(heaviest)) == 0)]
    rest = weights.drop(index=kept.index)
    places = {factor: place for place, factor in enumerate(kept.index)}
    shown = frame[frame["factor"].isin(places)]
    shown = shown.sort_values("factor", key=lambda f: f.map(places), kind="stable")
    if rest.empty:
        return shown.reset_index(drop=True), ""
    most = amount("share", max(float(rest.max()), 0.001))
    others = f"; {len(rest)} other input{'s' if len(rest) > 1 else ''}: at most {most} {of_what}"
    return shown.reset_index(drop=True), others


def _tornado(each: Influence, name: str) -> Chart:
    """The measure at the p10 and the p90 of each input."""
    measure, kind = each.measure, KINDS[each.measure.kind]
    every = _swings(each)
    away = (every["value"] - every["at_medians"]).abs().groupby(every["factor"]).max().fillna(0.0)
    longest = max(float(away.max()), 1e-300)
    frame, left_out = _most_important(every, away / longest, "of the longest bar")
    unit = f", {found}" if (found := _unit(measure)) else ""
    y = alt.Y("factor:N", sort=list(dict.fromkeys(frame["factor"])), axis=names_axis())
    ends = [*frame["value"].dropna(), *frame["at_medians"]]
    title = f"{brief(measure.words(), 80)}{unit}"
    across = amounts(kind, ends, title, zero=False, log=None, room=0.15, beside_names=True)
    if across["scale"].to_dict().get("type") == "log":
        across["title"] = [*([t] if isinstance(t := across["title"], str) else t), "(log scale)"]
    colour = alt.Color(
        "end:N",
        scale=alt.Scale(domain=list(ENDS.values()), range=[BLUE, ORANGE]),
        legend=legend(ENDS.values(), "bottom", beside_names=True),
    )
    base = alt.Chart(frame).encode(y=y)
    bars = base.mark_bar(height=STEP / 2).encode(
        x=alt.X("value:Q", **across), x2=alt.X2("at_medians:Q"), color=colour
    )
    texts = base.encode(x=alt.X("value:Q"), text=alt.Text("label:N"))
    left, right = (
        texts.mark_text(align=align, dx=dx, fontSize=10).transform_filter(test)
        for align, dx, test in SIDES
    )
    middle = alt.Chart(frame.head(1)).mark_rule().encode(x=alt.X("at_medians:Q"))
    usual = float(each.at_medians)
    parts = [
        f"{factor} {between(kind, *sorted(part['value'].dropna().tolist()[:2]))}"
        for factor, part in frame.groupby("factor", sort=False)
        if part["value"].notna().sum() == 2
    ]
    return drawn(
        name,
        every,
        bars + middle + left + right,
        f"How far does each input alone move {_about(measure)}?",
        f"from its p10 to its p90 (numbers at the bars), the others at their medians{left_out}",
        f"Bars of {title}, with all inputs at their medians {amount(kind, usual)}. From the 10th to"
        f" the 90th percentile of each: {'; '.join(parts)}{left_out}.",
        height=alt.Step(STEP),
    )


def _swings(each: Influence) -> pd.DataFrame:
    """Two rows for each input, those that swing the measure furthest first."""
    inputs = each.factors[each.factors["factor"] != CHANCE]
    names = _names(inputs["factor"].tolist())
    by_swing = inputs.assign(size=inputs["swing"].abs()).sort_values("size", ascending=False)
    return pd.concat(
        pd.DataFrame(
            {
                "factor": by_swing["factor"].map(names),
                "end": end,
                "input": by_swing[f"input_{level}"],
                "value": by_swing[f"at_{level}"],
                "at_medians": each.at_medians,
                "label": _labels(by_swing, level, each.at_medians),
            }
        )
        for level, end in ENDS.items()
    ).reset_index(drop=True)


def _labels(swings: pd.DataFrame, level: str, usual: float) -> list[str]:
    """What an input is at an end: of two ends on one side the farther one alone."""
    other = {"p10": "p90", "p90": "p10"}[level]
    here, there = swings[f"at_{level}"] - usual, swings[f"at_{other}"] - usual
    is_covered = (here * there > 0) & (here.abs() < there.abs()) | (here == 0)
    inputs = swings[f"input_{level}"]
    return [
        "" if hidden or np.isnan(value) else compact(value)
        for value, hidden in zip(inputs, is_covered, strict=True)
    ]


def _about(measure: Measure) -> str:
    words = brief(measure.words(), 80)
    return (
        f"whether {words}"
        if measure.sign
        else words.replace("the SLO met", "whether the SLO is met")
    )


def _unit(measure: Measure) -> str:
    return {
        "usd": "USD",
        "share": "share of worlds" if measure.decision else "",
    }.get(measure.kind, "")


def _names(factors: list[str]) -> dict[str, str]:
    """Short names of inputs."""
    names = short_names(factors)
    short = brief_names(names.values())
    return {factor: short[name] for factor, name in names.items()}
