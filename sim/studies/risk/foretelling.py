"""How near to missing a world's inputs put it, learned from a few worlds.

Some worlds are simulated first, the *pilot*: a few as they come, then as many of each level of what
those foretell, twice. What they show of nearness is fitted as a polynomial of the inputs, each as
the normal quantile of its rank (ridge regression, its degree and penalty by leaving out one world
at a time). Nearness may be seen in several figures: the target itself, the latency over its
threshold, and the work that is offered to the fleet over what it can do at most (the fluid model of
:mod:`sim.model.capacity`, which chance within a world hardly moves). That is taken which tells best
which worlds of the pilot miss.

Whatever the score is, the estimate is right: it is a function of the inputs that was fixed before
the worlds of the estimate were drawn, and only says which of them to look at.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]

PENALTIES = 10.0 ** np.arange(-2.0, 4.0)
MOST_TERMS = 600
FEWEST_OF_EACH = 4  # worlds that miss, and that do not, to judge by them
CHUNK = 1 << 14


@dataclass(frozen=True, slots=True)
class Foretelling:
    """What the pilot foretells.

    Attributes
    ----------
    score : (population,) float64
        Nearness of every world.
    by : str
        The figure that tells it.
    explained : float
        Share of its variance that the inputs explain, in worlds that were left out.
    """

    score: FloatArray
    by: str
    explained: float


def foretell(
    inputs: FloatArray,
    numbers: npt.NDArray[np.int64],
    nearness: Mapping[str, FloatArray],
    missed: BoolArray,
) -> Foretelling | None:
    """The score of every world; None where nothing that was seen varies.

    Parameters
    ----------
    inputs : (population, inputs) float64
        Normal quantiles.
    numbers : (pilot,) int64
        Worlds that were simulated.
    nearness : mapping of str to (pilot,) float64
        Figures that grow towards a miss; NaN where undefined.
    missed : (pilot,) bool
    """
    fits = [
        (name, fit, _judged(fit, missed))
        for name, values in nearness.items()
        if (fit := _fitted(inputs[numbers], values)) is not None
    ]
    if not fits:
        return None
    name, fit, _ = max(fits, key=lambda each: each[2])
    parts = [fit.at(inputs[at : at + CHUNK]) for at in range(0, len(inputs), CHUNK)]
    return Foretelling(np.concatenate(parts), name, fit.explained)


@dataclass(frozen=True, slots=True)
class _Fit:
    degree: int
    mean: float
    middle: FloatArray  # of the terms
    weights: FloatArray
    left_out: FloatArray  # what is foretold of each world by the others
    explained: float

    def at(self, inputs: FloatArray) -> FloatArray:
        return np.asarray(self.mean + (_terms(inputs, self.degree) - self.middle) @ self.weights)


def _judged(fit: _Fit, missed: BoolArray) -> tuple[float, float]:
    """How well it tells which worlds miss, if that many do; else how well it is told itself."""
    misses, others = fit.left_out[missed], fit.left_out[~missed]
    if min(len(misses), len(others)) < FEWEST_OF_EACH:
        return 0.5, fit.explained
    above = (misses[:, None] > others).mean() + 0.5 * (misses[:, None] == others).mean()
    return float(above), fit.explained


def _fitted(inputs: FloatArray, values: FloatArray) -> _Fit | None:
    """The best polynomial; None of what hardly varies."""
    known = np.isfinite(values)
    if known.sum() < 8 or np.ptp(values[known]) <= 1e-12:
        return None
    filled = np.where(known, values, np.max(values[known]))  # undefined: as near as any
    fits = [
        _ridge(_terms(inputs, degree), filled, penalty, degree)
        for degree in (1, 2, 3)
        if _count(inputs.shape[1], degree) <= MOST_TERMS
        for penalty in PENALTIES
    ]
    return max(fits, key=lambda each: each.explained)


def _ridge(terms: FloatArray, values: FloatArray, penalty: float, degree: int) -> _Fit:
    middle, mean = terms.mean(axis=0), float(values.mean())
    terms, values = terms - middle, values - mean
    inner = terms @ terms.T
    inverse = np.linalg.inv(inner + penalty * np.eye(len(values)))
    hat = inner @ inverse + 1.0 / len(values)  # with the mean
    off = (values - (hat @ values)) / np.maximum(1.0 - np.diag(hat), 1e-9)  # leaving out one
    weights = terms.T @ (inverse @ values)
    explained = 1.0 - float(off @ off) / float(values @ values)
    return _Fit(degree, mean, middle, weights, values - off + mean, explained)


def _count(inputs: int, degree: int) -> int:
    return inputs * min(degree, 2) + (inputs * (inputs - 1) // 2 if degree == 3 else 0)


def _terms(inputs: FloatArray, degree: int) -> FloatArray:
    """Each input; from degree 2 on its square, too; in 3, products of two."""
    columns = [inputs]
    if degree > 1:
        columns.append((inputs**2 - 1.0) / np.sqrt(2.0))
    if degree > 2:
        first, second = np.triu_indices(inputs.shape[1], 1)
        columns.append(inputs[:, first] * inputs[:, second])
    return np.hstack(columns)
