"""Pictures of ``sim breakeven``: cost over volume, the distribution of the break-even, payback."""

import altair as alt
import numpy as np
import pandas as pd

from sim.report.charts.chart import Chart
from sim.report.charts.style import BLACK, GREY, PALETTE, drawn, number_axis
from sim.studies.breakeven import BreakEven
from sim.studies.breakeven.saving import short

WIDTH, HEIGHT = 600, 360


def breakeven_charts(answer: BreakEven) -> list[Chart]:
    """What each volume costs on each side, and where the sides break even."""
    charts = [_costs(answer), _shares(answer)]
    if len(answer.payback) and np.isfinite(answer.payback["p50_years"]).any():
        charts.append(_payback(answer))
    return charts


def _colour(answer: BreakEven, sides: list[str]) -> alt.Color:
    names = [name for name in answer.runs if name != answer.reference]
    colours = dict(zip(names, PALETTE * (len(names) // len(PALETTE) + 1), strict=False))
    colours[answer.reference] = BLACK
    return alt.Color(
        "side:N",
        title=None,
        sort=sides,
        scale=alt.Scale(domain=sides, range=[colours[side] for side in sides]),
        legend=alt.Legend(orient="top", symbolOpacity=1, symbolType="stroke", symbolStrokeWidth=3),
    )


def _volume(answer: BreakEven) -> alt.X:
    return alt.X(
        "volume:Q",
        title=f"{answer.arrivals} a day (logarithmic)",
        scale=alt.Scale(type="log", domain=[float(answer.volumes[0]), float(answer.volumes[-1])]),
        axis=number_axis("~s", values=_powers(answer)),
    )


def _powers(answer: BreakEven) -> list[float]:
    """Powers of ten within the range, or its ends where there are none."""
    low, high = np.log10(answer.volumes[[0, -1]])
    powers = [10.0**n for n in range(int(np.ceil(low)), int(np.floor(high)) + 1)]
    return powers if len(powers) > 1 else answer.volumes[[0, -1]].tolist()


def _costs(answer: BreakEven) -> Chart:
    """Cost of a thousand arrivals: the median as a line, p5 to p95 as a band."""
    frame = answer.costs_frame(answer.curve_volumes())
    frame = frame[np.isfinite(frame["p95_usd_per_month"])].reset_index(drop=True)
    per = 1000 / (365.25 / 12) / frame["volume"]
    for level in ("p5", "p50", "p95"):
        frame[f"{level}_usd_per_thousand"] = frame[f"{level}_usd_per_month"] * per
    sides = list(answer.runs)
    x, colour = _volume(answer), _colour(answer, sides)
    usd = alt.Scale(type="log", nice=False)
    axis = alt.Axis(format="~g", tickCount=6)
    base = alt.Chart(frame)
    bands = base.mark_area(opacity=0.18, clip=True).encode(
        x=x,
        y=alt.Y("p5_usd_per_thousand:Q", scale=usd, axis=axis),
        y2="p95_usd_per_thousand:Q",
        color=colour,
    )
    lines = base.mark_line(strokeWidth=2, clip=True).encode(
        x=x,
        y=alt.Y(
            "p50_usd_per_thousand:Q",
            scale=usd,
            axis=axis,
            title=f"USD per thousand {answer.arrivals} (logarithmic)",
        ),
        color=colour,
    )
    question, worlds = (
        "What does each side cost as volume grows?",
        f"median, and 5 to 95 % of {answer.worlds} worlds",
    )
    return drawn("break_even_costs", frame, bands + lines, question, worlds, WIDTH, HEIGHT)


def _shares(answer: BreakEven) -> Chart:
    """In what share of worlds each side has broken even by a volume."""
    grid = answer.curve_volumes()
    frame = pd.concat(
        pd.DataFrame(
            {
                "side": verdict.side,
                "volume": grid,
                "share": (verdict.breaking.volume[None, :] <= grid[:, None]).mean(axis=1),
            }
        )
        for verdict in answer.verdicts
    ).reset_index(drop=True)
    colour = _colour(answer, [verdict.side for verdict in answer.verdicts])
    share = alt.Y(
        "share:Q",
        title="share of worlds",
        scale=alt.Scale(domain=[0, 1]),
        axis=alt.Axis(format="%"),
    )
    base = alt.Chart(frame).mark_line(strokeWidth=2, interpolate="step-after")
    half = alt.Chart(pd.DataFrame({"share": [0.5]})).mark_rule(color=GREY, strokeDash=[4, 4])
    lines = base.encode(x=_volume(answer), y=share, color=colour)
    return drawn(
        "break_even_share",
        frame,
        half.encode(y="share:Q") + lines,
        f"By which volume has each side broken even with {answer.reference}?",
        f"share of {answer.worlds} worlds; what is missing at {short(answer.volumes[-1])} never"
        " does in the range",
        WIDTH,
        HEIGHT,
    )


def _payback(answer: BreakEven) -> Chart:
    """Years until owned hardware has paid for itself."""
    frame = answer.payback.replace([np.inf], np.nan)
    frame = frame[frame["p50_years"].notna()].reset_index(drop=True)
    colour = _colour(answer, list(dict.fromkeys(frame["side"])))
    points = alt.Chart(frame).mark_line(strokeWidth=2, point=True)
    y = alt.Y("p50_years:Q", title="years, median over worlds", scale=alt.Scale(zero=True))
    return drawn(
        "payback",
        frame,
        points.encode(x=_volume(answer), y=y, color=colour),
        "How long does owned hardware take to pay for itself?",
        f"against {answer.reference}, at the trend of its price",
        WIDTH,
        HEIGHT * 2 // 3,
    )
