"""Prompts that come again, and where they are kept: memory of the host, prefill and decode apart.

The load of both cases: groups of five questions that begin with 16,000 tokens in common, 256 own,
256 of answer, at Poisson rates of 5 to 40 a second, each for a minute, and time to end between.
"""

import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd
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

RATES = (5, 10, 15, 20, 25, 30, 35, 40)
STAGE_S, GAP_S = 60.0, 60.0
QUESTIONS, SHARED, OWN, BLOCK = 5, 16_000, 256, 128
ANSWER = {"offload": 370, "eviction": 256}  # of offload by its totals: 382 and 359 tokens a request
GROUPS = {"offload": 250, "eviction": 1000}
HOST = "[{kind: host, capacity: 100 GiB}]"
LATE_S = 1.0  # the mean TTFT that a rate is to pass
PLATEAU_RPS = {"HBM only": 25, "CPU offload": 35}  # from there on


class Stage(NamedTuple):
    """What came of a minute at one rate."""

    out_tokens_per_s: float
    ttft_s: float
    ttft_p90_s: float


def offload(data: Path) -> Iterator[str]:
    """By rate, without and with 100 GiB of the host's memory beside each GPU."""
    yield "| arm | rate | tokens/s published | simulated | | TTFT mean | simulated |"
    yield "|---|---:|---:|---:|---:|---:|---:|"
    rows = published(data, "kv_offload_gptoss120b_16h100.csv")
    for arm in (
        Arm("HBM only", ()),
        Arm("CPU offload", (f"backends.fleet.prefix_cache.tiers={HOST}",)),
    ):
        of_arm = {int(row["rate_rps"]): row for row in rows if row["arm"] == arm.name}
        worlds = [_stages("offload", data, arm, seed) for seed in range(SEEDS)]
        for at, rate in enumerate(RATES):
            rates, firsts, _ = zip(*(world[at] for world in worlds), strict=True)
            measured = float(of_arm[rate]["out_tok_s"])
            yield (f"| {arm.name} | {rate} | {measured:,.0f} | {span(rates, 0)} |"
                   f" {off(rates, measured)} | {of_arm[rate]['mean_ttft_s']} |"
                   f" {span(firsts)} |")  # fmt: skip
        yield from _told(arm.name, of_arm, worlds)


def _told(
    arm: str, of_arm: dict[int, dict[str, str]], worlds: Sequence[Sequence[Stage]]
) -> list[str]:
    """The rate at which first tokens come too late, and the plateau."""
    firsts = np.mean([[stage.ttft_s for stage in world] for world in worlds], axis=0)
    late = next(rate for rate in RATES if float(of_arm[rate]["mean_ttft_s"]) > LATE_S)
    ours = next((rate for rate, first in zip(RATES, firsts, strict=True) if first > LATE_S), 0)
    beyond = [at for at, rate in enumerate(RATES) if rate >= PLATEAU_RPS[arm]]
    measured = float(np.mean([float(of_arm[RATES[at]]["out_tok_s"]) for at in beyond]))
    found = [np.mean([world[at].out_tokens_per_s for at in beyond]) for world in worlds]
    return [
        f"{arm}: mean TTFT passes {LATE_S:g} s at {late}/s published, {ours or 'no rate'}/s"
        f" simulated; plateau {measured:,.0f} tokens/s published, {span(found, 0)} simulated"
        f" ({off(found, measured)})"
    ]


EVICTION = {
    "P/D": (),
    "P/D + CPU, router blind to CPU tier": (
        f"backends.prefill.prefix_cache.tiers={HOST}",
        "backends.prefill.prefix_cache.router_sees_tiers=false",
    ),
    "P/D + CPU, router sees CPU tier": (f"backends.prefill.prefix_cache.tiers={HOST}",),
}


def handoff(data: Path) -> Iterator[str]:
    """Prompts that have nothing in common, 45 a second at even distances for two minutes."""
    yield "| | published | simulated | |"
    yield "|---|---:|---:|---:|"
    rows = published(data, "pd_gptoss120b_h200.csv")
    (row,) = (row for row in rows if row["workload"].startswith("random") and row["arm"] == "P/D")
    count, rate, prompt, answer = 5_400, 45.0, 5_000, 250
    changes = ("workloads.questions.arrivals={trace: {file: even.csv, mode: once}}",)
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        lines = [f"{at / rate:.6f},{prompt},{answer}" for at in range(count)]
        place.joinpath("even.csv").write_text(
            "\n".join(["timestamp,prompt_tokens,output_tokens", *lines, ""])
        )
        requests = simulated(_scenario("eviction", data, place), Arm("", changes), 0).requests
    assert requests is not None
    whole_s = requests.finish_s - requests.arrival_s
    first_s = first_token_s(requests)
    for name, key, found in (
        ("mean TTFT, s", "mean_ttft_s", first_s.mean()),
        ("p95 TTFT, s", "p95_ttft_s", first_s.quantile(0.95)),
        ("mean of the whole answer, s", "mean_e2e_s", whole_s.mean()),
        ("p95 of the whole answer, s", "p95_e2e_s", whole_s.quantile(0.95)),
    ):
        yield f"| {name} | {row[key]} | {found:.2f} | {off([found], float(row[key]))} |"


def eviction(data: Path) -> Iterator[str]:
    """All rates together, prefill and decode on GPUs of their own."""
    yield "| arm | TTFT mean published | simulated | factor | p90 published | simulated |"
    yield "|---|---:|---:|---:|---:|---:|"
    rows = published(data, "pd_gptoss120b_h200.csv")
    of_arm = {row["arm"]: row for row in rows if row["workload"].startswith("eviction")}
    for name, changes in EVICTION.items():
        row = of_arm[name]
        worlds = [_whole("eviction", data, Arm(name, changes), seed) for seed in range(SEEDS)]
        means, lates = zip(*worlds, strict=True)
        factor = float(np.mean(means)) / float(row["mean_ttft_s"])
        yield (f"| {name} | {row['mean_ttft_s']} | {span(means)} | {factor:.2f} |"
               f" {row['p90_ttft_s']} | {span(lates)} |")  # fmt: skip


def _requests(case: str, data: Path, arm: Arm, seed: int) -> tuple[pd.DataFrame, list[float]]:
    """All requests of all stages, and when each stage begins."""
    rng = np.random.default_rng(seed)
    begins = [at * (STAGE_S + GAP_S) for at in range(len(RATES))]
    times = np.concatenate(
        [begin + np.sort(rng.uniform(0, STAGE_S, int(rate * STAGE_S)))
         for begin, rate in zip(begins, RATES, strict=True)]
    )  # fmt: skip
    asked = rng.integers(GROUPS[case] * QUESTIONS, size=len(times))
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        questions = [divmod(int(q), QUESTIONS) for q in asked]
        write_questions(place, times, questions, SHARED, OWN, ANSWER[case], BLOCK)
        requests = simulated(_scenario(case, data, place), arm, seed).requests
    assert requests is not None
    return requests, begins


def _scenario(case: str, data: Path, place: Path) -> Path:
    """The scenario of a case, with its profiles beside it."""
    scenario = place / f"{case}.yaml"
    scenario.write_text(HERE.joinpath(f"{case}.yaml").read_text())
    for name, gpu, count in PROFILES[case]:
        made = computed_profile("gpt-oss-120b", gpu, count, "fp4")
        if count == 1:
            which = {"accelerator": "H100 80GB", "engine": "vLLM", "model": "gpt-oss-120b"}
            made = with_prefill(made, of_prefill(data, **which))
        place.joinpath(name).write_text(profile_yaml(made))
    return scenario


PROFILES = {
    "offload": [("profile.yaml", "h100-sxm", 1)],
    "eviction": [("prefill.yaml", "h200-sxm", 1), ("decode.yaml", "h200-sxm", 4)],
}


def _stages(case: str, data: Path, arm: Arm, seed: int) -> list[Stage]:
    requests, begins = _requests(case, data, arm, seed)
    stages = []
    for begin in begins:
        stage = requests[requests.arrival_s.between(begin, begin + STAGE_S)]
        answered = stage[stage.status == "completed"]
        lasted_s = stage.finish_s.max() - stage.arrival_s.min()
        firsts = first_token_s(answered)
        rate = answered.output_tokens.sum() / lasted_s
        stages.append(Stage(rate, float(firsts.mean()), float(firsts.quantile(0.9))))
    return stages


def _whole(case: str, data: Path, arm: Arm, seed: int) -> tuple[float, float]:
    requests, _ = _requests(case, data, arm, seed)
    firsts = first_token_s(requests[requests.status == "completed"])
    return float(firsts.mean()), float(firsts.quantile(0.9))
