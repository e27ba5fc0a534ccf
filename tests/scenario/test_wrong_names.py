"""Names that refer to something else: one typo is one error, wherever the name is used."""

import pytest

from sim.errors import ScenarioError
from sim.scenario import load_scenario

TEXT = """\
name: Shop
horizon: {days: 1}
cluster: {gpus: 64, pools: {large: {quota: 8}}}
workloads:
  chat:
    arrivals: {requests_per_day: 100k, shape: azure-chat-2024}
    prompt_tokens: 900
    output_tokens: 240
    client: {timeout: 30s, retries: openai-sdk}
    slo: {ttft_p95: 2s}
    route: large
    fallback: api
  docs:
    arrivals: {requests_per_day: 1k}
    prompt_tokens: 2000
    output_tokens: 40
    route: [{to: large, share: 60%}, {to: api, share: 40%}]
backends:
  large:
    kind: gpu_pool
    service: llama-3.3-70b/h100-sxm/tp4/fp8/vllm
    replicas: {min: 2, max: 8}
    autoscaler: {preset: hpa, target_concurrency: 32}
    cold_start: 3min
    router: random
    price: {provider: lambda, purchase: on_demand}
  api:
    kind: managed_api
    model: gpt-4.1
    provider: openai
    quota: openai-tier-5
    outages: openai
worlds: 8
"""
SERVICE = "service: llama-3.3-70b/h100-sxm/tp4/fp8/vllm"
COMPUTED = "service: {model: qwen3-32b, gpu: l40s, gpus: 2, precision: fp8}"
SAME = "the same at workloads.docs.route.0.to"


def problems(path, text, overrides=()):
    path.write_text(text, encoding="utf-8")
    with pytest.raises(ScenarioError) as caught:
        load_scenario(path, list(overrides))
    return [str(problem) for problem in caught.value.problems]


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("  large:\n", "  lrage:\n",
         f"workloads.chat.route: 'large' is not the name of a backend (did you mean 'lrage'?;"
         f" {SAME}, cluster.pools.large)"),
        ("  api:\n", "  apy:\n", "did you mean 'apy'?; the same at workloads.docs.route.1.to"),
        ("  large:\n", "  llama/70b:\n", "name 'llama/70b' must be a letter from a to z"),
        ("route: large", "route: larg", "'larg' is not the name of a backend"),
        ("fallback: api", "fallback: [api, lage]", "workloads.chat.fallback.1: 'lage' is not"),
        ("{large: {", "{larg: {", "cluster.pools.larg: is no pool of GPUs (did you mean 'large'?)"),
        ("{large: {", "{api: {", "cluster.pools.api: is no pool of GPUs (one of large)"),
        ("fp8/vllm", "fp8/vlm", "did you mean 'llama-3.3-70b/h100-sxm/tp4/fp8/vllm'?"),
        ("h100-sxm", "h100-smx", "profile 'llama-3.3-70b/h100-smx/tp4/fp8/vllm' is not"),
        (SERVICE, COMPUTED.replace("l40s", "l40z"), "GPU 'l40z' is not in the catalogue"),
        (SERVICE, COMPUTED.replace("32b", "33b"), "model 'qwen3-33b' is not in the catalogue"),
        ("provider: lambda", "provider: lamda", "provider 'lamda' is not in the catalogue"),
        ("provider: openai", "provider: opnai", "provider 'opnai' is not in the catalogue"),
        ("gpt-4.1", "gpt-4.11", "model 'gpt-4.11' is not in the catalogue"),
        ("tier-5", "teir-5", "'openai-teir-5' is not a quota of the catalogue"),
        ("outages: openai", "outages: opnai", "'opnai' is not a preset of outages"),
        ("azure-chat-2024", "azure-chat-2042", "is not a built-in shape"),
        ("openai-sdk", "openai-skd", "must be one of none, openai-sdk"),
        ("preset: hpa", "preset: hap", "did you mean 'hpa'?"),
        ("router: random", "router: randm", "did you mean 'random'?"),
        ("kind: gpu_pool", "kind: gpu_pol", "did you mean 'gpu_pool'?"),
    ],
)  # fmt: skip
def test_a_wrong_name_is_one_error(tmp_path, old, new, said):
    assert old in TEXT
    found = problems(tmp_path / "s.yaml", TEXT.replace(old, new, 1))
    assert len(found) == 1, found
    assert said in found[0]


@pytest.mark.parametrize(
    ("override", "said"),
    [
        ("backends.larg.replicas=2", "backends.larg: is not there (did you mean 'large'?)"),
        ("workloads.chta.arrivals.requests_per_day=2", "chta: is not there (did you mean 'chat'?)"),
        ("backends.second.replicas=2", "backends.second: is not there (one of large, api)"),
        ("workloads.chat.route=larg", "'larg' is not the name of a backend"),
    ],
)
def test_a_wrong_name_in_a_change_is_one_error(tmp_path, override, said):
    found = problems(tmp_path / "s.yaml", TEXT, [override])
    assert len(found) == 1, found
    assert found[0].startswith(f"--set {override}: ")
    assert said in found[0]


def test_two_wrong_names_are_two_errors(tmp_path):
    text = TEXT.replace("route: large", "route: larg").replace("fallback: api", "fallback: apy")
    assert len(problems(tmp_path / "s.yaml", text)) == 2


def test_a_backend_may_be_made_of_changes_and_says_what_it_lacks(tmp_path):
    path = tmp_path / "s.yaml"
    path.write_text(TEXT, encoding="utf-8")
    made = load_scenario(path, ["backends.new.kind=managed_api", "backends.new.model=gpt-4.1"])
    assert "new:" in made.to_yaml()
    found = problems(path, TEXT, ["backends.new.kind=gpu_pool", "backends.new.replicas=2"])
    assert len(found) == 1
    assert "backends.new.service: is missing" in found[0]
