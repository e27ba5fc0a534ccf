"""The study: runs every design over the same worlds and says which is cheaper, which is faster."""

import math
from collections.abc import Iterable, Iterator, Sequence

from sim.errors import PeakfleetError
from sim.model import month
from sim.model.design import Design
from sim.montecarlo.result import RunResult
from sim.studies.bench import Bench
from sim.studies.compare.answer import Comparison
from sim.studies.compare.contenders import Contender
from sim.studies.compare.field import Field
from sim.studies.compare.looks import confidence_at, looks
from sim.studies.compare.pairs import pairs_shown
from sim.studies.compare.remarks import for_nothing, unlike
from sim.studies.limits import limit_of
from sim.studies.measure import SLO_MET, Measure, has_slo
from sim.studies.worst import of_all

WORLDS = 128  # by default, at most; a p95 has an interval from 72
COST, LATENCY = "cost_usd_per_month", "e2e_p95_s"
OF_ALL = "cost_usd"  # a slower fleet would take longer at the same price a month
FURTHER = ("cost_usd_per_request", "peak_hour_ttft_p95_s", "slo_attainment")
WHOLE = "cost_usd"  # what is simulated, beside a month of it
EQUAL_WITHIN = 0.01  # of a figure, below which a difference is of no use


def compare(
    contenders: Sequence[Contender],
    bench: Bench,
    worlds: int | None = None,
    seed: int | None = None,
    metrics: Sequence[str] = (),
    cost: str | None = None,
    latency: str = LATENCY,
    equal_within: float = EQUAL_WITHIN,
    stop_when_sure: bool = False,
) -> Comparison:
    """Compare designs under common random numbers.

    Parameters
    ----------
    contenders : sequence of Contender
        Two or more.
    bench : Bench
        Where worlds are simulated.
    worlds : int, optional
        By default those of the first scenario, at most 128.
    seed : int, optional
        That of the first scenario by default.
    metrics : sequence of str
        To be compared besides cost per month and per request, latency and attainment.
    cost, latency : str
        What makes a design the cheaper one, and what the faster one.
    equal_within : float
        Share of a figure below which a difference is of no use; of shares in points.
    stop_when_sure : bool
        Whether to end as soon as worlds tell which design is the cheapest and which the fastest, or
        that they are equal, every look having its part of the error.

    Raises
    ------
    PeakfleetError
        If there are fewer than two designs, or a metric is unknown in one of them.
    """
    if len(contenders) < 2:
        raise PeakfleetError(f"designs ({len(contenders)}) must be at least 2 to be compared")
    first = contenders[0].scenario
    seed = first.seed if seed is None else seed
    worlds = min(first.worlds, WORLDS) if worlds is None else worlds
    bench.allowance.expect(worlds * len(contenders))
    planned = looks(worlds, stop_when_sure)
    asked = metrics, cost, latency, equal_within
    for look in planned:
        results: list[RunResult] = []
        for each in contenders:
            bench.told(f"{each.label}: {look} worlds")
            results.append(bench.run(each.scenario, look, seed, about=each.label))
        found = of_results(contenders, results, look, seed, *asked, planned)
        if found.stands:
            break
    return found


def of_results(
    contenders: Sequence[Contender],
    results: list[RunResult],
    worlds: int,
    seed: int,
    metrics: Sequence[str] = (),
    cost: str | None = None,
    latency: str = LATENCY,
    equal_within: float = EQUAL_WITHIN,
    planned: tuple[int, ...] = (),
) -> Comparison:
    """Compare designs whose worlds are simulated.

    Parameters
    ----------
    contenders : sequence of Contender
    results : list of RunResult
        A run of each.
    worlds : int
        The first so many of each are compared.
    seed : int
        Of the first.
    metrics, cost, latency, equal_within
        As of :func:`compare`.
    planned : tuple of int
        Numbers of worlds at which designs are looked at, where that is more than once.
    """
    field = Field([each.label for each in contenders], results, worlds, equal_within)
    designs = [each.scenario.typical_design() for each in contenders]
    chosen = Measure.parse(cost or _cost_of(designs)), Measure.parse(latency)
    asked = [Measure.parse(metric) for metric in metrics]
    slo = [Measure.parse(SLO_MET)] if all(map(has_slo, designs)) else []
    listed, own = _listed(chosen, (*slo, *asked))
    confidence = confidence_at(worlds, planned or (worlds,), len(contenders))
    cheapest = field.award(chosen[0], confidence)
    pairs = pairs_shown(len(contenders), field.labels.index(cheapest.best))
    most = max(designs, key=lambda design: len(design.workloads))
    pooled = filter(None, [of_all(chosen[1], most)])
    remarks = (*unlike(contenders, designs), *pooled, *for_nothing(field.labels, results))
    return Comparison(
        labels=tuple(field.labels),
        worlds=worlds,
        seed=seed,
        confidence=confidence,
        cost=cheapest,
        latency=field.award(chosen[1], confidence),
        overviews=tuple(field.overview(place, *chosen, slo) for place in range(len(results))),
        figures=field.figures(own),
        differences=field.differences(listed, confidence, pairs),
        joint=field.joint(*chosen, pairs),
        by_world=field.by_world(*chosen),
        notes=(*remarks, *_months(designs)),
        horizon_s=_common(design.horizon.duration_s for design in designs),
        equal_within=equal_within,
        held=field.held(),
        undrawn=field.undrawn,
        limit_s=_limit(chosen[1], designs),
        asked=tuple(dict.fromkeys(each.name for each in asked)),
        looks=planned or (worlds,),
    )


def _listed(
    chosen: tuple[Measure, Measure], further: Sequence[Measure]
) -> tuple[list[Measure], list[Measure]]:
    """Of which differences are listed, and of which each design's own figures beside these two."""
    extra = [Measure.parse(metric) for metric in FURTHER]
    listed = list(dict.fromkeys((*chosen, *extra, *further)))
    whole = [Measure.parse(WHOLE)] if chosen[0].metric == COST else []
    return listed, [each for each in dict.fromkeys((*whole, *listed)) if each not in chosen]


def _limit(latency: Measure, designs: Sequence[Design]) -> float:
    """The threshold on the latency that all designs are asked to keep; NaN where there is none."""
    if latency.decision:
        return math.nan
    return _common(limit_of(latency.metric, each.workloads) for each in designs)


def _common(values: Iterable[float]) -> float:
    """What all have; NaN if they differ."""
    found = set(values)
    return found.pop() if len(found) == 1 else math.nan


def _months(designs: Sequence[Design]) -> Iterator[str]:
    """What figures of a month rest on, where it needs to be said."""
    for text in dict.fromkeys(filter(None, map(month.note, designs))):
        yield f"{text[0].upper()}{text[1:]}."


def _cost_of(designs: Sequence[Design]) -> str:
    """What a month costs; where all end with their last answers, what it costs to answer all."""
    return OF_ALL if all(design.horizon.is_drained for design in designs) else COST
