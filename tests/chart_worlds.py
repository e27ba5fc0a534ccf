"""Runs whose worlds are made up, to be drawn, and what holds of every chart."""

import json
import re
from collections.abc import Callable
from dataclasses import replace

import altair as alt
import numpy as np

from sim.model.design import Horizon
from sim.montecarlo.result import RunResult
from sim.montecarlo.sample import Sample
from sim.report.charts import Chart

Figures = dict[str, float]
Timeline = dict[str, np.ndarray]
MOST_ROWS = 1000


def with_worlds(
    result: RunResult, count: int, change: Callable[[int, Figures, Timeline], None]
) -> RunResult:
    """A run of so many worlds, each the first one of a run with some of it changed."""
    first = result.sample.frame().iloc[0].to_dict()
    verdict = first.pop("verdict")
    timeline = result.sample.timelines.timeline(result.sample.worlds[0])
    sample = Sample(result.sample.inputs)
    for world in range(count):
        figures = {name: value for name, value in first.items() if name != "world"}
        cells = {name: column.copy() for name, column in timeline.items()}
        change(world, figures, cells)
        sample.add_row(world, verdict, figures, cells)
    return replace(result, sample=sample)


def with_days(result: RunResult, days: float, bin_s: float) -> RunResult:
    """The run over another horizon; its timelines are to be as long."""
    old = result.design.horizon
    horizon = Horizon(old.start, days * 86_400.0, 0.0, bin_s)
    return replace(result, design=replace(result.design, horizon=horizon))


def check(chart: Chart, *, thoroughly: bool = False) -> None:
    """What holds of every chart: it can be drawn, is small, asks, and says what it shows."""
    if thoroughly:
        alt.Chart.from_dict(chart.spec)  # is valid, or raises
    text = json.dumps(chart.spec, allow_nan=False)
    assert all(len(rows) <= MOST_ROWS for rows in chart.spec["datasets"].values()), chart.name
    assert len(text) < 150_000, chart.name
    assert chart.question.endswith("?")
    assert re.search(r"\d", chart.alt), chart.name
    assert "NaN" not in chart.alt
    assert not re.search(r"\b(nan|inf)\b", chart.alt), chart.alt
    assert chart.alt[0].isupper() and chart.alt.endswith(".")
    # Text and backgrounds are the page's, which may be dark; white is for text on a bar alone.
    assert not re.search(r'"(black|#000|#000000|#fff|#ffffff)"', text)
    assert "config" not in chart.spec
    # No thousandths as Kubernetes writes them, where numbers are written by the browser.
    assert not re.search(r'"format": "[^"]*s"', text)
