"""Waiting against load: the hours of all worlds, and the load from which on people wait.

Each hour of each world is a point; they are put in order of load and into groups of as many, of
which percentiles are drawn. Where there is one pool, the load is that of a ready replica, so that
an autoscaler's hours can be compared.
"""

import math
from dataclasses import dataclass

import altair as alt
import numpy as np
import pandas as pd

from sim.montecarlo.result import LEVELS, RunResult
from sim.montecarlo.timelines import column_quantiles
from sim.report.charts.axes import amount, amounts
from sim.report.charts.chart import Chart
from sim.report.charts.hours import CellArray, FloatArray, Hours
from sim.report.charts.style import GREY, VERMILION, Align, brief, drawn, level, upright
from sim.report.figures import duration

MOST_GROUPS = 30
LEAST_POINTS = 12  # of a group
FEWEST_GROUPS = 5  # fewer show no bend
LEAST_RANGE = 1.3  # of the load, from the 5th to the 95th percentile
BEND = 2.0  # times the wait at light load, from which on people wait, where no SLO says


@dataclass(frozen=True, slots=True)
class Groups:
    """Hours of about the same load.

    Attributes
    ----------
    load : (groups,) float64
        Median load of each, increasing.
    wait_s : (3, groups) float64
        p5, p50 and p95 of the wait; infinite where nobody got an answer.
    """

    load: FloatArray
    wait_s: FloatArray

    @classmethod
    def of(cls, load: CellArray, wait_s: CellArray) -> "Groups | None":
        """Groups of as many points; None where there are too few, or load hardly differs."""
        known = np.isfinite(load) & ~np.isnan(wait_s) & (load > 0)
        load, wait_s = load[known], wait_s[known]
        count = min(len(load) // LEAST_POINTS, MOST_GROUPS)
        if count < FEWEST_GROUPS:
            return None
        low, high = np.quantile(load, [0.05, 0.95])
        if high < LEAST_RANGE * low:
            return None
        parts = np.array_split(np.argsort(load, kind="stable"), count)
        levels = [column_quantiles(wait_s[p][:, None], list(LEVELS.values()))[:, 0] for p in parts]
        return cls(np.array([np.median(load[part]) for part in parts]), np.array(levels).T)

    def knee(self, limit_s: float) -> int | None:
        """The first group from which on the median wait stays above what is bearable."""
        middle = self.wait_s[1]
        above = middle > (limit_s if math.isfinite(limit_s) else BEND * middle[0])
        stays = np.logical_and.accumulate(above[::-1])[::-1]
        return int(np.argmax(stays)) if stays.any() else None


def knee(result: RunResult, hours: Hours, about: str) -> Chart | None:
    """Waiting against load, with the load from which on people wait."""
    if not len(hours) or not result.design.pools:
        return None  # how long an API takes is no matter of load here
    load = hours.values("load_rps")
    per = ""
    if len(result.design.pools) == 1 and not result.design.managed:
        ready = hours.values("ready_replicas")
        load = np.divide(load, ready, out=np.full_like(load, np.nan), where=ready > 0)
        per = " for each ready replica"
    worst, *others = result.summary["worst_workloads"]
    prefix = f"workloads.{worst['name']}." if others else ""
    groups = Groups.of(load.ravel(), hours.wait_s(prefix).ravel())
    if groups is None or not np.isfinite(groups.wait_s[1, 0]):
        return None  # nobody is answered at the lightest load: load does not tell
    limit_s = next(w.slo.ttft_s for w in result.design.workloads if w.name == worst["name"])
    whose = f"{about}; {brief(worst['name'])}, the worst served" if others else about
    return _drawn(groups, f"requests a second{per}", limit_s, whose, hours.step_s)


def _drawn(groups: Groups, title: str, limit_s: float, about: str, step_s: float) -> Chart:
    frame = pd.DataFrame({"load_rps": groups.load, **dict(zip(LEVELS, groups.wait_s, strict=True))})
    ends = [*groups.wait_s.ravel(), limit_s]
    up = amounts("seconds", ends, "p95 time to first token", log=None)
    if up["scale"].to_dict().get("type") == "log":
        up["title"] = "p95 time to first token (log scale)"
    top = up["scale"].domain[1]
    shown = frame[np.isfinite(frame["p50"])].replace({"p95": {np.inf: top}})
    across = amounts("rate", [0.0, *groups.load], title)
    x, base = alt.X("load_rps:Q", **across), alt.Chart(shown)
    layers: list[alt.Chart] = [
        base.mark_area(color=VERMILION, opacity=0.25).encode(
            x=x, y=alt.Y("p5:Q", **up), y2=alt.Y2("p95:Q")
        ),
        base.mark_line(color=VERMILION, strokeWidth=2).encode(x=x, y=alt.Y("p50:Q", **up)),
    ]
    if math.isfinite(limit_s):
        layers += level(limit_s, f"SLO {amount('seconds', limit_s)}")
    bend = groups.knee(limit_s)
    told = _told(groups, bend, limit_s, title)
    if bend is not None:
        at = float(groups.load[bend])
        align: Align = "left" if at < 0.5 * across["scale"].domain[1] else "right"
        layers += upright(at, f"knee: {amount('rate', at)}/s", GREY, align)
    each = duration(step_s).removeprefix("1 ")
    return drawn(
        "load_latency",
        frame,
        alt.layer(*layers),
        "At which load do people begin to wait?",
        [
            f"{about}; each {each} of each world by its load; line: median, band: p5 to p95",
            f"{told[0].upper()}{told[1:]}",
        ],
        f"Line with a band: p95 time to first token against {title}, from"
        f" {amount('rate', float(groups.load[0]))} to {amount('rate', float(groups.load[-1]))}."
        f" Median {amount('seconds', float(groups.wait_s[1, 0]))} at the lightest load,"
        f" {_wait(float(groups.wait_s[1, -1]))} at the heaviest. {told[0].upper()}{told[1:]}.",
    )


def _told(groups: Groups, bend: int | None, limit_s: float, title: str) -> str:
    """Where the knee is, in words."""
    what = f"the SLO of {amount('seconds', limit_s)}" if math.isfinite(limit_s) else "twice as much"
    if bend is None:
        return f"no knee: at no load seen does half of the time take more than {what}"
    at = amount("rate", float(groups.load[bend]))
    return f"from {at} {title} on, more than half of the time takes more than {what}"


def _wait(seconds: float) -> str:
    return amount("seconds", seconds) if math.isfinite(seconds) else "without bound"
