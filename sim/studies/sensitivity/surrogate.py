"""A polynomial of the inputs, to take out of indices what it explains of a figure.

Sobol indices of a polynomial in orthonormal functions of each input are sums of its squared
coefficients, without any error (Sudret 2008, Global sensitivity analysis using polynomial chaos
expansions). Where it explains most of a figure, the products that an estimate averages are taken
against those of the polynomial, whose mean is known: only what it does not explain has an error
left. Each row is compared with a polynomial that was fitted without it, so that the estimate stays
right however wrong the polynomial is; it is used where it explains more than nine tenths of the
variance of rows that it has not seen.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import numpy.typing as npt

from sim.model.special import ndtri

FloatArray = npt.NDArray[np.float64]
Part = Sequence[int]  # columns of a matrix that are known or unknown together

FOLDS = 8
LEAST_EXPLAINED = 0.9
DEGREES = (1, 2, 3)
RIDGE = 1e-8  # of the size of the normal equations: for columns that rows do not tell apart


@dataclass(frozen=True, slots=True)
class Known:
    """Figures, row by row, whose mean is 0 if rows are drawn as they are.

    Attributes
    ----------
    variance, first, total : (factors, n) float64
        To go with the variance, and with the numerators of the indices of each factor; the last
        factor is chance.
    explained : float
        Share of the variance of rows that the polynomial has not seen.
    """

    variance: FloatArray
    first: FloatArray
    total: FloatArray
    explained: float


def known(
    points: tuple[FloatArray, FloatArray], values: FloatArray, parts: Sequence[Part] = ()
) -> Known | None:
    """What the best polynomial gives; None where it explains too little.

    Parameters
    ----------
    points : two of (n, inputs) float64
        A and B in the unit cube.
    values : (2 + factors, n) float64
        The figure about its mean, at A, at B, and at the mixture of each factor.
    parts : sequence of sequence of int
        The inputs of each factor; by default each input is one.
    """
    n, inputs = points[0].shape
    parts = parts or [(each,) for each in range(inputs)]
    fold = np.arange(n) % FOLDS
    scales = (_legendre, _hermite)
    fits = (
        _fitted(np.stack([scale(half) for half in points]), degree, values, fold, parts)
        for scale in scales
        for degree in DEGREES
        if n * (len(parts) + 2) > 4 * _terms(inputs, degree)
    )
    best = max((fit for fit in fits if fit), key=lambda fit: fit.explained, default=None)
    return best if best is not None and best.explained > LEAST_EXPLAINED else None


def _legendre(u: FloatArray) -> FloatArray:
    """Orthonormal polynomials of uniform figures: (n, inputs, degrees) float64."""
    x = 2.0 * u - 1.0
    cubic = np.sqrt(7.0) * (5.0 * x**3 - 3.0 * x) / 2.0
    return np.stack([np.sqrt(3.0) * x, np.sqrt(5.0) * (3.0 * x**2 - 1.0) / 2.0, cubic], axis=-1)


def _hermite(u: FloatArray) -> FloatArray:
    """Those of standard normal ones."""
    z = ndtri(u)
    return np.stack([z, (z**2 - 1.0) / np.sqrt(2.0), (z**3 - 3.0 * z) / np.sqrt(6.0)], axis=-1)


def _terms(inputs: int, degree: int) -> int:
    """Coefficients but the constant."""
    return inputs * degree + (inputs * (inputs - 1) // 2 if degree > 1 else 0)


def _fitted(
    bases: FloatArray,
    degree: int,
    values: FloatArray,
    fold: npt.NDArray[np.int_],
    parts: Sequence[Part],
) -> Known | None:
    """What a polynomial of a degree gives.

    Parameters
    ----------
    bases : (2, n, inputs, degrees) float64
        At A and at B.
    """
    at, other = bases
    inputs = at.shape[1]
    designs = [_design(at, degree), _design(other, degree)]
    for part in parts:
        mixture = at.copy()
        mixture[:, list(part)] = other[:, list(part)]
        designs.append(_design(mixture, degree))
    design = np.stack(designs)  # (2 + factors, n, terms)
    has = np.array(list(_belonging(inputs, degree)))  # (terms, inputs) bool
    belongs = np.column_stack([has[:, list(part)].any(axis=1) for part in parts])
    alone = belongs & (belongs.sum(axis=1) == 1)[:, None]
    predicted = np.empty(values.shape)
    squares = np.empty((len(fold), belongs.shape[0]))
    for each in range(FOLDS):
        out = fold == each
        weights = _least_squares(design[:, ~out], values[:, ~out])
        predicted[:, out] = design[:, out] @ weights
        squares[out] = weights**2
    left = values[:2] - predicted[:2]
    explained = 1.0 - float(np.sum(left**2) / np.sum(values[:2] ** 2))
    a, b, *mixed = predicted
    mixtures = np.array([*mixed, a])  # chance leaves the inputs as they are
    nothing = np.zeros((1, len(fold)))
    first = np.vstack([(squares @ alone).T, nothing])
    total = np.vstack([(squares @ belongs).T, nothing])
    variance = (a**2 + b**2) / 2.0 - squares.sum(axis=1)
    return Known(
        variance=np.broadcast_to(variance, mixtures.shape),
        first=b * mixtures - first,
        total=(a - mixtures) ** 2 / 2.0 - total,
        explained=explained,
    )


def _design(basis: FloatArray, degree: int) -> FloatArray:
    """Terms of a polynomial: of each input alone, then products of two: (n, terms) float64."""
    n, inputs, _ = basis.shape
    columns = [basis[:, :, :degree].reshape(n, -1)]
    if degree > 1:
        columns += [(basis[:, i, 0] * basis[:, j, 0])[:, None] for i, j in _pairs(inputs)]
    return np.hstack(columns)


def _belonging(inputs: int, degree: int) -> Iterator[npt.NDArray[np.bool_]]:
    """Which inputs each term has."""
    every = np.arange(inputs)
    for i in range(inputs):
        yield from [every == i] * degree
    if degree > 1:
        for i, j in _pairs(inputs):
            yield (every == i) | (every == j)


def _pairs(inputs: int) -> Iterator[tuple[int, int]]:
    return combinations(range(inputs), 2)


def _least_squares(design: FloatArray, values: FloatArray) -> FloatArray:
    """Coefficients of a fit to all points: (terms,) float64."""
    rows, figures = design.reshape(-1, design.shape[-1]), values.ravel()
    normal = rows.T @ rows
    normal += RIDGE * np.trace(normal) / len(normal) * np.eye(len(normal))
    return np.asarray(np.linalg.solve(normal, rows.T @ figures))
