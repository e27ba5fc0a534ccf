"""What each uncertain input did to the answer of a run, as far as its own worlds show.

Worlds in which an input was drawn from the lowest third of its values are set beside those of the
highest third: the medians of a figure in both. The other inputs differ as well, so a difference is
told only where the figure and the input go together over all worlds more than chance does
(Spearman's rank correlation; the worlds of an input's parts, such as the joint error of a measured
law, share one chance). ``sim sensitivity`` simulates what this can only look for.
"""

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sim.model.special import ndtri
from sim.montecarlo.result import RunResult
from sim.montecarlo.sample import INPUT_PREFIX
from sim.studies.measure import SLO_MET, Measure, has_slo

FloatArray = npt.NDArray[np.float64]

FEWEST = 30  # worlds; a third of fewer than that has no median worth saying
CHANCE = 0.05  # of an effect that is none
METRICS = ("cost_usd_per_month", "peak_hour_ttft_p95_s", "peak_hour_e2e_p95_s")
OF_A_LAW = re.compile(r"\.error_\d+$")  # the parts of a joint error


@dataclass(frozen=True, slots=True)
class Effect:
    """What came with an input.

    Attributes
    ----------
    measure : Measure
    low, high : float
        Median of the figure (share of worlds, for a decision) where the input is in the lowest and
        in the highest third.
    told : bool
        Whether this is more than chance does.
    """

    measure: Measure
    low: float
    high: float
    told: bool


@dataclass(frozen=True, slots=True)
class Input:
    """An uncertain input as it was drawn, and what came with it.

    Attributes
    ----------
    path : str
    parts : int
        Inputs that this one stands for: 1, or those of a joint error, of which it is the one that
        goes with the first figure most.
    drawn : tuple of float
        5th, 50th and 95th percentile of its values.
    effects : tuple of Effect
        Of each of :func:`measures`; empty of fewer than ``FEWEST`` worlds.
    """

    path: str
    parts: int
    drawn: tuple[float, float, float]
    effects: tuple[Effect, ...]


def measures(result: RunResult) -> tuple[Measure, ...]:
    """The figures that are looked at: those that differ between worlds."""
    known = set(result.sample.names())
    asked = [metric for metric in METRICS if metric in known]
    asked += [SLO_MET] if has_slo(result.design) else []
    return tuple(each for each in map(Measure.parse, asked) if _varies(each.of(result)))


def inputs(result: RunResult) -> Iterator[Input]:
    """Every input that differs between worlds, in the order of its path."""
    figures = [(each, each.of(result)) for each in measures(result)]
    groups: dict[str, list[str]] = {}
    for each in result.scenario.inputs:
        groups.setdefault(OF_A_LAW.sub(".error", each.path), []).append(each.path)
    for path, parts in groups.items():
        drawn = {part: result.sample.values(INPUT_PREFIX + part) for part in parts}
        varied = [part for part in parts if _varies(drawn[part])]
        if varied:
            yield _input(path, [drawn[part] for part in varied], figures)


def _input(
    path: str, parts: Sequence[FloatArray], figures: Sequence[tuple[Measure, FloatArray]]
) -> Input:
    values = max(parts, key=lambda each: abs(_correlation(each, figures[0][1]))) if figures else (
        parts[0]
    )  # fmt: skip
    low, middle, high = (float(each) for each in np.quantile(values, (0.05, 0.5, 0.95)))
    enough = len(values) >= FEWEST
    effects = [_effect(each, values, of, len(parts)) for each, of in figures if enough]
    return Input(path, len(parts), (low, middle, high), tuple(effects))


def _effect(measure: Measure, values: FloatArray, figure: FloatArray, parts: int) -> Effect:
    known = np.isfinite(figure)
    values, figure = values[known], figure[known]
    if len(values) < FEWEST:
        return Effect(measure, math.nan, math.nan, False)
    first, last = np.quantile(values, (1 / 3, 2 / 3))
    middle = np.mean if measure.decision else np.median
    low, high = (float(middle(figure[part])) for part in (values <= first, values >= last))
    limit = float(ndtri(1.0 - CHANCE / (2.0 * parts))) / math.sqrt(len(values) - 1)
    return Effect(measure, low, high, abs(_correlation(values, figure)) > limit)


def _correlation(one: FloatArray, other: FloatArray) -> float:
    """Spearman's rank correlation, over worlds in which both are known; 0 where one is constant."""
    known = np.isfinite(one) & np.isfinite(other)
    ranks = [_ranks(each[known]) for each in (one, other)]
    if any(len(each) < 3 or not _varies(each) for each in ranks):
        return 0.0
    return float(np.corrcoef(ranks[0], ranks[1])[0, 1])


def _ranks(values: FloatArray) -> FloatArray:
    """Ranks, of equal values their mean."""
    _, where, counts = np.unique(values, return_inverse=True, return_counts=True)
    ends = np.cumsum(counts)
    return np.asarray((ends - (counts - 1) / 2.0)[where], np.float64)


def _varies(values: FloatArray) -> bool:
    known = values[np.isfinite(values)]
    return len(known) > 1 and not np.isclose(known.min(), known.max(), rtol=1e-9, atol=0.0)
