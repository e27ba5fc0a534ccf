"""Fleets that were measured and published, simulated: the tables in RESULTS.md.

Run with ``python benchmarks/validation/fleets.py DATA [CASE] …``; DATA holds ``published_fleets``
and ``kv_and_disaggregation``. Each case is a scenario beside this file and what it is compared
with. Profiles are computed, but for rates of prefill that were measured on one replica. Nothing is
fitted. Each arm is simulated with three seeds; where they differ, least and most are printed.
"""

import argparse
import tempfile
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
from adapters import slots
from caches import eviction, handoff, offload
from common import (
    HERE,
    SEEDS,
    Arm,
    first_token_s,
    of_prefill,
    off,
    published,
    simulated,
    span,
    with_prefill,
    write_questions,
)

from sim.catalog.computed import computed_profile
from sim.catalog.profile_file import profile_yaml


def main() -> None:
    """Print the tables that are asked for."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("cases", nargs="*", choices=[*CASES, []], help="by default all")
    asked = parser.parse_args()
    for name in asked.cases or CASES:
        folder, case = CASES[name]
        for line in case(asked.data / folder):
            print(line, flush=True)
        print()


# -- a) a rate, prompts that begin alike, two routers

GROUPS, QUESTIONS, SHARED, OWN, ANSWER, BLOCK = 150, 5, 6_000, 1_200, 1_000, 400
WARMED, WARM_S, BEGINS_S = 750, 50.0, 200.0
ROUTERS = {"round-robin": "round_robin", "prefix affinity + token load": "prefix"}
PLATEAU_RPS = 43.0


def ladder(data: Path) -> Iterator[str]:
    """Output tokens a second, from the first arrival of a stage to its last answer."""
    yield "| router | rate | tokens/s published | simulated | | TTFT p50 | simulated |"
    yield "|---|---:|---:|---:|---:|---:|---:|"
    prefill = of_prefill(data, accelerator="H100 80GB", engine="vLLM", model="Qwen3-32B")
    profile = with_prefill(computed_profile("qwen3-32b", "h100-sxm", 2, "bf16"), prefill)
    plateau: dict[str, list[tuple[float, float]]] = defaultdict(list)
    rows = published(data, "llmd_routing_ladders.csv")
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        place.joinpath("profile.yaml").write_text(profile_yaml(profile))
        scenario = place / "ladder.yaml"
        scenario.write_text(HERE.joinpath("ladder.yaml").read_text())
        for row in rows:
            found = [_stage(scenario, row, seed) for seed in range(SEEDS)]
            rates, firsts = zip(*found, strict=True)
            measured = float(row["out_tok_s"])
            yield (
                f"| {row['router']} | {row['rate_rps']} | {measured:,.0f} | {span(rates, 0)} |"
                f" {off(rates, measured)} | {row['ttft_p50_s']} | {span(firsts, 1)} |"
            )
            if float(row["rate_rps"]) >= PLATEAU_RPS:
                plateau[row["router"]].append((measured, float(np.mean(rates))))
    for router, pairs in plateau.items():
        measured, ours = np.mean(pairs, axis=0)
        yield (f"\nplateau of {router}: {measured:,.0f} published, {ours:,.0f} simulated"
               f" ({off([ours], measured)})")  # fmt: skip


def _stage(scenario: Path, row: dict[str, str], seed: int) -> tuple[float, float]:
    rng = np.random.default_rng(seed)
    stage_s = float(row["stage_s"])
    count = round(float(row["rate_rps"]) * stage_s)
    warm = np.sort(rng.uniform(0, WARM_S, WARMED))
    times = np.concatenate([warm, BEGINS_S + np.sort(rng.uniform(0, stage_s, count))])
    asked = [*rng.permutation(WARMED), *rng.integers(GROUPS * QUESTIONS, size=count)]
    questions = [divmod(int(q), QUESTIONS) for q in asked]
    write_questions(scenario.parent, times, questions, SHARED, OWN, ANSWER, BLOCK)
    router = f"backends.fleet.router={ROUTERS[row['router']]}"
    requests = simulated(scenario, Arm("", (router,)), seed).requests
    assert requests is not None
    stage = requests[requests.arrival_s >= BEGINS_S]
    answered = stage[stage.status == "completed"]
    lasted_s = stage.finish_s.max() - stage.arrival_s.min()
    return answered.output_tokens.sum() / lasted_s, float(first_token_s(answered).median())


# -- b) starts from nothing, or of what sleeps

SATURATION = (
    "backends.fleet.autoscaler.scale_up={policies: [{pods: 1, period: 180s}]}",
    "backends.fleet.autoscaler.scale_down={policies: [{pods: 1, period: 300s}]}",
)
QUEUE = (
    "backends.fleet.autoscaler={preset: keda, target_queue: 1, target_running: 16,"
    " polling_interval: 15s, scale_up: {policies: [{pods: 1, period: 30s}]},"
    " scale_down: {policies: [{percent: 100, period: 15s}]}}",
)
TRIGGERS = {"saturation": SATURATION, "queue": QUEUE}


def actuation(data: Path) -> Iterator[str]:
    """Replicas and first tokens."""
    yield from _head("failed of 1,320")
    with tempfile.TemporaryDirectory() as folder:
        scenario = Path(folder) / "actuation.yaml"
        scenario.write_text(HERE.joinpath("actuation.yaml").read_text())
        for row in published(data, "llmd_fma.csv"):
            start = f"backends.fleet.cold_start={row['pod_start_s']}s"
            arm = Arm(f"{row['trigger']}, {row['path']}", (*TRIGGERS[row["trigger"]], start))
            worlds = []
            for seed in range(SEEDS):
                rng = np.random.default_rng(seed)
                times = [*np.arange(120.0), *(120.0 + np.arange(1_200) / 4)]
                asked = rng.integers(32, size=(len(times), 2)).tolist()
                write_questions(scenario.parent, times, asked, 4_000, 256, 256, 16)
                worlds.append(_world(scenario, arm, seed))
            measured = (float(row["avg_replicas"]), float(row["max_replicas"]),
                        float(row["p99_ttft_ms"]) / 1e3, float(row["failed"]))  # fmt: skip
            yield _row(arm.name, measured, worlds)


# -- c) autoscalers over ten minutes

BY_BOTH = "target_kv_utilisation: 70%, target_queue: 2"
SLOWLY = "policies: [{pods: 1, period: 300s}]"
SCALERS = {
    "static 2": (),
    "HPA on KV 0.7 and queue 2": (
        "backends.fleet.replicas={min: 1, max: 10}",
        f"backends.fleet.autoscaler={{preset: hpa, {BY_BOTH}, scale_down: {{{SLOWLY}}},"
        " scale_up: {policies: [{pods: 1, period: 180s}]}}",
    ),
    "KEDA on router KV 0.7 and queue 2": (
        "backends.fleet.replicas={min: 1, max: 10}",
        f"backends.fleet.autoscaler={{preset: keda, {BY_BOTH}, polling_interval: 15s,"
        f" scale_down: {{{SLOWLY}}}}}",
    ),
}


def scalers(data: Path) -> Iterator[str]:
    """Replicas and first tokens."""
    yield from _head("errors")
    arms: dict[tuple[str, str], list[dict[str, str]]] = defaultdict(list)
    for row in published(data, "llmd_runs.csv"):
        if row["avg_router_queue"] or "STATIC" in row["id"]:  # those of one and the same setting
            arms[row["input_tokens"], row["scaler"]].append(row)
    for (prompt, scaler), rows in arms.items():
        start_s = np.mean([float(row["avg_pod_start_s"]) for row in rows])
        changes = SCALERS[scaler]
        changes += (f"workloads.load.prompt_tokens={prompt}",)
        changes += (f"backends.fleet.cold_start={start_s:.0f}s",) if len(changes) > 1 else ()
        arm = Arm(f"{prompt} in, {scaler}", changes)
        worlds = [_world(HERE / "scalers.yaml", arm, seed) for seed in range(SEEDS)]
        keys = ("avg_ready_replicas", "max_replicas", "p99_ttft_ms", "errors")
        found = [float(np.mean([float(row[key]) for row in rows])) for key in keys]
        found[2] /= 1e3
        yield _row(arm.name, found, worlds)


def _head(failed: str) -> Iterator[str]:
    yield ("| arm | replicas, mean | simulated | | most | simulated | TTFT p99, s | simulated |"
           f" {failed} | simulated |")  # fmt: skip
    yield "|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|"


def _world(scenario: Path, arm: Arm, seed: int) -> tuple[float, float, float, float]:
    """Replicas, mean and most; p99 of first tokens; requests that came to nothing."""
    found = simulated(scenario, arm, seed)
    world, requests = found.worlds.iloc[0], found.requests
    assert requests is not None
    lost = ~requests.status.isin(["completed", "in_flight", "running", "waiting"])
    late = float(first_token_s(requests).quantile(0.99))
    return world.ready_replicas_mean, world.ready_replicas_max, late, float(lost.sum())


def _row(name: str, measured: Sequence[float], worlds: Sequence[Sequence[float]]) -> str:
    mean, most, late, lost = zip(*worlds, strict=True)
    return (f"| {name} | {measured[0]:.2f} | {span(mean)} | {off(mean, measured[0])} |"
            f" {measured[1]:g} | {span(most, 0)} | {measured[2]:.0f} | {span(late, 0)} |"
            f" {measured[3]:g} | {span(lost, 0)} |")  # fmt: skip


FLEETS, CACHES = "published_fleets", "kv_and_disaggregation"
CASES: dict[str, tuple[str, Callable[[Path], Iterator[str]]]] = {
    "ladder": (FLEETS, ladder),
    "actuation": (FLEETS, actuation),
    "scalers": (FLEETS, scalers),
    "offload": (CACHES, offload),
    "handoff": (CACHES, handoff),
    "eviction": (CACHES, eviction),
    "adapters": (CACHES, slots),
}


if __name__ == "__main__":
    main()
