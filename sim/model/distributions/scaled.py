"""Multiples of other distributions."""

import math
from dataclasses import dataclass

import numpy as np

from sim.model.distributions.known import LogNormal
from sim.model.distributions.protocol import Distribution, FloatArray
from sim.model.rule import require


@dataclass(frozen=True, slots=True)
class Scaled:
    """Another distribution times a positive factor; its draws are those of the base, scaled."""

    base: Distribution
    factor: float

    def __post_init__(self) -> None:
        require(0 < self.factor < math.inf, "factor", self.factor, "must be above 0")

    def sample(self, rng: np.random.Generator, n: int) -> FloatArray:
        """Draw n values."""
        return self.factor * self.base.sample(rng, n)

    def ppf(self, u: FloatArray) -> FloatArray:
        """Inverse of the cdf."""
        return self.factor * self.base.ppf(u)

    def cdf(self, x: FloatArray) -> FloatArray:
        """Probability of at most x."""
        return self.base.cdf(np.asarray(x, dtype=np.float64) / self.factor)

    def mean(self) -> float:
        """Expected value."""
        return self.factor * self.base.mean()

    def limited_mean(self, limit: float) -> float:
        """E[min(X, limit)]."""
        return self.factor * self.base.limited_mean(limit / self.factor)


def scaled(distribution: Distribution, factor: float) -> Distribution:
    """The distribution times a factor, as one of the same family where that is as quick.

    Examples
    --------
    >>> round(scaled(LogNormal.from_stats(mean=4000, p95=9000), 0.5).mean(), 6)
    2000.0
    """
    if factor == 1:
        return distribution
    if isinstance(distribution, LogNormal):
        return LogNormal(distribution.mu + math.log(factor), distribution.sigma)
    return Scaled(distribution, factor)
