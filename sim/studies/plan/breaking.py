"""When something breaks, and by what.

Today's fleet, as it is on today's hardware, with its number of replicas or its autoscaler's limits,
is judged on the busiest day of a month; it no longer holds where fewer worlds keep every SLO than
are asked for. The first such month is searched among those that bring more than any before, so that
it is exact as long as less load never does harm.

The fleet that is planned breaks where not even its largest margin holds in enough worlds; money is
lost, or a budget exceeded, where that is so in most worlds.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sim.model.design import Design
from sim.montecarlo.cause import Cause
from sim.montecarlo.shares import Share
from sim.studies.plan.future import Future
from sim.studies.plan.outlook import Outlook
from sim.studies.plan.runs import Month, Simulations
from sim.studies.resize import smallest

FloatArray = npt.NDArray[np.float64]

MOST_WORLDS = 0.5  # share from which on money matters
OVER_BUDGET = "the budget is exceeded"


@dataclass(frozen=True, slots=True)
class Break:
    """Something that breaks.

    Attributes
    ----------
    month : int
        The first in which it does, counted from 0.
    what : str
        As the end of "from month 3 on …".
    share : Share
        Worlds in that month.
    after : int
        Last month before that was simulated and in which it did not, -1 if it does from the first
        on. The next one is ``month`` if it is known exactly.
    simulated : bool
        Whether the month itself was simulated.
    cause : Cause or None
        The resource, where one ran out.
    """

    month: int
    what: str
    share: Share
    after: int
    simulated: bool = True
    cause: Cause | None = None

    @property
    def exact(self) -> bool:
        """Whether it and the month before were simulated."""
        return self.simulated and self.after == self.month - 1

    @property
    def probe(self) -> int:
        """The month whose simulation says most about when it breaks."""
        if not self.simulated:
            return self.month
        # Money is interpolated in between, and then the month before is all there is in doubt;
        # whether a fleet holds is only known where it was simulated.
        return self.month - 1 if self.cause is None else (self.after + self.month) // 2


@dataclass(frozen=True, slots=True)
class Kept:
    """Today's fleet, kept as it is.

    Attributes
    ----------
    subject, ending : str
        What it is called, and the ending of a verb after that.
    held : dict of int to int
        Worlds that hold, by month that was simulated.
    broken : Break or None
        None if it holds to the end.
    """

    subject: str
    ending: str
    held: dict[int, int]
    broken: Break | None


def kept(runs: Simulations, months: Sequence[Month], future: Future) -> Kept:
    """How long today's fleet holds."""
    order = records(runs.outlook, runs.values, runs.judge.probability)
    held: dict[int, int] = {}

    def breaks(index: int) -> bool:
        month = order[index]
        held[month] = int(runs.held(runs.kept(month)).sum())
        return not runs.enough(held[month])

    guess = _guess(runs, months, future)
    start = max(index for index, month in enumerate(order) if month <= guess)
    found = smallest(breaks, start=start, most=len(order) - 1, least=0)
    subject, ending = _subject(runs.design)
    if found is None:
        return Kept(subject, ending, held, None)
    month = order[found]
    verb = "no longer hold" if month else f"do{'es' if ending else ''} not hold"
    what = f"{subject} {verb}{ending if month else ''}"
    share = Share(runs.worlds - held[month], runs.worlds)
    why = runs.cause(runs.kept(month))
    return Kept(subject, ending, held, Break(month, what, share, month - 1, cause=why))


def records(outlook: Outlook, values: Sequence[dict[str, float]], probability: float) -> list[int]:
    """Months with more requests, longer prompts, or more tokens of prompts than any before.

    In the world that decides: the one that as many worlds as are asked for do not exceed.

    Examples
    --------
    >>> world = {"plan.growth": 1.0, "plan.creep": 1.0}
    >>> records(Outlook(months=6, curve=(1.0, 2.0, 1.5, 2.0, 3.0)), [world], 0.75)
    [0, 1, 4]
    """
    found = []
    most = np.zeros(3)
    for month in range(outlook.months):
        volume = np.array([outlook.volume(month, each) for each in values])
        prompt = np.array([outlook.prompt(month, each) for each in values])
        load = np.quantile(np.stack([volume, prompt, volume * prompt]), probability, axis=1)
        if (load > most * (1.0 + 1e-9)).any():
            found.append(month)
        most = np.maximum(most, load)
    return found


def _guess(runs: Simulations, months: Sequence[Month], future: Future) -> int:
    """About when today's fleet breaks: when the planned one is larger, or breaks itself."""
    outlook, last = runs.outlook, runs.outlook.months - 1
    found = [each.month for each in months if not runs.enough(each.held)]
    speed = np.array([outlook.hardware(month).speed for month in range(outlook.months)])
    for pool in runs.fixed:
        wanted = np.quantile(future.sufficient(pool), runs.judge.probability, axis=0) * speed
        found += np.flatnonzero(wanted > pool.replicas).tolist()
    return min([last, *found])


def _subject(design: Design) -> tuple[str, str]:
    """Today's fleet, and the ending of a verb after it."""
    if not design.pools:
        return "the service as it is today", "s"
    if len(design.pools) > 1 or design.managed:
        return "today's fleet", "s"
    (pool,) = design.pools
    if pool.autoscaler is not None:
        return f"today's autoscaler with at most {pool.limits[1]} replicas", "s"
    one = pool.replicas == 1
    return (
        f"today's {'one' if one else pool.replicas} replica{'' if one else 's'}",
        "s" if one else "",
    )


def planned(
    months: Sequence[Month],
    runs: Simulations,
    cost_usd: FloatArray,
    revenue_usd: FloatArray,
    budget_usd: float | None,
) -> tuple[Break, ...]:
    """What breaks in the plan itself, of each kind the first month.

    Parameters
    ----------
    months : sequence of Month
    runs : Simulations
    cost_usd, revenue_usd : (worlds, months) float64
    budget_usd : float or None
    """
    simulated = [each.month for each in months]
    kinds = {"money is lost": (revenue_usd > 0) & (cost_usd > revenue_usd)}
    if budget_usd is not None:
        kinds[OVER_BUDGET] = cost_usd > budget_usd
    found = []
    for what, where in kinds.items():
        share = where.mean(axis=0)
        broken = np.flatnonzero(share > MOST_WORLDS)
        if len(broken):
            month = int(broken[0])
            after = max((each for each in simulated if each < month), default=-1)
            there = month in simulated
            found.append(Break(month, what, Share.of(where[:, month]), after, there))
    # A fleet that nothing is changed of is today's, which is judged by itself.
    if runs.fixed or runs.outlook.changes:
        found += _unserved(months, runs)
    return tuple(sorted(found, key=lambda each: each.month))


def _unserved(months: Sequence[Month], runs: Simulations) -> list[Break]:
    month = next((each for each in months if not runs.enough(each.held)), None)
    if month is None:
        return []
    what = "no fleet keeps the SLO" if runs.fixed else "new hardware does not keep the SLO either"
    after = max((each.month for each in months if each.month < month.month), default=-1)
    share = Share(runs.worlds - month.held, runs.worlds)
    return [Break(month.month, what, share, after, cause=month.cause)]
