"""A study that is ended before its answer prints what it had found, marked as unfinished."""

import json
import signal
from pathlib import Path
from typing import Any

import pytest

import sim.studies.bench as benches
from sim.__main__ import main
from sim.cli.values import EXIT_INTERRUPTED

SCENARIO = """\
name: Shop
horizon: {start: 2026-11-23, duration: 5min, warm_up: 0, bin: 1min}
workloads:
  chat:
    arrivals: {requests_per_second: {uniform: {low: 1, high: 2}}}
    prompt_tokens: 300
    output_tokens: 50
    slo: {ttft_p95: 2s}
    route: own
backends:
  own:
    kind: gpu_pool
    service: llama-3.3-70b/h100-sxm/tp4/fp8/vllm
    replicas: 2
    price: {usd_per_gpu_hour: 3}
  api: {kind: managed_api, model: gpt-4.1}
worlds: 100
"""
COMMANDS = {
    "compare": ("--variant", "one: backends.own.replicas=1"),
    "sweep": ("--over", "backends.own.replicas=1,2,3"),
    "stress": ("--growth", "1,2"),
    "size": (),
    "plan": ("--months", "3"),
    "sensitivity": (),
    "risk": (),
    "breakeven": ("--volumes", "10k,100k"),
}


@pytest.fixture
def ended(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Each study is ended by SIGTERM amid its third run; how many there were."""
    began: list[int] = []
    simulate = benches.run

    def run(*positional: Any, **named: Any) -> Any:
        began.append(1)
        if len(began) == 3:
            signal.raise_signal(signal.SIGTERM)
        return simulate(*positional, **named)

    monkeypatch.setattr(benches, "run", run)
    return began


@pytest.fixture
def path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    found = tmp_path / "shop.yaml"
    found.write_text(SCENARIO, encoding="utf-8")
    return found


@pytest.mark.parametrize("command", COMMANDS)
def test_a_study_that_is_ended_prints_what_it_had_found(
    command: str, path: Path, ended: list[int], capsys: pytest.CaptureFixture[str]
) -> None:
    asked = [command, str(path), "--jobs", "1", *COMMANDS[command]]
    if command == "compare":  # its third design
        asked += ["--variant", "three: backends.own.replicas=3"]
    assert main(asked) == EXIT_INTERRUPTED
    assert len(ended) == 3
    told = capsys.readouterr()
    first, _, table = told.out.partition("\n\n")
    assert " ".join(first.split()).startswith(
        f"Unfinished: sim {command} of Shop was ended before its answer. Simulated until then: "
    )
    lines = table.splitlines()
    assert " ".join(lines[0].split()) == "worlds SLO met in a month first token p95"
    assert 1 <= len(lines) - 1 <= 2
    assert all(" USD" in line and len(line) <= 96 for line in lines[1:])
    assert told.err.rstrip().endswith("sim: interrupted")
    # What there is as JSON is marked, too, and no answer was saved.
    assert not list(Path("outputs").rglob("answer.json"))


def test_a_run_that_is_cut_off_is_shown_with_the_worlds_that_it_finished(
    path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    simulate = benches.run

    def run(*positional: Any, **named: Any) -> Any:
        seen = named.pop("progress")

        def progress(sample: Any, target: int) -> None:
            seen(sample, target)
            if len(sample) == 5:
                signal.raise_signal(signal.SIGINT)

        return simulate(*positional, **named, progress=progress)

    monkeypatch.setattr(benches, "run", run)
    asked = ["compare", str(path), "--jobs", "1", "--json", *COMMANDS["compare"]]
    assert main(asked) == EXIT_INTERRUPTED
    found = json.loads(capsys.readouterr().out)
    assert (found["study"], found["finished"]) == ("compare", False)
    (case,) = found["cases"]
    assert 5 <= case["worlds"] < 100  # those that were under way are finished
    assert (case["case"], case["asked"]) == ("Shop", 100)
    assert found["simulated_worlds"] == case["worlds"]
    assert case["cost_usd_per_month"] == pytest.approx(2 * 4 * 3 * 730.5)
    assert case["slo_met_share"] == 1.0


def test_a_study_that_is_ended_before_anything_was_found_prints_nothing(
    path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def run(*_: Any, **__: Any) -> Any:
        raise KeyboardInterrupt

    monkeypatch.setattr(benches, "run", run)
    assert main(["size", str(path), "--jobs", "1"]) == EXIT_INTERRUPTED
    assert capsys.readouterr().out == ""
