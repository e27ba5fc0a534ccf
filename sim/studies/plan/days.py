"""Representative days: a month as a weekday, a day at the weekend, and a peak day.

Each is simulated by itself, at a few months of the plan, in all worlds, with the volume, prompts
and hardware that the month has in that world. What a day brings counts as often as the month has
such days; see :mod:`sim.studies.plan.months` for the months between those simulated.

So a month is strata of days of which one stands for the others, as a long horizon is with
``fidelity: auto`` (:mod:`sim.montecarlo.fidelity`), but for two things. The strata are the same in
all months and worlds, and each has a day with a fleet of its own, which the plan finds: to draw a
dozen days in each of a month, with the fleets that are tried on them, would simulate four times as
much, most of it days at the same volume. And months are decisions, each after another, not days
that may stand for others: a month between two that are simulated is interpolated, with an error
that is measured by leaving simulated ones out. Days are simulated exactly, whatever the scenario's
fidelity. A test holds such a month to four whole weeks.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta

from sim.errors import PeakfleetError
from sim.model.closed import ClosedSource
from sim.model.design import Design
from sim.model.generated import GeneratedSource
from sim.model.price import GpuPrice
from sim.scenario import Scenario
from sim.studies.case import Case
from sim.studies.plan.contracts import by_the_token
from sim.studies.plan.outlook import DAYS_PER_MONTH, PREFIX, UNCHANGED, Outlook
from sim.studies.stress.growth import Growth, grown

WEEKDAY, WEEKEND, PEAK = "weekday", "weekend", "peak day"
WEEKDAY_NUMBERS = {WEEKDAY: 1, WEEKEND: 5, PEAK: 1}  # Tuesdays and Saturdays; 0 is Monday
FREE = GpuPrice(0.0)  # GPUs are priced by the plan, not by the scenario

World = tuple[float, ...]
Counts = Mapping[World, Mapping[str, int]]


def days_per_month(outlook: Outlook) -> dict[str, float]:
    """How many days of each kind a mean month has.

    Examples
    --------
    >>> {kind: round(days, 2) for kind, days in days_per_month(Outlook()).items()}
    {'weekday': 20.74, 'weekend': 8.7, 'peak day': 1.0}
    """
    weekend = DAYS_PER_MONTH * 2.0 / 7.0
    return {
        WEEKDAY: DAYS_PER_MONTH - weekend - outlook.peak_days,
        WEEKEND: weekend,
        PEAK: outlook.peak_days,
    }


def kinds_of(outlook: Outlook) -> tuple[str, ...]:
    """Kinds of days that a month has."""
    return (WEEKDAY, WEEKEND, PEAK) if outlook.peak_days > 0 else (WEEKDAY, WEEKEND)


def busiest(outlook: Outlook) -> str:
    """The kind of day that the fleet is made for."""
    return PEAK if outlook.peak_days > 0 else WEEKDAY


def key_of(values: Mapping[str, float]) -> World:
    """What a world is known by: its draws."""
    return tuple(values[path] for path in sorted(values))


def own_of(values: Mapping[str, float]) -> dict[str, float]:
    """What is drawn for the scenario itself, without the outlook."""
    return {path: value for path, value in values.items() if not path.startswith(PREFIX)}


@dataclass(frozen=True, slots=True, eq=False)
class DayScenario(Scenario):
    """One kind of day in one month of a plan.

    Attributes
    ----------
    outlook : Outlook
    month : float
    factor : float
        Volume of the day over that of an ordinary one.
    counts : mapping
        Replicas of the pools that do not scale, by world; those of the scenario where there are
        none.
    """

    outlook: Outlook = UNCHANGED
    month: float = 0.0
    factor: float = 1.0
    counts: Counts | None = None

    def design(self, values: Mapping[str, float]) -> Design:
        """The design of the day in a world."""
        design = Scenario.design(self, own_of(values))
        volume = self.outlook.volume(self.month, values) * self.factor
        design = grown(design, Growth(volume, self.outlook.prompt(self.month, values)))
        counts = (self.counts or {}).get(key_of(values), {})
        speed = self.outlook.hardware(self.month).speed
        return replace(
            design,
            one_off=None,
            managed=tuple(map(by_the_token, design.managed)),
            pools=tuple(
                replace(
                    pool,
                    price=FREE,
                    replicas=counts.get(pool.name, pool.replicas),
                    profile=pool.profile if speed == 1 else pool.profile.sped_up(speed),
                )
                for pool in design.pools
            ),
        )


def day(
    case: Case, outlook: Outlook, month: float, kind: str, counts: Counts | None = None
) -> Scenario:
    """The scenario of one kind of day in a month."""
    whole = case.load()
    start = whole.model.horizon.start
    ahead = (WEEKDAY_NUMBERS[kind] - start.weekday()) % 7
    date = (start + timedelta(days=ahead)).date().isoformat()
    # In one piece: what else the horizon had (its length, how it ends) does not go with a day.
    warm_up_s = whole.document["horizon"]["warm_up"]
    keys = f"start: {date}, days: 1, warm_up: {warm_up_s}, bin: 15min, end: cut"
    exactly = ["fidelity=exact"] if whole.fidelity != "exact" else []
    scenario = case.load([f"horizon={{{keys}}}", *exactly])
    marks = {
        "month": month,
        "kind": kind,
        "outlook": repr(outlook),
        "counts": sorted((key, sorted(each.items())) for key, each in (counts or {}).items()),
    }
    return DayScenario(
        file=scenario.file,
        name=scenario.name,
        worlds=scenario.worlds,
        seed=scenario.seed,
        document={**scenario.document, "plan": marks},  # what a world is known by
        inputs=tuple(sorted((*scenario.inputs, *outlook.inputs), key=lambda each: each.path)),
        warnings=scenario.warnings,
        footing=scenario.footing,
        model=scenario.model,
        traces=scenario.traces,
        outlook=outlook,
        month=month,
        factor=outlook.peak_factor if kind == PEAK else 1.0,
        counts=counts,
    )


def check_planned(design: Design) -> None:
    """Refuse what has no days of its own."""
    for workload in design.workloads:
        if isinstance(workload.source, ClosedSource):
            raise PeakfleetError(
                f"workload {workload.name} waits for answers (think_time), so that its volume is"
                " an outcome that no month can be given; give requests_per_user_per_day in place"
                " of think_time"
            )
        if not isinstance(workload.source, GeneratedSource):
            raise PeakfleetError(
                f"workload {workload.name} replays a trace, which has no weekdays; a plan needs"
                " arrivals with a rate, such as requests_per_day with a shape"
            )
