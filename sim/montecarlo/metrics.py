"""The figures of one replication, from what the engine has booked.

Metric names are those of the results folder. Figures of a workload carry the prefix
``workloads.<name>.``, those of a pool ``backends.<name>.``.

Conservation, per workload and in total: **requests** = completed + timed_out + rejected + failed +
in_flight_end; **tokens** that arrived = those of completed, rejected and failed requests and of
those in flight; **replica-seconds**: ready = busy + idle; **dollars**: cost_usd is the sum over
backends, and each backend's is the sum over its replicas' bills.
"""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from sim.engine.control import most_ready
from sim.engine.histogram import quantile
from sim.engine.record import E2E, LATENCIES, TPOT, TTFT, WAIT, Records
from sim.engine.simulation import Outcome
from sim.model.design import Design, GpuPool
from sim.model.price import HOUR_S, MONTH_S
from sim.model.profile import ServiceProfile
from sim.model.workload import Slo

FloatArray = npt.NDArray[np.float64]

_QUANTILES = {"p50": 0.50, "p95": 0.95, "p99": 0.99}


def metrics(outcome: Outcome, design: Design) -> dict[str, float]:
    """All figures of a replication by name."""
    every_workload = list(range(len(design.workloads)))
    figures = _service(outcome, design, every_workload, row=len(every_workload))
    figures |= _fleet(outcome, design)
    for index, workload in enumerate(design.workloads):
        own = _service(outcome, design, [index], row=index)
        figures |= {f"workloads.{workload.name}.{name}": value for name, value in own.items()}
    for index, pool in enumerate(design.pools):
        own = _pool(outcome, design, index)
        figures |= {f"backends.{pool.name}.{name}": value for name, value in own.items()}
    return figures


def _ratio(top: float, bottom: float) -> float:
    return top / bottom if bottom > 0 else float("nan")


def _service(outcome: Outcome, design: Design, indices: list[int], row: int) -> dict[str, float]:
    """Requests, latencies and attainment of some workloads together."""
    booked = outcome.ledger.workloads[indices]

    def total(field: str) -> float:
        return float(booked[field].sum())

    completed, failed, rejected = total("completed"), total("failed"), total("rejected")
    resolved = completed + failed + rejected + _late_in_flight(outcome, design, indices)
    mine = np.isin(outcome.in_flight["workload"], indices)
    return {
        "requests": total("requests"),
        "attempts": total("attempts"),
        "completed": completed,
        "rejected": rejected,
        "failed": failed,
        "timed_out": total("timed_out"),
        "retries": total("retries"),
        "gave_up": total("gave_up"),
        "in_flight_end": float(mine.sum()),
        "prompt_tokens": total("prompt_tokens"),
        "output_tokens": total("output_tokens"),
        "preemptions": total("preemptions"),
        "slo_attainment": _ratio(total("slo_met"), resolved),
        "goodput_rps": total("slo_met") / design.horizon.duration_s,
        **_latencies(outcome, indices, row),
        "ttft_mean_s": _ratio(total("ttft_s"), completed),
        "tpot_mean_s": _ratio(total("tpot_s"), total("multi_token")),
        "e2e_mean_s": _ratio(total("e2e_s"), completed),
        "queue_wait_mean_s": _ratio(total("queue_wait_s"), completed),
    }


def _latencies(outcome: Outcome, indices: list[int], row: int) -> dict[str, float]:
    """Percentiles over the horizon and of the worst hour; an hour too thin stands for all."""
    histograms = outcome.ledger.histograms[indices].sum(axis=0)
    figures = {
        f"{LATENCIES[latency]}_{name}_s": float(quantile(histograms[latency], probability))
        for latency in (TTFT, TPOT, E2E, WAIT)
        for name, probability in _QUANTILES.items()
    }
    for latency in (TTFT, E2E):
        name = LATENCIES[latency]
        worst = outcome.ledger.worst_hour_p95_s[row, latency]
        whole = figures[f"{name}_p95_s"]
        figures[f"peak_hour_{name}_p95_s"] = float(whole if np.isnan(worst) else worst)
    return figures


def _late_in_flight(outcome: Outcome, design: Design, indices: list[int]) -> float:
    """Requests in flight at the end that can no longer keep their SLO."""
    return float(
        sum(
            _late(
                outcome.in_flight[outcome.in_flight["workload"] == index],
                design.workloads[index].slo,
                design.horizon.duration_s,
            ).sum()
            for index in indices
        )
    )


def _late(in_flight: Records, slo: Slo, end_s: float) -> npt.NDArray[np.bool_]:
    age_s = end_s - in_flight["arrival_s"]
    first_s = in_flight["first_token_s"] - in_flight["arrival_s"]
    ttft_s = np.where(np.isnan(first_s), age_s, first_s)
    late: npt.NDArray[np.bool_] = (age_s > slo.e2e_s) | (ttft_s > slo.ttft_s)
    return late


def _fleet(outcome: Outcome, design: Design) -> dict[str, float]:
    """Money and machines of all pools together."""
    pools = [_pool(outcome, design, index) for index in range(len(design.pools))]
    booked = outcome.ledger.pools
    cost_usd = sum(pool["cost_usd"] for pool in pools)
    completed = float(outcome.ledger.workloads["completed"].sum())
    output_tokens = float(outcome.ledger.workloads["output_tokens"].sum())
    per_request_usd = _ratio(cost_usd, completed)
    return {
        "cost_usd": cost_usd,
        "cost_usd_per_month": cost_usd / design.horizon.duration_s * MONTH_S,
        "cost_usd_per_request": per_request_usd,
        "cost_usd_per_task": per_request_usd,
        "cost_usd_per_million_output_tokens": _ratio(cost_usd, output_tokens) * 1e6,
        "gpu_hours": sum(pool["gpu_hours"] for pool in pools),
        "utilisation": _ratio(booked["busy_s"].sum(), booked["ready_s"].sum()),
        "batch_occupancy": _weighted(pools, "batch_occupancy", booked["busy_s"].sum(axis=1)),
        "kv_utilisation": _weighted(pools, "kv_utilisation", booked["ready_s"].sum(axis=1)),
        "ready_replicas_mean": booked["ready_s"].sum() / design.horizon.duration_s,
        "ready_replicas_max": float(most_ready(outcome.logs, 0.0, design.horizon.duration_s)),
        "offered_load": max(pool["offered_load"] for pool in pools),
        "offered_load_peak": max(pool["offered_load_peak"] for pool in pools),
    }


def _weighted(pools: list[dict[str, float]], name: str, weights: FloatArray) -> float:
    values = np.array([pool[name] for pool in pools])
    known = ~np.isnan(values)
    return _ratio(float((values * weights)[known].sum()), float(weights[known].sum()))


def _pool(outcome: Outcome, design: Design, index: int) -> dict[str, float]:
    """Money and machines of one pool."""
    pool, booked = design.pools[index], outcome.ledger.pools[index]
    profile = pool.profile
    busy_s, ready_s = float(booked["busy_s"].sum()), float(booked["ready_s"].sum())
    rented = [r.end_s - r.start_s for r in outcome.rentals if r.pool == index]
    gpus = profile.gpus_per_replica
    blocks = profile.kv_capacity_tokens // profile.kv_block_tokens
    loads = offered_load(outcome, design, index)
    logs = outcome.logs[index : index + 1]
    return {
        "cost_usd": sum(pool.price.cost_usd(seconds, gpus) for seconds in rented),
        "gpu_hours": sum(rented) * gpus / HOUR_S,
        "utilisation": _ratio(busy_s, ready_s),
        "batch_occupancy": _ratio(float(booked["running_s"].sum()), busy_s) / profile.max_num_seqs,
        "kv_utilisation": _ratio(float(booked["blocks_s"].sum()), ready_s) / blocks,
        "ready_replicas_mean": ready_s / design.horizon.duration_s,
        "ready_replicas_max": float(most_ready(logs, 0.0, design.horizon.duration_s)),
        "queue_mean": float(booked["waiting_s"].sum()) / design.horizon.duration_s,
        "offered_load": float(np.average(loads, weights=np.diff(outcome.ledger.edges_s))),
        "offered_load_peak": float(loads.max()),
    }


def offered_load(outcome: Outcome, design: Design, index: int) -> FloatArray:
    """Work that arrives at a pool against what it can do at its largest batch and size.

    A fluid estimate: above 1 the pool cannot keep up, whatever its scheduler and autoscaler do.

    Returns
    -------
    (bins,) float64
        Infinite in a bin without a replica, if anything arrives.
    """
    mine = [i for i, w in enumerate(design.workloads) if w.pool == design.pools[index].name]
    booked = outcome.ledger.workloads[mine]
    requests, prompt, output = (
        booked[field].sum(axis=0).astype(np.float64)
        for field in ("requests", "offered_prompt_tokens", "offered_output_tokens")
    )
    if requests.sum() == 0:
        return np.zeros(len(requests))
    means = prompt.sum() / requests.sum(), output.sum() / requests.sum()
    work_s = requests * _request_s(design.pools[index].profile, *means)
    able_s = _able_s(outcome, design.pools[index], index)
    idle = np.where(work_s > 0, np.inf, 0.0)
    loads: FloatArray = np.divide(work_s, able_s, out=idle, where=able_s > 0)
    return loads


def _able_s(outcome: Outcome, pool: GpuPool, index: int) -> FloatArray:
    """Replica-seconds of each bin: of those that are ready, or of the most that there can be."""
    if not pool.moves:
        ready_s: FloatArray = outcome.ledger.pools[index]["ready_s"]
        return ready_s
    most = min(pool.limits[1], pool.lifecycle.capacity_limit)
    return most * np.diff(outcome.ledger.edges_s)


def _request_s(profile: ServiceProfile, prompt: float, output: float) -> float:
    """Replica time that a mean request takes in a full batch, or of its front end if that is more.

    A sequence holds its prompt and on average half its output in the cache while it decodes.
    """
    held = prompt + output / 2
    batch = int(max(1, min(profile.max_num_seqs, profile.kv_capacity_tokens // held)))
    base_s, per_token_s = profile.step_tables()
    step_s = base_s[batch] + per_token_s[batch] * batch * held
    prefill_s = (
        profile.prefill_s_per_request
        + profile.prefill_s_per_token * prompt
        + profile.prefill_s_per_token_context * prompt * prompt / 2
    )
    frontend_s = profile.frontend_s_per_request + profile.frontend_s_per_token * output
    return float(max(output * step_s / batch + prefill_s, frontend_s))


def timeline(outcome: Outcome, design: Design) -> dict[str, FloatArray]:
    """Columns over the bins of the horizon; those of a workload or pool where there are several."""
    columns = dict(_timeline_columns(outcome, design, "", slice(None), slice(None), -1))
    if len(design.workloads) > 1:
        for index, workload in enumerate(design.workloads):
            prefix = f"workloads.{workload.name}."
            columns |= dict(_traffic_columns(outcome, prefix, slice(index, index + 1), index))
    if len(design.pools) > 1:
        for index, pool in enumerate(design.pools):
            prefix = f"backends.{pool.name}."
            columns |= dict(_machine_columns(outcome, prefix, [pool], slice(index, index + 1)))
    return columns


def _timeline_columns(
    outcome: Outcome, design: Design, prefix: str, workloads: slice, pools: slice, row: int
) -> Iterator[tuple[str, FloatArray]]:
    yield from _traffic_columns(outcome, prefix, workloads, row)
    yield from _machine_columns(outcome, prefix, list(design.pools[pools]), pools)


def _traffic_columns(
    outcome: Outcome, prefix: str, workloads: slice, row: int
) -> Iterator[tuple[str, FloatArray]]:
    booked = outcome.ledger.workloads[workloads]
    width_s = np.diff(outcome.ledger.edges_s)
    yield f"{prefix}load_rps", booked["requests"].sum(axis=0) / width_s
    yield f"{prefix}completed_rps", booked["completed"].sum(axis=0) / width_s
    yield f"{prefix}output_tokens_per_s", booked["output_tokens"].sum(axis=0) / width_s
    for latency in (TTFT, TPOT, E2E):
        yield f"{prefix}{LATENCIES[latency]}_p95_s", outcome.ledger.p95_s[row, latency]


def _machine_columns(
    outcome: Outcome, prefix: str, pools: list[GpuPool], rows: slice
) -> Iterator[tuple[str, FloatArray]]:
    booked = outcome.ledger.pools[rows]
    width_s = np.diff(outcome.ledger.edges_s)
    ready_s = booked["ready_s"].sum(axis=0)
    blocks = np.array([p.profile.kv_capacity_tokens // p.profile.kv_block_tokens for p in pools])
    capacity = (booked["ready_s"] * blocks[:, None]).sum(axis=0)
    yield f"{prefix}ready_replicas", ready_s / width_s
    starting_s = [log.starting_s(outcome.ledger.edges_s) for log in outcome.logs[rows]]
    yield f"{prefix}starting_replicas", np.sum(starting_s, axis=0) / width_s
    yield f"{prefix}queue", booked["waiting_s"].sum(axis=0) / width_s
    yield f"{prefix}running", booked["running_s"].sum(axis=0) / width_s
    yield f"{prefix}utilisation", _shares(booked["busy_s"].sum(axis=0), ready_s)
    yield f"{prefix}kv_utilisation", _shares(booked["blocks_s"].sum(axis=0), capacity)


def _shares(top: FloatArray, bottom: FloatArray) -> FloatArray:
    shares: FloatArray = np.divide(top, bottom, out=np.full(len(top), np.nan), where=bottom > 0)
    return shares
