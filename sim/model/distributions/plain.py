"""Distributions given by their natural parameters."""

import math
from dataclasses import dataclass

import numpy as np

from sim.model import special
from sim.model.distributions.protocol import FloatArray
from sim.model.rule import require, require_finite


@dataclass(frozen=True, slots=True)
class Constant:
    """Always the same value."""

    value: float

    def __post_init__(self) -> None:
        require_finite(value=self.value)

    def sample(self, rng: np.random.Generator, n: int) -> FloatArray:
        """Repeat the value n times; takes nothing from ``rng``."""
        return np.full(n, float(self.value))

    def ppf(self, u: FloatArray) -> FloatArray:
        """The value, whatever u."""
        return np.full(np.shape(u), float(self.value))

    def cdf(self, x: FloatArray) -> FloatArray:
        """A step at the value."""
        return np.asarray(np.asarray(x) >= self.value, dtype=np.float64)

    def mean(self) -> float:
        """The value."""
        return float(self.value)

    def limited_mean(self, limit: float) -> float:
        """min(value, limit)."""
        return min(float(self.value), limit)


@dataclass(frozen=True, slots=True)
class Uniform:
    """Every value between ``low`` and ``high`` equally likely."""

    low: float
    high: float

    def __post_init__(self) -> None:
        require_finite(low=self.low, high=self.high)
        require(self.high > self.low, "high", self.high, f"must be above low ({self.low})")

    def sample(self, rng: np.random.Generator, n: int) -> FloatArray:
        """Draw n values."""
        return rng.uniform(self.low, self.high, n)

    def ppf(self, u: FloatArray) -> FloatArray:
        """Inverse of the cdf."""
        return self.low + (self.high - self.low) * np.asarray(u)

    def cdf(self, x: FloatArray) -> FloatArray:
        """Probability of at most x."""
        return np.clip((np.asarray(x) - self.low) / (self.high - self.low), 0.0, 1.0)

    def mean(self) -> float:
        """Expected value."""
        return (self.low + self.high) / 2

    def limited_mean(self, limit: float) -> float:
        """E[min(X, limit)]."""
        inside = min(max(limit, self.low), self.high)
        missed = (self.high - inside) ** 2 / (2 * (self.high - self.low))  # E[(X - limit)+]
        return limit if limit <= self.low else self.mean() - missed


@dataclass(frozen=True, slots=True)
class Triangular:
    """Between ``low`` and ``high``, most likely ``mode``, with a density of straight lines."""

    low: float
    mode: float
    high: float

    def __post_init__(self) -> None:
        require_finite(low=self.low, mode=self.mode, high=self.high)
        require(self.high > self.low, "high", self.high, f"must be above low ({self.low})")
        inside = self.low <= self.mode <= self.high
        require(inside, "mode", self.mode, f"must be between {self.low} and {self.high}")

    def sample(self, rng: np.random.Generator, n: int) -> FloatArray:
        """Draw n values."""
        return rng.triangular(self.low, self.mode, self.high, n)

    def ppf(self, u: FloatArray) -> FloatArray:
        """Inverse of the cdf."""
        u = np.asarray(u, dtype=np.float64)
        width, rise, fall = self._widths()
        left = self.low + np.sqrt(u * width * rise)
        right = self.high - np.sqrt((1 - u) * width * fall)
        return np.where(u * width <= rise, left, right)

    def cdf(self, x: FloatArray) -> FloatArray:
        """Probability of at most x."""
        x = np.clip(np.asarray(x, dtype=np.float64), self.low, self.high)
        width, rise, fall = self._widths()
        # A side of width zero is never looked at, but np.where evaluates both.
        left = (x - self.low) ** 2 / (width * (rise or 1.0))
        right = 1 - (self.high - x) ** 2 / (width * (fall or 1.0))
        return np.where(x < self.mode, left, right)

    def mean(self) -> float:
        """Expected value."""
        return (self.low + self.mode + self.high) / 3

    def limited_mean(self, limit: float) -> float:
        """E[min(X, limit)]."""
        if limit <= self.low:
            return limit
        width, rise, fall = self._widths()
        if limit < self.mode:
            return limit - (limit - self.low) ** 3 / (3 * width * rise)  # limit - integral of cdf
        above = max(self.high - limit, 0.0)
        return self.mean() - (above**3 / (3 * width * fall) if above > 0 else 0.0)

    def _widths(self) -> tuple[float, float, float]:
        return self.high - self.low, self.mode - self.low, self.high - self.mode


@dataclass(frozen=True, slots=True)
class Beta:
    """A share between 0 and 1."""

    a: float
    b: float

    def __post_init__(self) -> None:
        require_finite(a=self.a, b=self.b)
        require(self.a > 0, "a", self.a, "must be above 0")
        require(self.b > 0, "b", self.b, "must be above 0")

    @classmethod
    def from_mean_sd(cls, mean: float, sd: float) -> "Beta":
        """Beta with this mean and standard deviation."""
        require_finite(mean=mean, sd=sd)
        require(0 < mean < 1, "mean", mean, "must be between 0 and 1, both excluded")
        most = math.sqrt(mean * (1 - mean))
        rule = (
            f"must be above 0 and below {most:.6g}, the most that a share of mean {mean} can have"
        )
        require(0 < sd < most, "sd", sd, rule)
        total = mean * (1 - mean) / sd**2 - 1
        return cls(mean * total, (1 - mean) * total)

    def sample(self, rng: np.random.Generator, n: int) -> FloatArray:
        """Draw n values."""
        return rng.beta(self.a, self.b, n)

    def ppf(self, u: FloatArray) -> FloatArray:
        """Inverse of the cdf."""
        return np.asarray(special.betaincinv(self.a, self.b, u), dtype=np.float64)

    def cdf(self, x: FloatArray) -> FloatArray:
        """Probability of at most x."""
        return np.asarray(special.betainc(self.a, self.b, np.clip(x, 0.0, 1.0)), dtype=np.float64)

    def mean(self) -> float:
        """Expected value."""
        return self.a / (self.a + self.b)

    def limited_mean(self, limit: float) -> float:
        """E[min(X, limit)]."""
        if limit <= 0:
            return limit
        x = min(limit, 1.0)
        below = self.mean() * float(special.betainc(self.a + 1, self.b, x))
        return below + limit * (1 - float(special.betainc(self.a, self.b, x)))


@dataclass(frozen=True, slots=True)
class Exponential:
    """Memoryless, with mean ``mean_``."""

    mean_: float

    def __post_init__(self) -> None:
        require_finite(mean=self.mean_)
        require(self.mean_ > 0, "mean", self.mean_, "must be above 0")

    def sample(self, rng: np.random.Generator, n: int) -> FloatArray:
        """Draw n values."""
        return rng.standard_exponential(n) * self.mean_

    def ppf(self, u: FloatArray) -> FloatArray:
        """Inverse of the cdf."""
        with np.errstate(divide="ignore"):  # ppf(1) is infinite
            return -self.mean_ * np.log1p(-np.asarray(u, dtype=np.float64))

    def cdf(self, x: FloatArray) -> FloatArray:
        """Probability of at most x."""
        return -np.expm1(-np.maximum(x, 0.0) / self.mean_)

    def mean(self) -> float:
        """Expected value."""
        return self.mean_

    def limited_mean(self, limit: float) -> float:
        """E[min(X, limit)]."""
        return limit if limit <= 0 else -self.mean_ * math.expm1(-limit / self.mean_)


@dataclass(frozen=True, slots=True)
class Pareto:
    """A power tail: P(X > x) = (minimum / x)^alpha from ``minimum`` on."""

    minimum: float
    alpha: float

    def __post_init__(self) -> None:
        require_finite(minimum=self.minimum, alpha=self.alpha)
        require(self.minimum > 0, "minimum", self.minimum, "must be above 0")
        require(self.alpha > 0, "alpha", self.alpha, "must be above 0")

    @classmethod
    def from_minimum_mean(cls, minimum: float, mean: float) -> "Pareto":
        """Pareto with this mean: alpha = mean / (mean - minimum)."""
        require_finite(minimum=minimum, mean=mean)
        require(mean > minimum, "mean", mean, f"must be above the minimum ({minimum})")
        return cls(minimum, mean / (mean - minimum))

    def sample(self, rng: np.random.Generator, n: int) -> FloatArray:
        """Draw n values."""
        return (rng.pareto(self.alpha, n) + 1.0) * self.minimum

    def ppf(self, u: FloatArray) -> FloatArray:
        """Inverse of the cdf."""
        with np.errstate(divide="ignore"):  # ppf(1) is infinite
            return self.minimum * (1 - np.asarray(u, dtype=np.float64)) ** (-1 / self.alpha)

    def cdf(self, x: FloatArray) -> FloatArray:
        """Probability of at most x."""
        return 1 - (self.minimum / np.maximum(x, self.minimum)) ** self.alpha

    def mean(self) -> float:
        """Expected value; infinite for an alpha of at most 1."""
        return self.minimum * self.alpha / (self.alpha - 1) if self.alpha > 1 else math.inf

    def limited_mean(self, limit: float) -> float:
        """E[min(X, limit)]."""
        ratio = limit / self.minimum
        if ratio <= 1:
            return limit
        if self.alpha == 1:
            return self.minimum * (1 + math.log(ratio))
        return self.minimum * (self.alpha - math.pow(ratio, 1 - self.alpha)) / (self.alpha - 1)
