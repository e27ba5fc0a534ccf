"""Levers that are off where they would matter: what turning them on saves, by hand."""

from pathlib import Path

import pytest

from sim.__main__ import main
from sim.studies.case import Case
from sim.studies.levers import Lever, levers

AGENTS = """\
name: Agents
horizon: {start: 2026-11-24, duration: 6h, warm_up: 0}
workloads:
  agent:
    arrivals: {requests_per_day: 2000}
    prompt_tokens: 3000
    output_tokens: 400
    follow_ups: {calls_per_task: 4, prompt_tokens: 600, think_time: 5s}
backends:
  api: {kind: managed_api, model: gpt-4.1}
worlds: 1
"""
POOL = """\
  own:
    kind: gpu_pool
    service: llama-3.3-70b/h100-sxm/tp4/fp8/vllm
    replicas: 1
    price: {usd_per_gpu_hour: 3}
"""

BOTH = AGENTS.replace("worlds: 1\n", f"{POOL}worlds: 1\n")


def found(folder: Path, text: str = AGENTS, *overrides: str) -> list[Lever]:
    path = folder / "agents.yaml"
    path.write_text(text, encoding="utf-8")
    case = Case(path, overrides)
    return list(levers(case, case.load(), 0))


def test_what_prompt_caching_would_save_is_the_price_of_what_was_said_before(
    tmp_path: Path,
) -> None:
    (lever,) = found(tmp_path)
    # Prompts of 3, 4, 5 and 6 thousand tokens, of which 3.4, 4.4 and 5.4 were there before; 2 USD a
    # million, 0.5 where cached, 8 for the answers. A few tasks are cut by the end.
    saved = 13_200 * 1.5 / (18_000 * 2 + 1_600 * 8)
    assert lever.cached_share == pytest.approx(13.2 / 18, rel=0.01)
    assert lever.saved_share == pytest.approx(saved, rel=0.01)
    assert lever.setting == "backends.api.prompt_caching={}"
    assert "its bill would be 41 % smaller" in lever.words()


def test_of_several_backends_each_is_asked_by_itself(tmp_path: Path) -> None:
    share = "workloads.agent.route=[{to: api, share: 50%}, {to: own, share: 50%}]"
    each = {lever.backend: lever for lever in found(tmp_path, BOTH, share)}
    assert each["api"].what == "prompt_caching"
    pool = found(tmp_path, BOTH, "workloads.agent.route=own")
    assert [(lever.backend, lever.what) for lever in pool] == [("own", "prefix_cache")]
    assert "the p95 time to first token in the worst hour would be" in pool[0].words()


@pytest.mark.parametrize(
    "override",
    [
        "backends.api.prompt_caching={}",  # on
        "workloads.agent.follow_ups=null",  # nothing comes again
        "workloads.agent.follow_ups.calls_per_task=1",
        "backends.api.price={input: 2, output: 8}",  # no price for it
        "workloads.agent.prompt_tokens=20",  # too short to be kept
    ],
)
def test_nothing_is_said_where_it_would_not_matter(override: str, tmp_path: Path) -> None:
    more = ("workloads.agent.follow_ups.prompt_tokens=20", "workloads.agent.output_tokens=20")
    assert found(tmp_path, AGENTS, override, *(more if "=20" in override else ())) == []


def test_a_run_says_it_after_its_answer_on_stderr(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "agents.yaml").write_text(AGENTS, encoding="utf-8")
    command = ["run", str(tmp_path / "agents.yaml"), "--out", str(tmp_path / "out"), "--jobs", "1"]
    assert main(command) == 0
    printed = capsys.readouterr()
    (line,) = [each for each in printed.err.splitlines() if "prompt_caching is off" in each]
    assert "73 % of prompt tokens have been there before" in line
    assert "prompt_caching" not in printed.out


BRIEF = BOTH.replace("duration: 6h", "duration: 2h").replace(
    "    follow_ups", "    slo: {ttft_p95: 5s}\n    route: api\n    follow_ups"
)
OWN = ["--set", "workloads.agent.route=own"]
UNSURE = "backends.api.price={input: {p5: 1, p95: 3}, cached_input: 0.5, output: 8}"


@pytest.mark.parametrize(
    ("command", "backends"),
    [
        (["breakeven", "--volumes", "1k,5k"], ["api", "own"]),
        (["compare", "--variant", "gpus: workloads.agent.route=own"], ["api", "own"]),
        (["size", *OWN, "--backend", "own", "--probability", "15%"], ["own"]),
        (["plan", *OWN, "--months", "1"], ["own"]),
        (["stress", *OWN, "--growth", "1", "--no-spike", "--steps-only"], ["own"]),
        (["sensitivity", "--set", UNSURE, "--worlds", "16"], ["api"]),
    ],
    ids=lambda each: each[0],
)
def test_every_study_says_it_after_its_answer(
    command: list[str],
    backends: list[str],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("sim.report.charts.save", lambda charts, folder: folder.mkdir())
    (tmp_path / "agents.yaml").write_text(BRIEF, encoding="utf-8")
    name, *options = command
    options = ["--worlds", "2", "--jobs", "1", "--out", str(tmp_path / "out"), *options]
    assert main([name, str(tmp_path / "agents.yaml"), *options]) == 0
    printed = capsys.readouterr()
    _, _, after = printed.err.partition("results in")
    said = [line for line in after.splitlines() if "have been there before" in line]
    assert [
        line.split(" is off")[0].split("backends.")[1].split(".")[0] for line in said
    ] == backends
    assert "have been there before" not in printed.out


def test_a_trace_that_names_its_blocks_is_asked_as_tasks_are(tmp_path: Path) -> None:
    rows = [
        f'{{"timestamp": {1000 * n}, "input_length": 4096, "output_length": 20,'
        f' "hash_ids": [1, 2, 3, 4, 5, 6, 7, {100 + n}]}}'
        for n in range(200)
    ]
    (tmp_path / "log.jsonl").write_text("\n".join(rows), encoding="utf-8")
    text = f"""\
name: Log
workloads: {{chat: {{arrivals: {{trace: {{file: log.jsonl, mode: once}}}}}}}}
backends:
{POOL}worlds: 1
"""
    (lever,) = found(tmp_path, text)
    # Each prompt but the first begins with the seven blocks of 512 tokens of the first.
    assert lever.cached_share == pytest.approx(199 * 7 / (200 * 8), rel=0.01)
    assert lever.what == "prefix_cache"
