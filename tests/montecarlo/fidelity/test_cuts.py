"""Strata of an order of days: no cuts are better."""

from itertools import combinations, pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sim.montecarlo.fidelity.cuts import OWN, Cuts


def error(key, size, edges):
    """What one day drawn of each stratum leaves to chance, squared."""
    total = 0.0
    for start, end in pairwise(edges):
        own, count = key[start:end], end - start
        total += count * (count * own.var() + OWN * (size[start:end] ** 2).sum())
    return total


@settings(deadline=None)
@given(st.integers(0, 10**6), st.integers(2, 9), st.integers(1, 5))
def test_cuts_are_the_best_of_all(seed, days, strata):
    rng = np.random.default_rng(seed)
    key, size = np.sort(rng.gamma(2.0, 1.0, days)), rng.gamma(2.0, 1.0, days)
    strata = min(strata, days)
    cuts = Cuts(key, size, strata)
    every = (
        error(key, size, (0, *inner, days)) for inner in combinations(range(1, days), strata - 1)
    )
    assert cuts.error[strata] == pytest.approx(min(every), abs=1e-9)
    edges = [0, *np.cumsum([len(each) for each in cuts.into(strata)])]
    assert error(key, size, edges) == pytest.approx(cuts.error[strata], abs=1e-9)


@pytest.mark.parametrize("days", [0, 1, 5_000])
def test_every_day_is_in_a_stratum(days):
    key = np.sort(np.random.default_rng(1).gamma(2.0, 1.0, days))
    cuts = Cuts(key, key, 20)
    parts = cuts.into(cuts.most)
    assert [day for part in parts for day in part] == list(range(days))
    assert cuts.most == min(days, 20)
