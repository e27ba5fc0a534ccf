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
