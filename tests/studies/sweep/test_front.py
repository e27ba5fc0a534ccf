"""The front: what is dominated, what the worlds tell of it, by definition and by brute force."""

import numpy as np
import pytest

from sim.studies.sweep.front import (
    BEHIND,
    DOMINATED,
    FRONT,
    SAME_AS,
    UNTOLD,
    Series,
    dominates,
    gap,
    places,
)


def series(values, bounds=()):
    values = np.asarray(values, np.float64)
    return Series(values, np.isin(np.arange(len(values)), list(bounds)))


def drawn(rng, designs, worlds, noise=0.3):
    """Designs that share most of their chance."""
    common = rng.standard_normal(worlds)
    return [
        series(rng.integers(1, 6) + common + noise * rng.standard_normal(worlds))
        for _ in range(designs)
    ]


@pytest.mark.parametrize("seed", range(60))
def test_the_front_is_what_nothing_dominates_and_all_others_are_dominated_by_one_of_it(seed):
    rng = np.random.default_rng(seed)
    designs = int(rng.integers(2, 14))
    cost, latency = drawn(rng, designs, 40), drawn(rng, designs, 40)
    kept = rng.integers(30, 41, designs).tolist()
    spots = [(c.median, s.median, -k) for c, s, k in zip(cost, latency, kept, strict=True)]
    found = places(cost, latency, kept, 0.99)
    for at, place in enumerate(found):
        beaten = [other for other in range(designs) if dominates(spots[other], spots[at])]
        assert (place.status == FRONT) == (not beaten)
        if beaten:
            assert place.by in beaten
            assert found[place.by].status == FRONT


@pytest.mark.parametrize("seed", range(40))
def test_a_design_that_is_beaten_in_every_world_is_surely_dominated(seed):
    rng = np.random.default_rng(seed)
    cost, latency = drawn(rng, 1, 30), drawn(rng, 1, 30)
    worse = series(cost[0].values + 0.5), series(latency[0].values + rng.random(30))
    found = places([cost[0], worse[0]], [latency[0], worse[1]], [30, 30], 0.99)
    assert [each.status for each in found] == [FRONT, DOMINATED]


def test_a_difference_of_pure_chance_is_called_dominated_as_rarely_as_stated():
    # The same cost, latencies that differ by chance alone: surely dominated in 1 % at most (one
    # side of the interval); of 2,000 more than 33 come once in 1,000.
    rng = np.random.default_rng(1)
    wrong = 0
    for _ in range(2000):
        one, other = (series(rng.standard_normal(40)) for _ in range(2))
        found = places([series(np.ones(40))] * 2, [one, other], [40, 40], 0.98)
        wrong += any(each.status == DOMINATED for each in found)
        assert {each.status for each in found} <= {FRONT, DOMINATED, UNTOLD}
    assert wrong <= 2 * 33


def test_the_same_figures_in_every_world_dominate_nothing():
    one = series([3.0, 1.0, 2.0])
    found = places([one, one], [one, one], [3, 3], 0.95)
    assert [(each.status, each.by) for each in found] == [(FRONT, -1), (SAME_AS, 0)]
    assert gap(one, one, 0.95).none


def test_what_falls_behind_in_the_median_world_is_on_no_front_though_it_is_cheap():
    cheap, dear = series([1.0] * 9), series([2.0] * 9)
    late, quick = series([5.0] * 9, bounds=range(5)), series([6.0] * 9, bounds=range(4))
    found = places([cheap, dear], [late, quick], [2, 5], 0.95)
    assert [each.status for each in found] == [BEHIND, FRONT]


def test_a_lower_bound_counts_as_larger_than_any_value():
    found = gap(series([1.0] * 9, bounds=range(9)), series([50.0] * 9), 0.95)
    assert found.sign == 1
    assert found.median == np.inf


def test_a_dearer_and_slower_design_is_on_the_front_where_it_meets_the_slo_more_often():
    one, other = series([1.0] * 20), series([2.0] * 20)
    found = places([one, other], [one, other], [15, 20], 0.95)
    assert [each.status for each in found] == [FRONT, FRONT]


def test_so_few_worlds_tell_nothing_surely():
    one, other = series([1.0, 1.1, 1.2]), series([2.0, 2.2, 2.4])
    found = places([one, other], [one, other], [3, 3], 0.95)
    assert [each.status for each in found] == [FRONT, UNTOLD]
