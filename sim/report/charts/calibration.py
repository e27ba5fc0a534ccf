"""Charts of ``sim calibrate`` and ``sim validate``: how far the simulation is off, by load."""

import altair as alt
import pandas as pd

from sim.report.charts.chart import Chart
from sim.report.charts.style import GREY, PALETTE, drawn
from sim.studies.calibration import Calibration
from sim.studies.validation import Validation

WIDTH, HEIGHT = 520, 300
METRICS = {"ttft": "TTFT", "tpot": "TPOT", "e2e": "E2E", "throughput": "tokens/s"}


def calibration_charts(answer: Calibration) -> list[Chart]:
    """Residuals, and measured against simulated."""
    name = answer.profile.name
    return _charts(answer.rows, f"How far is {name} off its own measurements?")


def validation_charts(answer: Validation) -> list[Chart]:
    """Errors by load, and throughput and latency on both sides."""
    return _charts(answer.rows, f"How well does {answer.profile} predict these runs?")


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
    order = [label for label in METRICS.values() if label in set(frame["name"])]
    base = alt.Chart(frame)
    points = base.mark_point(filled=True, size=70, opacity=0.85).encode(
        x=alt.X("load:Q", title=title, scale=alt.Scale(type="log", padding=20)),
        y=alt.Y("error:Q", title="simulated / measured − 1", axis=alt.Axis(format="+%")),
        color=alt.Color(
            "name:N", title=None, sort=order, scale=alt.Scale(domain=order, range=PALETTE)
        ),
        shape=alt.Shape(
            "saturated:N",
            title="saturated",
            scale=alt.Scale(domain=[False, True], range=["circle", "cross"]),
        ),
    )
    rule = alt.Chart(pd.DataFrame({"error": [0.0]})).mark_rule(color=GREY).encode(y="error:Q")
    subtitle = "medians where they are known, else means; one point a run"
    return drawn(f"errors_{loop}", frame, rule + points, question, subtitle, WIDTH, HEIGHT)
