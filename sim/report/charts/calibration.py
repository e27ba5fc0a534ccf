"""Charts of ``sim calibrate`` and ``sim validate``: how far the simulation is off, by load."""

import altair as alt
import numpy as np
import pandas as pd

from sim.report.charts.axes import amount, amounts, between
from sim.report.charts.chart import Chart
from sim.report.charts.style import GREY, PALETTE, brief, drawn, legend
from sim.studies.calibration import Calibration
from sim.studies.validation import Validation

HEIGHT = 300
METRICS = {"ttft": "TTFT", "tpot": "TPOT", "e2e": "E2E", "throughput": "tokens/s"}
SHAPES = {"ttft": "circle", "tpot": "square", "e2e": "triangle-up", "throughput": "diamond"}
GOOD = 0.1  # an error that plans can live with
MOST_POINTS = 800


def calibration_charts(answer: Calibration) -> list[Chart]:
    """Residuals, and measured against simulated."""
    name = answer.profile.name
    return _charts(answer.rows, f"How far is {brief(name, 60)} off its own measurements?")


def validation_charts(answer: Validation) -> list[Chart]:
    """Errors by load, and throughput and latency on both sides."""
    return _charts(answer.rows, f"How well does {brief(answer.profile, 60)} predict these runs?")


def _charts(rows: pd.DataFrame, question: str) -> list[Chart]:
    return [
        chart
        for loop, title in (("closed", "users of the closed loop"), ("open", "requests a second"))
        if (chart := _by_load(rows, loop, title, question)) is not None
    ]


def _by_load(rows: pd.DataFrame, loop: str, title: str, question: str) -> Chart | None:
    central = rows[(rows["loop"] == loop) & rows["statistic"].isin(["p50", "mean"])]
    has_median = central[central["statistic"] == "p50"][["run", "metric"]].drop_duplicates()
    marked = central.merge(has_median.assign(median=True), "left", ["run", "metric"])
    frame = marked[(marked["statistic"] == "p50") | marked["median"].isna()]
    frame = frame[frame["error"].notna()].drop(columns="median").reset_index(drop=True)
    if frame.empty:
        return None
    frame = frame.assign(name=frame["metric"].map(METRICS))
    if len(frame) > MOST_POINTS:
        frame = frame.iloc[np.linspace(0, len(frame) - 1, MOST_POINTS).astype(int)]
    order = [label for label in METRICS.values() if label in set(frame["name"])]
    marks = {METRICS[metric]: shape for metric, shape in SHAPES.items()}
    bound = max(float(frame["error"].abs().max()), GOOD)
    up = amounts("share", [-bound, bound], "simulated / measured − 1")
    up["axis"].labelExpr = f"(datum.value > 0 ? '+' : '') + {up['axis'].labelExpr}"
    across = amounts("rate", frame["load"], f"{title} (log scale)", log=True, room=0.1)
    if across["scale"].to_dict().get("type") != "log":
        across["title"] = title
    y = alt.Y("error:Q", **up)
    base = alt.Chart(frame[["load", "error", "name", "saturated", "run"]])
    points = base.mark_point(filled=True, size=70, opacity=0.85).encode(
        x=alt.X("load:Q", **across),
        y=y,
        color=alt.Color(
            "name:N",
            sort=order,
            scale=alt.Scale(domain=order, range=PALETTE[: len(order)]),
            legend=legend(order),
        ),
        shape=alt.Shape(
            "name:N",
            sort=order,
            scale=alt.Scale(domain=order, range=[marks[label] for label in order]),
            legend=legend(order),
        ),
    )
    saturated = base.transform_filter("datum.saturated").mark_point(size=190, strokeWidth=1.5)
    rings = saturated.encode(x=alt.X("load:Q"), y=y, color=alt.value(GREY))
    rule = alt.Chart(pd.DataFrame({"error": [0.0]})).mark_rule(color=GREY).encode(y=y)
    band = pd.DataFrame({"low": [-GOOD], "high": [GOOD]})
    near = (
        alt.Chart(band)
        .mark_rect(color=GREY, opacity=0.12)
        .encode(y=alt.Y("low:Q"), y2=alt.Y2("high:Q"))
    )
    notes = [
        "a point for each run and figure: medians where they are known, else means; grey: within"
        f" {amount('share', GOOD)}"
    ]
    if frame["saturated"].any():
        notes[0] += "; rings: saturated runs"
    return drawn(
        f"errors_{loop}",
        frame,
        alt.layer(near, rule, points, rings),
        question,
        notes,
        _alt(frame, order, title),
        height=HEIGHT,
    )


def _alt(frame: pd.DataFrame, order: list[str], title: str) -> str:
    """What it shows in words."""
    parts = []
    for name in order:
        off = frame.loc[frame["name"] == name, "error"]
        ends = between("share", float(off.min()), float(off.max()))
        parts.append(
            f"{name} {ends} off, {amount('share', float(off.abs().mean()))} in the mean of"
            f" {len(off):,}"
        )
    return f"Points of simulated over measured less 1, against {title}: {'; '.join(parts)}."
