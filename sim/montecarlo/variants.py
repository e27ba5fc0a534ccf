"""Figures of a backend that has variants: of all its pools together, beside those of each.

What adds up is the sum over the pools: GPU-hours, dollars, kWh, answers. Attempts, and those that
were turned away, are those that came to the backend; an attempt of a pool is one that the router
gave it.
"""

import math
from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from sim.engine.control import most_ready
from sim.engine.simulation import Outcome
from sim.model.design import Design
from sim.model.variants import Variants
from sim.montecarlo.money.charge import USES
from sim.montecarlo.offered import hours_over_capacity, load, of_variants

FloatArray = npt.NDArray[np.float64]
Figures = dict[str, float]

LOADS = ("offered_load", "offered_load_peak", "hours_over_capacity")
SUMS = (
    "gpu_hours",
    "stand_in_gpu_hours",
    "unused_gpu_hours",
    "ready_replicas_mean",
    "pending_replicas_mean",
    "failed_starts",
    "answers",
    "tokens",
    "cost_usd",
    *(f"cost_{use}_usd" for use in USES),
    "cost_list_usd",
    "saved_by_caches_usd",
    "cost_stand_in_usd",
    "cost_usd_per_month",
    "energy_kwh",
    "energy_kwh_per_month",
    "energy_usd",
    "co2e_kg",
    "co2e_kg_per_month",
    "co2e_embodied_kg",
    "power_mean_w",
)


def variants(outcome: Outcome, design: Design, figures: Mapping[str, float]) -> Figures:
    """Figures of backends that join pools; of the whole, those that they change.

    Parameters
    ----------
    figures : mapping
        All others, by name.
    """
    found: Figures = {}
    whole = {name: figures[name] for name in LOADS}
    for number, joined in enumerate(design.variants):
        own = _summed(joined, figures) | _machines(outcome, design, number, figures)
        found |= {f"backends.{joined.name}.{name}": value for name, value in own.items()}
        whole = {name: max(value, own[name]) for name, value in whole.items()}
    return found | whole


def _of(joined: Variants, name: str, figures: Mapping[str, float]) -> list[float]:
    return [figures[key] for pool in joined.pools if (key := f"backends.{pool}.{name}") in figures]


def _summed(joined: Variants, figures: Mapping[str, float]) -> Figures:
    each = {name: _of(joined, name, figures) for name in SUMS}
    own = {name: math.fsum(values) for name, values in each.items() if values}
    for use in USES:
        cost = own["cost_usd"]
        own[f"cost_{use}_share"] = own[f"cost_{use}_usd"] / cost if cost > 0 else math.nan
    return own


def _machines(
    outcome: Outcome, design: Design, number: int, figures: Mapping[str, float]
) -> Figures:
    joined, names = design.variants[number], [pool.name for pool in design.pools]
    each = [names.index(name) for name in joined.pools]
    booked, duration_s = outcome.ledger.pools[each], design.horizon.duration_s
    before = outcome.ledger.pools[len(design.pools) + number]
    usage = outcome.ledger.usage[:, len(design.backends) + number]
    busy_s, serving_s = (booked[name].sum(axis=1) for name in ("busy_s", "serving_s"))
    work, able = of_variants(outcome, design, number)
    loads, waits_s = load(work, able), float(before["waiting_s"].sum())
    return {
        "utilisation": float(busy_s.sum() / serving_s.sum()) if serving_s.sum() > 0 else math.nan,
        "batch_occupancy": _mean(_of(joined, "batch_occupancy", figures), busy_s),
        "kv_utilisation": _mean(_of(joined, "kv_utilisation", figures), serving_s),
        "ready_replicas_max": float(most_ready([outcome.logs[at] for at in each], 0.0, duration_s)),
        "queue_mean": math.fsum(_of(joined, "queue_mean", figures)) + waits_s / duration_s,
        "offered_load": float(np.average(loads, weights=np.diff(outcome.ledger.edges_s))),
        "offered_load_peak": float(loads.max()),
        "hours_over_capacity": hours_over_capacity(work, able, outcome.ledger.edges_s),
        "attempts": float(usage["attempts"].sum()),
        "rejections": float(usage["rejections"].sum()),
        "errors": math.fsum(_of(joined, "errors", figures)) + float(usage["errors"].sum()),
    }


def _mean(values: list[float], weights: FloatArray) -> float:
    """Weighted by time, over those that are known."""
    known = [(v, w) for v, w in zip(values, weights.tolist(), strict=True) if not math.isnan(v)]
    total = math.fsum(w for _, w in known)
    return math.fsum(v * w for v, w in known) / total if total > 0 else math.nan
