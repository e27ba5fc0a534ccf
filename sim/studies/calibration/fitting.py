"""The fit: least squares over simulations of the benchmark.

Every evaluation simulates the same requests, so that the sum of squares is smooth but for small
steps where two requests change their order; derivatives are taken over 6 %, well above them. Large
residuals count less. A single start may land 25 % off; so the start's less certain coefficients are
varied, and the best few go some steps, the best of them all the way.

How well each figure is known is a guess at first. The fit shows it, and is gone on with from there,
each figure counting for as much as it says: where times of first tokens repeat within a per cent
they tell of prompts and of the front end ten times what they do where they repeat within ten.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sim.errors import PeakfleetError
from sim.model.streams import Streams
from sim.studies.calibration.certainty import SOFT, concluded, derivatives, weighed
from sim.studies.calibration.problem import Fit, Problem

FloatArray = npt.NDArray[np.float64]

DIFFERENCE = 0.03  # of a logarithm either way, over which derivatives are taken
DAMPINGS = (0.0003, 0.01, 0.1, 0.5, 2.0, 10.0)
ENOUGH = 0.001  # of the sum of squares: less is no progress
MUCH = 0.05  # ... and more is so much that derivatives need not be simulated anew
VARIED = 24  # starts that are looked at
TRIED = 4  # of which go some steps, and the best of them all the way
FIRST_STEPS = 4
MOST_STEPS = 15
LAST_STEPS = 6  # ... once figures are weighed
TINY = 1e-12


@dataclass(frozen=True, slots=True, eq=False)
class Point:
    """A point on the way down: coefficients, the sum of squares, and all residuals."""

    x: FloatArray
    cost: float
    residuals: FloatArray


def fitted(
    problem: Problem, told: Callable[[str], None] = lambda _: None, tried: int = TRIED
) -> Fit:
    """The best law, from several starts."""
    if not any(problem.figures):
        raise PeakfleetError("nothing to fit: no run has a figure with enough requests")
    points = [descended(problem, x, FIRST_STEPS) for x in _starts(problem)[:tried]]
    best = min(points, key=lambda point: point.cost)
    told(f"best of {len(points)} starts: {_typical(problem, best.residuals):.1%} off in the mean")
    fit = fitted_near(problem, best.x, MOST_STEPS)
    off = _typical(fit.problem, fit.problem.residuals(fit.x))
    told(f"fitted: {off:.1%} off in the mean of all figures")
    return fit


def fitted_near(problem: Problem, x: FloatArray, steps: int) -> Fit:
    """The law from a start that is known to be near, with figures weighed as it shows them."""
    near = descended(problem, x, steps).x
    return refitted(weighed(problem, near), near, LAST_STEPS)


def refitted(problem: Problem, x: FloatArray, steps: int) -> Fit:
    """The same with figures weighed as they are, such as by a fit of nearly the same law."""
    point = descended(problem, x, steps)
    return concluded(problem, point.x, point.cost)


def nearby(problem: Problem, x: FloatArray, steps: int) -> FloatArray:
    """Where the descent from a start ends: the law alone, without its errors.

    From a start that is known to be near, such as a fit to nearly the same runs, a few steps do.
    """
    return descended(problem, x, steps).x


def _starts(problem: Problem) -> list[FloatArray]:
    """The start and variations of what is least certain of it, the best first."""
    rng = Streams(0, 0)("calibration/starts")
    spread = 0.5 * problem.prior_sd
    tries = [np.zeros(len(spread))]
    tries += [spread * rng.standard_normal(len(spread)) for _ in range(VARIED - 1)]
    tries = [problem.within(each) for each in tries]
    costs = [_cost(each) for each in problem.residuals_at(tries)]
    return [tries[at] for at in np.argsort(costs, kind="stable")]


def _cost(residuals: FloatArray) -> float:
    """Sum of squares, but of large residuals of their size only (soft L1)."""
    return float((2 * SOFT**2 * (np.sqrt(1 + (residuals / SOFT) ** 2) - 1)).sum())


def descended(problem: Problem, x: FloatArray, steps: int) -> Point:
    """Levenberg and Marquardt's descent, where the best of several dampings is found by trying.

    To simulate many points at once takes little longer than one, and over a sum with small steps
    in it the best of several is a safer guide than the curvature. Derivatives are simulated anew
    where those of the step before, with what it showed of them (Broyden 1965), lead no farther;
    ``steps`` counts how often.
    """
    here = problem.residuals_at([x])[0]
    least, jacobian = _cost(here), derivatives(problem.residuals_at, x, DIFFERENCE)
    fresh, anew = True, 1
    while True:
        points = [problem.within(each) for each in _ahead(jacobian, here, x)]
        found = problem.residuals_at(points)
        costs = [_cost(each) for each in found]
        best = int(np.argmin(costs))
        gained = (least - costs[best]) / max(least, TINY)
        if gained > 0:
            moved_by = points[best] - x
            beyond = found[best] - here - jacobian @ moved_by
            length = max(float(moved_by @ moved_by), TINY)
            jacobian = jacobian + np.outer(beyond, moved_by) / length
            x, here, least = points[best], found[best], costs[best]
        if gained > MUCH:
            fresh = False
            continue
        if anew == steps or (gained < ENOUGH and fresh):
            return Point(x, least, here)
        jacobian, fresh, anew = derivatives(problem.residuals_at, x, DIFFERENCE), True, anew + 1


def _ahead(jacobian: FloatArray, residuals: FloatArray, x: FloatArray) -> list[FloatArray]:
    """Points that the linear model leads to, under several dampings."""
    weight = 1.0 / np.sqrt(1 + (residuals / SOFT) ** 2)
    normal = (jacobian * weight[:, None]).T @ jacobian
    downhill = -(jacobian * weight[:, None]).T @ residuals
    scale = np.diag(np.diag(normal))
    moves = [np.linalg.solve(normal + damping * scale, downhill) for damping in DAMPINGS]
    return [x + np.clip(move, -1.5, 1.5) for move in moves]


def _typical(problem: Problem, residuals: FloatArray) -> float:
    """Mean absolute logarithm over figures."""
    sds = np.array([figure.scale for figure in problem.all_figures])
    return float(np.abs(residuals[: len(sds)] * sds).mean())
