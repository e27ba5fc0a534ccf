"""Regions: the keys of a site, and of what of a backend stands there."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime
from itertools import pairwise
from typing import Annotated, Any, ClassVar, Final, TypeVar

from sim.model import design, purchase
from sim.model import zones as model
from sim.model.managed import ManagedApi
from sim.model.price import GpuPrice
from sim.scenario.backend.autoscaler import Autoscaler
from sim.scenario.backend.energy import Dollars, Energy, Grid, check_grid
from sim.scenario.backend.failures import SPELL, Spot
from sim.scenario.backend.gpu_price import GpuPrices
from sim.scenario.backend.lifecycle import Capacity, ColdStart, Standby, starting_time
from sim.scenario.backend.outages import PlannedOutage
from sim.scenario.backend.replicas import Replicas, replica_limits
from sim.scenario.values.clock import Clock, wall_clock
from sim.scenario.values.fields import Reads, number
from sim.scenario.values.numbers import Number, known
from sim.scenario.values.part import Abbreviated, Factor, Model
from sim.scenario.values.problems import Findings
from sim.scenario.values.varied import Varied, varied

Draws = Mapping[str, float]
Trip = Annotated[Number, number("duration", least=0, most=60)]

OF_ENERGY: Final = ("grid", "pue", "usd_per_kwh")


class RegionOutages(Model):
    """Times in which all that stands in a region is lost."""

    gap: Annotated[Varied, varied(SPELL)] | None = None
    """Time from the end of an outage to the next."""
    duration: Annotated[Varied, varied(SPELL)] | None = None
    """How long an outage lasts; a distribution says how they differ."""
    planned: list[PlannedOutage] | None = None
    """Further outages at given times, such as [{start: 2h, duration: 1h}]."""


class Region(Model):
    """A part of the world, where users are and backends stand."""

    clock: Annotated[Clock, wall_clock()] | None = None
    """Its time zone, such as Europe/Berlin (with daylight saving), or hours from UTC such as
    +05:30: day shapes of its users, timetables of its pools and grids by the hour are on it.
    Default UTC, on which the start of the horizon is."""
    latency: dict[str, Trip] | None = None
    """Network round trips to other regions, such as {us: 90ms}, and to its own backends, such as
    {eu: 15ms}: given once for both ways. A request takes one of them, before its first token; the
    default is 0 to its own, and none to others."""
    grid: Grid | None = None
    """What the electricity emits there, such as {region: DEU}; default that of the site."""
    pue: Annotated[Number, number("factor", least=1, most=10)] | None = None
    """Power of the site over that of its machines; default that of the site."""
    usd_per_kwh: Dollars | None = None
    """Price of electricity there; default that of the site."""
    price_factor: Factor = 1.0
    """Prices of GPUs and tokens there over those of the backend, where that has none of its own
    there; default 1."""
    outages: RegionOutages | None = None
    """When the region is lost, with all that stands there, such as {planned: [{start: 2h, duration:
    1h}]}; default never."""


class PoolThere(Abbreviated):
    """A pool in one of its regions, as far as it differs there."""

    main: ClassVar[tuple[str, Reads]] = ("replicas", replica_limits())

    replicas: Annotated[Replicas, replica_limits()] | None = None
    """Copies of the model there."""
    autoscaler: Autoscaler | None = None
    """Who decides how many there are there."""
    cold_start: Annotated[ColdStart, starting_time()] | None = None
    """From the request for a replica to its serving there."""
    standby: Standby | None = None
    """Loaded replicas in reserve there."""
    capacity: Capacity | None = None
    """How many replicas are to be had there."""
    spot: Spot | None = None
    """Instances there that their owner takes back."""
    price: GpuPrices | None = None
    """Price of a GPU there, without the factor of the region."""
    fixed_usd_per_month: Annotated[Number, number("money", least=0, most=1e9)] | None = None
    """What is paid there every month beside the GPUs."""


def with_replicas(raw: Any) -> Any:
    """A pool as it is written, with the replicas of its first region where it says none of all."""
    there = raw.get("regions") if isinstance(raw, dict) else None
    if not isinstance(there, dict) or not there or "replicas" in raw:
        return raw
    each = [entry.get("replicas") if isinstance(entry, dict) else entry for entry in there.values()]
    return raw if None in each else {**raw, "replicas": each[0]}


Pool = TypeVar("Pool", bound=Model)


def placed(pool: Pool, there: PoolThere) -> Pool:
    """The pool as it is in one of its regions."""
    return pool.model_copy(update=given(there))


def given(there: PoolThere) -> dict[str, Any]:
    """What differs there, by key."""
    return {key: value for key, value in there if value is not None}


def resolved(
    pool: Pool, regions: Mapping[str, PoolThere], there: Callable[[Pool, str], Pool]
) -> dict[str, PoolThere]:
    """What differs in each region, as the pool is resolved ``there``."""
    found = {}
    for name, own in regions.items():
        one = there(placed(pool, own), name)
        found[name] = own.model_copy(update={key: getattr(one, key) for key in given(own)})
    return found


def asked(
    energy: Energy | None, regions: Mapping[str, Region] | None, findings: Findings
) -> Energy | None:
    """What is asked of the energy of a site, or else of one of the regions; notes grids."""
    for name, region in (regions or {}).items():
        if region.grid is not None:
            check_grid(region.grid, ("regions", name, "grid"), findings)
        if energy is None and any(getattr(region, key) is not None for key in OF_ENERGY):
            energy = Energy()
    return energy


def site(energy: Energy | None, region: Region, start: datetime) -> Energy | None:
    """Energy and carbon of a region: its own keys in place of those of the site."""
    own = {key: getattr(region, key) for key in OF_ENERGY if getattr(region, key) is not None}
    if region.grid is not None:
        own["grid"] = on_the_clock(region.grid, region.clock, start)
    if not own:
        return energy
    return (energy or Energy()).model_copy(update=own)


def on_the_clock(grid: Grid, there: Clock | None, start: datetime) -> Grid:
    """A grid whose hours are those of a region, by the hours of UTC, as the clock is at the start.

    An hour that is two halves of others has their mean.
    """
    if grid.by_hour is None or there is None:
        return grid
    hours = len(grid.by_hour)
    whole, part = divmod(there.offset_s(start) / 3600.0, 1.0)
    levels = [grid.by_hour[int(hour + whole) % hours] for hour in range(hours + 1)]
    mixed = tuple((1.0 - part) * one + part * two for one, two in pairwise(levels))
    return grid.model_copy(update={"by_hour": mixed})


def compiled_outages(
    name: str, region: Region, start: datetime, draws: Draws
) -> model.Zones | None:
    """The region as the only zone of a pool that stands there; None if it is never lost."""
    outages = region.outages
    if outages is None:
        return None
    planned = []
    for one in outages.planned or ():
        begin_s = known(one.start.offset(start), draws)
        planned.append((name, begin_s, begin_s + known(one.duration, draws)))
    return model.Zones(
        (name,),
        None if outages.gap is None else outages.gap.distribution(draws),
        None if outages.duration is None else outages.duration.distribution(draws),
        tuple(planned),
        takes_gateway=True,
    )


def dearer(pool: design.GpuPool, factor: float) -> design.GpuPool:
    """The pool at prices that are so many times as high; what is owned has its price already."""
    if factor == 1.0:
        return pool
    price = pool.price
    if isinstance(price, GpuPrice):
        return replace(pool, price=_times(price, factor))
    tranches = (t if isinstance(t, purchase.Owned) else _times(t, factor) for t in price.tranches)
    return replace(pool, price=purchase.PurchasePlan(tuple(tranches)))


def _times(price: Any, factor: float) -> Any:
    public = price.list_usd_per_gpu_hour
    return replace(
        price,
        usd_per_gpu_hour=factor * price.usd_per_gpu_hour,
        list_usd_per_gpu_hour=None if public is None else factor * public,
    )


def dearer_api(api: ManagedApi, factor: float) -> ManagedApi:
    """The API at such prices."""
    if factor == 1.0:
        return api
    price = api.price
    units = factor * price.usd_per_unit_hour
    return replace(api, price=replace(price, factor=factor * price.factor, usd_per_unit_hour=units))
