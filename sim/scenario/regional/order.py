"""In which order the regions of a backend are tried, by the hour of the day of UTC.

Nearest by the round trip; cheapest by the price of a GPU-hour there; cleanest by the grams of a
kWh, the site around it included; night by how far the clock there is from noon. Of what is
uncertain the median counts, of clocks their time at the start of the horizon. Who is equal comes by
the round trip, and then as the regions are written.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sim.scenario.backend import energy
from sim.scenario.backend import region as keys
from sim.scenario.backend.gpu_pool import GpuPool
from sim.scenario.backend.gpu_price import Price
from sim.scenario.schema import DAY_S, ScenarioDocument, Workload, reached
from sim.scenario.values.clock import Clock
from sim.scenario.values.numbers import Number, Uncertain, quantiles, uncertain_in
from sim.scenario.workload.users import HOURS

HOUR_S = 3600.0
NOON = 12.0

Groups = dict[tuple[str, ...], tuple[bool, ...]]


@dataclass(frozen=True, slots=True)
class Orders:
    """What a document says of its regions."""

    document: ScenarioDocument

    @property
    def regions(self) -> Mapping[str, keys.Region]:
        """By name."""
        assert self.document.regions is not None
        return self.document.regions

    def by_hour(self, workload: Workload, home: str) -> Groups:
        """Orders for the users of a region, each with the hours of the day in which it holds.

        Hours that the horizon does not come to have the order of its first.
        """
        there, first = self._there(workload, home), self.document.horizon.start.hour
        passed = set(self._hours())
        orders = {hour: self._order(workload, home, there, hour) for hour in passed | {first}}
        found: dict[tuple[str, ...], set[int]] = {}
        for hour in range(HOURS):
            found.setdefault(orders.get(hour, orders[first]), set()).add(hour)
        ways = sorted(found.items(), key=lambda each: min(each[1]))
        return {order: tuple(hour in hours for hour in range(HOURS)) for order, hours in ways}

    def trip_s(self, home: str, region: str) -> Number:
        """The round trip between users and backends, in seconds."""
        for one, other in ((home, region), (region, home)):
            latency = self.regions[one].latency or {}
            if other in latency:
                return latency[other]
        return 0.0

    def _there(self, workload: Workload, home: str) -> list[str]:
        """Regions of its backends that its data may be in."""
        each = [self.document.backends[n] for n in reached(workload, self.document.backends, None)]
        used = {at for backend in each for at in getattr(backend, "regions", None) or ()}
        allowed = None if workload.stay is None else workload.stay.of(home)
        return [at for at in self.regions if at in used and (allowed is None or at in allowed)]

    def _hours(self) -> list[int]:
        """Hours of the day that the horizon comes to."""
        horizon = self.document.horizon
        length_s = horizon.duration if horizon.days is None else horizon.days * DAY_S
        if length_s is None or length_s >= DAY_S:
            return list(range(HOURS))
        begins_s = horizon.start.minute * 60.0 + horizon.start.second
        count = math.ceil((begins_s + length_s) / HOUR_S - 1e-9)
        return [(horizon.start.hour + hour) % HOURS for hour in range(count)]

    def _order(self, workload: Workload, home: str, there: list[str], hour: int) -> tuple[str, ...]:
        def rank(at: str) -> tuple[float, float]:
            return self._rank(workload, at, hour), middle(self.trip_s(home, at))

        return tuple(sorted(there, key=rank))

    def _rank(self, workload: Workload, at: str, hour: int) -> float:
        match workload.routing:
            case "cheapest":
                return self._usd(workload, at)
            case "cleanest":
                return self._grams(at, hour)
            case "night":
                start, clock = self.document.horizon.start, self.regions[at].clock or Clock()
                ahead_h = clock.offset_s(start) / HOUR_S
                return -abs((hour + 0.5 + ahead_h) % HOURS - NOON)
        return 0.0

    def _usd(self, workload: Workload, at: str) -> float:
        """Of a GPU-hour, or of what is sold by the token, where that is one."""
        names = reached(workload, self.document.backends, None)
        pools = [self.document.backends[n] for n in names]
        for pool in pools:
            if isinstance(pool, GpuPool) and pool.regions is not None and at in pool.regions:
                own = pool.regions[at].price
                price = pool.price if own is None else own
                factor = 1.0 if own is not None else middle(self.regions[at].price_factor)
                return factor * _per_hour(price[0] if isinstance(price, list) else price)
        return middle(self.regions[at].price_factor)

    def _grams(self, at: str, hour: int) -> float:
        """What a kWh emits there, with what the site takes beside it."""
        region, start = self.regions[at], self.document.horizon.start
        site = keys.site(self.document.energy, region, start)
        if site is None or site.grid is None:
            return math.inf
        pue = 1.0 if site.pue is None else middle(site.pue)
        medians = {u.path: middle(u) for u in uncertain_in(site.grid)}
        return pue * energy.compiled_grid(site.grid, medians).g_per_kwh[hour]


def middle(number: Any) -> float:
    """The number, or its median."""
    if isinstance(number, Uncertain):
        return quantiles(number.distribution, [0.5])[0]
    return float(number)


def _per_hour(price: Price | None) -> float:
    if price is None:
        return 0.0
    if price.owned is not None:
        years = middle(price.owned.years)
        return middle(price.owned.usd_per_gpu) / (years * 365.25 * 24)
    if price.usd_per_gpu_second is not None:
        return HOUR_S * middle(price.usd_per_gpu_second)
    return middle(price.usd_per_gpu_hour) if price.usd_per_gpu_hour is not None else 0.0
