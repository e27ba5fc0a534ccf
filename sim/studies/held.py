"""What fleets held: replicas of an autoscaler over time, and pools that nothing was sent to.

A cost of GPUs is what was paid for replicas; where two autoscalers differ in it, they held more or
fewer of them, ready or on their way. A pool that serves nothing costs as well.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from sim.model.price import HOUR_S
from sim.montecarlo.result import RunResult

COST = "cost_usd_per_month"


@dataclass(frozen=True, slots=True)
class Held:
    """What the autoscaler of a pool held, in the median world.

    Attributes
    ----------
    backend : str
    ready, paid : float
        Replicas that were ready, and that were paid for, on average over the horizon.
    most : float
        Ready at once.
    """

    backend: str
    ready: float
    paid: float
    most: float


def held(result: RunResult) -> Iterator[Held]:
    """What each autoscaled pool held."""
    design = result.scenario.typical_design()
    hours = design.horizon.duration_s / HOUR_S
    for pool in design.pools:
        if pool.autoscaler is None:
            continue
        ready, gpu_hours, most = (
            float(np.nanmedian(result.sample.values(f"backends.{pool.name}.{metric}")))
            for metric in ("ready_replicas_mean", "gpu_hours", "ready_replicas_max")
        )
        yield Held(pool.name, ready, gpu_hours / hours / pool.gpus_per_replica, most)


def unsent(result: RunResult) -> list[str]:
    """Backends that nothing was sent to in any world."""
    names = [each.name for each in result.scenario.typical_design().backends]
    metrics = {name: f"backends.{name}.attempts" for name in names}
    known = set(result.sample.names())
    return [n for n, m in metrics.items() if m in known and not result.sample.values(m).any()]


def unused(result: RunResult) -> dict[str, float]:
    """Those of them that cost: USD in the median month."""
    cost = f"backends.{{}}.{COST}"
    usd = {
        name: float(np.median(result.sample.values(cost.format(name)))) for name in unsent(result)
    }
    return {name: each for name, each in usd.items() if each > 0}


def of_unused(paid: Mapping[str, float]) -> str:
    """Backends that served nothing and what they cost, in a clause.

    >>> of_unused({"big": 8766.0, "old": 20.4})
    '8,786 USD a month are for big, old, which served nothing'
    """
    return f"{sum(paid.values()):,.0f} USD a month are for {', '.join(paid)}, which served nothing"
