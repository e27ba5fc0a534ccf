"""Pictures of ``sim size``."""

import math
from typing import Any

import altair as alt
import numpy as np
import pandas as pd

from sim.report.charts.axes import HOUR, amount, amounts, between
from sim.report.charts.chart import Chart
from sim.report.charts.kept import ANSWER, OTHER, kept_chart
from sim.report.charts.style import (
    BLUE,
    GREY,
    HEIGHT,
    PALETTE,
    at_x,
    brief,
    brief_names,
    drawn,
    legend,
    level,
)
from sim.studies.measure import Measure
from sim.studies.size import Size
from sim.studies.size.fleets import NOTICED

ROOM = (0.13, 0.09)  # of the width and of the height, that the name of a point takes
WIDE = 10.0  # from the cheapest to the dearest, beyond which the axis is logarithmic
MOST_FALLEN = 10  # fleets that fell out, which are drawn
STEP = 54
LOST = "at least: not all answered"
MARKS = {ANSWER: "diamond", OTHER: "circle", LOST: "triangle-up"}


def size_charts(answer: Size) -> list[Chart]:
    """Worlds kept by count, cost against latency, what fell out, and the oracle's day."""
    charts = [_shares(answer), _frontier(answer), _fallen(answer)]
    if answer.beside.oracle is not None:
        charts.append(_oracle(answer))
    return [chart for chart in charts if chart is not None]


def _named_fleets(frame: pd.DataFrame) -> pd.DataFrame:
    """Fleets with a name each, and the sort that they are of."""
    limits = zip(frame["replicas_min"], frame["replicas_max"], frame["autoscaled"], strict=True)
    fleets = [
        "" if math.isnan(most) else f"{least:.0f} to {most:.0f}" if scaled else f"{most:.0f}"
        for least, most, scaled in limits
    ]
    short = brief_names(frame["service"])
    scaled = frame["autoscaled"].any() and not frame["autoscaled"].all()
    sorts = [
        short[service] + (", autoscaled" if scaled and is_scaled else "")
        for service, is_scaled in zip(frame["service"], frame["autoscaled"], strict=True)
    ]
    chosen = [ANSWER if each else OTHER for each in frame["chosen"]]
    return frame.assign(fleet=fleets, sort=sorts, answer=chosen)


def _fleets(answer: Size) -> pd.DataFrame:
    """Fleets that were simulated."""
    frame = answer.candidates
    if "worlds" not in frame:
        return frame.iloc[:0].assign(fleet="")
    return _named_fleets(frame[frame["worlds"].notna()]).reset_index(drop=True)


def _shares(answer: Size) -> Chart | None:
    frame = _fleets(answer)
    if frame.empty:
        return None
    columns = ["service", "autoscaled", "fleet", "kept_share", "kept_share_low", "kept_share_high"]
    data = frame[[*columns, "worlds", "answer", "sort"]]
    return kept_chart(
        "replicas",
        data.assign(number=frame["replicas_max"]),
        what="replicas",
        question="How many replicas keep the SLO in enough worlds?",
        about=brief(answer.name),
        asked=answer.question.probability,
    )


def _measured(answer: Size) -> pd.DataFrame:
    """Fleets with a cost and a latency."""
    frame = _fleets(answer)
    if "latency_p95_p50_s" not in frame:
        return frame.iloc[:0]
    latencies = ["latency_p95_p5_s", "latency_p95_p50_s", "latency_p95_p95_s"]
    columns = ["service", "fleet", "sort", "cost_usd_per_month", *latencies, "unanswered_share"]
    known = frame[[*columns, "worlds", "answer"]].dropna().reset_index(drop=True)
    unseen = known["unanswered_share"] >= NOTICED
    return known.assign(answer=known["answer"].where(~unseen, LOST))


def _frontier(answer: Size) -> Chart | None:
    data = _measured(answer)
    if data.empty:
        return None
    what = brief(Measure.parse(answer.latency_metric).words(), 80)
    ends = [*data["latency_p95_p5_s"], *data["latency_p95_p95_s"], answer.latency_limit_s]
    up = amounts("seconds", ends, f"{what[0].upper()}{what[1:]} (log scale)", log=True, room=0.15)
    usd = data["cost_usd_per_month"]
    is_log = bool(usd.min() > 0 and usd.max() > WIDE * usd.min())
    title = f"Cost, USD a month{' (log scale)' if is_log else ''}"
    across = amounts("usd", usd, title, zero=False, log=is_log, room=0.1)
    x, y, colour = alt.X("cost_usd_per_month:Q", **across), alt.Y, _by_sort(data)
    kinds = [kind for kind in MARKS if kind in set(data["answer"])]
    marks = alt.Scale(domain=kinds, range=[MARKS[kind] for kind in kinds])
    sizes = alt.Scale(domain=list(MARKS), range=[220, 90, 110])
    base = alt.Chart(data)
    spread = base.mark_rule(strokeWidth=2, opacity=0.6).encode(
        x=x, y=y("latency_p95_p5_s:Q", **up), y2=alt.Y2("latency_p95_p95_s:Q"), color=colour
    )
    points = base.mark_point(filled=True, opacity=1).encode(
        x=x,
        y=alt.Y("latency_p95_p50_s:Q"),
        color=colour,
        shape=alt.Shape("answer:N", scale=marks, legend=legend(kinds)),
        size=alt.Size("answer:N", scale=sizes, legend=None),
    )
    names = (
        alt.Chart(_named(data, across["scale"].domain, up["scale"].domain, is_log))
        .mark_text(dx=7, dy=-10, align="left", fontWeight="bold")
        .encode(x=x, y=alt.Y("latency_p95_p50_s:Q"), text=alt.Text("fleet:N"))
    )
    limit = level(answer.latency_limit_s, f"SLO {amount('seconds', answer.latency_limit_s)}")
    return drawn(
        "frontier",
        data,
        alt.layer(spread, points, names, *limit),
        "What does a lower p95 cost?",
        f"{brief(answer.name)}: replicas at the points, median world; lines: p5 to p95 over worlds",
        _frontier_alt(data, what, answer.latency_limit_s),
        height=HEIGHT + 40,
    )


def _frontier_alt(data: pd.DataFrame, what: str, limit_s: float) -> str:
    ordered = data.sort_values("cost_usd_per_month")
    if len(ordered) > 8:
        places = np.unique(np.linspace(0, len(ordered) - 1, 7).round().astype(int))
        mine = np.flatnonzero(ordered["answer"] == ANSWER)
        ordered = ordered.iloc[np.union1d(places, mine)]
    several = data["sort"].nunique() > 1
    told = "; ".join(
        f"{row['fleet']} replicas{' of ' + row['sort'] if several else ''}"
        f"{' (the answer)' if row['answer'] == ANSWER else ''}:"
        f" {amount('usd', row['cost_usd_per_month'])},"
        f" {amount('seconds', row['latency_p95_p50_s'])}"
        for row in ordered.to_dict("records")
    )
    limit = f" The SLO is {amount('seconds', limit_s)}." if math.isfinite(limit_s) else ""
    return f"Points: cost a month against {what} in the median world. {told}.{limit}"


def _named(
    data: pd.DataFrame, usd: list[float], seconds: list[float], is_log: bool
) -> pd.DataFrame:
    """The points that carry their replicas: the answer first, then those that have room."""
    cost, (low, high) = data["cost_usd_per_month"].to_numpy(np.float64), usd
    if is_log:
        cost, low, high = np.log(cost), math.log(low), math.log(high)
    x = (cost - low) / (high - low)
    y = np.log(data["latency_p95_p50_s"] / seconds[0]) / math.log(seconds[1] / seconds[0])
    places: list[int] = []
    for row in np.argsort(data["answer"] != ANSWER, kind="stable"):
        near = [
            abs(x[row] - x[each]) < ROOM[0] and abs(y.iloc[row] - y.iloc[each]) < ROOM[1]
            for each in places
        ]
        if not any(near):
            places.append(int(row))
    return data.iloc[sorted(places)]


def _by_sort(data: pd.DataFrame) -> alt.Color:
    """A colour for each sort of fleet, with a legend where there are several."""
    sorts = list(dict.fromkeys(data["sort"]))
    colours = [PALETTE[n % len(PALETTE)] for n in range(len(sorts))]
    shown = legend(sorts, "bottom") if len(sorts) > 1 else None
    return alt.Color("sort:N", scale=alt.Scale(domain=sorts, range=colours), legend=shown)


def _fallen(answer: Size) -> Chart | None:
    """Fleets that are not the answer, what each would cost, and why it is out."""
    frame = _named_fleets(answer.candidates)
    frame = frame[frame["reason"].fillna("").str.len() > 0]
    if frame.empty:
        return None
    chosen = answer.candidates.loc[answer.candidates["chosen"], "cost_usd_per_month"]
    usual = float(chosen.iloc[0]) if len(chosen) else math.nan
    off = (frame["cost_usd_per_month"] - usual).abs().fillna(math.inf)
    # Each sort that was given up as a whole, then the fleets next to the answer.
    order = np.lexsort((off, frame["fleet"] != ""))
    data = frame.iloc[order[:MOST_FALLEN]].reset_index(drop=True)
    alike = [f"{row['sort']}, {row['fleet']}".strip(" ,") for row in data.to_dict("records")]
    names = brief_names(alike, 54)
    rows = pd.DataFrame(
        {
            "fleet": [names[each] for each in alike],
            "usd": data["cost_usd_per_month"],
            "reason": [brief(reason, 160) for reason in data["reason"]],
        }
    )
    across = amounts("usd", [0.0, *rows["usd"], usual], "USD a month")
    base = alt.Chart(rows).encode(y=alt.Y("fleet:N", sort=list(rows["fleet"]), axis=None))
    text: dict[str, Any] = {
        "align": "left",
        "dx": 3,
        "fontSize": 11,
        "limit": alt.expr("width - 6"),
    }
    layers: list[alt.Chart] = [
        base.mark_bar(height=10, color=GREY).encode(x=alt.X("usd:Q", **across)),
        base.mark_text(fontWeight="bold", dy=-13, **text).encode(
            x=at_x(0), text=alt.Text("fleet:N")
        ),
        base.mark_text(dy=13, **text).encode(x=at_x(0), text=alt.Text("reason:N")),
    ]
    if math.isfinite(usual):
        mark = alt.Chart(pd.DataFrame({"usd": [usual]})).mark_rule(color=BLUE, opacity=0.6)
        layers.insert(0, mark.encode(x=alt.X("usd:Q", **across)))
    left_out = len(frame) - len(rows)
    notes = [f"{brief(answer.name)}; bar: cost; blue: the answer's" if len(chosen) else ""]
    notes.append(f"{left_out:,} more are in candidates.csv" if left_out else "")
    told = "; ".join(
        f"{name}: {why}" for name, why in zip(rows["fleet"], rows["reason"], strict=True)
    )
    return drawn(
        "fallen",
        rows,
        alt.layer(*layers),
        "Which fleets fell out, and why?",
        [note for note in notes if note],
        f"Bars of cost with the reason of each fleet that is not the answer. {told}.",
        height=alt.Step(STEP),
    )


def _oracle(answer: Size) -> Chart:
    oracle = answer.beside.oracle
    assert oracle is not None
    # The last hour ends where another would begin.
    step = oracle.hours["hour"].diff().max() if len(oracle.hours) > 1 else 1.0
    end = oracle.hours.tail(1).assign(hour=lambda rows: rows["hour"] + step)
    data = pd.concat([oracle.hours, end], ignore_index=True)
    fixed = float(oracle.fixed)
    up = amounts("count", [0.0, fixed, *data["replicas_p95"]], "Replicas")
    seconds = data["hour"] * HOUR
    x = alt.X("start_s:Q", **amounts("seconds", seconds, "from the start of the horizon"))
    base = alt.Chart(data.assign(start_s=seconds))
    band = base.mark_area(opacity=0.25, color=BLUE, interpolate="step-after").encode(
        x=x, y=alt.Y("replicas_p5:Q", **up), y2=alt.Y2("replicas_p95:Q")
    )
    median = base.mark_line(color=BLUE, interpolate="step-after", strokeWidth=2.5).encode(
        x=x, y=alt.Y("replicas_p50:Q")
    )
    low, high = float(data["replicas_p50"].min()), float(data["replicas_p50"].max())
    return drawn(
        "oracle",
        data,
        alt.layer(band, median, *level(fixed, f"fixed fleet: {fixed:.0f}")),
        "How many replicas did each hour need?",
        f"{brief(answer.name)}: least count that keeps the hour's SLO, median and p5 to p95"
        " over worlds",
        f"Steps with a band: in the median world the hours need {between('count', low, high)}"
        f" replicas, at most {amount('count', float(data['replicas_p95'].max()))} in 95 % of"
        f" worlds; a fixed fleet has {fixed:.0f}.",
    )
