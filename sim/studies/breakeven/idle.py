"""What a fixed fleet costs while nobody comes."""

import math
from dataclasses import replace

import numpy as np

from sim.model.price import DAY_S
from sim.model.purchase import PurchasePlan
from sim.montecarlo.money.gpus import pool_charges
from sim.montecarlo.money.periods import hour_edges_s
from sim.montecarlo.money.work import PoolWork
from sim.scenario import Scenario
from sim.scenario.backend import gpu_price
from sim.scenario.backend.gpu_pool import GpuPool
from sim.scenario.backend.gpu_price import Most


def full_fleets(scenario: Scenario, draws: dict[str, float]) -> list[int]:
    """Numbers of replicas next to which a tranche of the purchase plan is full."""
    (pool,) = scenario.design(draws).pools[:1]
    if not isinstance(pool.price, PurchasePlan):
        return []
    sizes = np.cumsum([tranche.gpus for tranche in pool.price.tranches])
    full = [size / pool.unit_gpus * pool.unit_replicas for size in sizes if math.isfinite(size)]
    return [n for size in full for n in (math.floor(size), math.ceil(size))]


def idle_usd_per_day(scenario: Scenario, draws: dict[str, float], replicas: int) -> float:
    """What a fixed fleet costs a day to which nobody comes."""
    design = scenario.design(draws)
    pool, (model,) = design.pools[0], _pools(scenario)
    hours_s = hour_edges_s(design.horizon.duration_s)
    bought = pool.bought_gpus(replicas) // pool.unit_gpus
    most = Most((float(replicas),), pool.unit_gpus, pool.unit_replicas)
    assert model.price is not None
    start = design.horizon.start
    price = gpu_price.compiled(model.price, most, start, draws)
    pool = replace(pool, replicas=replicas, price=price)
    nothing = np.zeros(len(hours_s) - 1)
    alike = np.full(len(design.workloads), 1 / len(design.workloads))
    work = PoolWork(
        start_s=np.zeros(bought),
        end_s=np.full(bought, design.horizon.duration_s),
        stands_in=np.zeros(bought, np.bool_),
        gpus=pool.unit_gpus,
        placed_share=nothing,  # of nobody's work, whatever it is
        busy_share=nothing,
        worked_share=nothing,
        headroom_share=nothing,
        wasted_share=0.0,
        shares=alike,
        wasted_shares=alike,
        tokens=np.zeros((4, len(nothing))),
    )
    usd = math.fsum(float(c.effective_usd.sum()) for c in pool_charges(pool, work, hours_s))
    return usd / (design.horizon.duration_s / DAY_S)


def _pools(scenario: Scenario) -> list[GpuPool]:
    return [b for b in scenario.model.backends.values() if isinstance(b, GpuPool)]
