"""Pictures of ``sim size --most-users``."""

import altair as alt
import pandas as pd

from sim.report.charts.chart import Chart
from sim.report.charts.style import BLUE, GREY, VERMILION, drawn
from sim.studies.size import Capacity

WIDTH, HEIGHT = 560, 320


def crowd_charts(answer: Capacity) -> list[Chart]:
    """The share of worlds in which each number of users is held."""
    columns = ["users", "kept_share", "kept_share_low", "kept_share_high", "worlds", "chosen"]
    data = answer.candidates[columns].copy()
    data["answer"] = ["the answer" if chosen else "other" for chosen in data.pop("chosen")]
    x = alt.X("users:Q", title="Users", scale=alt.Scale(zero=False))
    colour = alt.Color(
        "answer:N",
        scale=alt.Scale(domain=["the answer", "other"], range=[VERMILION, BLUE]),
        legend=alt.Legend(title=None, orient="top"),
    )
    base = alt.Chart(data)
    bounds = base.mark_rule(strokeWidth=2).encode(
        x=x,
        y=alt.Y("kept_share_low:Q", title="Share of worlds", axis=alt.Axis(format="%")),
        y2="kept_share_high:Q",
        color=colour,
    )
    points = base.mark_point(filled=True, size=90).encode(
        x=x, y=alt.Y("kept_share:Q", scale=alt.Scale(domain=[0, 1])), color=colour
    )
    asked = pd.DataFrame({"y": [answer.question.probability]})
    line = alt.Chart(asked).mark_rule(strokeDash=[4, 4], color=GREY).encode(y="y:Q")
    return [
        drawn(
            "users",
            data,
            alt.layer(bounds, points, line),
            "With how many users does the fleet keep the SLO?",
            f"{answer.name}: share of worlds that keep it, with bounds, and the share asked",
            WIDTH,
            HEIGHT,
        )
    ]
