"""The normal distribution function of few values: SciPy's bits without SciPy."""

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import special as of_scipy

from sim.model import special
from sim.model.normal import FEW, ndtr, ndtri

ENDS = [0.0, 1.0, 0.5, 0.05, 0.95, 1e-300, 5e-324, 1.0 - 2.0**-53, float("nan"), -1.0, 2.0]


def in_parts(values: npt.ArrayLike) -> list[npt.NDArray[np.float64]]:
    """Values, few at a time."""
    array = np.asarray(values)
    return np.array_split(array, -(-len(array) // FEW))


def test_inverse_has_the_bits_of_scipy_from_tail_to_tail() -> None:
    rng = np.random.default_rng(1)
    tails = 10.0 ** rng.uniform(-300.0, 0.0, 2000)
    levels = np.concatenate([ENDS, rng.random(4000), tails, 1.0 - tails[tails > 1e-16]])
    for part in in_parts(levels):
        np.testing.assert_array_equal(ndtri(part), of_scipy.ndtri(part))


def test_distribution_function_has_the_bits_of_scipy_from_tail_to_tail() -> None:
    rng = np.random.default_rng(2)
    ends = [0.0, np.inf, -np.inf, np.nan, 2**0.5, -(2**0.5), -37.7, -38.5]
    values = np.concatenate([ends, 3.0 * rng.normal(size=4000), rng.uniform(-40.0, 40.0, 4000)])
    for part in in_parts(values):
        np.testing.assert_array_equal(ndtr(part), of_scipy.ndtr(part))


@given(st.lists(st.floats(0.0, 1.0), min_size=1, max_size=FEW))
def test_few_values_are_as_among_many(levels: list[float]) -> None:
    many = np.concatenate([levels, np.full(FEW, 0.5)])
    np.testing.assert_array_equal(ndtri(levels), ndtri(many)[: len(levels)])


def test_shape_is_kept() -> None:
    assert ndtri(0.3).shape == ()
    assert ndtri([[0.3, 0.4]]).shape == ndtr([[0.3, 0.4]]).shape == (1, 2)


@pytest.mark.parametrize("p", [0.0, 0.025, 0.3, 0.975, 1.0])
def test_a_beta_of_one_and_one_is_uniform_to_the_bit(p: float) -> None:
    assert special.betaincinv(1, 1, p) == of_scipy.betaincinv(1, 1, p) == p
