"""The interval of a rare chance: how often it holds the truth, and what it is worth.

Each case is 2,000 estimates of a chance that is known as an integral. An interval that held it in
94.5 % of all would be seen to hold it in fewer than 93 % of 2,000 once in 500 seeds; the seeds are
fixed.
"""

import numpy as np
import pytest
from rare_cases import SHARES, Case, estimated

from sim.studies.risk import levels
from sim.studies.risk.chance import Slope, chance, plain_worlds, slope_of

REPEATS, WORLDS = 2_000, 512
FORETOLD = [  # luck is little beside the inputs
    Case("normal", 0.03, 0.001),
    Case("normal", 0.15, 0.001),
    Case("logistic", 0.15, 0.001),
    Case("exponential", 0.15, 0.001),
]
BY_LUCK = [
    Case("normal", 0.4, 0.001),
    Case("exponential", 0.4, 0.001),
]


@pytest.mark.parametrize("case", [*FORETOLD, *BY_LUCK], ids=str)
def test_the_interval_holds_the_chance_and_is_worth_ten_times_the_worlds(case):
    rng = np.random.default_rng(7)
    repeats = [estimated(case, WORLDS, rng) for _ in range(REPEATS)]
    low, high = np.array([each.interval for each in repeats]).T
    assert np.mean((low <= case.share) & (case.share <= high)) >= 0.93
    assert np.mean(low > case.share) <= 0.04
    assert np.mean(high < case.share) <= 0.04
    without = np.array([each.without for each in repeats])
    assert (without >= high).all()
    mean = np.mean([each.value for each in repeats])
    error = np.std([each.value for each in repeats]) / np.sqrt(REPEATS)
    assert abs(mean - case.share) < 4.0 * error  # once in 16,000
    if case in FORETOLD:
        half = float(np.median(high - low)) / 2.0
        assert plain_worlds(case.share, half) > 10 * WORLDS


def test_a_chance_that_nothing_foretells_is_no_surer_than_by_plain_worlds():
    missed = np.zeros(13, np.int64)
    worlds = levels.allocated(np.full(13, 0.5), 400)
    found = chance(missed, worlds, SHARES, Slope(-9.0, 0.0, 1.0), levels.POPULATION)
    assert found.value == 0.0
    assert found.interval[1] > 0.005


def test_a_miss_in_the_most_frequent_level_counts_by_its_share():
    worlds = np.full(13, 20)
    missed = np.zeros(13, np.int64)
    missed[0] = 1
    found = chance(missed, worlds, SHARES, Slope(-9.0, 5.0, 0.1), levels.POPULATION)
    assert found.value == 0.5 / 20
    assert found.lowest == 0 and found.below == 0.0
    assert found.interval[0] < 0.001
    assert found.interval[1] > 0.5 * 0.2


def test_worlds_are_shared_out_where_they_tell_and_none_too_often():
    sure = np.repeat([0.0, 0.5, 1.0], [9, 1, 3])
    counts = levels.allocated(sure, 500)
    assert counts.sum() <= 500
    assert (counts >= levels.FEWEST).all()
    assert (counts <= np.diff(levels.edges())).all()
    assert counts.argmax() == 9
    assert levels.allocated(np.repeat([0.0, 0.5], [12, 1]), 5_000)[-1] == 32  # all that there are


def test_levels_part_all_worlds_and_their_heights_are_normal():
    score = np.random.default_rng(0).permutation(levels.POPULATION).astype(float)
    members = levels.members(score)
    assert sorted(np.concatenate(members).tolist()) == list(range(levels.POPULATION))
    assert np.array([len(each) for each in members]) / levels.POPULATION == pytest.approx(SHARES)
    assert score[members[0]].max() < score[members[1]].min()
    heights = levels.heights(score)
    assert abs(heights.mean()) < 1e-6 and abs(heights.std() - 1.0) < 1e-3
    assert np.unique(levels.heights(np.zeros(100))).tolist() == [0.0]


def test_the_slope_of_a_logistic_curve_is_found():
    rng = np.random.default_rng(1)
    height = rng.standard_normal(200_000)
    truth = Slope(-4.0, 2.0, 0.0)
    found = slope_of(height, rng.random(len(height)) < truth.chance(height))
    assert abs(found.slope - 2.0) < 4.0 * found.error < 0.1
    assert found.least < found.slope
    nothing = slope_of(height[:50], np.zeros(50, np.bool_))
    assert np.isfinite(nothing.slope) and nothing.least >= 0.0


def test_plain_worlds_are_those_whose_interval_is_as_wide():
    needed = plain_worlds(0.001, 0.0005)
    assert 0.8 < needed / (1.96**2 * 0.001 / 0.0005**2) < 1.3
    assert plain_worlds(0.0, 0.0) == np.inf
