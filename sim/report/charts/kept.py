"""The share of worlds in which the SLO is kept, by what was tried: replicas, or users."""

import altair as alt
import pandas as pd

from sim.montecarlo.shares import Share, percent
from sim.report.charts.axes import amount, amounts
from sim.report.charts.chart import Chart
from sim.report.charts.style import BLUE, PALETTE, VERMILION, drawn, legend, level

ANSWER, OTHER = "the answer", "other"
APART = 0.14  # between sorts of fleets of the same number


def kept_chart(
    name: str, frame: pd.DataFrame, *, what: str, question: str, about: str, asked: float
) -> Chart:
    """Shares with their intervals over a number, and the share that is asked.

    Parameters
    ----------
    frame : pandas.DataFrame
        ``number``; ``kept_share`` of so many ``worlds``, with its interval ``_low`` and ``_high``;
        ``answer``; ``sort``, a word for each sort of fleet.
    what : str
        Of the axis of numbers.
    asked : float
        The share of worlds in which the SLO is to be kept.
    """
    sorts = list(dict.fromkeys(frame["sort"]))
    shift = {sort: (n - (len(sorts) - 1) / 2) * APART for n, sort in enumerate(sorts)}
    few = float(frame["number"].max() - frame["number"].min()) <= 30.0
    placed = frame.assign(at=frame["number"] + (frame["sort"].map(shift) if few else 0.0))
    across = amounts("count", placed["at"], what[0].upper() + what[1:], zero=False, room=0.05)
    x = alt.X("at:Q", **across)
    y = amounts("share", [0.0, 1.0], "share of worlds")
    if len(sorts) > 1:
        colours = alt.Scale(domain=sorts, range=[PALETTE[n % 6] for n in range(len(sorts))])
        colour = alt.Color("sort:N", scale=colours, legend=legend(sorts, "bottom"))
    else:
        colours = alt.Scale(domain=[ANSWER, OTHER], range=[VERMILION, BLUE])
        colour = alt.Color("answer:N", scale=colours, legend=None)
    shapes = alt.Scale(domain=[ANSWER, OTHER], range=["diamond", "circle"])
    sizes = alt.Scale(domain=[ANSWER, OTHER], range=[190, 70])
    base = alt.Chart(placed)
    bounds = base.mark_rule(strokeWidth=2).encode(
        x=x, y=alt.Y("kept_share_low:Q", **y), y2=alt.Y2("kept_share_high:Q"), color=colour
    )
    points = base.mark_point(filled=True, opacity=1).encode(
        x=x,
        y=alt.Y("kept_share:Q"),
        color=colour,
        shape=alt.Shape("answer:N", scale=shapes, legend=legend([ANSWER, OTHER])),
        size=alt.Size("answer:N", scale=sizes, legend=None),
    )
    return drawn(
        name,
        frame,
        alt.layer(bounds, points, *level(asked, f"asked: {amount('share', asked)}")),
        question,
        f"{about}: share of worlds that keep it, lines: its 95 % interval",
        _alt(frame, what, asked),
    )


def _alt(frame: pd.DataFrame, what: str, asked: float) -> str:
    """What it shows in words: each point where there are few, else its ends and the answer."""
    ends = frame["number"].isin([frame["number"].min(), frame["number"].max()])
    shown = frame if len(frame) <= 8 else frame[(frame["answer"] == ANSWER) | ends]
    several = frame["sort"].nunique() > 1
    told = "; ".join(
        f"{number:,.0f} {what}{f' of {sort}' if several else ''}"
        f"{' (the answer)' if answer == ANSWER else ''}: {percent(share)}"
        f" {Share(round(share * worlds), round(worlds)).bounds()}"
        for number, sort, answer, share, worlds in zip(
            *(
                shown[column].tolist()
                for column in ("number", "sort", "answer", "kept_share", "worlds")
            ),
            strict=True,
        )
    )
    return (
        f"Points with 95 % intervals: the SLO is kept with {told}. Asked: {amount('share', asked)}."
    )
