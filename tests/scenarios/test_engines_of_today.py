"""``steps_in_flight`` of a scenario's engine, in what its requests see."""

from pathlib import Path

import pytest

from sim.montecarlo.replication import replicate
from sim.scenario import load_scenario

SCENARIO = """\
name: Steps in flight
horizon: {days: 0.02}
workloads:
  chat:
    arrivals: {requests_per_second: 1.5}
    prompt_tokens: 100
    output_tokens: 300
backends:
  one:
    kind: gpu_pool
    service: llama-3.1-8b/h100-sxm/tp1/bf16/trtllm
    replicas: 1
    throughput_factor: 1
    price: {usd_per_gpu_hour: 2.99}
"""


def figures(folder: Path, steps: int) -> dict[str, float]:
    path = folder / "chat.yaml"
    path.write_text(SCENARIO)
    read = load_scenario(path, (f"backends.one.engine.steps_in_flight={steps}",))
    return replicate(read, read.seed, 0, {}).metrics


def test_first_tokens_wait_for_a_step_more_and_whole_answers_as_long(tmp_path: Path) -> None:
    one, two = figures(tmp_path, 1), figures(tmp_path, 2)
    step_s = one["tpot_p50_s"]
    later_s = two["ttft_p50_s"] - one["ttft_p50_s"]
    assert later_s == pytest.approx(step_s, rel=0.2)
    assert two["e2e_p50_s"] - one["e2e_p50_s"] == pytest.approx(step_s, rel=0.5)
