"""Which zones of a pool are there, and how many of its replicas are in each."""

from collections.abc import Generator, Iterator
from typing import Protocol

import simpy

from sim.engine.control.replica import Replica
from sim.engine.control.spells import spells
from sim.model.streams import Streams
from sim.model.zones import Zones

Process = Generator[simpy.Event, object, None]


class Spread:
    """Zones in their order; a pool without zones has one without a name, which is always there.

    Parameters
    ----------
    zones : Zones or None
    """

    def __init__(self, zones: Zones | None) -> None:
        names = ("",) if zones is None else zones.names
        self._replicas = dict.fromkeys(names, 0)
        self._outages = dict.fromkeys(names, 0)

    @property
    def is_anywhere(self) -> bool:
        """Whether any zone is there."""
        return any(count == 0 for count in self._outages.values())

    @property
    def there(self) -> list[str]:
        """Zones that are there, those with the fewest replicas first."""
        there = [zone for zone, outages in self._outages.items() if outages == 0]
        return sorted(there, key=self._replicas.__getitem__)

    def place(self, replica: Replica, zone: str | None = None) -> None:
        """Give a replica its zone: of those that are there the one with the fewest, or this one."""
        replica.zone = self.there[0] if zone is None else zone
        self._replicas[replica.zone] += 1

    def remove(self, replica: Replica) -> None:
        """A replica is gone, if it was anywhere."""
        if replica.zone is not None:
            self._replicas[replica.zone] -= 1

    def close(self, zone: str) -> None:
        """An outage of a zone begins."""
        self._outages[zone] += 1

    def open(self, zone: str) -> None:
        """An outage of a zone ends; another may still be under way."""
        self._outages[zone] -= 1


class Spreading(Protocol):
    """A fleet, as far as its zones are told."""

    env: simpy.Environment
    streams: Streams

    def lose_zone(self, zone: str) -> None:
        """All replicas in a zone are dead at once, and none is to be had there."""
        ...

    def regain_zone(self, zone: str) -> None:
        """Replicas are to be had in a zone again."""
        ...


def start(fleet: Spreading, zones: Zones) -> None:
    """Have the outages of a pool's zones happen: of each zone at the same times in all pools."""
    begin_s = float(fleet.env.now)
    for zone in zones.names:
        planned = sorted((start, end) for name, start, end in zones.planned if name == zone)
        for each in planned:
            fleet.env.process(_happen(fleet, zone, iter((each,))))
        by_chance = outages_of(zones, zone, fleet.streams, begin_s)
        fleet.env.process(_happen(fleet, zone, by_chance))


def outages_of(
    zones: Zones, zone: str, streams: Streams, begin_s: float
) -> Iterator[tuple[float, float]]:
    """Beginnings and ends of the outages of a zone that come by chance; none if none do."""
    if zones.gap is not None and zones.duration is not None:
        yield from spells(zones.gap, zones.duration, streams(f"zones/{zone}"), begin_s)


def _happen(fleet: Spreading, zone: str, outages: Iterator[tuple[float, float]]) -> Process:
    for start_s, end_s in outages:
        if end_s <= fleet.env.now:
            continue
        yield fleet.env.timeout(max(0.0, start_s - float(fleet.env.now)))
        fleet.lose_zone(zone)
        yield fleet.env.timeout(end_s - float(fleet.env.now))
        fleet.regain_zone(zone)
