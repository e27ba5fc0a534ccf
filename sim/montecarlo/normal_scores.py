"""Normal scores of an uncertain input, and exact means of functions of them.

A value x of distribution function F has the score z with ndtr(z) = F(x), which is normal wherever
no single value has a probability of its own. One that does (a choice, a limit) has the score of the
middle of its share.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sim.model.distributions import Distribution, atoms
from sim.model.special import ndtr, ndtri

FloatArray = npt.NDArray[np.float64]

LEAST = 2.0**-33  # of the probabilities that worlds are drawn at
FARTHEST = 9.0  # normal scores beyond which there is less than 1e-18
PANEL = 0.25  # of a quadrature with sixteen nodes: exact to rounding for what is that smooth
NODES, WEIGHTS = np.polynomial.legendre.leggauss(16)


@dataclass(frozen=True, slots=True, eq=False)
class NormalScores:
    """Normal scores of the draws of one input.

    Attributes
    ----------
    scores : (worlds,) float64
    nodes, weights : (m,) float64
        What the mean of a function g of the scores is more than that over normal ones: the sum of
        ``weights * g(nodes)``. None are needed where no value has a probability of its own.
    """

    scores: FloatArray
    nodes: FloatArray
    weights: FloatArray

    @classmethod
    def of(cls, distribution: Distribution, values: FloatArray) -> "NormalScores":
        """Of draws: (worlds,) float64."""
        points, shares = atoms(distribution)
        upper = np.asarray(distribution.cdf(points), np.float64)
        lower = np.maximum(upper - shares, 0.0)
        levels = np.asarray(distribution.cdf(values), np.float64)
        if len(points):
            place = np.minimum(np.searchsorted(points, values), len(points) - 1)
            levels = np.where(points[place] == values, (lower + upper)[place] / 2.0, levels)
        middles = ndtri(np.clip((lower + upper) / 2.0, LEAST, 1.0 - LEAST))
        nodes, weights = _normal_mass(_ends(lower), _ends(upper))
        return cls(
            np.asarray(ndtri(np.clip(levels, LEAST, 1.0 - LEAST))),
            np.concatenate([middles, nodes]),
            np.concatenate([shares, -weights]),
        )

    def first(self, worlds: int) -> "NormalScores":
        """Those of the first worlds."""
        return NormalScores(self.scores[:worlds], self.nodes, self.weights)

    def mean_of(self, function: Callable[[FloatArray], FloatArray], normal: float) -> float:
        """Mean of a function of the scores.

        Parameters
        ----------
        function : callable
        normal : float
            Its mean over scores that are all normal.
        """
        return normal + float((self.weights * function(self.nodes)).sum())


def _ends(levels: FloatArray) -> FloatArray:
    return np.asarray(np.clip(ndtri(levels), -FARTHEST, FARTHEST))


def _normal_mass(lower: FloatArray, upper: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Nodes and weights of integrals over a normal variable between each two ends.

    The weights within two ends sum to the probability between them to rounding.
    """
    nodes, weights = [np.empty(0)], [np.empty(0)]
    for low, high in zip(lower, upper, strict=True):
        edges = np.linspace(low, high, int(np.ceil((high - low) / PANEL)) + 1)
        middle, half = (edges[1:] + edges[:-1]) / 2.0, np.diff(edges) / 2.0
        z = (middle[:, None] + half[:, None] * NODES).ravel()
        density = np.exp(-np.square(z) / 2.0) / np.sqrt(2.0 * np.pi)
        mass = (half[:, None] * WEIGHTS).ravel() * density
        known = float(ndtr(high) - ndtr(low))
        nodes.append(z)
        weights.append(mass * (known / mass.sum()) if known > 0.0 else mass)
    return np.concatenate(nodes), np.concatenate(weights)
