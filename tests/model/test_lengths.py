"""Token lengths: the asked distributions, correlation, limits and growth.

Statistical tests use fixed seeds; each states how often it would fail on a right program.
"""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from sim.model.arrivals import YEAR_S, RateCurve
from sim.model.distributions import Constant, Empirical, Exponential, Gamma, LogNormal, Pareto
from sim.model.generated import GeneratedSource
from sim.model.lengths import MAX_TOKENS, Lengths, draw_lengths
from sim.model.streams import Streams

CHAT = LogNormal.from_mean_p95(4000, 9000)
REPLY = Gamma.from_mean_cv(300, 1.2)
RATE = RateCurve.constant(10.0, 0, 20_000)


def tokens(source, seed=0):
    blocks = list(source.blocks("chat", Streams(seed, 0), 0, 20_000))
    return [np.concatenate(column) for column in zip(*(block[:3] for block in blocks), strict=True)]


@pytest.mark.parametrize("distribution", [CHAT, REPLY, Exponential(200.0)], ids=str)
@pytest.mark.parametrize("correlation", [0.0, 0.5])
def test_rounding_keeps_the_distribution_and_its_mean(distribution, correlation):
    """Kolmogorov-Smirnov at 1e-6, mean within five standard errors: fails once in 10⁵."""
    lengths = Lengths(distribution)
    _, prompt, output = tokens(
        GeneratedSource(RATE, lengths, lengths, rank_correlation=correlation)
    )
    for drawn in (prompt, output):
        n = len(drawn)
        points = np.unique(drawn)
        # A rounded length k stands for [k - 1/2, k + 1/2); 1 for everything below as well.
        share = np.searchsorted(np.sort(drawn), points, side="right") / n
        gap = np.abs(share - distribution.cdf(points + 0.5)).max()
        assert gap < math.sqrt(math.log(2e6) / (2 * n))
        assert abs(drawn.mean() - distribution.mean()) < 5 * drawn.std() / math.sqrt(n) + 0.05


@pytest.mark.parametrize("asked", [-0.6, 0.3, 0.9])
@pytest.mark.parametrize("prompt", [CHAT, REPLY], ids=str)
def test_prompt_and_output_have_the_asked_rank_correlation(asked, prompt):
    """Spearman's rho of 50,000 pairs has a standard error below 0.0045; five of them."""
    rngs = Streams(1, 0)("a"), Streams(1, 0)("b")
    found = stats.spearmanr(*draw_lengths(prompt, CHAT, asked, *rngs, 50_000)).statistic
    assert found == pytest.approx(asked, abs=0.0225)


def test_uncorrelated_lengths_are_uncorrelated():
    """Standard error 1 / √200,000; five of them."""
    _, prompt, output = tokens(GeneratedSource(RATE, Lengths(CHAT), Lengths(REPLY)))
    assert abs(stats.spearmanr(prompt, output).statistic) < 5 / math.sqrt(len(prompt) - 1)


def test_prompts_creep_by_the_asked_factor_a_year():
    curve = RateCurve.constant(0.01, -YEAR_S / 10, 2 * YEAR_S)
    source = GeneratedSource(
        curve, Lengths(Constant(1000.0)), Lengths(Constant(50.0)), prompt_growth_per_year=4.0
    )
    for block in source.blocks("chat", Streams(0, 0), -YEAR_S / 10, 2 * YEAR_S):
        expected = 1000 * 4.0 ** (block.arrival_s / YEAR_S)
        assert np.abs(block.prompt_tokens - expected).max() <= 0.5
        assert (block.output_tokens == 50).all()


def test_changing_the_outputs_moves_neither_arrivals_nor_prompts():
    first = tokens(GeneratedSource(RATE, Lengths(CHAT), Lengths(REPLY)))
    second = tokens(GeneratedSource(RATE, Lengths(CHAT), Lengths(Constant(7.0))))
    np.testing.assert_array_equal(first[0], second[0])
    np.testing.assert_array_equal(first[1], second[1])


def test_lengths_stay_within_their_limits():
    lengths = Lengths(Pareto(1.0, 0.3), minimum=5, maximum=4096)
    drawn = lengths.in_tokens(lengths.distribution.sample(np.random.default_rng(0), 10_000))
    assert (drawn.min(), drawn.max()) == (5, 4096)
    unlimited = Lengths(Pareto(1.0, 0.05)).in_tokens(Pareto(1.0, 0.05).ppf(np.array([0.5, 1.0])))
    assert unlimited[-1] == MAX_TOKENS


@given(st.floats(-10, 2e9))
def test_a_length_is_rounded_half_up_within_the_limits(value):
    (drawn,) = Lengths(Constant(1.0), 3, 1000).in_tokens(np.array([value]))
    assert drawn == min(max(math.floor(value + 0.5), 3), 1000)


def test_the_expected_length_counts_the_limits():
    assert Lengths(CHAT).mean_tokens() == pytest.approx(4000, abs=1e-3)
    assert Lengths(Empirical((1.0, 500.0)), maximum=100).mean_tokens() == pytest.approx(50.5)


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: Lengths(CHAT, minimum=0), r"minimum \(0\) must be at least 1 token"),
        (lambda: Lengths(CHAT, 10, 9), r"maximum \(9\) must be at least the minimum \(10\)"),
        (lambda: Lengths(CHAT, maximum=2**31), r"maximum \(2147483648\) must be at most"),
        (
            lambda: GeneratedSource(RATE, Lengths(CHAT), Lengths(CHAT), rank_correlation=1.0),
            r"rank correlation \(1.0\) must be between -1 and 1",
        ),
        (
            lambda: GeneratedSource(RATE, Lengths(CHAT), Lengths(CHAT), prompt_growth_per_year=0),
            r"prompt growth \(0\) must be above 0 per year",
        ),
    ],
)
def test_impossible_lengths_are_refused_with_subject_value_and_rule(build, message):
    with pytest.raises(ValueError, match=message):
        build()
