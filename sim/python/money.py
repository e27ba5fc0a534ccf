"""``sim.breakeven`` and ``sim.plan``: what is cheaper from which volume on, and month by month."""

from collections.abc import Iterable, Mapping, Sequence

from sim.errors import PeakfleetError
from sim.python.asked import checked
from sim.python.result import StudyResult
from sim.python.running import Source
from sim.python.scenario import Change, Scenario
from sim.python.studying import (
    Number,
    Share,
    Told,
    check_above_0,
    check_counts,
    optional,
    share_of,
    workplace,
)
from sim.report.breakeven_text import tell as tell_breakeven
from sim.report.charts.breakeven import breakeven_charts
from sim.report.charts.plan import charts as plan_charts
from sim.report.plan_text import tell as tell_plan
from sim.scenario.values.units import UnitError, parse_quantity
from sim.studies import breakeven as break_even
from sim.studies import plan as planning
from sim.studies.plan.study import DEFAULT_MONTHS, DEFAULT_WORLDS


@checked
def breakeven(
    scenario: Source,
    *changes: Change,
    volumes: Number | Iterable[Number] = (),
    against: str | None = None,
    switching_cost: Number | Iterable[str] | Mapping[str, Number] = (),
    term: float | None = None,
    worlds: int | None = None,
    seed: int | None = None,
    jobs: int | None = None,
    cluster: str | None = None,
    tell: Told | None = None,
) -> StudyResult:
    """The volume from which on each backend of a scenario costs less than the managed API.

    Parameters
    ----------
    scenario : Scenario, path, str or mapping
    *changes : str or mapping
    volumes : iterable of float or str
        Arrivals a day: the range, and where to simulate; 1k to 10M by default.
    against : str, optional
        The side that all others are measured against; the first managed API by default.
    switching_cost : float, str, iterable of str, or mapping
        USD that switching costs once: ``"40k"``, its p5 and p95 ``"20k..60k"``, or by side.
    term : float, optional
        Months within which what is paid at once must be saved.
    worlds, seed, jobs, cluster, tell
        See :mod:`sim.python.studying`.

    Returns
    -------
    StudyResult
    """
    costs = dict(break_even.switching_cost(each) for each in _costs(switching_cost))
    every = volumes.split(",") if isinstance(volumes, str) else volumes
    counts = tuple(map(_volume, every if isinstance(every, Iterable) else [every]))
    check_above_0(term=term)
    case = Scenario.load(scenario, *changes).case
    loaded = case.load()
    with workplace(jobs, cluster, worlds, tell, loaded) as bench:
        answer = break_even.breakeven(
            case, bench, counts or break_even.VOLUMES, against, worlds, seed, costs, optional(term)
        )
    return StudyResult(
        "breakeven", answer, tell_breakeven, breakeven_charts, [loaded], bench.example()
    )


@checked
def plan(
    scenario: Source,
    *changes: Change,
    months: int = 24,
    growth: Number | Sequence[float] = 1,
    creep: Number = 1,
    price: Number = 1,
    refresh: Iterable[tuple[int, float, float]] = (),
    retrain: tuple[int, float] | None = None,
    peak: float = 1.5,
    peak_days: float = 1.0,
    on_demand: float | None = None,
    reserved: Share | None = None,
    spot: Share | None = None,
    spot_share: Share | None = None,
    budget: float | None = None,
    simulate: int | str | None = None,
    probability: Share = 0.75,
    worlds: int | None = None,
    seed: int | None = None,
    jobs: int | None = None,
    cluster: str | None = None,
    tell: Told | None = None,
) -> StudyResult:
    """Month by month: volume, fleet, commitments, cost, margin, and what breaks.

    Parameters
    ----------
    scenario : Scenario, path, str or mapping
    *changes : str or mapping
    months : int
        How many, at most 120.
    growth : float, str or sequence of float
        Of the volume: a factor a year, its p5 and p95 (``"1.5..4"``), or multiples of today's by
        the month.
    creep, price : float or str
        Factors a year on prompts, and on prices.
    refresh : iterable of (month, speed, price)
        New hardware from a month on, counted from 1, its speed and price over today's.
    retrain : (months, USD), optional
        Training every so many months, at that price.
    peak, peak_days : float
        Volume of a peak day over a usual one, and how many a month.
    on_demand : float, optional
        USD for a GPU-hour on demand, today.
    reserved, spot, spot_share : float or str, optional
        Prices over on demand, and the share of what is not reserved that is on spot.
    budget : float, optional
        USD a month, for inference.
    simulate : int or "all", optional
        Months to simulate at most; those between are interpolated.
    probability : float or str
        Share of worlds in which each month's fleet must hold.
    worlds, seed, jobs, cluster, tell
        See :mod:`sim.python.studying`.

    Returns
    -------
    StudyResult
    """
    if (spot is None) != (spot_share is None):
        raise PeakfleetError("spot and spot_share go together: a price, and how much of it")
    check_counts(months=months, simulate=None if isinstance(simulate, str) else simulate)
    check_above_0(budget=budget)
    written = growth if isinstance(growth, str | int | float) else ",".join(map(str, growth))
    yearly, curve = planning.growth(str(written))
    outlook = planning.Outlook(
        months,
        growth=yearly,
        curve=curve,
        creep=planning.factor(str(creep)),
        price=planning.factor(str(price)),
        refreshes=tuple(
            planning.Refresh(month - 1, float(speed), float(usd)) for month, speed, usd in refresh
        ),
        retraining=None if retrain is None else planning.Retraining(retrain[0], float(retrain[1])),
        peak_factor=float(peak),
        peak_days=float(peak_days),
    )
    terms = planning.Terms(
        None if reserved is None else share_of("reserved", reserved, ends=True),
        1.0 if spot is None else share_of("spot", spot, ends=True),
        0.0 if spot_share is None else share_of("spot_share", spot_share, ends=True),
        optional(on_demand),
    )
    case = Scenario.load(scenario, *changes).case
    most = DEFAULT_MONTHS if simulate is None else simulate
    loaded = case.load()
    with workplace(jobs, cluster, worlds, tell, loaded) as bench:
        answer = planning.plan(
            case,
            bench,
            outlook,
            terms,
            worlds=DEFAULT_WORLDS if worlds is None else worlds,
            seed=seed,
            probability=share_of("probability", probability),
            budget_usd=optional(budget),
            simulated=months if most == "all" else int(most),
        )
    return StudyResult("plan", answer, tell_plan, plan_charts, [loaded], bench.example())


def _volume(value: Number) -> float:
    try:
        return parse_quantity(str(value), "count")
    except UnitError as error:
        raise PeakfleetError(f"volumes: {error}") from None


def _costs(given: Number | Iterable[str] | Mapping[str, Number]) -> list[str]:
    """Costs of switching as ``--switching-cost`` has them."""
    if isinstance(given, Mapping):
        return [f"{side}={usd}" for side, usd in given.items()]
    return [str(given)] if isinstance(given, str | int | float) else [*map(str, given)]
