"""The study: runs every design over the same worlds and says which is cheaper, which is faster."""

from collections.abc import Iterator, Sequence

from sim.errors import PeakfleetError
from sim.model import month
from sim.model.design import Design
from sim.montecarlo.result import RunResult
from sim.studies.bench import Bench
from sim.studies.compare.answer import Comparison
from sim.studies.compare.contenders import Contender
from sim.studies.compare.field import Field
from sim.studies.measure import SLO_MET, Measure, has_slo
from sim.studies.worst import of_all

WORLDS = 128  # by default, at most; a p95 has an interval from 72
COST, LATENCY = "cost_usd_per_month", "e2e_p95_s"
OF_ALL = "cost_usd"  # a slower fleet would take longer at the same price a month
FURTHER = ("cost_usd_per_request", "peak_hour_ttft_p95_s", "slo_attainment")
CONFIDENCE = 0.95  # of all verdicts upon one figure together


def compare(
    contenders: Sequence[Contender],
    bench: Bench,
    worlds: int | None = None,
    seed: int | None = None,
    metrics: Sequence[str] = (),
    cost: str | None = None,
    latency: str = LATENCY,
) -> Comparison:
    """Compare designs under common random numbers.

    Parameters
    ----------
    contenders : sequence of Contender
        Two or more. The others are set against the first.
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
    results: list[RunResult] = []
    for each in contenders:
        bench.told(f"{each.label}: {worlds} worlds")
        results.append(bench.run(each.scenario, worlds, seed, about=each.label))
    return of_results(contenders, results, worlds, seed, metrics, cost, latency)


def of_results(
    contenders: Sequence[Contender],
    results: list[RunResult],
    worlds: int,
    seed: int,
    metrics: Sequence[str] = (),
    cost: str | None = None,
    latency: str = LATENCY,
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
    metrics, cost, latency
        As of :func:`compare`.
    """
    field = Field([each.label for each in contenders], results, worlds)
    designs = [each.scenario.typical_design() for each in contenders]
    chosen = Measure.parse(cost or _cost_of(designs)), Measure.parse(latency)
    asked = [Measure.parse(metric) for metric in metrics]
    extra = [Measure.parse(metric) for metric in FURTHER]
    slo = [Measure.parse(SLO_MET)] if all(map(has_slo, designs)) else []
    listed = list(dict.fromkeys((*chosen, *extra, *slo, *asked)))
    confidence = 1.0 - (1.0 - CONFIDENCE) / (len(contenders) - 1)  # Bonferroni
    most = max(designs, key=lambda design: len(design.workloads))
    pooled = filter(None, [of_all(chosen[1], most)])
    return Comparison(
        labels=tuple(field.labels),
        worlds=worlds,
        seed=seed,
        confidence=confidence,
        cost=field.award(chosen[0], confidence),
        latency=field.award(chosen[1], confidence),
        overviews=tuple(field.overview(place, *chosen, slo) for place in range(len(results))),
        figures=field.figures([each for each in listed if each not in chosen]),
        differences=field.differences(listed, confidence),
        joint=field.joint(*chosen),
        by_world=field.by_world(*chosen),
        notes=(*_unlike(contenders, designs), *pooled, *_months(designs)),
        undrawn=field.undrawn,
    )


def _months(designs: Sequence[Design]) -> Iterator[str]:
    """What figures of a month rest on, where it needs to be said."""
    for text in dict.fromkeys(filter(None, map(month.note, designs))):
        yield f"{text[0].upper()}{text[1:]}."


def _cost_of(designs: Sequence[Design]) -> str:
    """What a month costs; where all end with their last answers, what it costs to answer all."""
    return OF_ALL if all(design.horizon.is_drained for design in designs) else COST


def _unlike(contenders: Sequence[Contender], designs: Sequence[Design]) -> Iterator[str]:
    """What keeps designs from seeing the same worlds."""
    first, label = designs[0], contenders[0].label
    names = {workload.name for workload in first.workloads}
    for each, design in zip(contenders[1:], designs[1:], strict=True):
        same = design.horizon.start == first.horizon.start
        if not same or design.horizon.duration_s != first.horizon.duration_s:
            yield (
                f"{each.label} is simulated over another horizon than {label}: their arrivals are"
                " not the same, and figures over the whole horizon cannot be compared."
            )
        others = {workload.name for workload in design.workloads}
        if names != others:
            odd = ", ".join(sorted(names ^ others))
            yield (
                f"{each.label} and {label} do not have the same workloads ({odd}): arrivals of"
                " other names are other arrivals, so the differences hold more chance."
            )
