"""``sim init``: what it writes loads, runs, and says what was asked for."""

import os
import pty
import select
import shlex
import subprocess
import sys
from datetime import date
from itertools import product
from pathlib import Path

import pytest

from sim.__main__ import main
from sim.catalog import default_gpu_price, profile
from sim.cli.init import SERVED_BY, TEMPLATES
from sim.scenario import load_scenario
from sim.studies.first.backends import price_of
from sim.studies.first.kind import KINDS
from sim.studies.first.pool import pool_of, replicas_for
from sim.studies.first.scenario import Wishes, first_scenario

ROOT = Path(__file__).parents[2]
FRIDAY = date(2026, 11, 27)


def init(*arguments):
    return main(["init", *map(str, arguments)])


def test_the_templates_on_the_command_line_are_those_that_there_are():
    assert list(TEMPLATES) == list(KINDS)


def answered(kind, served_by):
    return served_by == "gpus" or not KINDS[kind].needs_gpus


WAYS = [way for way in product(TEMPLATES, SERVED_BY) if answered(*way)]


@pytest.mark.parametrize(("kind", "served_by"), WAYS)
def test_each_first_scenario_loads_with_nothing_to_be_said(kind, served_by, tmp_path):
    path = tmp_path / "first.yaml"
    path.write_text(first_scenario(Wishes(kind, served_by), "first.yaml", FRIDAY))
    scenario = load_scenario(path)
    assert set(scenario.document["backends"]) - {"embedder", "reranker", "encoder"} == {
        "api": {"api"}, "gpus": {"fleet"}, "both": {"api", "fleet"}
    }[served_by]  # fmt: skip
    assert scenario.warnings == ()
    assert scenario.document["horizon"]["start"].startswith("2026-11-23")  # that week's Monday


@pytest.mark.parametrize("kind", TEMPLATES)
def test_the_commands_in_a_first_scenario_can_be_run(kind, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    served_by, volume = ("gpus", 1_500) if KINDS[kind].needs_gpus else ("both", 200)
    text = first_scenario(Wishes(kind, served_by, volume=volume), "first.yaml", FRIDAY)
    Path("first.yaml").write_text(text)
    runs = [line for line in text.splitlines() if line.startswith("#     sim ")]
    assert len(runs) == 4
    for line in runs:
        arguments = shlex.split(line.removeprefix("#     sim ").split("  # ")[0])
        if arguments[0] == "breakeven" or (arguments[0] == "compare" and kind != "rag-chain"):
            continue  # of minutes, and tested elsewhere
        if arguments[0] == "compare":
            arguments += ["--worlds", "2", "--jobs", "1", "--set", "horizon.days=0.05"]
        if arguments[0] == "size" and kind != "embedding":
            continue  # of a hundred worlds, and the same command
        if arguments[0] == "run":
            arguments += ["--worlds", "1", "--jobs", "1"]
        if arguments[0] == "stress":  # up to ten times the requests, world by world
            arguments += ["--worlds", "2", "--jobs", "1", "--set", "horizon.days=0.1"]
        assert main(arguments) == 0, arguments


def test_a_chain_is_held_against_the_api_as_a_whole(tmp_path, capfd):
    """A break-even has one backend serve all, and the steps before an answer have their own."""
    path = tmp_path / "chain.yaml"
    assert init(path, "--template", "rag-chain", "--serve", "both") == 0
    gpus = "--variant 'gpus: workloads.answers.route=fleet'"
    assert capfd.readouterr().err.endswith(f"next: sim compare {path} {gpus}\n")
    assert main(["breakeven", str(path), "--worlds", "2"]) == 2
    assert "workloads.answers.arrivals.after: a break-even has" in capfd.readouterr().err


def test_what_is_asked_for_is_in_the_file(tmp_path, capfd):
    path = tmp_path / "shop.yaml"
    code = init(path, "--template", "rag", "--volume", "20k", "--serve", "both",
                "--model", "Qwen/Qwen3-32B", "--gpu", "L40S", "--api", "gpt4.1")  # fmt: skip
    assert code == 0
    assert "sim breakeven" in capfd.readouterr().err
    document = load_scenario(path).document
    arrivals = document["workloads"]["answers"]["arrivals"]
    assert arrivals["requests_per_day"] == 20_000
    assert document["backends"]["api"]["model"] == "gpt-4.1"
    assert document["backends"]["fleet"]["service"] == "computed/qwen3-32b/l40s/tp2/fp8"
    assert "computed, not measured" in path.read_text()


@pytest.mark.parametrize(
    ("options", "backends"),
    [
        ([], {"api"}),
        (["--model", "gpt-4.1"], {"api"}),
        (["--model", "qwen2.5-72b"], {"fleet"}),
        (["--model", "qwen3-32b"], {"api"}),
        (["--model", "llama-3.3-70b", "--serve", "gpus"], {"fleet"}),
        (["--gpu", "h200-sxm"], {"fleet"}),
        (["--model", "llama-3.3-70b", "--api", "gpt-4.1"], {"api", "fleet"}),
        (["--from-bill", "38,000 USD", "--model", "gpt-4.1"], {"api", "fleet"}),
        (["--from-bill", "38k", "--serve", "api"], {"api"}),
    ],
)
def test_who_answers_follows_from_what_is_named(options, backends, tmp_path):
    path = tmp_path / "first.yaml"
    assert init(path, *options) == 0
    written = load_scenario(path)
    assert set(written.document["backends"]) == backends
    paid = {each.name for each in written.typical_design().backends}
    assert paid == (backends if len(backends) == 1 else {"api"})  # GPUs are a candidate


def test_a_bill_says_how_many_there_are_and_how_many_replicas(tmp_path):
    # gpt-4.1 takes 2 and 8 USD a million: 1,200 and 350 tokens are 0.0052 USD, so that 38,000 USD
    # a month are 240,000 requests a day: five times the usual 50,000.
    pool = pool_of("llama-3.3-70b", None)
    usual = replicas_for(KINDS["chat"], 50_000, pool)
    wanted = replicas_for(KINDS["chat"], 38_000 / (365.25 / 12) / 0.0052, pool)
    assert wanted > usual
    text = first_scenario(Wishes("chat", "both", usd_per_month=38e3, api="gpt-4.1"), "f", FRIDAY)
    assert f"replicas: {wanted} " in text
    assert "usd_per_month: 38000 " in text


def test_prices_are_ranges_around_the_median():
    # Of H100s on demand: the least 2.5 USD, the median over providers 3.99.
    price, _ = price_of("h100-sxm")
    assert price == {"triangular": {"low": 2.5, "mode": 3.99, "high": 5.48}}
    assert default_gpu_price("h100-sxm").usd_per_gpu_hour == pytest.approx((2.5 + 3.99 + 5.48) / 3)


def test_a_bill_is_shared_as_lengths_have_it_more_or_less():
    # At 2 and 8 USD a million, 350 tokens of 1,550 are 2,800 of 5,200: 54 %.
    text = first_scenario(Wishes("chat", "both", usd_per_month=38e3, api="gpt-4.1"), "f", FRIDAY)
    assert "bill_shares: {output: {uniform: {low: 44%, high: 64%}}}" in text


def test_agents_begin_with_memories_of_prompts(tmp_path):
    path = tmp_path / "first.yaml"
    path.write_text(first_scenario(Wishes("agents", "both"), "first.yaml", FRIDAY))
    backends = load_scenario(path).document["backends"]
    assert backends["api"]["prompt_caching"] is not None
    assert backends["fleet"]["prefix_cache"] is not None
    assert backends["fleet"]["router"] == "session"


def test_a_replica_has_room_for_some_requests_at_once():
    # 35,600 tokens fit on one L40S: 20 of 1,800 tokens, not the 32 that a replica should hold.
    assert pool_of("qwen3-32b", "l40s", 1_000).profile.gpus_per_replica == 1
    assert pool_of("qwen3-32b", "l40s", 1_800).profile.gpus_per_replica == 2
    assert pool_of("qwen3-32b", "l40s", 1e6).profile.gpus_per_replica == 8  # the roomiest


def test_the_guess_of_replicas_by_hand():
    # 86,400 documents a night of 12 h are 2 a second; each takes its share of full batches.
    pool = pool_of("llama-3.3-70b", None)
    one = replicas_for(KINDS["batch"], 86_400, pool)
    assert replicas_for(KINDS["batch"], 10 * 86_400, pool) == pytest.approx(10 * one, abs=10)
    assert replicas_for(KINDS["batch"], 1, pool) == 1


def test_a_measured_profile_of_a_current_engine_is_taken_where_there_is_one():
    found = pool_of("Llama 3.3 70B", None)
    assert found.measured
    assert found.profile.grade in "AB"
    assert found.profile.gpu == "h100-sxm"
    assert pool_of("llama-3.3-70b", "h200-sxm").profile.gpu == "h200-sxm"
    assert profile(pool_of("qwen3-8b", "l4").service).grade == "C"


def test_a_log_gives_the_traffic(tmp_path):
    path = tmp_path / "ours.yaml"
    log = ROOT / "scenarios/azure_trace_sample.csv"
    assert init(path, "--from-trace", log, "--serve", "both") == 0
    document = load_scenario(path).document
    assert list(document["backends"]) == ["api", "fleet"]
    (workload,) = document["workloads"].values()
    assert workload["arrivals"]["requests_per_second"] == pytest.approx(0.83, rel=0.02)
    assert workload["slo"]["ttft_p95"] == 2.0
    assert "usd_per_gpu_hour" in document["backends"]["fleet"]["price"]
    assert document["name"] == "Traffic of azure_trace_sample.csv"
    assert workload["client"]["timeout"] == 600.0  # so that something can be lost
    assert workload["client"]["retries"]["max_retries"] == 2
    text = path.read_text()
    assert "client:  # assumed: what the OpenAI SDK does by default; yours?" in text
    assert "slo:  # assumed; yours?" in text


def test_a_pool_says_that_nobody_is_paid_for_running_it(tmp_path):
    path = tmp_path / "ours.yaml"
    assert init(path, "--from-bill", "4k", "--serve", "both") == 0
    assert "# fixed_usd_per_month: 6000" in path.read_text()
    assert load_scenario(path).document["backends"]["fleet"].get("fixed_usd_per_month", 0) == 0


@pytest.mark.parametrize("kind", TEMPLATES)
def test_less_than_one_a_day_loads(kind, tmp_path):
    assert init(tmp_path / "first.yaml", "--template", kind, "--volume", "0.3") == 0


def test_to_stdout(tmp_path, monkeypatch, capfd):
    monkeypatch.chdir(tmp_path)
    assert init("-", "--template", "voice") == 0
    said = capfd.readouterr()
    assert "name: Voice assistant" in said.out
    assert said.err == ""
    assert not list(tmp_path.iterdir())


def test_nothing_is_overwritten_unasked(tmp_path, capfd):
    path = tmp_path / "mine.yaml"
    path.write_text("mine")
    assert init(path) == 2
    assert "--force" in capfd.readouterr().err
    assert path.read_text() == "mine"
    assert init(path, "--force") == 0
    assert "name: Chat" in path.read_text()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--volume", "three"], "'three' must be a number"),
        (["--volume", "0"], "must be above 0"),
        (["--volume", "nan"], "must be a number"),
        (["--model", "nonsuch"], "model 'nonsuch' is not in the catalogue"),
        (["--model", "llama-3.3-70b", "--gpu", "abacus"], "GPU 'abacus' is not in the catalogue"),
        (["--api", "nonsuch", "--serve", "api"], "model with an API 'nonsuch'"),
        (["--model", "deepseek-r1", "--gpu", "l4"], "does not fit"),
        (["--from-bill", "38k", "--serve", "gpus"], "--serve api or both"),
        (["--from-bill", "38k", "--template", "batch"], "one night"),
        (["--from-bill", "38k", "--volume", "3"], "give one"),
        (["--from-trace", "no.csv", "--volume", "3"], "from the log"),
        (["--from-trace", "no.csv"], "no.csv"),
        (["--template", "chess"], "chess"),
        (["--from-bill", "1e10"], "--from-bill 1e+10: takes about 1,422,155 replicas"),
        (
            ["--from-bill", "1e15", "--serve", "api"],
            "--from-bill 1e+15: 1e+15 must be at most 1e+12",
        ),
        (["--volume", "1e12", "--serve", "gpus"], "give at most about 2e+09, or --serve api"),
        (["--volume", "1e12"], "--volume 1e+12: 1e+12 must be at most 8.64e+10"),
        (["--volume", "1e-300"], "--volume 1e-300: 1e-300 is too close to 0"),
    ],
)
def test_what_cannot_be_meant(options, said, tmp_path, capfd):
    path = tmp_path / "first.yaml"
    assert init(path, *options) == 2
    error = capfd.readouterr().err
    assert said in error
    assert "Traceback" not in error
    assert "first.yaml" not in error
    assert not path.exists()


def test_a_folder_that_is_not_there(tmp_path, capfd):
    assert init(tmp_path / "no" / "first.yaml") == 2
    assert "cannot be written" in capfd.readouterr().err


def conversation(folder, answers):
    """What ``sim init`` says on a terminal on which each of its questions gets an answer."""
    ours, theirs = pty.openpty()
    said = b""
    with subprocess.Popen(
        [sys.executable, "-m", "sim", "init", "asked.yaml"],
        cwd=folder, stdin=theirs, stdout=theirs, stderr=theirs, close_fds=True,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path), "TERM": "dumb"},
    ) as process:  # fmt: skip
        os.close(theirs)
        try:
            while select.select([ours], [], [], 120)[0]:
                piece = os.read(ours, 4096)
                if not piece:
                    break
                said += piece
                if said.endswith(b"]: "):
                    os.write(ours, next(answers).encode())
        except (OSError, StopIteration):  # the other end is closed, or one question too many
            pass
        finally:
            os.close(ours)
        try:
            process.wait(120)
        except subprocess.TimeoutExpired:
            process.kill()
    return said.decode(), process.returncode


def test_on_a_terminal_at_most_five_questions_are_asked(tmp_path):
    answers = iter(["agents\n", "both\n", "2k\n", "gpt-5-mini\n", "\n"])
    said, code = conversation(tmp_path, answers)
    assert code == 0, said
    assert next(answers, None) is None
    document = load_scenario(tmp_path / "asked.yaml").document
    assert document["workloads"]["agents"]["arrivals"]["requests_per_day"] == 2_000
    assert document["backends"]["api"]["model"] == "gpt-5-mini"
