"""Scenario documents that several tests begin with."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from places import SHIPPED

from sim.errors import ScenarioError
from sim.scenario import load_scenario

QUICKSTART = SHIPPED / "quickstart.yaml"
AZURE_TRACE = SHIPPED / "azure_trace.yaml"

SERVICE = "llama-3.3-70b/h100-sxm/tp4/fp8/vllm"

MINIMAL = f"""\
name: minimal
horizon: {{days: 1}}
workloads:
  chat:
    arrivals: {{requests_per_day: 100k}}
    prompt_tokens: 1000
    output_tokens: 200
backends:
  large:
    kind: gpu_pool
    service: {SERVICE}
    replicas: 2
"""

EVERYTHING = f"""\
name: everything
description: every key that can be given to generated workloads
horizon: {{start: 2026-11-23, duration: 26h, warm_up: 10min, bin: 1h}}
workloads:
  first:
    arrivals:
      users: 1k
      requests_per_user_per_day: {{triangular: {{low: 3, mode: 4, high: 9}}}}
      shape: [{", ".join(str(1 + hour) for hour in range(24))}]
      growth_per_year: {{p5: 1, p95: 4}}
      events:
        - {{name: launch, start: 2026-11-23T10:00, duration: 1h, factor: {{p5: 1.5, p95: 4}}}}
        - {{start: {{uniform: {{low: 1h, high: 5h}}}}, duration: 30min, factor: 50%}}
      dispersion: {{cv: 0.3, timescale: {{p5: 30min, p95: 2h}}}}
      burstiness: {{cv: {{p5: 1.1, p95: 2}}, family: weibull}}
    prompt_tokens:
      mixture:
        - {{weight: 0.3, pareto: {{minimum: 100, alpha: 2.2}}}}
        - {{weight: {{p5: 0.1, p95: 2}}, exponential: {{mean: {{p5: 400, p95: 900}}}}}}
      min: 5
      max: 20k
    output_tokens: {{empirical: {{values: [1, 5, 100], weights: [1, 2, 3]}}}}
    token_correlation: {{uniform: {{low: -0.2, high: 0.3}}}}
    context_creep_per_year: {{choice: [1, 2]}}
    slo: {{ttft_p95: 2s, e2e_p99: 30s, tpot_p50: 50ms}}
    route: large
  second:
    arrivals:
      requests_per_second: {{gamma: {{mean: 2, cv: 0.3}}}}
      burstiness: {{p5: 1, p95: 3}}
    prompt_tokens: {{lognormal: {{mean: {{p5: 3000, p95: 5000}}, cv: 1.2}}}}
    output_tokens: {{p5: 20, p95: 900}}
    route: small
backends:
  large:
    kind: gpu_pool
    service: {SERVICE}
    engine: {{max_num_seqs: 100, kv_capacity_tokens: 300000}}
    replicas: {{choice: {{values: [3, 4], weights: [1, 2]}}}}
    router: power_of_two
    throughput_factor: {{normal: {{mean: 1, sd: 0.1}}}}
    price: {{usd_per_gpu_hour: {{uniform: {{low: 2, high: 3}}}}, billing: per_hour, as_of: 2026-08}}
  small:
    kind: gpu_pool
    service: llama-3.1-8b/h100-sxm/tp1/bf16/trtllm
    replicas: {{p5: 1, p95: 3}}
    price: {{provider: aws, purchase: on_demand}}
worlds: 1000
seed: 5
"""

CLIENTS = f"""\
name: clients
horizon: {{days: 1}}
workloads:
  chat:
    arrivals: {{requests_per_day: 100k}}
    prompt_tokens: 1000
    output_tokens: 200
    client:
      timeout: {{p5: 40s, p95: 90s}}
      first_token_timeout: 10s
      on_timeout: server_works_on
      retries:
        preset: openai-sdk
        max_retries: {{choice: [1, 2, 4]}}
        cap: 10s
        after: [timeout, rejection]
        budget: {{per_request: {{uniform: {{low: 5%, high: 20%}}}}, capacity: 50, timeout_cost: 2}}
      patience: {{exponential: {{mean: {{p5: 20s, p95: 40s}}}}}}
  nightly:
    arrivals: {{requests_per_second: 1}}
    prompt_tokens: 2000
    output_tokens: 100
    client: {{timeout: 10min, retries: aws-standard}}
    priority: batch
backends:
  large:
    kind: gpu_pool
    service: {SERVICE}
    replicas: 2
    engine: {{max_num_seqs: 100}}
    gateway: {{max_queue: {{p5: 100, p95: 300}}, retry_after: 5s, queue: central}}
"""

FLEETS = f"""\
name: fleets
horizon: {{start: 2026-11-23, days: 1, warm_up: 30min}}
workloads:
  chat:
    arrivals: {{requests_per_day: 100k}}
    prompt_tokens: 1000
    output_tokens: 200
    route: scaled
  code:
    arrivals: {{requests_per_day: 50k}}
    prompt_tokens: 1000
    output_tokens: 200
    route: timed
  night:
    arrivals: {{requests_per_day: 50k}}
    prompt_tokens: 1000
    output_tokens: 200
    priority: batch
    route: fragile
backends:
  scaled:
    kind: gpu_pool
    service: {SERVICE}
    replicas: {{min: {{choice: [1, 2]}}, max: 40, initial: 6}}
    autoscaler:
      preset: hpa
      target_concurrency: {{p5: 20, p95: 30}}
      tolerance: 5%
      sync_period: 30s
      metric_delay: 20s
      scale_up: {{policies: [{{pods: 2, period: 1min}}, {{percent: 50}}], select: min}}
      scale_down: {{stabilization_window: 10min}}
    cold_start:
      node: {{exponential: {{mean: 2min}}}}
      image_pull: 1min
      load_bandwidth: {{lognormal: {{p50: 2 GB/s, p95: {{p5: 6 GB/s, p95: 9 GB/s}}}}}}
      engine_start: {{p5: 20s, p95: 40s}}
    capacity: {{limit: 50, available: {{exponential: {{mean: 2d}}}}, outage: 1h}}
    drain_limit: 10min
  timed:
    kind: gpu_pool
    service: {SERVICE}
    replicas: {{min: 1, max: 10}}
    autoscaler:
      preset: scheduled
      lead: 10min
      schedule:
        - {{at: 07:00, replicas: 8, days: weekdays}}
        - {{at: 20:30, replicas: 2}}
    cold_start: {{lognormal: {{p50: 3min, p95: 8min}}}}
    standby: {{replicas: 2, wake: 5s, kind: asleep}}
  fragile:
    kind: gpu_pool
    service: {SERVICE}
    replicas: 4
    cold_start: {{p5: 2min, p95: 5min}}
    failures:
      preset: a100-rsc1
      repair: {{exponential: {{mean: {{p5: 1h, p95: 9h}}}}}}
      replicas_per_node: 2
      stragglers: {{share: 5%, slowness: 1.3, fast: 1d, slow: {{exponential: {{mean: 1h}}}}}}
    spot: {{life: {{exponential: {{mean: 5h}}}}, absence: {{exponential: {{mean: 1h}}}}}}
    gateway: {{queue: central, on_replica_loss: resend}}
"""

TASKS = f"""\
name: tasks
horizon: {{days: 1}}
workloads:
  agent:
    arrivals: {{requests_per_day: 10k}}
    prompt_tokens: 3000
    output_tokens: {{lognormal: {{mean: 300, cv: 0.8}}}}
    follow_ups:
      calls_per_task: {{lognormal: {{mean: {{p5: 4, p95: 8}}, cv: 0.5}}}}
      think_time: {{exponential: {{mean: {{p5: 2s, p95: 9s}}}}}}
      prompt_tokens: {{lognormal: {{mean: 600, p95: 1500}}, max: 4k}}
      output_tokens: {{exponential: {{mean: 150}}}}
      parallel: {{choice: [1, 3]}}
    client:
      first_token_timeout: 20s
      retries: openai-sdk
      hedge: {{uniform: {{low: 2s, high: 4s}}}}
    max_concurrency: {{p5: 50, p95: 200}}
    route: cached
  chat:
    arrivals: {{requests_per_day: 50k}}
    prompt_tokens: 1000
    output_tokens: 200
    follow_ups: {{calls_per_task: 3.5, carry: {{uniform: {{low: 30%, high: 90%}}}}}}
    prefix_cache: {{hit_rate: {{beta: {{mean: 0.5, sd: 0.15}}}}}}
    response_cache: {{hit_rate: 8%, latency: {{p5: 20ms, p95: 90ms}}}}
    route: plain
backends:
  cached:
    kind: gpu_pool
    service: {SERVICE}
    replicas: 3
    router: prefix
    prefix_cache: {{block_tokens: 64, capacity: {{p5: 1M, p95: 4M}}}}
  plain:
    kind: gpu_pool
    service: {SERVICE}
    replicas: 2
    router: session
"""


BACKENDS = f"""\
name: backends
horizon: {{start: 2026-11-23, days: 1}}
workloads:
  chat:
    arrivals: {{users: 2k, requests_per_user_per_day: 40}}
    prompt_tokens: {{lognormal: {{mean: 1000, p95: 3000}}, max: 16k}}
    output_tokens: {{lognormal: {{mean: 300, p95: 800}}, max: 4k}}
    prompt_compression: {{uniform: {{low: 50%, high: 80%}}}}
    follow_ups: {{calls_per_task: 2, prompt_tokens: {{exponential: {{mean: 200}}}}}}
    client: {{timeout: 60s, retries: openai-sdk}}
    route:
      - {{to: device, share: {{p5: 10%, p95: 20%}}, prompt_tokens: {{max: 2k}}}}
      - {{to: mini, share: 0.7,
          escalate: {{share: {{beta: {{mean: 0.1, sd: 0.03}}}}, to: frontier}}}}
      - {{to: own, share: 30%, prompt_tokens: {{min: 100, max: {{choice: [8k, 9k]}}}}}}
      - own
    fallback: {{to: [mini, open], after: [rejection, failure]}}
    overflow: {{queue: {{p5: 40, p95: 60}}}}
    degradation: {{queue: 30, output_share: {{uniform: {{low: 50%, high: 70%}}}}, quality_loss: 2}}
    value_per_task: {{p5: 0.1 USD, p95: 0.3 USD}}
    value_per_outcome: {{value: 1.5, share: {{beta: {{mean: 0.4, sd: 0.1}}}}}}
    value_per_user_month: 20
  nightly:
    arrivals: {{requests_per_second: 1}}
    prompt_tokens: 2000
    output_tokens: 100
    route: open
    fallback: mini
    value_per_request: 0.01
    active_users: 300
backends:
  own:
    kind: gpu_pool
    service: {SERVICE}
    replicas: 3
    speculative_decoding: {{1: {{p5: 2, p95: 3}}, 64: 1.4}}
    price:
      - {{gpus: 4, owned: {{usd_per_gpu: {{p5: 30 kUSD, p95: 45 kUSD}}, years: 4,
          residual_share: 30%, idle_watts: 300, busy_watts: 1.3k, pue: 1.5, usd_per_kwh: 0.08,
          colocation_usd_per_kw_month: 180, network_usd_per_month: 200,
          staff_usd_per_month: 3 kUSD}}}}
      - {{purchase: reserved_3y, gpus: 2, usd_per_gpu_hour: 1.3, upfront_share: 25%,
          list_usd_per_gpu_hour: 6.88}}
      - {{purchase: capacity_block, provider: aws, gpus: 2, start: 6h, days: 1}}
      - {{purchase: spot, gpus: 2, usd_per_gpu_hour: 1.2, source: a quote, as_of: 2026-11}}
      - {{usd_per_gpu_second: 0.00053}}
    quality: 70
  mini:
    kind: managed_api
    model: gpt-4o-mini
    price: {{tier: priority, yearly_factor: {{p5: 0.3, p95: 0.9}}, minimum_per_month: 500}}
    ttft_by_hour: [{", ".join(str(1 + hour / 24) for hour in range(24))}]
    quota: {{preset: openai-tier-5, tokens_per_minute: {{p5: 1M, p95: 3M}}}}
    outages: openai
    budget: {{usd: {{p5: 300, p95: 500}}, per: week, spent: 120 USD}}
    quality: {{uniform: {{low: 60, high: 66}}}}
  frontier:
    kind: managed_api
    price:
      input: {{p5: 2, p95: 4}}
      cached_input: 0.3
      cache_write: 3.75
      output: 15
      long_context: {{above: 200k, input: 6, output: 22.5}}
      factor: 0.9
      peaks: [{{factor: {{p5: 1.5, p95: 2.5}}, days: weekdays, start: 09:00, end: 12:30}},
        {{factor: 0.5, days: [sat, sun], start: 22:00, end: 06:00}}]
      subscription: {{usd_per_month: 200, included_requests: 10k,
        overage_multiple: {{p5: 3, p95: 5}}}}
      source: a contract
      as_of: 2026-10
    ttft: {{lognormal: {{p50: {{p5: 0.6s, p95: 0.9s}}, sigma: 0.3}}}}
    ttft_per_prompt_token: 20us
    tokens_per_second: {{lognormal: {{p50: 60, p95: 80}}}}
    speed_by_hour: [{", ".join(["1"] * 24)}]
    quota: {{requests_per_minute: 500, input_tokens_per_minute: 1M, output_tokens_per_minute: 200k,
      burst: 10s, cached_is_free: true, reserved_output_tokens: 500}}
    provisioned: {{units: {{choice: [0, 5]}}, tokens_per_minute_per_unit: 3k, usd_per_unit_hour: 1,
      output_weight: 4}}
    outages:
      gap: {{exponential: {{mean: {{p5: 3d, p95: 9d}}}}}}
      duration: {{lognormal: {{p50: 1h, p95: 6h}}}}
      full_share: {{beta: {{mean: 0.1, sd: 0.05}}}}
      partial_errors: 20%
      partial_slowness: 2
      planned: [{{start: 2026-11-23T12:00, duration: 1h}},
        {{start: 20h, duration: {{p5: 5min, p95: 1h}}}}]
    error_share: 0.1%
    prompt_caching: {{life: 1h, least_tokens: 512, mode: explicit, marked_tokens: 2k}}
    max_model_len: 200k
    quality: 80
  open: {{kind: managed_api, model: llama-3.3-70b, provider: groq, prompt_caching: {{}}}}
  device:
    kind: edge
    model: llama-3.1-8b
    ttft: {{lognormal: {{p50: 0.5s, p95: 1s}}}}
    ttft_per_prompt_token: 1ms
    tokens_per_second: {{lognormal: {{p50: 25, p95: 40}}}}
    capable_share: {{uniform: {{low: 40%, high: 60%}}}}
    memory: {{limit: 6 GB, weights: 4.5 GB}}
    error_share: 1%
    usd_per_device_month: 0.5
    active_devices: 1k
    quality: 50
one_off: {{cost: {{p5: 30 kUSD, p95: 90 kUSD}}, life_months: 18}}
"""


def written(folder: Path, text: str, name: str = "scenario.yaml") -> Path:
    """A file with this text."""
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def only_problem(path: Path, overrides: Sequence[str]) -> str:
    """The one problem of a scenario that is refused, without file and line."""
    with pytest.raises(ScenarioError) as caught:
        load_scenario(path, tuple(overrides))
    (problem,) = caught.value.problems
    return str(replace(problem, file="", line=None))[2:]
