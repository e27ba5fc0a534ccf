"""Chart of ``sim risk``: how often worlds miss, by how near their inputs put them."""

import altair as alt
import pandas as pd

from sim.report.charts.chart import Chart
from sim.report.charts.style import BLUE, drawn
from sim.studies.risk.answer import Risk

HEIGHT = 260


def charts(answer: Risk) -> list[Chart]:
    """The levels, where there are some."""
    return [] if answer.plain else [_levels(answer)]


def _levels(answer: Risk) -> Chart:
    nearest = " (nearest)"
    rows = [
        {
            "level": f"1 in {1.0 / each.share:,.0f}{nearest if each is answer.levels[-1] else ''}",
            "missed": each.missed.value,
            "low": each.missed.interval[0],
            "high": each.missed.interval[1],
            "worlds": each.missed.worlds,
        }
        for each in answer.levels
    ]
    frame = pd.DataFrame(rows)
    x = alt.X("level:N", sort=None, title="share of all worlds, the further right the nearer")
    spread = alt.Chart(frame).mark_rule(color=BLUE).encode(x=x, y="low:Q", y2="high:Q")
    y = alt.Y("missed:Q", title="of them miss", axis=alt.Axis(format="%"))
    dots = alt.Chart(frame).mark_point(color=BLUE, filled=True, size=70).encode(x=x, y=y)
    told = "; ".join(
        f"1 in {1.0 / each.share:,.0f}: {100.0 * each.missed.value:.3g} %" for each in answer.levels
    )
    return drawn(
        "levels",
        frame,
        alt.layer(spread, dots),
        "In which worlds is it missed?",
        ["with 95 % intervals of each level by itself"],
        f"Share of simulated worlds that miss, by level: {told}.",
        height=HEIGHT,
    )
