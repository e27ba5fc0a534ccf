"""``sim.size`` and ``sim.stress``: which fleet, and what breaks as traffic grows."""

import math
from collections.abc import Iterable, Sequence

from sim.errors import PeakfleetError
from sim.python.asked import checked, refused
from sim.python.result import StudyResult
from sim.python.running import Source
from sim.python.scenario import Change, Scenario
from sim.python.studying import (
    Share,
    Told,
    check_above_0,
    check_counts,
    optional,
    share_of,
    workplace,
)
from sim.report.charts.crowd import crowd_charts
from sim.report.charts.mix import mix_charts
from sim.report.charts.size import size_charts
from sim.report.charts.stress import charts as stress_charts
from sim.report.crowd_text import tell as tell_crowd
from sim.report.mix_text import tell as tell_mix
from sim.report.size_text import tell as tell_size
from sim.report.stress_text import tell as tell_stress
from sim.studies import size as sizing
from sim.studies import stress as stressing
from sim.studies.size.fleet import service_of, services_on, users_of, workload_of_users
from sim.studies.stress.study import DEFAULT_WORLDS

BESIDE_FLEET = ("users", "backend", "services", "gpus", "miss_cost")  # none beside most_users


@checked
def size(
    scenario: Source,
    *changes: Change,
    probability: Share = 0.95,
    attainment: Share | None = None,
    peak: bool = False,
    backend: str | None = None,
    services: Iterable[str] = (),
    gpus: Iterable[str] = (),
    error: Share = 0.05,
    miss_cost: float | None = None,
    users: int | None = None,
    most_users: bool = False,
    worlds: int | None = None,
    seed: int | None = None,
    jobs: int | None = None,
    cluster: str | None = None,
    tell: Told | None = None,
) -> StudyResult:
    """The cheapest fleet of a scenario whose SLO holds in enough of its worlds.

    Parameters
    ----------
    scenario : Scenario, path, str or mapping
    *changes : str or mapping
    probability : float or str
        Share of worlds that must keep the SLO.
    attainment : float or str, optional
        Share of requests that must keep it; the SLO's own by default.
    peak : bool
        Ask the worst hour's p95 to keep the thresholds, too.
    backend : str, optional
        The pool to size, where there are several, or the backend whose variants are to be mixed.
    services : iterable of str
        Further service profiles, ``NAME`` or ``NAME@USD`` (per GPU-hour).
    gpus : iterable of str
        Types of GPU on which to consider the same model.
    error : float or str
        Chance of a wrong answer.
    miss_cost : float, optional
        USD for a request outside of the SLO, for the least-regret fleet.
    users : int, optional
        Size the fleet for so many, in place of the scenario's.
    most_users : bool
        Ask how many users the fleet holds as it is, in place of the fleet.
    worlds, seed, jobs, cluster, tell
        See :mod:`sim.python.studying`.

    Returns
    -------
    StudyResult
    """
    case = Scenario.load(scenario, *changes).case
    if users is not None:
        check_counts(users=users)
        case = case.but(users_of(workload_of_users(case.load()), users))
    share = math.nan if attainment is None else share_of("attainment", attainment)
    question = sizing.Question(share_of("probability", probability), peak, share)
    loaded = case.load()
    if most_users:
        given = (users, backend, tuple(services), tuple(gpus), miss_cost)
        for name, value in zip(BESIDE_FLEET, given, strict=True):
            if value:
                raise PeakfleetError(f"{name} has no meaning beside most_users; remove one")
        with workplace(jobs, cluster, worlds, tell, loaded) as bench:
            crowd = sizing.most_users(case, bench, question, worlds, seed, share_of("error", error))
        return StudyResult("size", crowd, tell_crowd, crowd_charts, [loaded], bench.example())
    types = tuple(gpus)
    if (joined := sizing.mixed(loaded, backend)) is not None:
        for name, value in (
            ("services", tuple(services)),
            ("gpus", types),
            ("miss_cost", miss_cost),
        ):
            if value:
                raise PeakfleetError(f"{name} has no meaning for a mix of variants; remove one")
        with workplace(jobs, cluster, worlds, tell, loaded) as bench:
            wrong = share_of("error", error)
            answer_ = sizing.mix(case, bench, question, joined, worlds, seed, wrong)
        return StudyResult("size", answer_, tell_mix, mix_charts, [loaded], bench.example())
    if types:
        services = (*services, *services_on(types, service_of(case, backend)))
    with workplace(jobs, cluster, worlds, tell, loaded) as bench:
        answer = sizing.size(
            case,
            bench,
            question,
            backend,
            services,
            worlds,
            seed,
            share_of("error", error),
            optional(miss_cost),
        )
    return StudyResult("size", answer, tell_size, size_charts, [loaded], bench.example())


@checked
def stress(
    scenario: Source,
    *changes: Change,
    growth: float | Sequence[float] = (),
    prompt_growth: float | Sequence[float] = (),
    miss_growth: float | Sequence[float] = (),
    retry_growth: float | Sequence[float] = (),
    spike: float | None = 3.0,
    spike_minutes: float = 15.0,
    steps_only: bool = False,
    budget: float | None = None,
    probability: Share = 0.75,
    worlds: int | None = None,
    seed: int | None = None,
    jobs: int | None = None,
    cluster: str | None = None,
    tell: Told | None = None,
) -> StudyResult:
    """What breaks first on the way to a multiple of the traffic.

    Parameters
    ----------
    scenario : Scenario, path, str or mapping
    *changes : str or mapping
    growth, prompt_growth, miss_growth, retry_growth : float or sequence of float
        Multiples of the traffic, of the prompts' length, of what caches miss, of retries; volume
        to the tenfold where none is given.
    spike : float, optional
        Factor of the spike that fleets are to recover from; None does without.
    spike_minutes : float
        How long it lasts.
    steps_only : bool
        Do not look for the breaking point between the steps.
    budget : float, optional
        USD a month.
    probability : float or str
        Share of worlds in which a fleet must hold.
    worlds, seed, jobs, cluster, tell
        See :mod:`sim.python.studying`.

    Returns
    -------
    StudyResult
    """
    lists = {"growth": growth, "prompt_growth": prompt_growth, "miss_growth": miss_growth,
             "retry_growth": retry_growth}  # fmt: skip
    steps = stressing.path_of(*(_factors(name, each) for name, each in lists.items()))
    case = Scenario.load(scenario, *changes).case
    if spike is not None and not (1.0 < spike <= 1000.0 and 0.0 < spike_minutes <= 360.0):
        raise PeakfleetError(
            f"spike ({spike:g}, {spike_minutes:g} minutes) must be a factor above 1 and at most"
            " 1,000, for at most 360 minutes"
        )
    check_above_0(budget=budget)
    loaded = case.load()
    with workplace(jobs, cluster, worlds, tell, loaded) as bench:
        answer = stressing.stress(
            case,
            bench,
            steps,
            worlds=DEFAULT_WORLDS if worlds is None else worlds,
            seed=seed,
            probability=share_of("probability", probability),
            budget_usd=optional(budget),
            spike=None if spike is None else stressing.Spike(float(spike), 60.0 * spike_minutes),
            enclose=not steps_only,
        )
    return StudyResult("stress", answer, tell_stress, stress_charts, [loaded], bench.example())


def _factors(name: str, value: float | Sequence[float] | str) -> tuple[float, ...]:
    """Factors as numbers; a text has them as the command line takes them."""
    given = value.split(",") if isinstance(value, str) else value
    try:
        return tuple(map(float, given if isinstance(given, Sequence) else [given]))
    except ValueError:
        raise refused(name, value, "a number, or a list of numbers") from None
