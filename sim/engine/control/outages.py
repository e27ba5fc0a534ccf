"""Incidents of managed backends: what is under way at any moment, told to the data plane.

Incidents that happen by chance follow one another, each a gap after the last.
"""

from collections.abc import Generator, Iterator

import simpy

from sim.engine.clock import Clock
from sim.engine.control import spread
from sim.engine.control.spells import spells
from sim.model.design import Design
from sim.model.managed import Incident, Outages
from sim.model.streams import Streams
from sim.model.zones import Zones

Process = Generator[simpy.Event, object, None]


def start(design: Design, clock: Clock, streams: Streams) -> None:
    """Have the incidents of every managed backend happen."""
    for index, backend in enumerate(design.managed, len(design.pools)):
        span_s = (float(clock.env.now), design.horizon.latest_s)
        incidents: list[Incident] = []
        if backend.outages is not None:
            incidents += incidents_of(backend.outages, backend.name, streams, *span_s)
        if backend.zones is not None:
            incidents += lost(backend.zones, streams, *span_s)
        if incidents:
            clock.env.process(_happen(clock, index, incidents))


def incidents_of(
    outages: Outages, name: str, streams: Streams, begin_s: float, end_s: float
) -> Iterator[Incident]:
    """Incidents that touch [begin_s, end_s), planned ones first."""
    if outages.happened is not None:
        yield from outages.happened
        return
    for start_s, until_s in outages.planned:
        yield Incident(start_s, until_s, 1.0, 1.0)
    if outages.gap is None or outages.duration is None:
        return
    rng = streams(f"outages/{name}")
    for start_s, until_s in spells(outages.gap, outages.duration, rng, begin_s):
        is_full = rng.random() < outages.full_share
        if start_s >= end_s:
            return
        if until_s > begin_s:
            errors = 1.0 if is_full else outages.partial_errors
            slowness = 1.0 if is_full else outages.partial_slowness
            yield Incident(max(start_s, begin_s), until_s, errors, slowness)


def lost(zones: Zones, streams: Streams, begin_s: float, end_s: float) -> Iterator[Incident]:
    """Times that touch [begin_s, end_s) in which a backend is lost with where it stands."""
    for zone in zones.names:
        for start_s, until_s in spread.outages_of(zones, zone, streams, begin_s):
            if start_s >= end_s:
                break
            if until_s > begin_s:
                yield Incident(max(start_s, begin_s), until_s, 1.0, 1.0)
        for name, start_s, until_s in zones.planned:
            if name == zone:
                yield Incident(start_s, until_s, 1.0, 1.0)


def _happen(clock: Clock, index: int, incidents: list[Incident]) -> Process:
    """At every beginning and end, tell the data plane what is under way."""
    moments = sorted({time_s for each in incidents for time_s in each[:2]})
    for moment_s in moments:
        if moment_s > clock.env.now:
            yield clock.env.timeout(moment_s - clock.env.now)
        under_way = [each for each in incidents if each.start_s <= moment_s < each.end_s]
        answered, slowness = 1.0, 1.0
        for each in under_way:
            answered *= 1.0 - each.errors
            slowness = max(slowness, each.slowness)
        clock.plane.set_errors(index, 1.0 - answered)
        clock.plane.set_slowness(index, slowness)
