"""The fleet and the traffic that the benchmarks share."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime

import numpy as np

from sim.model.design import Design, GpuPool, Horizon
from sim.model.price import GpuPrice
from sim.model.profile import ServiceProfile
from sim.model.streams import Streams
from sim.model.workload import RequestBlock, Slo, Workload

# Llama-3.3-70B, FP8, on four H100s under vLLM: the catalogue's profile in round figures.
PROFILE = ServiceProfile(
    name="70b/h100/tp4", model="70b", gpu="h100", precision="fp8", engine="vllm",
    gpus_per_replica=4, batch=(0, 64), step_base_s=(0.011, 0.0145),
    step_s_per_kv_token=(3.1e-8, 3.1e-8), prefill_s_per_request=0.0,
    prefill_s_per_token=4.457e-5, prefill_s_per_token_context=0.0, overhead_s=0.02,
    frontend_s_per_request=0.0, frontend_s_per_token=0.0, kv_capacity_tokens=400_000,
    kv_block_tokens=16, max_num_seqs=256, max_num_batched_tokens=8192, max_model_len=131_072,
    scheduler="chunked",
)  # fmt: skip

# One server, one token per 0.1 ms: with exponential outputs a textbook M/M/1.
ONE_SERVER = replace(
    PROFILE, batch=(0,), step_base_s=(1e-4,), step_s_per_kv_token=(0.0,),
    prefill_s_per_token=0.0, overhead_s=0.0, kv_capacity_tokens=10**9, max_num_seqs=1,
    max_num_batched_tokens=1, max_model_len=10**9,
)  # fmt: skip


def pool(replicas: int, profile: ServiceProfile = PROFILE) -> GpuPool:
    """A pool behind the least-loaded router."""
    return GpuPool("pool", profile, replicas, "least_loaded", GpuPrice(2.99))


def lognormal_tokens(rng: np.random.Generator, mean: float, count: int) -> np.ndarray:
    """Token counts with the given mean and σ = 1 of the logarithm."""
    tokens = rng.lognormal(np.log(mean) - 0.5, 1.0, count)
    return np.maximum(1.0, np.rint(tokens)).astype(np.int32)


def rate_per_replica(load: float, prompt: float, output: float) -> float:
    """Requests per second that load a replica of ``PROFILE`` to ``load`` of a full batch."""
    batch = min(PROFILE.max_num_seqs, PROFILE.kv_capacity_tokens / (prompt + output / 2))
    base_s, per_token_s = PROFILE.step_tables()
    step_s = base_s[int(batch)] + per_token_s[int(batch)] * batch * (prompt + output / 2)
    return float(load / (output * step_s / batch + PROFILE.prefill_s_per_token * prompt))


@dataclass(frozen=True)
class PoissonSource:
    """Poisson arrivals with lognormal tokens."""

    rate_rps: float
    prompt: float
    output: float

    def blocks(
        self, name: str, streams: Streams, start_s: float, end_s: float
    ) -> Iterator[RequestBlock]:
        """Blocks of requests in [start_s, end_s)."""
        rng, count, now = streams(f"arrivals/{name}"), 16_384, start_s
        while now < end_s:
            arrival_s = now + np.cumsum(rng.exponential(1 / self.rate_rps, count))
            prompt = lognormal_tokens(rng, self.prompt, count)
            output = lognormal_tokens(rng, self.output, count)
            inside = int(np.searchsorted(arrival_s, end_s))
            if inside:
                yield RequestBlock(arrival_s[:inside], prompt[:inside], output[:inside])
            now = float(arrival_s[-1])


def design(replicas: int, days: float, load: float = 0.7) -> Design:
    """A day or more of 512 tokens in and 256 out on ``replicas`` replicas."""
    source = PoissonSource(replicas * rate_per_replica(load, 512, 256), 512, 256)
    return Design(
        name="benchmark",
        horizon=Horizon(datetime(2026, 11, 23), days * 86_400.0, 600.0, 900.0),
        workloads=(Workload("chat", source, "pool", Slo(ttft_s=2.0)),),
        pools=(pool(replicas),),
    )
