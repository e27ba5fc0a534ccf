"""What cannot be meant is refused, what may not be meant is asked about."""

from pathlib import Path

import pytest

from sim.errors import ScenarioError
from sim.scenario import load_scenario

TEXT = """
name: Shop
horizon: {days: 1}
workloads:
  chat:
    arrivals: {requests_per_second: 1}
    prompt_tokens: {lognormal: {mean: 800, p95: 2000}, max: 8k}
    output_tokens: {lognormal: {mean: 200, p95: 500}, max: 2k}
    slo: {ttft_p95: 2s}
    route: large
backends:
  large:
    kind: gpu_pool
    service: llama-3.3-70b/h100-sxm/tp4/fp8/vllm
    replicas: 1
    price: {usd_per_gpu_hour: 3}
  api: {kind: managed_api, price: {input: 2.5, output: 10}, ttft: 300ms, tokens_per_second: 100}
"""
W, L, A = "workloads.chat", "backends.large", "backends.api"
TO_BOTH = f"{W}.route=[{{to: large}}, {{to: api}}]"


def load(tmp_path: Path, *changes: str):
    path = tmp_path / "shop.yaml"
    path.write_text(TEXT)
    return load_scenario(path, changes)


def test_the_plain_scenario_is_neither_refused_nor_asked_about(tmp_path: Path):
    assert load(tmp_path, TO_BOTH).warnings == ()


@pytest.mark.parametrize(
    ("change", "place", "rule", "remedy"),
    [
        (f"{W}.value_per_user_month=30", f"{W}.value_per_user_month", "no users", "active_users"),
        (f"{W}.slo={{ttft_p95: 2000}}", "slo.ttft_p95", "2000 has no unit", "2000ms, or 2000s"),
        (f"{W}.slo={{e2e_p99: 30000}}", "slo.e2e_p99", "30000 has no unit", "30000ms, or 500min"),
        (f"{W}.slo={{tpot_p50: 50}}", "slo.tpot_p50", "50 has no unit", "50ms, or 50s"),
        (f"{W}.slo={{ttft_p95: '2000'}}", "slo.ttft_p95", "has no unit", "2000ms"),
        (f"{A}.price={{input: 2.5e-6, output: 1e-5}}", "price.input", "million", "write 2.5"),
        (f"{A}.price={{input: 2.5, output: 1e-5}}", "price.output", "million", "write 10"),
        (f"{L}.price={{usd_per_gpu_hour: 0.0008}}", "usd_per_gpu_hour", "hour", "per_gpu_second"),
        (f"{L}.price={{usd_per_gpu_second: 2.99}}", "usd_per_gpu_second", "10,764", "gpu_hour"),
    ],
)
def test_what_cannot_be_meant_is_refused_with_its_remedy(tmp_path, change, place, rule, remedy):
    with pytest.raises(ScenarioError) as refused:
        load(tmp_path, change)
    text = str(refused.value)
    assert place in text and rule in text and remedy in text


@pytest.mark.parametrize("key", ["prompt_tokens", "output_tokens"])
@pytest.mark.parametrize(
    "lengths",
    [
        "{lognormal: {mean: 4000, p95: 900}}",
        "{lognormal: {mean: 4000, p95: 1200}}",
        "{lognormal: {mean: 4000, p90: 3000}}",
        "{lognormal: {mean: 4000, p99: 4000}}",
        "{lognormal: {mean: 4000, p50: 5000}}",
        "{lognormal: {p50: 4000, p95: 900}}",
        "{gamma: {mean: 4000, p95: 900}}",
        "{normal: {mean: 4000, p95: 900}}",
        "{normal: {mean: 4000, p5: 5000}}",
        "{p5: 4000, p95: 900}",
        "{mixture: [{weight: 1, lognormal: {mean: 4000, p95: 900}}]}",
    ],
)
def test_percentiles_that_contradict_a_mean_or_each_other_are_refused(tmp_path, key, lengths):
    with pytest.raises(ScenarioError, match=key):
        load(tmp_path, f"{W}.{key}={lengths}")


def test_an_uncertain_number_is_held_to_the_same_rules(tmp_path: Path):
    with pytest.raises(ScenarioError, match=r"p95 \(90000\) must be above the mean \(100000\)"):
        load(
            tmp_path, f"{W}.arrivals={{requests_per_day: {{lognormal: {{mean: 100k, p95: 90k}}}}}}"
        )
    with pytest.raises(ScenarioError, match="no users"):
        load(tmp_path, f"{W}.value_per_user_month={{p5: 10, p95: 30}}")


def test_users_of_the_arrivals_or_active_ones_pay(tmp_path: Path):
    load(tmp_path, f"{W}.value_per_user_month=30", f"{W}.active_users=5000")
    users = "{users: 5000, requests_per_user_per_day: 4}"
    load(tmp_path, f"{W}.value_per_user_month=30", f"{W}.arrivals={users}")
    with pytest.raises(ScenarioError, match="active_users: 0 must be above 0"):
        load(tmp_path, f"{W}.value_per_user_month=30", f"{W}.active_users=0")


def test_a_long_threshold_with_a_unit_is_meant_and_survives_its_own_document(tmp_path: Path):
    scenario = load(tmp_path, f"{W}.slo={{ttft_p95: 2h, e2e_p95: 24h, tpot_p95: 1500ms}}")
    again = tmp_path / "again.yaml"
    again.write_text(scenario.to_yaml())
    assert load_scenario(again).typical_design().workloads[0].slo.ttft_s == 7200.0
    assert load_scenario(again).document == scenario.document


def test_of_a_batch_it_is_the_deadline_that_no_client_waits_for(tmp_path: Path):
    found = load(tmp_path, f"{W}.slo=null", f"{W}.deadline=2h", f"{W}.client.timeout=10s").warnings
    (said,) = (each for each in found if "client leaves" in each)
    assert said.endswith(
        "chat.deadline: is 2h, and makes no difference, as the client leaves after 10s"
    )


def test_a_budget_of_a_longer_period_than_is_simulated_is_asked_about(tmp_path: Path):
    def warnings(budget: str, *more: str):
        return load(tmp_path, TO_BOTH, f"{A}.budget={budget}", *more).warnings

    (found,) = warnings("{usd: 500, per: month}")
    assert "backends.api.budget: its month is longer than the horizon of 1d" in found
    assert "month costs is not held to it" in found
    assert warnings("{usd: 500, per: day}") == ()
    (found,) = warnings("{usd: 500, per: month, spent: 250}")
    assert "begins with 250 USD of it there" in found and found.endswith("simulate a whole month")
    (found,) = warnings("{usd: 500, per: month, spent: 500}")
    assert "begins with none of it there" in found
    assert warnings("{usd: 500, per: month}", "horizon.days=28") == ()


KEDA = (
    f"{L}.replicas={{min: 0, max: 4}}",
    f"{L}.autoscaler={{preset: keda, target_concurrency: 4}}",
    f"{L}.cold_start=3min",
)


@pytest.mark.parametrize(
    ("changes", "place", "words"),
    [
        (
            (f"{W}.route=[{{to: large, share: 70%}}, {{to: api, share: 50%}}]",),
            "route",
            "sum to 1.2",
        ),
        ((f"{W}.route=[{{to: large, share: 70%}}, {{to: api}}]",), "route", "counts as 1"),
        ((*KEDA, f"{W}.client={{timeout: 30s}}"), "client", "before a replica"),
        ((*KEDA, f"{W}.client={{patience: 30s}}"), "client", "before a replica"),
        ((f"{W}.client={{timeout: 1s}}",), "slo", "leaves after 1s"),
        ((f"{W}.client={{timeout: 60000}}",), "client.timeout", "milliseconds"),
        ((f"{W}.client={{retries: openai-sdk}}",), "client.retries", "makes no difference"),
        ((f"{W}.slo={{tpot_p95: 1us}}",), "slo", "never kept by backend 'large'"),
        ((f"{W}.slo={{ttft_p95: 100ms}}", f"{W}.route=api"), "slo", "never kept by backend 'api'"),
        ((f"{W}.slo={{ttft_p95: 5s, e2e_p95: 2s}}",), "slo", "makes no difference"),
        ((f"{W}.prompt_tokens.max=100",), "prompt_tokens", "max (100)"),
        ((f"{W}.output_tokens.min=1500",), "output_tokens", "min (1500)"),
        (
            (f"{W}.prompt_tokens=500", f"{W}.token_correlation=0.5"),
            "token_correlation",
            "never vary",
        ),
        ((f"{A}.price={{input: 2500, output: 10}}",), "price.input", "far from any"),
        ((f"{A}.ttft=300",), "ttft", "milliseconds"),
        ((f"{L}.price={{usd_per_gpu_hour: 299}}",), "price", "far from any"),
        ((f"{L}.engine={{data_parallel_ranks: 2}}",), "data_parallel_ranks", "1,394,160 tokens"),
        (
            (f"{W}.degradation={{queue: 5, output_share: 50%, quality_loss: 3}}",),
            "quality_loss",
            "makes no difference",
        ),
    ],
)
def test_what_may_not_be_meant_is_asked_about(tmp_path: Path, changes, place, words):
    usual = load(tmp_path).warnings
    asked = [text for text in load(tmp_path, *changes).warnings if text not in usual]
    assert any(place in text and words in text for text in asked), asked


@pytest.mark.parametrize(
    "changes",
    [
        (f"{W}.route=[{{to: large, share: 70%}}, {{to: api, share: 30%}}]",),
        (f"{W}.route=[{{to: large, share: 7}}, {{to: api, share: 3}}]",),  # weights
        (f"{W}.route=[{{to: large, prompt_tokens: {{max: 900}}, share: 0.5}}, {{to: api}}]",),
        (*KEDA, TO_BOTH, f"{W}.client={{timeout: 10min}}"),
        (TO_BOTH, f"{L}.engine={{data_parallel_ranks: 4, kv_capacity_tokens: 150000}}"),
        (TO_BOTH, f"{L}.engine={{data_parallel_ranks: 1}}"),
        (TO_BOTH, f"{W}.client={{retries: openai-sdk, timeout: 60s}}"),
    ],
)
def test_what_is_meant_is_not_asked_about(tmp_path: Path, changes):
    asked = load(tmp_path, *changes).warnings
    assert not [text for text in asked if "no workload is routed" not in text]


SCALED = (
    f"{L}.replicas={{min: 1, max: 4}}",
    f"{L}.cold_start=3min",
)
ABSURD = {  # what is written, what is said of it, and what is likely enough
    f"{W}.arrivals={{users: 10, requests_per_user_per_day: 100k}}": (
        "requests_per_user_per_day: are 100,000 requests of one user a day meant, one every 864ms",
        f"{W}.arrivals={{users: 10, requests_per_user_per_day: 500}}",
    ),
    f"{W}.arrivals={{requests_per_day: 2B}}": (
        "arrivals.requests_per_day: are 2,000,000,000 requests a day meant",
        f"{W}.arrivals={{requests_per_day: 100M}}",
    ),
    f"{W}.arrivals={{requests_per_second: 20k}}": (
        "requests_per_second: are 20,000 requests a second meant",
        f"{W}.arrivals={{requests_per_second: 2k}}",
    ),
    f"{W}.arrivals.growth_per_year=50": ("are 50 times the volume a year later meant",
                                         f"{W}.arrivals.growth_per_year=3"),
    f"{W}.follow_ups={{calls_per_task: 800, prompt_tokens: 10}}": (
        "follow_ups.calls_per_task: are 800 calls of one task meant",
        f"{W}.follow_ups={{calls_per_task: 40, prompt_tokens: 10}}",
    ),
    f"{W}.client={{timeout: 30s, retries: 60}}": ("are 60 retries of one request meant",
                                                  f"{W}.client={{timeout: 30s, retries: 5}}"),
    f"{W}.value_per_request=5k": ("are 5,000 USD of revenue for one request meant",
                                  f"{W}.value_per_request=5"),
    f"{L}.replicas=6000": ("backends.large.replicas: are 6,000 replicas meant", f"{L}.replicas=60"),
    f"{L}.throughput_factor=9": ("are 9 times the profile's speed meant",
                                 f"{L}.throughput_factor=1.3"),
    f"{L}.fixed_usd_per_month=60 MUSD": ("are 60,000,000 USD a month beside the GPUs meant",
                                         f"{L}.fixed_usd_per_month=60 kUSD"),
}  # fmt: skip


@pytest.mark.parametrize("change", ABSURD)
def test_an_absurd_amount_is_asked_about_in_one_line(tmp_path: Path, change: str):
    said, likely = ABSURD[change]
    asked = [line for line in load(tmp_path, change).warnings if " meant" in line]
    assert len(asked) == 1
    assert said in asked[0]
    assert asked[0].endswith("?")
    assert not [line for line in load(tmp_path, likely).warnings if " meant" in line]


@pytest.mark.parametrize(
    ("api", "said"),
    [("tokens_per_second: 9000", "tokens_per_second: are 9,000 tokens a second of one answer"),
     ("tokens_per_second: 100, error_share: 80%", "error_share: are 80 % of failed attempts")],
)  # fmt: skip
def test_an_absurd_api_is_asked_about(tmp_path: Path, api: str, said: str):
    api_keys = f"kind: managed_api, price: {{input: 2.5, output: 10}}, ttft: 300ms, {api}"
    changes = (f"{A}={{{api_keys}}}", f"{W}.route=api")
    (asked,) = [line for line in load(tmp_path, *changes).warnings if " meant" in line]
    assert said in asked


@pytest.mark.parametrize(
    ("target", "said"),
    [("target_concurrency: 100k", "target of 100,000 requests is beyond what a replica can"),
     ("target_queue: 100k", "are 100,000 waiting requests for each replica meant"),
     ("target_requests_per_second: 100k", "are 100,000 requests a second for each replica meant"),
     ("target_output_tokens_per_second: 9M", "are 9,000,000 tokens a second of each replica"),
     ("target_concurrency: 64", None)],
)  # fmt: skip
def test_an_absurd_target_of_an_autoscaler_is_asked_about(tmp_path: Path, target: str, said):
    scaled = (*SCALED, f"{L}.autoscaler={{preset: hpa, {target}}}")
    found = [line for line in load(tmp_path, *scaled).warnings if "target" in line]
    assert (len(found) == 1 and said in found[0]) if said else not found
