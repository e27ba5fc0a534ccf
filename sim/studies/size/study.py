"""The study: from a scenario and a question to an answer."""

import math
from collections.abc import Iterable

from sim.errors import PeakfleetError
from sim.model.month import rests_on
from sim.studies.bench import Bench
from sim.studies.case import Case
from sim.studies.held import unused
from sim.studies.size.answer import Beside, Size
from sim.studies.size.fleet import design_of, kinds, pool_named
from sim.studies.size.fleets import candidates, frontier_latency, shown_run
from sim.studies.size.lone import ruled_out
from sim.studies.size.options import (
    Difference,
    Option,
    Terms,
    cheapest,
    differences,
    options,
    searches_of,
)
from sim.studies.size.oracle import oracle
from sim.studies.size.question import Question
from sim.studies.size.regret import least_regret, worth_of_a_miss
from sim.studies.size.run_length import check_run_length
from sim.studies.size.search import TRIAL
from sim.studies.size.services import services_frame
from sim.studies.worst import worst_served

FEWEST_WORLDS = 2
ORACLE_WORLDS = 20  # or more, as the looks of the search have it


def size(
    case: Case,
    bench: Bench,
    question: Question | None = None,
    backend: str | None = None,
    services: Iterable[str] = (),
    worlds: int | None = None,
    seed: int | None = None,
    error: float = 0.05,
    miss_usd: float | None = None,
    beside: bool = True,
) -> Size:
    """The cheapest fleet whose SLO holds with the asked probability.

    Parameters
    ----------
    case : Case
    bench : Bench
    question : Question, optional
        By default the SLO as it stands, in 95 % of worlds.
    backend : str, optional
        The pool to size; may be left out where there is only one.
    services : iterable of str
        Service profiles beside that of the scenario, ``NAME`` or ``NAME@USD`` (per GPU-hour).
    worlds : int, optional
        Most worlds of a fleet; those of the scenario by default.
    seed : int, optional
    error : float
        Chance that the answer is wrong: that its fleet keeps the SLO in too few worlds, or that a
        smaller one, said not to, would do.
    miss_usd : float, optional
        Price of a request outside of the SLO, for the least-regret fleet.
    beside : bool
        Whether to look at the oracle fleet and at regret, too.

    Raises
    ------
    PeakfleetError
        If there is nothing to size or nothing to keep, the worlds could name no fleet whatever they
        show, or the horizon is too short to tell.
    """
    question = question or Question()
    if not 0.0 < error < 1.0:
        raise PeakfleetError(f"error ({error:g}) must lie between 0 and 1, such as 0.05")
    scenario = case.load()
    worlds = scenario.worlds if worlds is None else worlds
    if worlds < FEWEST_WORLDS:
        raise PeakfleetError(f"worlds ({worlds}) must be at least {FEWEST_WORLDS}")
    before = bench.worlds, bench.requests
    terms = Terms(question, error, worlds, bench, scenario.seed if seed is None else seed)
    design = design_of(scenario, terms.seed)
    pool = pool_named(design, backend)
    question.check(design)
    found = kinds(case, pool.name, services)
    terms.check(searches_of(found))
    start = max(1, pool.limits[1])
    trial = bench.run(found[0].scenario(start), TRIAL, terms.seed, about=found[0].about(start))
    check_run_length(scenario, design, pool, question, trial)
    all_options = options(found, start, terms)
    chosen = cheapest(all_options)
    shown = shown_run(all_options, chosen, terms)
    metric, limit_s = frontier_latency(shown, question)
    compared = tuple(differences(chosen, all_options, terms)) if chosen is not None else ()
    told = Beside(compared)
    if chosen is not None and beside:
        told = _beside(chosen, all_options, miss_usd, terms, compared)
    return Size(
        name=design.name,
        pool=pool.name,
        question=question,
        asked=question.words(design),
        error=error,
        worlds=worlds,
        seed=terms.seed,
        horizon_s=design.horizon.duration_s,
        month=rests_on(design),
        options=all_options,
        chosen=chosen,
        lone="" if chosen is not None else ruled_out([each.kind for each in all_options], question),
        services=services_frame(all_options, question),
        candidates=candidates(all_options, chosen, metric, terms),
        latency_metric=metric,
        latency_limit_s=limit_s,
        shown_worlds=len(shown.sample),
        undrawn=shown.sample.controls().undrawn,
        worst=worst_served(shown),
        beside=told,
        unused=unused(shown),
        simulated_worlds=bench.worlds - before[0],
        simulated_requests=bench.requests - before[1],
    )


def _beside(
    chosen: Option,
    all_options: list[Option],
    miss_usd: float | None,
    terms: Terms,
    compared: tuple[Difference, ...],
) -> Beside:
    """What is told beside the answer."""
    fixed = next(o for o in all_options if o.count is not None and _is_fixed(o, chosen))
    assert fixed.found is not None and fixed.count is not None
    kind, count, found = fixed.kind, fixed.count, fixed.found
    looks = found.rule.looks
    few = next((look for look in looks if look >= ORACLE_WORLDS), looks[-1])
    worlds = found.tallies[count].worlds
    below = found.tallies.get(count - 1)
    common = min(worlds, below.worlds if below is not None and below.simulated else looks[0])
    return Beside(
        differences=compared,
        oracle=oracle(kind, count, min(few, worlds), terms),
        worth_of_a_miss_usd=worth_of_a_miss(kind, count, common, terms) if count > 1 else math.nan,
        regret=None
        if miss_usd is None
        else least_regret(kind, count, found.most, worlds, miss_usd, terms),
    )


def _is_fixed(option: Option, chosen: Option) -> bool:
    """Whether an option is the fixed fleet of the chosen service."""
    return not option.kind.autoscaled and option.kind.service == chosen.kind.service
