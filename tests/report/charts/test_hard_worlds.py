"""Pictures of runs that are hard to draw: outages, outliers, long horizons, many and odd names."""

import json
from dataclasses import replace

import numpy as np
import pytest
from chart_worlds import check, with_days, with_worlds
from scenario_documents import SHIPPED

from sim.montecarlo.run import run
from sim.report.charts.dollars import dollars
from sim.report.charts.hours import MOST_STEPS, Hours
from sim.report.charts.run import charts
from sim.scenario import load_scenario

HOSTILE = ['<script>alert("1")</script>', "\u202eright to left", "🎉" * 60, "x" * 5000]


@pytest.fixture(scope="module")
def tiny():
    changes = ["horizon.days=0.05", "horizon.warm_up=0", "horizon.bin=5min"]
    return run(load_scenario(SHIPPED / "quickstart.yaml", changes), worlds=1, jobs=1)


def same(_world, _figures, _timeline):
    """Nothing is changed."""


def drawn(result, *, thoroughly=False):
    found = {chart.name: chart for chart in charts(result)}
    for chart in found.values():
        check(chart, thoroughly=thoroughly)
    return found


def test_one_world_is_drawn_without_a_band_of_worlds(tiny):
    found = drawn(tiny, thoroughly=True)
    assert {"dollars", "timeline_load", "timeline_wait"} <= set(found)
    assert "cost" not in found
    assert "band" not in json.dumps(found["timeline_load"].spec["title"])


def test_what_is_the_same_in_all_worlds_has_no_distribution(tiny):
    assert not {"cost", "cost_per_request", "first_token", "whole_answer"} & set(
        drawn(with_worlds(tiny, 20, same))
    )


def test_a_world_a_thousand_times_worse_does_not_press_the_others_into_one_bar(tiny):
    def change(world, figures, _timeline):
        seconds = 30.0 + world / 2
        figures["peak_hour_e2e_p95_s"] = 30_000.0 if world == 40 else seconds

    chart = drawn(with_worlds(tiny, 41, change))["whole_answer"]
    assert "1 far out, at 500 min" in json.dumps(chart.spec["title"])
    assert "Not drawn: 1 far out, at 500 min" in chart.alt
    bars = chart.spec["layer"][0]
    rows = chart.spec["datasets"][bars["data"]["name"]]
    assert len(rows) >= 5
    assert max(row["high"] for row in rows) <= 60.0
    assert sum(row["to"] - row["from"] for row in rows) == 40
    assert chart.frame["peak_hour_e2e_p95_s"].max() == 30_000.0  # it is in the data


def test_many_worlds_far_out_make_a_logarithmic_axis(tiny):
    def change(world, figures, _timeline):
        figures["peak_hour_ttft_p95_s"] = 0.5 + world / 100 if world % 4 else 400.0 + world

    chart = drawn(with_worlds(tiny, 40, change))["first_token"]
    axis = chart.spec["layer"][0]["encoding"]["x"]
    assert axis["scale"]["type"] == "log"
    assert "log scale" in json.dumps(axis["title"])
    assert "far out" not in json.dumps(chart.spec["title"])


def test_worlds_that_fell_behind_are_bars_of_their_own_and_those_without_an_answer_are_told(tiny):
    def change(world, figures, _timeline):
        figures["peak_hour_ttft_p95_s"] = np.nan if world < 4 else 1.0 + world
        figures["peak_hour_ttft_at_least_from"] = 0.0 if world > 20 else 2.0

    result = with_worlds(tiny, 30, change)
    bounds = result.sample.lower_bound("peak_hour_ttft_p95_s")
    assert bounds is not None
    chart = drawn(result)["first_token"]
    told = " ".join(chart.spec["title"]["subtitle"])
    assert "4 without an answer" in told
    assert f"in {int(bounds[4:].sum())} at least so much" in told
    (rows,) = [rows for rows in chart.spec["datasets"].values() if rows and "value" in rows[0]]
    counted = dict.fromkeys(("so much", "at least so much"), 0)
    for row in rows:
        counted[row["value"]] += row["to"] - row["from"]
    assert counted == {"so much": 17, "at least so much": 9}


def outage(_world, _figures, timeline):
    """From the fourth bin on for four bins nobody gets an answer."""
    dead = slice(4, 8)
    timeline["ttft_p95_s"][dead] = np.nan
    timeline["completed_rps"][dead] = 0.0
    timeline["timed_out_rps"][dead] = 1.0


def test_an_outage_is_drawn_as_one_and_neither_joined_nor_left_blank(tiny):
    found = drawn(with_worlds(tiny, 6, outage), thoroughly=True)
    chart = found["timeline_wait"]
    lines = [rows for rows in chart.spec["datasets"].values() if rows and "piece" in rows[0]]
    pieces = {row["piece"] for rows in lines for row in rows}
    assert len(pieces) == 2
    assert all(not 1200.0 <= row["start_s"] < 2400.0 for rows in lines for row in rows)
    (band,) = [
        rows for rows in chart.spec["datasets"].values()
        if rows and rows[0].get("label") == "no answers"
    ]  # fmt: skip
    assert [(row["start_s"], row["end_s"]) for row in band] == [(1200.0, 2400.0)]
    assert "For 20 minutes, first at Mon 00:20, nobody gets an answer." in chart.alt
    lost = found["timeline_unanswered"]
    assert lost.frame["unanswered_share_p50"].iloc[4:8].tolist() == [1.0] * 4


def test_where_a_few_worlds_have_an_outage_the_band_has_no_upper_end(tiny):
    def change(world, figures, timeline):
        if world == 0:
            outage(world, figures, timeline)

    chart = drawn(with_worlds(tiny, 6, change))["timeline_wait"]
    assert np.isinf(chart.frame["ttft_p95_s_p95"].iloc[4:8]).all()
    assert np.isfinite(chart.frame["ttft_p95_s_p50"]).all()
    rows = next(rows for rows in chart.spec["datasets"].values() if rows and "piece" in rows[0])
    highest = max(row["high"] for row in rows)
    assert {row["high"] for row in rows if 1200.0 <= row["start_s"] < 2400.0} == {highest}


def test_where_nobody_ever_gets_an_answer_that_is_said(tiny):
    def change(_world, figures, timeline):
        timeline["ttft_p95_s"][:] = np.nan
        timeline["completed_rps"][:] = 0.0
        timeline["rejected_rps"][:] = 1.0
        for name in figures:
            if "ttft" in name or "e2e" in name:
                figures[name] = np.nan

    found = drawn(with_worlds(tiny, 6, change))
    assert "nobody gets an answer" in found["timeline_wait"].alt
    assert "load_latency" not in found


@pytest.mark.parametrize(
    ("days", "step_s"), [(7.0, 3600.0), (28.0, 4 * 3600.0), (365.0, 2 * 86_400.0)]
)
def test_a_long_horizon_is_put_together_to_steps_that_can_be_seen(tiny, days, step_s):
    bins = int(days * 96)
    hours = np.arange(bins) // 4 % 24

    def change(world, _figures, timeline):
        for name in timeline:
            timeline[name] = np.full(bins, timeline[name][0], np.float32)
        timeline["load_rps"] = (1.0 + world + hours / 24).astype(np.float32)
        timeline["ttft_p95_s"] = np.where(np.arange(bins) == 1000 % bins, 9.0, 0.5)

    result = with_worlds(with_days(tiny, days, 900.0), 5, change)
    steps = Hours.of(result)
    assert steps.step_s == step_s
    assert len(steps) <= MOST_STEPS
    assert steps.values("load_rps").mean() == pytest.approx(3.0 + 23 / 48, rel=1e-3)
    chart = drawn(result)["timeline_wait"]
    assert chart.frame["ttft_p95_s_p50"].max() == 9.0  # the longest of a step, not its mean
    assert "the longest of each" in json.dumps(chart.spec["title"])
    ticks = chart.spec["layer"][0]["encoding"]["x"]["axis"]["values"]
    assert 3 <= len(ticks) <= 13


def test_one_bin_is_a_point(tiny):
    def change(world, _figures, timeline):
        for name in timeline:
            timeline[name] = timeline[name][:1] * (1.0 + world / 10)

    found = drawn(with_worlds(with_days(tiny, 1 / 24, 3600.0), 6, change))
    marks = [layer["mark"]["type"] for layer in found["timeline_load"].spec["layer"]]
    assert "point" in marks


def test_where_nothing_costs_anything_there_is_no_picture_of_cost(tiny):
    def change(_world, figures, _timeline):
        for name in figures:
            if "usd" in name:
                figures[name] = 0.0

    found = drawn(with_worlds(tiny, 6, change))
    assert not {"cost", "cost_per_request", "dollars"} & set(found)


def test_thirty_backends_with_odd_names_have_bars_that_can_be_read(tiny):
    pool = tiny.design.pools[0]
    names = [*HOSTILE, *(f"pool-{number}" for number in range(26))]

    def change(_world, figures, _timeline):
        for place, name in enumerate(names):
            for use in ("used", "headroom", "idle", "wasted"):
                figures[f"backends.{name}.cost_{use}_usd"] = 1.0 + place

    many = replace(tiny.design, pools=tuple(replace(pool, name=name) for name in names))
    result = replace(with_worlds(tiny, 5, change), design=many)
    steps, backends = dollars(result, "x")
    check(steps, thoroughly=True)
    check(backends, thoroughly=True)
    bars = backends.frame.groupby("backend", sort=False)["usd"].sum()
    assert len(bars) == 12
    assert bars.sum() == pytest.approx(4 * sum(range(1, 31)))
    assert bars.index[-1] == "19 others"
    assert max(map(len, bars.index)) <= 50


def test_many_worlds_make_no_larger_pictures_than_few(tiny):
    def change(world, figures, _timeline):
        figures["peak_hour_ttft_p95_s"] = 1.0 + (world * 7919 % 10_007) / 10_007

    few, many = (
        {chart.name: len(json.dumps(chart.spec)) for chart in charts(with_worlds(tiny, n, change))}
        for n in (50, 600)
    )
    assert many["first_token"] < 1.5 * few["first_token"]
    assert sum(many.values()) < 80_000
