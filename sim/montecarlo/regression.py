"""Regressions of figures of the worlds on a constant and some regressors.

By Gram and Schmidt, each column twice, in sums of which NumPy fixes the order: a linear algebra
library gives other last bits on another machine.

Errors are those of worlds left out, for what regressors do not explain is often larger where they
are large, and one far-off world draws the line to itself. Each residual is divided by a power of
1 - leverage that grows with the leverage: the "HC4" of Cribari-Neto (2004), but never less than the
first power, which is the "HC3" of MacKinnon and White (1985).
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]

WHOLE = 1.0 - 1e-9  # leverage of a world that the line is bound to pass through
GREATEST = 2.0  # power of 1 - leverage


@dataclass(frozen=True, slots=True, eq=False)
class Regressors:
    """A constant and some regressors, made orthonormal.

    Attributes
    ----------
    units : (k + 1, n) float64
        Orthonormal columns.
    upper : (k + 1, k + 1) float64
        The triangle that makes constant and regressors of them.
    leverage : (n,) float64
        Of each world.
    weights : (k + 1,) float64
        Those of the columns in the value where all regressors are 0.
    """

    units: FloatArray
    upper: FloatArray
    leverage: FloatArray
    weights: FloatArray

    @classmethod
    def of(cls, columns: FloatArray) -> "Regressors | None":
        """From (n, k) float64; None where a regressor follows from those before it."""
        n, k = columns.shape
        units, upper = np.empty((k + 1, n)), np.zeros((k + 1, k + 1))
        for place in range(k + 1):
            column = columns[:, place - 1] if place else np.ones(n)
            upper[:place, place], rest = _divided(column, units[:place])
            upper[place, place] = np.square(rest).sum() ** 0.5
            if upper[place, place] < 1e-9 * n**0.5:
                return None
            units[place] = rest / upper[place, place]
        leverage = np.minimum(np.square(units).sum(axis=0), WHOLE)
        return cls(units, upper, leverage, _weights_of_constant(upper))

    @property
    def freedom(self) -> int:
        """Degrees of freedom of what they leave."""
        return len(self.leverage) - len(self.upper)

    def line(self, values: FloatArray) -> "Line":
        """The least squares of values: (n,) float64."""
        parts, residuals = _divided(values, self.units)
        return Line(self, parts, residuals)


@dataclass(frozen=True, slots=True, eq=False)
class Line:
    """The least squares of some values.

    Attributes
    ----------
    regressors : Regressors
    parts : (k + 1,) float64
        What the values have of each column.
    residuals : (n,) float64
    """

    regressors: Regressors
    parts: FloatArray
    residuals: FloatArray

    @property
    def slopes(self) -> FloatArray:
        """On each regressor: (k,)."""
        upper, found = self.regressors.upper, np.zeros(len(self.parts))
        for place in reversed(range(len(found))):
            known = (upper[place, place + 1 :] * found[place + 1 :]).sum()
            found[place] = (self.parts[place] - known) / upper[place, place]
        return found[1:]

    @property
    def constant(self) -> float:
        """The value where all regressors are 0."""
        return float((self.regressors.weights * self.parts).sum())

    def left_out(self) -> FloatArray:
        """Error at each world of the regression on all others: (n,) float64."""
        return np.asarray(self.residuals / (1.0 - self.regressors.leverage))

    def influences(self) -> FloatArray:
        """By how much each world moves the constant: (n,) float64.

        Their squares sum to its variance.
        """
        every, leverage = self.regressors, self.regressors.leverage
        power = np.clip(leverage / leverage.mean() / 2.0, 1.0, GREATEST)
        row = (every.weights[:, None] * every.units).sum(axis=0)
        return np.asarray(row * self.residuals / (1.0 - leverage) ** power)


def _weights_of_constant(upper: FloatArray) -> FloatArray:
    weights = np.zeros(len(upper))
    for place in range(len(weights)):
        known = (upper[:place, place] * weights[:place]).sum()
        weights[place] = ((place == 0) - known) / upper[place, place]
    return weights


def _divided(values: FloatArray, units: FloatArray) -> tuple[FloatArray, FloatArray]:
    """What values have of orthonormal columns, and what is left of them."""
    parts, rest = np.zeros(len(units)), values
    for _ in range(2):
        for place, unit in enumerate(units):
            part = np.add.reduce(unit * rest)  # as ``sum``, which asks more questions first
            parts[place] += part
            rest = rest - part * unit
    return parts, rest
