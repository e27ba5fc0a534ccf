"""Flow control: the gateway of a saturated pool keeps requests, as far as it has noticed."""

from collections.abc import Generator

import simpy

from sim.engine.clock import Clock
from sim.model.design import Design
from sim.model.gateway import FlowControl

Process = Generator[simpy.Event, object, None]


def start(design: Design, clock: Clock) -> None:
    """Have the gateways that have flow control look at their pools."""
    for index, pool in enumerate(design.pools):
        if pool.gateway.flow_control is not None:
            usual, rules = pool.gateway.replica_limit, pool.gateway.flow_control
            clock.env.process(_watched(clock, index, rules, usual))


def _watched(clock: Clock, pool: int, rules: FlowControl, usual: float) -> Process:
    """Look every so often, and let go what can leave until the next look."""
    start_s, looks = float(clock.env.now), 0
    while True:
        if _is_saturated(clock, pool, rules):
            clock.plane.hold_back(pool)
        else:
            clock.plane.let_go(pool, usual, rules.most_released)
        looks += 1
        yield clock.env.timeout(max(0.0, start_s + looks * rules.refresh_s - float(clock.env.now)))


def _is_saturated(clock: Clock, pool: int, rules: FlowControl) -> bool:
    """Whether replicas are full in the mean; of none that is ready, nothing is known."""
    ready = clock.plane.view(pool).ready
    full = clock.plane.saturation(pool, rules.full_queue, rules.full_kv)
    return ready > 0 and full >= ready
