"""Distributions made of values or of other distributions."""

import math
from dataclasses import dataclass, field

import numpy as np

from sim.model.distributions.protocol import Distribution, FloatArray
from sim.model.rule import require


@dataclass(frozen=True, slots=True)
class Empirical:
    """A table of values, each drawn in proportion to its weight.

    Attributes
    ----------
    values : tuple of float
    weights : tuple of float, optional
        At least 0, one per value, not all 0; equal where none are given.
    """

    values: tuple[float, ...]
    weights: tuple[float, ...] = ()
    _points: FloatArray = field(init=False, repr=False, compare=False)  # increasing
    _levels: FloatArray = field(init=False, repr=False, compare=False)  # cdf at the points

    def __post_init__(self) -> None:
        require(len(self.values) > 0, "values", "none", "must be at least one")
        values = np.asarray(self.values, dtype=np.float64)
        weights = _shares(self.weights or (1.0,) * len(values), len(values))
        require(bool(np.isfinite(values).all()), "values", "not finite", "must be finite numbers")
        points, place = np.unique(values, return_inverse=True)
        mass = np.bincount(place, weights=weights, minlength=len(points))
        points, mass = points[mass > 0], mass[mass > 0]
        levels = np.cumsum(mass)
        levels[-1] = 1.0
        object.__setattr__(self, "_points", points)
        object.__setattr__(self, "_levels", levels)

    def sample(self, rng: np.random.Generator, n: int) -> FloatArray:
        """Draw n values."""
        return self._points[np.searchsorted(self._levels, rng.random(n), side="right")]

    def ppf(self, u: FloatArray) -> FloatArray:
        """Smallest value with at least u of the weight at or below it."""
        return self._points[np.searchsorted(self._levels, u, side="left")]

    def cdf(self, x: FloatArray) -> FloatArray:
        """Share of the weight at or below x."""
        below = np.searchsorted(self._points, x, side="right")
        return np.concatenate(([0.0], self._levels))[below]

    def mean(self) -> float:
        """Expected value."""
        return float(self._points @ self._mass())

    def limited_mean(self, limit: float) -> float:
        """E[min(X, limit)]."""
        return float(np.minimum(self._points, limit) @ self._mass())

    def atoms(self) -> tuple[FloatArray, FloatArray]:
        """Values, increasing, and the share of the weight on each."""
        return self._points, self._mass()

    def _mass(self) -> FloatArray:
        return np.diff(self._levels, prepend=0.0)


@dataclass(frozen=True, slots=True)
class Choice(Empirical):
    """A few alternatives with their weights."""


@dataclass(frozen=True, slots=True)
class Mixture:
    """One of several distributions, picked in proportion to its weight for each value anew.

    Attributes
    ----------
    weights : tuple of float
        At least 0, not all 0.
    components : tuple of Distribution
        One per weight.
    """

    weights: tuple[float, ...]
    components: tuple[Distribution, ...]
    _share: FloatArray = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        require(len(self.components) > 0, "components", "none", "must be at least one")
        object.__setattr__(self, "_share", _shares(self.weights, len(self.components)))

    def shares(self) -> FloatArray:
        """Probability of each component."""
        return self._share

    def sample(self, rng: np.random.Generator, n: int) -> FloatArray:
        """Draw n values."""
        bounds = np.cumsum(self._share)
        bounds[-1] = 1.0
        picked = np.searchsorted(bounds, rng.random(n), side="right")
        values = np.empty(n)
        for index, component in enumerate(self.components):
            here = np.flatnonzero(picked == index)
            values[here] = component.sample(rng, len(here))
        return values

    def ppf(self, u: FloatArray) -> FloatArray:
        """Inverse of the cdf, by bisection down to neighbouring floats.

        A quantile of a mixture lies between the least and the greatest of its components'.
        """
        u = np.asarray(u, dtype=np.float64)
        parts = zip(self._share, self.components, strict=True)
        quantiles = np.stack([component.ppf(u) for share, component in parts if share > 0])
        low, high = quantiles.min(axis=0), quantiles.max(axis=0)
        low[u >= 1] = high[u >= 1]  # the support's upper end, finite or not
        done = (u <= 0) | (self.cdf(low) >= u)
        high[done] = low[done]
        while (low < high).any():  # cdf(low) < u <= cdf(high) wherever they differ
            with np.errstate(invalid="ignore"):  # infinite ends are equal, hence not looked at
                middle = low + (high - low) / 2
            inside = (low < middle) & (middle < high)
            if not inside.any():
                break
            reached = self.cdf(middle) >= u
            high = np.where(inside & reached, middle, high)
            low = np.where(inside & ~reached, middle, low)
        return np.asarray(high)

    def cdf(self, x: FloatArray) -> FloatArray:
        """Weighted mean of the components' cdf."""
        parts = [w * c.cdf(x) for w, c in zip(self._share, self.components, strict=True)]
        return np.asarray(sum(parts), dtype=np.float64)

    def mean(self) -> float:
        """Expected value."""
        parts = zip(self._share, self.components, strict=True)
        return float(sum(w * c.mean() for w, c in parts if w > 0))

    def limited_mean(self, limit: float) -> float:
        """E[min(X, limit)]."""
        parts = zip(self._share, self.components, strict=True)
        return float(sum(w * c.limited_mean(limit) for w, c in parts))


@dataclass(frozen=True, slots=True)
class Clipped:
    """Another distribution with values below ``low`` or above ``high`` moved to that limit."""

    base: Distribution
    low: float = -math.inf
    high: float = math.inf

    def __post_init__(self) -> None:
        require(self.low <= self.high, "high", self.high, f"must be at least low ({self.low})")

    def sample(self, rng: np.random.Generator, n: int) -> FloatArray:
        """Draw n values."""
        return np.clip(self.base.sample(rng, n), self.low, self.high)

    def ppf(self, u: FloatArray) -> FloatArray:
        """Inverse of the cdf."""
        return np.clip(self.base.ppf(u), self.low, self.high)

    def cdf(self, x: FloatArray) -> FloatArray:
        """Probability of at most x."""
        x = np.asarray(x, dtype=np.float64)
        return np.where(x < self.low, 0.0, np.where(x >= self.high, 1.0, self.base.cdf(x)))

    def mean(self) -> float:
        """Expected value."""
        top = self.base.mean() if self.high == math.inf else self.base.limited_mean(self.high)
        if self.low == -math.inf:
            return top
        return self.low + top - self.base.limited_mean(self.low)

    def limited_mean(self, limit: float) -> float:
        """E[min(X, limit)]."""
        if limit <= self.low:
            return limit
        return Clipped(self.base, self.low, min(self.high, limit)).mean()


def _shares(weights: tuple[float, ...], n: int) -> FloatArray:
    """Weights scaled to a sum of 1: (n,) float64."""
    require(len(weights) == n, "weights", f"{len(weights)} of them", f"must be {n}")
    share = np.asarray(weights, dtype=np.float64)
    require(bool(np.isfinite(share).all()), "weights", "not finite", "must be finite numbers")
    require(bool((share >= 0).all()), "weight", share.min(), "must be at least 0")
    total = float(share.sum())
    require(total > 0, "weights", "all 0", "must not all be 0")
    return np.asarray(share / total)
