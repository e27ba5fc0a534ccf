"""The study: its rows are those of runs, its front is told and drawn, and what moves nothing is."""

import json

import numpy as np
import pandas as pd
import pytest
from answer_schemas import check_answer
from chart_worlds import check

from sim.__main__ import main
from sim.report.charts.sweep import charts
from sim.report.sweep_text import tell
from sim.studies.bench import Bench
from sim.studies.case import Case
from sim.studies.sweep import candidates, read_axes, sweep
from sim.studies.sweep.designs import settings
from sim.studies.sweep.front import BEHIND, DOMINATED, FRONT, SAME_AS, UNTOLD
from sim.studies.sweep.study import Shape

SCENARIO = """\
name: Small
horizon: {duration: 10min, warm_up: 0, bin: 5min}
workloads:
  chat:
    arrivals: {requests_per_second: {lognormal: {p50: 4, p95: 9}}}
    prompt_tokens: 1500
    output_tokens: 200
    slo: {e2e_p95: 12s}
    route: own
backends:
  own:
    kind: gpu_pool
    service: llama-3.3-70b/h100-sxm/tp4/fp8/vllm
    replicas: 2
    price: {usd_per_gpu_hour: {uniform: {low: 2, high: 4}}}
seed: 5
"""
OVER = ("backends.own.replicas=1,2,3", "backends.own.router=least_loaded,random")
WORLDS = 20


@pytest.fixture(scope="module")
def case(tmp_path_factory):
    path = tmp_path_factory.mktemp("sweep") / "small.yaml"
    path.write_text(SCENARIO, encoding="utf-8")
    return Case(path)


@pytest.fixture(scope="module")
def answer(case):
    axes = read_axes(OVER)
    return sweep(axes, candidates(case, axes), Bench(1), WORLDS, per_world=True)


def test_a_row_is_that_of_a_run_of_the_same_design_to_the_bit(case, answer, tmp_path, capsys):
    for at in (0, 3, 5):
        point = answer.points[at]
        changes = [part for each in settings(answer.axes, point.values) for part in ("--set", each)]
        out = tmp_path / str(at)
        options = ["--worlds", str(WORLDS), "--jobs", "1", "--json", "--quiet", "--no-report"]
        assert main(["run", str(case.path), *changes, *options, "--out", str(out)]) == 0
        summary = json.loads(capsys.readouterr().out)
        row = answer.designs.iloc[at]
        for metric in ("cost_usd_per_month", "ttft_p95_s", "e2e_p95_s"):
            found = summary["metrics"][metric]
            for level in ("mean", "p50", "p95"):
                wanted = [found[level], *found[f"{level}_ci"]]
                name = f"{metric}_{level}"
                got = row[[name, f"{name}_low", f"{name}_high"]].tolist()
                assert [None if np.isnan(each) else each for each in got] == wanted
        shares = row[["slo_met_share", "slo_met_share_low", "slo_met_share_high"]].tolist()
        assert shares == [summary["slo_met_share"], *summary["slo_met_share_ci"]]
        assert row["overloaded_share"] == summary["overloaded_share"]
        run = pd.read_parquet(out / "replications.parquet")
        mine = answer.by_world[answer.by_world["design"] == point.label].reset_index(drop=True)
        for name in run.columns:
            assert run[name].equals(mine[name]), name


def test_all_designs_see_the_same_worlds(answer):
    grouped = answer.by_world.groupby("design")
    draws = [part.filter(like="input.").to_numpy() for _, part in grouped]
    came = [part["requests"].to_numpy() for _, part in grouped]
    assert all((each == draws[0]).all() for each in draws)
    assert all((each == came[0]).all() for each in came)


def test_no_design_of_the_front_is_beaten_and_the_front_is_in_the_order_of_cost(answer):
    front = [(p.cost.p50, p.slo_met.count) for p in answer.front]
    assert [cost for cost, _ in front] == sorted(cost for cost, _ in front)
    assert 1 <= len(answer.front) < len(answer.points)
    assert all(point.status == FRONT for point in answer.front)


def test_the_sentence_names_the_cheapest_that_meets_the_slo_and_whether_that_is_sure(answer):
    good = answer.cheapest(0.95)
    kept = [p for p in answer.points if p.slo_met.value >= 0.95]
    assert good.cost.p50 == min(each.cost.p50 for each in kept)
    assert answer.sentence.startswith(f"Of 6 designs {len(answer.front)} ")
    assert f"'{good.label}', at " in answer.sentence
    assert good.slo_met.words() in answer.sentence
    assert answer.cheapest(0.95, sure=True) is None  # of 20 worlds
    assert "20 worlds do not make that sure of any design" in answer.sentence


def test_the_answer_keeps_to_its_schema_and_is_plain(answer):
    plain = answer.as_json()
    assert json.loads(json.dumps(plain, allow_nan=False)) == plain
    check_answer("sweep", plain)
    assert len(plain["figures"]) == len(answer.designs) == 6


def test_the_picture_has_every_design_and_says_what_it_shows(answer):
    (chart,) = charts(answer)
    check(chart, thoroughly=True)
    assert chart.frame["design"].tolist() == [each.label for each in answer.points]
    assert all(each.label in chart.alt for each in answer.front)


def test_the_screen_has_the_front_and_the_full_text_every_design(answer, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    telling = tell(answer)
    screen, full = telling.screen(), telling.text()
    assert len(screen.splitlines()) <= 44
    assert max(map(len, full.replace("\x1b[1m", "").replace("\x1b[0m", "").splitlines())) <= 80
    beaten = answer.number(DOMINATED) + answer.number(UNTOLD)
    assert full.count("dominated by") == beaten
    assert beaten + len(answer.front) + answer.number(SAME_AS) + answer.behind == 6


def test_a_key_that_moves_no_figure_is_named(case):
    axes = read_axes(["backends.own.replicas=2,3", "workloads.chat.slo.e2e_p95=300s,400s"])
    found = sweep(axes, candidates(case, axes), Bench(1), 4)
    assert found.unmoved == ("workloads.chat.slo.e2e_p95",)
    assert "No figure of any world is moved by workloads.chat.slo.e2e_p95." in tell(found).text()


def test_fleets_that_fall_behind_are_told_and_drawn_as_what_they_are(case):
    axes = read_axes(["workloads.chat.arrivals.requests_per_second=4,60"])
    found = sweep(axes, candidates(case, axes), Bench(1), 6)
    assert [each.status for each in found.points] == [FRONT, BEHIND]
    assert "1 design falls behind in the median world" in " ".join(tell(found).screen().split())
    (chart,) = charts(found)
    check(chart)
    all_behind = sweep(axes[:1], candidates(case, axes)[1:], Bench(1), 6)
    assert "all fall behind" in all_behind.sentence
    assert charts(all_behind) == []
    tell(all_behind).text()


def test_metrics_choose_what_the_front_is_of(case):
    shape = Shape.of(["slo_attainment", "cost_usd_per_request", "ttft_p95_s"])
    assert (shape.cost.name, shape.latency.name) == ("cost_usd_per_request", "slo_attainment")
    axes = read_axes(OVER[:1])
    metrics = ["slo_attainment", "cost_usd_per_request"]
    found = sweep(axes, candidates(case, axes), Bench(1), 8, metrics=metrics)
    best = max(found.points, key=lambda each: each.latency.p50)
    assert best.status == FRONT  # more of it is better
    gains = [step.latency.median for step in found.steps[1:]]
    assert all(gain >= 0.0 for gain in gains)


def test_without_an_slo_the_sentence_goes_from_end_to_end_of_the_front(case):
    axes = read_axes(OVER[:1])
    found = sweep(axes, candidates(case.but("workloads.chat.slo=null"), axes), Bench(1), 6)
    assert found.front[0].label in found.sentence
    assert found.front[-1].label in found.sentence
    check_answer("sweep", json.loads(json.dumps(found.as_json())))
    for chart in charts(found):
        check(chart)


def test_the_command_writes_one_table_for_all_and_refuses_too_many(case, tmp_path, capsys):
    out = tmp_path / "out"
    over = [part for each in OVER for part in ("--over", each)]
    asked = ["sweep", str(case.path), *over, "--worlds", "4", "--jobs", "1", "--quiet"]
    assert main([*asked, "--out", str(out), "--json"]) == 0
    plain = json.loads(capsys.readouterr().out)
    assert plain == json.loads((out / "answer.json").read_text())
    table = pd.read_parquet(out / "designs.parquet")
    assert len(table) == 6
    assert table["backends.own.replicas"].tolist() == [1, 1, 2, 2, 3, 3]
    assert not (out / "worlds.parquet").exists()
    assert {"designs.csv", "report.html", "figures"} <= {each.name for each in out.iterdir()}
    assert main([*asked, "--most", "5", "--out", str(tmp_path / "other")]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert "6 designs are more than 5; at 4 worlds each they would take about" in line
    assert not (tmp_path / "other" / "answer.json").exists()


def test_designs_that_are_the_same_in_every_world_are_on_the_front_once(case):
    axes = read_axes(["backends.own.replicas=2,3", "workloads.chat.slo.e2e_p95=300s,400s"])
    found = sweep(axes, candidates(case, axes), Bench(1), 6)
    assert [each.status for each in found.points].count(SAME_AS) == 2
    assert "2 more are the same as one of it" in found.sentence
    assert len(found.front) == 2


def test_requests_under_way_at_the_end_do_not_take_a_design_off_the_front(case):
    cut = case.but(
        "horizon.bin=1min",
        "horizon.duration=4min",
        "workloads.chat.output_tokens=2000",
        "workloads.chat.arrivals.requests_per_second=0.5",
    )
    axes = read_axes(OVER[:1])
    found = sweep(axes, candidates(cut, axes), Bench(1), 6)
    kept_up = [each for each in found.points if each.overloaded.count == 0]
    assert any("p50" in each.latency.at_least for each in kept_up)
    assert all(each.status != BEHIND for each in kept_up)
