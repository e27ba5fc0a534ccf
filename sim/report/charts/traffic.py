"""Charts of a trace's traffic: the data as points, what the model says as lines and a band."""

import altair as alt
import numpy as np
import pandas as pd

from sim.report.charts.chart import Chart
from sim.report.charts.style import BLUE, ORANGE, drawn
from sim.studies.traffic import Traffic

WIDTH, HEIGHT = 520, 240
HOUR_S, DAY_S = 3600.0, 86_400.0


def traffic_charts(found: Traffic) -> list[Chart]:
    """The rate over time, the lengths, and the swings by how long one looks."""
    charts = [_rate(found), _lengths(found)]
    return [*charts, _dispersion(found)] if len(found.dispersions) else charts


def _rate(found: Traffic) -> Chart:
    size, unit = (DAY_S, "days") if found.span_s >= 2 * DAY_S else (HOUR_S, "hours")
    frame = found.windows.assign(time=found.windows["time_s"] / size)
    base = alt.Chart(frame).encode(x=alt.X("time:Q", title=f"{unit} from the first request"))
    band = base.mark_area(color=BLUE, opacity=0.2).encode(
        y=alt.Y("low:Q", title="requests a second"), y2="high:Q"
    )
    line = base.mark_line(color=BLUE).encode(y="expected:Q")
    points = base.mark_circle(color=ORANGE, size=14).encode(y="per_s:Q")
    subtitle = "points: the trace; line and band: the model, with nine windows of ten inside"
    question = "Does the rate come and go as the model says?"
    return drawn("traffic_rate", frame, band + line + points, question, subtitle, WIDTH, HEIGHT)


def _lengths(found: Traffic) -> Chart:
    frame = found.quantiles
    tokens = frame[["data", "model"]].to_numpy()
    domain = [max(float(tokens.min()), 1.0), max(float(tokens.max()), 2.0)]
    scale = alt.Scale(type="log", domain=domain)
    points = (
        alt.Chart(frame)
        .mark_circle(size=50)
        .encode(
            x=alt.X("data:Q", title="tokens in the trace", scale=scale),
            y=alt.Y("model:Q", title="tokens in the model", scale=scale),
            color=alt.Color(
                "what:N",
                title=None,
                scale=alt.Scale(domain=["prompt", "output"], range=[BLUE, ORANGE]),
                legend=alt.Legend(orient="bottom"),
            ),
        )
    )
    same = alt.Chart(pd.DataFrame({"at": domain})).mark_line(color="black", strokeDash=[4, 4])
    diagonal = same.encode(x="at:Q", y="at:Q")
    subtitle = "percentiles 1 to 99.9; on the line they are the same"
    question = "Are prompts and outputs as long as in the trace?"
    return drawn("traffic_lengths", frame, diagonal + points, question, subtitle, WIDTH, HEIGHT)


def _dispersion(found: Traffic) -> Chart:
    frame = found.dispersions.clip(lower=1e-3).replace([np.inf, -np.inf], np.nan).dropna()
    x = alt.X("window_s:Q", title="seconds of the window", scale=alt.Scale(type="log"))
    y = alt.Y("data:Q", title="variance / mean of counts", scale=alt.Scale(type="log"))
    base = alt.Chart(frame)
    points = base.mark_circle(color=ORANGE, size=50).encode(x=x, y=y)
    line = base.mark_line(color=BLUE).encode(x=x, y="model:Q")
    subtitle = "points: the trace; line: the model's bursts and swings; 1 is Poisson"
    question = "Is traffic as uneven as the model says, however long one looks?"
    return drawn("traffic_dispersion", frame, line + points, question, subtitle, WIDTH, HEIGHT)
