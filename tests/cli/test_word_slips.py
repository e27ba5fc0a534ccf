"""Slips that people make in a scenario, and with ``sim trace``: one clear line each.

Ten of each kind: amounts, whole numbers, names, profiles, prices, keys, what is missing, YAML, and
the command that reads logs. Those of logs, tables and bills are in ``test_log_slips.py``.
"""

import pytest
from places import SHIPPED

from sim.__main__ import main
from sim.errors import is_control
from sim.scenario import load_scenario

TEXT = """\
name: Shop
horizon: {days: 1}
workloads:
  chat:
    arrivals: {requests_per_day: 100k}
    prompt_tokens: {lognormal: {mean: 900, p95: 2500}}
    output_tokens: 240
    client: {timeout: 30s, retries: openai-sdk}
    slo: {ttft_p95: 2s}
    route: large
    fallback: api
backends:
  large:
    kind: gpu_pool
    service: llama-3.3-70b/h100-sxm/tp4/fp8/vllm
    replicas: {min: 2, max: 8}
    autoscaler: {preset: hpa, target_concurrency: 32}
    cold_start: 3min
    price: {provider: lambda, purchase: on_demand}
  api:
    kind: managed_api
    model: gpt-4.1
    quota: openai-tier-5
worlds: 8
"""
DAY, LENGTH, REPLICAS = "100k", "output_tokens: 240", "replicas: {min: 2, max: 8}"
SERVICE = "service: llama-3.3-70b/h100-sxm/tp4/fp8/vllm"
GPUS, QUOTA, MODEL = (
    "price: {provider: lambda, purchase: on_demand}",
    "quota: openai-tier-5",
    "gpt-4.1",
)
ALONE = "(write the number alone, or an interval {p5: 80, p95: 120})"
NUMBER = "must be a number such as 250, 100k or 1.5M"

AMOUNTS = [
    (DAY, "100k requests", f"5: workloads.chat.arrivals.requests_per_day: '100k requests' {NUMBER}"
     " (write the number alone: 100k)"),
    (DAY, "1e5 a day", f"'1e5 a day' {NUMBER} (write the number alone: 1e5)"),
    (DAY, "50k-150k", f"'50k-150k' {NUMBER} {ALONE}"),
    (DAY, "50k..150k", f"'50k..150k' {NUMBER} {ALONE}"),
    (DAY, "100k ± 10%", f"'100k ± 10%' {NUMBER} {ALONE}"),
    (DAY, "100k +/- 10k", f"'100k +/- 10k' {NUMBER} {ALONE}"),
    (DAY, "about 100k", f"'about 100k' {NUMBER} {ALONE}"),
    (DAY, "100.000", "'100.000' can be read in two ways; write 100 or 100000"),
    (DAY, "{p5: 100k, p95: 50k}", "p95 (50000) must be above p5 (100000)"),
    (LENGTH, "output_tokens: 240 tokens", "'tokens' is none of k, M, B (write the number"),
    (LENGTH, "output_tokens: -240", "7: workloads.chat.output_tokens: -240 must be at least 1"),
    ("30s", "half a minute", "'half a minute' must be a duration such as 90s, 15min, 2h or 7d"),
    ("3min", "3:00", "'3:00' must be a duration such as 90s, 15min, 2h or 7d (as 1h30 or 90s)"),
    ("2s}", "<2s}", f"'<2s' must be a duration such as 90s, 15min, 2h or 7d {ALONE}"),
]  # fmt: skip

WHOLE = [
    ("min: 2", "min: two", f"16: backends.large.replicas.min: 'two' {NUMBER} (a whole number: write"
     " 2)"),
    ("min: 2", "min: 2.5", "backends.large.replicas.min: 2.5 must be a whole number"),
    ("min: 2", "min: -1", "backends.large.replicas.min: -1 must be at least 0"),
    ("min: 2", "min: 2 pods", "(write the number alone: 2)"),
    ("max: 8", "max: 1", "16: backends.large.replicas.max: 1 must be at least min (2)"),
    ("max: 8", "max: 1e9", "1000000000 must be at most 10000"),
    (REPLICAS, "replicas: 2-8", "'2-8' must be a whole number of replicas (limits are written {min:"
     " 2, max: 8})"),
    (REPLICAS, "replicas: [2, 8]", "a list of 2 must be a whole number of replicas (limits are"),
    (REPLICAS, "replicas: auto", "'auto' must be a whole number of replicas (limits are written"),
    ("worlds: 8", "worlds: eight", "24: worlds: 'eight' must be a whole number (a whole number: "
     "write 8)"),
    ("worlds: 8", "worlds: 8.5", "24: worlds: 8.5 must be a whole number"),
    ("worlds: 8", "worlds: 0", "24: worlds: 0 must be from 1 to 10000000"),
    ("worlds: 8", "seed: random", "24: seed: 'random' must be a whole number"),
    ("openai-sdk", "2.5", "8: workloads.chat.client.retries: 2.5 must be a whole number"),
]  # fmt: skip

NAMES = [
    (MODEL, "gpt4", "22: backends.api.model: model 'gpt4' is not in the catalogue (did you mean "
     "'gpt-4.1' or"),
    (MODEL, "gemini-flash", "'gemini-flash' is not in the catalogue (did you mean 'gemini-"),
    (MODEL, "claude", "model 'claude' is not in the catalogue (did you mean 'claude-"),
    (MODEL, "mistral-large", "(did you mean 'mistral-large-3'? 'sim catalog prices' lists all)"),
    (MODEL, "qwen3-32b", "model 'qwen3-32b' has several providers: deepinfra, groq, nebius (add"),
    (MODEL, "[gpt-4.1]", "22: backends.api.model: a list of 1 must be a text"),
    (MODEL, "gpt-4.1\n    provider: azur", "price of 'gpt-4.1': provider 'azur' is not in the "
     "catalogue (there: openai; 'sim catalog prices' lists all)"),
    (QUOTA, "quota: openai tier 5", "'openai tier 5' is not a quota of the catalogue (did you mean "
     "'openai-tier-5'?)"),
    ("route: large", "route: big", "10: workloads.chat.route: 'big' is not the name of a backend "
     "(one of large, api)"),
    ("fallback: api", "fallback: apis", "'apis' is not the name of a backend (did you mean 'api'?"),
    ("openai-sdk", "openai", "'openai' must be one of none, openai-sdk, anthropic-sdk, aws-standard"
     " (did you mean 'openai-sdk'?)"),
    ("preset: hpa", "preset: k8s", "'k8s' must be one of hpa, keda, knative, scheduled"),
    ("provider: lambda", "provider: lamda", "provider 'lamda' is not in the catalogue (did you mean"
     " 'lambda'"),
]  # fmt: skip

PROFILES = [
    (SERVICE, "service: llama-3.3-70b", "15: backends.large.service: profile 'llama-3.3-70b' is not"
     " in the catalogue; measured of llama-3.3-70b: llama-3.3-70b/"),
    (SERVICE, "service: llama-3.3-70b/h100", "(did you mean 'llama-3.3-70b/h100-sxm/tp"),
    (SERVICE, "service: llama-3.3-70b/a100", "GPU 'a100' is not in the catalogue (did you mean "
     "'a100-40g-sxm' or 'a100-80g-pcie' or 'a100-80g-sxm'?"),
    (SERVICE, "service: llama-3.3-70b/h100-sxm/tp3/fp8/vllm", "(did you mean 'llama-3.3-70b/h100-"),
    (SERVICE, "service: llama-3.3-70b/h100-sxm/tp4/int4/vllm", "(did you mean 'llama-3.3-70b/h100-"
     "sxm/tp4/fp8/vllm'?"),
    (SERVICE, "service: llama-3.3-70b/rtx-4090/tp4/fp8/vllm", "no measurement of llama-3.3-70b on "
     "rtx-4090; computed: service: {model: llama-3.3-70b, gpu: rtx-4090, gpus: 4"),
    (SERVICE, "service: llama-3.1-405b/h200-sxm/tp8/fp8/vllm", "computed: service: {model: llama-"
     "3.1-405b, gpu: h200-sxm, gpus: 8, precision: fp8}"),
    (SERVICE, "service: gpt-4.1", "(an API is kind: managed_api, model: gpt-4.1)"),
    (SERVICE, "service: ./my-engine.yaml", "my-engine.yaml: cannot be read: no such file"),
    (SERVICE, "service: {model: llama-3.3-70b}", "has no gpu (such as gpu: h100-sxm)"),
    (SERVICE, "service: {gpu: h100-sxm, gpus: 4}", "has no model (such as model: llama-3.3-70b)"),
    (SERVICE, "service: {model: llama-3.3-70b, gpu: l40s, gpus: 3}", "llama-3.3-70b in bf16 has 141"
     " GB of weights, and 3 x l40s have room for 131 GB (take gpus: 4)"),
    (SERVICE, "service: {model: llama-3.3-70b, gpu: h100-sxm, precision: fp3}", "service.precision:"
     " 'fp3' must be one of fp16, bf16, fp8, fp4"),
]  # fmt: skip

PRICES = [
    (GPUS, "price: 2.99/h", "19: backends.large.price: '2.99/h' must be a mapping (keys: usd_per_"
     "gpu_hour,"),
    (GPUS, "price: {usd_per_hour: 2.99}", "price.usd_per_hour: unknown key (did you mean 'usd_per_"
     "gpu_hour'?)"),
    (GPUS, "price: {usd_per_gpu_hour: 2.99 per hour}", "(the key says per what: write 2.99)"),
    (GPUS, "price: {usd_per_gpu_hour: 2.99 EUR}", "(all money is in USD: convert it)"),
    (GPUS, "price: {usd_per_gpu_hour: 2,999}", "price.999: follows a comma, and is no key (write "
     "numbers without commas)"),
    (GPUS, "price: {usd_per_gpu_hour: free}", "'free' must be an amount such as 2.99 or 2.99 USD"),
    (GPUS, "price: {provider: lambda, purchase: reserved}", "price.purchase: 'reserved' must be one"
     " of on_demand, spot, serverless, dedicated, capacity_block, reserved_1y"),
    (GPUS, "price: {provider: lambda, purchase: reserved_5y}", "purchase 'reserved_5y' is not in th"
     "e catalogue (there: capacity_block, on_demand; 'sim catalog prices' lists all)"),
    (GPUS, "price: {purchase: spot}", "has no price (add usd_per_gpu_hour, such as usd_per_gpu_ho"),
    (GPUS, "price: {provider: aws, usd_per_gpu_hour: 3}", "price.provider: goes beside usd_per_gpu"
     "_hour, must be the only one"),
    (QUOTA, "price: {input: 2.5}", "23: backends.api.price: has no output beside input (add outpu"),
    (QUOTA, "price: {input: 2.5/M, output: 10}", "(the key says per what: write 2.5)"),
    (QUOTA, "price: {input: 0.0000025, output: 10}", "must be the price of a million tokens, not of"
     " one (write 2.5)"),
]  # fmt: skip

KEYS = [
    ("output_tokens", "ouput_tokens", "7: workloads.chat.ouput_tokens: unknown key (did you mean "
     "'output_tokens'?)"),
    ("requests_per_day", "requests/day", "unknown key (did you mean 'requests_per_day'?)"),
    ("requests_per_day", "rps", "arrivals.rps: unknown key (did you mean 'requests_per_second'?)"),
    ("output_tokens", "completion_tokens", "unknown key (did you mean 'output_tokens'?)"),
    ("ttft_p95", "p95_ttft", "slo.p95_ttft: unknown key (did you mean 'ttft_p95'?)"),
    ("target_concurrency", "targetConcurrency", "(did you mean 'target_concurrency'?)"),
    ("kind: managed_api", "type: managed_api", "api.type: unknown key (did you mean 'kind'?)"),
    ("kind: gpu_pool", "kind: GPU_pool", "(did you mean 'gpu_pool'?)"),
    ("service:", "profile:", "large.profile: unknown key (did you mean 'service'?)"),
    ("replicas:", "instances:", "large.instances: unknown key (did you mean 'replicas'?)"),
    ("horizon:", "horizont:", "2: horizont: unknown key (did you mean 'horizon'?)"),
    ("days: 1", "day: 1", "2: horizon.day: unknown key (did you mean 'days'?)"),
    ("days: 1", "hours: 24", "2: horizon.hours: unknown key (did you mean 'duration'?)"),
    ("worlds:", "runs:", "24: runs: unknown key (did you mean 'worlds'?)"),
    ("quota:", "foo:", "23: backends.api.foo: unknown key (one of kind, model, provider, price"),
]  # fmt: skip

MISSING = [
    ("name: Shop\n", "", "name: is missing (such as name: Our chat)"),
    ("horizon: {days: 1}\n", "", "horizon: has no length (add days, such as days: 1)"),
    ("    arrivals: {requests_per_day: 100k}\n", "", "4: workloads.chat.arrivals: is missing (such"
     " as arrivals: {requests_per_day: 100k})"),
    ("{requests_per_day: 100k}", "{}", "arrivals: has no rate (add requests_per_day, such as"),
    ("{requests_per_day: 100k}", "", "5: workloads.chat.arrivals: is empty (give a value or remov"),
    (f"    {LENGTH}\n", "", "4: workloads.chat.output_tokens: is missing (such as output_tokens: {"
     "lognormal"),
    ("    kind: gpu_pool\n", "", "13: backends.large.kind: is missing (such as kind: managed_api,"),
    (f"    {SERVICE}\n", "", "13: backends.large.service: is missing (such as service: llama-3.3"),
    (f"    {REPLICAS}\n", "", "13: backends.large.replicas: is missing (such as replicas: 2)"),
    ("    route: large\n", "", "4: workloads.chat.route: is missing (one of large, api)"),
    (", p95: 2500", "", "must be given by two of mean, p5, p50, p90, p95, p99, sd, cv, sigma; fou"),
    ("{lognormal: {mean: 900, p95: 2500}}", "{mean: 900, p95: 2500}", "prompt_tokens.mean: unknown "
     "key (name a distribution, such as {lognormal: {mean: 1000, p95: 2600}})"),
    (", target_concurrency: 32", "", "has no target (add target_concurrency, such as"),
    ("    model: gpt-4.1\n", "", "20: backends.api: has neither model nor price (add model, such "),
]  # fmt: skip

YAML = [
    ("name: Shop", "name: Shop: two", '1: is not YAML: mapping values are not allowed here (put a '
     'text that holds ": " in quotes'),
    ("name: Shop", 'name: "Shop', "(close the quotation mark, in what begins on line 1)"),
    ("name: Shop", "\tname: Shop", "(indent with spaces, not tabs)"),
    ("name: Shop", "name: @Shop", "(put a text that begins with it in quotes)"),
    ("name: Shop", "name: 7", "1: name: 7 must be a text (put it in quotes)"),
    ("{days: 1}", "{days: 1", "(close the bracket {, in what begins on line 2)"),
    ("{days: 1}", "{days:1}", "horizon.days:1: has no space after its colon (write days: 1)"),
    ("days: 1", "days: 1,,", "is not YAML: expected the node content, but found ',' (remove a com"),
    ("  chat:\n", "  chat\n", "5: is not YAML: mapping values are not allowed here"),
    (f"    {LENGTH}", f"     {LENGTH}", "7: is not YAML: expected <block end>, but found '<block "
     "mapping start>' (indent the keys of one mapping alike, in what begins on line 5)"),
    ("worlds: 8", "worlds: 8\nworlds: 9", "25: worlds: is given twice, first on line 24 (remove o"),
    ("worlds: 8", "worlds = 8", "could not find expected ':' (write a key, a colon, a space and i"),
    ("worlds: 8", "worlds: *many", "24: an alias stands for nothing before it"),
    ("worlds: 8", "worlds: 8\n---\nname: two", "25: has a second document (remove the line '---')"),
    ("workloads:\n  chat:", "workloads:\n  - chat:", "3: workloads: a list of 1 must be a mapping"),
]  # fmt: skip

HEAD = "time,prompt_tokens,output_tokens\n"
ROWS = HEAD + "2026-07-01 10:00:00,7,3\n2026-07-01 10:00:09,7,3\n"
OWN = "at,in,out\n1,2,3\n2,3,4\n"
AT, IN, OUT = ("--column", "timestamp=at"), ("--column", "prompt_tokens=in"), ("--column",
               "output_tokens=out")  # fmt: skip
TRACE = [
    (ROWS, (), "Missing argument 'FILE'."),
    (ROWS, ("nope.csv",), "nope.csv: cannot be read: no such file or directory"),
    (ROWS, ("log", "two.csv"), "Got unexpected extra argument (two.csv)"),
    (OWN, ("log",), "is of no known trace format (name the columns that hold the time, the prompt"),
    (OWN, ("log", "--column", "timestamp"), "--column (timestamp) must be KEY=VALUE"),
    (OWN, ("log", "--column", "timestmp=at"), "--column (timestmp) must be one of timestamp,"),
    (OWN, ("log", *AT, *IN), "of no known trace format (name the column of output_tokens, too)"),
    (OWN, ("log", *AT, *IN, "--column", "output_tokens=output"), "no column 'output' (nearest: 'o"),
    (OWN, ("log", *AT, *IN, *OUT, "--column", "block_tokens=x"), "--column block_tokens (x) must be"
     " a whole number from 1 to 65536"),
    (ROWS, ("log", "--column", "unit=sec"), "unit (sec) must be one of datetime, s, ms, us, ns"),
    (ROWS, ("log", "--column", "turns=newer"), "turns (newer) must be one of new, whole"),
    (ROWS, ("log", "--format", "litelm"), "--format (litelm) must be auto, columns, azure, bailia"),
    (ROWS, ("log", "--day", "day.csv"), "9 s are too little to draw a day from (at least 5 min)"),
    (ROWS, ("log", "--weak", "week.csv"), "No such option '--weak'. Did you mean '--week'?"),
    (ROWS, (".",), "cannot be read: is a directory"),
]  # fmt: skip

KINDS = {
    "amounts": AMOUNTS,
    "whole numbers": WHOLE,
    "names": NAMES,
    "profiles": PROFILES,
    "prices": PRICES,
    "keys": KEYS,
    "missing": MISSING,
    "yaml": YAML,
}
SLIPS = [(kind, *slip) for kind, slips in KINDS.items() for slip in slips]


@pytest.mark.parametrize(("kind", "old", "new", "said"), SLIPS)
def test_a_slip_is_one_line(tmp_path, capfd, monkeypatch, kind, old, new, said):
    monkeypatch.chdir(tmp_path)
    assert old in TEXT
    (tmp_path / "slip.yaml").write_text(TEXT.replace(old, new, 1), encoding="utf-8")
    assert main(["run", "slip.yaml", "--quiet", "--out", "out"]) == 2
    (line,) = capfd.readouterr().err.splitlines()
    assert said in line
    assert not any(map(is_control, line))


@pytest.mark.parametrize(("content", "words", "said"), TRACE)
def test_a_slip_with_a_log_ends_in_one_line(tmp_path, capfd, monkeypatch, content, words, said):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "log").write_text(content)
    assert main(["trace", *words]) == 2
    out, error = capfd.readouterr()
    *usage, line = error.splitlines()
    assert said in line
    assert not out
    assert usage in (
        [],
        ["Usage: sim trace [OPTIONS] FILE", "Try 'sim trace --help' for help.", ""],
    )


def test_the_plain_scenario_is_read(tmp_path):
    """It is what is changed in it that is refused."""
    (tmp_path / "plain.yaml").write_text(TEXT)
    assert load_scenario(tmp_path / "plain.yaml").document["name"] == "Shop"


def test_there_are_ten_of_each_kind():
    assert all(len(slips) >= 10 for slips in (*KINDS.values(), TRACE))
    assert len({slip[1:3] for slip in SLIPS}) == len(SLIPS) >= 90


@pytest.mark.parametrize(
    ("change", "meant"),
    [
        ("workloads.chat.retries=3", "workloads.chat.client.retries"),
        ("backends.large.timeout=3s", "workloads.NAME.client.timeout"),
        ("workloads.chat.autoscaler=hpa", "backends.NAME.autoscaler or variants.NAME.autoscaler"),
        ("replicas=3", "backends.NAME.replicas"),
    ],
)
def test_a_key_that_stands_elsewhere_is_named_where_it_stands(change, meant, capsys):
    path = change.partition("=")[0]
    assert main(["run", str(SHIPPED / "quickstart.yaml"), "--set", change]) == 2
    assert f"{path}: unknown key (did you mean {meant}?)" in capsys.readouterr().err
    assert main(["explain", path]) == (0 if path == "replicas" else 2)
    if path != "replicas":
        assert f"did you mean {meant}?" in capsys.readouterr().err
