"""Decisions whose Sobol indices are known in closed form, drawn as a study of sensitivity does."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import ndtri
from scipy.stats import multivariate_normal

from sim.studies.sensitivity.answer import FEWEST_OF_EACH
from sim.studies.sensitivity.flips import decision_indices
from sim.studies.sensitivity.sobol import Indices, matrices

FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Decision:
    """A decision of standard normal figures, the last of which is chance.

    Attributes
    ----------
    holds : callable
        Of (rows, factors): (rows,) bool.
    first, total : (factors,) float64
    """

    holds: Callable[[FloatArray], npt.NDArray[np.bool_]]
    first: FloatArray
    total: FloatArray


def weighed(weights: list[float], held: float) -> Decision:
    """Whether a weighted sum lies below its quantile.

    With one factor shared, two sums have the correlation of its squared weight; with all others
    shared, that of what is left.
    """
    w = np.array(weights) / np.linalg.norm(weights)
    limit, variance = float(ndtri(held)), held * (1.0 - held)

    def explained(correlation: float) -> float:
        if correlation > 1.0 - 1e-12:
            return 1.0
        both = multivariate_normal.cdf([limit, limit], cov=[[1.0, correlation], [correlation, 1.0]])
        return float((both - held**2) / variance) if correlation > 0.0 else 0.0

    return Decision(
        lambda z: z @ w <= limit,
        np.array([explained(each) for each in w**2]),
        np.array([1.0 - explained(1.0 - each) for each in w**2]),
    )


def both(p: float, q: float) -> Decision:
    """Whether two inputs lie below the quantiles p and q of theirs."""
    limits, held = ndtri([p, q]), p * q
    variance = held * (1.0 - held)
    alone = np.array([p * q**2 - held**2, q * p**2 - held**2, 0.0]) / variance
    return Decision(
        lambda z: (z[:, :2] <= limits).all(axis=1),
        alone,
        np.array([1.0 - alone[1], 1.0 - alone[0], 0.0]),
    )


def either_or() -> Decision:
    """Whether just one of two inputs lies above its median: nothing alone, everything together."""
    return Decision(
        lambda z: (z[:, 0] > 0.0) != (z[:, 1] > 0.0), np.zeros(3), np.array([1.0, 1.0, 0.0])
    )


DECISIONS = {
    "one input, 10 %": weighed([1.0, 0.0, 0.0], 0.1),
    "one input, 80 %": weighed([1.0, 0.0, 0.0], 0.8),
    "two inputs, 90 %": weighed([0.8, 0.6, 0.0], 0.9),
    "two inputs, 50 %": weighed([0.8, 0.6, 0.0], 0.5),
    "inputs and chance, 95 %": weighed([0.7, 0.5, 0.5], 0.95),
    "inputs and chance, 75 %": weighed([0.7, 0.5, 0.5], 0.75),
    "mostly chance, 90 %": weighed([0.3, 0.2, 0.93], 0.9),
    "mostly chance, 50 %": weighed([0.3, 0.2, 0.93], 0.5),
    "both, 25 %": both(0.5, 0.5),
    "both, 14 %": both(0.7, 0.2),
    "either or": either_or(),
}


def studied(decision: Decision, rows: int, rng: np.random.Generator) -> Indices | None:
    """A study of a decision; None where it says that it cannot tell."""
    factors = len(decision.first)
    inputs = [ndtri(half) for half in matrices(rows, factors - 1, rng)]
    luck = rng.standard_normal((2, rows, 1))
    at, other = (np.hstack(pair) for pair in zip(inputs, luck, strict=True))
    mixed = [np.where(np.arange(factors) == i, other, at) for i in range(factors)]
    a, b, *turned = (decision.holds(each).astype(np.float64) for each in (at, other, *mixed))
    held = a.sum() + b.sum()
    if min(held, 2 * rows - held) < FEWEST_OF_EACH:
        return None
    return decision_indices(a, b, np.array(turned), rng)


def holding(found: Indices, decision: Decision) -> npt.NDArray[np.bool_]:
    """Whether intervals hold the true indices: (2, factors) bool, of the first and the total."""
    return np.array(
        [
            (ends[0] - 1e-9 <= true) & (true <= ends[1] + 1e-9)
            for ends, true in ((found.first_ci, decision.first), (found.total_ci, decision.total))
        ]
    )
