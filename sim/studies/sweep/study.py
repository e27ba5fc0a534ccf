"""The study: every design over the same worlds, and which of them are worth their cost."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from sim.errors import PeakfleetError
from sim.model.design import Design
from sim.montecarlo.estimates import estimate
from sim.montecarlo.result import RunResult
from sim.montecarlo.shares import Share
from sim.montecarlo.undrawn import Undrawn
from sim.scenario import Scenario
from sim.studies.bench import Bench
from sim.studies.compare.field import controls_of
from sim.studies.compare.pairs import confidence_of_a_pair
from sim.studies.compare.study import COST, EQUAL_WITHIN, LATENCY, OF_ALL
from sim.studies.limits import limit_of
from sim.studies.measure import SLO_MET, Measure, has_slo
from sim.studies.sweep.answer import Point, Step, Sweep
from sim.studies.sweep.axes import Axis
from sim.studies.sweep.designs import Candidate
from sim.studies.sweep.front import FRONT, Gap, Series, gap, places
from sim.studies.sweep.tables import FIGURES, figures_of, worlds_of

WORLDS = 72  # by default, at most: with all of them met, an SLO is sure in 95 % of worlds
PROBABILITY = 0.95
OF_MORE_IS_BETTER = (
    "attainment", "answered_share", "success", "goodput_rps", "margin", "quality_mean",
    "met_share", "revenue_usd", "completed", "hit_rate", "used_share", "users_served",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Shape:
    """What a sweep looks at.

    Attributes
    ----------
    cost, latency : Measure
        What is paid, and what one has for it.
    further : tuple of Measure
        That are in the table, too.
    """

    cost: Measure
    latency: Measure
    further: tuple[Measure, ...] = ()

    @classmethod
    def of(cls, metrics: Sequence[str], is_drained: bool = False) -> "Shape":
        """The first metric in USD is what is paid, the first other one what one has for it."""
        asked = [Measure.parse(metric) for metric in metrics]
        paid = [each for each in asked if each.kind == "usd"]
        had = [each for each in asked if each.kind != "usd"]
        cost = paid[0] if paid else Measure.parse(OF_ALL if is_drained else COST)
        latency = had[0] if had else Measure.parse(LATENCY)
        further = dict.fromkeys([*map(Measure.parse, FIGURES), *asked])
        return cls(cost, latency, tuple(m for m in further if m not in (cost, latency)))


def sweep(
    axes: Sequence[Axis],
    found: Sequence[Candidate],
    bench: Bench,
    worlds: int | None = None,
    seed: int | None = None,
    metrics: Sequence[str] = (),
    probability: float = PROBABILITY,
    drawn: int | None = None,
    per_world: bool = False,
) -> Sweep:
    """Simulate designs under common random numbers, and find the front.

    Parameters
    ----------
    axes : sequence of Axis
    found : sequence of Candidate
        The designs, of :func:`~sim.studies.sweep.designs.candidates`.
    bench : Bench
    worlds : int, optional
        By default those of the scenario, at most 72.
    seed : int, optional
        That of the scenario by default.
    metrics : sequence of str
        The axes of the front, and what is in the table beside.
    probability : float
        Share of worlds in which the SLO is to be met.
    drawn : int, optional
        Designs that were asked of a Latin hypercube.
    per_world : bool
        Whether to have a table of all worlds, too.
    """
    first = found[0].scenario
    seed = first.seed if seed is None else seed
    worlds = min(first.worlds, WORLDS) if worlds is None else worlds
    bench.allowance.expect(worlds * len(found))
    results = [bench.run(each.scenario, worlds, seed, about=each.label) for each in found]
    designs = [each.scenario.typical_design() for each in found]
    shape = Shape.of(metrics, all(design.horizon.is_drained for design in designs))
    field = _Field(results, worlds, shape, designs)
    places = field.places()
    points = [field.point(at, found[at], places[at]) for at in range(len(found))]
    front = sorted(
        (at for at, point in enumerate(points) if point.status == FRONT),
        key=lambda at: (field.cost[at].median, field.latency[at].median),
    )
    return Sweep(
        axes=tuple(axes),
        drawn=drawn,
        worlds=worlds,
        seed=seed,
        probability=probability,
        cost=shape.cost,
        latency=shape.latency,
        points=tuple(points),
        steps=tuple(field.steps(front)),
        designs=figures_of(
            axes, points, results, worlds, (shape.cost, shape.latency, *shape.further)
        ),
        by_world=worlds_of(points, results, worlds) if per_world else None,
        unmoved=tuple(_unmoved(axes, points, results, worlds)),
        undrawn=field.undrawn,
        confidence=field.confidence,
        equal_within=EQUAL_WITHIN,
        limit_s=field.limit_s,
        more_is_better=is_more_better(shape.latency),
    )


def refuse_too_many(
    number: int, most: int, worlds: int, jobs: int, world_s: Callable[[], float]
) -> None:
    """Refuse a sweep of more designs than are wanted, with the time that they would take.

    Parameters
    ----------
    number, most : int
        Designs, and how many are taken.
    worlds, jobs : int
    world_s : callable
        Tells how long a world takes.
    """
    if number <= most:
        return
    hours = number * worlds * world_s() / jobs / 3600.0
    time = f"{hours:.1f} h" if hours >= 1.0 else f"{60.0 * hours:.0f} min"
    raise PeakfleetError(
        f"sweep: {number:,} designs are more than {most:,}; at {worlds:,} worlds each they would"
        f" take about {time} on {jobs} core{'' if jobs == 1 else 's'}. Draw some of them, such as"
        f" --lhs 48, or take all by --most {number}"
    )


class _Field:
    """The finished runs of all designs."""

    def __init__(
        self,
        results: Sequence[RunResult],
        worlds: int,
        shape: Shape,
        designs: Sequence[Design],
    ) -> None:
        self._results, self._worlds, self._shape = results, worlds, shape
        self._controls = controls_of(list(results), worlds)
        self.cost = [self._series(shape.cost, each) for each in results]
        self.latency = [self._series(shape.latency, each) for each in results]
        self.kept = [
            Share.of(Measure.parse(SLO_MET).of(result)[:worlds] > 0.0) if has_slo(design) else None
            for result, design in zip(results, designs, strict=True)
        ]
        self.confidence = confidence_of_a_pair(max(len(results), 2))
        limits = {limit_of(shape.latency.metric, each.workloads) for each in designs}
        self.limit_s = limits.pop() if len(limits) == 1 else float("nan")

    @property
    def undrawn(self) -> tuple[Undrawn, ...]:
        """Rare branches of any design's inputs that are in none of the worlds."""
        return self._controls.undrawn

    def _series(self, measure: Measure, result: RunResult) -> Series:
        """A figure in every world, turned over where more of it is better.

        Requests under way at the end of a world that keeps up would move its latency little, and
        those of all designs are cut off alike: it counts as it is.
        """
        values = measure.of(result)[: self._worlds]
        bounds = (measure.lower_bound(result) & result.sample.overloaded())[: self._worlds]
        return Series(-values if is_more_better(measure) else values, bounds)

    def places(self) -> list[tuple[str, int]]:
        """The status of each design, and by whom it is dominated."""
        stated = all(share is not None for share in self.kept)
        kept = [share.count if share and stated else 0 for share in self.kept]
        found = places(self.cost, self.latency, kept, self.confidence, EQUAL_WITHIN)
        return [(each.status, each.by) for each in found]

    def point(self, at: int, candidate: Candidate, place: tuple[str, int]) -> Point:
        """A design by itself."""
        result = self._results[at]
        cost, latency = (
            estimate(m.of(result)[: self._worlds], m.lower_bound(result)[: self._worlds],
                     self._controls)
            for m in (self._shape.cost, self._shape.latency)
        )  # fmt: skip
        return Point(
            label=candidate.label,
            values=candidate.values,
            cost=cost,
            latency=latency,
            slo_met=self.kept[at],
            overloaded=Share.of(result.sample.overloaded()[: self._worlds]),
            status=place[0],
            by=place[1],
        )

    def steps(self, front: Sequence[int]) -> Iterator[Step]:
        """The designs of the front in the order of cost, each against the one before."""
        for number, at in enumerate(front):
            if number == 0:
                yield Step(at, None, None)
                continue
            before = front[number - 1]
            yield Step(at, self._gap(self.cost, at, before), self._turned(at, before))

    def _gap(self, series: Sequence[Series], one: int, other: int) -> Gap:
        return gap(series[one], series[other], self.confidence)

    def _turned(self, one: int, other: int) -> Gap:
        """The difference of the latency, or of what is in its place, as it is read."""
        found = self._gap(self.latency, one, other)
        if not is_more_better(self._shape.latency):
            return found
        return Gap(-found.median, -found.high, -found.low)


def is_more_better(measure: Measure) -> bool:
    """Whether a larger figure is the better one.

    >>> is_more_better(Measure.parse("slo_attainment")), is_more_better(Measure.parse("e2e_p95_s"))
    (True, False)
    """
    return measure.metric == SLO_MET or measure.metric.endswith(OF_MORE_IS_BETTER)


def pilot_s(scenario: Scenario, bench: Bench, seed: int, clock: Callable[[], float]) -> float:
    """How long a world takes in one process; a first one loads what is needed."""
    bench.probe(scenario, (0,), seed)
    begun_s = clock()
    bench.probe(scenario, (1,), seed)
    return clock() - begun_s


def _unmoved(
    axes: Sequence[Axis], points: Sequence[Point], results: Sequence[RunResult], worlds: int
) -> Iterator[str]:
    """Keys that change a design but none of its worlds: all that differ in it alone are alike."""
    for number, axis in enumerate(axes):
        groups: dict[tuple[str, ...], list[int]] = {}
        for at, point in enumerate(points):
            others = (*point.values[:number], *point.values[number + 1 :])
            groups.setdefault(others, []).append(at)
        pairs = [(each[0], other) for each in groups.values() for other in each[1:]]
        if pairs and all(_alike(results[one], results[other], worlds) for one, other in pairs):
            yield axis.path


def _alike(one: RunResult, other: RunResult, worlds: int) -> bool:
    """Whether all figures of two designs are the same in every world."""
    names = set(one.sample.names()) & set(other.sample.names())
    return all(
        np.array_equal(
            one.sample.values(name)[:worlds], other.sample.values(name)[:worlds], equal_nan=True
        )
        for name in names
        if not name.startswith("input.")
    )
