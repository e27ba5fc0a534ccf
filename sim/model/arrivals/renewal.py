"""Gaps between requests in operational time, where their mean is one.

Inter-arrival times of production traffic are burstier than Poisson and fit gamma or Weibull laws
(ServeGen, arXiv 2505.09999). The process is stationary: the gap that spans time 0 is drawn from the
length-biased law, and time 0 falls uniformly within it (the inspection paradox), so that the
expected count in a window is the integral of the rate from the first second on.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import numpy as np

from sim.model import special
from sim.model.distributions.gamma_table import LEAST, MOST, GammaTable
from sim.model.distributions.protocol import FloatArray
from sim.model.distributions.tabulated import EXACT_TO, Tabulated
from sim.model.rule import require, require_finite

Family = Literal["gamma", "weibull", "poisson"]
Sampler = Callable[[float, np.random.Generator, int], FloatArray]
MAX_CV = 50.0  # one-second gaps in the burstiest production trace at hand have 13


@dataclass(frozen=True, slots=True)
class Renewal:
    """Independent gaps of mean 1.

    Attributes
    ----------
    cv : float
        Coefficient of variation: 1 is Poisson whatever the family, 0 is clockwork, more is bursty.
    family : {"gamma", "weibull", "poisson"}
    """

    cv: float = 1.0
    family: Family = "gamma"

    def __post_init__(self) -> None:
        require_finite(burstiness=self.cv)
        require(0 <= self.cv <= MAX_CV, "burstiness", self.cv, f"must be between 0 and {MAX_CV:g}")
        known = self.family in FAMILIES
        require(known, "gap family", self.family, f"must be one of {', '.join(FAMILIES)}")
        poisson = self.family != "poisson" or self.cv == 1
        require(poisson, "burstiness", self.cv, "must be 1 for poisson; take gamma or weibull")

    def sample(self, rng: np.random.Generator, n: int) -> FloatArray:
        """Draw n gaps: (n,) float64, at least 0."""
        return self._law()[0](self.cv, rng, n)

    def around_zero(self, rng: np.random.Generator) -> tuple[float, float]:
        """Distances from time 0 back to the last request before it and on to the first after it."""
        gap = float(self._law()[1](self.cv, rng, 1)[0])
        ahead = gap * float(rng.random())
        return gap - ahead, ahead

    def _law(self) -> tuple[Sampler, Sampler]:
        if self.cv == 0:
            return CLOCKWORK
        return FAMILIES["poisson" if self.cv == 1 else self.family]


def _gamma(cv: float, rng: np.random.Generator, n: int) -> FloatArray:
    shape = 1 / cv**2
    if (law := _tabulated_gamma(shape)) is not None:
        return law.sample(rng, n) * cv**2
    if shape < 1 and (law := _tabulated_gamma(shape + 1)) is not None:
        # Gamma(a + 1) U^(1/a) is Gamma(a) (Stuart 1962)
        return law.sample(rng, n) * rng.random(n) ** (1 / shape) * cv**2
    return rng.standard_gamma(shape, n) * cv**2


def _gamma_biased(cv: float, rng: np.random.Generator, n: int) -> FloatArray:
    return rng.standard_gamma(1 / cv**2 + 1, n) * cv**2  # density x f(x): one more in the shape


def _weibull(cv: float, rng: np.random.Generator, n: int) -> FloatArray:
    shape, scale = weibull_law(cv)
    return rng.standard_exponential(n) ** (1 / shape) * scale


def _weibull_biased(cv: float, rng: np.random.Generator, n: int) -> FloatArray:
    shape, scale = weibull_law(cv)
    # (x / scale)^shape is Exp(1) = Gamma(1) under f, hence Gamma(1 + 1/shape) under x f(x)
    return rng.standard_gamma(1 + 1 / shape, n) ** (1 / shape) * scale


def _exponential(cv: float, rng: np.random.Generator, n: int) -> FloatArray:
    return rng.standard_exponential(n)


def _exponential_biased(cv: float, rng: np.random.Generator, n: int) -> FloatArray:
    return rng.standard_gamma(2.0, n)


def _ones(cv: float, rng: np.random.Generator, n: int) -> FloatArray:
    return np.ones(n)


FAMILIES: dict[str, tuple[Sampler, Sampler]] = {  # gaps, and the gap that spans a given time
    "gamma": (_gamma, _gamma_biased),
    "weibull": (_weibull, _weibull_biased),
    "poisson": (_exponential, _exponential_biased),
}
CLOCKWORK = (_ones, _ones)


@lru_cache(maxsize=64)
def _tabulated_gamma(shape: float) -> Tabulated | None:
    """The gamma law of this shape and scale 1; None if a table of it would not be exact enough."""
    if not LEAST <= shape <= MOST:
        return None
    gamma = GammaTable(shape)
    law = Tabulated(gamma.ppf, gamma.isf, gamma.density, gamma.cdf, gamma.sf)
    return law if law.error <= EXACT_TO else None


@lru_cache(maxsize=256)
def weibull_law(cv: float) -> tuple[float, float]:
    """Shape and scale of the Weibull law of mean 1 and this coefficient of variation."""
    from scipy import optimize  # noqa: PLC0415 (a quarter of a second)

    def excess(log_shape: float) -> float:  # 1 + cv² = Γ(1 + 2/k) / Γ(1 + 1/k)²
        k = math.exp(log_shape)
        return float(special.gammaln(1 + 2 / k) - 2 * special.gammaln(1 + 1 / k)) - target

    target = math.log1p(cv**2)
    shape = math.exp(float(optimize.brentq(excess, math.log(0.05), math.log(1e4), xtol=1e-14)))
    return shape, math.exp(-float(special.gammaln(1 + 1 / shape)))
