"""Variance-based sensitivity: the share of a figure's variance that each input is the cause of.

Let Y = f(X1, ..., Xd) with independent inputs. The **first-order index** V(E[Y | Xi]) / V(Y) is
the share of the variance that goes away, on average, once Xi alone is known; the **total index**
E[V(Y | all but Xi)] / V(Y) is what would be left if Xi alone remained unknown, its interactions
with others included. First-order indices add up to 1 at most; what is missing are interactions. Xi
may stand for several numbers that are learned together, such as the coefficients of a measured law.

Two matrices A and B hold n independent draws of all inputs each; mixture i is A with column i taken
from B. They are the two halves of scrambled Sobol points in 2d dimensions.

References
----------
Saltelli, Annoni, Azzini, Campolongo, Ratto and Tarantola (2010), Variance based sensitivity
analysis of model output, Computer Physics Communications 181, table 2: (b) for the first order and
(f), after Jansen (1999), for the total. Owen (1998), Scrambling
Sobol' and Niederreiter-Xing points.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.stats import qmc

from sim.studies.sensitivity.surrogate import Known, Part, known

FloatArray = npt.NDArray[np.float64]

IntArray = npt.NDArray[np.int_]

BITS = 30  # resolution of SciPy's Sobol points
REPEATS = 1000  # of the bootstrap
LEAST_VARIANCE = 0.01  # of the plain one, in place of what control variates make of it by chance


@dataclass(frozen=True, slots=True)
class Indices:
    """Sobol indices with intervals of 95 %.

    Attributes
    ----------
    first, total : (factors,) float64
        From 0 to 1, the first never above the total; NaN where nothing varies.
    first_ci, total_ci : (2, factors) float64
        From 0 to 1.
    leads_ci : (2, factors, factors) float64
        Of the difference of first-order indices, row minus column.
    variance : float
    flips : (factors,) int, or None
        Rows in which a factor turns a decision.
    """

    first: FloatArray
    total: FloatArray
    first_ci: FloatArray
    total_ci: FloatArray
    leads_ci: FloatArray
    variance: float
    flips: IntArray | None = None

    @classmethod
    def of_nothing(cls, factors: int) -> "Indices":
        """Those of a figure that does not vary."""
        nothing, pairs = np.full(factors, np.nan), np.full((2, factors, factors), np.nan)
        return cls(nothing, nothing, pairs[:, 0], pairs[:, 0], pairs, 0.0)


def settled(first: FloatArray, total: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Indices without what chance alone makes of them: from 0 to 1, and no first above its total.

    Where it is, the two are one, half the way between.

    >>> settled(np.array([0.9, -0.1]), np.array([0.8, 0.2]))
    (array([0.85, 0.  ]), array([0.85, 0.2 ]))
    """
    pooled = (first + total) / 2.0
    above = first > total
    return (
        np.clip(np.where(above, pooled, first), 0.0, 1.0),
        np.clip(np.where(above, pooled, total), 0.0, 1.0),
    )


def within(ends: FloatArray, points: FloatArray) -> FloatArray:
    """Intervals, (2, factors), from 0 to 1 and with their points inside."""
    low, high = np.clip(ends, 0.0, 1.0)
    return np.array([np.minimum(low, points), np.maximum(high, points)])


def matrices(rows: int, inputs: int, rng: np.random.Generator) -> tuple[FloatArray, FloatArray]:
    """Matrices A and B of points in the open unit cube: two of (rows, inputs) float64.

    Parameters
    ----------
    rows : int
        A power of two: so many Sobol points are balanced.
    inputs : int
    rng : numpy.random.Generator
        Scrambles the points.
    """
    if rows & (rows - 1):
        raise ValueError(f"rows ({rows}) must be a power of two")
    net = qmc.Sobol(2 * inputs, scramble=True, bits=BITS, seed=rng)
    points = net.random_base2(rows.bit_length() - 1)
    points += 0.5 / 2.0**BITS  # off 0, where the inverse of a distribution may be infinite
    return points[:, :inputs], points[:, inputs:]


def indices(
    a: FloatArray,
    b: FloatArray,
    mixed: FloatArray,
    rng: np.random.Generator,
    repeats: int = REPEATS,
    points: tuple[FloatArray, FloatArray] | None = None,
    parts: Sequence[Part] = (),
) -> Indices:
    """Indices of each factor, with bootstrap intervals over rows.

    The intervals hold for independent rows; Sobol points are spread more evenly, so they are on the
    wide side.

    Parameters
    ----------
    a, b : (n,) float64
        The figure at the rows of A and B.
    mixed : (factors, n) float64
        At those of each mixture.
    rng : numpy.random.Generator
        Of the bootstrap.
    repeats : int
    points : two of (n, inputs) float64, optional
        The rows of A and B in the unit cube, where the last mixture is that of chance: a polynomial
        of the inputs halves the error of the indices where it explains the figure. The intervals
        stay those of the rows alone, for a bootstrap knows nothing of how well it was fitted.
    parts : sequence of sequence of int
        The columns of each factor; by default each column is one.
    """
    both = np.concatenate((a, b))
    centre, variance = float(np.mean(both)), float(np.var(both))
    # Differences within rounding of the figure itself are none.
    if variance <= (1e-12 * float(np.max(np.abs(both), initial=0.0))) ** 2:
        return Indices.of_nothing(len(mixed))
    # Centred, for the error of the first order grows with the mean (Sobol' 2001).
    centred = a - centre, b - centre, mixed - centre
    n = len(a)
    values = np.vstack([centred[0], centred[1], centred[2][:-1]])
    explained = None if points is None else known(points, values, parts)
    (first,), (total,) = _estimates(np.full((1, n), 1.0 / n), *centred, explained)
    again = rng.multinomial(n, np.full(n, 1.0 / n), repeats) / n
    firsts, totals = _estimates(again, *centred, None)
    first, total = settled(first, total)
    return Indices(
        first=first,
        total=total,
        first_ci=within(_interval(firsts), first),
        total_ci=within(_interval(totals), total),
        leads_ci=_interval(firsts[:, :, None] - firsts[:, None, :]),
        variance=variance,
    )


def _estimates(
    weights: FloatArray, a: FloatArray, b: FloatArray, m: FloatArray, explained: Known | None
) -> tuple[FloatArray, FloatArray]:
    """First-order and total indices for some ways to weigh the rows: (ways, factors) each.

    Parameters
    ----------
    weights : (ways, n) float64
        Each way adds up to 1.
    a, b : (n,) float64
    m : (factors, n) float64
        Values at A, B and the mixtures, about the mean.
    explained : Known or None
        Further figures whose mean is 0.
    """
    own = np.broadcast_to((a * a + b * b) / 2.0, m.shape)
    zero = np.stack((a * a - m * m, b * b - m * m, np.broadcast_to(a * b, m.shape)))
    plain = weights @ own.T
    zeros = [zero] * 3
    if explained is not None:
        further = explained.variance, explained.first, explained.total
        zeros = [np.concatenate((zero, each[None])) for each in further]
    of_variance, of_first, of_total = zeros
    variance = np.maximum(_mean(weights, own, of_variance), LEAST_VARIANCE * plain)
    # A bootstrap may draw the same row over and over, of which nothing can be said.
    variance = np.where(plain > 0.0, variance, np.nan)
    first = _mean(weights, b * (m - a), of_first) / variance  # (b)
    total = _mean(weights, (a - m) ** 2 / 2.0, of_total) / variance  # (f)
    return first, total


def _mean(weights: FloatArray, figure: FloatArray, zero: FloatArray) -> FloatArray:
    """Weighted mean of a figure, with figures of mean zero as control variates.

    They take out of the error what it shares with them: an input that is the cause of everything
    gets an index of 1 with no error at all, as one that is the cause of nothing gets one of 0.

    Parameters
    ----------
    weights : (ways, n) float64
    figure : (factors, n) float64
    zero : (controls, factors, n) float64
        Figures whose expectation is 0.

    Returns
    -------
    (ways, factors) float64
    """
    mean, off = weights @ figure.T, np.einsum("wn,cfn->wfc", weights, zero)
    moments = np.einsum("wn,cfn,dfn->wfcd", weights, zero, zero, optimize=True)
    along = np.einsum("wn,cfn,fn->wfc", weights, zero, figure, optimize=True)
    covariances = moments - off[..., :, None] * off[..., None, :]
    along = along - off * mean[..., None]
    inverse = np.linalg.pinv(covariances, rcond=1e-9, hermitian=True)
    return np.asarray(mean - np.einsum("wfcd,wfc,wfd->wf", inverse, off, along), np.float64)


def _interval(repeats: FloatArray) -> FloatArray:
    """The middle 95 % over the first axis: (2, ...); NaN where no repeat has a value."""
    repeats = repeats[~np.isnan(repeats).reshape(len(repeats), -1).any(axis=1)]
    if len(repeats) == 0:
        return np.full((2, *repeats.shape[1:]), np.nan)
    return np.asarray(np.quantile(repeats, [0.025, 0.975], axis=0))
