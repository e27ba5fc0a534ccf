"""Residuals of a calibration, and waiting against load, from data whose picture is known."""

import numpy as np
import pandas as pd
import pytest
from chart_worlds import check

from sim.report.charts.calibration import _charts
from sim.report.charts.dollars import steps_of
from sim.report.charts.knee import Groups

RUNS = pd.DataFrame(
    [
        {"run": f"c{load}", "loop": "closed", "load": load, "metric": metric, "statistic": "p50",
         "error": error * load / 8, "saturated": load == 16}
        for load in (1, 4, 16)
        for metric, error in (("ttft", 0.2), ("tpot", -0.05), ("throughput", 0.01))
    ]
)  # fmt: skip


def test_residuals_are_points_about_nothing_with_a_shape_besides_the_colour():
    (chart,) = _charts(RUNS, "How far off?")
    check(chart, thoroughly=True)
    assert "TTFT 2.5 to 40 % off" in chart.alt
    points = chart.spec["layer"][2]["encoding"]
    low, high = points["y"]["scale"]["domain"]
    assert low == -high
    shapes = points["shape"]["scale"]["range"]
    assert len(set(shapes)) == len(shapes) == 3
    assert "rings: saturated runs" in " ".join(chart.spec["title"]["subtitle"])


def test_runs_without_an_error_make_no_picture():
    assert _charts(RUNS.assign(error=np.nan), "How far off?") == []


def waits(load):
    """Half a second up to 8 requests a second, then as much more as is beyond."""
    return 0.5 + 4.0 * np.maximum(load - 8.0, 0.0)


def test_the_knee_is_where_waiting_begins():
    load = np.random.default_rng(0).uniform(1.0, 12.0, 3000)
    groups = Groups.of(load, waits(load))
    assert groups is not None
    place = groups.knee(np.nan)  # twice the wait at light load, from 8.125 a second on
    assert place is not None
    assert groups.load[place] == pytest.approx(8.125, abs=0.4)
    assert groups.knee(100.0) is None
    assert groups.load[groups.knee(2.5)] == pytest.approx(8.5, abs=0.4)


def test_an_hour_without_answers_is_the_longest_wait_and_not_a_missing_one():
    load = np.linspace(1.0, 12.0, 600)
    groups = Groups.of(load, np.where(load > 8.0, np.inf, 0.5))
    assert groups is not None
    assert np.isinf(groups.wait_s[1, -1])
    assert groups.load[groups.knee(2.0)] == pytest.approx(8.0, abs=0.4)


def test_loads_that_hardly_differ_have_no_knee():
    assert Groups.of(np.linspace(5.0, 5.5, 500), np.full(500, 0.5)) is None
    assert Groups.of(np.linspace(1.0, 12.0, 20), np.full(20, 0.5)) is None


def test_the_steps_of_a_dollar_end_where_the_next_begins():
    steps = steps_of({"used": 6.0, "headroom": 0.0, "idle": 3.0, "wasted": 1.0}, 14.0, 2.0)
    assert [(step.name, step.begin, step.end) for step in steps] == [
        ("price lists, nothing cached", 0.0, 16.0),
        ("cached", 16.0, 14.0),
        ("below the lists", 14.0, 10.0),
        ("paid", 0.0, 10.0),
        ("used", 4.0, 10.0),
        ("idle", 1.0, 4.0),
        ("wasted", 0.0, 1.0),
    ]
    over = [step.name for step in steps_of({"used": 6.0, "idle": 6.0}, 6.0, -1.0)]
    assert over == [
        "price lists, nothing cached", "cache writes", "above the lists", "paid", "used", "idle",
    ]  # fmt: skip
    assert steps_of({"used": 0.0, "idle": 0.0}, 0.0, 0.0) == []
