"""A design with what its world has in store for the whole horizon, whatever part of it is played.

The swings of the rates, the incidents of APIs and the outages of zones are drawn once, as the exact
run draws them, so that a day that is simulated by itself has those that fall on it.
"""

from collections.abc import Iterator
from dataclasses import replace

from sim.engine.control.outages import incidents_of
from sim.engine.control.spells import spells
from sim.model.design import Design, GpuPool
from sim.model.generated import GeneratedSource
from sim.model.managed import ManagedApi
from sim.model.streams import Streams
from sim.model.workload import Workload
from sim.model.zones import Zones

Span = tuple[float, float]


def of_world(design: Design, streams: Streams) -> Design:
    """The design, all of whose requests are generated, with its rates, incidents and outages."""
    span_s = -design.horizon.warm_up_s, design.horizon.duration_s
    return replace(
        design,
        workloads=tuple(_with_rate(each, streams) for each in design.workloads),
        pools=tuple(_with_outages(each, streams, span_s) for each in design.pools),
        managed=tuple(_with_incidents(each, streams, span_s) for each in design.managed),
    )


def _with_rate(workload: Workload, streams: Streams) -> Workload:
    source = workload.source
    assert isinstance(source, GeneratedSource)
    curve = source.world_curve(workload.name, streams)
    return replace(workload, source=replace(source, curve=curve, dispersion=None))


def _with_incidents(api: ManagedApi, streams: Streams, span_s: Span) -> ManagedApi:
    api = replace(api, zones=_known(api.zones, streams, span_s))
    if api.outages is None:
        return api
    happened = tuple(incidents_of(api.outages, api.name, streams, *span_s))
    return replace(api, outages=replace(api.outages, happened=happened))


def _with_outages(pool: GpuPool, streams: Streams, span_s: Span) -> GpuPool:
    zones = _known(pool.failures.zones, streams, span_s)
    return replace(pool, failures=replace(pool.failures, zones=zones))


def _known(zones: Zones | None, streams: Streams, span_s: Span) -> Zones | None:
    if zones is None:
        return None
    planned = (*zones.planned, *_outages(zones, streams, span_s))
    return replace(zones, planned=planned, gap=None, duration=None)


def _outages(zones: Zones, streams: Streams, span_s: Span) -> Iterator[tuple[str, float, float]]:
    """Those by chance that touch a span, of each zone the same in all pools."""
    if zones.gap is None or zones.duration is None:
        return
    begin_s, end_s = span_s
    for zone in zones.names:
        for start_s, until_s in spells(
            zones.gap, zones.duration, streams(f"zones/{zone}"), begin_s
        ):
            if start_s >= end_s:
                break
            if until_s > begin_s:
                yield zone, start_s, until_s
