"""How well figures are known, as a fit to them shows, and coefficients with them.

At first a figure is taken to be known as well as repeats of a run agree, at worst (FLOOR of
:mod:`sim.studies.calibration.figures`), and within the spread of its requests. A fit shows more.
Each request beside the same request as simulated says what chance is left in a figure over so many
of them; and what figures are off beyond that, how large the floor really is
(:mod:`sim.studies.calibration.noise`).
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from sim.model.coefficients import STEP_BASE
from sim.model.measured import Ended, RequestLog
from sim.studies.calibration.figures import FEWEST, THROUGHPUT, Figure, chosen
from sim.studies.calibration.noise import chance_of_mean, factors
from sim.studies.calibration.problem import Fit, Problem
from sim.studies.calibration.script import Script

FloatArray = npt.NDArray[np.float64]

SOFT = 2.0  # standard deviations, beyond which a residual counts less
WAITING_SD = 0.5  # of the logarithm of a first token's time where requests wait for a place
APART = 0.01  # of a logarithm, within which entries of a(B) are taken to be pressed together
NARROW = 0.1  # of a logarithm: what hardware allows is not known better than that
WIDE = 0.1  # of a logarithm: as much as an error may be, before more is known of it
LENGTHS = (0.03, 0.7)  # of the prior's: least and most over which derivatives are taken
FARTHER = 3.0  # times as far, at most, to see that a slope is none
SHARED = 0.9  # correlation of the errors of figures of one run that come of one time per token
SIGNS = {"tpot_s": 1.0, "e2e_s": 1.0, THROUGHPUT: -1.0}  # which these are
ROUNDS = 3  # in which derivatives and errors are found from each other
PARTS = ("floor", "chance")


@dataclass(frozen=True, slots=True, eq=False)
class Seen:
    """How well things are known, as a fit shows.

    Attributes
    ----------
    noise : (m,) float64
        Standard deviation of the logarithm of each figure.
    covariance : (n, n) float64
        Of what moves.
    jacobian : (m, n) float64
        Of the figures' residuals by what moves.
    """

    noise: FloatArray
    covariance: FloatArray
    jacobian: FloatArray


def concluded(problem: Problem, x: FloatArray, cost: float) -> Fit:
    """The fit at a point, with its errors."""
    moves = together(problem, x)
    seen = _seen(problem, x, moves)
    covariance = moves @ seen.covariance @ moves.T + np.diag(_alone(problem, x, moves) ** 2)
    jacobian = seen.jacobian @ (moves / moves.sum(axis=0)).T
    return Fit(problem, x, cost, covariance, jacobian)


def weighed(problem: Problem, x: FloatArray) -> Problem:
    """The problem with each figure known as well as a fit shows, which ends at a point."""
    noise = iter(_seen(problem, x, together(problem, x)).noise.tolist())
    figures = tuple(
        tuple(replace(each, seen_sd=next(noise)) for each in of_run) for of_run in problem.figures
    )
    return replace(problem, figures=figures)


def together(problem: Problem, x: FloatArray) -> FloatArray:
    """How the coefficients move when one thing that may be off does: (n, m), n of them.

    Each by itself, but entries of a(B) that the fit has pressed together, since it must not fall,
    as one: moved alone, one of them meets its neighbours, and looks as if nothing told of it.
    """
    base = dict(zip(problem.start.batch, problem.profile(x).step_base_s, strict=True))
    columns: list[list[int]] = []
    last = math.nan  # a(B) of the entry before
    for at, name in enumerate(problem.names):
        key, _, batch = name.partition("@")
        here = base[int(batch)] if key == STEP_BASE else math.nan
        if here <= last * math.exp(APART):  # NaN compares false
            columns[-1].append(at)
        else:
            columns.append([at])
        last = here
    found = np.zeros((len(x), len(columns)))
    for column, entries in enumerate(columns):
        found[entries, column] = 1.0
    return found


def _alone(problem: Problem, x: FloatArray, moves: FloatArray) -> FloatArray:
    """Standard deviation of each coefficient apart from those that it moves with: (n,).

    Of a step with fewer sequences than any run had, only the hardware tells anything.
    """
    fewest = min(each.in_flight for each in problem.scripts) / problem.start.data_parallel_ranks
    batch = [float(name.partition("@")[2] or "inf") for name in problem.names]
    sd = np.where(np.array(batch) < fewest, _own_prior_sd(problem, x), APART)
    return np.where(moves.sum(axis=0)[moves.argmax(axis=1)] > 1, sd, 0.0)


def derivatives(
    residuals: Callable[[Sequence[FloatArray]], list[FloatArray]], x: FloatArray, width: float
) -> FloatArray:
    """By central differences, wide enough that small steps do not matter: (m, n)."""
    moves = np.eye(len(x)) * width
    found = residuals([*(x + moves), *(x - moves)])
    pairs = zip(found[: len(x)], found[len(x) :], strict=True)
    return np.stack([(above - below) / (2 * width) for above, below in pairs], axis=1)


def _with_chance(
    script: Script, figures: Sequence[Figure], simulated: RequestLog
) -> tuple[Figure, ...]:
    """Figures with the chance that is left in them beside a simulation of the same requests."""
    log = script.run.requests
    if log is None or not log.has_times:
        return tuple(figures)
    sent = log.ended != Ended.FAILED
    count = min(int(sent.sum()), len(simulated))
    found = []
    for each in figures:
        if each.metric == THROUGHPUT:
            found.append(each)
            continue
        there = chosen(log, each.settled)[sent][:count] & simulated.completed[:count]
        pair = [which.values(each.metric) for which in (log, simulated)]
        with np.errstate(divide="ignore", invalid="ignore"):
            off = np.log(pair[1][:count] / pair[0][sent][:count])[there]
        off = off[np.isfinite(off)]
        if len(off) < FEWEST:
            found.append(each)
            continue
        chance = chance_of_mean(off) * (2.0 if each.which == 90.0 else 1.0)
        found.append(replace(each, sd=math.hypot(each.floor, chance), chance=chance))
    return tuple(found)


def _seen(problem: Problem, x: FloatArray, moves: FloatArray) -> Seen:
    """How well figures are known, as a fit shows that ends at a point, and with them what moves.

    Derivatives are taken along the directions in which errors go together, by about one standard
    deviation either way, and by three. Of these the one that says least counts: near a wall, such
    as where the front end is just not overrun, the other side would take the wall for a slope, and
    so would the shorter way where a request just misses the step that it caught. What the two sides
    do not agree in is roughness, in standard deviations of the figures like all of these.
    """
    triples = zip(problem.scripts, problem.figures, problem.logs(x), strict=True)
    known = [each for triple in triples for each in _with_chance(*triple)]
    x = problem.point(problem.profile(x))
    here, prior_sd = problem.of_figures([x])[0], _prior_sd(problem, x, moves)
    rough: FloatArray = np.zeros(len(here))

    def moved(points: Sequence[FloatArray]) -> list[FloatArray]:
        return problem.of_figures([x + moves @ each for each in points])

    none = np.zeros(moves.shape[1])
    jacobian = derivatives(moved, none, WIDE)
    sds = np.array([each.scale for each in problem.all_figures])
    for _ in range(ROUNDS):
        noise, covariance = _errors(problem, known, here, jacobian, rough, prior_sd)
        along = _directions(prior_sd, covariance)
        length = np.linalg.norm(along / prior_sd, axis=1)[:, None]
        times = np.clip(LENGTHS[1] / length, 1.0, FARTHER)
        near, far = moved([*along, *-along]), moved([*(times * along), *(-times * along)])
        sides = np.array([*_sides(near, here), *(each / times for each in _sides(far, here))])
        sizes = ((sides * sds / noise) ** 2).sum(axis=2)
        lesser = sides[sizes.argmin(axis=0), np.arange(len(none))]
        jacobian = np.asarray(np.linalg.solve(along, lesser).T)
        rough = np.asarray(np.sqrt((((sides[0] - sides[1]) / 2) ** 2).mean(axis=0)))
    return Seen(*_errors(problem, known, here, jacobian, rough, prior_sd), jacobian)


def _sides(found: Sequence[FloatArray], here: FloatArray) -> tuple[FloatArray, FloatArray]:
    """What moves do forwards, and backwards: (moves, m) each."""
    half = len(found) // 2
    return np.array(found[:half]) - here, here - np.array(found[half:])


def _prior_sd(problem: Problem, x: FloatArray, moves: FloatArray) -> FloatArray:
    """Of what moves, before the data speak: (m,)."""
    return np.asarray((moves.T @ _own_prior_sd(problem, x) ** -2.0) ** -0.5)


def _own_prior_sd(problem: Problem, x: FloatArray) -> FloatArray:
    """Of each coefficient: (n,). A step is quicker than thought by what hardware allows at most."""
    of_step = np.array([name.startswith(STEP_BASE) for name in problem.names])
    room = x - np.array([each.least for each in problem.free])
    return np.where(of_step, np.clip(room, NARROW, problem.prior_sd), problem.prior_sd)


def _directions(prior_sd: FloatArray, covariance: FloatArray) -> FloatArray:
    """Independent directions of error, about one standard deviation long, a row each."""
    values, vectors = np.linalg.eigh(covariance / np.outer(prior_sd, prior_sd))
    lengths = np.clip(np.sqrt(np.maximum(values, 0.0)), *LENGTHS)
    return np.asarray((vectors * lengths).T * prior_sd)


def _errors(
    problem: Problem,
    known: Sequence[Figure],
    misfit: FloatArray,
    jacobian: FloatArray,
    rough: FloatArray,
    prior_sd: FloatArray,
) -> tuple[FloatArray, FloatArray]:
    """The standard deviation of each figure, roughness included, and the covariance of what moves.

    The fit weighs figures by what they may be off at worst; so its errors are those that figures as
    well ``known`` as they are have under these weights (a sandwich: Huber 1967). Misfits,
    derivatives and roughness are in standard deviations of the figures as the problem has them.
    """
    sd = np.array([each.scale for each in problem.all_figures])
    floor, chance = (np.array([getattr(each, name) for each in known]) for name in PARTS)
    chance = np.hypot(chance, rough * sd)
    # A figure far off has been discounted by the loss, and says as much less.
    weight = 1.0 / np.sqrt(1.0 + (misfit / SOFT) ** 2)
    prior = np.diag(prior_sd**-2.0)
    weighed = jacobian * weight[:, None]
    inverse = np.linalg.inv(weighed.T @ jacobian + prior)
    leverage = ((weighed @ inverse) * jacobian).sum(axis=1)
    kinds = [_kind(each) for each in problem.all_figures]
    factor = factors(kinds, misfit * sd, floor, chance, weight, leverage)
    noise = np.hypot(factor * floor, chance)
    off = weighed * (noise / sd)[:, None]
    covariance = inverse @ (off.T @ _correlations(problem) @ off + prior) @ inverse
    return noise, (covariance + covariance.T) / 2


def _correlations(problem: Problem) -> FloatArray:
    """Of the figures' errors: an answer that is late is late in all that is measured of it."""
    figures = problem.all_figures
    run = np.repeat(np.arange(len(problem.figures)), [len(each) for each in problem.figures])
    sign = np.array([SIGNS.get(each.metric, 0.0) for each in figures])
    matrix = SHARED * np.outer(sign, sign) * (run[:, None] == run)
    np.fill_diagonal(matrix, 1.0)
    return np.asarray(matrix)


def _kind(figure: Figure) -> str:
    """Figures of one kind are off by as many of their floors."""
    return "" if figure.sd >= WAITING_SD else figure.metric
