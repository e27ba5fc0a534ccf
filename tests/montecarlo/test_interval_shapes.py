"""Intervals and verdicts keep their word over figures of ten shapes.

A small version of ``benchmarks/interval_shapes.py``, with its own functions: 1,000 repeats of each
shape at 24, 64 and 200 worlds. Where an interval of 95 % holds, fewer than 92.6 % of 1,000 have a
probability of 5e-4; where 5 % of verdicts are wrong, more than 7.4 % have one of 5e-4.

Where a share of worlds is a disaster, intervals are asked to hold in the samples that show one: one
that shows none is a sample of the other shape, draw for draw, and has its interval.
"""

import importlib.util
import sys
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import binom, ttest_1samp

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
UNSHOWN = {shape.name: shape for shape in bench.OTHERS if not shape.disaster}
DISASTERS = [shape for shape in (*bench.SHAPES, *bench.OTHERS) if shape.disaster]


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
    mean = found["mean"]
    if worlds < bench.FEWEST:
        assert mean.printed == mean.one_end == 0.0
    else:
        assert mean.printed == 1.0
        if shape.disaster != 0.01:  # which 13 % of samples of 200 worlds do not show
            assert LEAST <= mean.right <= 0.99


@pytest.mark.parametrize("shape", DISASTERS, ids=lambda shape: shape.name)
def test_under_disasters_the_mean_holds_in_samples_that_have_seen_one(shape):
    for worlds in bench.WORLDS:
        assert bench.seen_coverage(shape, worlds, REPEATS)[1].right >= LEAST


@pytest.mark.parametrize("name", UNSHOWN)
def test_the_mean_holds_over_shapes_that_no_rule_was_made_by(name):
    assert LEAST <= bench.coverage(UNSHOWN[name], 200, REPEATS)["mean"].right <= 0.99


@pytest.mark.parametrize("worlds", [72, 200, 1_000])
def test_a_mean_of_two_values_holds_whatever_share_has_the_one_where_both_are_seen(worlds):
    """Exact, by the binomial number of worlds that have it: no alarm is false."""
    having, shares = np.arange(1, worlds), np.geomspace(0.05, worlds / 2, 200) / worlds
    samples = 100.0 * (np.arange(worlds) < having[:, None])
    low, high = bench.mean_ends(samples)
    for share in (*shares, *(1.0 - shares)):
        chances = binom.pmf(having, worlds, share)
        right = (low <= 100.0 * share) & (high >= 100.0 * share)
        assert chances[right].sum() / chances.sum() >= 0.945


def test_to_keep_back_ends_where_few_worlds_make_up_a_tail_would_choose_the_wrong_samples():
    """Those with four or more disasters are too dear ones; a verdict may be kept back for them."""
    shape = BY_NAME["disaster in 1%"]
    samples = shape.draw(np.random.default_rng(2), (4 * REPEATS, 200))
    samples = samples[np.abs(samples - 10.0).max(axis=1) > 1.0]
    low, high = bench.mean_ends(samples, verdict=True)
    assert bench.Held.of(*bench.mean_ends(samples), shape.mean).right >= LEAST
    both = np.isfinite(low) & np.isfinite(high)
    low, high = bench.mean_ends(samples[both])
    assert bench.Held.of(low, high, shape.mean).right < LEAST


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
