"""What the uncertain inputs explain of a figure.

Worlds are a Latin hypercube (see :mod:`sim.montecarlo.draws`): what is a sum of functions of single
inputs has nearly the same mean over any of them, so the error of an estimate comes of the rest
alone (Stein 1987; Owen 1992). An interval from the whole spread would be far too wide.

So a figure is regressed on its inputs, whose distributions are known. The estimate is what the
regression says at their true means, and its standard error is that of the residuals. For a quantile
the figure is whether each world lies below it. Whether a regression is of use is judged by its
errors in worlds that are left out, one at a time (PRESS, Allen 1974): inputs that explain nothing
change nothing, and where there are few worlds for each input none is tried.

References
----------
Allen (1974), The relationship between variable selection and data augmentation and a method for
prediction. Lavenberg and Welch (1981), A perspective on the use of control variables to increase
the efficiency of Monte Carlo simulations. Stein (1987) and Owen (1992) as for the draws.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.special import ndtr, ndtri
from scipy.stats import rankdata

from sim.model.uncertain import UncertainInput

FloatArray = npt.NDArray[np.float64]

GRID = 512  # equally likely values of an input, for its moments
WORLDS_EACH = 4  # at least, for every coefficient of a regression
STEEPEST = 0.995  # share of the variance of normal scores that is ascribed to one input at most


@dataclass(frozen=True, slots=True, eq=False)
class Controls:
    """The uncertain inputs of some worlds as control variates.

    Attributes
    ----------
    scores : (worlds, inputs) float64
        Values, less the mean of their distribution, over its standard deviation.
    grid : (GRID, inputs) float64
        The same of equally likely values.
    """

    scores: FloatArray
    grid: FloatArray

    @classmethod
    def of(cls, inputs: Sequence[UncertainInput], draws: Mapping[str, FloatArray]) -> "Controls":
        """The inputs that vary, and are known in every world.

        Parameters
        ----------
        inputs : sequence of UncertainInput
        draws : mapping of str to (worlds,) float64
            Values by path, NaN where unknown.
        """
        likely = (np.arange(GRID) + 0.5) / GRID
        worlds = len(next(iter(draws.values()), ()))
        scores, grids = [np.empty((worlds, 0))], [np.empty((GRID, 0))]
        for each in inputs:
            grid = np.asarray(each.distribution.ppf(likely), np.float64)
            middle, spread = grid.mean(), grid.std()
            if spread > 1e-12 * abs(middle) and np.isfinite(draws[each.path]).all():
                # A rare value beyond the grid must not rule the regression by itself.
                values = np.clip(draws[each.path], grid[0], grid[-1])
                scores.append((values[:, None] - middle) / spread)
                grids.append((grid[:, None] - middle) / spread)
        return cls(np.hstack(scores), np.hstack(grids))

    def __len__(self) -> int:
        return len(self.scores)

    def first(self, worlds: int) -> "Controls":
        """Those of the first worlds."""
        return Controls(self.scores[:worlds], self.grid)

    @property
    def enough(self) -> bool:
        """Whether there are inputs, and worlds enough for a regression."""
        worlds, inputs = self.scores.shape
        return bool(inputs > 0 and worlds >= WORLDS_EACH * (inputs + 1))

    def mean(self, values: FloatArray) -> "Fit | None":
        """Mean of a figure at the true means of the inputs; None if they do not explain it.

        Parameters
        ----------
        values : (worlds,) float64
            All finite.
        """
        return _fit(values, self.scores) if self.enough else None

    def share_below(self, values: FloatArray, p: float) -> "Fit | None":
        """Share of worlds not above the p-quantile of a figure; None if inputs do not explain it.

        None as well where several worlds have that very value, so that the share is not known to be
        about p.

        In a linear model of normal scores the share given one input is a normal distribution
        function of it; these functions, not the inputs, are the regressors, for an input that rules
        makes the share a step.

        Parameters
        ----------
        values : (worlds,) float64
            Not NaN; infinite ones count by their order.
        p : float
        """
        if not self.enough:
            return None
        ranks = rankdata(values)
        below = ranks <= p * len(values) + 0.5
        if below.sum() != rank_of(p, len(values)):
            return None
        line = _Line.through(ndtri((ranks - 0.5) / len(values)), self.scores)
        if line is None:
            return None
        slopes = line.slopes
        rest = np.sqrt(1.0 - np.minimum(slopes**2, STEEPEST))
        level = ndtri(p)
        steps = ndtr((level - slopes * self.scores) / rest)
        known = ndtr((level - slopes * self.grid) / rest).mean(axis=0)
        return _fit(below.astype(np.float64), steps - known)


def rank_of(p: float, n: int) -> int:
    """How many of n different values are not above their p-quantile.

    >>> rank_of(0.5, 24), rank_of(0.5, 25)
    (12, 13)
    """
    return int(p * (n - 1) + 1e-9) + 1


@dataclass(frozen=True, slots=True)
class Fit:
    """An estimate by regression.

    Attributes
    ----------
    mean : float
        At the true means of the regressors.
    error : float
        Its standard error.
    freedom : int
        Degrees of freedom of the error.
    """

    mean: float
    error: float
    freedom: int


def _fit(values: FloatArray, regressors: FloatArray) -> Fit | None:
    """Least squares; None unless it foretells worlds left out better than the mean does.

    Parameters
    ----------
    values : (n,) float64
    regressors : (n, k) float64
        Of known mean 0.
    """
    n = len(values)
    line = _Line.through(values, regressors)
    if line is None:
        return None
    deviations = (values - values.mean()) * n / (n - 1)
    left_out = line.residuals / (1.0 - np.minimum(line.leverage, 1.0 - 1e-9))
    if np.square(left_out).sum() >= np.square(deviations).sum():
        return None
    weights = line.weights_of_constant
    freedom = n - len(weights)
    variance = np.square(line.residuals).sum() / freedom * np.square(weights).sum()
    return Fit(float((weights * line.parts).sum()), float(variance**0.5), freedom)


@dataclass(frozen=True, slots=True, eq=False)
class _Line:
    """A regression on a constant and some regressors.

    By Gram and Schmidt, each column twice, in sums of which NumPy fixes the order: a linear algebra
    library gives other last bits on another machine.

    Attributes
    ----------
    units : (k + 1, n) float64
        Orthonormal columns of the design.
    upper : (k + 1, k + 1) float64
        The triangle that makes the design of them.
    parts : (k + 1,) float64
        What the values have of each.
    residuals : (n,) float64
    """

    units: FloatArray
    upper: FloatArray
    parts: FloatArray
    residuals: FloatArray

    @classmethod
    def through(cls, values: FloatArray, regressors: FloatArray) -> "_Line | None":
        """The least squares; None where a regressor follows from those before it."""
        n, k = regressors.shape
        units, upper = np.empty((k + 1, n)), np.zeros((k + 1, k + 1))
        for place in range(k + 1):
            column = regressors[:, place - 1] if place else np.ones(n)
            upper[:place, place], rest = _divided(column, units[:place])
            upper[place, place] = np.square(rest).sum() ** 0.5
            if upper[place, place] < 1e-9 * n**0.5:
                return None
            units[place] = rest / upper[place, place]
        parts, residuals = _divided(values, units)
        return cls(units, upper, parts, residuals)

    @property
    def leverage(self) -> FloatArray:
        """Of each world: (n,)."""
        return np.asarray(np.square(self.units).sum(axis=0))

    @property
    def slopes(self) -> FloatArray:
        """On each regressor: (k,)."""
        found = np.zeros(len(self.parts))
        for place in reversed(range(len(found))):
            known = (self.upper[place, place + 1 :] * found[place + 1 :]).sum()
            found[place] = (self.parts[place] - known) / self.upper[place, place]
        return found[1:]

    @property
    def weights_of_constant(self) -> FloatArray:
        """Those of the parts in the value where all regressors are 0: (k + 1,)."""
        weights = np.zeros(len(self.parts))
        for place in range(len(weights)):
            known = (self.upper[:place, place] * weights[:place]).sum()
            weights[place] = ((place == 0) - known) / self.upper[place, place]
        return weights


def _divided(values: FloatArray, units: FloatArray) -> tuple[FloatArray, FloatArray]:
    """What values have of orthonormal columns, and what is left of them."""
    parts, rest = np.zeros(len(units)), values
    for _ in range(2):
        for place, unit in enumerate(units):
            part = (unit * rest).sum()
            parts[place] += part
            rest = rest - part * unit
    return parts, rest
