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
        normal = ndtri((ranks - 0.5) / len(values))
        design = np.column_stack([np.ones(len(values)), self.scores])
        slopes = np.linalg.lstsq(design, normal, rcond=None)[0][1:]
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
    design = np.column_stack([np.ones(n), regressors])
    basis, upper = np.linalg.qr(design)
    if np.abs(np.diag(upper)).min() < 1e-9 * n**0.5:  # inputs that always move together
        return None
    coefficients = basis.T @ values
    residuals = values - basis @ coefficients
    leverage = np.minimum(np.square(basis).sum(axis=1), 1.0 - 1e-9)
    deviations = (values - values.mean()) * n / (n - 1)
    if np.square(residuals / (1.0 - leverage)).sum() >= np.square(deviations).sum():
        return None
    weights = np.linalg.solve(upper.T, np.eye(len(coefficients))[0])
    freedom = n - len(coefficients)
    variance = np.square(residuals).sum() / freedom * np.square(weights).sum()
    return Fit(float(weights @ coefficients), float(variance**0.5), freedom)
