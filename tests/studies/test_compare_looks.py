"""A comparison that ends as soon as it is sure: how often it is wrong, and what it saves.

Differences world by world are drawn here; a verdict is that of :func:`paired` at the confidence of
the look. Of 1,000 repeats with a true error of 5 %, more than 7 % would be wrong once in 500 seeds;
the seeds are fixed.
"""

import json

import numpy as np
import pytest
from answer_schemas import check_answer

from sim.__main__ import main
from sim.report.compare_text import tell
from sim.studies.bench import Bench
from sim.studies.case import Case
from sim.studies.compare import compare, contenders
from sim.studies.compare.looks import confidence_at, looks
from sim.studies.compare.paired import paired

LOOKS = looks(128, True)
REPEATS = 1_000
SHAPES = {
    "normal": lambda rng, n: rng.standard_normal(n),
    "skewed": lambda rng, n: rng.lognormal(0.0, 0.8, n) - np.exp(0.32),
    "a few large": lambda rng, n: rng.standard_t(5, n),
}


def ended(difference):
    """The sign that is told, and the worlds that it took."""
    for look in LOOKS:
        one, other = 10.0 + difference[:look], np.full(look, 10.0)
        found = paired(one, other, confidence=confidence_at(look, LOOKS, 2))
        if found.sign or found.throughout:
            return found.sign or found.throughout, look
    return 0, LOOKS[-1]


@pytest.mark.parametrize("shape", SHAPES)
def test_of_equal_designs_none_is_told_to_win_more_often_than_stated(shape):
    rng = np.random.default_rng(3)
    told = [ended(SHAPES[shape](rng, 128))[0] for _ in range(REPEATS)]
    assert np.mean(np.array(told) != 0) <= 0.07


def test_a_clear_difference_takes_few_worlds_and_is_told_the_right_way():
    rng = np.random.default_rng(4)
    found = [ended(-1.5 + rng.standard_normal(128)) for _ in range(200)]
    assert all(sign == -1 for sign, _ in found)
    assert np.mean([worlds for _, worlds in found]) < 40
    small = [ended(-0.4 + rng.standard_normal(128)) for _ in range(200)]
    assert np.mean([sign == -1 for sign, _ in small]) > 0.85
    assert not any(sign == 1 for sign, _ in small)


def test_the_error_of_all_looks_and_pairs_is_the_stated_one():
    for designs, pairs in ((2, 1), (4, 6)):
        spent = sum(1.0 - confidence_at(look, LOOKS, designs) for look in LOOKS)
        assert pairs * spent == pytest.approx(0.05)


SHOP = """\
name: Two prices
horizon: {duration: 1h, warm_up: 0, bin: 1h}
workloads:
  chat:
    arrivals: {requests_per_day: {lognormal: {p50: 6000, p95: 12000}}}
    prompt_tokens: 1000
    output_tokens: 100
    slo: {ttft_p95: 2s}
backends:
  api: {kind: managed_api, model: gpt-4o, price: {input: 2, output: 0}}
worlds: 64
"""
DEARER = "dearer: backends.api.price.input=4, backends.api.ttft={lognormal: {p50: 1.5s, p95: 3s}}"
SAME = "same: name=again"


@pytest.fixture
def case(tmp_path):
    path = tmp_path / "shop.yaml"
    path.write_text(SHOP, encoding="utf-8")
    return Case(path)


def test_it_ends_at_the_first_look_that_is_sure_with_the_worlds_that_it_says(case):
    bench = Bench(1)
    found = compare(contenders([case], [DEARER]), bench, 64, stop_when_sure=True)
    assert found.looks == (16, 32, 64) and found.worlds == 16
    assert bench.worlds == 2 * 16
    assert found.cost.best == found.latency.best == "Two prices"
    assert found.confidence == pytest.approx(1.0 - 0.05 * 16 / 112)
    assert "it ended at 16, where it was sure" in " ".join(tell(found).text().split())
    check_answer("compare", json.loads(json.dumps(found.as_json())))


def test_designs_that_are_the_same_need_no_more_worlds(case):
    found = compare(contenders([case], [SAME]), Bench(1), 64, stop_when_sure=True)
    assert found.cost.lead.alike and found.worlds == 16


def test_without_the_option_all_worlds_are_compared_and_nothing_moves(case):
    found = compare(contenders([case], [DEARER]), Bench(1), 64)
    assert (found.worlds, found.looks, found.confidence) == (64, (64,), 0.95)


def test_the_command_has_it(case, tmp_path, capsys):
    asked = ["compare", str(case.path), "--variant", DEARER, "--jobs", "1", "--json", "--quiet"]
    assert main([*asked, "--stop-when-sure", "--out", str(tmp_path / "out")]) == 0
    assert json.loads(capsys.readouterr().out)["worlds"] == 16
