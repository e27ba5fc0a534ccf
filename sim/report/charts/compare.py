"""Charts of ``sim compare``: what each design costs and how fast it is, and world by world."""

import math
from typing import Any

import altair as alt
import numpy as np
import pandas as pd

from sim.report.charts.axes import amount, amounts, between, is_wide
from sim.report.charts.chart import Chart
from sim.report.charts.style import (
    BLUE,
    GREY,
    PALETTE,
    brief,
    brief_names,
    drawn,
    legend,
    names_axis,
    upright,
)
from sim.report.figures import Kind
from sim.studies.compare.answer import Comparison
from sim.studies.measure import Measure

KEPT_UP, BOUND = "both keep up", "one falls behind: its latency is a lower bound"
HEIGHT, STEP = 340, 40
MOST_POINTS = 900  # world by world: more are drawn as an even choice of them
MOST_DESIGNS = 24
KINDS: dict[str, Kind] = {"usd": "usd", "seconds": "seconds", "share": "share", "number": "rate"}


def charts(answer: Comparison) -> list[Chart]:
    """The spread of cost and of latency by design, and both differences in every world."""
    return [
        _spread(answer, "cost", answer.cost.measure, "What does each design cost?"),
        _spread(
            answer, "latency", answer.latency.measure, "How fast is each design?", answer.limit_s
        ),
        *_worlds(answer),
    ]


def _spread(
    answer: Comparison, name: str, measure: Measure, question: str, limit: float = math.nan
) -> Chart:
    """p5 to p95 over worlds as a bar, the median as a tick; the SLO across where there is one."""
    kind = KINDS[measure.kind]
    names = brief_names(answer.labels)
    frame = pd.DataFrame(
        {
            "design": names[each.label],
            **{level: getattr(getattr(each, name), level) for level in ("p5", "p50", "p95")},
        }
        for each in answer.overviews
    )
    left_out = len(frame) - MOST_DESIGNS
    shown = frame.sort_values("p50").head(MOST_DESIGNS) if left_out > 0 else frame
    values = np.append(shown[["p5", "p50", "p95"]].to_numpy(np.float64).ravel(), limit)
    wide = is_wide(values)
    unit = {"usd": ", USD", "rate": ""}.get(kind, "")
    title = f"{brief(measure.words(), 80)}{unit}{' (log scale)' if wide else ''}"
    across = amounts(kind, values, title, log=wide, beside_names=True)
    base = alt.Chart(shown).encode(
        y=alt.Y("design:N", sort=list(shown["design"]), axis=names_axis())
    )
    bars = base.mark_bar(height=STEP / 3, opacity=0.55, color=BLUE).encode(
        x=alt.X("p5:Q", **across), x2=alt.X2("p95:Q")
    )
    medians = base.mark_tick(height=STEP * 0.6, thickness=3, opacity=1, color=BLUE)
    told = "; ".join(
        f"{design} {amount(kind, middle)} ({between(kind, low, high)})"
        for design, low, middle, high in shown.itertuples(index=False)
    )
    notes = [f"tick: median, bar: p5 to p95 of {answer.worlds:,} worlds"]
    if left_out > 0:
        notes.append(f"the {MOST_DESIGNS} lowest of {len(frame)}")
    layers: list[alt.Chart] = [bars, medians.encode(x=alt.X("p50:Q"))]
    asked = ""
    if math.isfinite(limit):
        asked = f" The SLO is {amount(kind, limit)}."
        past = limit > np.nanmean(values)  # then there is more room to the left
        layers += upright(limit, f"SLO {amount(kind, limit)}", align="right" if past else "left")
    return drawn(
        name,
        frame,
        alt.layer(*layers),
        question,
        "; ".join(notes),
        f"Bars from p5 to p95 over worlds with the median: {told}.{asked}",
        height=alt.Step(STEP),
    )


def _worlds(answer: Comparison) -> list[Chart]:
    """Each design over the first in every world: cost across, latency up."""
    names = brief_names(answer.labels)
    first_label, *others_labels = answer.labels
    others = _ratios(answer)
    if others.empty or not others_labels:
        return []
    others["design"] = others["design"].map(names)
    shown = others
    if len(others) > MOST_POINTS:
        shown = others.iloc[np.linspace(0, len(others) - 1, MOST_POINTS).astype(int)]
    designs = [names[label] for label in others_labels]
    of_first = f"over that of {brief(first_label, 24)}"
    kinds = [kind for kind in (KEPT_UP, BOUND) if kind in set(shown["kept_up"])]
    marks = alt.Scale(domain=[KEPT_UP, BOUND], range=["circle", "triangle-up"])
    shapes = legend(kinds) if len(kinds) > 1 else None
    colours = [PALETTE[n % len(PALETTE)] for n in range(len(designs))]
    across = _ratio_axis(
        others["cost_ratio"], f"{brief(answer.cost.measure.words(), 80)}, {of_first}"
    )
    up = _ratio_axis(
        others["latency_ratio"], f"{brief(answer.latency.measure.words(), 80)}, {of_first}"
    )
    dots = (
        alt.Chart(shown[["design", "cost_ratio", "latency_ratio", "kept_up"]])
        .mark_point(size=40, opacity=0.7)
        .encode(
            x=alt.X("cost_ratio:Q", **across),
            y=alt.Y("latency_ratio:Q", **up),
            color=alt.Color(
                "design:N",
                scale=alt.Scale(domain=designs, range=colours),
                legend=legend(designs, "bottom") if len(designs) > 1 else None,
            ),
            shape=alt.Shape("kept_up:N", scale=marks, legend=shapes),
        )
    )
    same = alt.Chart(pd.DataFrame({"same": [1.0]})).mark_rule(color=GREY)
    notes = ["each point is a world: below the line is faster, left of the line is cheaper"]
    if len(shown) < len(others):
        notes.append(f"{len(shown):,} of {len(others):,} points")
    chart = drawn(
        "worlds",
        others,
        same.encode(y=alt.Y("same:Q")) + same.encode(x=alt.X("same:Q")) + dots,
        f"In which worlds is a design cheaper, and in which faster, than {brief(first_label)}?",
        "; ".join(notes),
        _worlds_alt(others, names[first_label]),
        height=HEIGHT,
    )
    return [chart]


def _ratios(answer: Comparison) -> pd.DataFrame:
    """Cost and latency of the other designs over those of the first, where all are known."""
    frame = answer.by_world
    first = frame[frame["design"] == answer.labels[0]].set_index("world")
    others = frame[frame["design"] != answer.labels[0]].copy()
    for name in ("cost", "latency"):
        below = others["world"].map(first[name])
        ratio = (others[name] / below).where((others[name] > 0.0) & (below > 0.0))
        others[f"{name}_ratio"] = ratio.where(np.isfinite(ratio))
    either = others["overloaded"] | others["world"].map(first["overloaded"])
    others["kept_up"] = either.map({False: KEPT_UP, True: BOUND})
    return others.dropna().reset_index(drop=True)


def _worlds_alt(others: pd.DataFrame, first: str) -> str:
    parts = [
        f"{design} is cheaper in {int((part['cost_ratio'] < 1).sum()):,}, faster in"
        f" {int((part['latency_ratio'] < 1).sum()):,} and both in"
        f" {int(((part['cost_ratio'] < 1) & (part['latency_ratio'] < 1)).sum()):,}"
        f" of {len(part):,} worlds; it costs {float(part['cost_ratio'].median()):.3g} times as much"
        f" and takes {float(part['latency_ratio'].median()):.3g} times as long in the median world"
        for design, part in others.groupby("design", sort=False)
    ]
    return f"A point for each world, against {first}: {'; '.join(parts)}."


def _ratio_axis(ratios: "pd.Series[float]", title: str) -> dict[str, Any]:
    """A log axis of ratios with the line of no difference well within."""
    low, high = min(0.9, float(ratios.min())), max(1.1, float(ratios.max()))
    found = amounts("rate", [low, high], title, log=True)
    found["axis"].labelExpr = f"{found['axis'].labelExpr} + '×'"
    return found
