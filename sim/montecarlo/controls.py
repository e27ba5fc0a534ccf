"""What the uncertain inputs explain of a figure.

Worlds are a Latin hypercube (see :mod:`sim.montecarlo.draws`): what is a sum of functions of single
inputs has nearly the same mean over any of them, so the error of an estimate comes of the rest
alone (Stein 1987; Owen 1992). An interval from the whole spread would be far too wide.

So a figure is regressed on its inputs, whose means are known exactly, from the formulas of their
distributions; and on the products of two of them as well, for a cost is volume times price, and
inputs are independent. The estimate is what the regression says at these means, with the errors of
:mod:`sim.montecarlo.regression`. For a quantile the figure is whether each world lies below it.
Which regression is of use is judged by its errors in worlds that are left out, one at a time
(PRESS, Allen 1974): inputs that explain nothing change nothing, and where there are few worlds for
each coefficient none is tried. A choice that few worlds differ in is left aside too.

References
----------
Allen (1974), The relationship between variable selection and data augmentation and a method for
prediction. Lavenberg and Welch (1981), A perspective on the use of control variables to increase
the efficiency of Monte Carlo simulations. Stein (1987) and Owen (1992) as for the draws.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np
import numpy.typing as npt

from sim.model.special import ndtr, ndtri
from sim.model.uncertain import UncertainInput
from sim.montecarlo.normal_scores import NormalScores
from sim.montecarlo.regression import Regressors
from sim.montecarlo.undrawn import Undrawn, undrawn

FloatArray = npt.NDArray[np.float64]

WORLDS_EACH = 4  # at least, for every coefficient of a regression
MOST_COEFFICIENTS = 60  # with products; more take long and explain little more
FEWEST_ASIDE = 8  # worlds in which an input has another than its commonest value
STEEPEST = 0.995  # share of the variance of normal scores that is ascribed to one input at most


@dataclass(frozen=True, eq=False)
class Controls:
    """The uncertain inputs of some worlds as control variates.

    Attributes
    ----------
    scores : (worlds, inputs) float64
        Values, less the exact mean of their distribution, over their spread.
    normal : tuple of NormalScores
        One per input.
    drawn : tuple of (UncertainInput, (worlds,) float64)
        Every input with its draws, whether or not it serves as a control.
    """

    scores: FloatArray
    normal: tuple[NormalScores, ...]
    drawn: tuple[tuple[UncertainInput, FloatArray], ...] = ()

    @classmethod
    def of(cls, inputs: Sequence[UncertainInput], draws: Mapping[str, FloatArray]) -> "Controls":
        """The inputs that vary, have a mean, and are known in every world.

        Parameters
        ----------
        inputs : sequence of UncertainInput
        draws : mapping of str to (worlds,) float64
            Values by path, NaN where unknown.
        """
        worlds = len(next(iter(draws.values()), ()))
        scores, normal = [np.empty((worlds, 0))], []
        for each in inputs:
            values, mean = draws[each.path], each.distribution.mean()
            if not (math.isfinite(mean) and np.isfinite(values).all()):
                continue
            spread = float(np.std(values)) if worlds else 0.0
            if spread > 1e-12 * abs(mean) and _varied(values):
                scores.append((values[:, None] - mean) / spread)
                normal.append(NormalScores.of(each.distribution, values))
        drawn = tuple((each, draws[each.path]) for each in inputs)
        return cls(np.hstack(scores), tuple(normal), drawn)

    def __len__(self) -> int:
        return len(self.scores)

    def first(self, worlds: int) -> "Controls":
        """Those of the first worlds."""
        return Controls(
            self.scores[:worlds],
            tuple(each.first(worlds) for each in self.normal),
            tuple((each, values[:worlds]) for each, values in self.drawn),
        )

    @cached_property
    def undrawn(self) -> tuple[Undrawn, ...]:
        """Rare branches of the inputs that are in none of the worlds, for which no mean holds."""
        found = (undrawn([each], {each.path: values}) for each, values in self.drawn)
        return tuple(dict.fromkeys(branch for those in found for branch in those))

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
        fits = [_fit(values, each) for each in self._regressors]
        return min((fit for fit in fits if fit), key=lambda fit: fit.missed, default=None)

    @cached_property
    def _regressors(self) -> list[Regressors]:
        """The inputs; the inputs and the products of each two: so far as worlds are enough."""
        worlds, inputs = self.scores.shape
        products = [
            self.scores[:, [i]] * self.scores[:, [j]] for i in range(inputs) for j in range(i)
        ]
        most = min(worlds // WORLDS_EACH, MOST_COEFFICIENTS)
        found = []
        if self.enough:
            found.append(Regressors.of(self.scores))
        if products and 1 + inputs + len(products) <= most:
            found.append(Regressors.of(np.hstack([self.scores, *products])))
        return [each for each in found if each]

    @cached_property
    def _of_normal_scores(self) -> Regressors | None:
        """Those that are the same for every figure."""
        return Regressors.of(np.column_stack([each.scores for each in self.normal]))

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
        ranks = _mean_ranks(values)
        below = ranks <= p * len(values) + 0.5
        if below.sum() != rank_of(p, len(values)):
            return None
        if self._of_normal_scores is None:
            return None
        line = self._of_normal_scores.line(ndtri((ranks - 0.5) / len(values)))
        steps = [
            _centred_step(each, float(slope), p)
            for each, slope in zip(self.normal, line.slopes, strict=True)
        ]
        shares = Regressors.of(np.column_stack(steps))
        return _fit(below.astype(np.float64), shares) if shares else None


def rank_of(p: float, n: int) -> int:
    """How many of n different values are not above their p-quantile.

    >>> rank_of(0.5, 24), rank_of(0.5, 25)
    (12, 13)
    """
    return int(p * (n - 1) + 1e-9) + 1


@dataclass(frozen=True, slots=True, eq=False)
class Fit:
    """An estimate by regression.

    Attributes
    ----------
    mean : float
        At the true means of the regressors.
    influences : (worlds,) float64
        By how much each world moves it; their squares sum to its variance.
    freedom : int
        Degrees of freedom of the error.
    missed : float
        Sum of the squares of the errors in worlds left out.
    """

    mean: float
    influences: FloatArray
    freedom: int
    missed: float

    @property
    def error(self) -> float:
        """Standard error."""
        return float(np.square(self.influences).sum() ** 0.5)


@lru_cache(maxsize=64)
def _level(p: float) -> float:
    """The normal score of a probability: two are asked for, hundreds of times."""
    return float(ndtri(p))


def _centred_step(scores: NormalScores, slope: float, p: float) -> FloatArray:
    """Share below a p-quantile given one input, less its mean: (worlds,) float64.

    If the input has a normal score Z, its mean E[ndtr((level - slope Z) / rest)] is p.
    """
    rest = (1.0 - min(slope**2, STEEPEST)) ** 0.5
    scale = (rest**2 + slope**2) ** 0.5  # 1 but for a slope that was cut
    level = _level(p) * scale

    def share(z: FloatArray) -> FloatArray:
        return np.asarray(ndtr((level - slope * z) / rest))

    return share(scores.scores) - scores.mean_of(share, p)


def _fit(values: FloatArray, regressors: Regressors) -> Fit | None:
    """Least squares; None unless it foretells worlds left out better than the mean does.

    Parameters
    ----------
    values : (n,) float64
    regressors : Regressors
        Of known mean 0.
    """
    n = len(values)
    line = regressors.line(values)
    missed = float(np.square(line.left_out()).sum())
    if missed >= np.square((values - values.mean()) * n / (n - 1)).sum():
        return None
    return Fit(line.constant, line.influences(), regressors.freedom, missed)


def _mean_ranks(values: FloatArray) -> FloatArray:
    """Ranks from 1, equal values at the mean of theirs.

    >>> _mean_ranks(np.array([3.0, 1.0, 3.0])).tolist()
    [2.5, 1.0, 2.5]
    """
    _, places, counts = np.unique(values, return_inverse=True, return_counts=True)
    ranks: FloatArray = np.cumsum(counts) - (counts - 1) / 2.0
    return ranks[places]


def _varied(values: FloatArray) -> bool:
    """Whether enough worlds have another value than the commonest: (n,) float64."""
    counts = np.unique(values, return_counts=True)[1]
    return bool(len(values) - counts.max() >= min(FEWEST_ASIDE, len(values) // 2))
