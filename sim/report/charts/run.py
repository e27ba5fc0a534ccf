"""Pictures of ``sim run``: what it costs, how long people wait, and the hours of it."""

from datetime import timedelta

import altair as alt
import numpy as np
import pandas as pd

from sim.montecarlo.result import LEVELS, RunResult
from sim.montecarlo.sample import is_latency
from sim.report.charts.chart import Chart
from sim.report.charts.dollars import dollars
from sim.report.charts.style import BLUE, GREEN, VERMILION, drawn
from sim.report.headline import KINDS

WIDTH, HEIGHT = 560, 280
MOST_BARS = 30
FEWEST_WORLDS = 5  # fewer make no distribution
FAR = 5.0  # distances from the median to a p5 or p95, beyond which a world is far out
SPREADS = (  # metric, its name as a file, question, axis
    ("cost_usd_per_month", "cost", "What will a month cost?", "USD a month"),
    ("cost_usd_per_request", "cost_per_request", "What will a request cost?", "USD a request"),
    (
        "peak_hour_ttft_p95_s",
        "first_token",
        "How long does the worst hour let people wait for a first token?",
        "p95 time to first token of the worst hour, seconds",
    ),
    (
        "peak_hour_e2e_p95_s",
        "whole_answer",
        "How long does a whole answer take in the worst hour?",
        "p95 time of a whole answer in the worst hour, seconds",
    ),
)
HOURS = (  # column, its name as a file, question, axis, colour
    ("load_rps", "load", "How many requests arrive, and when?", "requests a second", BLUE),
    (
        "ttft_p95_s",
        "wait",
        "When do people wait for a first token?",
        "p95 time to first token, seconds",
        VERMILION,
    ),
    ("ready_replicas", "replicas", "How many replicas are ready?", "replicas", GREEN),
)


def charts(result: RunResult) -> list[Chart]:
    """Where a dollar goes, distributions over worlds, then the horizon with its bands."""
    drawn = [dollars(result, _about(result))]
    drawn += [_spread(result, *each) for each in SPREADS]
    drawn += [_worlds(result)]
    drawn += [_hours(result, *each) for each in HOURS]
    return [chart for chart in drawn if chart is not None]


def _worlds(result: RunResult) -> Chart | None:
    """In how many worlds something goes wrong, each share with its interval."""
    if len(result.sample) < FEWEST_WORLDS:
        return None
    counts = {name: found for name, found in result.summary["worlds"].items() if found is not None}
    frame = pd.DataFrame(
        [
            {
                "what": KINDS[name],
                "worlds": found["count"],
                "share": found["share"],
                "low": found["share_ci"][0],
                "high": found["share_ci"][1],
            }
            for name, found in counts.items()
        ]
    )
    base = alt.Chart(frame).encode(y=alt.Y("what:N", title=None, sort=None))
    share = alt.X("share:Q", title="share of worlds", axis=alt.Axis(format="%"))
    bars = base.mark_bar(color=BLUE, opacity=0.75).encode(x=share)
    ends = base.mark_rule(color=VERMILION, strokeWidth=2).encode(x="low:Q", x2="high:Q")
    worst = result.summary["worst_world"]["world"]
    about = f"{_about(result)}; lines: 95 % intervals; the worst is world {worst}"
    return drawn(
        "worlds", frame, bars + ends, "In how many worlds does it go wrong?", about, WIDTH, 120
    )


def _of_worst(result: RunResult, metric: str) -> tuple[str, str]:
    """A latency of the workload that is served worst, among several, and how that is said."""
    worst, *others = result.summary["worst_workloads"]
    if not others or not is_latency(metric):
        return metric, ""
    return f"workloads.{worst['name']}.{metric}", f"; {worst['name']}, the worst served"


def _about(result: RunResult) -> str:
    worlds = len(result.sample)
    return f"{result.scenario.name}, {worlds:,} world{'s' if worlds != 1 else ''}"


def _spread(result: RunResult, metric: str, name: str, question: str, axis: str) -> Chart | None:
    """Worlds by the size of a figure, with its median and its 5th and 95th percentile.

    A few worlds far out, such as one that falls behind, would press all others into one bar; they
    are named in the subtitle.
    """
    source, whose = _of_worst(result, metric)
    values = result.sample.values(source)
    bounds = result.sample.lower_bound(source)
    at_least = 0 if bounds is None else int((bounds & np.isfinite(values)).sum())
    values = values[np.isfinite(values)]
    if len(values) < FEWEST_WORLDS or values.min() == values.max():
        return None
    frame = pd.DataFrame({"world": np.arange(len(values)), metric: values})
    marks = pd.DataFrame({"at": np.quantile(values, list(LEVELS.values())), "level": list(LEVELS)})
    near, far = _near_and_far(values, *marks["at"])
    low, high = float(near.min()), float(near.max())
    bars = (
        alt.Chart(frame)
        .transform_filter((alt.datum[metric] >= low) & (alt.datum[metric] <= high))
        .mark_bar(color=BLUE, opacity=0.75)
        .encode(
            x=alt.X(f"{metric}:Q", bin=alt.Bin(maxbins=MOST_BARS, extent=[low, high]), title=axis),
            y=alt.Y("count():Q", title="worlds", axis=alt.Axis(tickMinStep=1, format="d")),
        )
    )
    rules = alt.Chart(marks).mark_rule(color=VERMILION, strokeWidth=2).encode(x="at:Q")
    labels = (
        alt.Chart(marks)
        .mark_text(align="center", baseline="bottom", color=VERMILION)
        .encode(x="at:Q", y=alt.value(-3), text="level:N")
    )
    about = _about(result) + whose + _far_out(far)
    about += f"; in {at_least:,} at least so much" if at_least else ""
    return drawn(name, frame, bars + rules + labels, question, about, WIDTH, HEIGHT)


def _near_and_far(
    values: np.ndarray, p5: float, p50: float, p95: float
) -> tuple[np.ndarray, np.ndarray]:
    """The values of worlds that are drawn, and of those that are far out.

    >>> near, far = _near_and_far(np.array([1.0, 2.0, 3.0, 90.0]), 1.0, 2.0, 4.0)
    >>> near.tolist(), far.tolist()
    ([1.0, 2.0, 3.0], [90.0])
    """
    is_near = (values >= p50 - FAR * (p50 - p5)) & (values <= p50 + FAR * (p95 - p50))
    near = values[is_near]
    if near.size == 0 or near.min() == near.max():  # the others are all that there is to see
        return values, values[:0]
    return near, values[~is_near]


def _far_out(values: np.ndarray) -> str:
    """The worlds that are not drawn, in words.

    >>> _far_out(np.array([])), _far_out(np.array([938.0])), _far_out(np.array([52.0, 938.0]))
    ('', '; 1 far out, at 938', '; 2 far out, at 52 to 938')
    >>> _far_out(np.array([1031.2])), _far_out(np.array([0.00123]))
    ('; 1 far out, at 1,031', '; 1 far out, at 0.00123')
    """
    if len(values) == 0:
        return ""
    ends = (values.min(), values.max())
    shown = [f"{each:,.0f}" if abs(each) >= 100 else f"{each:.3g}" for each in ends]
    return f"; {len(values):,} far out, at {' to '.join(dict.fromkeys(shown))}"


def _hours(
    result: RunResult,
    column: str,
    name: str,
    question: str,
    axis: str,
    colour: str,
) -> Chart | None:
    """A column of the timeline: its median over worlds, and the band from p5 to p95."""
    timeline = result.timeline
    if f"{column}_p50" not in timeline or timeline[f"{column}_p50"].isna().all():
        return None
    if (timeline[f"{column}_p95"] == timeline[f"{column}_p5"].iloc[0]).all():
        return None  # never anything else
    frame = timeline[[f"{column}_{level}" for level in LEVELS]].copy()
    moments = [result.start + timedelta(seconds=float(each)) for each in timeline["start_s"]]
    frame.insert(0, "time", [each.isoformat() for each in moments])
    base = alt.Chart(frame).encode(x=alt.X("time:T", title="time (clock of the day's shape)"))
    low = alt.Y(f"{column}_p5:Q", title=axis, scale=alt.Scale(zero=True))
    band = base.mark_area(color=colour, opacity=0.25).encode(y=low, y2=f"{column}_p95:Q")
    median = base.mark_line(color=colour, strokeWidth=2).encode(y=f"{column}_p50:Q")
    subtitle = f"{_about(result)}; the median over worlds, and the band from p5 to p95"
    return drawn(f"timeline_{name}", frame, band + median, question, subtitle, WIDTH, HEIGHT)
