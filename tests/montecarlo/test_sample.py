"""Figures of worlds by their names, whatever names each world has."""

import math

import numpy as np

from sim.montecarlo.sample import Sample


def sample(rows) -> Sample:
    found = Sample()
    for world, figures in rows:
        found.add_row(world, "stable", figures, {"load_rps": np.zeros(2, np.float32)})
    return found


def test_values_are_those_of_each_world_in_their_order_nan_where_it_has_none():
    rng = np.random.default_rng(7)
    rows = []
    for world in rng.permutation(40).tolist():
        names = rng.permutation(list("abcdef"))[: rng.integers(1, 7)]
        rows.append((world, {str(name): float(rng.normal()) for name in names}))
    found, by_world = sample(rows), dict(rows)
    for name in "abcdefg":
        expected = [by_world[world].get(name, math.nan) for world in range(40)]
        np.testing.assert_array_equal(found.values(name), expected)


def test_a_world_that_comes_later_is_among_them():
    found = sample([(1, {"a": 1.0})])
    assert found.values("a").tolist() == [1.0]
    found.add_row(0, "stable", {"a": 5.0}, {"load_rps": np.zeros(2, np.float32)})
    assert found.values("a").tolist() == [5.0, 1.0]


def test_values_are_the_readers_own():
    found = sample([(0, {"a": 1.0})])
    found.values("a")[0] = 9.0
    assert found.values("a").tolist() == [1.0]


def test_no_worlds_have_no_values():
    assert sample([]).values("a").tolist() == []
