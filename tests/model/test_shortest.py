"""The shortest move that rises by what is missing."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import nnls

from sim.model.shortest import shortest


def drawn(seed: int, rows: int, length: int) -> tuple[np.ndarray, np.ndarray]:
    """A system that has a solution, some of whose rows miss nothing."""
    rng = np.random.default_rng(seed)
    system = rng.normal(size=(rows, length)) * 10.0 ** rng.uniform(-3, 0, (rows, 1))
    return system, system @ rng.normal(size=length) - np.maximum(rng.normal(size=rows), 0.0) * 1e-3


def by_nnls(system: np.ndarray, missing: np.ndarray) -> np.ndarray:
    """The same by SciPy's nonnegative least squares (Lawson and Hanson 1974, 23.27)."""
    stacked = np.vstack([system.T, missing])
    unit = np.eye(len(stacked))[-1]
    dual, _ = nnls(stacked, unit)
    left = stacked @ dual - unit
    return -left[:-1] / left[-1]


@given(st.integers(0, 2**32), st.integers(1, 14), st.integers(1, 16))
def test_shortest_move_is_that_of_nonnegative_least_squares(
    seed: int, rows: int, length: int
) -> None:
    system, missing = drawn(seed, rows, length)
    found = np.array(shortest(system.tolist(), missing.tolist()))
    size = np.abs(missing).max()
    assert (system @ found >= missing - 1e-9 * size).all()
    if rows <= length:  # else rows may depend on one another, and SciPy is not sure of its own
        expected = by_nnls(system, missing)
        assert np.linalg.norm(found) <= np.linalg.norm(expected) * (1 + 1e-6) + 1e-12


def test_what_misses_nothing_does_not_move() -> None:
    assert shortest([[1.0, 2.0], [3.0, -1.0]], [0.0, -1.0]) == [0.0, 0.0]


def test_one_row_is_risen_along_itself() -> None:
    assert shortest([[3.0, 4.0]], [5.0]) == pytest.approx([0.6, 0.8])
