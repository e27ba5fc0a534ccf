"""Estimates over worlds and their intervals."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import stats

from sim.montecarlo.estimates import estimate, order_interval, quantile, quantile_interval
from sim.montecarlo.lower_bounds import TOLERANCE
from sim.montecarlo.means import mean_interval
from sim.montecarlo.shares import share_interval
from sim.montecarlo.timelines import column_quantiles

NAN = float("nan")


@pytest.mark.parametrize("p", [0.05, 0.5, 0.95])
@pytest.mark.parametrize("confidence", [0.9, 0.95])
def test_intervals_are_those_of_scipy(p, confidence):
    rng = np.random.default_rng(0)
    for n in [*range(1, 130), 500, 1000]:
        x = np.sort(rng.lognormal(size=n))
        theirs = stats.quantile_test(x, p=p).confidence_interval(confidence)
        assert np.array_equal(quantile_interval(x, p, confidence), theirs, equal_nan=True), n


def coverage(p, n, shrink=0):
    """Share of 4,000 samples whose interval, ``shrink`` order statistics shorter, holds the truth.

    A uniform sample suffices: the interval is made of ranks.
    """
    samples = np.sort(np.random.default_rng(1).random((4000, n)), axis=1)
    low, high = order_interval(n, p)
    return np.mean((samples[:, low + shrink] <= p) & (p <= samples[:, high - shrink]))


@pytest.mark.parametrize(("p", "n"), [(0.5, 30), (0.5, 200), (0.95, 100), (0.95, 400)])
def test_intervals_cover_the_true_quantile_as_promised(p, n):
    """At least 95 %; 4,000 samples tell 93.9 % from it with a false alarm in 1,000."""
    assert 0.94 < coverage(p, n) < 0.99


def test_the_coverage_test_can_fail():
    assert coverage(0.5, 200, shrink=4) < 0.94


def test_a_p95_has_a_two_sided_interval_from_72_worlds_and_a_median_from_6():
    def has_both_ends(n, p):
        return None not in order_interval(n, p)

    assert next(n for n in range(1, 200) if has_both_ends(n, 0.95)) == 72
    assert next(n for n in range(1, 200) if has_both_ends(n, 0.5)) == 6


def test_an_end_that_too_few_worlds_give_is_nan():
    few = estimate(np.arange(30.0))
    assert math.isnan(few.p95_ci[1])
    assert not math.isnan(few.p95_ci[0])


@given(
    arrays(
        np.float64,
        st.integers(1, 60),
        elements=st.floats(-1e6, 1e6) | st.sampled_from([NAN]),
    )
)
def test_percentiles_are_those_of_numpy_over_the_worlds_that_have_one(values):
    result = estimate(values)
    defined = values[~np.isnan(values)]
    assert result.n == len(defined)
    if len(defined):
        expected = np.quantile(defined, [0.05, 0.5, 0.95])
        assert np.allclose([result.p5, result.p50, result.p95], expected, rtol=1e-12, atol=1e-9)
        assert math.isclose(result.mean, defined.mean(), rel_tol=1e-9, abs_tol=1e-9)
    else:
        assert math.isnan(result.p50)
        assert math.isnan(result.mean)


@given(arrays(np.float64, st.integers(1, 40), elements=st.floats(-1e3, 1e3)), st.randoms())
def test_percentiles_do_not_depend_on_the_order_of_worlds(values, random):
    shuffled = values.copy()
    random.shuffle(shuffled)
    ours, theirs = estimate(values), estimate(shuffled)
    for name in ("p5", "p50", "p95", "p50_ci", "p95_ci"):
        assert np.array_equal(getattr(ours, name), getattr(theirs, name), equal_nan=True)


def test_the_mean_of_what_is_not_skewed_has_student_s_interval():
    half = np.random.default_rng(3).normal(0.0, 2.0, 36)
    values = 10.0 + np.concatenate([half, -half])
    theirs = stats.ttest_1samp(values, 0.0).confidence_interval(0.95)
    assert np.allclose(estimate(values).mean_ci, theirs)


def test_a_mean_has_an_interval_from_72_worlds_and_none_of_width_zero():
    values = np.random.default_rng(3).normal(10.0, 2.0, 72)
    assert np.isnan(estimate(values[:71]).mean_ci).all()
    assert np.isfinite(estimate(values).mean_ci).all()
    assert np.isnan(estimate(np.full(100, 3.0)).mean_ci).all()


def test_a_mean_under_rare_disasters_may_be_several_times_what_the_worlds_show():
    values = np.where(np.arange(200) < 3, 1000.0, 0.0) + np.random.default_rng(0).random(200)
    low, high = estimate(values).mean_ci
    assert 0.0 < low < 0.25 * values.mean()
    assert high > 1000.0 * share_interval(3, 200)[1]
    assert math.isnan(mean_interval(values, 0.98, verdict=True)[1][1])
    low, high = estimate(-values).mean_ci
    assert (-high, -low) == pytest.approx(estimate(values).mean_ci)


def test_infinite_values_make_no_nan_of_percentiles():
    result = estimate([1.0, 2.0, 3.0, math.inf, math.inf])
    assert result.p50 == 3.0
    assert result.p95 == math.inf
    assert result.mean == math.inf
    assert math.isnan(result.sd)
    assert quantile(np.array([1.0, math.inf]), 0.5) == math.inf


def test_a_percentile_is_a_lower_bound_if_overloaded_worlds_could_move_it():
    values = np.arange(100.0)
    overloaded = values >= 97.0
    above = estimate(values, overloaded)
    assert "p50" not in above.at_least
    assert "p95" not in above.at_least
    assert {"mean", "mean_ci", "p95_ci"} <= set(above.at_least)
    low = estimate(values, values == 2.0)  # which could move the p95 by 1 of 94 only
    assert set(low.at_least) == {"p5", "p50", "p95_ci", "mean", "mean_ci"}
    assert estimate(values, values < 0).at_least == ()


@given(
    arrays(np.float64, 80, elements=st.floats(0.0, 100.0)),
    arrays(np.bool_, 80),
    arrays(np.float64, 80, elements=st.floats(0.0, 1e3)),
)
def test_what_is_no_lower_bound_hardly_moves_when_overloaded_worlds_rise(values, overloaded, rise):
    before = estimate(values, overloaded)
    after = estimate(np.where(overloaded, values + rise, values))
    for name in ("p5", "p50", "p95"):
        if name not in before.at_least:
            most = (1.0 + TOLERANCE) * getattr(before, name)
            assert getattr(after, name) <= most * (1.0 + 1e-12)
        else:
            assert getattr(after, name) >= getattr(before, name)


@given(
    arrays(
        np.float32,
        st.tuples(st.integers(1, 20), st.integers(1, 5)),
        elements=st.floats(-100, 100, width=32) | st.sampled_from([NAN]),
    )
)
def test_quantiles_by_column_are_those_of_each_column(values):
    found = column_quantiles(values, [0.05, 0.5, 0.95])
    for column in range(values.shape[1]):
        alone = estimate(values[:, column])
        assert np.allclose(found[:, column], [alone.p5, alone.p50, alone.p95], equal_nan=True)
