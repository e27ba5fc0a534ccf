"""What people write, and the one line that answers a slip."""

from datetime import timedelta

import pytest

from sim.errors import ScenarioError
from sim.scenario import load_scenario

TEXT = """\
name: T
horizon: {duration: 10min}
workloads:
  chat:
    arrivals: {requests_per_second: 1}
    prompt_tokens: 500
    output_tokens: 100
    client: {timeout: 30s}
backends:
  big:
    kind: gpu_pool
    service: llama-3.3-70b/h100-sxm/tp4/fp8/vllm
    replicas: 1
    price: {usd_per_gpu_hour: 3}
"""
SERVICE = "service: llama-3.3-70b/h100-sxm/tp4/fp8/vllm"
POOL = TEXT[TEXT.index("    kind:") :]


def api(model):
    return (POOL, f"    kind: managed_api\n    model: {model}\n")


def computed(model, gpu="l40s"):
    return (SERVICE, f"service: {{model: {model}, gpu: {gpu}, gpus: 4, precision: fp8}}")


def load(folder, old, new):
    assert old in TEXT
    file = folder / "t.yaml"
    file.write_text(TEXT.replace(old, new), encoding="utf-8")
    return load_scenario(file)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("10min", "2 hours"),
        ("10min", "1hr"),
        ("30s", "30 seconds"),
        ("prompt_tokens: 500", "prompt_tokens: 5K"),
        ("prompt_tokens: 500", "prompt_tokens: 1,500"),
        ("usd_per_gpu_hour: 3", "usd_per_gpu_hour: $2.99"),
        ("usd_per_gpu_hour: 3", 'usd_per_gpu_hour: "2,99"'),
        ("{timeout: 30s}", "{timeout: 30s, retries: 3}"),
        computed("Qwen/Qwen3-32B"),
        computed("Qwen3-32B"),
        computed("meta-llama/Llama-3.3-70B-Instruct", "H100-SXM"),
        computed("llama 3.3 70b", "h100 sxm"),
        computed("Qwen/Qwen3-32B-FP8"),
        api("gpt4.1"),
        api("GPT 4.1"),
        api("openai/gpt-4.1"),
        api("claude-haiku-4.5"),
    ],
)
def test_what_people_write_is_read(old, new, tmp_path):
    load(tmp_path, old, new)


def test_a_model_is_taken_at_its_maker_which_is_said(tmp_path):
    found = load(tmp_path, *api("deepseek-v3.2"))
    (line,) = found.footing
    assert line == (
        "backends.big.model (deepseek-v3.2): at its maker's price (deepseek); also bedrock, novita"
    )
    named = load(tmp_path, *api("deepseek-v3.2\n    provider: deepseek"))
    assert named.footing == ()
    assert named.model.backends["big"].price.input == found.model.backends["big"].price.input


@pytest.mark.parametrize(
    ("service", "written"),
    [
        ("{model: qwen3-32b, gpu: H100, gpus: 2, precision: fp8}", "h100-sxm"),
        ("llama-3.3-70b/h100/tp4/fp8/vllm", "llama-3.3-70b/h100-sxm/tp4/fp8/vllm"),
    ],
)
def test_the_form_of_a_gpu_that_is_taken_is_said_and_written(service, written, tmp_path):
    found = load(tmp_path, SERVICE, f"service: {service}")
    assert "00 is taken as h100-sxm, the form that clouds rent most (there are" in found.footing[0]
    document = found.document["backends"]["big"]["service"]
    assert written in (document, getattr(document, "get", {}.get)("gpu"))


def test_a_week_of_a_quota_begins_on_its_day_at_its_time(tmp_path):
    week = "quota: {tokens_per_week: 1M, reset: '06:00', reset_day: thu}"
    found = load(tmp_path, *api(f"gpt-4.1\n    {week}"))
    (managed,) = found.typical_design().managed
    begins = found.typical_design().horizon.start + timedelta(seconds=managed.quota.week_reset_s)
    assert (begins.weekday(), begins.hour, begins.minute) == (3, 6, 0)


def test_a_prompt_cache_of_an_hour_is_written_at_the_price_of_the_catalogue(tmp_path):
    for life, usd in (("5min", 3.75), ("1h", 6.0)):
        text = f"claude-sonnet-4-6\n    prompt_caching: {{life: {life}}}"
        (managed,) = load(tmp_path, *api(text)).typical_design().managed
        assert managed.price.rates.cache_write == usd


def test_quotas_of_a_preset_may_be_by_the_day_and_of_requests_at_once(tmp_path):
    for preset, key, limit in (
        ("gemini-tier-1", "requests_per_day", 10_000),
        ("deepseek-flash", "max_concurrency", 2_500),
        ("moonshot-tier-5", "max_concurrency", 1_000),
    ):
        quota = load(tmp_path, *api(f"gpt-4.1\n    quota: {preset}")).document["backends"]["big"]
        assert quota["quota"][key] == limit


def test_a_checkpoint_in_its_name_says_its_precision(tmp_path):
    for name, precision in (("Qwen/Qwen3-32B-FP8", "fp8"), ("Qwen/Qwen3-32B", "bf16")):
        new = f"service: {{model: {name}, gpu: H200, gpus: 4}}"
        service = load(tmp_path, SERVICE, new).document["backends"]["big"]["service"]
        assert (service["precision"], service["gpu"]) == (precision, "h200-sxm")


def test_a_number_of_retries_is_that_many(tmp_path):
    client = load(tmp_path, "{timeout: 30s}", "{timeout: 30s, retries: 3}").document
    assert client["workloads"]["chat"]["client"]["retries"]["max_retries"] == 3


def test_a_decimal_comma_and_thousands_are_told_apart(tmp_path):
    price = load(tmp_path, "usd_per_gpu_hour: 3", 'usd_per_gpu_hour: "2,99"').document
    assert price["backends"]["big"]["price"]["usd_per_gpu_hour"] == 2.99
    lengths = load(tmp_path, "prompt_tokens: 500", "prompt_tokens: 1,500").document
    assert lengths["workloads"]["chat"]["prompt_tokens"] == 1500


@pytest.mark.parametrize(
    ("old", "new", "expected"),
    [
        (SERVICE, "service: qwen3-32b/l40s/tp2/fp8/vllm",
         "12: backends.big.service: no measurement of qwen3-32b on l40s; computed: service: "
         "{model: qwen3-32b, gpu: l40s, gpus: 2, precision: fp8}"),
        (SERVICE, "service: mistralai/Mistral-7B-Instruct",
         "12: backends.big.service: no measurement of mistral-7b; computed: service: {model: "
         "mistral-7b, gpu: h100-sxm, gpus: 1, precision: fp8}"),
        (*computed("qwen3-32b", "A100"),
         "12: backends.big.service: GPU 'A100' is not in the catalogue (did you mean "
         "'a100-40g-sxm' or 'a100-80g-pcie' or 'a100-80g-sxm'?"),
        (*computed("Qwen/Qwen3-32B-AWQ"),
         "12: backends.big.service: model 'Qwen/Qwen3-32B-AWQ' is not in the catalogue (did you "
         "mean 'qwen3-32b'"),
        (*api("claude-sonnet-4.9"),
         "12: backends.big.model: model 'claude-sonnet-4.9' is not in the catalogue (did you mean"),
        (TEXT[TEXT.index("workloads:") : TEXT.index("backends:")], "",
         "workloads: is missing (such as workloads: {chat: {arrivals: {requests_per_day: 100k}"),
        (TEXT[TEXT.index("backends:") :], "",
         "backends: is missing (such as backends: {api: {kind: managed_api, model: gpt-4.1}})"),
        ("    arrivals: {requests_per_second: 1}\n", "",
         "4: workloads.chat.arrivals: is missing (such as arrivals: {requests_per_day: 100k})"),
        ("prompt_tokens", "promt_tokens",
         "6: workloads.chat.promt_tokens: unknown key (did you mean 'prompt_tokens'?)"),
        ("workloads:", "wrkloads:", "3: wrkloads: unknown key (did you mean 'workloads'?)"),
        ("replicas: 1", "replicas: three",
         "13: backends.big.replicas: 'three' must be a number such as 250, 100k or 1.5M "
         "(a whole number: write 3)"),
        ("name: T", "name: T: second",
         '1: is not YAML: mapping values are not allowed here (put a text that holds ": " in'),
        ("price: {usd_per_gpu_hour: 3}", "price: {provider: runpod, purchase: reserved_1y}",
         "14: backends.big.price: price for provider 'runpod': GPU 'h100-sxm' is not in the "
         "catalogue (there: "),
        ("price: {usd_per_gpu_hour: 3}", "price: {provider: lambda, purchase: reserved_3y}",
         "14: backends.big.price: price for provider 'lambda', GPU 'h100-sxm': purchase "
         "'reserved_3y' is not in the catalogue (there: "),
        ("requests_per_second: 1", "requests_per_second: 10/s",
         "5: workloads.chat.arrivals.requests_per_second: '10/s' must be a number such as 250, "
         "100k or 1.5M (the key says per what: write 10)"),
        ("usd_per_gpu_hour: 3", "usd_per_gpu_hour: €2.99",
         "14: backends.big.price.usd_per_gpu_hour: '€2.99' must be an amount such as 2.99 or 2.99 "
         "USD (all money is in USD: convert it)"),
        ("prompt_tokens: 500", "prompt_tokens: 5m",
         "6: workloads.chat.prompt_tokens: '5m' must be a number such as 250, 100k or 1.5M; 'm' is "
         "none of k, M, B (a million is written M)"),
        ("30s", "30m", "8: workloads.chat.client.timeout: '30m' must be a duration such as 90s, "
         "15min, 2h or 7d; 'm' is none of us, µs, ms, s, min, h, d, w (minutes are written min)"),
        ("30s", "'1:30'", "8: workloads.chat.client.timeout: '1:30' must be a duration such as 90s,"
         " 15min, 2h or 7d (as 1h30 or 90s)"),
        ("10min", "1 month", "2: horizon.duration: '1 month' must be a duration such as 90s, 15min,"
         " 2h or 7d; 'month' is none of us, µs, ms, s, min, h, d, w (a month has 30.4d, a year "),
        ("10min", "2h5", "2: horizon.duration: '2h5' must be a duration such as 90s"),
        ("prompt_tokens: 500", "prompt_tokens: 1.234,50",
         "6: workloads.chat.prompt_tokens: '1.234,50' must be a number such as 250, 100k or 1.5M (a"
         " point is for decimals: 1234.5)"),
        ("prompt_tokens: 500", "prompt_tokens: 100 000",
         "'100 000' must be a number such as 250, 100k or 1.5M (write numbers without spaces)"),
        ("prompt_tokens: 500", "prompt_tokens: ~500",
         "'~500' must be a number such as 250, 100k or 1.5M (write the number alone, or an interval"
         " {p5: 80, p95: 120})"),
        ("requests_per_second: 1", "requests_per_day: 100k/day",
         "'100k/day' must be a number such as 250, 100k or 1.5M (the key says per what: write"),
        ("requests_per_second: 1", "requests_per_hour: 3600",
         "5: workloads.chat.arrivals.requests_per_hour: unknown key (did you mean 'requests_per_"),
        ("usd_per_gpu_hour: 3", "usd_per_gpu_hour: 299c",
         "'299c' must be an amount such as 2.99 or 2.99 USD; 'c' is none of USD, kUSD, MUSD, k, M "
         "(cents are fractions: 5c is 0.05)"),
        ("price: {usd_per_gpu_hour: 3}", "cold_start: 3 mins and a bit",
         "14: backends.big.cold_start: '3 mins and a bit' must be a duration such as 90s"),
        ("arrivals: {requests_per_second: 1}",
         "arrivals: {requests_per_second: 1}\n    response_cache: {hit_rate: 1/3}",
         "6: workloads.chat.response_cache.hit_rate: '1/3' must be a share such as 0.08 or 8% "
         "(divide: a third is 33.3%)"),
        ("replicas: 1", "replicas: 1.5", "13: backends.big.replicas: 1.5 must be a whole number"),
        ("replicas: 1", "replica: 1",
         "13: backends.big.replica: unknown key (did you mean 'replicas'?)"),
        ("name: T", "name: T\ncluster: {gpu: 24}",
         "2: cluster.gpu: unknown key (did you mean 'gpus'?)"),
        ("kind: gpu_pool", "kind: gpu-pool", "11: backends.big.kind: 'gpu-pool' must be one of "),
        (*api("llama-3.3-70b"),
         "12: backends.big.model: model 'llama-3.3-70b' has several providers: groq, "),
        (*api("gpt-4.1\n    quota: openai-tier-9"),
         "13: backends.big.quota: 'openai-tier-9' is not a quota of the catalogue (did you "),
        (*computed("qwen3-32b", "A100"),
         "12: backends.big.service: GPU 'A100' is not in the catalogue (did you mean 'a100-"),
        (SERVICE, "service: qwen3-32b", "12: backends.big.service: "),
        ("horizon: {duration: 10min}", "horizon: 10min", "2: horizon: "),
        ("{timeout: 30s}", "{timeout: 30s, retries: -1}",
         "8: workloads.chat.client.retries: -1 must be at least 0"),
        ("{timeout: 30s}", "{timeout: 30s, retries: many}",
         "8: workloads.chat.client.retries: 'many' must be one of none, openai-sdk"),
    ],
)  # fmt: skip
def test_a_slip_is_answered_in_one_line(old, new, expected, tmp_path):
    with pytest.raises(ScenarioError) as caught:
        load(tmp_path, old, new)
    (line,) = str(caught.value).splitlines()
    assert expected in line.removeprefix(f"{tmp_path}/t.yaml:")
