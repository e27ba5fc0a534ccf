"""Some days for all: whether long horizons by some of their days agree with exact ones.

    python benchmarks/fidelity.py [--trials N] [CASE ...]

Each case is a year of few requests, whose truth is known from many exact worlds. A study of
``WORLDS`` worlds with ``fidelity: auto`` is repeated with a seed of its own: how often do its 95 %
intervals of the mean hold the truth (93 to 99 of 100 are asked), how wide are they, and what share
of the requests is simulated.
"""

import argparse
import sys
import time
from pathlib import Path

import numpy as np

from sim.montecarlo.run import run
from sim.scenario import load_scenario
from sim.scenario.text.yaml_file import Written

WORLDS, TRUTH = 12, 160
METRICS = ("cost_usd", "e2e_p95_s", "slo_attainment", "requests")
YEAR = """
name: {name}
horizon: {{start: 2026-01-05, days: 365, warm_up: 1h, bin: 1h}}
workloads:
  chat:
    arrivals:
      requests_per_day: {requests}
      shape: azure-chat-2024
      growth_per_year: 1.4
      dispersion: {{cv: 0.2, timescale: 1h}}
      events: [{{start: 100d, duration: 8h, factor: 3}}]
    prompt_tokens: {{lognormal: {{mean: 3000, p95: 8000}}, max: 16k}}
    output_tokens: {{lognormal: {{mean: {output}, p95: {tail}}}, max: 32k}}
    slo: {{e2e_p95: {slo}}}
backends:
  large:
    kind: gpu_pool
    service: llama-3.3-70b/h100-sxm/tp4/fp8/vllm
    engine: {{max_num_seqs: {seqs}}}
    throughput_factor: 1
    replicas: {replicas}
{more}    price: {{usd_per_gpu_hour: 2.99, billing: per_second}}
"""
AUTOSCALER = """    autoscaler: {preset: hpa, target_concurrency: 3, sync_period: 2min}
    cold_start: 10min
"""
CASES = {
    # An event, growth, and a fleet that has room.
    "event": {
        "requests": 2000, "output": 800, "tail": 2000, "slo": "40s", "seqs": 64, "replicas": 1
    },
    # So little room that the busiest days end with a backlog, which is worked off after midnight.
    "backlog": {
        "requests": 1150, "output": 6000, "tail": 15000, "slo": "1h", "seqs": 2, "replicas": 1
    },
    "autoscaler": {
        "requests": 800,
        "output": 2500,
        "tail": 6000,
        "slo": "3min",
        "seqs": 4,
        "replicas": "{min: 1, max: 5}",
        "more": AUTOSCALER,
    },
}  # fmt: skip


def trial(name: str, fidelity: str, worlds: int, seed: int) -> "object":
    """A run of a case."""
    case = {"more": "", **CASES[name]}
    text = YEAR.format(name=name, **case)
    scenario = load_scenario(
        Written(text, f"{name}.yaml", Path.cwd(), has_lines=True), [f"fidelity={fidelity}"]
    )
    return run(scenario, worlds=worlds, seed=seed)


def study(name: str, trials: int) -> None:
    """The table of a case."""
    began = time.process_time()
    exact = trial(name, "exact", TRUTH, 10**6)
    truth = {metric: exact.sample.values(metric) for metric in METRICS}
    held = dict.fromkeys(METRICS, 0)
    widths = {metric: [] for metric in METRICS}
    shares, days, full = [], [], 0
    for seed in range(trials):
        found = trial(name, "auto", WORLDS, seed)
        account = found.summary["fidelity"]
        shares.append(account["simulated_share"])
        days.append(account["simulated_days"])
        full += account["worlds_in_full"]
        for metric in METRICS:
            figure = found.sample.estimate(metric)
            low, high = figure.mean_ci
            error = truth[metric].std(ddof=1) / np.sqrt(TRUTH)
            held[metric] += low - error <= truth[metric].mean() <= high + error
            widths[metric].append((high - low) / 2 / truth[metric].mean())
    print(
        f"{name}: {trials} studies of {WORLDS} worlds, {np.mean(days):.1f} of 365 days,"
        f" {100 * np.mean(shares):.1f} % of the requests; worlds in full: {full};"
        f" {time.process_time() - began:.0f} s of CPU here"
    )
    for metric in METRICS:
        print(
            f"  {metric:<16} truth {truth[metric].mean():>12,.4g}  held in {held[metric]:>3} of"
            f" {trials}  half-width {100 * np.mean(widths[metric]):.2f} %"
        )


def main() -> None:
    """All cases, or those named."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n", 1)[0])
    parser.add_argument("cases", nargs="*", help=f"of {', '.join(CASES)}")
    parser.add_argument("--trials", type=int, default=100)
    asked = parser.parse_args()
    for name in asked.cases or CASES:
        study(name, asked.trials)
        sys.stdout.flush()


if __name__ == "__main__":
    main()
