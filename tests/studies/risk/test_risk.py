"""The study of rare misses: where it looks, when it does not, and what it says."""

import json
from types import SimpleNamespace

import numpy as np
import pytest
from answer_schemas import check_answer
from chart_worlds import check
from places import SHIPPED
from rare_cases import Case, FreeBench, scenario

from sim.__main__ import main
from sim.errors import PeakfleetError
from sim.montecarlo.sample import Sample
from sim.montecarlo.shares import Share
from sim.report.charts.risk import charts
from sim.report.risk_text import tell
from sim.studies.risk import WORLDS, Risk, risk
from sim.studies.risk.chance import Chance
from sim.studies.risk.foretelling import foretell
from sim.studies.risk.study import ROUND_SHARE
from sim.studies.risk.target import missed, target_of

LATE = "e2e_p95_s<=30"
RARE = Case("normal", 0.15, 0.001)


@pytest.fixture(scope="module")
def found():
    bench = FreeBench(RARE)
    return bench, risk(scenario(), bench, LATE, seed=3)


def test_a_rare_miss_is_told_from_a_tenth_of_the_plain_worlds(found):
    bench, answer = found
    assert not answer.plain and answer.foretold_by
    assert answer.simulated == bench.worlds == len(bench.numbers) <= WORLDS
    low, high = answer.found.interval
    assert low < 0.001 < high
    assert answer.plain_worlds > 10 * answer.simulated
    assert max(bench.numbers) > 100_000  # worlds keep the numbers, and so the luck, that they have
    assert sum(each.share for each in answer.levels) == pytest.approx(1.0)


def test_it_says_so_in_words_a_table_a_picture_and_json(found):
    _, answer = found
    check_answer("risk", json.loads(json.dumps(answer.as_json())))
    said = tell(answer)
    assert said.answer.startswith("Whole answer p95 at most 30 s in 99.9")
    assert "1 in 4,096" in said.screen() and "a pilot" in said.screen()
    assert "assumes that misses get rarer" in said.text()
    for chart in charts(answer):
        check(chart)


def test_the_same_seed_gives_the_same_answer(found):
    again = risk(scenario(), FreeBench(RARE), LATE, seed=3)
    assert json.dumps(again.as_json()) == json.dumps(found[1].as_json())


def test_a_chance_far_from_what_is_asked_is_decided():
    sure = risk(scenario(), FreeBench(Case("normal", 0.05, 0.001)), LATE, 0.99, seed=1)
    assert sure.is_kept is True and "surely" in sure.sentence
    never = risk(scenario(), FreeBench(Case("normal", 0.05, 0.02)), LATE, 0.9995, seed=1)
    assert never.is_kept is False


PLAIN = {  # case, inputs, why
    "nothing is uncertain": (Case("normal", 1.0, 0.01), (), "nothing is uncertain"),
    "luck decides": (Case("logistic", 4.0, 0.03), None, "the inputs"),
    "not rare": (Case("normal", 0.1, 0.4), None, "not rare"),
}


@pytest.mark.parametrize("name", PLAIN)
def test_where_it_is_of_no_use_worlds_are_drawn_as_they_come_and_it_says_so(name):
    case, inputs, why = PLAIN[name]
    bench = FreeBench(case)
    drawn_for = scenario() if inputs is None else scenario(inputs)
    answer = risk(drawn_for, bench, LATE, seed=0, worlds=256)
    assert why in answer.plain and answer.plain in " ".join(tell(answer).text().split())
    assert len(answer.levels) == 1 and not charts(answer)
    missed = answer.levels[0].missed
    assert answer.found.interval == Share(missed.count, missed.worlds).interval
    assert answer.simulated == bench.worlds <= 256
    first = 0 if inputs == () else int(256 * ROUND_SHARE)  # those that led to it are left out
    assert {*range(first, first + missed.worlds)} <= bench.numbers
    assert answer.found.interval[0] <= case.share <= answer.found.interval[1]
    check_answer("risk", json.loads(json.dumps(answer.as_json())))


def test_what_is_foretold_is_a_polynomial_of_the_inputs_and_of_the_figure_that_tells_best():
    rng = np.random.default_rng(0)
    inputs = rng.standard_normal((5_000, 4))
    true = inputs[:, 0] + 0.5 * inputs[:, 1] * inputs[:, 2]
    pilot = np.arange(200) + 10
    near = true[pilot] + 0.1 * rng.standard_normal(200)
    figures = {"noise": rng.standard_normal(200), "near": near, "flat": np.ones(200)}
    found = foretell(inputs, pilot, figures, near > 1.2)
    assert found.by == "near" and found.explained > 0.95
    assert np.corrcoef(found.score, true)[0, 1] > 0.98
    assert foretell(inputs, pilot, {"flat": np.ones(200)}, near > 1.2) is None


def test_a_limit_is_missed_where_it_is_exceeded_undefined_or_the_fleet_falls_behind():
    sample = Sample()
    for world, (seconds, verdict) in enumerate(
        [(20.0, "stable"), (31.0, "stable"), (float("nan"), "stable"), (20.0, "overloaded")]
    ):
        open_share = {"e2e_open_share": 0.9}  # requests in flight at the end alone are no miss
        sample.add_row(world, verdict, {"e2e_p95_s": seconds, "cost_usd": 1.0, **open_share}, {})
    result = SimpleNamespace(sample=sample, design=None)
    assert missed(target_of(LATE), result).tolist() == [False, True, True, True]
    assert missed(target_of("cost_usd<=2"), result).tolist() == [False] * 4
    assert missed(target_of("cost_usd>=2"), result).tolist() == [True] * 4


def test_shares_are_said_with_the_digits_that_tell_them_from_none_and_all():
    def said(value, low, high):
        found = Chance(value, (low, high), 0.0, 0, high)
        return Risk("", 0, target_of(LATE), 0.99, found, (), 0, "", 0.0).kept_words()

    assert said(0.00078, 0.00056, 0.00168) == "99.922 % (99.832 … 99.944 %)"
    assert said(0.988, 0.973, 0.9954) == "1.20 % (0.46 … 2.70 %)"
    assert said(0.5, 0.4, 0.6) == "50 % (40 … 60 %)"


WRONG = {
    "no decision": ({"metric": "cost_usd"}, r"metric \(cost_usd\) must be kept or missed"),
    "a limit": ({"metric": "e2e_p95_s<=soon"}, "limit must be a number"),
    "unknown": ({"metric": "e2e_p59_s<=3"}, "did you mean"),
    "few": ({"metric": LATE, "worlds": 127}, r"worlds \(127\) must be at least 128"),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_cannot_be_meant_is_one_line(name):
    asked, said = WRONG[name]
    with pytest.raises(PeakfleetError, match=said) as error:
        risk(scenario(), FreeBench(RARE), seed=0, **asked)
    assert "\n" not in str(error.value)


def test_the_command_gives_the_same_bytes_for_any_number_of_processes(capsys, tmp_path):
    """A real scenario, of half an hour."""
    asked = ["risk", str(SHIPPED / "quickstart.yaml"), "--set", "horizon={start: 2026-11-23,"
             " duration: 20min, warm_up: 0, bin: 5min}", "--worlds", "128", "--json"]  # fmt: skip
    said = []
    for jobs in ("1", "2"):
        out = tmp_path / jobs
        assert main([*asked, "--jobs", jobs, "--out", str(out), "--quiet", "--no-report"]) == 0
        said.append(capsys.readouterr().out)
        assert (out / "levels.csv").exists()
    assert said[0] == said[1]
    check_answer("risk", json.loads(said[0]))
    assert main([*asked, "--metric", "cost_usd", "--quiet"]) == 2
    assert capsys.readouterr().err.count("\n") == 1
