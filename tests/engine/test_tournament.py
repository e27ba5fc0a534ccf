"""The tournament tree tells the first of the least keys, whatever was changed in whatever order."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from sim.engine.state import tournament

KEYS = st.sampled_from([0.0, 1.0, 1.5, 2.0, 7.0, np.inf])


@given(st.integers(1, 700), st.lists(st.tuples(st.integers(0, 699), KEYS), max_size=60))
def test_the_first_of_the_least_keys(count: int, changes: list[tuple[int, float]]) -> None:
    key = np.full(tournament.leaves_for(count), np.inf)
    tree = np.zeros(tournament.nodes_for(len(key)))
    tournament.rebuild(tree, key)
    for leaf, value in changes:
        key[leaf % count] = value
        tournament.update(tree, key, leaf % count)
        assert tournament.first(tree, key) == np.argmin(key)
        assert tree[tournament.ROOT] == key.min()
