"""Charts of a trace's traffic: the data as points, what the model says as lines and a band."""

import altair as alt
import numpy as np
import pandas as pd

from sim.report.charts.axes import amount, amounts, between
from sim.report.charts.chart import Chart
from sim.report.charts.style import BLUE, GREY, ORANGE, drawn, legend, level
from sim.studies.traffic import Traffic

HEIGHT = 240
MOST_STEPS = 250  # on the axis of time
HOUR_S, DAY_S = 3600.0, 86_400.0


def traffic_charts(found: Traffic) -> list[Chart]:
    """The rate over time, the lengths, and the swings by how long one looks."""
    charts = [_rate(found), _lengths(found)]
    return [*charts, _dispersion(found)] if len(found.dispersions) else charts


def _rate(found: Traffic) -> Chart:
    size, unit = (DAY_S, "days") if found.span_s >= 2 * DAY_S else (HOUR_S, "hours")
    frame = found.windows.assign(time=found.windows["time_s"] / size)
    shown = _coarse(frame)
    ends = [*shown["low"], *shown["high"], *shown["per_s"]]
    up = amounts("rate", ends, "requests a second")
    x = alt.X("time:Q", **amounts("rate", [0.0, *shown["time"]], f"{unit} from the first request"))
    base = alt.Chart(shown).encode(x=x)
    band = base.mark_area(color=BLUE, opacity=0.2).encode(
        y=alt.Y("low:Q", **up), y2=alt.Y2("high:Q")
    )
    line = base.mark_line(color=BLUE).encode(y=alt.Y("expected:Q"))
    points = base.mark_circle(color=ORANGE, size=14, opacity=0.8).encode(y=alt.Y("per_s:Q"))
    inside = ((frame["per_s"] >= frame["low"]) & (frame["per_s"] <= frame["high"])).mean()
    notes = ["points: the trace; line and band: the model, with nine windows of ten inside"]
    if len(shown) < len(frame):
        notes.append(f"each of {len(shown)} steps is the mean of {len(frame) / len(shown):.0f}")
    return drawn(
        "traffic_rate",
        frame,
        band + line + points,
        "Does the rate come and go as the model says?",
        "; ".join(notes),
        f"Points of the trace on the model's line and band over {float(frame['time'].max()):.3g}"
        f" {unit}: {between('rate', float(frame['per_s'].min()), float(frame['per_s'].max()))}"
        f" requests a second; {amount('share', float(inside))} of the windows are within the band.",
        height=HEIGHT,
    )


def _coarse(frame: pd.DataFrame) -> pd.DataFrame:
    """Means of neighbouring windows where there are more than can be seen."""
    every = -(-len(frame) // MOST_STEPS)
    if every == 1:
        return frame
    steps = np.arange(len(frame)) // every
    return frame.groupby(steps).mean(numeric_only=True).reset_index(drop=True)


def _lengths(found: Traffic) -> Chart:
    frame = found.quantiles
    tokens = frame[["data", "model"]].to_numpy(np.float64).clip(1.0)
    ends = [float(tokens.min()), max(float(tokens.max()), 2.0)]
    across = amounts("count", ends, "tokens in the trace (log scale)", log=True)
    up = amounts("count", ends, "tokens in the model (log scale)", log=True)
    kinds = [kind for kind in ("prompt", "output") if kind in set(frame["what"])]
    colours = alt.Scale(domain=kinds, range=[{"prompt": BLUE, "output": ORANGE}[k] for k in kinds])
    shapes = alt.Scale(
        domain=kinds, range=[{"prompt": "circle", "output": "square"}[k] for k in kinds]
    )
    key = legend(kinds, "bottom")
    points = (
        alt.Chart(
            frame.assign(data=frame["data"].clip(lower=1), model=frame["model"].clip(lower=1))
        )
        .mark_point(size=50, filled=True)
        .encode(
            x=alt.X("data:Q", **across),
            y=alt.Y("model:Q", **up),
            color=alt.Color("what:N", scale=colours, legend=key),
            shape=alt.Shape("what:N", scale=shapes, legend=key),
        )
    )
    same = alt.Chart(pd.DataFrame({"at": across["scale"].domain}))
    diagonal = same.mark_line(color=GREY, strokeDash=[4, 4]).encode(
        x=alt.X("at:Q"), y=alt.Y("at:Q")
    )
    ratio = frame["model"] / frame["data"].where(frame["data"] > 0)
    parts = [
        f"{what} tokens {between('rate', float(part.min()), float(part.max()))} times those of the"
        " trace"
        for what, part in ratio.dropna().groupby(frame["what"], sort=False)
    ]
    return drawn(
        "traffic_lengths",
        frame,
        diagonal + points,
        "Are prompts and outputs as long as in the trace?",
        "percentiles 1 to 99.9; on the line they are the same",
        f"Percentiles of the model against those of the trace: {'; '.join(parts)}.",
        height=HEIGHT,
    )


def _dispersion(found: Traffic) -> Chart:
    frame = found.dispersions.clip(lower=1e-3).replace([np.inf, -np.inf], np.nan).dropna()
    x = alt.X(
        "window_s:Q",
        **amounts("seconds", frame["window_s"], "length of the window (log scale)", log=True),
    )
    ends = [1.0, *frame["data"], *frame["model"]]
    title = "variance / mean of counts (log scale)"
    y = alt.Y("data:Q", **amounts("rate", ends, title, log=True))
    base = alt.Chart(frame)
    points = base.mark_circle(color=ORANGE, size=50).encode(x=x, y=y)
    line = base.mark_line(color=BLUE).encode(x=x, y=alt.Y("model:Q"))
    told = "nothing to be compared"
    if len(frame):
        last = frame.iloc[-1]
        told = (
            f"over {amount('seconds', float(last['window_s']))} it is"
            f" {float(last['data']):.3g} in the trace and {float(last['model']):.3g} in the model"
        )
    return drawn(
        "traffic_dispersion",
        frame,
        line + points + level(1.0, "Poisson")[0],
        "Is traffic as uneven as the model says, however long one looks?",
        "points: the trace; line: the model's bursts and swings; dashed: 1, that of Poisson",
        f"Variance over mean of counts against the length of a window: {told}; 1 is Poisson.",
        height=HEIGHT,
    )
