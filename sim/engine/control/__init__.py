"""The control plane: SimPy processes that add, drain and kill replicas, and have APIs fail."""

from datetime import datetime, timedelta

from sim.engine.clock import Clock
from sim.engine.control import autoscaling, flow_control, outages, variant_fleet
from sim.engine.control.fleet import Fleet
from sim.engine.control.fleet_log import FleetLog, most_ready
from sim.engine.control.gpu_budget import GpuBudget, Tenant
from sim.engine.control.own import (
    AUTOSCALERS,
    AutoscalerError,
    check_sendable,
    own_autoscalers,
)
from sim.engine.control.placed_budget import PlacedBudget
from sim.model.design import Design, GpuPool
from sim.model.streams import Streams

__all__ = [
    "AUTOSCALERS",
    "AutoscalerError",
    "Fleet",
    "FleetLog",
    "check_sendable",
    "most_ready",
    "own_autoscalers",
    "start",
]


def start(design: Design, clock: Clock, streams: Streams) -> dict[int, Fleet]:
    """Fleets of the pools that move, by the index of the pool, with all that happens to backends.

    Their autoscalers are at work, and managed backends have their incidents.
    """
    tenants = _tenants(design, clock)
    fleets = {
        index: Fleet(clock, index, pool, streams, _start(design, pool), tenants.get(index))
        for index, pool in enumerate(design.pools)
        if pool.moves
    }
    together = variant_fleet.start(design, clock, fleets)
    for index, fleet in fleets.items():
        if index not in together:
            autoscaling.start(fleet)
    flow_control.start(design, clock)
    outages.start(design, clock, streams)
    return fleets


def _start(design: Design, pool: GpuPool) -> datetime:
    """Time 0 on the clock of a pool."""
    return design.horizon.start + timedelta(seconds=pool.ahead_s)


def _tenants(design: Design, clock: Clock) -> dict[int, Tenant]:
    """Places of the pools that move among those that share the GPUs of a cluster, if there is one.

    Pools that never move hold theirs for good.
    """
    cluster = design.cluster
    if cluster is None:
        return {}
    resting = [each for each in design.pools if not each.moves]
    floor = cluster.floor()
    if floor is None:
        held = sum(each.bought_gpus(each.replicas) for each in resting)
        budget = GpuBudget(clock.env, cluster.gpus - held, cluster.sharing)
    else:
        for pool in resting:
            floor.fill(pool.unit_gpus, pool.replicas, floor.zones)
        budget = PlacedBudget(clock.env, floor, cluster.sharing)
    return {
        index: budget.join(
            pool.unit_gpus,
            design.quota_gpus(pool),
            cluster.standing(pool.name).priority,
            pool.profile.max_num_seqs * pool.unit_replicas,
        )
        for index, pool in enumerate(design.pools)
        if pool.moves
    }
