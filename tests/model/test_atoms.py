"""Values of a distribution with a probability of their own."""

import numpy as np
import pytest
from scipy.special import ndtr

from sim.model.distributions import (
    Choice,
    Clipped,
    Constant,
    LogNormal,
    Mixture,
    Normal,
    Uniform,
    atoms,
)
from sim.model.distributions.scaled import Scaled
from sim.montecarlo.normal_scores import NormalScores

CHOICE = Choice((1.0, 5.0), (0.9, 0.1))
WITH_ATOMS = {
    "choice": (CHOICE, {1.0: 0.9, 5.0: 0.1}),
    "scaled": (Scaled(CHOICE, 2.0), {2.0: 0.9, 10.0: 0.1}),
    "clipped": (Clipped(Uniform(0, 10), 1, 8), {1.0: 0.1, 8.0: 0.2}),
    "clipped choice": (Clipped(CHOICE, 2, 5), {2.0: 0.9, 5.0: 0.1}),
    "clipped above": (Clipped(Normal(0, 1), high=0.0), {0.0: 0.5}),
    "mixture": (Mixture((0.25, 0.75), (Constant(3.0), Uniform(0, 1))), {3.0: 0.25}),
    "spike": (LogNormal(0.0, 0.0), {1.0: 1.0}),
}


@pytest.mark.parametrize("name", WITH_ATOMS)
def test_atoms_are_where_the_distribution_function_jumps(name):
    distribution, expected = WITH_ATOMS[name]
    values, shares = atoms(distribution)
    assert dict(zip(values, shares, strict=True)) == pytest.approx(expected)


def test_most_distributions_have_none():
    for each in (Normal(1, 2), LogNormal(0, 1), Uniform(0, 1), Clipped(Uniform(0, 1), -1, 2)):
        assert len(atoms(each)[0]) == 0


@pytest.mark.parametrize("name", ["choice", "clipped", "clipped above", "mixture"])
@pytest.mark.parametrize("slope", [-0.9975, 0.3, 0.9])
def test_the_mean_of_a_function_of_the_scores_is_exact(name, slope):
    """Against a million equally likely draws."""
    distribution, _ = WITH_ATOMS[name]
    draws = np.asarray(distribution.ppf((np.arange(10**6) + 0.5) / 10**6))
    scores = NormalScores.of(distribution, draws)

    def share(z):
        return ndtr((0.4 - slope * z) / np.sqrt(1 - slope**2))

    assert scores.mean_of(share, ndtr(0.4)) == pytest.approx(share(scores.scores).mean(), abs=2e-6)
