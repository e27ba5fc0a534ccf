"""Gamma laws without SciPy: its probabilities and quantiles, from tail to tail."""

import numpy as np
import pytest
from scipy import special

from sim.model.distributions.gamma_table import LEAST, MOST, GammaTable

SHAPES = [LEAST, 0.2, 1 / 1.2**2, 1.0, 1 / 1.2**2 + 1, 6.25, 25.0, 400.0, MOST]
LEVELS = np.concatenate([2.0 ** -np.arange(1.0, 27.0), np.linspace(0.01, 0.5, 50)])


@pytest.mark.parametrize("shape", SHAPES)
def test_quantiles_are_those_of_scipy(shape: float) -> None:
    law = GammaTable(shape)
    exact = 1e-11 if shape < MOST else 1e-10
    np.testing.assert_allclose(law.ppf(LEVELS), special.gammaincinv(shape, LEVELS), rtol=exact)
    np.testing.assert_allclose(law.isf(LEVELS), special.gammainccinv(shape, LEVELS), rtol=exact)


@pytest.mark.parametrize("shape", SHAPES)
def test_probabilities_are_those_of_scipy(shape: float) -> None:
    law = GammaTable(shape)
    for x in (special.gammaincinv(shape, LEVELS), special.gammainccinv(shape, LEVELS)):
        np.testing.assert_allclose(law.cdf(x), special.gammainc(shape, x), rtol=1e-10)
        np.testing.assert_allclose(law.sf(x), special.gammaincc(shape, x), rtol=1e-10)


def test_a_shape_of_one_is_exponential() -> None:
    law = GammaTable(1.0)
    np.testing.assert_allclose(law.isf(LEVELS), -np.log(LEVELS), rtol=1e-14)
    np.testing.assert_allclose(law.density(LEVELS), np.exp(-LEVELS), rtol=1e-14)
