"""The figures of one replication, from what the engine has booked.

Metric names are those of the results folder. Figures of a workload carry the prefix
``workloads.<name>.``, those of a pool ``backends.<name>.``, those of a
region ``regions.<name>.``.

Conservation, per workload and in total: **requests** = completed + timed_out + rejected + failed +
gave_up + in_flight_end; **attempts** = requests - response_hits + retries + hedges + fallbacks +
escalations; **tasks** = tasks_completed + tasks_failed + those under way; **tokens** that arrived =
those of the requests of every fate and of those in flight; **replica-seconds**: serving (ready or
draining) = busy + idle; **dollars**: see :mod:`sim.montecarlo.money`.
"""

import numpy as np
import numpy.typing as npt

from sim.engine.control import most_ready
from sim.engine.ledger import UNANSWERED
from sim.engine.simulation import Outcome
from sim.engine.state.record import Records
from sim.model.design import Design
from sim.model.price import HOUR_S
from sim.montecarlo.adapters import adapters
from sim.montecarlo.early_warning import warnings
from sim.montecarlo.ending import ending, of_batch
from sim.montecarlo.latencies import late, latencies
from sim.montecarlo.money import money
from sim.montecarlo.offered import hours_over_capacity, load, work_and_capacity_s
from sim.montecarlo.regions import of_regions
from sim.montecarlo.tiers import tiers
from sim.montecarlo.variants import variants

FloatArray = npt.NDArray[np.float64]

COUNTS = (  # of the bins, summed over the horizon
    "requests",
    "attempts",
    "retries",
    "retries_withheld",
    "hedges",
    "fallbacks",
    "escalations",
    "degraded",
    "completed",
    "rejected",
    "failed",
    "timed_out",
    "gave_up",
    "response_hits",
    "prompt_tokens",
    "cached_tokens",
    "found_later_tokens",
    "found_again_tokens",
    "output_tokens",
    "wasted_tokens",
    "preemptions",
    "shed",
    "tasks",
    "tasks_completed",
    "tasks_failed",
)


def metrics(outcome: Outcome, design: Design) -> dict[str, float]:
    """All figures of a replication by name."""
    every_workload = list(range(len(design.workloads)))
    together = _service(outcome, design, every_workload, row=len(every_workload))
    pools = [_pool(outcome, design, index) for index in range(len(design.pools))]
    figures = together | _fleet(outcome, design, pools) | ending(outcome, design)
    for index, workload in enumerate(design.workloads):
        is_all = len(every_workload) == 1
        own = together if is_all else _service(outcome, design, [index], row=index)
        if workload.has_deadline:
            own = own | {"deadline_met_share": own["slo_attainment"]} | of_batch(outcome, index)
        figures |= {f"workloads.{workload.name}.{name}": value for name, value in own.items()}
    for pool, own in zip(design.pools, pools, strict=True):
        figures |= {f"backends.{pool.name}.{name}": value for name, value in own.items()}
    figures |= money(outcome, design) | tiers(outcome, design) | adapters(outcome, design)
    figures |= variants(outcome, design, figures)
    return figures | of_regions(outcome, design, figures)


def _ratio(top: float, bottom: float) -> float:
    return top / bottom if bottom > 0 else float("nan")


def _service(outcome: Outcome, design: Design, indices: list[int], row: int) -> dict[str, float]:
    """Requests, latencies and attainment of some workloads together."""
    booked = outcome.ledger.workloads[indices]
    totals = {field: float(booked[field].sum()) for field in COUNTS}
    unanswered = sum(totals[fate] for fate in UNANSWERED)
    resolved = totals["completed"] + unanswered
    expected = resolved + _late_in_flight(outcome, design, indices)
    slo_met = float(booked["slo_met"].sum())
    in_flight = np.isin(outcome.in_flight["workload"], indices)
    return {
        **_prompts_as_found(totals),
        "in_flight_end": float(in_flight.sum()),
        "unanswered_share": _ratio(unanswered, resolved),
        "slo_attainment": _ratio(slo_met, expected),
        "goodput_rps": slo_met / design.horizon.duration_s,
        **shares_of(totals),
        **warnings(outcome.ledger.workloads, outcome.ledger.edges_s, design, indices),
        **latencies(outcome, indices, row),
    }


def _prompts_as_found(totals: dict[str, float]) -> dict[str, float]:
    """Counts, with what requests found by chance and what they found again apart.

    ``cached_tokens`` is what answered requests found of their prompts at their first admission to a
    batch; ``found_again_tokens`` what was found at any later one: by preempted requests, and by
    those that were sent again after a timeout, a loss or as a hedge.
    """
    later = totals["found_later_tokens"]
    return {
        **{name: count for name, count in totals.items() if name != "found_later_tokens"},
        "cached_tokens": totals["cached_tokens"] - later,
        "found_again_tokens": totals["found_again_tokens"] + later,
    }


def shares_of(totals: dict[str, float]) -> dict[str, float]:
    """What of all attempts, work, prompts and tasks was of which kind."""
    computed = totals["prompt_tokens"] - totals["cached_tokens"] + totals["output_tokens"]
    wasted = totals["wasted_tokens"]
    sent = totals["requests"] - totals["response_hits"]
    ended = totals["tasks_completed"] + totals["tasks_failed"]
    return {
        "retry_amplification": _ratio(totals["attempts"], sent),
        "wasted_work_share": _ratio(wasted, wasted + computed),
        "cache_hit_rate": _ratio(
            totals["cached_tokens"] - totals["found_later_tokens"], totals["prompt_tokens"]
        ),
        "response_cache_hit_rate": _ratio(totals["response_hits"], totals["requests"]),
        "task_success": _ratio(totals["tasks_completed"], ended),
    }


def _late_in_flight(outcome: Outcome, design: Design, indices: list[int]) -> float:
    """Requests in flight at the end that can no longer keep their SLO."""
    return float(
        sum(
            late(
                outcome.in_flight[outcome.in_flight["workload"] == index],
                design.workloads[index].slo,
                design.horizon.duration_s,
            ).sum()
            for index in indices
        )
    )


def _fleet(outcome: Outcome, design: Design, pools: list[dict[str, float]]) -> dict[str, float]:
    """Machines of all pools together, of which ``pools`` are the figures."""
    booked = outcome.ledger.pools[: len(pools)]
    return {
        "gpu_hours": float(sum(pool["gpu_hours"] for pool in pools)),
        "stand_in_gpu_hours": float(sum(pool["stand_in_gpu_hours"] for pool in pools)),
        "unused_gpu_hours": float(sum(pool["unused_gpu_hours"] for pool in pools)),
        "utilisation": _ratio(booked["busy_s"].sum(), booked["serving_s"].sum()),
        "batch_occupancy": _weighted(pools, "batch_occupancy", booked["busy_s"].sum(axis=1)),
        "kv_utilisation": _weighted(pools, "kv_utilisation", booked["serving_s"].sum(axis=1)),
        "ready_replicas_mean": booked["ready_s"].sum() / design.horizon.duration_s,
        "ready_replicas_max": float(most_ready(outcome.logs, 0.0, design.horizon.duration_s)),
        "pending_replicas_mean": float(sum(pool["pending_replicas_mean"] for pool in pools)),
        "failed_starts": float(sum(pool["failed_starts"] for pool in pools)),
        "offered_load": max((pool["offered_load"] for pool in pools), default=0.0),
        "offered_load_peak": max((pool["offered_load_peak"] for pool in pools), default=0.0),
        "hours_over_capacity": max((pool["hours_over_capacity"] for pool in pools), default=0.0),
    }


def _weighted(pools: list[dict[str, float]], name: str, weights: FloatArray) -> float:
    values = np.array([pool[name] for pool in pools])
    known = ~np.isnan(values)
    return _ratio(float((values * weights)[known].sum()), float(weights[known].sum()))


def _pool(outcome: Outcome, design: Design, index: int) -> dict[str, float]:
    """Machines of one pool."""
    pool, booked = design.pools[index], outcome.ledger.pools[index]
    profile = pool.profile
    busy_s, serving_s = float(booked["busy_s"].sum()), float(booked["serving_s"].sum())
    rented = [r.end_s - r.start_s for r in outcome.rentals if r.pool == index]
    bought = outcome.bought(design, index)
    gpu_hours = sum(r.end_s - r.start_s for r in bought) * pool.unit_gpus / HOUR_S
    stood_in = sum(r.end_s - r.start_s for r in bought if r.stands_in) * pool.unit_gpus / HOUR_S
    running_s = float(booked["running_s"].sum())
    work_s, able_s = work_and_capacity_s(outcome, design, index)
    loads = load(work_s, able_s)
    logs, ends_s = outcome.logs[index : index + 1], np.array([0.0, design.horizon.duration_s])
    return {
        "gpu_hours": gpu_hours,
        "stand_in_gpu_hours": stood_in,
        "unused_gpu_hours": gpu_hours - sum(rented) * profile.gpus_per_replica / HOUR_S,
        "utilisation": _ratio(busy_s, serving_s),
        "batch_occupancy": _ratio(running_s, busy_s) / profile.replica_seqs,
        "kv_utilisation": _ratio(float(booked["blocks_s"].sum()), serving_s)
        / profile.replica_kv_blocks,
        "ready_replicas_mean": float(booked["ready_s"].sum()) / design.horizon.duration_s,
        "ready_replicas_max": float(most_ready(logs, 0.0, design.horizon.duration_s)),
        "pending_replicas_mean": float(logs[0].pending_s(ends_s)[0]) / design.horizon.duration_s,
        "failed_starts": float(outcome.logs[index].overdue(0.0, design.horizon.duration_s)),
        "queue_mean": float(booked["waiting_s"].sum()) / design.horizon.duration_s,
        "offered_load": float(np.average(loads, weights=np.diff(outcome.ledger.edges_s))),
        "offered_load_peak": float(loads.max()),
        "hours_over_capacity": hours_over_capacity(work_s, able_s, outcome.ledger.edges_s),
        **({} if pool.handoff is None else _handed_on(booked)),
    }


def _handed_on(booked: Records) -> dict[str, float]:
    """Prompts of a pool that computes them for another."""
    count = float(booked["transfers"].sum())
    return {
        "handed_on": count,
        "moved_bytes": float(booked["moved_bytes"].sum()),
        "handoff_mean_s": _ratio(float(booked["handoff_s"].sum()), count),
        "kept_local": float(booked["kept_local"].sum()),
    }
