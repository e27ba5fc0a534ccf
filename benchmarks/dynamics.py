"""Requests per second of a fleet that moves, with clients that time out and try again.

Run with ``python benchmarks/dynamics.py``. One day of a million requests that come and go with the
hours, on 64 replicas on average: static and with clients that wait for ever; then under an
autoscaler that looks every 15 s, with crashes, stragglers, timeouts and retries. The same traffic,
generated, simulated and summarised in the same run; the best of three counts.
"""

import math
import platform
import time
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
from fleet import PROFILE, design, lognormal_tokens, pool

from sim.engine.simulation import Outcome, simulate
from sim.model.autoscaler import Hpa
from sim.model.client import RETRIES, Client
from sim.model.design import Design
from sim.model.distributions import Exponential, LogNormal
from sim.model.failure import Crashes, Failures, Stragglers
from sim.model.gateway import Gateway
from sim.model.lifecycle import ColdStart, Lifecycle
from sim.model.streams import Streams
from sim.model.workload import RequestBlock
from sim.montecarlo.compilation import compile_kernels
from sim.montecarlo.metrics import metrics
from sim.montecarlo.timeline_columns import timeline

REPEATS = 3
DAY_S = 86_400.0
REQUESTS = 1_000_000
FEWEST, MEAN, MOST = 32, 64, 96

# A small model on a modest GPU, which decodes a token in 40 to 50 ms: a mean answer takes 12 s, and
# a replica has room for six at once.
MODEST = replace(
    PROFILE, gpus_per_replica=1, step_base_s=(0.04, 0.09), max_num_seqs=6,
    kv_capacity_tokens=24_000, max_model_len=16_384,
)  # fmt: skip


Run = tuple[float, Outcome, dict[str, float]]  # seconds, what came of it, its figures


@dataclass(frozen=True)
class Daily:
    """Poisson arrivals whose rate swings by half around its mean, once a day."""

    rate_rps: float
    prompt: float = 512
    output: float = 256

    def blocks(
        self, name: str, streams: Streams, start_s: float, end_s: float
    ) -> Iterator[RequestBlock]:
        """Blocks of requests in [start_s, end_s): thinned from the highest rate."""
        rng, count, now = streams(f"arrivals/{name}"), 32_768, start_s
        while now < end_s:
            arrival_s = now + np.cumsum(rng.exponential(1 / (1.5 * self.rate_rps), count))
            now = float(arrival_s[-1])
            swing = 1 - 0.5 * np.cos(2 * math.pi * arrival_s / DAY_S)
            arrival_s = arrival_s[(rng.random(count) < swing / 1.5) & (arrival_s < end_s)]
            if len(arrival_s):
                tokens = (lognormal_tokens(rng, m, len(arrival_s)) for m in (512, 256))
                yield RequestBlock(arrival_s, *tokens)


def static() -> Design:
    """The fleet at rest."""
    day = design(MEAN, days=1)
    chat = replace(day.workloads[0], source=Daily(REQUESTS / DAY_S))
    return replace(day, workloads=(chat,), pools=(pool(MEAN, MODEST),))


def dynamic() -> Design:
    """The same traffic on a fleet that moves, from clients that do not wait for ever."""
    still = static()
    client = Client(ttft_timeout_s=10.0, timeout_s=120.0, retry=RETRIES["openai-sdk"])
    moving = replace(
        still.pools[0],
        replicas=FEWEST,
        gateway=Gateway(holds=True),
        autoscaler=Hpa(target=2.6, min_replicas=FEWEST, max_replicas=MOST, sync_period_s=15.0),
        lifecycle=Lifecycle(ColdStart(Exponential(60.0), (LogNormal(math.log(120.0), 0.3),))),
        failures=Failures(
            Crashes(per_gpu_hour=0.02, repair=Exponential(1_800.0)),
            stragglers=Stragglers(share=0.05, slowness=1.5),
        ),
    )
    return replace(still, workloads=(replace(still.workloads[0], client=client),), pools=(moving,))


def end_to_end(day: Design) -> Run:
    """Seconds of one simulated day: generation, simulation, statistics; and what came of it."""
    begin = time.perf_counter()
    outcome = simulate(day, Streams(7, 0))
    figures = metrics(outcome, day)
    timeline(outcome, day)
    return time.perf_counter() - begin, outcome, figures


def rate(runs: list[Run]) -> float:
    """Requests per second of the fastest run."""
    return max(figures["requests"] / seconds for seconds, _, figures in runs)


def main() -> None:
    """Print the two rates, their ratio, and what moved."""
    print(f"{platform.machine()}, Python {platform.python_version()}, one core")
    compile_kernels()
    designs = {"static": static(), "dynamic": dynamic()}
    runs: dict[str, list[Run]] = {name: [] for name in designs}
    for _ in range(REPEATS):  # in turn, so that what disturbs the one disturbs the other
        for name, day in designs.items():
            runs[name].append(end_to_end(day))
    print("\none day, end to end: generation, simulation, statistics")
    for name, three in runs.items():
        requests = three[0][2]["requests"]
        print(f"  {name:8s} {requests:,.0f} requests   {rate(three) / 1e6:5.2f} million requests/s")
    print(f"  dynamic / static   {rate(runs['dynamic']) / rate(runs['static']):.2f}")

    _, outcome, figures = runs["dynamic"][0]
    log = outcome.logs[0]
    print("\nwhat moved")
    print(f"  {min(log.ready)} to {max(log.ready)} ready replicas, {len(log.ready) - 1} changes")
    print(f"  {len(log.crashed_s)} crashes")
    for name in ("retries", "timed_out", "failed"):
        print(f"  {figures[name]:,.0f} {name.replace('_', ' ')}")
    for name in ("ttft_p95_s", "e2e_p95_s"):
        print(f"  {name} {figures[name]:.2f}, static {runs['static'][0][2][name]:.2f}")


if __name__ == "__main__":
    main()
