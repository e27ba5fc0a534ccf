"""Decisions from long horizons: the same by some of the days, which are said to stand for all."""

import json

import pytest
from click.testing import CliRunner
from stress_cases import case

from sim.cli import cli
from sim.studies.plan import Outlook
from sim.studies.plan.days import day

TEXT = """\
name: long
horizon: {start: 2026-01-05, days: 60, bin: 1h}
workloads:
  chat:
    arrivals: {requests_per_day: {uniform: {low: 450, high: 550}}, shape: azure-chat-2024}
    prompt_tokens: 2000
    output_tokens: {lognormal: {mean: 900, p95: 2000}, max: 8k}
    slo: {e2e_p95: 30s}
    route: large
backends:
  large:
    kind: gpu_pool
    service: llama-3.3-70b/h100-sxm/tp4/fp8/vllm
    engine: {max_num_seqs: 2}
    throughput_factor: 1
    replicas: 1
    price: {usd_per_gpu_hour: 2.99}
  api:
    kind: managed_api
    model: gpt-4o-mini
    candidate: true
    price: {input: 3, output: 15}
"""


def asked(tmp_path, fidelity, command, *options):
    path = tmp_path / "long.yaml"
    path.write_text(TEXT)
    options = [*options, "--set", f"fidelity={fidelity}", "--jobs", "1", "--no-report", "--json"]
    out = ["--out", str(tmp_path / f"{command}-{fidelity}")]
    done = CliRunner().invoke(cli, [command, str(path), *options, *out])
    assert done.exit_code == 0, done.stderr
    return json.loads(done.stdout), done.stderr


def test_size_by_some_of_the_days_decides_the_same_and_says_so(tmp_path):
    options = ("--worlds", "6", "--probability", "50%", "--set", "horizon.days=40")
    by_days, said = asked(tmp_path, "auto", "size", *options)
    in_full, _ = asked(tmp_path, "exact", "size", *options)
    assert by_days["decided"] == in_full["decided"]
    kept = "replica keeps the SLO"
    assert (kept in by_days["sentence"]) == (kept in in_full["sentence"])
    assert said.count("stand for the others") == 1
    assert by_days["simulated_requests"] < 0.6 * in_full["simulated_requests"]


def test_break_even_by_some_of_the_days_is_the_same_and_says_so(tmp_path):
    # The fleet is paid whatever it serves, and the API by what is asked: 3 % of a few days' chance.
    options = ("--worlds", "4", "--set", "horizon.days=40", "--volumes", "250,1k")
    by_days, said = asked(tmp_path, "auto", "breakeven", *options)
    in_full, _ = asked(tmp_path, "exact", "breakeven", *options)
    assert said.count("stand for the others") == 1
    for one, other in zip(by_days["own_volume"], in_full["own_volume"], strict=True):
        assert one["side"] == other["side"]
        assert one["p50_usd_per_month"] == pytest.approx(other["p50_usd_per_month"], rel=0.03)
    # Nowhere is the fleet cheaper, by all days as by some.
    assert [each["p50"] for each in by_days["break_even"]] == [None]
    assert [each["p50"] for each in in_full["break_even"]] == [None]


def test_days_of_a_plan_are_simulated_exactly(tmp_path):
    long = case(tmp_path, TEXT, "fidelity=auto")
    assert long.load().fidelity == "auto"
    assert day(long, Outlook(), 3, "weekday").fidelity == "exact"
