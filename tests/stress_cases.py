"""Small scenarios for the tests of stress: a minute of work each, or less."""

from pathlib import Path

from sim.studies.case import Case

POOL = """
name: Small
horizon: {start: 2026-11-23, duration: 2h, warm_up: 5min, bin: 5min}
workloads:
  chat:
    arrivals: {requests_per_second: 1.5}
    prompt_tokens: {lognormal: {mean: 800, p95: 2000}, max: 8k}
    output_tokens: {lognormal: {mean: 200, p95: 500}, max: 2k}
    slo: {ttft_p95: 2s}
backends:
  large:
    kind: gpu_pool
    service: llama-3.3-70b/h100-sxm/tp4/fp8/vllm
    replicas: 1
    engine: {max_num_seqs: 16}
    throughput_factor: 1
    price: {usd_per_gpu_hour: 3}
worlds: 12
seed: 3
"""

API = """
name: Pilot
horizon: {start: 2026-11-23, duration: 2h, warm_up: 0, bin: 5min}
workloads:
  assistant:
    arrivals: {users: 100, requests_per_user_per_day: 50}
    prompt_tokens: 2000
    output_tokens: 500
    slo: {e2e_p95: 60s}
    value_per_user_month: 30 USD
backends:
  api:
    kind: managed_api
    model: gpt-4o
    price: {input: 2.5, output: 10}
    quota: {requests_per_minute: 12}
worlds: 12
seed: 3
"""


def case(folder: Path, text: str = POOL, *overrides: str) -> Case:
    """A case of a document."""
    path = folder / "scenario.yaml"
    path.write_text(text, encoding="utf-8")
    return Case(path, overrides)
