"""The study: simulates both matrices, their mixtures and the tornado, and draws the conclusions."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from sim.errors import PeakfleetError
from sim.model import month
from sim.model.design import Design
from sim.model.streams import Streams
from sim.model.uncertain import UncertainInput
from sim.montecarlo.draws import FloatArray, draw_worlds
from sim.montecarlo.result import Draws, RunResult
from sim.scenario import Scenario
from sim.studies.bench import Bench
from sim.studies.measure import SLO_MET, Measure, has_slo
from sim.studies.sensitivity.answer import Sensitivity
from sim.studies.sensitivity.conclusion import influence
from sim.studies.sensitivity.factors import MIDDLE, Factor, columns, ends, factors
from sim.studies.sensitivity.sobol import matrices
from sim.studies.worst import of_all

ROWS = 64  # by default: intervals of some 15 points
FEWEST_ROWS = 16  # below, the bootstrap knows nothing
TORNADO_WORLDS = 16  # at each of its points, under common random numbers
DEFAULT_METRICS = ("cost_usd_per_request", "peak_hour_ttft_p95_s")


def sensitivity(
    scenario: Scenario,
    bench: Bench,
    metrics: Sequence[str] = (),
    rows: int = ROWS,
    seed: int | None = None,
) -> Sensitivity:
    """Which uncertain inputs move some metrics or decisions.

    Parameters
    ----------
    scenario : Scenario
    bench : Bench
        Where worlds are simulated.
    metrics : sequence of str
        As :class:`~sim.studies.measure.Measure` reads them; by default cost per request, the p95 to
        the first token in the worst hour, and whether the SLO is met. One set of worlds serves all.
    rows : int
        Of each matrix; the next lower power of two is taken.
    seed : int, optional
        That of the scenario by default.

    Raises
    ------
    PeakfleetError
        If nothing is uncertain, a metric is unknown, or the rows are too few.
    """
    if rows < FEWEST_ROWS:
        raise PeakfleetError(f"worlds ({rows}) must be at least {FEWEST_ROWS} for Sobol indices")
    seed = scenario.seed if seed is None else seed
    varying, fixed = _inputs(scenario, seed)
    measures = _measures(scenario, metrics)
    simulator = _Simulator(scenario, bench, seed, fixed)
    # A wrong metric is found before the long part.
    learned = factors(varying)
    rows = 1 << (rows.bit_length() - 1)
    bench.allowance.expect(rows * (len(learned) + 3) + TORNADO_WORLDS * _points(learned))
    tornado = _tornado(simulator, learned, measures)
    worlds = _worlds(simulator, learned, rows)
    influences = tuple(
        influence(
            measure,
            {each.path: each.levels for each in learned},
            worlds.values(measure),
            tornado[measure],
            worlds.lower_bound_share(measure),
            Streams(seed, world=0)("sensitivity/bootstrap"),
            worlds.points,
            columns(learned),
        )
        for measure in measures
    )
    return Sensitivity(
        scenario=scenario.name,
        seed=seed,
        rows=len(worlds.results[0].sample),
        worlds=simulator.simulated,
        overloaded_share=worlds.overloaded_share(),
        fixed=tuple(fixed),
        influences=influences,
        notes=tuple(_notes(measures, learned, worlds.results[0].design)),
    )


def _notes(measures: Sequence[Measure], learned: Sequence[Factor], design: Design) -> Iterator[str]:
    """What is learned together, what months rest on, and latencies of several workloads."""
    for each in learned:
        if len(each.inputs) > 1:
            yield (
                f"{each.path} stands for {len(each.inputs)} errors of its measured law, which a"
                " benchmark tells together; they move a figure from what it is in one of ten draws"
                " of all of them to what it is in nine of ten."
            )
    if clause := month.note(design) if any(map(_is_monthly, measures)) else "":
        yield f"{clause[0].upper()}{clause[1:]}."
    yield from filter(None, (of_all(measure, design) for measure in measures))


def _is_monthly(measure: Measure) -> bool:
    return "month" in measure.metric


def _inputs(scenario: Scenario, seed: int) -> tuple[list[UncertainInput], dict[str, float]]:
    """Inputs that vary, and the only value of those that never do."""
    if not scenario.inputs:
        raise PeakfleetError(
            f"{scenario.file}: nothing in it is uncertain, so no input can move the answer; write a"
            " number as a distribution, such as --set"
            " workloads.NAME.arrivals.requests_per_day='{p5: 50k, p95: 200k}'"
        )
    probes = Streams(seed, world=0)("sensitivity/probes").random(256)
    drawn = {each.path: each.distribution.ppf(probes) for each in scenario.inputs}
    varying = [each for each in scenario.inputs if np.ptp(drawn[each.path]) > 0.0]
    if not varying:
        raise PeakfleetError(
            f"{scenario.file}: uncertain inputs that never vary: {', '.join(drawn)}; give them a"
            " distribution with a spread, such as {p5: 50k, p95: 200k}"
        )
    moving = {each.path for each in varying}
    return varying, {path: float(v[0]) for path, v in drawn.items() if path not in moving}


def _measures(scenario: Scenario, metrics: Sequence[str]) -> list[Measure]:
    design = scenario.design(
        {each.path: float(each.distribution.ppf(np.array([MIDDLE]))[0]) for each in scenario.inputs}
    )
    if not metrics:
        metrics = (*DEFAULT_METRICS, *((SLO_MET,) if has_slo(design) else ()))
    return list(dict.fromkeys(Measure.parse(metric) for metric in metrics))


@dataclass
class _Simulator:
    """Simulates worlds at given values of the inputs."""

    scenario: Scenario
    bench: Bench
    seed: int
    fixed: dict[str, float]
    simulated: int = 0

    def at(self, draws: Draws, worlds: int, about: str, other_luck: bool = False) -> RunResult:
        """Worlds 0 to ``worlds`` - 1, or as many others, at these values."""
        seed = Streams(self.seed, world=0).key("sensitivity/luck") if other_luck else self.seed
        constant = {path: np.full(worlds, value) for path, value in self.fixed.items()}
        given = {**draws, **constant}
        result = self.bench.at(
            self.scenario,
            {each.path: given[each.path] for each in self.scenario.inputs},
            worlds,
            seed,
            about,
        )
        self.simulated += worlds
        return result


@dataclass(frozen=True)
class _Worlds:
    """Runs at A, at B, and at each mixture, that of chance last; A and B in the unit cube."""

    results: list[RunResult]
    points: tuple[FloatArray, FloatArray]

    def values(self, measure: Measure) -> FloatArray:
        """(2 + factors, rows) float64."""
        return np.array([measure.of(result) for result in self.results])

    def lower_bound_share(self, measure: Measure) -> float:
        """Share of worlds in which the measure is a lower bound."""
        return float(np.mean([measure.lower_bound(result) for result in self.results]))

    def overloaded_share(self) -> float:
        """Share of worlds of A and B that overload."""
        return float(np.mean([result.sample.overloaded() for result in self.results[:2]]))


def _worlds(simulator: _Simulator, learned: Sequence[Factor], rows: int) -> _Worlds:
    rng = Streams(simulator.seed, world=0)("sensitivity/points")
    inputs = [each for factor in learned for each in factor.inputs]
    points = matrices(rows, len(inputs), rng)
    a, b = (
        {each.path: each.distribution.ppf(half[:, i]) for i, each in enumerate(inputs)}
        for half in points
    )
    told = simulator.bench.told
    told(f"{rows} rows: {rows * (len(learned) + 3):,} worlds")
    results = [simulator.at(a, rows, "A"), simulator.at(b, rows, "B", other_luck=True)]
    for number, factor in enumerate(learned, 1):
        told(f"input {number} of {len(learned)}: {factor.path}")
        mixed = a | {each.path: b[each.path] for each in factor.inputs}
        results.append(simulator.at(mixed, rows, f"A, of B {factor.path}"))
    told("chance within a world")
    results.append(simulator.at(a, rows, "A, other chance", other_luck=True))
    return _Worlds(results, points)


def _points(learned: Sequence[Factor]) -> int:
    """At which the tornado looks."""
    return 1 + sum(1 if len(each.inputs) > 1 else 2 for each in learned)


def _tornado(
    simulator: _Simulator, learned: Sequence[Factor], measures: Sequence[Measure]
) -> dict[Measure, FloatArray]:
    """Measures with every input at its median, and with each factor at its p10 and p90.

    Returns
    -------
    dict of Measure to (1 + 2 factors, worlds) float64
    """
    inputs = [each for factor in learned for each in factor.inputs]
    middle = np.array([MIDDLE])
    medians = {each.path: float(each.distribution.ppf(middle)[0]) for each in inputs}
    simulator.bench.told(f"tornado: {_points(learned)} points, {TORNADO_WORLDS} worlds at each")

    def at(about: str, moved: Draws) -> RunResult:
        still = {path: np.full(TORNADO_WORLDS, value) for path, value in medians.items()}
        return simulator.at(still | moved, TORNADO_WORLDS, about)

    usual = at("all medians", {})
    rows = {measure: [measure.of(usual)] for measure in measures}
    for factor in learned:
        if len(factor.inputs) > 1:
            draws = draw_worlds(factor.inputs, simulator.seed, TORNADO_WORLDS)
            drawn = at(f"draws of {factor.path}", draws)
            for measure, found in rows.items():
                found.extend(ends(found[0], measure.of(drawn), measure.decision))
            continue
        for name, value in zip(("p10", "p90"), factor.levels, strict=True):
            moved = {factor.path: np.full(TORNADO_WORLDS, value)}
            result = at(f"{name} of {factor.path}", moved)
            for measure, found in rows.items():
                found.append(measure.of(result))
    return {measure: np.array(each) for measure, each in rows.items()}
