"""Causes of trouble in one world, each in a scenario that can have no other."""

from pathlib import Path

import pytest

from sim.montecarlo.run import run
from sim.report.headline import paragraphs
from sim.scenario import load_scenario

API = """
name: Pilot
horizon: {start: 2026-11-23, duration: 30min, warm_up: 0, bin: 5min}
workloads:
  assistant:
    arrivals: {requests_per_second: 1}
    prompt_tokens: 2000
    output_tokens: 100
    slo: {e2e_p95: 60s}
backends:
  api: {kind: managed_api, price: {input: 2.5, output: 10}, ttft: 300ms, tokens_per_second: 100}
"""
POOL = """
name: Small
horizon: {start: 2026-11-23, duration: 30min, warm_up: 0, bin: 5min}
workloads:
  assistant:
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
"""
EDGE = API.replace("managed_api, price: {input: 2.5, output: 10}", "edge")
SCALED = (
    "backends.large.autoscaler={preset: hpa, target_queue: 1}",
    "backends.large.replicas={min: 1, max: 50}",
    "backends.large.cold_start=1s",
    "workloads.assistant.arrivals.requests_per_second=30",
)
BUSY = "{requests_per_second: 8}"
CRASHES = "{crashes_per_gpu_hour: 20, repair: 1min}"
W, A, L = "workloads.assistant", "backends.api", "backends.large"
UNITS = "{units: 1, tokens_per_minute_per_unit: 1000, usd_per_unit_hour: 1}"


@pytest.mark.parametrize(
    ("text", "changes", "cause"),
    [
        (API, (f"{A}.quota={{requests_per_minute: 20}}",), "quota"),
        (API, (f"{A}.quota={{requests_per_minute: 59}}", f"{W}.slo=null"), "quota"),
        (
            API,
            (f"{A}.provisioned={UNITS}", f"{A}.quota={{requests_per_minute: 20}}"),
            "provisioned",
        ),
        (API, (f"{W}.max_concurrency=1",), "concurrency limit"),
        (API, (f"{A}.outages={{planned: [{{start: 5min, duration: 10min}}]}}",), "outage"),
        (API, (f"{A}.error_share=20%",), "provider"),
        (API, (f"{A}.error_share=20%", f"{W}.slo=null"), "provider"),
        (API, (f"{A}.tokens_per_second=1",), "pace"),
        (
            API,
            (f"{A}.max_model_len=1500", f"{W}.prompt_tokens={{p5: 500, p95: 4000}}"),
            "context length",
        ),
        (EDGE, (f"{A}.capable_share=50%",), "devices"),
        (POOL, (*SCALED, f"{L}.replicas.max=2"), "max replicas"),
        (POOL, (*SCALED, f"{L}.capacity={{limit: 2}}"), "capacity limit"),
        (POOL, (f"{L}.failures={CRASHES}", f"{L}.cold_start=1min"), "lost replicas"),
        (POOL, (f"{L}.gateway={{max_queue: 0}}", f"{L}.engine.max_num_seqs=4"), "queue limit"),
        (POOL, (f"{W}.max_concurrency=4",), "concurrency limit"),
        (POOL, (f"{L}.engine.max_model_len=900",), "context length"),
        (POOL, (f"{W}.arrivals.requests_per_second=20",), "decode"),
        (
            POOL,
            (f"{W}.arrivals.requests_per_second=20", f"{L}.gateway={{max_queue: 10}}"),
            "decode",
        ),
        (
            POOL,
            (f"{W}.adapters={{count: 50, zipf: 0}}", f"{L}.adapters={{slots: 1, host_slots: 50}}"),
            "adapters",
        ),
        (POOL, (f"{W}.slo={{ttft_p95: 1ms}}",), "prefill"),
    ],
)
def test_the_cause_is_what_ran_out(tmp_path: Path, text, changes, cause):
    path = tmp_path / "scenario.yaml"
    path.write_text(text)
    result = run(load_scenario(path, changes), worlds=1, jobs=1)
    summary = result.summary
    assert [each["cause"] for each in summary["causes"]] == [cause], summary["causes"]
    assert summary["causes"][0]["backend"] == next(iter(result.scenario.document["backends"]))
    assert summary["worst_world"]["cause"]["cause"] == cause


def test_no_cause_is_named_where_nothing_is_wrong(tmp_path: Path):
    path = tmp_path / "scenario.yaml"
    path.write_text(API)
    summary = run(load_scenario(path), worlds=2, jobs=1).summary
    assert summary["causes"] == [] and summary["worst_world"]["cause"] is None
    assert [each and each["count"] for each in summary["worlds"].values()] == [None, None, 0, 0]


def test_a_budget_of_several_is_one_cause_with_its_name(tmp_path: Path):
    path = tmp_path / "scenario.yaml"
    path.write_text(API)
    other = "{kind: managed_api, price: {input: 2, output: 9}, ttft: 1s, tokens_per_second: 50}"
    changes = (
        f"backends.other={other}",
        "workloads.more={arrivals: {requests_per_second: 1}, prompt_tokens: 500,"
        " output_tokens: 100, route: other}",
        f"{W}.route=api",
        "budgets={team: {usd: 0.1, per: day, backends: [api, other]}}",
    )
    summary = run(load_scenario(path, changes), worlds=2, jobs=1).summary
    (cause,) = summary["causes"]
    assert (cause["cause"], cause["backend"]) == ("budget", "team of api, other")
    (budget,) = summary["budgets"]
    assert budget["budget"] == cause["backend"] and budget["spent"]["count"] == 2
    assert budget["diverted_share"] == 0.0  # there is no other way
    assert budget["over_budget_share"] == budget["passed_over_share"] > 0.5


ZERO = (
    f"{L}.replicas={{min: 0, max: 4, initial: 0}}",
    f"{L}.autoscaler={{preset: keda, target_concurrency: 24}}",
)


@pytest.mark.parametrize(
    ("changes", "cause"),
    [
        # From zero, whether the start is long against a bin of 5 minutes or short; it serves after.
        ((f"{L}.cold_start=6min",), "first replica"),
        ((f"{L}.cold_start=2min",), "first replica"),
        ((f"{L}.cold_start=20s", "horizon.duration=10min"), "first replica"),
        # A lone request waits for it, too.
        (
            (f"{L}.cold_start=1min", f"{W}.arrivals={{requests_per_day: 96, burstiness: 0}}"),
            "first replica",
        ),
        # One that is there from the beginning, and further ones that are late.
        (
            (f"{L}.cold_start=8min", f"{L}.replicas={{min: 1, max: 8}}", f"{W}.arrivals={BUSY}"),
            "cold start",
        ),
        # There since long before most of the waiting.
        ((f"{L}.cold_start=5s", f"{L}.replicas.max=1", f"{W}.arrivals={BUSY}"), "max replicas"),
        # Nobody waits: what is slow is the answer.
        (
            (
                f"{L}.cold_start=5s",
                f"{W}.slo={{tpot_p95: 1ms}}",
                f"{W}.arrivals={{requests_per_second: 0.2}}",
            ),
            "decode",
        ),
    ],
)
def test_waiting_for_the_first_replica_is_told_from_other_waiting(tmp_path: Path, changes, cause):
    path = tmp_path / "scenario.yaml"
    path.write_text(POOL)
    summary = run(load_scenario(path, (*ZERO, *changes)), worlds=1, jobs=1).summary
    assert [each["cause"] for each in summary["causes"]] == [cause], summary["causes"]
    if cause == "first replica":
        text = " ".join(" ".join(paragraphs(summary)).split())
        assert "cold starts from zero, requests waited for the first replica (large): " in text
