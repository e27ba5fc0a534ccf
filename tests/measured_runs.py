"""Measured runs of engines whose law is known: simulated, with noise, as a benchmark sees them."""

import heapq
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from sim.model.measured import (
    ClosedLoop,
    Drive,
    MeasuredRun,
    OpenLoop,
    RequestLog,
    Setup,
    Source,
    Tokens,
)
from sim.model.profile import ServiceProfile
from sim.model.streams import Streams
from sim.studies.calibration.replay import replay
from sim.studies.calibration.script import script

KNOWN = ServiceProfile(
    name="known",
    model="m",
    gpu="g",
    precision="bf16",
    engine="vllm",
    gpus_per_replica=1,
    batch=(1, 8, 32, 128),
    step_base_s=(6.0e-3, 6.6e-3, 8.0e-3, 13.0e-3),
    step_s_per_kv_token=(30e-9,) * 4,
    prefill_s_per_request=0.8e-3,
    prefill_s_per_token=20e-6,
    prefill_s_per_token_context=1.2e-9,
    overhead_s=0.5e-3,
    frontend_s_per_request=2e-3,
    frontend_s_per_token=30e-6,
    frontend_s_per_token_from_rest=10e-6,
    frontend_s_per_prompt_token_out=1.5e-6,
    output_delay_s=1.5e-3,
    kv_capacity_tokens=1_000_000 // 16 * 16,
    kv_block_tokens=16,
    max_num_seqs=256,
    max_num_batched_tokens=8192,
    max_model_len=32_768,
    scheduler="chunked",
)
SWEEP = (
    (1, 512, 128),
    (8, 512, 128),
    (32, 512, 128),
    (128, 512, 128),
    (8, 6000, 384),
    (128, 64, 384),
)


def closed(
    profile: ServiceProfile,
    users: int,
    prompt: int,
    output: int,
    noise: float = 0.0,
    requests: int | None = None,
    seed: int = 0,
) -> MeasuredRun:
    """A closed loop, drained, with lengths within a half of their means either way."""
    laws = [Tokens("uniform", mean, low=mean / 2, high=1.5 * mean) for mean in (prompt, output)]
    drive = Drive(
        ClosedLoop(users),
        requests=requests or max(6 * users, 40),
        ending="drained",
        prompt_tokens=laws[0],
        output_tokens=laws[1],
    )
    return measured(profile, f"c{users} {prompt}/{output}", drive, noise, seed)


def open_loop(
    profile: ServiceProfile, rate: float, requests: int = 300, noise: float = 0.0, seed: int = 0
) -> MeasuredRun:
    """Poisson arrivals of prompts about 512 and answers about 128 tokens."""
    drive = Drive(
        OpenLoop(rate, 1.0),
        requests=requests,
        ending="drained",
        prompt_tokens=Tokens("lognormal", 512.0, 200.0),
        output_tokens=Tokens("lognormal", 128.0, 60.0),
    )
    return measured(profile, f"{rate:g}/s", drive, noise, seed)


def measured(
    profile: ServiceProfile, name: str, drive: Drive, noise: float, seed: int
) -> MeasuredRun:
    """A run as a benchmark of single requests would have seen it; times scatter by ``noise``."""
    setup = Setup(
        engine=profile.engine,
        model=profile.model,
        gpu=profile.gpu,
        precision=profile.precision,
        kv_capacity_tokens=profile.kv_capacity_tokens,
        max_num_seqs=profile.max_num_seqs,
        max_num_batched_tokens=profile.max_num_batched_tokens,
    )
    run = MeasuredRun(name, Source("known.json", "", "vllm"), setup, drive)
    log = replay(profile, script(run))
    users = drive.loop.users if isinstance(drive.loop, ClosedLoop) else None
    log = with_noise(log, noise, seed, users)
    return replace(run, requests=log, completed=int(log.completed.sum()))


def with_noise(log: RequestLog, noise: float, seed: int, users: int | None = None) -> RequestLog:
    """Each of a run's times off by a little; users of a closed loop go on when answered."""
    if noise == 0.0:
        return log
    rng = Streams(seed, 0)("noise")
    first = log.ttft_s * np.exp(noise * rng.standard_normal(len(log)))
    rest = (log.e2e_s - log.ttft_s) * np.exp(noise * rng.standard_normal(len(log)))
    sent = log.sent_s if users is None else resent(log.sent_s[:users], first + rest)
    return replace(log, sent_s=sent, ttft_s=first, e2e_s=first + rest)


def resent(begin_s: np.ndarray, e2e_s: np.ndarray) -> np.ndarray:
    """When users send the requests of one list who begin at these times and never wait."""
    sent = [float(each) for each in begin_s]
    free = [at + float(e2e) for at, e2e in zip(sent, e2e_s, strict=False)]
    heapq.heapify(free)
    for e2e in e2e_s[len(sent) :]:
        sent.append(free[0])
        heapq.heapreplace(free, free[0] + float(e2e))
    return np.array(sent)


def vllm_file(run: MeasuredRun, path: Path) -> Path:
    """The run as ``vllm bench serve --save-detailed`` writes it."""
    log, loop = run.requests, run.drive.loop
    assert log is not None
    users = loop.users if isinstance(loop, ClosedLoop) else None
    document: dict[str, Any] = {
        "date": "20261101-120000",
        "endpoint_type": "openai",
        "backend": "openai",
        "model_id": run.setup.model,
        "tokenizer_id": run.setup.model,
        "num_prompts": len(log),
        "request_rate": loop.rate if isinstance(loop, OpenLoop) else "inf",
        "burstiness": 1.0,
        "max_concurrency": users,
        "duration": float(log.last_s.max() - log.sent_s.min()),
        "completed": len(log),
        "failed": 0,
        "total_input_tokens": int(log.input_tokens.sum()),
        "total_output_tokens": int(log.output_tokens.sum()),
        "request_throughput": len(log) / float(log.last_s.max()),
        "total_token_throughput": float(
            (log.input_tokens + log.output_tokens).sum() / log.last_s.max()
        ),
        "output_throughput": float(log.output_tokens.sum() / log.last_s.max()),
        "mean_ttft_ms": 1e3 * float(log.ttft_s.mean()),
        "mean_tpot_ms": 1e3 * float(log.tpot_s.mean()),
        "mean_e2el_ms": 1e3 * float(log.e2e_s.mean()),
        "input_lens": log.input_tokens.tolist(),
        "output_lens": log.output_tokens.tolist(),
        "start_times": log.sent_s.tolist(),
        "ttfts": log.ttft_s.tolist(),
        "latencies": log.e2e_s.tolist(),
        "itls": [_gaps(row) for row in zip(log.ttft_s, log.e2e_s, log.output_tokens, strict=True)],
        "errors": [""] * len(log),
    }
    path.write_text(json.dumps(document), encoding="utf-8")
    return path


def _gaps(row: tuple[float, float, int]) -> list[float]:
    ttft_s, e2e_s, tokens = row
    return [(e2e_s - ttft_s) / (tokens - 1)] * (int(tokens) - 1) if tokens > 1 else []
