"""Where a dollar goes, against what replicas of measured engines can do.

Each load is offered at more than a replica can do, at half of what it can, and at a tenth.
"""

import functools
from dataclasses import replace
from datetime import datetime
from typing import Any

import numpy as np
import pytest
from bookings import design, gpus, workload
from given_requests import GivenRequests
from scipy.stats import lognorm

from sim.catalog import profile
from sim.engine.simulation import simulate
from sim.model.design import Horizon
from sim.model.failure import Failures, Stragglers
from sim.model.price import GpuPrice
from sim.model.profile import ServiceProfile
from sim.model.streams import Streams
from sim.model.workload import RequestBlock
from sim.montecarlo.metrics import metrics

# A law of its own, so that what is simulated here does not move with the catalogue: a fit by hand.
LLAMA = replace(
    profile("llama-3.3-70b/h100-sxm/tp4/fp8/vllm"),
    batch=(0, 64),
    step_base_s=(11.02e-3, 14.524e-3),
    step_s_per_kv_token=(31.014e-9, 31.014e-9),
    prefill_s_per_request=0.0,
    prefill_s_per_token=39.142e-6,
    prefill_s_per_token_context=1.4726e-9,
    overhead_s=20e-3,
    output_delay_s=0.0,
    frontend_s_per_request=0.78e-3,
    frontend_s_per_token=20e-6,
    kv_capacity_tokens=697_072,
    kv_cache_dtype="bf16",
    max_num_seqs=256,
    joint_error=None,
)
LASTS_S, WARM_UP_S = 900.0, 600.0

LOADS: dict[str, tuple[dict[str, Any], float, float, float]] = {
    # Changes of the engine; mean prompt, mean answer, and spread of both (0 for none).
    "chat": ({}, 4_000, 1_000, 1.0),
    "all alike": ({}, 4_000, 1_000, 0.0),
    "long answers": ({}, 200, 2_000, 1.0),
    "long prompts": ({}, 8_000, 20, 0.5),
    "one token": ({}, 3_000, 1, 0.5),
    "prompts first": ({"scheduler": "prefill_first"}, 2_000, 300, 1.0),
    "little memory": ({"kv_capacity_tokens": 65_536, "max_model_len": 32_768}, 3_000, 700, 0.5),
    "nobody evicted": (
        {"kv_capacity_tokens": 65_536, "max_model_len": 32_768, "admission": "whole"},
        3_000,
        700,
        0.5,
    ),
    "few places": ({"max_num_seqs": 8}, 1_000, 500, 1.0),
    "two in flight": ({"max_num_seqs": 8, "steps_in_flight": 2}, 200, 12, 0.5),
    "small steps": ({"max_num_batched_tokens": 512}, 4_000, 100, 1.0),
    "slow front end": ({"frontend_s_per_request": 0.1}, 200, 50, 1.0),
    "ranks": ({"data_parallel_ranks": 4, "kv_capacity_tokens": 400_000}, 3_000, 700, 0.5),
    "slow streaming": ({"frontend_s_per_token": 2e-3, "frontend_processes": 2}, 200, 300, 1.0),
}


def lengths(rng: np.random.Generator, mean: float, spread: float, count: int) -> Any:
    if spread == 0:
        return np.full(count, mean, np.int32)
    variance = np.log(1 + spread**2)
    quantiles = (np.arange(count) + 0.5) / count  # the same population, however many come
    drawn = lognorm.ppf(quantiles, np.sqrt(variance), scale=mean * np.exp(-variance / 2))
    return rng.permutation(drawn.clip(1, 6 * mean).astype(np.int32))


def figures(
    engine: ServiceProfile, load: str, requests_per_s: float, failures: Failures | None = None
) -> dict[str, float]:
    """Figures of one replica under a Poisson stream of a load."""
    _, prompt, answer, spread = LOADS[load]
    rng = np.random.default_rng(5)
    count = int(requests_per_s * (LASTS_S + WARM_UP_S))
    block = RequestBlock(
        np.sort(rng.uniform(-WARM_UP_S, LASTS_S, count)),
        lengths(rng, prompt, spread, count),
        lengths(rng, answer, spread if answer > 1 else 0, count),
    )
    pool = replace(gpus(GpuPrice(1.0)), profile=engine)
    if failures is not None:
        pool = replace(pool, failures=failures)
    chat = replace(workload("chat", "pool"), source=GivenRequests(block, 1_000))
    when = Horizon(datetime(2026, 11, 23), LASTS_S, WARM_UP_S, 300.0)
    what = design([chat], [pool], when=when)
    return metrics(simulate(what, Streams(3, 0)), what)


@functools.cache
def most_per_s(load: str) -> float:
    """Requests a second that fill the replica, by what is offered to it of some."""
    return 1.0 / figures(replace(LLAMA, **LOADS[load][0]), load, 1.0)["offered_load"]


@pytest.mark.parametrize("load", LOADS)
def test_a_dollar_at_saturation_is_used_and_at_a_tenth_of_it_a_tenth_is(load: str) -> None:
    engine, most = replace(LLAMA, **LOADS[load][0]), most_per_s(load)
    full = figures(engine, load, 1.3 * most)
    assert full["cost_used_share"] >= 0.95
    tenth = figures(engine, load, 0.1 * most)
    assert 0.08 <= tenth["cost_used_share"] <= 0.11
    assert full["utilisation"] > 0.95
    half = figures(engine, load, 0.5 * most)
    assert half["cost_used_share"] == pytest.approx(half["offered_load"], abs=0.02)
    assert half["cost_headroom_share"] > 0.005
    assert half["cost_wasted_share"] < 0.01


def test_a_straggler_at_saturation_has_nothing_to_spare() -> None:
    slow = Failures(stragglers=Stragglers(share=1.0, slowness=2.0))
    most = most_per_s("few places")
    engine = replace(LLAMA, **LOADS["few places"][0])
    plain = figures(engine, "few places", 0.65 * most)
    half = figures(engine, "few places", 0.65 * most, slow)
    assert half["offered_load"] == pytest.approx(2 * plain["offered_load"])
    assert half["offered_load"] > 1.1
    assert half["cost_used_share"] >= 0.95
