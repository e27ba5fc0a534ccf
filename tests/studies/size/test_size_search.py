"""``sim size``: a fleet is named whatever its size, seldom a wrong one, and what is open is listed.

Here the least fleet of each world is drawn, so that the true answer is known and thousands of
searches take seconds; ``benchmarks/sizing.py`` does more of them, and some that are simulated.
"""

import numpy as np
import pytest
from drawn_fleets import searched, wrong
from scipy.stats import binom

from sim.studies.size.evidence import Rule, Verdict, fewest

SEEDS = 100


@pytest.mark.parametrize("spread", [0.05, 0.1, 0.2, 0.35])
@pytest.mark.parametrize(("asked", "worlds"), [(0.95, 200), (0.9, 64), (0.95, 83)])
def test_a_large_fleet_is_named_in_every_study_and_seldom_a_wrong_one(asked, worlds, spread):
    """A fleet of about 60; at an error of exactly 5 %, 13 or more of 100 are wrong in 0.15 %."""
    assert binom.sf(12, SEEDS, 0.05) < 0.0016
    rule = Rule.of(asked, 0.05, worlds)
    rng = np.random.default_rng(11)
    all_found = [searched(60, spread, rule, rng)[0] for _ in range(SEEDS)]
    assert all(found.sure is not None for found in all_found)
    assert sum(wrong(found, 60) for found in all_found) <= 12
    over = np.median([found.sure for found in all_found]) / 60
    assert 1.0 <= over <= np.exp(1.6 * spread) + 1 / 60  # not just any fleet that is large enough


def test_a_search_takes_few_times_the_worlds_of_one_fleet_however_large_it_is():
    rule = Rule.of(0.95, 0.05, 200)
    rng = np.random.default_rng(5)
    for least, most in ((3, 2.5), (12, 5), (60, 8), (200, 10)):
        taken = [searched(least, 0.35, rule, rng)[1].taken for _ in range(20)]
        assert np.mean(taken) / 200 <= most


@pytest.mark.parametrize("least", [1, 2, 7, 60])
def test_open_counts_are_those_between_the_last_that_misses_and_the_first_that_keeps(least):
    rule = Rule.of(0.9, 0.05, 100)
    rng = np.random.default_rng(least)
    for _ in range(20):
        found, board = searched(least, 0.3, rule, rng)
        assert found.sure is not None
        assert found.open == tuple(range(found.sure - len(found.open), found.sure))
        below = found.sure - len(found.open) - 1
        assert below == 0 or board.tallies[below].verdict is Verdict.MISSES
        assert found.tallies[found.sure].verdict is Verdict.KEEPS
        assert all(found.tallies[n].verdict is Verdict.OPEN for n in found.looked_at)
        # Both ends of what is open were looked at.
        assert not found.open or {found.open[0], found.open[-1]} <= set(found.looked_at)


@pytest.mark.parametrize("error", [0.05, 0.05 / 3, 0.2])
@pytest.mark.parametrize("asked", [0.5, 0.75, 0.9, 0.95, 0.99])
def test_fewest_worlds_are_the_first_that_can_name_a_fleet(asked, error):
    least = fewest(asked, error)
    assert Rule.of(asked, error, least).can_keep
    assert not any(Rule.of(asked, error, worlds).can_keep for worlds in range(2, least))
    # What fewer could show at most lies below.
    assert Rule.of(asked, error, least - 1).most_asked < asked
