"""Intervals and verdicts keep their word over figures of ten shapes.

A small version of ``benchmarks/interval_shapes.py``, with its own functions: 1,000 repeats of each
shape at 24, 64 and 200 worlds. Where an interval of 95 % holds, fewer than 92.6 % of 1,000 have a
probability of 5e-4; where 5 % of verdicts are wrong, more than 7.4 % have one of 5e-4.
"""

import importlib.util
import sys
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import ttest_1samp

from sim.studies.compare.paired import paired

PLACE = Path(__file__).parents[2] / "benchmarks" / "interval_shapes.py"
SPEC = importlib.util.spec_from_file_location("interval_shapes", PLACE)
assert SPEC is not None
assert SPEC.loader is not None
bench = importlib.util.module_from_spec(SPEC)
sys.modules["interval_shapes"] = bench
SPEC.loader.exec_module(bench)

REPEATS, LEAST, MOST_WRONG = 1_000, 0.926, 0.074
BY_NAME = {shape.name: shape for shape in bench.SHAPES}
DISASTERS = [shape for shape in bench.SHAPES if shape.disaster]


@pytest.fixture(autouse=True, scope="module")
def fewer_draws():
    """Quantiles without a formula come of fewer draws: their error is a tenth of an interval's."""
    many, bench.MANY = bench.MANY, 500_000
    yield
    bench.MANY = many


@pytest.mark.parametrize("worlds", bench.WORLDS)
@pytest.mark.parametrize("name", BY_NAME)
def test_intervals_hold_as_often_as_they_say(name, worlds):
    shape = BY_NAME[name]
    found = bench.coverage(shape, worlds, REPEATS)
    for kind in ("p50", "p95", "probability"):
        assert found[kind].right >= LEAST, kind
    for kind in ("mean", "difference"):
        if worlds < bench.FEWEST:
            assert found[kind].printed == found[kind].one_end == 0.0, kind
        elif shape.disaster != 0.01:  # which 13 % of 200 worlds do not show
            assert LEAST <= found[kind].right <= 0.99, kind


@pytest.mark.parametrize("shape", DISASTERS, ids=lambda shape: shape.name)
def test_under_disasters_the_mean_holds_in_samples_that_have_seen_one(shape):
    for worlds in bench.WORLDS:
        assert bench.seen_coverage(shape, worlds, REPEATS)[1].right >= LEAST


def test_at_200_worlds_nine_of_ten_shapes_have_an_interval_of_the_mean_and_the_tenth_seldom():
    printed = {
        name: bench.coverage(each, 200, 200)["mean"].printed for name, each in BY_NAME.items()
    }
    assert printed.pop("disaster in 1%") < 0.4
    assert min(printed.values()) > 0.6


def test_no_interval_of_a_p95_at_24_worlds_and_none_of_a_mean():
    found = bench.coverage(BY_NAME["normal"], 24, 100)
    assert found["p95"].printed == found["mean"].printed == found["mean"].one_end == 0.0


@pytest.mark.parametrize("worlds", [12, *bench.WORLDS])
@pytest.mark.parametrize("name", BY_NAME)
def test_of_two_designs_of_the_same_mean_none_is_named_more_often_than_stated(name, worlds):
    assert max(bench.false_winners(BY_NAME[name], worlds, REPEATS)) <= MOST_WRONG


@pytest.mark.parametrize(("distance", "worlds", "least"), [(1.0, 24, 0.95), (0.3, 200, 0.90)])
def test_a_difference_is_told(distance, worlds, least):
    average, either = bench.power(distance, worlds, 4 * REPEATS)
    assert average >= least
    assert either >= average


def test_stopping_at_a_precision_leaves_the_interval_what_it_is():
    right, used = bench.stopped(BY_NAME["normal"], 0.5, 0.01, REPEATS)
    assert right >= LEAST
    assert 128 < used < 2_048


def test_the_tests_of_coverage_can_fail():
    """Student's interval, and a verdict by it: far too short, far too often."""
    shape = BY_NAME["lognormal, p95/p50 12"]
    samples = shape.draw(np.random.default_rng(0), (REPEATS, 24))
    assert (ttest_1samp(samples, shape.mean, axis=1).pvalue > 0.05).mean() < LEAST


def test_verdicts_of_the_benchmark_are_those_of_compare():
    for shape in bench.SHAPES:
        samples = shape.draw(np.random.default_rng(1), (20, 24)) - shape.mean
        theirs = [paired(each, np.zeros(24)).sign != 0 for each in samples]
        assert bench.named(samples).tolist() == theirs
