"""Distributions of numbers that nobody knows and of numbers that vary.

Each is a frozen dataclass with ``sample`` (fast, from a NumPy generator), ``ppf`` (exact, for
quasi-random points), ``cdf``, ``mean`` and ``limited_mean``. Those that people know by a mean or by
percentiles are also built from them: ``LogNormal.from_stats(mean=4000, p95=9000)``.
"""

from sim.model.distributions.atoms import atoms
from sim.model.distributions.combined import Choice, Clipped, Empirical, Mixture
from sim.model.distributions.known import Gamma, LogNormal, Normal, interval
from sim.model.distributions.plain import (
    Beta,
    Constant,
    Exponential,
    Pareto,
    Triangular,
    Uniform,
)
from sim.model.distributions.protocol import Distribution, FloatArray

__all__ = [
    "Beta",
    "Choice",
    "Clipped",
    "Constant",
    "Distribution",
    "Empirical",
    "Exponential",
    "FloatArray",
    "Gamma",
    "LogNormal",
    "Mixture",
    "Normal",
    "Pareto",
    "Triangular",
    "Uniform",
    "atoms",
    "interval",
]
