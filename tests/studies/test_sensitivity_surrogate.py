"""A polynomial of the inputs takes its part out of the error of indices, and is seldom missed."""

import numpy as np
import pytest
from scipy.special import ndtri

from sim.studies.sensitivity.sobol import indices, matrices
from sim.studies.sensitivity.surrogate import known

SIGMAS = np.array([0.5, 0.3, 0.1])


def lognormals(u):
    return np.exp(ndtri(u) @ SIGMAS)


def lognormal_indices():
    squared_cv = np.expm1(SIGMAS**2)
    whole = np.prod(1 + squared_cv) - 1
    return squared_cv / whole, squared_cv * (whole + 1) / (1 + squared_cv) / whole


def weighed(u):
    return u @ np.array([3.0, 2.0, 1.0])


def weighed_indices():
    alone = np.array([9.0, 4.0, 1.0]) / 14.0
    return alone, alone


def at_all(function, a, b, noise, rng):
    """The figure at A, B, the mixtures of the inputs, and that of chance."""
    luck, other = noise * rng.standard_normal((2, len(a)))
    mixed = [function(np.where(np.arange(3) == i, b, a)) + luck for i in range(3)]
    return function(a) + luck, function(b) + other, np.array([*mixed, function(a) + other])


@pytest.mark.parametrize(
    ("function", "exact", "most"),
    [(lognormals, lognormal_indices, 0.75), (weighed, weighed_indices, 0.01)],
)
def test_errors_shrink_where_a_polynomial_explains_the_figure(function, exact, most):
    errors = {True: [], False: []}
    true = np.array(exact())
    for seed in range(24):
        rng = np.random.default_rng(seed)
        points = matrices(64, 3, rng)
        values = at_all(function, *points, 0.0, rng)
        for used in (True, False):
            found = indices(*values, rng, 10, points if used else None)
            errors[used].append(np.array([found.first[:3], found.total[:3]]) - true)
    with_it, without = (np.sqrt(np.mean(np.square(errors[used]))) for used in (True, False))
    assert with_it < most * without


def test_a_polynomial_that_explains_too_little_is_not_used():
    rng = np.random.default_rng(1)
    points = matrices(64, 3, rng)
    for function, noise, used in (
        (weighed, 0.1, True),
        (weighed, 1.0, False),
        (lambda u: (u[:, 0] > 0.5) != (u[:, 1] > 0.5), 0.0, False),
    ):
        a, b, mixed = at_all(function, *points, noise, rng)
        values = np.vstack([a, b, mixed[:-1]])
        assert (known(points, values - values[:2].mean()) is not None) is used


def test_what_a_polynomial_gives_has_mean_0():
    """Over 400 designs; each mean lies within 4 standard errors of 0."""
    means = []
    for seed in range(400):
        rng = np.random.default_rng(seed)
        points = rng.random((2, 32, 3))
        a, b, mixed = at_all(lognormals, *points, 0.05, rng)
        values = np.vstack([a, b, mixed[:-1]])
        given = known((points[0], points[1]), values - np.exp(SIGMAS @ SIGMAS / 2.0))
        if given is not None:
            means.append([each.mean(axis=1) for each in (given.variance, given.first, given.total)])
    assert len(means) > 200
    off = np.mean(means, axis=0) / (np.std(means, axis=0) / np.sqrt(len(means)) + 1e-12)
    assert np.abs(off).max() < 4.0
