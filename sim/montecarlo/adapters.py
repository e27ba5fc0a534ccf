"""Figures of adapters (LoRA); there are none where no request needs any.

``adapter_hit_share`` is of the admissions of requests to a batch that need an adapter, those that
found it in a slot. ``adapter_load_share`` is the part of the busy time of replicas in which their
steps waited for adapters to be loaded.
"""

from sim.engine.simulation import Outcome
from sim.model.design import Design

COUNTS = ("asked", "found", "loads", "fetches", "evictions", "load_s")


def adapters(outcome: Outcome, design: Design) -> dict[str, float]:
    """All figures, of each pool that can load adapters, and of all such pools together."""
    counts = outcome.adapters
    if counts is None:
        return {}
    figures: dict[str, float] = {}
    sums = dict.fromkeys((*COUNTS, "busy_s"), 0.0)
    for index, pool in enumerate(design.pools):
        if pool.adapters is None:
            continue
        own = {name: float(getattr(counts, name)[index]) for name in COUNTS}
        own["busy_s"] = float(outcome.ledger.pools[index]["busy_s"].sum())
        sums = {name: value + own[name] for name, value in sums.items()}
        figures |= {f"backends.{pool.name}.{name}": each for name, each in _figures(own).items()}
    return figures | _figures(sums)


def _figures(sums: dict[str, float]) -> dict[str, float]:
    return {
        "adapter_hit_share": _ratio(sums["found"], sums["asked"]),
        "adapter_loads": sums["loads"],
        "adapter_fetches": sums["fetches"],
        "adapter_evictions": sums["evictions"],
        "adapter_load_share": _ratio(sums["load_s"], sums["busy_s"]),
    }


def _ratio(top: float, bottom: float) -> float:
    return top / bottom if bottom > 0 else float("nan")
