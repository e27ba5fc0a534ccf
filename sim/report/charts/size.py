"""Pictures of ``sim size``."""

import altair as alt
import pandas as pd

from sim.report.charts.chart import Chart
from sim.report.charts.style import BLUE, GREY, PALETTE, VERMILION, drawn
from sim.studies.measure import Measure
from sim.studies.size import Size
from sim.studies.size.fleets import NOTICED

WIDTH, HEIGHT = 560, 320
MOST_NAMES = 12  # beside points; of more fleets some are named, the answer always

LOST = "at least: not all answered"
MARKS = {"the answer": "diamond", "other": "circle", LOST: "triangle-up"}


def size_charts(answer: Size) -> list[Chart]:
    """The share of worlds by count, cost against latency, and the oracle's day."""
    charts = [_shares(answer), _frontier(answer)]
    if answer.beside.oracle is not None:
        charts.append(_oracle(answer))
    return [chart for chart in charts if chart is not None]


def _fleets(answer: Size) -> pd.DataFrame:
    """Fleets that were simulated, with a name each."""
    frame = answer.candidates
    if "worlds" not in frame:
        return frame.iloc[:0].assign(fleet="")
    frame = frame[frame["worlds"].notna()].copy()
    limits = zip(frame["replicas_min"], frame["replicas_max"], frame["autoscaled"], strict=True)
    frame["fleet"] = [f"{a:.0f} to {b:.0f}" if scaled else f"{b:.0f}" for a, b, scaled in limits]
    frame["answer"] = ["the answer" if chosen else "other" for chosen in frame["chosen"]]
    return frame.reset_index(drop=True)


def _shares(answer: Size) -> Chart | None:
    frame = _fleets(answer)
    if frame.empty:
        return None
    columns = ["service", "autoscaled", "fleet", "kept_share", "kept_share_low", "kept_share_high"]
    data = frame[[*columns, "worlds", "answer"]]
    order = list(frame["fleet"].unique())
    x = alt.X("fleet:N", title="Replicas", sort=order, axis=alt.Axis(labelAngle=0))
    share = alt.Axis(format="%")
    colour = alt.Color(
        "answer:N",
        scale=alt.Scale(domain=["the answer", "other"], range=[VERMILION, BLUE]),
        legend=alt.Legend(title=None, orient="top"),
    )
    base = alt.Chart(data)
    bounds = base.mark_rule(strokeWidth=2).encode(
        x=x,
        y=alt.Y("kept_share_low:Q", title="Share of worlds", axis=share),
        y2="kept_share_high:Q",
        color=colour,
    )
    points = base.mark_point(filled=True, size=90).encode(
        x=x, y=alt.Y("kept_share:Q", scale=alt.Scale(domain=[0, 1])), color=colour
    )
    asked = _line(answer.question.probability, "asked")
    return drawn(
        "replicas",
        data,
        alt.layer(bounds, points, *asked),
        "How many replicas keep the SLO in enough worlds?",
        f"{answer.name}: share of worlds that keep it, with bounds",
        WIDTH,
        HEIGHT,
    )


def _measured(answer: Size) -> pd.DataFrame:
    """Fleets with a cost and a latency."""
    frame = _fleets(answer)
    if "latency_p95_p50_s" not in frame:
        return frame.iloc[:0]
    latencies = ["latency_p95_p5_s", "latency_p95_p50_s", "latency_p95_p95_s"]
    lost = ["unanswered_share"]
    columns = ["service", "fleet", "cost_usd_per_month", *latencies, *lost, "worlds", "answer"]
    known = frame[columns].dropna().reset_index(drop=True)
    unseen = known["unanswered_share"] >= NOTICED
    return known.assign(answer=known["answer"].where(~unseen, LOST))


def _frontier(answer: Size) -> Chart | None:
    data = _measured(answer)
    if data.empty:
        return None
    what = Measure.parse(answer.latency_metric).words()
    colour = _by_service(data)
    x = alt.X(
        "cost_usd_per_month:Q", title="Cost, USD a month", scale=alt.Scale(zero=False, padding=30)
    )
    y = alt.Y(
        "latency_p95_p5_s:Q",
        title=f"{what[0].upper()}{what[1:]}, s (log scale)",
        scale=alt.Scale(type="log"),
        axis=alt.Axis(tickCount=5, format="~g"),
    )
    base = alt.Chart(data)
    spread = base.mark_rule(strokeWidth=2, opacity=0.6).encode(
        x=x, y=y, y2="latency_p95_p95_s:Q", color=colour
    )
    kinds = [kind for kind in MARKS if kind in set(data["answer"])]
    marks = alt.Scale(domain=kinds, range=[MARKS[kind] for kind in kinds])
    shape = alt.Shape("answer:N", scale=marks, legend=alt.Legend(title=None, orient="top"))
    points = base.mark_point(filled=True, size=130).encode(
        x=x, y="latency_p95_p50_s:Q", color=colour, shape=shape
    )
    names = (
        alt.Chart(_named(data))
        .mark_text(dx=8, dy=-14, align="left", fontWeight="bold")
        .encode(x=x, y="latency_p95_p50_s:Q", text="fleet:N")
    )
    limit = _line(answer.latency_limit_s, "SLO")
    return drawn(
        "frontier",
        data,
        alt.layer(spread, points, names, *limit),
        "What does a lower p95 cost?",
        f"{answer.name}: replicas at each point, median world and p5 to p95 over worlds",
        WIDTH,
        HEIGHT,
    )


def _named(data: pd.DataFrame) -> pd.DataFrame:
    """The points that carry their replicas: all, or evenly spread ones where they are many."""
    step = -(-len(data) // MOST_NAMES)
    spread = pd.Series(range(len(data))) % step == 0
    return data[spread | (data["answer"] == "the answer")]


def _by_service(data: pd.DataFrame) -> alt.Color:
    """A colour for each service, with a legend where there are several."""
    services = list(data["service"].unique())
    legend = alt.Legend(title=None, orient="bottom", columns=1) if len(services) > 1 else None
    return alt.Color("service:N", scale=alt.Scale(domain=services, range=PALETTE), legend=legend)


def _oracle(answer: Size) -> Chart:
    oracle = answer.beside.oracle
    assert oracle is not None
    # The last hour ends where another would begin.
    step = oracle.hours["hour"].diff().max() if len(oracle.hours) > 1 else 1.0
    end = oracle.hours.tail(1).assign(hour=lambda rows: rows["hour"] + step)
    data = pd.concat([oracle.hours, end], ignore_index=True)
    x = alt.X("hour:Q", title="Hour from the start of the horizon")
    base = alt.Chart(data)
    band = base.mark_area(opacity=0.25, color=BLUE, interpolate="step-after").encode(
        x=x,
        y=alt.Y("replicas_p5:Q", title="Replicas", axis=alt.Axis(tickMinStep=1)),
        y2="replicas_p95:Q",
    )
    median = base.mark_line(color=BLUE, interpolate="step-after", strokeWidth=2.5).encode(
        x=x, y=alt.Y("replicas_p50:Q", scale=alt.Scale(domainMin=0))
    )
    fixed = _line(float(oracle.fixed), "fixed fleet")
    return drawn(
        "oracle",
        data,
        alt.layer(band, median, *fixed),
        "How many replicas did each hour need?",
        f"{answer.name}: least count that keeps the hour's SLO, median and p5 to p95 over worlds",
        WIDTH,
        HEIGHT,
    )


def _line(value: float, label: str) -> tuple[alt.Chart, alt.Chart]:
    """A dashed line across the picture, with its name at the right end."""
    data = pd.DataFrame({"value": [value], "label": [label]})
    base = alt.Chart(data)
    rule = base.mark_rule(color=GREY, strokeDash=[6, 4]).encode(y="value:Q")
    name = base.mark_text(align="right", baseline="bottom", dx=-4, dy=-3, color=GREY).encode(
        y="value:Q", x=alt.value(WIDTH), text="label:N"
    )
    return rule, name
