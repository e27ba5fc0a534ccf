"""A world as an llm-d Benchmark Report v0.2.1, as if a benchmark had been run on the fleet.

Keys that the schema does not know are forbidden but in ``observability``: there lie the bill, the
same figures for each workload, and which world it is (``peakfleet``). Means are exact, percentiles
those of the ledger's histograms, within 0.8 %. ``failures`` are requests that timed out, were
rejected, failed or were given up; ``incomplete`` are those in flight at the end. What is not known
is left out: extremes, deviations, the normalised time per token; a latency of which there is none.
"""

import hashlib
import json
import math
import uuid
from datetime import timedelta
from typing import Any

import numpy as np
import numpy.typing as npt

from sim import __version__
from sim.engine.control import most_ready
from sim.engine.ledger import UNANSWERED
from sim.engine.simulation import Outcome
from sim.engine.state.histogram import quantile
from sim.engine.state.record import E2E, TASK_E2E, TPOT, TTFT, Records
from sim.model.design import Design, GpuPool, Horizon
from sim.model.managed import ManagedApi
from sim.montecarlo.exports.backends import model_name, resource_type
from sim.montecarlo.money import Bill, Charge

VERSION = "0.2.1"
TOOL = "peakfleet"

Json = dict[str, Any]

PERCENTILES = {
    "p0p1": 0.001,
    "p1": 0.01,
    "p5": 0.05,
    "p10": 0.10,
    "p25": 0.25,
    "p50": 0.50,
    "p75": 0.75,
    "p90": 0.90,
    "p95": 0.95,
    "p99": 0.99,
    "p99p9": 0.999,
}

COSTS = ("list", "contracted", "effective", "billed", "used", "headroom", "idle", "wasted")
PUBLIC = ("list", "contracted")  # of a commitment what it covers has them, too: not twice


def benchmark_report(outcome: Outcome, design: Design, bill: Bill, seed: int, world: int) -> str:
    """The report as JSON text.

    Parameters
    ----------
    outcome : Outcome
    design : Design
    bill : Bill
        Of the outcome.
    seed, world : int
        Which world it is.
    """
    body = {
        "scenario": {
            "stack": [_component(outcome, design, index) for index in range(len(design.backends))],
            "load": _load(outcome, design),
        },
        "results": _results(outcome, design, bill, seed, world),
    }
    # Of the content alone, so that it is the same wherever and whenever it is made.
    uid = uuid.uuid5(uuid.NAMESPACE_URL, json.dumps([__version__, design.name, body]))
    run = {
        "uid": str(uid),
        "time": _time(design.horizon),
        "description": f"Simulated: world {world} of {design.name}, seed {seed}",
        "keywords": ["simulated"],
    }
    report = {"version": VERSION, "run": run, **body}
    return json.dumps(report, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def _time(horizon: Horizon) -> Json:
    end = horizon.start + timedelta(seconds=horizon.duration_s)
    return {
        "start": f"{horizon.start.isoformat()}Z",
        "end": f"{end.isoformat()}Z",
        "duration": f"PT{horizon.duration_s:.10g}S",
    }


# What was simulated ------------------------------------------------------------------------------


def _component(outcome: Outcome, design: Design, index: int) -> Json:
    """A backend; of a pool without a replica at any time there is no engine to tell of."""
    backend = design.backends[index]
    if isinstance(backend, GpuPool):
        logs = outcome.logs[index : index + 1]
        ready = int(most_ready(logs, 0.0, design.horizon.duration_s))
        standardized = _engine(backend, ready) if ready > 0 else _generic(backend)
        config: Json = {
            "service": backend.profile.name,
            "precision": backend.profile.precision,
            "router": backend.router,
            "replicas_at_start": backend.replicas,
        }
    else:
        standardized = _generic(backend)
        config = {"type": resource_type(backend), "provisioned": _units(backend)}
    text = json.dumps([backend.name, config])
    cfg_id = hashlib.sha256(text.encode()).hexdigest()[:16]
    return {
        "metadata": {"label": backend.name, "cfg_id": cfg_id},
        "standardized": standardized,
        "native": {"config": config},
    }


def _engine(pool: GpuPool, replicas: int) -> Json:
    gpus, ranks = pool.profile.gpus_per_replica, pool.profile.data_parallel_ranks
    return {
        "kind": "inference_engine",
        "tool": pool.profile.engine,
        "tool_version": _tool_version(),
        "role": "replica",
        "replicas": replicas,
        "model": {"name": model_name(pool)},
        "accelerator": {
            "model": pool.profile.gpu,
            "count": gpus * replicas,
            "parallelism": {"tp": gpus // ranks, **({"dp": ranks} if ranks > 1 else {})},
        },
    }


def _generic(backend: GpuPool | ManagedApi) -> Json:
    return {
        "kind": "generic",
        "tool": model_name(backend),
        "tool_version": _tool_version(),
        "type": resource_type(backend),
    }


def _tool_version() -> str:
    return f"simulated by {TOOL} {__version__}"


def _units(api: ManagedApi) -> int:
    return api.provisioned.units if api.provisioned is not None else 0


def _load(outcome: Outcome, design: Design) -> Json:
    booked = outcome.ledger.workloads
    requests = float(booked["requests"].sum())
    prompt, output = (
        _ratio(float(booked[field].sum()), requests)
        for field in ("offered_prompt_tokens", "offered_output_tokens")
    )
    standardized: Json = {
        "tool": TOOL,
        "tool_version": __version__,
        "source": "unknown",
        "input_seq_len": {"distribution": "other", "value": prompt or 0.0},
        "output_seq_len": {"distribution": "other", "value": output or 0.0},
    }
    if requests > 0:
        standardized["rate_qps"] = requests / design.horizon.duration_s
    if booked["tasks"].sum() < requests:
        standardized["multi_turn"] = {"enabled": True}
    return {
        "metadata": {"description": design.name},
        "standardized": standardized,
        "native": {"config": {"workloads": [workload.name for workload in design.workloads]}},
    }


# What came of it ---------------------------------------------------------------------------------


def _results(outcome: Outcome, design: Design, bill: Bill, seed: int, world: int) -> Json:
    every = list(range(len(design.workloads)))
    results: Json = {"request_performance": {"aggregate": _performance(outcome, design, every)}}
    sessions = _sessions(outcome)
    if sessions is not None:
        results["session_performance"] = {"sessions": sessions}
    results["observability"] = _observability(outcome, design) | {
        TOOL: {
            "seed": seed,
            "world": world,
            "cost": _cost(bill.charges)
            | {"backends": {b.name: _cost(_of(bill, b.name)) for b in design.backends}},
            "workloads": {
                workload.name: _performance(outcome, design, [index])
                for index, workload in enumerate(design.workloads)
            },
        }
    }
    return results


def _performance(outcome: Outcome, design: Design, workloads: list[int]) -> Json:
    """Requests, latency and throughput of some workloads together."""
    booked = outcome.ledger.workloads[workloads]
    histograms = outcome.ledger.histograms[workloads].sum(axis=0)
    total = {name: float(booked[name].sum()) for name in booked.dtype.names or ()}
    answered = total["completed"] - total["response_hits"]
    in_flight = np.isin(outcome.in_flight["workload"], workloads)
    requests: Json = {
        "total": int(total["requests"]),
        "failures": int(sum(total[fate] for fate in UNANSWERED)),
        "incomplete": int(in_flight.sum()),
    }
    requests |= _known(
        input_length=_mean("count", total["prompt_tokens"], answered),
        output_length=_mean("count", total["output_tokens"], answered),
    )
    gaps = total["output_tokens"] - answered  # between the tokens of an answer
    latency = _known(
        time_to_first_token=_latency("s", total["ttft_s"], histograms[TTFT]),
        time_per_output_token=_latency("s/token", total["tpot_s"], histograms[TPOT]),
        inter_token_latency=_mean("s/token", total["e2e_s"] - total["ttft_s"], gaps),
        request_latency=_latency("s", total["e2e_s"], histograms[E2E]),
    )
    duration_s = design.horizon.duration_s
    tokens = total["prompt_tokens"] + total["output_tokens"]
    throughput = _known(
        input_token_rate=_mean("tokens/s", total["prompt_tokens"], duration_s),
        output_token_rate=_mean("tokens/s", total["output_tokens"], duration_s),
        total_token_rate=_mean("tokens/s", tokens, duration_s),
        request_rate=_mean("queries/s", total["completed"], duration_s),
    )
    return {"requests": requests, "latency": latency, "throughput": throughput}


def _sessions(outcome: Outcome) -> Json | None:
    """Tasks, where some are of several requests."""
    booked = outcome.ledger.workloads
    tasks, completed, failed = (
        int(booked[field].sum()) for field in ("tasks", "tasks_completed", "tasks_failed")
    )
    if tasks == booked["requests"].sum():
        return None
    histogram = outcome.ledger.histograms[:, TASK_E2E].sum(axis=0)
    duration = _latency("s", float(booked["task_s"].sum()), histogram)
    sessions: Json = {"total": tasks, "succeeded": completed, "failed": failed}
    return sessions | _known(session_duration=duration)


def _observability(outcome: Outcome, design: Design) -> Json:
    booked = outcome.ledger.workloads
    rejected, requests = float(booked["rejected"].sum()), float(booked["requests"].sum())
    seen = _known(drop_rate=_mean("fraction", rejected, requests))
    if design.pools:
        duration_s = design.horizon.duration_s
        ready = {
            "units": "count",
            "mean": float(outcome.ledger.pools["ready_s"].sum()) / duration_s,
            "max": int(most_ready(outcome.logs, 0.0, duration_s)),
        }
        seen["replica_status"] = {"aggregate_ready_replicas": ready}
        seen["components"] = [
            {
                "component_label": pool.name,
                "aggregate": _resources(pool, outcome.ledger.pools[index], duration_s),
            }
            for index, pool in enumerate(design.pools)
        ]
    return seen


def _resources(pool: GpuPool, booked: Records, duration_s: float) -> Json:
    """Means over the replicas of a pool and the horizon."""
    serving_s = float(booked["serving_s"].sum())
    room_s = serving_s * pool.profile.replica_kv_blocks
    busy_s, blocks_s, running_s, waiting_s = (
        float(booked[field].sum()) for field in ("busy_s", "blocks_s", "running_s", "waiting_s")
    )
    return _known(
        kv_cache_usage=_mean("fraction", blocks_s, room_s),
        gpu_utilization=_mean("fraction", busy_s, serving_s),
        running_requests=_mean("count", running_s, duration_s),
        waiting_requests=_mean("count", waiting_s, duration_s),
    )


def _of(bill: Bill, backend: str) -> list[Charge]:
    return [charge for charge in bill.charges if charge.backend == backend]


def _cost(charges: tuple[Charge, ...] | list[Charge]) -> Json:
    """What charges add up to, in USD."""
    return {
        f"{name}_usd": math.fsum(
            float(getattr(charge, f"{name}_usd").sum())
            for charge in charges
            if not (charge.is_purchase and name in PUBLIC)
        )
        for name in COSTS
    }


# Statistics --------------------------------------------------------------------------------------


def _known(**statistics: Json | None) -> Json:
    """Those that there are."""
    return {name: value for name, value in statistics.items() if value is not None}


def _ratio(top: float, bottom: float) -> float | None:
    return top / bottom if bottom > 0 else None


def _mean(units: str, total: float, count: float) -> Json | None:
    mean = _ratio(total, count)
    return None if mean is None else {"units": units, "mean": mean}


def _latency(units: str, total_s: float, counts: npt.NDArray[np.int64]) -> Json | None:
    """Exact mean, and percentiles as good as the histogram is."""
    statistics = _mean(units, total_s, float(counts.sum()))
    if statistics is None:
        return None
    return statistics | {
        name: float(quantile(counts, probability)) for name, probability in PERCENTILES.items()
    }
