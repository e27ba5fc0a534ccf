"""The picture of where a dollar goes: a bar for each backend, by what its cost was for."""

import altair as alt
import pandas as pd

from sim.montecarlo.result import RunResult
from sim.report.charts.chart import Chart
from sim.report.charts.style import BLUE, GREY, SKY, VERMILION, drawn

WIDTH, STEP = 560, 34
COLOURS = {"used": BLUE, "headroom": SKY, "idle": GREY, "wasted": VERMILION}
MEANING = (
    "used: work for answers, at full batches; headroom: ready, not needed at that moment;",
    "idle: nothing to do, or committed and not used; wasted: work for nobody",
)


def dollars(result: RunResult, about: str) -> Chart | None:
    """Mean cost of each backend by use, stacked; None where there is nothing but use."""
    shown = {
        use: [_mean_usd(result, backend.name, use) for backend in result.design.backends]
        for use in COLOURS
    }
    if not any(sum(usd) > 0 for use, usd in shown.items() if use != "used"):
        return None
    rows = [
        {"backend": backend.name, "use": use, "usd": shown[use][number], "order": order}
        for number, backend in enumerate(result.design.backends)
        for order, use in enumerate(COLOURS)
    ]
    frame = pd.DataFrame(rows)
    scale = alt.Scale(domain=list(COLOURS), range=list(COLOURS.values()))
    bars = (
        alt.Chart(frame)
        .mark_bar()
        .encode(
            x=alt.X("usd:Q", title="USD over the horizon, mean over worlds"),
            y=alt.Y("backend:N", title=None, sort=None),
            color=alt.Color("use:N", title=None, scale=scale, sort=list(COLOURS)),
            order="order:Q",
        )
    )
    subtitle = [about, *MEANING]
    return drawn("dollars", frame, bars, "Where does a dollar go?", subtitle, WIDTH, alt.Step(STEP))


def _mean_usd(result: RunResult, backend: str, use: str) -> float:
    return float(result.sample.values(f"backends.{backend}.cost_{use}_usd").mean())
