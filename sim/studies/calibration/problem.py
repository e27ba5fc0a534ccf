"""What is fitted: a law with free coefficients, to figures of simulated benchmarks.

Coefficients are logarithms of what they are relative to a start, so that none turns negative. What
is to be small is the sum of squares of

- log(simulated / measured) of each figure, in standard deviations,
- each coefficient's distance from its start, in standard deviations of the prior (a factor of
  e^0.7 to e^1.5 either way): where the data say something, this says nothing,
- how far a(B) falls and how much it bends, and, for a mixture of experts, where it bends upwards.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from sim.model.coefficients import moved, value_of
from sim.model.measured import RequestLog
from sim.model.profile import ServiceProfile
from sim.studies.calibration.figures import Figure, values_of
from sim.studies.calibration.replay import replays
from sim.studies.calibration.script import Script

FloatArray = npt.NDArray[np.float64]

TOGETHER = 16  # points simulated on one clock
FALLING = 0.01  # a(B) may fall by so much before it costs as much as one standard deviation
BENDING = 0.15  # by how much of itself a(B) may leave the straight line between its neighbours
FARTHEST = 5.0  # of a logarithm from the start
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
    least, most : float
        Of its logarithm from the start: what physics allows, or something has been seen to do.
    """

    name: str
    prior_sd: float
    least: float = -FARTHEST
    most: float = FARTHEST


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
    def unweighed(self) -> "Problem":
        """The same with figures known as well as before any fit."""
        figures = tuple(tuple(replace(f, seen_sd=0.0) for f in of_run) for of_run in self.figures)
        return replace(self, figures=figures)

    @property
    def all_figures(self) -> list[Figure]:
        """Of all runs, in their order."""
        return [each for of_run in self.figures for each in of_run]

    @property
    def prior_sd(self) -> FloatArray:
        """Of the coefficients, in order: (n,)."""
        return np.array([each.prior_sd for each in self.free])

    @property
    def names(self) -> list[str]:
        """Of the coefficients, in order."""
        return [each.name for each in self.free]

    def within(self, x: FloatArray) -> FloatArray:
        """Logarithms of coefficients, no farther than each may be: (n,)."""
        bounds = np.array([(each.least, each.most) for each in self.free])
        return np.clip(x, bounds[:, 0], bounds[:, 1])

    def profile(self, x: FloatArray) -> ServiceProfile:
        """The law with logarithms of coefficients x from the start: (n,)."""
        return moved(self.start, self.names, self.within(x).tolist())

    def point(self, profile: ServiceProfile) -> FloatArray:
        """Where a profile's coefficients lie, as logarithms from the start: (n,)."""
        ratios = [value_of(name, profile) / value_of(name, self.start) for name in self.names]
        return self.within(np.log(ratios))

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

    def logs(self, x: FloatArray) -> list[RequestLog]:
        """The requests of every run, simulated."""
        return replays([(self.profile(x), script) for script in self.scripts])

    def _misfits(self, logs: Iterator[RequestLog]) -> FloatArray:
        pairs = zip(self.figures, logs, strict=False)  # the logs of other points follow
        return np.array(
            [
                _residual(each, value)
                for figures, log in pairs
                for each, value in zip(figures, values_of(figures, log), strict=True)
            ]
        )

    def _of_prior(self, x: FloatArray) -> FloatArray:
        return np.asarray(x / self.prior_sd)

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


def _residual(figure: Figure, simulated: float) -> float:
    if not (math.isfinite(simulated) and simulated > 0):
        return MISSING / figure.scale * 0.1
    return math.log(simulated / figure.value) / figure.scale
