"""Draws by a table of the inverse: as exact as said, whatever the burstiness, tails among it."""

import numpy as np
import pytest
from scipy import special, stats

from sim.model.arrivals import Renewal
from sim.model.arrivals.renewal import _tabulated_gamma
from sim.model.distributions.tabulated import EXACT_TO

CVS = (0.01, 0.1, 0.5, 0.9, 1.2, 1.7, 2.0)


class _Given:
    """Gives uniform numbers of one's own."""

    def __init__(self, values):
        self._values = np.asarray(values)

    def random(self, n):
        assert n == len(self._values)
        return self._values


@pytest.mark.parametrize("cv", CVS)
def test_probabilities_of_draws_are_the_uniform_numbers_they_came_from(cv):
    shape = cv**-2
    law = _tabulated_gamma(shape)
    rng = np.random.default_rng(1)
    # Evenly, and over many halvings of the distance from 0 and from 1.
    tails = 0.5 * 2.0 ** -rng.uniform(0, 35, 5_000)
    u = np.concatenate([rng.random(5_000), tails, 1 - tails, [0.5, np.nextafter(0.5, 0)]])
    x = law.sample(_Given(u), len(u))
    below, above = special.gammainc(shape, x), special.gammaincc(shape, x)
    lower = u < 0.5
    assert np.abs(below / u - 1)[lower].max() < EXACT_TO
    assert np.abs(above / (1 - u) - 1)[~lower].max() < EXACT_TO


@pytest.mark.parametrize("cv", CVS)
def test_it_keeps_the_order_of_the_uniform_numbers_but_for_rounding(cv):
    u = np.sort(np.random.default_rng(2).random(100_000))
    x = _tabulated_gamma(cv**-2).sample(_Given(u), len(u))
    assert (np.diff(x) >= -1e-9 * x[1:]).all()


def test_least_and_largest_uniform_numbers_give_finite_values():
    u = np.array([0.0, 2.0**-53, 2.0**-27, 1 - 2.0**-53])
    x = _tabulated_gamma(1 / 1.2**2).sample(_Given(u), len(u))
    assert (np.isfinite(x) & (x > 0)).all()
    assert (np.diff(x) >= 0).all()


@pytest.mark.parametrize("cv", [1e-4, 0.3, 1.2, 2.0, 4.0, 13.0, 50.0])
def test_gaps_follow_the_gamma_law(cv):
    """A table, one of the law beside it, and NumPy's own draws: false alarms 2e-4 for each cv."""
    gaps = Renewal(cv).sample(np.random.default_rng(3), 200_000)
    law, least = stats.gamma(cv**-2, scale=cv**2), 1e-200  # what is less may be 0 for a double
    seen, below = gaps[gaps > least], law.cdf(least)
    assert stats.ks_1samp((law.cdf(seen) - below) / (1 - below), stats.uniform.cdf).pvalue > 1e-4
    assert stats.binomtest(len(gaps) - len(seen), len(gaps), below).pvalue > 1e-4


def test_a_law_that_a_table_would_not_follow_has_none():
    assert _tabulated_gamma(1 / 13.0**2) is None  # values down to 1e-300
    assert _tabulated_gamma(1e8) is None  # the inverse itself is not exact
    assert _tabulated_gamma(1 / 1.2**2) is not None
