"""Where a stream of requests comes from, in a world: its share, its clock, its ways."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import numpy as np

from sim.model.arrivals import RateCurve, spliced
from sim.model.arrivals.shape import DAY_S
from sim.model.design import Horizon, Region
from sim.model.routing import Routing, to_one
from sim.model.workload import Workload
from sim.scenario.backend import region as keys
from sim.scenario.backend.gpu_pool import GpuPool
from sim.scenario.backend.managed import ManagedApi
from sim.scenario.regional.order import Orders
from sim.scenario.schema import ScenarioDocument
from sim.scenario.values.clock import Clock
from sim.scenario.values.numbers import known
from sim.scenario.workload.routes import reached
from sim.scenario.workload.users import HOURS

HOUR_S = 3600.0
UTC = Clock()
WEEK_S = 7 * DAY_S

Draws = Mapping[str, float]
Curves = Callable[[datetime, float, float], RateCurve]


@dataclass(frozen=True, slots=True)
class Place:
    """Where the users of a workload are, as far as their requests show it.

    Attributes
    ----------
    share : float
        Of all users.
    clock : Clock
    hours : tuple of 24 bools, or None
        Of the day, of UTC, in which they send requests that are of this stream.
    """

    share: float = 1.0
    clock: Clock = UTC
    hours: tuple[bool, ...] | None = None

    def curve(self, curves: Curves, horizon: Horizon) -> RateCurve:
        """The rate in a horizon.

        Parameters
        ----------
        curves : callable
            Of time 0 on the clock of the shape, and of a window in seconds from there.
        """
        begin_s, end_s = -horizon.warm_up_s, horizon.duration_s
        spells = self.clock.spells(horizon.start, begin_s, end_s)
        each = [
            curves(horizon.start + timedelta(seconds=ahead_s), begin_s, end_s)
            for _, _, ahead_s in spells
        ]
        whole = each[0]
        if len(each) > 1:
            whole = spliced(each, np.array([from_s for from_s, _, _ in spells[1:]]))
        return whole if self.hours is None else self._masked(whole, horizon.start)

    def usual_share(self, curves: Curves, start: datetime) -> float:
        """What of a mean week's requests are of this stream."""
        if self.hours is None:
            return 1.0
        there = start + timedelta(seconds=self.clock.offset_s(start))
        week = curves(there, 0.0, WEEK_S)
        return self._masked(week, start).mean_rate() / week.mean_rate()

    def _masked(self, curve: RateCurve, start: datetime) -> RateCurve:
        assert self.hours is not None
        past_s = start.minute * 60.0 + start.second  # since the hour began
        first = math.floor((curve.start_s + past_s) / HOUR_S)
        last = math.ceil((curve.end_s + past_s) / HOUR_S)
        hours = np.arange(first, last + 1)
        on = np.array(self.hours, dtype=np.float64)[(start.hour + hours[:-1]) % HOURS]
        return curve.times(np.asarray(hours * HOUR_S - past_s, dtype=np.float64), on)


ANYWHERE = Place()


def of_workload(document: ScenarioDocument, name: str) -> Place:
    """Where the users of an expanded workload are."""
    users = document.workloads[name].regions
    if users is None or document.regions is None:
        return ANYWHERE
    clock = document.regions[users.home].clock or Clock()
    return Place(users.shares[0][1], clock, users.hours)


def region_of(document: ScenarioDocument, name: str) -> str:
    """Where a backend of an expanded document stands; empty for next to all users."""
    there = getattr(document.backends.get(name), "regions", None)
    return "" if there is None else str(next(iter(there)))


def with_trips(workload: Workload, document: ScenarioDocument, draws: Draws) -> Workload:
    """The workload with the way to backends that are far from its users."""
    users = document.workloads[workload.name].regions
    if users is None:
        return workload
    orders, trips = Orders(document), []
    for name in reached(workload.route):
        region = region_of(document, name)
        trip_s = known(orders.trip_s(users.home, region), draws) if region else 0.0
        if trip_s > 0.0:
            trips.append((name, trip_s))
    if not trips:
        return workload
    routing: Routing = workload.routing or to_one(workload.pool)
    return replace(workload, routing=replace(routing, trips_s=tuple(trips)))


def ahead_s(document: ScenarioDocument, region: str, start: datetime) -> float:
    """Seconds that the clock of a backend's region is ahead of UTC."""
    clock = None if document.regions is None or not region else document.regions[region].clock
    return 0.0 if clock is None else clock.offset_s(start)


def regions(document: ScenarioDocument) -> tuple[Region, ...]:
    """Who is where: workloads by the regions of their users, backends by theirs."""
    if document.regions is None:
        return ()
    homes = {n: w.regions.home for n, w in document.workloads.items() if w.regions is not None}
    stand = {n: region_of(document, n) for n in document.backends}
    return tuple(
        Region(
            name,
            tuple(n for n, home in homes.items() if home == name),
            tuple(n for n, at in stand.items() if at == name),
        )
        for name in document.regions
    )


def key(document: ScenarioDocument, backend: GpuPool | ManagedApi) -> keys.Region | None:
    """The keys of the region where a backend of an expanded document stands."""
    if document.regions is None or backend.regions is None:
        return None
    return document.regions[next(iter(backend.regions))]
