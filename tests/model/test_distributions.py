"""Distributions: each family against SciPy's, against its own samples, and against what was asked.

Statistical tests use a fixed seed; each states how often it would fail on a right program.
"""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import integrate, stats

from sim.model.distributions import (
    Beta,
    Choice,
    Clipped,
    Constant,
    Distribution,
    Empirical,
    Exponential,
    Gamma,
    LogNormal,
    Mixture,
    Normal,
    Pareto,
    Triangular,
    Uniform,
    interval,
)

MIXTURE = Mixture((0.7, 0.3), (LogNormal(5.0, 0.5), Pareto(400.0, 2.5)))
WITH_SCIPY = [
    (Uniform(2.0, 5.0), stats.uniform(2, 3)),
    (Normal(3.0, 2.0), stats.norm(3, 2)),
    (LogNormal(1.0, 0.8), stats.lognorm(0.8, scale=math.e)),
    (Beta(2.0, 5.0), stats.beta(2, 5)),
    (Triangular(1.0, 2.0, 6.0), stats.triang(0.2, 1, 5)),
    (Triangular(1.0, 1.0, 6.0), stats.triang(0, 1, 5)),
    (Triangular(1.0, 6.0, 6.0), stats.triang(1, 1, 5)),
    (Gamma(0.5, 3.0), stats.gamma(0.5, scale=3)),
    (Exponential(4.0), stats.expon(scale=4)),
    (Pareto(2.0, 3.0), stats.pareto(3, scale=2)),
]
CONTINUOUS = [ours for ours, _ in WITH_SCIPY] + [MIXTURE]
DISCRETE = [
    Constant(3.0),
    Choice((5.0, 1.0, 3.0), (0.2, 0.5, 0.3)),
    Empirical((1.0, 2.0, 2.0, 8.0)),
    Clipped(Normal(0.0, 1.0), -0.5, 1.5),
    Mixture((1.0, 1.0), (Constant(2.0), Exponential(1.0))),
]
LEVELS = np.array([1e-9, 0.001, 0.05, 0.3, 0.5, 0.7, 0.95, 0.999, 1 - 1e-9])


def label(value: object) -> str:
    return type(value).__name__


@pytest.mark.parametrize(("ours", "theirs"), WITH_SCIPY, ids=label)
def test_families_agree_with_scipy(ours, theirs):
    x = theirs.ppf(LEVELS)
    np.testing.assert_allclose(ours.ppf(LEVELS), x, rtol=1e-9)
    np.testing.assert_allclose(ours.cdf(x), theirs.cdf(x), rtol=1e-9, atol=1e-15)
    assert ours.mean() == pytest.approx(theirs.mean(), rel=1e-12)


@pytest.mark.parametrize("ours", CONTINUOUS, ids=label)
def test_ppf_is_the_inverse_of_cdf(ours):
    np.testing.assert_allclose(ours.cdf(ours.ppf(LEVELS)), LEVELS, rtol=1e-7)


@pytest.mark.parametrize("ours", [*CONTINUOUS, *DISCRETE], ids=label)
def test_ppf_is_the_smallest_value_that_reaches_the_level(ours):
    x = ours.ppf(LEVELS)
    assert (np.diff(x) >= 0).all()
    assert (ours.cdf(x * (1 + np.sign(x) * 1e-9)) >= LEVELS * (1 - 1e-12)).all()
    below = x - 1e-6 * np.maximum(np.abs(x), 1e-3)
    assert (ours.cdf(below) <= LEVELS).all()


@pytest.mark.parametrize("ours", [*CONTINUOUS, *DISCRETE], ids=label)
def test_samples_follow_the_cdf(ours):
    """Dvoretzky-Kiefer-Wolfowitz: P(sup |F_n - F| > e) <= 2 exp(-2 n e²) = 1e-6 per family."""
    n = 20_000
    allowed = math.sqrt(math.log(2e6) / (2 * n))
    sample = ours.sample(np.random.default_rng(5), n)
    assert sample.dtype == np.float64
    assert sample.shape == (n,)
    points = ours.ppf(np.linspace(0.001, 0.999, 999))
    share = np.searchsorted(np.sort(sample), points, side="right") / n
    assert np.abs(share - ours.cdf(points)).max() < allowed


def test_the_test_of_samples_can_fail():
    sample = np.sort(Gamma(0.5, 3.0).sample(np.random.default_rng(5), 20_000))
    points = Exponential(1.5).ppf(np.linspace(0.001, 0.999, 999))
    share = np.searchsorted(sample, points, side="right") / 20_000
    assert np.abs(share - Exponential(1.5).cdf(points)).max() > 0.05


@pytest.mark.parametrize("ours", [*CONTINUOUS, *DISCRETE], ids=label)
@pytest.mark.parametrize("limit", [-1.0, 0.2, 1.4, 2.5, 4.0, 450.0])
def test_limited_mean_is_the_mean_of_the_smaller(ours, limit):
    # E[min(X, limit)] is the integral of min(ppf(u), limit) over u in (0, 1).
    u = (np.arange(50_000) + 0.5) / 50_000
    expected = np.minimum(ours.ppf(u), limit).mean()
    assert ours.limited_mean(limit) == pytest.approx(expected, rel=5e-4, abs=5e-4)


def test_clipped_mean_agrees_with_quadrature():
    base = LogNormal.from_mean_p95(4000, 9000)
    expected, _ = integrate.quad(
        lambda x: x * stats.lognorm.pdf(x, base.sigma, scale=math.exp(base.mu)), 100, 8000
    )
    expected += 100 * float(base.cdf(100.0)) + 8000 * (1 - float(base.cdf(8000.0)))
    assert Clipped(base, 100, 8000).mean() == pytest.approx(expected, rel=1e-8)


def test_clipping_a_pareto_without_a_mean_gives_it_one():
    assert Pareto(1.0, 0.5).mean() == math.inf
    assert Clipped(Pareto(1.0, 0.5), high=100.0).mean() == pytest.approx(19.0)  # 2 √100 - 1
    assert Clipped(Pareto(2.0, 1.0), high=4.0).mean() == pytest.approx(2 * (1 + math.log(2)))


STATS = [
    {"mean": 4000, "p95": 9000},
    {"mean": 4000, "p50": 3000},
    {"mean": 4000, "p5": 300},
    {"mean": 4000, "sd": 5000},
    {"mean": 4000, "cv": 1.3},
    {"p50": 100, "p95": 180},
    {"p5": 10, "p99": 900},
    {"p90": 400, "cv": 0.7},
    {"p50": 100, "sd": 80},
]


def statistic(distribution, name):
    if name == "mean":
        return distribution.mean()
    if name in ("sd", "cv"):
        u = (np.arange(500_000) + 0.5) / 500_000
        sd = distribution.ppf(u).std()
        return sd if name == "sd" else sd / distribution.mean()
    return float(distribution.ppf(np.array([float(name[1:]) / 100]))[0])


@pytest.mark.parametrize("asked", STATS, ids=str)
def test_lognormal_has_the_asked_statistics(asked):
    built = LogNormal.from_stats(**asked)
    for name, value in asked.items():
        # The sd from midpoints misses a little of the far tail.
        rel = 5e-3 if name in ("sd", "cv") else 1e-9
        assert statistic(built, name) == pytest.approx(value, rel=rel)


@pytest.mark.parametrize(
    "asked",
    [{"mean": 5, "sd": 2}, {"p5": -3, "p95": 4}, {"p50": 2, "p95": 4}, {"mean": 5, "p90": 7},
     {"p95": 9, "sd": 2}, {"p95": 9, "cv": 0.2}, {"mean": 5, "cv": 0.2}],
    ids=str,
)  # fmt: skip
def test_normal_has_the_asked_statistics(asked):
    built = Normal.from_stats(**asked)
    for name, value in asked.items():
        assert statistic(built, name) == pytest.approx(value, rel=1e-4)


@pytest.mark.parametrize(
    "asked",
    [{"mean": 5, "sd": 9}, {"mean": 5, "cv": 0.4}, {"mean": 4000, "p95": 9000},
     {"mean": 4000, "p95": 15_000}, {"mean": 4000, "p50": 1000}, {"mean": 5, "p99": 6}],
    ids=str,
)  # fmt: skip
def test_gamma_has_the_asked_statistics(asked):
    built = Gamma.from_stats(**asked)
    for name, value in asked.items():
        assert statistic(built, name) == pytest.approx(value, rel=1e-3 if name in "sdcv" else 1e-9)


@given(mean=st.floats(0.01, 0.99), share=st.floats(0.01, 0.99))
def test_beta_has_the_asked_mean_and_sd(mean, share):
    sd = share * math.sqrt(mean * (1 - mean))
    built = Beta.from_mean_sd(mean, sd)
    a, b = built.a, built.b
    assert built.mean() == pytest.approx(mean)
    assert math.sqrt(a * b / ((a + b) ** 2 * (a + b + 1))) == pytest.approx(sd)


def test_pareto_has_the_asked_mean():
    assert Pareto.from_minimum_mean(100, 150).mean() == pytest.approx(150)


@given(st.floats(1e-6, 1e12), st.floats(1.0001, 1e6))
def test_lognormal_percentiles_round_trip(p50, ratio):
    built = LogNormal.from_p50_p95(p50, p50 * ratio)
    np.testing.assert_allclose(built.ppf(np.array([0.5, 0.95])), [p50, p50 * ratio], rtol=1e-9)


def test_an_interval_is_lognormal_when_positive_and_normal_otherwise():
    assert interval(200, 4000) == LogNormal.from_p5_p95(200, 4000)
    assert interval(-2, 4) == Normal.from_stats(p5=-2, p95=4)
    assert isinstance(interval(0, 4), Normal)


def test_a_mixture_has_the_weighted_mean_and_exact_atoms():
    mixture = Mixture((1, 3), (Constant(2.0), Uniform(0, 1)))
    assert mixture.mean() == pytest.approx(0.5 + 0.375)
    assert mixture.ppf(np.array([0.8, 1.0])).tolist() == [2.0, 2.0]
    assert mixture.ppf(np.array([0.0, 0.375])).tolist() == [0.0, 0.5]
    assert MIXTURE.ppf(np.array([0.0, 1.0])).tolist() == [0.0, math.inf]


def test_values_of_no_weight_are_never_drawn():
    table = Empirical((1.0, 2.0, 3.0), (0.0, 1.0, 0.0))
    assert set(table.sample(np.random.default_rng(0), 1000)) == {2.0}
    assert table.ppf(np.array([0.0, 1.0])).tolist() == [2.0, 2.0]


@pytest.mark.parametrize("ours", [*CONTINUOUS, *DISCRETE], ids=label)
def test_every_family_is_a_distribution_with_value_equality(ours):
    assert isinstance(ours, Distribution)
    assert hash(ours) == hash(ours)


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: Normal(0, -1), r"sd \(-1\) must be at least 0"),
        (lambda: Uniform(3, 3), r"high \(3\) must be above low \(3\)"),
        (lambda: LogNormal(math.nan, 1), r"mu \(nan\) must be a finite number"),
        (lambda: LogNormal.from_stats(mean=-1, p95=2), r"mean \(-1\) must be above 0"),
        (lambda: LogNormal.from_stats(mean=100, p95=900), r"mean \(100\) must be at least 1/3"),
        (lambda: LogNormal.from_stats(mean=100, p50=120), r"mean \(100\) must be"),
        (lambda: LogNormal.from_stats(p50=100, p95=90), r"p95 \(90\) must be above p50 \(100\)"),
        (lambda: LogNormal.from_stats(p95=90), r"statistics \(p95\) must be two"),
        (lambda: LogNormal.from_stats(p95=90, median=3), r"statistic \(median\) must be one of"),
        (lambda: LogNormal.from_stats(sd=1, cv=3), r"statistics \(sd, cv\) must include"),
        (lambda: LogNormal.from_stats(p95=9, sd=3), r"sd \(3\) goes with the mean or the p50"),
        (lambda: LogNormal.from_stats(mean=9, sd=-3), r"sd \(-3\) must be at"),
        (lambda: Normal.from_stats(mean=3, p50=3), r"p50 \(3\) is the mean of a normal"),
        (lambda: Normal.from_stats(mean=3, p95=2), r"mean \(3\) is on the wrong side of 2"),
        (lambda: Gamma.from_stats(p5=3, p95=9), r"mean \(missing\) must be given"),
        (lambda: Gamma.from_stats(mean=3, p95=90), r"p95 \(90\) must be between"),
        (lambda: Gamma(0, 1), r"shape \(0\) must be above 0"),
        (lambda: Beta.from_mean_sd(0.5, 0.5), r"sd \(0.5\) must be above 0 and below 0.5"),
        (lambda: Beta.from_mean_sd(1.5, 0.5), r"mean \(1.5\) must be between 0 and 1"),
        (lambda: Triangular(1, 7, 6), r"mode \(7\) must be between 1 and 6"),
        (lambda: Exponential(0), r"mean \(0\) must be above 0"),
        (lambda: Pareto.from_minimum_mean(10, 9), r"mean \(9\) must be above the minimum \(10\)"),
        (lambda: Choice(()), r"values \(none\) must be at least one"),
        (lambda: Choice((1, 2), (1,)), r"weights \(1 of them\) must be 2"),
        (lambda: Choice((1, 2), (0, 0)), r"weights \(all 0\) must not all be 0"),
        (lambda: Choice((1, 2), (1, -2)), r"weight \(-2.0\) must be at least 0"),
        (lambda: Mixture((), ()), r"components \(none\) must be at least one"),
        (lambda: Clipped(Constant(1), 5, 4), r"high \(4\) must be at least low \(5\)"),
    ],
)  # fmt: skip
def test_impossible_parameters_are_refused_with_subject_value_and_rule(build, message):
    with pytest.raises(ValueError, match=message):
        build()
