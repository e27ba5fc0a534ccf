"""Scenarios for ``sim size``: pools that are textbook queues, and small fleets of all kinds."""

import json
from pathlib import Path
from typing import Any

from sim.studies.case import Case

STEP_S = 1e-3


def engine(folder: Path, **changes: Any) -> Path:
    """A profile: one place in the batch, a step of a millisecond, nothing else takes time."""
    figures: dict[str, Any] = {
        "model": "queue",
        "gpu": "h100-sxm",
        "gpus_per_replica": 1,
        "precision": "none",
        "engine": "none",
        "batch": [0, 64],
        "step_base_ms": [1000 * STEP_S, 1000 * STEP_S],
        "step_ns_per_kv_token": [0.0, 0.0],
        "prefill_ms_per_request": 0.0,
        "prefill_us_per_token": 0.0,
        "prefill_ns_per_token_context": 0.0,
        "overhead_ms": 0.0,
        "frontend_ms_per_request": 0.0,
        "frontend_us_per_token": 0.0,
        "kv_capacity_tokens": 1 << 30,
        "kv_block_tokens": 16,
        "max_num_seqs": 1,
        "max_num_batched_tokens": 8192,
        "max_model_len": 1 << 27,
        "scheduler": "chunked",
        "fit_error": 0.0,
        "grade": "C",
        "source": "a queue",
        "as_of": "2026-11-21",
    }
    path = folder / "engine.yaml"
    path.write_text(json.dumps(figures | changes), encoding="utf-8")
    return path


def queue(
    folder: Path,
    arrivals: dict[str, Any],
    slo: dict[str, Any],
    horizon: dict[str, Any],
    service_s: float = 1.0,
    worlds: int = 64,
    **workload: Any,
) -> Case:
    """One queue before replicas that serve one request each, for an exponential time."""
    document = {
        "name": "Queue",
        "horizon": horizon,
        "workloads": {
            "calls": {
                "arrivals": arrivals,
                "prompt_tokens": 1,
                "output_tokens": {"exponential": {"mean": service_s / STEP_S}},
                "slo": slo,
                **workload,
            }
        },
        "backends": {
            "pool": {
                "kind": "gpu_pool",
                "service": str(engine(folder)),
                "replicas": 1,
                "gateway": {"queue": "central", "replica_limit": 1},
                "throughput_factor": 1,
                "price": {"usd_per_gpu_hour": 1.0},
            }
        },
        "worlds": worlds,
        "seed": 0,
    }
    return saved(folder, document)


def saved(folder: Path, document: dict[str, Any]) -> Case:
    """A document as a case."""
    path = folder / "scenario.yaml"
    path.write_text(json.dumps(document), encoding="utf-8")
    return Case(path)


FLAT = {"requests_per_second": {"lognormal": {"p50": 4, "p95": 6}}}
SWINGS = {
    "requests_per_second": {"uniform": {"low": 0.04, "high": 0.08}},
    "shape": [1, 1, 1, 1, 1, 1, 1, 2, 3, 4, 4, 4, 3, 3, 4, 4, 3, 2, 2, 2, 1, 1, 1, 1],
    "dispersion": {"cv": 0.2, "timescale": "1h"},
}
DAY = {"days": 1, "bin": "1h"}
SHORT = {"duration": "10min", "warm_up": "60s"}


def chat(folder, replicas=1, **pool):
    """A real engine with lengths that differ, two workloads and uncertain volume and speed."""
    document = {
        "name": "Chat",
        "horizon": {"duration": "4min", "warm_up": "1min"},
        "workloads": {
            "chat": {
                "arrivals": {"requests_per_second": {"lognormal": {"p50": 10, "p95": 16}}},
                "prompt_tokens": {"lognormal": {"mean": 2000, "p95": 5000}, "max": 16000},
                "output_tokens": {"lognormal": {"mean": 300, "p95": 800}, "max": 4000},
                "slo": {"ttft_p95": 1.0},
            },
            "search": {
                "arrivals": {"requests_per_second": 5},
                "prompt_tokens": 3000,
                "output_tokens": {"exponential": {"mean": 60}},
                "slo": {"ttft_p90": 0.7, "e2e_p90": 4},
            },
        },
        "backends": {
            "pool": {
                "kind": "gpu_pool",
                "service": "llama-3.3-70b/h100-sxm/tp4/fp8/vllm",
                "replicas": replicas,
                "price": {"usd_per_gpu_hour": 2.99},
                **pool,
            }
        },
        "worlds": 64,
    }
    return saved(folder, document)


def impatient(folder):
    return queue(
        folder,
        FLAT,
        {"ttft_p90": 1.0},
        SHORT,
        client={"timeout": "20s", "retries": {"max_retries": 2}},
    )


SCENARIOS = {
    "flat": lambda folder: queue(folder, FLAT, {"ttft_p95": 0.5}, SHORT),
    "day": lambda folder: queue(
        folder, SWINGS, {"ttft_p90": 60.0}, {"days": 1, "bin": "1h"}, service_s=60.0
    ),
    "bursts": lambda folder: queue(folder, FLAT | {"burstiness": 3}, {"ttft_p90": 1.0}, SHORT),
    "impatient": impatient,
    "chat": chat,
}


def service(folder, duration, warm_up, replicas=1):
    """200 requests a second, 5 s of work each, 32 of which a replica does at once."""
    document = {
        "name": "Trap",
        "horizon": {"duration": duration, "warm_up": warm_up},
        "workloads": {
            "chat": {
                "arrivals": {"requests_per_second": 200},
                "prompt_tokens": 100,
                "output_tokens": {"exponential": {"mean": 250}},
                "slo": {"ttft_p99": 0.5},
            }
        },
        "backends": {
            "pool": {
                "kind": "gpu_pool",
                "service": str(
                    engine(folder, max_num_seqs=32, step_base_ms=[20.0, 20.0], batch=[0, 32])
                ),
                "replicas": replicas,
                "throughput_factor": 1,
                "price": {"usd_per_gpu_hour": 2.0},
            }
        },
        "worlds": 24,
    }
    return saved(folder, document)
