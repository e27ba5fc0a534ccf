"""Shares of worlds: counted, said in words, and with the interval of the probability behind."""

import math

import numpy as np
import pytest
from fake_replication import FakeScenario
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from sim.montecarlo.estimates import estimate
from sim.montecarlo.sample import Sample
from sim.montecarlo.shares import (
    Share,
    percent,
    share_at_least,
    share_at_most,
    share_interval,
)
from sim.montecarlo.summary import summarise

# Shares ---------------------------------------------------------------------------------------

COUNTS = [(0, 20), (7, 20), (57, 60), (60, 60), (0, 9), (3, 10), (11, 12), (40, 40)]


@pytest.mark.parametrize(("count", "n"), COUNTS)
@pytest.mark.parametrize("confidence", [0.9, 0.95])
def test_intervals_of_a_share_are_those_of_clopper_and_pearson(count, n, confidence):
    interval = stats.binomtest(count, n).proportion_ci(confidence, method="exact")
    tail = (1 - confidence) / 2
    assert share_at_least(count, n, tail) == pytest.approx(interval.low, abs=1e-12)
    assert share_at_most(count, n, tail) == pytest.approx(interval.high, abs=1e-12)
    assert share_interval(count, n, confidence) == pytest.approx(tuple(interval), abs=1e-12)


@pytest.mark.parametrize(("count", "n"), COUNTS)
def test_a_limit_alone_holds_with_the_whole_confidence(count, n):
    interval = stats.binomtest(count, n, alternative="greater").proportion_ci(0.95, method="exact")
    assert share_at_least(count, n, 0.05) == pytest.approx(interval.low, abs=1e-12)


@pytest.mark.parametrize("p", [0.01, 0.05, 0.5, 0.9, 0.99])
@pytest.mark.parametrize("worlds", [6, 24, 64, 200])
def test_the_interval_holds_the_probability_in_at_least_95_of_100(p, worlds):
    """Exactly, by the binomial distribution: summed over all counts, no chance is in it."""
    counts = np.arange(worlds + 1)
    intervals = [Share(int(count), worlds).interval for count in counts]
    holds = [low <= p <= high for low, high in intervals]
    assert stats.binom.pmf(counts, worlds, p)[holds].sum() >= 0.95


@given(st.integers(1, 5000).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_words_never_say_all_or_none_of_what_is_neither(pair):
    count, worlds = pair
    words = Share(count, worlds).words()
    assert ("100 %" in words, " 0 %" in words) == (False, False)
    assert words.startswith("none of") == (count == 0)
    assert words.startswith(("all ", "the 1 ")) == (count == worlds)
    assert ("at least" in words) == (count == worlds)


def test_words_at_the_ends():
    assert Share(1, 1).words() == "the 1 world (at least 2.5 %)"
    assert Share(0, 1).words() == "none of 1 world (at most 97.5 %)"
    assert Share(39, 40).words() == "98 % of worlds (87 … 99.9 %)"
    assert Share(0, 0).bounds() == ""
    assert math.isnan(Share(0, 0).value)
    assert percent(math.nan) == "–"


def test_the_mean_of_yes_or_no_is_a_probability_with_its_interval_also_where_all_worlds_say_yes():
    found = estimate(np.ones(200), yes_or_no=True)
    assert found.mean == 1.0
    assert found.mean_ci == Share(200, 200).interval
    some = estimate([1.0, 0.0, 0.0, math.nan], yes_or_no=True)
    assert (some.mean, some.mean_ci) == (1 / 3, Share(1, 3).interval)


def test_a_sample_knows_which_of_its_figures_are_yes_or_no():
    sample = Sample()
    for world in range(50):
        sample.add_row(world, "stable", {"loses_money": 0.0, "cost_usd": 0.0}, {})
    assert sample.estimate("loses_money").mean_ci == Share(0, 50).interval


def test_the_summary_holds_the_interval_of_every_share():
    sample = Sample()
    for world in range(200):
        attained = {"workloads.chat.slo_attainment": 1.0 if world else 0.5}
        sample.add_row(world, "stable", attained, {})
    summary = summarise(sample, FakeScenario().design({}), 0, interrupted=False)
    assert summary["overloaded_share"] == 0.0
    assert summary["overloaded_share_ci"] == list(Share(0, 200).interval)
    assert summary["slo_met_share"] == 0.995
    assert summary["slo_met_share_ci"] == list(Share(199, 200).interval)
