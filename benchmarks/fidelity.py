"""Some days for all: whether long horizons by some of their days agree with exact ones.

    python benchmarks/fidelity.py [--trials N] [event|backlog|autoscaler|title ...]

Each case is a year of few requests a day, in worlds that differ in volume. A trial is a study of
``WORLDS`` such worlds with ``fidelity: auto`` and a seed of its own, and asks whether its 95 %
intervals of the means over worlds, which are of drawn worlds and of drawn days together, hold what
worlds in which every day is simulated have for a mean. That is known from ``TRUTH`` exact worlds of
another seed, and its own error is added in squares. (``sim run`` gives such an interval from 72
worlds on where inputs do not explain a figure; here it is asked for from as few as there are.) Of
100 intervals 93 to 99 are asked to hold; half of each at most 2 % of the cost, 10 % of the p95 and
2 points of the share that meets its SLO; from at most a twentieth of the requests, those that come
before each day among them.

``title`` is a year at a million requests a day, of which a few worlds are measured and 125 are
extrapolated.
"""

import argparse
import resource
import sys
import time
from pathlib import Path
from typing import NamedTuple

import numpy as np

from sim.montecarlo.means import mean_interval
from sim.montecarlo.result import RunResult
from sim.montecarlo.run import run
from sim.scenario import load_scenario
from sim.scenario.text.yaml_file import Written

WORLDS = {"event": 8, "backlog": 36, "autoscaler": 8}
TRUTH = {"event": 40, "backlog": 150, "autoscaler": 20}
TITLE_WORLDS, EIGHTH, CORES = 4, 125, 2
METRICS = ("cost_usd", "e2e_p95_s", "slo_attainment", "requests")
POINTS = ("slo_attainment",)  # whose intervals are in points, not in per cent of the figure
NORMAL_95 = 1.96
SMALL = """
name: {name}
horizon: {{start: 2026-01-05, days: 365, warm_up: 1h, bin: 1h}}
workloads:
  chat:
    arrivals:
      requests_per_day: {{lognormal: {requests}}}
      shape: azure-chat-2024
      growth_per_year: 1.4
      dispersion: {{cv: 0.2, timescale: 1h}}
      events: [{{start: 100d, duration: 8h, factor: 3}}]
    prompt_tokens: {{lognormal: {{mean: 3000, p95: 8000}}, max: 16k}}
    output_tokens: {{lognormal: {{mean: {output}, p95: {tail}}}, max: 32k}}
    slo: {{e2e_p95: {slo}}}
{route}backends:
  large:
    kind: gpu_pool
    service: llama-3.3-70b/h100-sxm/tp4/fp8/vllm
    engine: {{max_num_seqs: {seqs}}}
    throughput_factor: 1
    replicas: {replicas}
{more}    price: {{usd_per_gpu_hour: 2.99, billing: per_second}}
{api}"""
AUTOSCALER = """    autoscaler: {preset: hpa, target_concurrency: 3, sync_period: 10min}
    cold_start: 2min
"""
ROUTE = "    route: [{to: large, share: 0.5}, {to: api, share: 0.5}]\n"
API = """  api:
    kind: managed_api
    model: gpt-4o-mini
    price: {input: 3, output: 15}
"""
CASES = {
    # An event that triples a day in April, growth, and a fleet that has room beside an API.
    "event": {
        "requests": "{p50: 2k, p95: 3k}", "output": 800, "tail": 2000, "slo": "40s", "seqs": 64,
        "replicas": 1, "route": ROUTE, "api": API,
    },
    # So little room that the busiest days end with a backlog, which is worked off after midnight.
    "backlog": {
        "requests": "{p50: 1150, p95: 1210}", "output": 6000, "tail": 15000, "slo": "1h", "seqs": 2,
        "replicas": 1,
    },
    # A fleet that follows the day, the growth and the event.
    "autoscaler": {
        "requests": "{p50: 1k, p95: 1300}", "output": 12_000, "tail": 28_000, "slo": "5min",
        "seqs": 6, "replicas": "{min: 1, max: 8}", "more": AUTOSCALER,
    },
}  # fmt: skip
TITLE = """
name: title
horizon: {start: 2026-01-05, days: 365, warm_up: 1h, bin: 1h}
workloads:
  chat:
    arrivals:
      requests_per_day: {lognormal: {mean: 1M, p95: 1.4M}}
      shape: azure-chat-2024
      dispersion: {cv: 0.2, timescale: 1h}
      events: [{start: 100d, duration: 2d, factor: 2}]
    prompt_tokens: {lognormal: {mean: 2000, p95: 6000}, max: 16k}
    output_tokens: {lognormal: {mean: 400, p95: 1000}, max: 4k}
    slo: {ttft_p95: 2s}
backends:
  large:
    kind: gpu_pool
    service: llama-3.3-70b/h100-sxm/tp4/fp8/vllm
    replicas: {min: 2, max: 200, initial: 30}
    autoscaler: {preset: hpa, target_concurrency: 24, sync_period: 1min}
    cold_start: 4min
    price: {usd_per_gpu_hour: 2.99, billing: per_second}
"""


def simulated(text: str, fidelity: str, worlds: int, seed: int) -> RunResult:
    """Some worlds of a scenario, on one core."""
    written = Written(text, "fidelity.yaml", Path(), has_lines=True)
    return run(load_scenario(written, [f"fidelity={fidelity}"]), worlds=worlds, seed=seed, jobs=1)


class Mean(NamedTuple):
    """Of a figure over worlds, with its 95 % interval."""

    value: float
    interval: tuple[float, float]

    @property
    def half(self) -> float:
        """Half of the interval."""
        return (self.interval[1] - self.interval[0]) / 2


def means(result: RunResult) -> dict[str, Mean]:
    """Of every figure."""
    controls = result.sample.controls()
    return {
        metric: Mean(*mean_interval(result.sample.values(metric), controls=controls))
        for metric in METRICS
    }


def holds(found: Mean, truth: Mean) -> bool:
    """Whether an interval holds what is known to so much."""
    low, high = found.interval
    below, above = (np.hypot(each, truth.half) for each in (found.value - low, high - found.value))
    return bool(found.value - below <= truth.value <= found.value + above)


def study(name: str, trials: int) -> None:
    """The table of a case."""
    text = SMALL.format(name=name, **{"more": "", "route": "", "api": "", **CASES[name]})
    worlds = WORLDS[name]
    began = time.process_time()
    exact = simulated(text, "exact", TRUTH[name], 10**6)
    exact_s = (time.process_time() - began) / TRUTH[name]
    truth = means(exact)
    found, shares, days, full = [], [], [], 0
    began = time.process_time()
    for seed in range(trials):
        result = simulated(text, "auto", worlds, seed)
        account = result.summary["fidelity"]
        shares.append(account["simulated_share"])
        days.append(account["simulated_days"])
        full += account["worlds_in_full"]
        found.append(means(result))
    auto_s = (time.process_time() - began) / (trials * worlds)
    print(
        f"{name}: {trials} studies of {worlds} worlds, {np.mean(days):.1f} of 365 days,"
        f" {100 * np.mean(shares):.1f} % of the requests ({100 * max(shares):.1f} % at most);"
        f" {full} worlds in full; {auto_s:.2f} s of CPU a world, {exact_s:.2f} s exact"
    )
    for metric in METRICS:
        print(f"  {_row(metric, truth[metric], [each[metric] for each in found])}")
    sys.stdout.flush()


def _row(metric: str, truth: Mean, found: list[Mean]) -> str:
    held = sum(holds(each, truth) for each in found)
    off = [each.value - truth.value for each in found]
    halves = [each.half for each in found]
    scale, unit = (100.0, "points") if metric in POINTS else (100.0 / truth.value, "%")
    noise = np.hypot(NORMAL_95 * np.std(off, ddof=1) / len(off) ** 0.5, truth.half)
    return (
        f"{metric:<15} exact {truth.value:>10,.5g} ± {scale * truth.half:.2f} {unit}; held in"
        f" {held:>3} of {len(found)}; half-width {scale * np.mean(halves):.2f} {unit}; off by"
        f" {scale * np.mean(off):+.2f} ± {scale * noise:.2f} {unit} in the mean of all"
    )


def title(worlds: int) -> None:
    """A year at a million requests a day: some worlds measured, 125 extrapolated."""
    began = time.process_time()
    result = simulated(TITLE, "auto", worlds, 0)
    each_s = (time.process_time() - began) / worlds
    account = result.summary["fidelity"]
    requests = result.sample.values("requests")
    peak_gb = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(
        f"title: {worlds} worlds of {requests.mean() / 1e6:,.0f} million requests, of which"
        f" {100 * account['simulated_share']:.1f} % are simulated: {each_s:.1f} s of CPU a world,"
        f" {peak_gb:.2f} GB at most; {EIGHTH} worlds extrapolated, not run:"
        f" {EIGHTH * each_s / CORES / 60:.0f} min on {CORES} cores"
    )


def main() -> None:
    """All cases, or those named."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("cases", nargs="*", help=f"of {', '.join(CASES)} and title")
    parser.add_argument("--trials", type=int, default=34, help="of each case")
    asked = parser.parse_args()
    for name in asked.cases or [*CASES, "title"]:
        if name == "title":
            title(TITLE_WORLDS)
        else:
            study(name, asked.trials)


if __name__ == "__main__":
    main()
