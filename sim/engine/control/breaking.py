"""What goes wrong with a replica while its node runs: one process for each kind.

Each kind draws from a stream of its own for each replica.
"""

from collections.abc import Generator
from typing import Protocol

import numpy as np
import simpy

from sim.engine.control.capacity import spell_s
from sim.engine.control.replica import Node, Replica
from sim.model.design import GpuPool
from sim.model.distributions import Distribution
from sim.model.failure import Crashes, Spot, Stragglers
from sim.model.streams import Streams

Process = Generator[simpy.Event, object, None]


class Breakable(Protocol):
    """What can go wrong with a fleet, as far as it is told."""

    env: simpy.Environment
    pool: GpuPool
    streams: Streams

    def crash(self, replica: Replica, repair_s: float) -> None:
        """All on a replica's node are dead at once; it can be used again after ``repair_s``."""
        ...

    def lose(self, replica: Replica, absent_s: float) -> None:
        """A replica is dead at once; its slot can be used again after ``absent_s``."""
        ...

    def taken_back(self, replica: Replica, node: Node | None) -> list[Replica]:
        """Who goes with the instance that a replica was the first on."""
        ...

    def give_notice(self, replica: Replica, notice_s: float, absent_s: float) -> None:
        """A replica dies after ``notice_s``."""
        ...

    def set_slowness(self, replica: Replica, slowness: float) -> None:
        """Every engine time of a replica takes ``slowness`` times as long."""
        ...


def attach(fleet: Breakable, replica: Replica, is_new: bool) -> None:
    """Start the clocks of all that can go wrong with a replica whose node runs, and has just begun.

    Or it has come to one that others are on already, which has its life on spot from them.
    """
    failures = fleet.pool.failures
    if failures.crashes is not None:
        fleet.env.process(crash(fleet, replica, failures.crashes))
    if failures.spot is not None and is_new and not replica.stands_in:
        fleet.env.process(reclaim(fleet, replica, failures.spot))
    if failures.stragglers is not None:
        fleet.env.process(straggle(fleet, replica, failures.stragglers))


def crash(fleet: Breakable, replica: Replica, crashes: Crashes) -> Process:
    """Take the replica and all on its node away at a random time."""
    rng = _stream(fleet, "crashes", replica)
    mean_s = crashes.mean_life_s(fleet.pool.profile.gpus_per_replica)
    yield fleet.env.timeout(rng.exponential(mean_s))
    if replica.node is None:  # gone already
        return
    fleet.crash(replica, _drawn(crashes.repair, rng))


def reclaim(fleet: Breakable, replica: Replica, spot: Spot) -> Process:
    """Give notice to a spot instance, with all that is on it, ahead of its end."""
    rng, node = _stream(fleet, "spot", replica), replica.node
    life_s = _drawn(spot.life, rng)
    absent_s = _drawn(spot.absence, rng)
    yield fleet.env.timeout(max(0.0, life_s - spot.notice_s))
    for victim in fleet.taken_back(replica, node):
        fleet.give_notice(victim, min(spot.notice_s, life_s), absent_s)


def straggle(fleet: Breakable, replica: Replica, stragglers: Stragglers) -> Process:
    """Slow a replica down, for good or for spells, if it is a straggler."""
    rng = _stream(fleet, "stragglers", replica)
    if rng.random() >= stragglers.share:
        return
    spells = stragglers.periods
    if spells is None:
        fleet.set_slowness(replica, stragglers.slowness)
        return
    while not replica.gone:
        fleet.set_slowness(replica, 1.0)
        yield fleet.env.timeout(spell_s(spells, True, rng))
        fleet.set_slowness(replica, stragglers.slowness)
        yield fleet.env.timeout(spell_s(spells, False, rng))


def _stream(fleet: Breakable, kind: str, replica: Replica) -> np.random.Generator:
    return fleet.streams(f"{kind}/{fleet.pool.name}/{replica.label}")


def _drawn(duration: Distribution | None, rng: np.random.Generator) -> float:
    return 0.0 if duration is None else max(0.0, float(duration.sample(rng, 1)[0]))
