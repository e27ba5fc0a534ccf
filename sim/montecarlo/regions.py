"""Figures of regions: of the users there what they got, of the backends there what they cost.

Users are counted where they are, wherever they were served: ``served_away_share`` is the share of
their answers from backends of other regions, and their time to first token has the round trip in
it. Dollars, joules and grams are those of the backends that stand in a region, whoever they served:
over all regions they add up to the whole, but for backends that have no region.
"""

import math
from collections.abc import Mapping, Sequence

from sim.engine.ledger import UNANSWERED
from sim.engine.simulation import Outcome
from sim.model.design import Design, Region
from sim.montecarlo.latencies import latencies
from sim.montecarlo.lower_bounds import OPEN

Figures = dict[str, float]

OF_USERS = ("requests", "completed", *UNANSWERED)  # sums over the workloads of a region
OF_BACKENDS = (  # ... and over its backends
    "cost_usd",
    "cost_usd_per_month",
    "gpu_hours",
    "answers",
    "energy_kwh",
    "energy_kwh_per_month",
    "energy_usd",
    "co2e_kg",
    "co2e_kg_per_month",
    "co2e_embodied_kg",
)
LATENCIES = ("ttft_mean_s", "ttft_p50_s", "ttft_p95_s", "ttft_p99_s", f"ttft{OPEN}")


def of_regions(outcome: Outcome, design: Design, known: Mapping[str, float]) -> Figures:
    """Figures of all regions by name, from those of workloads and backends; none without any."""
    figures: Figures = {}
    for region in design.regions:
        own = _of_users(outcome, design, region, known) | _of_backends(region, known)
        figures |= {f"regions.{region.name}.{name}": value for name, value in own.items()}
    return figures


def _of_users(
    outcome: Outcome, design: Design, region: Region, known: Mapping[str, float]
) -> Figures:
    if not region.workloads:
        return {}
    each = [workload.name for workload in design.workloads]
    indices = [each.index(name) for name in region.workloads]
    sums = {m: _sum(known, "workloads", region.workloads, m) for m in OF_USERS}
    unanswered = math.fsum(sums[fate] for fate in UNANSWERED)
    of_all = latencies(outcome, indices, indices[0])
    return {
        **sums,
        "unanswered_share": _ratio(unanswered, sums["completed"] + unanswered),
        "served_away_share": _away(outcome, design, region, indices),
        **{name: of_all[name] for name in LATENCIES},
    }


def _away(outcome: Outcome, design: Design, region: Region, indices: list[int]) -> float:
    """Share of the answers to users of a region that came from others."""
    answers = outcome.ledger.usage[indices]["answers"].sum(axis=(0, 2, 3))
    elsewhere = {name for other in design.regions if other is not region for name in other.backends}
    away = math.fsum(
        float(count)
        for backend, count in zip(design.backends, answers, strict=True)
        if backend.name in elsewhere
    )
    return _ratio(away, float(answers.sum()))


def _of_backends(region: Region, known: Mapping[str, float]) -> Figures:
    names = [name for name in region.backends if f"backends.{name}.cost_usd" in known]
    return {
        metric: _sum(known, "backends", names, metric)
        for metric in OF_BACKENDS
        if any(f"backends.{name}.{metric}" in known for name in names)
    }


def _sum(known: Mapping[str, float], part: str, names: Sequence[str], metric: str) -> float:
    return math.fsum(known.get(f"{part}.{name}.{metric}", 0.0) for name in names)


def _ratio(top: float, bottom: float) -> float:
    return top / bottom if bottom > 0 else math.nan
