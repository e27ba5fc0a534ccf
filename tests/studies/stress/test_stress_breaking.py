"""The breaking point between two steps, against theory and against made-up fleets."""

import json
import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from chart_worlds import check
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import brentq
from size_cases import queue
from stress_cases import API, case
from theory import erlang_c

from sim.report.charts.stress import charts
from sim.report.stress_text import tell
from sim.studies.bench import bench
from sim.studies.stress import Growth, Judge, Stress, grow, path_of, stress
from sim.studies.stress.breaking import MOST_PROBES, SERVICE, TOLERANCE, find_break, ratio
from sim.studies.stress.outcome import Outcome, observe
from sim.studies.stress.runs import FIRST_LOOK, Runs
from sim.studies.stress.verdict import Word

WORLDS = 12


def erlang_limit(servers: int, patience: float, share: float) -> float:
    """Offered load of M/M/c at which just ``share`` wait for at most ``patience`` services."""

    def short(offered: float) -> float:
        waits = erlang_c(servers, offered / servers)
        return 1.0 - waits * math.exp(-(servers - offered) * patience) - share

    return float(brentq(short, 0.01 * servers, 0.9999 * servers))


@pytest.mark.parametrize(("servers", "patience"), [(1, 2.0), (4, 0.2)])
def test_queue_breaks_at_the_load_that_erlang_c_gives(
    tmp_path: Path, servers: int, patience: float
) -> None:
    """Loads begin at a tenth of the servers; half of the worlds must attain 90 %."""
    begin, duration_s = 0.1 * servers, 30_000 / math.sqrt(servers)
    case = queue(
        tmp_path,
        {"requests_per_second": begin},
        {"ttft_p90": patience + 2e-3},  # the first token's own step
        {"duration": duration_s, "warm_up": 100, "bin": duration_s},
        worlds=WORLDS,
    )
    scenario = case.load([f"backends.pool.replicas={servers}"])
    with bench(1) as place:
        runs = Runs(place, Judge(0.5), WORLDS, 0)

        def look(growth: Growth) -> Outcome:
            result = runs.run(grow(scenario, growth), str(growth))
            return observe("fixed", 0, growth, None, result, runs.judge, None)

        found = find_break([look(Growth()), look(Growth(20.0))], look)
    assert found is not None and found.held is not None
    truth = erlang_limit(servers, patience, 0.9) / begin
    # Noise of attainment moves the point at which half of the worlds hold by a few per cent.
    assert found.held.volume <= 1.03 * truth
    assert found.broken.growth.volume >= truth / 1.03
    assert ratio(found.held, found.broken.growth) <= 1.2
    if found.about is not None:
        assert found.about.volume == pytest.approx(truth, rel=TOLERANCE)


def made_up(growth: Growth, word: Word) -> Outcome:
    """An outcome of which nothing but the verdict is known."""
    values = dict.fromkeys(Outcome.__dataclass_fields__)
    known = {"fleet": "fixed", "growth": growth, "word": word, "worlds": 12, "held": 0}
    shares = {"over_budget_share": math.nan, "loses_share": 0.0}
    return Outcome(**(values | known | shares))


@given(
    truth=st.floats(1.05, 9.5),
    width=st.sampled_from([1.0, 1.3, 2.0]),
    step=st.sampled_from([2.0, 5.0, 10.0]),
)
def test_break_is_enclosed_whatever_the_worlds_leave_open(
    truth: float, width: float, step: float
) -> None:
    """Fleets that hold below one volume and break above another; in between none can tell."""
    looked = []

    def look(growth: Growth) -> Outcome:
        looked.append(growth)
        holds, breaks = growth.volume < truth, growth.volume > truth * width
        return made_up(growth, "holds" if holds else "breaks" if breaks else "cannot tell")

    steps = [Growth(), Growth(step), Growth(30.0)]
    found = find_break([look(each) for each in steps], look)
    assert found is not None and found.held is not None
    assert found.held.volume < truth <= truth * width < found.broken.growth.volume
    assert all(truth <= each.volume <= truth * width for each in found.unsure)
    assert list(found.unsure) == sorted(found.unsure, key=lambda each: each.volume)
    assert len(looked) == len(set(looked)) <= len(steps) + MOST_PROBES
    if not found.unsure:
        assert found.about is not None
        assert found.held.volume < found.about.volume < found.broken.growth.volume
        assert ratio(found.held, found.broken.growth) <= 1.0 + TOLERANCE or width > 1
        assert "breaks at about" in found.words
    else:
        assert found.about is None and "cannot tell" in found.words


def test_growth_of_everything_together_is_enclosed_together() -> None:
    def look(growth: Growth) -> Outcome:
        return made_up(growth, "holds" if growth.volume * growth.prompt < 6.0 else "breaks")

    steps = [Growth(), Growth(4.0, prompt=2.0, retry=3.0)]
    found = find_break([look(each) for each in steps], look)
    assert found is not None and found.about is not None
    assert found.about.volume * found.about.prompt == pytest.approx(6.0, rel=TOLERANCE)
    assert 1.0 < found.about.retry < 3.0


def test_fleet_that_breaks_today_or_never_has_no_breaking_point() -> None:
    def look(growth: Growth) -> Outcome:
        raise AssertionError(growth)

    steps = [Growth(), Growth(2.0)]
    assert find_break([made_up(each, "breaks") for each in steps], look) is None
    assert find_break([made_up(each, "holds") for each in steps], look) is None
    unsure = [made_up(steps[0], "cannot tell"), made_up(Growth(1.05), "breaks")]
    found = find_break(unsure, look)
    assert found is not None and found.words == "breaks at 1.05x at the latest"


@pytest.fixture(scope="module")
def over_budget(tmp_path_factory: pytest.TempPathFactory) -> Stress:
    """An API without quotas: a fixed price for each request, so that the bill is the volume."""
    folder = tmp_path_factory.mktemp("budget")
    with bench(1) as place:
        tried = case(folder, API, "backends.api.quota=null", "horizon.duration=12h")
        today = place.run(tried.load(), WORLDS).summary["metrics"]["cost_usd_per_month"]["p50"]
        return stress(tried, place, path_of([1.0, 10.0]), budget_usd=4.5 * today, spike=None)


def test_budget_breaks_where_the_bill_reaches_it(over_budget: Stress) -> None:
    found = over_budget.breaking("fixed")
    assert found is not None and found.broken.breaks == ("budget",)
    assert found.held is not None and found.about is not None
    assert found.held.volume < 4.5 < found.broken.growth.volume
    assert found.about.volume == pytest.approx(4.5, rel=TOLERANCE)
    assert "breaks at about" in over_budget.detail and "by its budget" in over_budget.detail


def test_budget_comes_with_its_evidence(over_budget: Stress) -> None:
    found = over_budget.breaking("fixed")
    assert found is not None
    shown = " ".join(tell(over_budget).text().split())
    assert f"fixed, from {found.broken.growth}: over the budget of" in shown
    cost = found.broken.figures["cost_usd_per_month"].p50
    assert over_budget.budget_usd is not None and cost > over_budget.budget_usd
    assert f"in all 12 worlds (at least 74 %): {cost:,.0f}" in shown


def test_elasticity_of_a_price_per_request_is_one_within_its_interval(over_budget: Stress) -> None:
    overall = next(each for each in over_budget.elasticities if not each.overall)
    assert np.isnan(overall.value.mean_ci).all()  # nothing is uncertain, and there are few worlds
    middle, (low, high) = overall.value.middle
    assert low < 1.0 < high
    assert low < middle < high
    assert high - low < 0.1


def test_breaking_point_is_in_json_tables_and_pictures(over_budget: Stress) -> None:
    found = over_budget.breaking("fixed")
    assert found is not None and found.about is not None
    document = json.loads(json.dumps(over_budget.as_json(), allow_nan=False))
    enclosed = document["first_breaks"]["fixed"]["enclosed"]
    assert enclosed["about"]["volume"] == found.about.volume
    assert len(enclosed["probes"]) == len(found.probes)
    frames = over_budget.frames()
    assert frames["breaks"]["breaks_at"].tolist() == [str(found.broken.growth)]
    assert len(frames["probes"]) == len(found.probes)
    for chart in charts(over_budget):
        check(chart)
        rules = [layer for layer in chart.spec["layer"] if layer["mark"]["type"] == "rule"]
        upright = [rule for rule in rules if "x" in rule["encoding"]]
        assert len(upright) == 1


def test_fleet_beyond_hope_is_looked_at_in_a_few_worlds(tmp_path: Path) -> None:
    with bench(1) as place:
        answer = stress(case(tmp_path, API), place, path_of([1.0, 30.0]), spike=None, enclose=False)
    assert [each.worlds for each in answer.of("fixed")] == [WORLDS, FIRST_LOOK]
    assert answer.of("fixed")[1].word == "breaks" and not answer.breakings
    assert "the first of them where these leave no doubt" in tell(answer).text().replace("\n", " ")


def test_answer_without_breaking_points_is_as_before(over_budget: Stress) -> None:
    plain = replace(over_budget, breakings=())
    assert "breaks at 10x, by its budget" in plain.detail
    assert plain.frames()["breaks"].empty and plain.frames()["probes"].empty


def test_service_that_breaks_after_the_budget_is_enclosed_as_well(tmp_path: Path) -> None:
    """The bill grows with the volume, the quota of 12 a minute lets 3.5 times today's through."""
    with bench(1) as place:
        tried = case(tmp_path, API)
        today = place.run(tried.load(), WORLDS).summary["metrics"]["cost_usd_per_month"]["p50"]
        steps = path_of([1.0, 10.0])
        answer = stress(tried, place, steps, budget_usd=1.5 * today, spike=None)
    first, served = answer.breaking("fixed"), answer.breaking("fixed", SERVICE)
    assert first is not None and first.broken.breaks == ("budget",)
    assert served is not None and "service" in served.broken.breaks
    assert first.broken.growth.volume < served.broken.growth.volume
    assert served.broken.cause is not None and served.broken.cause.name == "quota"
    assert "stops serving" in answer.detail and "by the API's quota" in answer.detail
    assert set(answer.as_json()["first_breaks"]["fixed"]) >= {"enclosed", "service_enclosed"}
    assert answer.frames()["breaks"]["fleet"].tolist() == ["fixed", "fixed"]


def test_steps_that_take_too_long_are_left_out_and_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sim.studies.stress.study.MOST_BEYOND", 4 * 400 * 50)
    with bench(1) as place:
        answer = stress(
            case(tmp_path, API), place, path_of([1.0, 20.0, 100.0]), spike=None, enclose=False
        )
    assert [str(each.growth) for each in answer.of("fixed")] == ["1x", "20x"]
    (note,) = [each for each in answer.notes if each.startswith("fixed: not looked at")]
    assert "from 100x on, as it breaks before" in note and "a shorter horizon takes less" in note
