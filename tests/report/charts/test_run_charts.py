"""Pictures of a run: which there are, what they are drawn from, and that they can be drawn."""

import json
import struct

import pandas as pd
import pytest
from scenario_documents import MINIMAL, SHIPPED

from sim.montecarlo.run import run
from sim.report.charts import save
from sim.report.charts.run import charts
from sim.scenario import load_scenario


@pytest.fixture(scope="module")
def result():
    return run(load_scenario(SHIPPED / "quickstart.yaml", ["horizon.days=0.2"]), worlds=6, jobs=1)


def test_what_differs_between_worlds_and_what_the_day_does_have_a_picture(result):
    names = [chart.name for chart in charts(result)]
    # Three replicas cost the same in every world, and are ready all the time.
    assert names == [
        "dollars", "cost_per_request", "first_token", "whole_answer", "worlds",
        "timeline_load", "timeline_wait", "load_latency",
    ]  # fmt: skip


def test_pictures_hold_the_figures_of_the_run(result):
    drawn = {chart.name: chart for chart in charts(result)}
    values = drawn["first_token"].frame["peak_hour_ttft_p95_s"]
    assert values.tolist() == result.sample.values("peak_hour_ttft_p95_s").tolist()
    load = drawn["timeline_load"].frame
    assert load["load_rps_p50"].tolist() == result.timeline["load_rps_p50"].tolist()
    assert load["time"].iloc[0] == "2026-11-23T00:00:00"
    dollars = drawn["dollars"].frame.set_index("step")["usd"]
    paid = result.sample.values("cost_usd").mean()
    assert dollars["paid"] == pytest.approx(paid)
    assert dollars["used"] == pytest.approx(result.sample.values("cost_used_usd").mean())
    assert dollars[["used", "headroom", "idle"]].sum() == pytest.approx(paid, rel=1e-3)


def test_where_every_dollar_is_used_there_is_no_picture_of_it(tmp_path):
    path = tmp_path / "api.yaml"
    own = MINIMAL[MINIMAL.index("    kind: gpu_pool") :]
    path.write_text(MINIMAL.replace(own, "    {kind: managed_api, model: gpt-4o-mini}\n"))
    api = run(load_scenario(path), worlds=1, jobs=1)
    assert "dollars" not in [chart.name for chart in charts(api)]


def test_titles_ask_and_axes_have_units(result):
    for chart in charts(result):
        assert chart.spec["title"]["text"].endswith("?")
        axes = json.dumps(chart.spec)
        assert any(unit in axes for unit in (" s'", "ms'", "USD", "a second", "share of worlds"))


def test_a_picture_becomes_four_files(result, tmp_path):
    (chart,) = [each for each in charts(result) if each.name == "timeline_load"]
    written = save([chart], tmp_path)
    assert [path.suffix for path in written] == [".svg", ".png", ".csv", ".json"]
    width, height = struct.unpack(">II", written[1].read_bytes()[16:24])
    assert width > 1000
    assert height > 500
    assert written[0].read_text().startswith("<svg")
    pd.testing.assert_frame_equal(pd.read_csv(written[2]), chart.frame)
    assert json.loads(written[3].read_text()) == chart.spec


def test_too_few_worlds_make_no_distribution(result):
    few = run(load_scenario(SHIPPED / "quickstart.yaml", ["horizon.days=0.1"]), worlds=2, jobs=1)
    assert [chart.name for chart in charts(few)] == ["dollars", "timeline_load", "timeline_wait"]


def test_the_shares_drawn_are_those_of_the_summary(result):
    (chart,) = [each for each in charts(result) if each.name == "worlds"]
    found = [each for each in result.summary["worlds"].values() if each is not None]
    assert chart.frame["worlds"].tolist() == [each["count"] for each in found]
    assert chart.frame[["low", "high"]].to_numpy().tolist() == [each["share_ci"] for each in found]
    number = result.summary["worst_world"]["world"]
    assert f"the worst is world {number}" in json.dumps(chart.spec["title"])


def test_of_several_workloads_the_one_that_is_served_worst_is_drawn():
    again = "arrivals={requests_per_second: 0.1}, prompt_tokens=8000, output_tokens=100"
    changes = [f"workloads.batch.{each}" for each in again.split(", ")]
    slo = ["horizon.days=0.05", "horizon.warm_up=0", "workloads.batch.slo={ttft_p95: 100ms}"]
    scenario = load_scenario(SHIPPED / "quickstart.yaml", [*slo, *changes])
    several = run(scenario, worlds=5, jobs=1)
    worst = several.summary["worst_workloads"][0]["name"]
    assert worst == "batch"
    (chart,) = [each for each in charts(several) if each.name == "first_token"]
    drawn = chart.frame["peak_hour_ttft_p95_s"].tolist()
    assert drawn == several.sample.values(f"workloads.{worst}.peak_hour_ttft_p95_s").tolist()
    assert f"{worst}, the worst served" in json.dumps(chart.spec["title"])
