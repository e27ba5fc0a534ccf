"""Energy and carbon: the keys of a site and of a backend, and what they make of a backend."""

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Annotated, Any, Final, Protocol

from sim.catalog import gpu
from sim.catalog.power import grid as catalogue_grid
from sim.catalog.power import grids, power_law
from sim.errors import CatalogError
from sim.model import design
from sim.model import energy as model
from sim.model.managed import ManagedApi
from sim.scenario.backend.replicas import Replicas
from sim.scenario.values.fields import JsonSchema, Reads, number
from sim.scenario.values.numbers import Number, Quantity, extent, in_words, known
from sim.scenario.values.part import Model
from sim.scenario.values.problems import Findings, Path, Spot
from sim.scenario.values.reading import read_number
from sim.scenario.values.service import Service
from sim.scenario.values.units import shown

Draws = Mapping[str, float]

INTENSITY: Final = Quantity("count", least=0, most=5000, certain=True)
PER_TOKEN: Final = 1000.0
LEAST: Final = model.LEAST_CAP
Watts = Annotated[Number, number("power", least=0, most=1e5)]
Dollars = Annotated[Number, number("money", least=0, most=1e3)]


def place() -> Reads:
    """Code or name of a place of the catalogue."""

    def read(raw: Any, spot: Spot) -> Any:
        try:
            if not isinstance(raw, str):
                raise CatalogError(f"{shown(raw)} must be a place such as FRA or France")
            return catalogue_grid(raw).region
        except CatalogError as error:
            spot.wrong(str(error))
            return raw

    return Reads(read, lambda: {"type": "string", "examples": sorted(grids())})


def hours_of_the_day() -> Reads:
    """24 numbers, one for each hour of the day."""

    def read(raw: Any, spot: Spot) -> Any:
        if not isinstance(raw, list) or len(raw) != model.HOURS:
            count = f"has {len(raw)} numbers" if isinstance(raw, list) else shown(raw)
            spot.wrong(f"{count}, must have {model.HOURS}, one for each hour of the day")
            return None
        values = [read_number(item, INTENSITY, spot.below(at)) for at, item in enumerate(raw)]
        if not spot.findings and not any(values):
            spot.wrong("is 0 throughout, must be above 0 somewhere")
        return tuple(values)

    def schema() -> JsonSchema:
        level = {"type": "number", "minimum": 0}
        return {"type": "array", "items": level, "minItems": model.HOURS, "maxItems": model.HOURS}

    return Reads(read, schema)


class Grid(Model):
    """What the electricity emits."""

    region: Annotated[str, place()] | None = None
    """Place whose mean over a year is taken from the catalogue: a code such as FRA or USA, a name,
    EU or WORLD."""
    g_per_kwh: Annotated[Number, number("count", least=0, most=5000)] | None = None
    """Grams of CO2 equivalents a kWh, in its place."""
    by_hour: Annotated[tuple[float, ...], hours_of_the_day()] | None = None
    """24 numbers, one for each hour of the day on the clock of the horizon: grams a kWh; beside a
    region or g_per_kwh only their shape, whose mean is that."""


class Embodied(Model):
    """What making the machines has emitted, spread over their lives."""

    kg_per_gpu: Annotated[Number, number("count", least=0, most=1e6)]
    """Kilograms of CO2 equivalents of a GPU with its share of the machine."""
    years: Annotated[Number, number("count", above=0, most=100)]
    """How long it is used."""


class Power(Model):
    """What a GPU draws, in place of the catalogue's figures."""

    idle: Watts
    """With a model loaded, and nobody there."""
    busy: Watts
    """Beyond that while somebody is in the batch, however few."""
    compute: Watts = 0.0
    """Beyond both, if it did nothing but arithmetic; in proportion to the share of time that this
    takes. Default 0."""
    cap: Watts
    """The most it draws."""


class Energy(Model):
    """Energy and carbon of the site: figures of the answer that are left out without this key."""

    pue: Annotated[Number, number("factor", least=1, most=10)] | None = None
    """Power of the site over that of its machines; default 1, the GPUs alone."""
    grid: Grid | None = None
    """What the electricity emits, such as {region: FRA} or {g_per_kwh: 380}; default unknown."""
    usd_per_kwh: Dollars | None = None
    """Price of electricity. It is told what the energy costs; the bill has it for owned GPUs only,
    as all other prices hold it."""
    embodied: Embodied | None = None
    """What making the machines has emitted, such as {kg_per_gpu: 164, years: 4}; default left
    out."""
    power_budget: Annotated[Number, number("power", above=0, most=1e12)] | None = None
    """What all replicas may draw at their caps, with the site around them, such as 100 kW: an
    autoscaler starts no more than that allows, beside those that are fixed. Default any."""


class PoolEnergy(Energy):
    """Energy and carbon of a pool, where they differ from those of the site."""

    watts: Power | None = None
    """What a GPU draws; default by the catalogue, measured or by its thermal design power."""


class ApiEnergy(Model):
    """Energy and carbon of a backend that others run, of which nothing is measured."""

    wh_per_1k_tokens: Annotated[Number, number("count", least=0, most=1e6)]
    """What a thousand tokens take, of prompts and answers alike, with the data centre around it."""
    grid: Grid | None = None
    """What the electricity emits; default that of the site."""


class Pool(Protocol):
    """What is looked at of a resolved pool."""

    @property
    def energy(self) -> PoolEnergy | None:
        """Its own keys."""

    @property
    def power_cap(self) -> Number | None:
        """Share or watts."""

    @property
    def service(self) -> Service:
        """Whose profile names the GPU."""

    @property
    def replicas(self) -> Replicas:
        """Fixed or not."""


def check(site: Energy | None, pools: Mapping[str, Pool], findings: Findings) -> None:
    """Note what is missing or cannot be of a site and its pools."""
    if site is not None:
        _check_site(site, pools, findings)
    for name, pool in pools.items():
        if site is not None or pool.energy is not None or pool.power_cap is not None:
            _check_pool(pool, ("backends", name), findings)


def _check_site(site: Energy, pools: Mapping[str, Pool], findings: Findings) -> None:
    if site.grid is not None:
        check_grid(site.grid, ("energy", "grid"), findings)
    scaled = [name for name, pool in pools.items() if pool.replicas.fixed is None]
    if site.power_budget is not None and len(scaled) > 1:
        message = f"is for one pool that scales itself, and there are {len(scaled)}"
        remedy = f"give each a budget of its own: energy of {', '.join(scaled)}"
        findings.add(("energy", "power_budget"), message, remedy)


def _check_pool(pool: Pool, path: Path, findings: Findings) -> None:
    gpu_name, keys = pool.service.profile.gpu, pool.energy
    if keys is not None and keys.grid is not None:
        check_grid(keys.grid, (*path, "energy", "grid"), findings)
    if keys is not None and keys.watts is not None:
        usual_w = extent(keys.watts.cap)[0]
    else:
        try:
            usual_w = power_law(gpu_name).cap_w
        except CatalogError as error:
            remedy = "add energy: {watts: {idle: 120 W, busy: 320 W, compute: 600 W, cap: 690 W}}"
            findings.add((*path, "service"), f"what its GPU draws is not known: {error}", remedy)
            return
    if pool.power_cap is not None:
        if 1 < min(extent(pool.power_cap)) <= 10:  # 200 %, which would be 2 W
            message = f"{in_words(pool.power_cap, _cap_text)} must be at most 100%"
            findings.add((*path, "power_cap"), message, f"or be a power, such as {usual_w:g} W")
            return
        least_w = min(_cap_w(end, gpu_name, usual_w) for end in extent(pool.power_cap))
        if least_w < LEAST * usual_w * (1 - 1e-9):
            message = (
                f"{in_words(pool.power_cap, _cap_text)} must be at least {LEAST * usual_w:g} W"
            )
            remedy = f"half of what a GPU draws at most ({gpu_name}); nothing was measured below"
            findings.add((*path, "power_cap"), message, remedy)


def _cap_text(cap: float) -> str:
    if 1 < cap <= 10:
        return f"{100 * cap:.4g}%, or {cap:g} W,"
    return f"{cap:g} W" if cap > 1 else f"{100 * cap:.4g}%"


def check_grid(grid: Grid, path: Path, findings: Findings) -> None:
    """Note a grid that says nothing, or twice what it is."""
    if grid.region is not None and grid.g_per_kwh is not None:
        findings.add((*path, "g_per_kwh"), "goes beside region, which has its own", "remove one")
    if grid.region is None and grid.g_per_kwh is None and grid.by_hour is None:
        findings.add(path, "says nothing", "add region: FRA, or g_per_kwh: 380")


def _kilowatts(watts: float) -> str:
    return f"{watts / 1000:.4g} kW"


def check_budgets(
    pools: tuple[design.GpuPool, ...],
    site: Energy | None,
    own: Mapping[str, PoolEnergy | None],
    findings: Findings,
) -> None:
    """Note fleets that draw more than their budgets, or that of the site, allow from the start."""
    site_text = ""
    if site is not None and site.power_budget is not None:
        site_text = in_words(site.power_budget, _kilowatts)
    for pool in pools:
        if pool.energy is None or math.isinf(pool.energy.power_budget_w):
            continue
        needed = max(pool.replicas + pool.lifecycle.kept_ready, pool.limits[0])
        most = pool.energy.most_replicas(pool.gpus_per_replica)
        if needed > most:
            there, keys = _kilowatts(pool.energy.power_budget_w), own[pool.name]
            is_own = (
                keys is not None
                and keys.power_budget is not None
                and (not site_text or in_words(keys.power_budget, _kilowatts) == there)
            )
            if not is_own and there != site_text:
                there += f", what other pools leave of {site_text},"
            most, each = max(most, 0), _kilowatts(pool.energy.replica_w(pool.gpus_per_replica))
            message = (
                f"{there} is enough for {most:.0f} replica{'' if most == 1 else 's'}"
                f" of {pool.name}, which has {needed} ({each} each at the cap)"
            )
            path: Path = ("backends", pool.name) if is_own else ()
            remedy = "have fewer, or set a power_cap"
            findings.add((*path, "energy", "power_budget"), message, remedy)


def applied(
    pool: design.GpuPool,
    site: Energy | None,
    keys: PoolEnergy | None,
    power_cap: Number | None,
    draws: Draws,
) -> design.GpuPool:
    """The pool with its energy, slowed down under a cap; as it is where nothing is asked."""
    if site is None and keys is None and power_cap is None:
        return pool
    gpu_name = pool.profile.gpu
    law, profile, speed = _law(keys, gpu_name, draws), pool.profile, 1.0
    if power_cap is not None:
        cap_w = _cap_w(known(power_cap, draws), gpu_name, law.cap_w)
        if cap_w < law.cap_w:
            speed = model.speed_under(cap_w / law.cap_w)
            profile, law = model.slowed(profile, speed), law.capped(cap_w)
    energy = replace(_energy(site, keys, draws, law), speed=speed)
    if keys is not None and keys.power_budget is not None:
        energy = replace(energy, power_budget_w=known(keys.power_budget, draws))
    return replace(pool, profile=profile, energy=energy)


def budgeted(
    pools: tuple[design.GpuPool, ...], site: Energy | None, draws: Draws
) -> tuple[design.GpuPool, ...]:
    """The pools with what the site's budget leaves them, and no more replicas than that allows."""
    if site is not None and site.power_budget is not None:
        budget_w = known(site.power_budget, draws)
        fixed_w = [_fixed_w(pool) for pool in pools]
        pools = tuple(
            _within(pool, budget_w - math.fsum(fixed_w) + (0 if pool.autoscaler else own_w))
            for pool, own_w in zip(pools, fixed_w, strict=True)
        )
    return tuple(_limited(pool) for pool in pools)


def _fixed_w(pool: design.GpuPool) -> float:
    assert pool.energy is not None
    if pool.autoscaler is not None:
        return 0.0
    there = pool.replicas + pool.lifecycle.kept_ready
    return there * pool.energy.replica_w(pool.gpus_per_replica)


def _within(pool: design.GpuPool, left_w: float) -> design.GpuPool:
    assert pool.energy is not None
    least_w = min(pool.energy.power_budget_w, max(left_w, 0.0))
    return replace(pool, energy=replace(pool.energy, power_budget_w=least_w))


def _limited(pool: design.GpuPool) -> design.GpuPool:
    """The pool with its life cycle limited; what is too much from the start is told elsewhere."""
    if pool.energy is None:
        return pool
    most = pool.energy.most_replicas(pool.gpus_per_replica)
    if most >= pool.lifecycle.capacity_limit or most < pool.replicas + pool.lifecycle.kept_ready:
        return pool
    return replace(pool, lifecycle=replace(pool.lifecycle, capacity_limit=most))


def applied_to_api(
    api: ManagedApi, site: Energy | None, keys: ApiEnergy | None, draws: Draws
) -> ManagedApi:
    """The API with its energy; unknown where the scenario does not say what tokens take."""
    if site is None and keys is None:
        return api
    energy = _energy(site, keys, draws)
    if keys is not None:
        wh = known(keys.wh_per_1k_tokens, draws) / PER_TOKEN
        energy = replace(energy, pue=1.0, wh_per_token=wh)
    return replace(api, energy=energy)


def _energy(
    site: Energy | None,
    keys: PoolEnergy | ApiEnergy | None,
    draws: Draws,
    law: model.PowerLaw | None = None,
) -> model.Energy:
    """What is said of the backend, or else of the site."""

    def given(key: str) -> Any:
        own = getattr(keys, key, None)
        return getattr(site, key, None) if own is None else own

    pue, grid, price, making = (given(key) for key in ("pue", "grid", "usd_per_kwh", "embodied"))
    return model.Energy(
        law,
        1.0 if pue is None else known(pue, draws),
        None if grid is None else compiled_grid(grid, draws),
        math.nan if price is None else known(price, draws),
        embodied_g_per_gpu_hour=math.nan
        if making is None
        else model.embodied(known(making.kg_per_gpu, draws), known(making.years, draws)),
    )


def compiled_grid(grid: Grid, draws: Draws) -> model.Grid:
    """What a kWh emits by the hour, in a world."""
    found = model.Grid((0.0,) * model.HOURS)
    if grid.region is not None:
        found = catalogue_grid(grid.region)
    if grid.g_per_kwh is not None:
        found = model.Grid((known(grid.g_per_kwh, draws),) * model.HOURS)
    if grid.by_hour is None:
        return found
    if grid.region is None and grid.g_per_kwh is None:
        return model.Grid(grid.by_hour)
    mean = math.fsum(grid.by_hour) / model.HOURS
    shaped = tuple(
        each * level / mean for each, level in zip(found.g_per_kwh, grid.by_hour, strict=True)
    )
    return replace(found, g_per_kwh=shaped)


def _law(keys: PoolEnergy | None, gpu_name: str, draws: Draws) -> model.PowerLaw:
    watts = None if keys is None else keys.watts
    if watts is None:
        return power_law(gpu_name)
    return model.PowerLaw(
        gpu_name,
        known(watts.idle, draws),
        known(watts.busy, draws),
        known(watts.compute, draws),
        known(watts.cap, draws),
        source="given in the scenario",
    )


def _cap_w(cap: float, gpu_name: str, usual_w: float) -> float:
    """Watts of a cap that is a share of the thermal design power up to 1, and else watts."""
    if cap > 1:
        return cap
    try:
        tdp_w = gpu(gpu_name).tdp_w
    except CatalogError:
        tdp_w = math.nan
    return cap * (usual_w if math.isnan(tdp_w) else tdp_w)
