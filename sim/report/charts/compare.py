"""Charts of ``sim compare``: what each design costs and how fast it is, and world by world."""

import altair as alt
import pandas as pd

from sim.report.charts.chart import Chart
from sim.report.charts.style import GREY, PALETTE, drawn
from sim.studies.compare.answer import Comparison
from sim.studies.measure import Measure

KEPT_UP, BOUND = "both keep up", "one falls behind: its latency is a lower bound"
WIDTH, HEIGHT, STEP = 520, 360, 40


def charts(answer: Comparison) -> list[Chart]:
    """The spread of cost and of latency by design, and both differences in every world."""
    return [
        _spread(answer, "cost", answer.cost.measure, "What does each design cost?"),
        _spread(answer, "latency", answer.latency.measure, "How fast is each design?"),
        _worlds(answer),
    ]


def _spread(answer: Comparison, name: str, measure: Measure, question: str) -> Chart:
    """p5 to p95 over worlds as a bar, the median as a tick."""
    frame = pd.DataFrame(
        {
            "design": each.label,
            **{level: getattr(getattr(each, name), level) for level in ("p5", "p50", "p95")},
        }
        for each in answer.overviews
    )
    base = alt.Chart(frame).encode(
        y=alt.Y("design:N", sort=list(answer.labels), title=None, axis=alt.Axis(labelLimit=260))
    )
    axis = alt.X("p5:Q", title=_title(measure), scale=alt.Scale(zero=False), axis=_axis(measure))
    colour = alt.Color(
        "design:N",
        sort=list(answer.labels),
        scale=alt.Scale(domain=list(answer.labels), range=PALETTE),
        legend=None,
    )
    bars = base.mark_bar(size=STEP / 3, opacity=0.6).encode(x=axis, x2="p95:Q", color=colour)
    medians = base.mark_tick(size=STEP * 0.6, thickness=3, opacity=1).encode(
        x="p50:Q", color=colour
    )
    worlds = f"median and p5 to p95 of {answer.worlds:,} worlds"
    return drawn(name, frame, bars + medians, question, worlds, WIDTH, alt.Step(STEP))


def _worlds(answer: Comparison) -> Chart:
    """Each design over the first in every world: cost across, latency up, on log scales."""
    frame = answer.by_world
    first = frame[frame["design"] == answer.labels[0]].set_index("world")
    others = frame[frame["design"] != answer.labels[0]].copy()
    for name in ("cost", "latency"):
        below = others["world"].map(first[name])
        ratio = (others[name] / below).where((others[name] > 0.0) & (below > 0.0))
        others[f"{name}_ratio"] = ratio
    either = others["overloaded"] | others["world"].map(first["overloaded"])
    others["kept_up"] = either.map({False: KEPT_UP, True: BOUND})
    others = others.dropna().reset_index(drop=True)
    cost, latency = answer.cost.measure.words(), answer.latency.measure.words()
    dots = (
        alt.Chart(others)
        .mark_point(size=40, opacity=0.7)
        .encode(
            x=_ratio_axis(alt.X, "cost_ratio", cost, answer.labels[0], others),
            y=_ratio_axis(alt.Y, "latency_ratio", latency, answer.labels[0], others),
            color=alt.Color(
                "design:N",
                title=None,
                scale=alt.Scale(domain=list(answer.labels[1:]), range=PALETTE[1:]),
                legend=alt.Legend(orient="bottom", labelLimit=300),
            ),
            shape=alt.Shape(
                "kept_up:N",
                title=None,
                scale=alt.Scale(domain=[KEPT_UP, BOUND], range=["circle", "triangle-up"]),
                legend=alt.Legend(orient="bottom", labelLimit=300),
            ),
        )
    )
    same = pd.DataFrame({"same": [1.0]})
    across = alt.Chart(same).mark_rule(color=GREY).encode(y="same:Q")
    up = alt.Chart(same).mark_rule(color=GREY).encode(x="same:Q")
    return drawn(
        "worlds",
        others,
        across + up + dots,
        f"In which worlds is a design cheaper, and in which faster, than {answer.labels[0]}?",
        "each point is a world; below the line is faster, left of the line is cheaper",
        WIDTH,
        HEIGHT,
    )


def _ratio_axis(
    axis: type[alt.X] | type[alt.Y], column: str, words: str, label: str, frame: pd.DataFrame
) -> alt.X | alt.Y:
    """A log axis of ratios with the line of no difference well within."""
    values = [*frame[column], 1.0]
    domain = [min(0.9, min(values) / 1.1), max(1.1, max(values) * 1.1)]
    return axis(
        f"{column}:Q",
        title=f"{words}, as a multiple of that of {label}",
        scale=alt.Scale(type="log", domain=domain, nice=False),
        axis=alt.Axis(format="~r", tickCount=6),
    )


def _title(measure: Measure) -> str:
    unit = {"usd": " (USD)", "seconds": " (s)"}.get(measure.kind, "")
    return f"{measure.words()}{unit}"


def _axis(measure: Measure) -> alt.Axis:
    return alt.Axis(format="%") if measure.kind == "share" else alt.Axis()
