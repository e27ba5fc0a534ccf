"""The fit: least squares over simulations of the benchmark.

Coefficients are fitted as logarithms of what they are relative to a start, so that none turns
negative. What is minimised is the sum of squares of

- log(simulated / measured) of each figure, in standard deviations, large ones counting less,
- each coefficient's distance from its start, in standard deviations of the prior (a factor of
  e^0.7 to e^1.5 either way): where the data say something, this says nothing,
- how far a(B) falls and how much it bends, and, for a mixture of experts, where it bends upwards.

Every evaluation simulates the same requests, so that the sum is smooth but for small steps where
two requests change their order; derivatives are taken over 6 %, well above them. A single start may
land 25 % off; so the start's less certain coefficients are varied, and the best few go all the way.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sim.errors import PeakfleetError
from sim.model.coefficients import moved
from sim.model.measured import RequestLog
from sim.model.profile import ServiceProfile
from sim.model.streams import Streams
from sim.studies.calibration.figures import Figure
from sim.studies.calibration.replay import replays
from sim.studies.calibration.script import Script

FloatArray = npt.NDArray[np.float64]

DIFFERENCE = 0.03  # of a logarithm either way, over which derivatives are taken
WIDE = 0.1  # the same for what is said of errors
DAMPINGS = (0.0003, 0.01, 0.1, 0.5, 2.0, 10.0)
ENOUGH = 0.001  # of the sum of squares: less is no progress
SOFT = 2.0  # standard deviations, beyond which a residual counts less
VARIED = 24  # starts that are looked at
TRIED = 4  # of which go some steps, and the best of them all the way
FIRST_STEPS = 4
MOST_STEPS = 15
TOGETHER = 16  # points simulated on one clock
FARTHEST = 5.0  # of a logarithm from the start
FALLING = 0.01  # a(B) may fall by so much before it costs as much as one standard deviation
BENDING = 0.15  # by how much of itself a(B) may leave the straight line between its neighbours
MISSING = 3.0  # residual of a figure that the simulation does not have: nobody was served


@dataclass(frozen=True, slots=True)
class Free:
    """A coefficient to be fitted.

    Attributes
    ----------
    name : str
        See :mod:`sim.model.coefficients`.
    prior_sd : float
        Of its logarithm, about the start.
    """

    name: str
    prior_sd: float


@dataclass(frozen=True, eq=False)
class Problem:
    """A law to be fitted to runs.

    Attributes
    ----------
    start : ServiceProfile
    free : tuple of Free
    scripts : tuple of Script
    figures : tuple of tuple of Figure
        Of each run.
    concave : bool
        Whether a(B) must not become steeper.
    """

    start: ServiceProfile
    free: tuple[Free, ...]
    scripts: tuple[Script, ...]
    figures: tuple[tuple[Figure, ...], ...]
    concave: bool = False

    @property
    def names(self) -> list[str]:
        """Of the coefficients, in order."""
        return [each.name for each in self.free]

    def profile(self, x: FloatArray) -> ServiceProfile:
        """The law with logarithms of coefficients x from the start: (n,)."""
        return moved(self.start, self.names, x.tolist())

    def residuals(self, x: FloatArray) -> FloatArray:
        """Of figures, then of the prior, then of the form of a(B)."""
        return self.residuals_at([x])[0]

    def residuals_at(self, points: Sequence[FloatArray]) -> list[FloatArray]:
        """The same at several points, simulated together."""
        pairs = zip(points, self.of_figures(points), strict=True)
        return [np.concatenate([of, self._of_prior(x), self._of_form(x)]) for x, of in pairs]

    def of_figures(self, points: Sequence[FloatArray]) -> list[FloatArray]:
        """Log(simulated / measured) in standard deviations."""
        found, profiles = [], [self.profile(x) for x in points]
        for begin in range(0, len(points), TOGETHER):
            some = profiles[begin : begin + TOGETHER]
            logs = iter(replays([(each, script) for each in some for script in self.scripts]))
            found += [self._misfits(logs) for _ in some]
        return found

    def _misfits(self, logs: Iterator[RequestLog]) -> FloatArray:
        pairs = zip(self.figures, logs, strict=False)  # the logs of other points follow
        misfits = [_residual(each, each.of(log)) for figures, log in pairs for each in figures]
        return np.array(misfits)

    def _of_prior(self, x: FloatArray) -> FloatArray:
        return np.asarray(x / np.array([each.prior_sd for each in self.free]))

    def _of_form(self, x: FloatArray) -> FloatArray:
        names, batch = self.names, self.start.batch
        base = np.array(self.start.step_base_s)
        for at, each in enumerate(batch):
            if (name := f"step_base_ms@{each}") in names:
                base[at] *= math.exp(x[names.index(name)])
        falls = np.maximum(-np.diff(np.log(base)), 0.0) / FALLING
        if len(base) < 3:
            return np.asarray(falls)
        wide = np.diff(batch)
        slopes = np.diff(base) / wide
        bends = np.diff(slopes) * np.minimum(wide[1:], wide[:-1]) / base[1:-1]
        upwards = np.maximum(bends, 0.0) / FALLING if self.concave else np.zeros(0)
        return np.concatenate([falls, bends / BENDING, upwards])


@dataclass(frozen=True, slots=True, eq=False)
class Point:
    """A point on the way down: coefficients, the sum of squares, and all residuals."""

    x: FloatArray
    cost: float
    residuals: FloatArray


@dataclass(frozen=True, slots=True, eq=False)
class Fit:
    """A fitted law.

    Attributes
    ----------
    problem : Problem
    x : (n,) float64
        Logarithms of coefficients from the start.
    cost : float
    covariance : (n, n) float64
        Of the logarithms.
    jacobian : (m, n) float64
        Of the figures' residuals.
    """

    problem: Problem
    x: FloatArray
    cost: float
    covariance: FloatArray
    jacobian: FloatArray

    @property
    def profile(self) -> ServiceProfile:
        """The law."""
        return self.problem.profile(self.x)


def fitted(
    problem: Problem, told: Callable[[str], None] = lambda _: None, tried: int = TRIED
) -> Fit:
    """The best law, from several starts."""
    if not any(problem.figures):
        raise PeakfleetError("nothing to fit: no run has a figure with enough requests")
    points = [_descended(problem, x, FIRST_STEPS) for x in _starts(problem)[:tried]]
    best = min(points, key=lambda point: point.cost)
    told(f"best of {len(points)} starts: {_typical(problem, best.residuals):.1%} off in the mean")
    best = _descended(problem, best.x, MOST_STEPS)
    told(f"fitted: {_typical(problem, best.residuals):.1%} off in the mean of all figures")
    return _concluded(problem, best)


def refitted(problem: Problem, x: FloatArray, steps: int = 4) -> Fit:
    """The law from a start that is known to be near, such as a fit to nearly the same runs."""
    return _concluded(problem, _descended(problem, x, steps))


def _starts(problem: Problem) -> list[FloatArray]:
    """The start and variations of what is least certain of it, the best first."""
    rng = Streams(0, 0)("calibration/starts")
    spread = np.array([0.5 * each.prior_sd for each in problem.free])
    tries = [np.zeros(len(spread))]
    tries += [spread * rng.standard_normal(len(spread)) for _ in range(VARIED - 1)]
    costs = [_cost(each) for each in problem.residuals_at(tries)]
    return [tries[at] for at in np.argsort(costs, kind="stable")]


def _cost(residuals: FloatArray) -> float:
    """Sum of squares, but of large residuals of their size only (soft L1)."""
    return float((2 * SOFT**2 * (np.sqrt(1 + (residuals / SOFT) ** 2) - 1)).sum())


def _descended(problem: Problem, x: FloatArray, steps: int) -> Point:
    """Levenberg and Marquardt's descent, where the best of several dampings is found by trying.

    To simulate many points at once takes little longer than one, and over a sum with small steps
    in it the best of several is a safer guide than the curvature.
    """
    here = problem.residuals_at([x])[0]
    least = _cost(here)
    for _ in range(steps):
        jacobian = _jacobian(problem.residuals_at, x)
        points = _ahead(jacobian, here, x)
        found = problem.residuals_at(points)
        costs = [_cost(each) for each in found]
        best = int(np.argmin(costs))
        gained = least - costs[best]
        if gained > 0:
            x, here, least = points[best], found[best], costs[best]
        if gained < ENOUGH * least:
            break
    return Point(x, least, here)


def _ahead(jacobian: FloatArray, residuals: FloatArray, x: FloatArray) -> list[FloatArray]:
    """Points that the linear model leads to, under several dampings."""
    weight = 1.0 / np.sqrt(1 + (residuals / SOFT) ** 2)
    normal = (jacobian * weight[:, None]).T @ jacobian
    downhill = -(jacobian * weight[:, None]).T @ residuals
    scale = np.diag(np.diag(normal))
    moves = [np.linalg.solve(normal + damping * scale, downhill) for damping in DAMPINGS]
    return [np.clip(x + np.clip(move, -1.5, 1.5), -FARTHEST, FARTHEST) for move in moves]


def _jacobian(
    residuals: Callable[[Sequence[FloatArray]], list[FloatArray]], x: FloatArray
) -> FloatArray:
    """By central differences, wide enough that steps in the sum do not matter."""
    moves = np.eye(len(x)) * DIFFERENCE
    found = residuals([*(x + moves), *(x - moves)])
    pairs = zip(found[: len(x)], found[len(x) :], strict=True)
    return np.stack([(above - below) / (2 * DIFFERENCE) for above, below in pairs], axis=1)


def _concluded(problem: Problem, point: Point) -> Fit:
    x = point.x
    misfit, jacobian = _told(problem, x)
    # A figure far off has been discounted by the loss, and says as much less.
    weight = 1.0 / np.sqrt(1.0 + (misfit / SOFT) ** 2)
    told = jacobian * np.sqrt(weight)[:, None]
    prior = np.diag([1.0 / each.prior_sd**2 for each in problem.free])
    free = max(len(misfit) - len(x), 1)
    # Where the law explains less than the figures' noise allows, all errors are wider.
    scale = max(1.0, float((weight * misfit**2).sum()) / free)
    covariance = np.linalg.inv(told.T @ told / scale + prior)
    return Fit(problem, x, point.cost, (covariance + covariance.T) / 2, jacobian)


def _told(problem: Problem, x: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Residuals of figures, and their derivatives over so much as an error may be.

    Of the two sides that which says less: near a wall, such as where the front end is just not
    overrun, the other would take the wall for a slope.
    """
    moves = np.eye(len(x)) * WIDE
    here, *found = problem.of_figures([x, *(x + moves), *(x - moves)])
    columns = []
    for above, below in zip(found[: len(x)], found[len(x) :], strict=True):
        sides = ((above - here) / WIDE, (here - below) / WIDE)
        columns.append(min(sides, key=lambda side: float((side**2).sum())))
    return here, np.stack(columns, axis=1)


def _residual(figure: Figure, simulated: float) -> float:
    if not (math.isfinite(simulated) and simulated > 0):
        return MISSING / figure.sd * 0.1
    return math.log(simulated / figure.value) / figure.sd


def _typical(problem: Problem, residuals: FloatArray) -> float:
    """Mean absolute logarithm over figures."""
    sds = np.array([figure.sd for figures in problem.figures for figure in figures])
    return float(np.abs(residuals[: len(sds)] * sds).mean())
