"""Incidents of managed backends: what is under way at any moment, told to the data plane.

Incidents that happen by chance follow one another, each a gap after the last. They are laid out
from many cycles before the simulation begins, so that its beginning finds them as any moment would.
"""

from collections.abc import Generator, Iterator
from typing import NamedTuple

import simpy

from sim.engine.clock import Clock
from sim.model.design import Design
from sim.model.managed import Outages
from sim.model.streams import Streams

Process = Generator[simpy.Event, object, None]

_CYCLES_BEFORE = 20


class Incident(NamedTuple):
    """A time in which a share of the attempts fails, and the others are slow."""

    start_s: float
    end_s: float
    errors: float
    slowness: float


def start(design: Design, clock: Clock, streams: Streams) -> None:
    """Have the incidents of every managed backend happen."""
    for index, backend in enumerate(design.managed, len(design.pools)):
        if backend.outages is not None:
            span_s = (float(clock.env.now), design.horizon.latest_s)
            incidents = list(incidents_of(backend.outages, backend.name, streams, *span_s))
            clock.env.process(_happen(clock, index, incidents))


def incidents_of(
    outages: Outages, name: str, streams: Streams, begin_s: float, end_s: float
) -> Iterator[Incident]:
    """Incidents that touch [begin_s, end_s), planned ones first."""
    for start_s, until_s in outages.planned:
        yield Incident(start_s, until_s, 1.0, 1.0)
    if outages.gap is None or outages.duration is None:
        return
    rng = streams(f"outages/{name}")
    cycle_s = outages.gap.mean() + outages.duration.mean()
    now_s = begin_s - (_CYCLES_BEFORE + rng.random()) * cycle_s
    while True:
        now_s += float(outages.gap.sample(rng, 1)[0])
        lasts_s = float(outages.duration.sample(rng, 1)[0])
        is_full = rng.random() < outages.full_share
        if now_s >= end_s:
            return
        if now_s + lasts_s > begin_s:
            errors = 1.0 if is_full else outages.partial_errors
            slowness = 1.0 if is_full else outages.partial_slowness
            yield Incident(max(now_s, begin_s), now_s + lasts_s, errors, slowness)
        now_s += lasts_s


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
