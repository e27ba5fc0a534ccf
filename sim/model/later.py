"""A design as it is later: the same world, with time 0 at another moment.

Everything that is told by the clock moves along: the rate of requests, how far prompts have grown,
outages that are planned, budgets. What the calendar tells (schedules, prices and paces by the hour)
follows the start of the horizon.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

from sim.model.design import Design, GpuPool, Horizon
from sim.model.generated import GeneratedSource
from sim.model.managed import Budget, Incident, ManagedApi, Outages
from sim.model.rule import require
from sim.model.workload import RequestSource, Workload
from sim.model.zones import Zones

Spans = Sequence[tuple[float, float]]


def later(design: Design, by_s: float, warm_up_s: float, duration_s: float) -> Design:
    """A stretch of a design's horizon as a horizon of its own.

    Parameters
    ----------
    design : Design
        All of whose requests are generated; incidents of its APIs that are to be those of the world
        have ``happened``.
    by_s : float
        When the stretch begins, a multiple of the bins' width.
    warm_up_s : float
        Before that; no longer than the design's own before its time 0.
    duration_s : float

    Raises
    ------
    ValueError
        If requests are not generated, or the stretch is not part of the horizon.
    """
    horizon = design.horizon
    inside = by_s >= 0.0 and by_s + duration_s <= horizon.duration_s
    require(inside, "a stretch", f"{by_s:g} s", "must lie within the horizon")
    reach = by_s + horizon.warm_up_s
    require(warm_up_s <= reach, "its warm-up", warm_up_s, f"must be at most {reach:g} s")
    window = Horizon(
        start=horizon.start + timedelta(seconds=by_s),
        duration_s=duration_s,
        warm_up_s=warm_up_s,
        bin_s=horizon.bin_s,
    )
    return replace(
        design,
        horizon=window,
        workloads=tuple(_workload(each, by_s, window) for each in design.workloads),
        pools=tuple(_pool(each, by_s) for each in design.pools),
        managed=tuple(_api(each, by_s, window) for each in design.managed),
    )


def _workload(workload: Workload, by_s: float, window: Horizon) -> Workload:
    return replace(
        workload,
        source=_source(workload.source, by_s, window),
        spikes=tuple((start - by_s, end - by_s) for start, end in workload.spikes),
    )


def _source(source: RequestSource, by_s: float, window: Horizon) -> GeneratedSource:
    generated = isinstance(source, GeneratedSource)
    require(generated, "requests", type(source).__name__, "must be generated")
    assert isinstance(source, GeneratedSource)
    return replace(
        source,
        curve=source.curve.later(by_s, -window.warm_up_s, window.duration_s),
        epoch_s=source.epoch_s + by_s,
    )


def _pool(pool: GpuPool, by_s: float) -> GpuPool:
    zones = _zones(pool.failures.zones, by_s)
    return replace(pool, failures=replace(pool.failures, zones=zones))


def _zones(zones: Zones | None, by_s: float) -> Zones | None:
    if zones is None or not zones.planned:
        return zones
    planned = tuple((zone, start - by_s, end - by_s) for zone, start, end in zones.planned)
    return replace(zones, planned=planned)


def _api(api: ManagedApi, by_s: float, window: Horizon) -> ManagedApi:
    outages = None if api.outages is None else _outages(api.outages, by_s, window)
    budgets = tuple(_budget(b, by_s) for b in api.budgets)
    return replace(api, outages=outages, budgets=budgets, zones=_zones(api.zones, by_s))


def _outages(outages: Outages, by_s: float, window: Horizon) -> Outages:
    planned = tuple((start - by_s, end - by_s) for start, end in outages.planned)
    if outages.happened is None:
        return replace(outages, planned=planned)
    moved = (
        Incident(start - by_s, end - by_s, errors, slowness)
        for start, end, errors, slowness in outages.happened
    )
    touching = tuple(
        each
        for each in moved
        if each.end_s > -window.warm_up_s and each.start_s < window.duration_s
    )
    return replace(outages, planned=planned, happened=touching)


def _budget(budget: Budget, by_s: float) -> Budget:
    """What is left of its periods; what was spent before has been spent."""
    if by_s == 0.0:
        return budget
    return replace(
        budget,
        ends_s=tuple(end - by_s for end in budget.ends_s if end > by_s),
        spent_usd=0.0,
    )
