"""The cheapest mix of the variants of a backend whose SLO holds.

What each variant carries is simulated first: how many replicas of it alone keep the SLO, by the
search for one kind (:mod:`~sim.studies.size.search`). If n do and n - 1 do not, a replica carries
at least 1/n of the load, and at most 1/(n - 1). An integer programme then names the cheapest mix
that could carry it, each replica taken for the most that it may carry::

    min  Σ cost_k n_k    where  Σ most_k n_k ≥ 1,  0 ≤ n_k ≤ limit_k,

and cheaper than the best that is known. Its answer is simulated like any fleet, in the same worlds
with the same looks. If it keeps the SLO it is the best that is known; if not, no fleet with as few
of each variant does, either, which is one more condition (of a larger fleet the opposite is taken
to be true, as in the search), and the programme is asked again. It ends when nothing cheaper is
left, or after ``MOST_TRIES``, which is said.

A mix that these worlds cannot tell counts as one that does not keep the SLO.
"""

import json
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import optimize

from sim.errors import PeakfleetError
from sim.montecarlo.result import RunResult
from sim.scenario import Scenario
from sim.scenario.backend.gpu_pool import GpuPool
from sim.scenario.backend.variants import Variants
from sim.studies.bench import Bench
from sim.studies.case import Case
from sim.studies.size.board import Board
from sim.studies.size.evidence import Verdict
from sim.studies.size.fleet import Kind, design_of
from sim.studies.size.mix import MOST_TRIES, Counts, Evidence, Mix, Tried, in_words, of_mix
from sim.studies.size.options import Terms
from sim.studies.size.question import Question
from sim.studies.size.search import find

LESS = 0.999  # of the best that is known a mix must cost less than


@dataclass(frozen=True, slots=True)
class MixKind(Kind):
    """One mix: so many replicas of each variant, with count 1 the only one."""

    name: str = ""  # of the backend
    pools: tuple[str, ...] = ()
    counts: Counts = ()

    def overrides(self, count: int) -> tuple[str, ...]:
        """What makes the case's fleet this mix."""
        return of_mix(self.name, self.pools, self.counts)

    def about(self, count: int) -> str:
        """The mix in words."""
        return self.words(count)

    def words(self, count: int) -> str:
        """The mix in words: ``1 of h100, 2 of l40s``."""
        return in_words(self.pools, self.counts)


class MixBoard(Board):
    """What is known of one mix."""

    def measure(self, count: int, worlds: int) -> RunResult:
        """Simulate some worlds; work rules nothing out."""
        self.most = 1
        return self._result(count, worlds)


def mix(
    case: Case,
    bench: Bench,
    question: Question | None = None,
    backend: str | None = None,
    worlds: int | None = None,
    seed: int | None = None,
    error: float = 0.05,
) -> Mix:
    """The cheapest mix of a backend's variants whose SLO holds with the asked probability.

    Parameters
    ----------
    backend : str, optional
        The backend that has variants; may be left out where there is only one.
    case, bench, question, worlds, seed, error
        As in :func:`~sim.studies.size.study.size`.

    Raises
    ------
    PeakfleetError
        If no backend has variants, there is nothing to keep, or the worlds could name no fleet
        whatever they show.
    """
    question = question or Question()
    scenario = case.load()
    name = mixed(scenario, backend)
    if name is None:
        raise PeakfleetError(f"{scenario.file}: no backend has variants to mix")
    assert scenario.model.variants is not None
    given = scenario.model.variants[name]
    worlds = scenario.worlds if worlds is None else worlds
    before = bench.worlds
    terms = Terms(question, error, worlds, bench, scenario.seed if seed is None else seed)
    design = design_of(scenario, terms.seed)
    question.check(design)
    terms.check(len(given.pools) + 1)
    pools, case = tuple(given.pools), case.but(*_unscaled(scenario, name, given))
    each = tuple(_evidence(case, scenario, name, given, at, terms) for at in range(len(pools)))
    tried = [_of_one(one, at, len(pools)) for at, one in enumerate(each) if one.found.tallies]
    mixes, complete = _mixes(case, name, pools, each, tried, terms)
    kept = [one for one in (*tried, *mixes) if one.tally.verdict is Verdict.KEEPS]
    return Mix(
        name=design.name,
        backend=name,
        case=case,
        question=question,
        asked=question.words(design),
        error=error,
        worlds=worlds,
        seed=terms.seed,
        evidence=each,
        tried=(*tried, *mixes),
        chosen=min(kept, key=lambda one: one.usd_per_month, default=None),
        complete=complete,
        simulated_worlds=bench.worlds - before,
        pools=pools,
    )


def mixed(scenario: Scenario, backend: str | None) -> str | None:
    """The backend whose variants are to be mixed: that asked for, or all that there is."""
    there = scenario.model.variants or {}
    if backend is not None:
        return backend if backend in there else None
    pools = [pool.name for pool in scenario.typical_design().pools] if len(there) == 1 else []
    return next((n for n, each in there.items() if {*each.pools} == {*pools}), None)


def _unscaled(scenario: Scenario, name: str, given: Variants) -> list[str]:
    """Overrides that take away the autoscalers that there are."""
    keys = {f"backends.{pool}": scenario.model.backends[pool] for pool in given.pools}
    there = [place for place, pool in keys.items() if getattr(pool, "autoscaler", None)]
    there += [f"variants.{name}"] if given.autoscaler is not None else []
    return [f"{place}.autoscaler=null" for place in there]


def _alone(scenario: Scenario, name: str, given: Variants, pool: str) -> tuple[str, ...]:
    """Overrides under which one variant has all the requests of its backend."""
    changes = ["variants=null"] if len(scenario.model.variants or {}) == 1 else []
    changes = changes or [f"variants.{name}=null"]
    for workload, keys in scenario.model.workloads.items():
        assert keys.route is not None
        if name in (leg.to for leg in keys.route.legs):
            if len(keys.route.legs) > 1 or keys.fallback is not None:
                raise PeakfleetError(
                    f"{scenario.file}: workloads.{workload} has a route of several legs, or a"
                    " fallback, so that what a variant carries alone is not known; give it"
                    f" route: {name}"
                )
            changes.append(f"workloads.{workload}.route={pool}")
    for other in given.pools:
        changes.append(f"backends.{other}.replicas=1")
        if other != pool:
            changes.append(f"backends.{other}.candidate=true")
    if given.gateway is not None:
        door = json.dumps(given.gateway.model_dump(exclude_none=True))
        changes.append(f"backends.{pool}.gateway={door}")
    return tuple(changes)


def _evidence(
    case: Case, scenario: Scenario, name: str, given: Variants, at: int, terms: Terms
) -> Evidence:
    """How many replicas of a variant keep the SLO alone."""
    pool = given.pools[at]
    own = case.but(*_alone(scenario, name, given, pool))
    keys = scenario.model.backends[pool]
    assert isinstance(keys, GpuPool)
    kind = Kind(own, pool, keys.service.profile.name)
    board = terms.board(kind, len(given.pools) + 1)
    found = find(board, 1)
    shown = found.sure or max(found.tallies)
    usd = float(terms.cost(kind.scenario(shown), terms.rule(1).looks[0]).mean()) / shown
    return Evidence(pool, found, usd, found.most)


def _of_one(evidence: Evidence, at: int, count: int) -> Tried:
    """The fleet of one kind that keeps the SLO, or the largest that does not."""
    shown = evidence.found.sure or max(evidence.found.tallies)
    counts = tuple(shown if other == at else 0 for other in range(count))
    return Tried(counts, evidence.found.tallies[shown], evidence.usd_per_month * shown)


def _mixes(
    case: Case,
    name: str,
    pools: tuple[str, ...],
    each: tuple[Evidence, ...],
    alone: list[Tried],
    terms: Terms,
) -> tuple[list[Tried], bool]:
    """Mixes in the order of the programme's answers; whether it has come to its end."""
    short: list[Counts] = []  # fleets that miss the SLO
    for at, one in enumerate(each):
        missed = [n for n, t in one.found.tallies.items() if t.verdict is Verdict.MISSES]
        if missed:
            short.append(tuple(max(missed) if at == k else 0 for k in range(len(each))))
    kept = [one.usd_per_month for one in alone if one.tally.verdict is Verdict.KEEPS]
    best = min(kept, default=math.inf)
    tried: list[Tried] = []
    while (counts := cheapest_mix(each, short, LESS * best)) is not None:
        if len(tried) == MOST_TRIES:
            return tried, False
        kind = MixKind(case, name, "", name=name, pools=pools, counts=counts)
        board = MixBoard(kind, terms.question, terms.rule(len(each) + 1), terms.bench, terms.seed)
        tally = board.exhaust(1)
        usd = float(terms.cost(kind.scenario(1), tally.worlds).mean())
        tried.append(Tried(counts, tally, usd))
        if tally.verdict is Verdict.KEEPS:
            best = min(best, usd)
        short.append(counts)
    return tried, True


def cheapest_mix(
    each: Sequence[Evidence], short: Sequence[Counts], below_usd: float
) -> Counts | None:
    """The cheapest mix that may carry the load, below a cost; None if there is none.

    Parameters
    ----------
    each : sequence of Evidence
    short : sequence of tuple of int
        Fleets that were simulated: a mix must have more of some variant than each of them.
    below_usd : float
    """
    n = len(each)
    switches = n * len(short)  # of each fleet that is short: of which variant there is more
    costs = np.append([one.usd_per_month for one in each], np.zeros(switches))
    most = np.append([min(one.most, 1.0) for one in each], np.zeros(switches))
    limits = np.append([float(one.limit) for one in each], np.ones(switches))
    rows = [optimize.LinearConstraint(most[None], 1.0, np.inf), *_larger(short, n)]
    if math.isfinite(below_usd):
        rows.append(optimize.LinearConstraint(costs[None], -np.inf, below_usd))
    bounds = optimize.Bounds(np.zeros(n + switches), limits)
    found = optimize.milp(
        costs, constraints=rows, bounds=bounds, integrality=np.ones(n + switches, np.int64)
    )
    return tuple(round(count) for count in found.x[:n]) if found.success else None


def _larger(short: Sequence[Counts], n: int) -> list[optimize.LinearConstraint]:
    """For each fleet that is short, one variant at least of which there is more."""
    rows, width = [], n + n * len(short)
    for at, counts in enumerate(short):
        place = n + n * at
        some = np.zeros(width)
        some[place : place + n] = 1.0
        rows.append(optimize.LinearConstraint(some[None], 1.0, np.inf))
        for k, had in enumerate(counts):
            more = np.zeros(width)
            more[k], more[place + k] = 1.0, -(had + 1.0)
            rows.append(optimize.LinearConstraint(more[None], 0.0, np.inf))
    return rows
