"""Probabilities and quantiles of gamma laws, a table of them at a time, without SciPy.

SciPy, which takes a fifth of a second to import, has them for any argument; a table is of some
thousand probabilities of one law. Below its mean a probability is the sum of a series, above it
that of more is a continued fraction (Abramowitz and Stegun 6.5.29 and 6.5.31, by Lentz's rule);
quantiles come of Newton's steps on the logarithms, from the cube of a normal (Wilson and Hilferty
1931) or, in the lower tail, from the series' first term.
"""

import math
from dataclasses import dataclass

import numpy as np

from sim.model.distributions.protocol import FloatArray
from sim.model.normal import ndtri

STEPS = 50  # of Newton; five or six are enough, but in the far tails
CLOSE = 1e-9  # relative, of a step, whose successor would be of the order of its square
ENOUGH = 4e-16  # of a sum, relative: what adds nothing to it
TINY = 1e-300
LEAST, MOST = 0.1, 1e4  # shapes for which this is meant


@dataclass(frozen=True, slots=True)
class GammaTable:
    """The gamma law of a shape from ``LEAST`` to ``MOST``, and scale 1, of (n,) float64."""

    shape: float

    def density(self, x: FloatArray) -> FloatArray:
        """Of values above 0."""
        power = (self.shape - 1.0) * np.log(x) - x - math.lgamma(self.shape)
        return np.asarray(np.exp(power), np.float64)

    def cdf(self, x: FloatArray) -> FloatArray:
        """Probability of at most x."""
        return self._both(x)[0]

    def sf(self, x: FloatArray) -> FloatArray:
        """Probability of more than x."""
        return self._both(x)[1]

    def ppf(self, p: FloatArray) -> FloatArray:
        """The value that is not exceeded with this probability, within (0, 1)."""
        with np.errstate(under="ignore"):
            first = np.exp((np.log(p) + math.lgamma(self.shape + 1.0)) / self.shape)
        begin = np.where(first < 0.1 * self.shape, first, self._cube(_scores(p)))
        return self._solved(p, np.maximum(begin, TINY), upper=False)

    def isf(self, p: FloatArray) -> FloatArray:
        """The value that is exceeded with this probability."""
        return self._solved(p, np.maximum(self._cube(-_scores(p)), TINY), upper=True)

    def _cube(self, z: FloatArray) -> FloatArray:
        """About the value of a normal score; never below a small one."""
        part = 1.0 / (9.0 * self.shape)
        return self.shape * np.maximum(1.0 - part + z * math.sqrt(part), 0.05) ** 3

    def _solved(self, p: FloatArray, x: FloatArray, upper: bool) -> FloatArray:
        """Where the probability of less, or of more, is p; Newton's steps from x on."""
        sign = -1.0 if upper else 1.0
        for _ in range(STEPS):
            found = np.maximum(self._both(x)[int(upper)], TINY)
            slope = np.maximum(x * self.density(x) / found, TINY)
            step = sign * np.log(p / found) / slope
            moved = x * np.exp(np.clip(step, -1.0, 1.0))
            still = np.abs(moved - x) <= CLOSE * x
            x = moved
            if still.all():
                break
        return x

    def _both(self, x: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Probabilities of less and of more."""
        less, more = np.empty_like(x), np.empty_like(x)
        low = x < self.shape + 1.0
        front = x * self.density(x)  # x^a exp(-x) / Γ(a)
        less[low] = front[low] * self._series(x[low])
        more[low] = 1.0 - less[low]
        more[~low] = front[~low] * self._fraction(x[~low])
        less[~low] = 1.0 - more[~low]
        return less, more

    def _series(self, x: FloatArray) -> FloatArray:
        """1 / a + x / a (a + 1) + x² / a (a + 1) (a + 2), and so on."""
        term = np.full_like(x, 1.0 / self.shape)
        total, at = term.copy(), self.shape
        while len(x) and (term > 0.01 * ENOUGH * total).any():
            at += 1.0
            term = term * x / at
            total += term
        return total

    def _fraction(self, x: FloatArray) -> FloatArray:
        """1 / (x + 1 - a - 1 (1 - a) / (x + 3 - a - 2 (2 - a) / (x + 5 - a - …)))."""
        below = x + 1.0 - self.shape
        c, d = np.full_like(x, 1.0 / TINY), 1.0 / below
        total, number = d.copy(), 0
        while len(x):
            number += 1
            part = -number * (number - self.shape)
            below = below + 2.0
            d = 1.0 / _off_zero(part * d + below)
            c = _off_zero(below + part / c)
            total *= d * c
            if (np.abs(d * c - 1.0) <= ENOUGH).all():
                break
        return total


def _scores(p: FloatArray) -> FloatArray:
    """Normal scores, few at a time: only a beginning."""
    knots = np.log(2.0) * np.arange(-40.0, 0.0)
    scores = np.concatenate([ndtri(part) for part in np.array_split(np.exp(knots), 2)])
    return np.asarray(np.interp(np.log(np.minimum(p, 0.5)), knots, scores), np.float64)


def _off_zero(x: FloatArray) -> FloatArray:
    return np.where(np.abs(x) < TINY, TINY, x)
