"""How often 95 % intervals hold the true value, over 200 repeated studies.

Run with ``python benchmarks/interval_coverage.py [studies]``. A chat on one small pool, or at an
API; its volume, lengths and prices are uncertain. Each study has a seed of its own and 40 worlds.
The true median of the p95 latency, the true mean difference of cost, and the true median of the
break-even volume come from many more worlds. Of 200 studies 92 to 98 % should hold them; each count
is printed with its own 95 % interval, and beside it how wide the intervals of the studies are.
"""

import platform
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from pathlib import Path

import numpy as np
from scipy.stats import binomtest

from sim.montecarlo.compilation import compile_kernels
from sim.montecarlo.execution import available_cores
from sim.montecarlo.shares import Interval
from sim.studies.bench import Bench, bench
from sim.studies.breakeven import breakeven
from sim.studies.case import Case
from sim.studies.compare import Contender, compare, contenders

STUDIES = 200
WORLDS = 40
MANY = 2_048  # worlds of the truth
VOLUMES = (3_000.0, 30_000.0, 300_000.0)
NAMES = ("p95 latency", "cost difference", "break-even volume")
LATENCY, COST = "e2e_p95_s", "cost_usd_per_month"

PROFILE = """\
model: any
gpu: any
precision: any
engine: any
gpus_per_replica: 1
batch: [1, 16]
step_base_ms: [12, 16]
step_ns_per_kv_token: [0, 0]
prefill_us_per_token: 40
kv_capacity_tokens: 1000000
max_num_seqs: 16
max_num_batched_tokens: 8192
max_model_len: 100000
"""
SCENARIO = """\
name: Coverage
horizon: {{days: 0.05, warm_up: 2min}}
workloads:
  chat:
    arrivals: {{requests_per_day: {{lognormal: {{p50: 60k, p95: 110k}}}}}}
    prompt_tokens:
      lognormal: {{p50: {{uniform: {{low: 500, high: 1500}}}}, sigma: 0.7}}
      max: 8k
    output_tokens: {{lognormal: {{mean: 120, p95: 300}}, max: 1k}}
    route: {route}
backends:
  pool:
    kind: gpu_pool
    service: {profile}
    replicas: 1
    throughput_factor: {{normal: {{mean: 1, sd: 0.05}}}}
    price: {{usd_per_gpu_hour: {{triangular: {{low: 1.5, mode: 2.5, high: 4}}}}}}
  api:
    kind: managed_api
    price: {{input: {{uniform: {{low: 0.4, high: 1.0}}}}, output: 3}}
    ttft: {{lognormal: {{p50: 0.5s, p95: 0.8s}}}}
    tokens_per_second: 90
"""


def cases(folder: Path) -> Iterator[Case]:
    """The chat on the pool, and at the API."""
    profile = folder / "engine.yaml"
    profile.write_text(PROFILE, encoding="utf-8")
    for route in ("pool", "api"):
        path = folder / f"{route}.yaml"
        path.write_text(SCENARIO.format(route=route, profile=profile), encoding="utf-8")
        yield Case(path)


def truths(own: Case, api: Case, bench: Bench) -> tuple[float, float]:
    """Median p95 latency, and mean cost of the pool less that of the API."""
    latency = bench.values(own.load(), LATENCY, MANY, seed=1_000_000)
    costs = [bench.values(case.load(), COST, MANY, seed=1_000_000) for case in (own, api)]
    return float(np.median(latency)), float(np.mean(costs[0] - costs[1]))


def main() -> None:
    """Print how many studies hold the truth."""
    studies = int(sys.argv[1]) if len(sys.argv) > 1 else STUDIES
    print(f"{platform.machine()}, Python {platform.python_version()}")
    compile_kernels()
    with tempfile.TemporaryDirectory() as folder:
        own, api = cases(Path(folder))
        rivals = contenders([api, own], ())
        with bench() as many:
            latency, difference = truths(own, api, many)
            long = breakeven(own, many, VOLUMES, against="api", worlds=500, seed=1_000_000)
        volume = float(np.median(long.verdicts[0].breaking.volume))
        print(
            f"truth: {latency:.3f} s, {difference:,.0f} USD a month, {volume:,.0f} requests a day"
        )
        truth = latency, difference, volume
        with ProcessPoolExecutor(available_cores()) as pool:
            found = list(pool.map(partial(intervals_of, own, rivals), range(studies)))
        intervals = np.array(found)
    for name, true, (low, high) in zip(NAMES, truth, intervals.transpose(1, 2, 0), strict=True):
        count = int(((low <= true) & (true <= high)).sum())
        least, most = binomtest(count, studies).proportion_ci(0.95)
        print(
            f"  {name:18s} {count} of {studies} ({count / studies:.1%}; {least:.1%} to {most:.1%}),"
            f" {np.median(high - low) / 2 / abs(true):.1%} of it on each side"
        )


def intervals_of(own: Case, rivals: list[Contender], seed: int) -> list[Interval]:
    """The three intervals of one study."""
    lone = Bench(1)
    latency = lone.run(own.load(), WORLDS, seed).sample.estimate(LATENCY).p50_ci
    row = compare(rivals, lone, WORLDS, seed).differences.set_index("metric").loc[COST]
    found = breakeven(own, lone, VOLUMES, against="api", worlds=WORLDS, seed=seed)
    cost = float(row["mean_low"]), float(row["mean_high"])
    return [latency, cost, found.verdicts[0].breaking.median_interval]


if __name__ == "__main__":
    main()
