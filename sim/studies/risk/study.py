"""The study: ranks worlds by their inputs, simulates some of each level, and tells the chance."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from sim.errors import PeakfleetError
from sim.model.streams import Streams
from sim.model.uncertain import UncertainInput
from sim.montecarlo.draws import draw_worlds
from sim.montecarlo.result import Draws, RunResult
from sim.montecarlo.sample import Sample
from sim.montecarlo.shares import Share
from sim.scenario import Scenario
from sim.studies.bench import Bench
from sim.studies.measure import SLO_MET, Measure
from sim.studies.risk import levels
from sim.studies.risk.answer import Level, Risk
from sim.studies.risk.chance import Chance, Slope, chance, slope_of
from sim.studies.risk.foretelling import Foretelling, foretell
from sim.studies.risk.target import missed, nearness, target_of

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]
BoolArray = npt.NDArray[np.bool_]

WORLDS = 512  # by default
FEWEST_WORLDS = 128
PROBABILITY = 99.9 / 100  # to the bit what "99.9%" is
ROUNDS = 3  # of the pilot
ROUND_SHARE = 1 / 16  # of all worlds
COMMON = 0.1  # of worlds: what is no rarer needs no such draws
LEAST_SLOPE = 3.0  # of the log-odds: below, luck decides too much for draws by inputs to gain
FORETOLD = 0.5  # of the variance, for draws by inputs where no world of the pilot misses


def risk(
    scenario: Scenario,
    bench: Bench,
    metric: str = SLO_MET,
    probability: float = PROBABILITY,
    worlds: int | None = None,
    seed: int | None = None,
) -> Risk:
    """How likely it is that a world misses a target.

    Parameters
    ----------
    scenario : Scenario
    bench : Bench
    metric : str
        The target: ``slo_met``, or a limit such as ``e2e_p95_s<=30``.
    probability : float
        Share of worlds that should keep it.
    worlds : int, optional
        To simulate, 512 by default.
    seed : int, optional
        That of the scenario by default.

    Raises
    ------
    PeakfleetError
        If the target is none, or worlds are too few.
    """
    target = target_of(metric)
    worlds = WORLDS if worlds is None else worlds
    if worlds < FEWEST_WORLDS:
        raise PeakfleetError(f"worlds ({worlds}) must be at least {FEWEST_WORLDS}")
    seed = scenario.seed if seed is None else seed
    bench.allowance.expect(worlds)
    before = bench.worlds
    found = _Search(scenario, bench, target, seed, worlds).answer(probability)
    return replace(found, simulated=bench.worlds - before)


class _Search:
    """The worlds of a study, as it goes on."""

    def __init__(
        self, scenario: Scenario, bench: Bench, target: Measure, seed: int, worlds: int
    ) -> None:
        self._scenario, self._bench, self._target = scenario, bench, target
        self._seed, self._worlds = seed, worlds
        self._draws: Draws = draw_worlds(scenario.inputs, seed, levels.POPULATION)
        self._inputs = normal_scores(scenario.inputs, self._draws)
        self._sample = Sample(scenario.inputs)
        self._streams = Streams(seed, world=0)

    def answer(self, probability: float) -> Risk:
        """The chance from draws by level where they are of use, else from plain ones."""
        if not self._inputs.shape[1]:
            why = "nothing is uncertain but chance within a world"
            return self._of_plain(np.arange(self._worlds), why, probability)
        count = max(int(self._worlds * ROUND_SHARE), 2)
        first = np.arange(count)
        result = self._simulated(first, "first worlds")
        if np.mean(missed(self._target, result)) > COMMON:
            return self._plain("a miss is not rare", probability)
        pilot, foretold = first, self._foretold(first)
        for number in range(1, ROUNDS):
            if foretold is not None:
                pilot = np.unique(np.append(pilot, self._of_each_level(foretold, count, number)))
                foretold = self._foretold(pilot)
        if foretold is None:
            return self._plain("no figure of a world differs between the first ones", probability)
        if why := self._why_plain(foretold, pilot):
            return self._plain(why, probability)
        return self._by_level(foretold, len(pilot), probability)

    def _by_level(self, foretold: Foretelling, pilot: int, probability: float) -> Risk:
        """From worlds of each level."""
        members, height = levels.members(foretold.score), levels.heights(foretold.score)
        slope = self._slope(height)
        foreseen = np.array([slope.chance(height[each]).mean() for each in members])
        counts = levels.allocated(foreseen, self._worlds - pilot)
        rng = self._streams("risk/worlds")
        drawn = [
            np.sort(rng.choice(each, int(count), replace=False))
            for each, count in zip(members, counts, strict=True)
        ]
        result = self._simulated(np.sort(np.concatenate(drawn)), "worlds of every level")
        failed = dict(zip(result.sample.worlds, missed(self._target, result), strict=True))
        misses = np.array([sum(failed[int(each)] for each in level) for level in drawn])
        found = chance(misses, counts, levels.shares(), self._slope(height), levels.POPULATION)
        table = tuple(
            Level(float(share), Share(int(m), int(n)))
            for share, m, n in zip(levels.shares(), misses, counts, strict=True)
        )
        return self._risk(found, table, foretold, pilot, probability)

    def _why_plain(self, foretold: Foretelling, pilot: IntArray) -> str:
        """Why draws by level would be of no use; empty where they are."""
        result = self._simulated(pilot, "pilot")
        failed = missed(self._target, result)
        if not failed.any():
            if foretold.explained < FORETOLD:
                return "no world of the pilot misses, and the inputs foretell little"
            return ""
        slope = self._slope(levels.heights(foretold.score))
        return (
            ""
            if slope.slope >= LEAST_SLOPE
            else "chance within a world decides more than the inputs"
        )

    def _slope(self, height: FloatArray) -> Slope:
        """Through all that was simulated."""
        result = replace(self._last, sample=self._sample)
        return slope_of(height[self._sample.worlds], missed(self._target, result))

    def _foretold(self, pilot: IntArray) -> Foretelling | None:
        result = self._simulated(pilot, "pilot")
        figures = nearness(self._target, result)
        return foretell(self._inputs, pilot, figures, missed(self._target, result))

    def _of_each_level(self, foretold: Foretelling, count: int, number: int) -> IntArray:
        """About as many worlds of each level."""
        rng = self._streams(f"risk/pilot/{number}")
        members = levels.members(foretold.score)
        chosen = [members[-1 - at % len(members)] for at in range(count)]
        return np.array([rng.choice(each) for each in chosen])

    def _plain(self, why: str, probability: float) -> Risk:
        """From worlds as they come, those that led to this choice left out."""
        first = max(int(self._worlds * ROUND_SHARE), 2)
        return self._of_plain(
            np.arange(first, first + self._worlds - len(self._sample)), why, probability
        )

    def _of_plain(self, numbers: IntArray, why: str, probability: float) -> Risk:
        before = len(self._sample)
        result = self._simulated(numbers, "plain worlds")
        share = Share.of(missed(self._target, result))
        found = Chance(share.value, share.interval, 0.0, 0, share.interval[1])
        level = Level(1.0, share)
        return replace(self._risk(found, (level,), None, before, probability), plain=why)

    def _simulated(self, numbers: Sequence[int] | IntArray, about: str) -> RunResult:
        asked = [int(each) for each in numbers]
        result = self._bench.chosen(
            self._scenario, self._draws, asked, self._seed, self._sample, about
        )
        self._sample.add_from(
            result.sample, [each for each in result.sample.worlds if each not in self._sample]
        )
        self._last = result
        return result

    def _risk(
        self,
        found: Chance,
        table: tuple[Level, ...],
        foretold: Foretelling | None,
        pilot: int,
        probability: float,
    ) -> Risk:
        return Risk(
            name=self._scenario.name,
            seed=self._seed,
            target=self._target,
            probability=probability,
            found=found,
            levels=table,
            pilot=pilot,
            foretold_by=foretold.by if foretold else "",
            explained=foretold.explained if foretold else float("nan"),
        )


def normal_scores(inputs: Sequence[UncertainInput], draws: Draws) -> FloatArray:
    """Normal quantiles of the ranks of what is drawn, of the inputs that vary: (worlds, inputs)."""
    varying = [draws[each.path] for each in inputs if np.ptp(draws[each.path]) > 0.0]
    if not varying:
        return np.empty((levels.POPULATION, 0))
    return np.column_stack([levels.heights(values) for values in varying])
