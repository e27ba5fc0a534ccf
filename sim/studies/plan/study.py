"""A plan, month by month: volume, fleet, commitments, cost, margin, latency.

At some months the representative days are simulated, in worlds that differ in today's uncertain
inputs and in what the future brings; see :mod:`sim.studies.plan.months` for which. Pools that do
not scale by themselves get, in every world, the replicas that its busiest day needs, times the
smallest margin with which the SLO holds in enough worlds: who plans knows by then how much there is
to do. Pools that scale do so within their limits. Beside it, today's fleet is kept as it is until
it breaks; see :mod:`sim.studies.plan.breaking`.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sim.errors import PeakfleetError
from sim.scenario import Scenario
from sim.studies.bench import Bench
from sim.studies.case import Case
from sim.studies.held import unsent
from sim.studies.plan.answer import Check, Plan
from sim.studies.plan.breaking import Break, kept, planned
from sim.studies.plan.days import PEAK, WEEKDAY, busiest, check_planned, own_of
from sim.studies.plan.future import Future
from sim.studies.plan.months import anchors, checkable, next_month, widest
from sim.studies.plan.outlook import MOST_MONTHS, PREFIX, UNCHANGED, Outlook
from sim.studies.plan.purchase import Ledger, Terms, bill_usd, bought
from sim.studies.plan.runs import Month, Simulations
from sim.studies.stress.verdict import Judge
from sim.studies.worst import WorstServed, worst_served

FloatArray = npt.NDArray[np.float64]

DEFAULT_WORLDS = 12
FIRST_MONTHS = 5  # simulated before anything is known
DEFAULT_MONTHS = 9  # simulated at most
ALL = MOST_MONTHS
DEFAULT_TERMS = Terms()


def plan(
    case: Case,
    bench: Bench,
    outlook: Outlook = UNCHANGED,
    terms: Terms = DEFAULT_TERMS,
    worlds: int = DEFAULT_WORLDS,
    seed: int | None = None,
    probability: float = 0.75,
    budget_usd: float | None = None,
    simulated: int = DEFAULT_MONTHS,
) -> Plan:
    """Plan the months of a service.

    Parameters
    ----------
    case : Case
    bench : Bench
    outlook : Outlook
    terms : Terms
    worlds : int
    seed : int, optional
        That of the scenario by default.
    probability : float
        With which each month's fleet must hold.
    budget_usd : float, optional
        A month, for inference.
    simulated : int
        Months to simulate at most, beside the first, the last and those around a change of
        hardware, which always are; the others are interpolated. As many as the plan has: all.
    """
    if simulated < 1:
        raise PeakfleetError(f"simulated months ({simulated}) must be at least 1")
    scenario = case.load()
    design = scenario.typical_design()
    check_planned(design)
    prices = {pool.name: terms.usd(pool) for pool in design.pools}
    seed = scenario.seed if seed is None else seed
    judge = Judge(probability)
    if beyond := judge.out_of_reach(worlds):
        bench.advised(beyond)
    runs = Simulations(case, bench, outlook, worlds, seed, judge, design)
    draft = _refined(runs, prices, terms, budget_usd, simulated)
    months, future, ledger = draft.months, draft.future, draft.ledger
    return Plan(
        name=scenario.name,
        worlds=worlds,
        seed=seed,
        probability=probability,
        budget_usd=budget_usd,
        outlook=outlook,
        kept=kept(runs, months, future),
        breaks=draft.breaks,
        checks=tuple(_checks(draft, prices, terms)),
        simulated=tuple(each.month for each in months),
        words=tuple(judge.word(each.held, worlds) for each in months),
        held=tuple(each.held for each in months),
        margins=tuple(each.margin for each in months),
        volume=future.volume,
        gpus={name: gpus.reshape(worlds, outlook.months, -1) for name, gpus in ledger.gpus.items()},
        gpus_per_replica={pool.name: pool.unit_gpus for pool in design.pools},
        commitments=tuple(ledger.commitments),
        reserved_usd=ledger.reserved_usd,
        flexible_usd=ledger.flexible_usd,
        spot_part=terms.spot_part,
        uncommitted_usd=ledger.uncommitted_usd,
        api_usd=draft.api_usd,
        fixed_usd=np.repeat(_fixed_usd(runs)[:, None], outlook.months, axis=1),
        revenue_usd=draft.revenue_usd,
        requests=future.per_month("requests"),
        weekday_p95_s=future.p95_s(WEEKDAY),
        peak_p95_s=future.p95_s(PEAK),
        one_off_usd=_one_off_usd(scenario, runs),
        waiting=future.waiting,
        limit_s=future.limit_s,
        worst=_worst(months, busiest(outlook)),
        unused=_unused(months, ledger.gpus),
    )


def _unused(months: Sequence[Month], gpus: Mapping[str, FloatArray]) -> tuple[str, ...]:
    """Pools that have GPUs, and that nothing is sent to on any simulated day."""
    days = [set(unsent(result)) for month in months for result in month.days.values()]
    return tuple(name for name, used in gpus.items() if used.any() and all(name in d for d in days))


def _worst(months: Sequence[Month], kind: str) -> tuple[int, WorstServed] | None:
    """Of several workloads, the worst served in any simulated month, and in which."""
    found = [(each.month, worst) for each in months if (worst := worst_served(each.days[kind]))]
    return max(found, key=lambda each: (each[1].missed.value, each[0]), default=None)


@dataclass(frozen=True, slots=True)
class _Draft:
    """A plan as far as its simulated months tell."""

    months: list[Month]
    future: Future
    ledger: Ledger
    api_usd: FloatArray
    revenue_usd: FloatArray
    breaks: tuple[Break, ...]


def _refined(
    runs: Simulations,
    prices: Mapping[str, float],
    terms: Terms,
    budget_usd: float | None,
    most: int,
) -> _Draft:
    """Simulate months until it is good enough, or there are as many as may be."""
    outlook = runs.outlook
    # Those around a change of hardware do not count: they have to be there.
    most = min(most + 2 * len(outlook.changes), outlook.months)
    months = _begun(runs, anchors(outlook, min(FIRST_MONTHS, most), most))
    while True:
        draft = _draft(runs, months, prices, terms, budget_usd)
        if len(months) >= most:
            return draft
        checks = {each.month: abs(each.cost) for each in _checks(draft, prices, terms)}
        simulated = [each.month for each in months]
        probes = [each.probe for each in draft.breaks if not each.exact]
        month = next_month(simulated, outlook, checks.__getitem__, probes)
        if month is None and most == outlook.months:
            month = widest(simulated)
        if month is None:
            return draft
        months = sorted([*months, _between(runs, months, month)], key=lambda each: each.month)


def _begun(runs: Simulations, chosen: Sequence[int]) -> list[Month]:
    """The months to begin with: the ends of all hardware first, which tell of those between."""
    outlook = runs.outlook
    ends = {0, outlook.months - 1}.union(*({each - 1, each} for each in outlook.changes))
    months = [runs.month(each) for each in chosen if each in ends]
    for month in chosen:
        if month not in ends:
            months = sorted([*months, _between(runs, months, month)], key=lambda each: each.month)
    return months


def _between(runs: Simulations, months: list[Month], month: int) -> Month:
    """A month between two that are simulated."""
    below = max((each for each in months if each.month < month), key=lambda each: each.month)
    above = min((each for each in months if each.month > month), key=lambda each: each.month)
    return runs.month(month, (below, above))


def _draft(
    runs: Simulations,
    months: list[Month],
    prices: Mapping[str, float],
    terms: Terms,
    budget_usd: float | None,
) -> _Draft:
    future = Future(runs.outlook, runs.values, runs.design, months, runs.terms)
    ledger = bought(prices, terms, future)
    api_usd, revenue_usd = future.api_usd(), future.per_month("revenue_usd")
    cost_usd = ledger.reserved_usd + ledger.flexible_usd + api_usd + _fixed_usd(runs)[:, None]
    breaks = planned(months, runs, cost_usd, revenue_usd, budget_usd)
    return _Draft(months, future, ledger, api_usd, revenue_usd, breaks)


def _checks(draft: _Draft, prices: Mapping[str, float], terms: Terms) -> list[Check]:
    """Each simulated month against its interpolation from its neighbours."""
    future, outlook = draft.future, draft.future.outlook
    bill, p95 = bill_usd(prices, terms, future), future.p95_s(busiest(outlook))
    found = []
    for below, month, above in checkable([each.month for each in draft.months], outlook):
        without = future.without(month)
        other_bill = bill_usd(prices, terms, without)[:, month].mean()
        other_p95 = np.median(without.p95_s(busiest(outlook))[:, month])
        found.append(
            Check(
                month,
                below,
                above,
                _off(float(other_bill), float(bill[:, month].mean())),
                _off(float(other_p95), float(np.median(p95[:, month]))),
            )
        )
    return found


def _fixed_usd(runs: Simulations) -> FloatArray:
    """What is paid every month beside GPUs: (worlds,); no price of a later year changes it."""
    scenario = runs.case.load()
    designs = (scenario.design(own_of(values)) for values in runs.values)
    return np.array([math.fsum(p.fixed_usd_per_month for p in d.pools) for d in designs])


def _off(found: float, true: float) -> float:
    """Relative error; none where there is nothing."""
    return found / true - 1.0 if true > 0 else 0.0


def _one_off_usd(scenario: Scenario, runs: Simulations) -> FloatArray:
    """Training before the first month: (worlds,)."""
    once = []
    for values in runs.values:
        own = {path: value for path, value in values.items() if not path.startswith(PREFIX)}
        one_off = scenario.design(own).one_off
        once.append(one_off.usd if one_off else 0.0)
    return np.array(once)
