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

    def fail(self, node: Node) -> list[Replica]:
        """Take a node away; the replicas that were on it."""
        ...

    def lose(self, replica: Replica, absent_s: float) -> None:
        """A replica is dead at once; its slot can be used again after ``absent_s``."""
        ...

    def give_notice(self, replica: Replica, notice_s: float, absent_s: float) -> None:
        """A replica dies after ``notice_s``."""
        ...

    def set_slowness(self, replica: Replica, slowness: float) -> None:
        """Every engine time of a replica takes ``slowness`` times as long."""
        ...


def attach(fleet: Breakable, replica: Replica) -> None:
    """Start the clocks of all that can go wrong with a replica whose node has begun to run."""
    failures = fleet.pool.failures
    if failures.crashes is not None:
        fleet.env.process(crash(fleet, replica, failures.crashes))
    if failures.spot is not None and not replica.stands_in:
        fleet.env.process(reclaim(fleet, replica, failures.spot))
    if failures.stragglers is not None:
        fleet.env.process(straggle(fleet, replica, failures.stragglers))


def crash(fleet: Breakable, replica: Replica, crashes: Crashes) -> Process:
    """Take the replica and all on its node away at a random time."""
    rng = _stream(fleet, "crashes", replica)
    mean_s = crashes.mean_life_s(fleet.pool.profile.gpus_per_replica)
    yield fleet.env.timeout(rng.exponential(mean_s))
    node = replica.node
    if node is None:  # gone already
        return
    repair_s = _drawn(crashes.repair, rng)
    for victim in fleet.fail(node):
        fleet.lose(victim, repair_s)


def reclaim(fleet: Breakable, replica: Replica, spot: Spot) -> Process:
    """Give notice to a spot instance ahead of its end."""
    rng = _stream(fleet, "spot", replica)
    life_s = _drawn(spot.life, rng)
    absent_s = _drawn(spot.absence, rng)
    yield fleet.env.timeout(max(0.0, life_s - spot.notice_s))
    if not replica.gone:
        fleet.give_notice(replica, min(spot.notice_s, life_s), absent_s)


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
