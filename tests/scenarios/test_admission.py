"""What an engine asks of its KV cache before it admits a request, and what comes of it."""

import pytest
from places import FAULTS

from sim.montecarlo.replication import replicate
from sim.scenario import load_scenario


def figures(*overrides: str) -> dict[str, float]:
    """Of 450 long answers that want half as much again as the cache holds."""
    path = FAULTS / "no_evict" / "scenario.yaml"
    read = load_scenario(path, ("horizon.duration=15min", *overrides))
    return replicate(read, read.seed, 0, {}).metrics


def test_an_engine_that_guarantees_not_to_evict_evicts_nobody() -> None:
    """That of the scenario is TensorRT-LLM, of which this is the default."""
    found = figures()
    assert found["requests"] == found["completed"] == 450
    assert found["preemptions"] == found["wasted_tokens"] == 0
    assert found["batch_occupancy"] * 256 <= 299_584 / 5_000  # the mean answer and more


@pytest.mark.parametrize("rule", ["prompt", "watermark"])
def test_where_only_the_prompt_must_fit_some_are_evicted(rule: str) -> None:
    found = figures(f"backends.one.engine.admission={rule}")
    assert found["completed"] == 450
    assert found["preemptions"] > 100
    assert found["wasted_tokens"] > 0
