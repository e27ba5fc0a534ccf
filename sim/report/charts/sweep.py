"""The chart of ``sim sweep``: cost across, latency up, the front in colour, the others grey."""

import math
from typing import Any

import altair as alt
import numpy as np
import pandas as pd

from sim.report.charts.axes import amount, amounts, is_wide
from sim.report.charts.chart import Chart
from sim.report.charts.compare import KINDS
from sim.report.charts.style import BLUE, GREEN, GREY, ORANGE, brief, drawn, legend, level
from sim.studies.sweep.answer import Point, Sweep
from sim.studies.sweep.axes import short_names
from sim.studies.sweep.front import BEHIND, FRONT, SAME_AS, UNTOLD

HEIGHT = 340
LABELLED = 8  # designs of the front, up to which each has its name beside it
NAME = 34  # letters of such a name


def charts(answer: Sweep) -> list[Chart]:
    """The front, where there is one."""
    return [_front(answer)] if answer.steps else []


def _front(answer: Sweep) -> Chart:
    kinds = KINDS[answer.cost.kind], KINDS[answer.latency.kind]
    frame = pd.DataFrame([_row(answer, point) for point in answer.points])
    seen = frame[np.isfinite(frame["cost"]) & np.isfinite(frame["latency"])]
    seen = seen[seen["status"] != BEHIND]
    across = _axis(answer.cost.words(), kinds[0], seen["cost"], room=0.08)
    up = _axis(answer.latency.words(), kinds[1], [*seen["latency"], *_limit(answer, seen)])
    x, y = alt.X("cost:Q", **across), alt.Y("latency:Q", **up)
    on = seen[seen["status"] == FRONT].sort_values("cost")
    others = seen[~seen["status"].isin([FRONT, SAME_AS])]
    kept = [each for each in _KEPT if each in set(on["kept"])]
    colours = alt.Scale(domain=kept, range=[_KEPT[each][0] for each in kept])
    shapes = alt.Scale(domain=kept, range=[_KEPT[each][1] for each in kept])
    edge = on[on["latency"] <= on["latency"].cummin()]  # others are there for their SLO
    shown: list[Any] = [
        alt.Chart(others[["cost", "latency"]])
        .mark_point(size=36, color=GREY, filled=True, opacity=0.55)
        .encode(x=x, y=y),
        alt.Chart(edge[["cost", "latency"]])
        .mark_line(color=GREY, strokeWidth=1, opacity=0.6, interpolate="step-after")
        .encode(x=x, y=y),
        alt.Chart(on[["cost", "latency", "kept"]])
        .mark_point(size=110, filled=True, opacity=0.95)
        .encode(
            x=x,
            y=y,
            color=alt.Color("kept:N", scale=colours, legend=legend(kept)),
            shape=alt.Shape("kept:N", scale=shapes, legend=legend(kept)),
        ),
        *_names(on, x, y),
    ]
    for limit in _limit(answer, seen):
        shown += level(limit, f"SLO {amount(kinds[1], limit)}")
    return drawn(
        "front",
        frame,
        alt.layer(*shown),
        "Which designs are worth their cost?",
        _notes(answer),
        _alternative(answer, on, kinds),
        height=HEIGHT,
    )


_KEPT = {  # how a design of the front meets the SLO: colour and shape
    "SLO met as asked, surely": (BLUE, "circle"),
    "SLO met as asked, in these worlds": (GREEN, "diamond"),
    "SLO met in too few worlds": (ORANGE, "triangle-up"),
    "no SLO": (BLUE, "square"),
}


def _how(answer: Sweep, point: Point) -> str:
    """Which of these a design is."""
    sure, seen, few, none = _KEPT
    share = point.slo_met
    if share is None:
        return none
    if share.interval[0] >= answer.probability:
        return sure
    return seen if share.value >= answer.probability else few


def _row(answer: Sweep, point: Point) -> dict[str, Any]:
    share = point.slo_met
    return {
        "design": point.label,
        "name": point.label if len(point.label) <= NAME else " · ".join(point.values),
        "cost": point.cost.p50,
        "latency": point.latency.p50,
        "slo_met_share": math.nan if share is None else share.value,
        "status": point.status,
        "kept": _how(answer, point),
    }


def _axis(words: str, kind: Any, values: Any, room: float = 0.0) -> dict[str, Any]:
    known = np.asarray(values, np.float64)
    wide = is_wide(known)
    unit = ", USD" if kind == "usd" else ""
    title = f"{brief(words, 80)}, median world{unit}{' (log scale)' if wide else ''}"
    return amounts(kind, known, title, zero=False, log=wide, room=room)


def _limit(answer: Sweep, seen: pd.DataFrame) -> list[float]:
    """The SLO, where it is not far above all that is seen."""
    known = math.isfinite(answer.limit_s) and not seen.empty
    near = known and answer.limit_s < 3.0 * float(seen["latency"].max())
    return [answer.limit_s] if near else []


def _names(on: pd.DataFrame, x: alt.X, y: alt.Y) -> list[alt.Chart]:
    """The names of the designs of the front that have room: to the side with more of it."""
    middle = (float(on["cost"].min()) + float(on["cost"].max())) / 2.0
    on = _apart(on)
    found = []
    for right in (False, True):
        part = on[(on["cost"] > middle) == right]
        if part.empty:
            continue
        named = part.assign(name=[brief(each, NAME) for each in part["name"]])
        found.append(
            alt.Chart(named[["cost", "latency", "name"]])
            .mark_text(
                align="right" if right else "left",
                baseline="bottom",
                dx=-9 if right else 9,
                dy=-5,
            )
            .encode(x=x, y=y, text=alt.Text("name:N"))
        )
    return found


def _apart(on: pd.DataFrame) -> pd.DataFrame:
    """Designs whose names do not lie upon each other: the cheapest, and so on."""
    spans = [max(float(on[name].max() - on[name].min()), 1e-12) for name in ("cost", "latency")]
    kept: list[int] = []
    spots = on[["cost", "latency"]].to_numpy(np.float64) / spans
    for at, spot in enumerate(spots):
        gaps = [np.abs(spot - spots[other]) for other in kept]
        if len(kept) < LABELLED and not any(dx < 0.5 and dy < 0.07 for dx, dy in gaps):
            kept.append(at)
    return on.iloc[kept]


def _notes(answer: Sweep) -> list[str]:
    named = " · ".join(short_names([axis.path for axis in answer.axes]))
    twins = answer.number(SAME_AS)
    grey = len(answer.points) - len(answer.steps) - twins - answer.behind
    notes = [f"each point is a design, in the median of {answer.worlds:,} worlds"]
    if grey:
        untold = answer.number(UNTOLD)
        maybe = f" ({untold:,} only maybe)" if untold else ""
        notes.append(f"grey: {grey:,} that another one dominates{maybe}")
    if twins:
        notes.append(f"{twins:,} lie upon one of the front")
    if answer.behind:
        notes.append(f"{answer.behind:,} fall behind, and are not in the picture")
    long = any(len(point.label) > NAME for point in answer.front)
    return ["; ".join(notes), *([f"names: {named}"] if long else [])]


def _alternative(answer: Sweep, on: pd.DataFrame, kinds: tuple[Any, Any]) -> str:
    told = "; ".join(
        f"{row['design']} {amount(kinds[0], row['cost'])}, {amount(kinds[1], row['latency'])},"
        f" {row['kept']}"
        for row in on.to_dict("records")
    )
    return (
        f"Each of {len(answer.points)} designs, {answer.cost.words()} across,"
        f" {answer.latency.words()} up. The front: {told}."
    )
