"""A data plane without requests, for tests of the control plane: loads are told, not simulated."""

import math
from collections.abc import Callable, Generator
from dataclasses import replace
from datetime import datetime
from typing import Any, NamedTuple

import simpy
from fleets import pool

from sim.engine.control import AUTOSCALERS, Fleet, autoscaling
from sim.model.autoscaler import Custom
from sim.model.streams import Streams

MONDAY = datetime(2026, 11, 23)


class View(NamedTuple):
    """Counts of a pool."""

    ready: int
    held: int = 0
    waiting: int = 0
    running: int = 0
    kv_utilisation: float = 0.0
    attempts: float = 0.0
    rejected: int = 0
    output_tokens: float = 0.0
    prompt_tokens: float = 0.0


class FakePlane:
    """Replicas and a load that is a function of time; a drained one takes ``drain_s`` to leave."""

    def __init__(self, replicas: int, load: Callable[[float], dict[str, float]]) -> None:
        self.now = 0.0
        self.pool_of = [0] * replicas
        self.ready = set(range(replicas))
        self.gone_s = [math.inf] * replicas
        self.slowness = dict.fromkeys(range(replicas), 1.0)
        self.killed: list[int] = []
        self.load = load
        self.empties_at_once = True
        self.env: simpy.Environment

    def view(self, pool: int) -> View:
        return View(len(self.ready), **self.load(float(self.env.now)))  # type: ignore[arg-type]

    def saturation(self, pool: int, full_queue: float, full_kv: float) -> float:
        """As if all replicas had the same."""
        view = self.view(pool)
        waiting = view.waiting / len(self.ready) if self.ready else 0.0
        return len(self.ready) * max(waiting / full_queue, view.kv_utilisation / full_kv)

    def add(self, pool: int, slowness: float = 1.0) -> int:
        replica = len(self.pool_of)
        self.pool_of.append(pool)
        self.gone_s.append(math.inf)
        self.ready.add(replica)
        self.slowness[replica] = slowness
        return replica

    def drain(self, replica: int) -> bool:
        self.ready.remove(replica)
        if self.empties_at_once:
            self.gone_s[replica] = self.env.now
        return self.empties_at_once

    def kill(self, replica: int) -> None:
        self.ready.discard(replica)
        self.killed.append(replica)
        self.gone_s[replica] = self.env.now

    def slow_down(self, replica: int, slowness: float) -> None:
        self.slowness[replica] = slowness


class FakeClock:
    """SimPy's environment with the events that the data plane would raise, raised by hand."""

    def __init__(self, plane: FakePlane) -> None:
        self.env = plane.env = simpy.Environment()
        self.plane = plane
        self.held = self.env.event()
        self.when_gone: dict[int, simpy.Event] = {}

    def gone(self, replica: int) -> simpy.Event:
        return self.when_gone.setdefault(replica, self.env.event())

    def request_held(self, pool: int) -> simpy.Event:
        return self.held

    def hold(self) -> None:
        """A first request waits at the gateway."""
        held, self.held = self.held, self.env.event()
        held.succeed()


def by_hand(fleet: Fleet) -> Generator[simpy.Event]:
    """An autoscaler that never acts: the test does."""
    yield fleet.env.event()


AUTOSCALERS["by hand"] = by_hand


def steered(replicas: int, most: int = 20, **pool_fields: Any) -> tuple[Fleet, FakeClock]:
    """A fleet that the test scales by hand."""
    return fake_fleet(replicas, autoscaler=Custom("by hand", most), **pool_fields)


def idle(now_s: float) -> dict[str, float]:
    """Nothing to do."""
    return {}


def fake_fleet(
    replicas: int = 1,
    load: Callable[[float], dict[str, float]] = idle,
    seed: int = 1,
    start: datetime = MONDAY,
    **pool_fields: Any,
) -> tuple[Fleet, FakeClock]:
    """A fleet on the fake plane, its autoscaler at work."""
    clock = FakeClock(FakePlane(replicas, load))
    managed = replace(pool(replicas=replicas), **pool_fields)
    fleet = Fleet(clock, 0, managed, Streams(seed, 0), start)  # type: ignore[arg-type]
    autoscaling.start(fleet)
    return fleet, clock


def run(clock: FakeClock, until_s: float) -> None:
    """All that happens up to and at a time, which it then is."""
    if until_s > clock.env.now:
        clock.env.run(until=until_s)
    while clock.env.peek() <= until_s:
        clock.env.step()


def per_second(fleet: Fleet, clock: FakeClock, until_s: int) -> list[tuple[int, int]]:
    """(desired, ready) after all that happens at each second 0, 1, ..., ``until_s``."""
    seconds = []
    for now_s in range(until_s + 1):
        run(clock, now_s)
        seconds.append((fleet.desired, fleet.ready))
    return seconds
