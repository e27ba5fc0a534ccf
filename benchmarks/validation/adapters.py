"""Requests that need one of several adapters, of which an engine has slots for some.

The load: 100 requests at Poisson times, 4 a second, each with an adapter drawn from all alike. The
lengths are those that SGLang's benchmark draws when it is asked for 4,096 tokens in and 2,048 out
(`--random-range-ratio 0`, its default): evenly from 1 to that.
"""

import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from common import HERE, Arm, first_token_s, published, simulated

SEEDS = 20  # 100 requests are few: a median differs by a factor between orders of the same load
REQUESTS, RATE, PROMPT, ANSWER = 100, 4.0, 4_096, 2_048
ARMS = {
    "8 adapters in 8 slots": ("workloads.questions.adapters.count=8",),
    "16 adapters in 8 slots": (),
    "16, and others go first": ("backends.fleet.adapters.when_full=skip",),
    "16, in 16 slots": ("backends.fleet.adapters.slots=16",),
}


def slots(data: Path) -> Iterator[str]:
    """Median time to first token, of 8 adapters and of 16."""
    facts = {row["fact"]: row for row in published(data, "feature_facts.csv")}
    (fact,) = (fact for fact in facts if fact.startswith("8 adapters in 8 slots"))
    measured = {name: _milliseconds(fact, at) for at, name in enumerate(list(ARMS)[:2])}
    yield "| arm | median TTFT published, ms | simulated, median (10 … 90 %) of 20 orders | |"
    yield "|---|---:|---:|---:|"
    for name, changes in ARMS.items():
        found = 1e3 * np.array([_median_s(Arm(name, changes), seed) for seed in range(SEEDS)])
        low, middle, high = np.quantile(found, (0.1, 0.5, 0.9))
        shown, off = "", ""
        if name in measured:
            shown, off = f"{measured[name]:,.0f}", f"factor {middle / measured[name]:.2f}"
        yield f"| {name} | {shown} | {middle:,.0f} ({low:,.0f} … {high:,.0f}) | {off} |"


def _milliseconds(fact: str, at: int) -> float:
    """The numbers before "ms" in a fact, in their order."""
    words = fact.replace(",", "").replace(";", " ").split()
    return [float(words[i - 1]) for i, word in enumerate(words) if word.startswith("ms")][at]


def _median_s(arm: Arm, seed: int) -> float:
    """Of one order of the load."""
    rng = np.random.default_rng(seed)
    times = np.cumsum(rng.exponential(1 / RATE, REQUESTS))
    prompts = rng.integers(1, PROMPT, REQUESTS, endpoint=True)
    answers = rng.integers(1, ANSWER, REQUESTS, endpoint=True)
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        place.joinpath("adapters.yaml").write_text(HERE.joinpath("adapters.yaml").read_text())
        rows = (f"{at:.6f},{p},{a}" for at, p, a in zip(times, prompts, answers, strict=True))
        place.joinpath("questions.csv").write_text(
            "\n".join(["timestamp,prompt_tokens,output_tokens", *rows, ""])
        )
        requests = simulated(place / "adapters.yaml", arm, seed).requests
    assert requests is not None
    return float(first_token_s(requests).median())
