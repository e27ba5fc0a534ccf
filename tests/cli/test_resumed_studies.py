"""A study that is cut off goes on, with ``--resume``, to the bytes it would have had.

Those here are one of each way to ask for worlds: of a design, at given values of its inputs, and
with several bills. ``benchmarks/kills.py study`` kills all studies, in processes of their own.
"""

from pathlib import Path

import fake_replication
import pytest
from fake_study import asked_of_a_study

from sim.__main__ import main
from sim.montecarlo import execution

HEAD = """\
name: Small
horizon: {duration: 10min, warm_up: 0, bin: 5min}
workloads:
  chat:
    arrivals: {requests_per_day: {lognormal: {p50: 20k, p95: 40k}}}
    prompt_tokens: 500
    output_tokens: 50
    slo: {ttft_p95: 2s}
"""
API = """\
backends:
  api: {kind: managed_api, model: gpt-4o}
seed: 5
"""
OWN = """\
    route: own
backends:
  own: {kind: gpu_pool, service: llama-3.3-70b/h100-sxm/tp4/fp8/vllm, replicas: 2}
"""
STUDIES = {
    "size": ["--probability", "75%", "--worlds", "13", "--set", "horizon.duration=30min"],
    "sensitivity": ["--worlds", "16", "--metric", "cost_usd"],
    "sweep": ["--worlds", "4", "--over", "backends.own.replicas=1,2,3", "--per-world"],
    "risk": ["--worlds", "128"],
    "breakeven": ["--worlds", "4", "--against", "api", "--volumes", "1k,100k"],
}


class Simulated:
    """Counts worlds; before some of them somebody presses Ctrl-C."""

    def __init__(self, monkeypatch):
        self.real, self.count, self.cut_at = execution.simulate, 0, None
        monkeypatch.setattr(execution, "simulate", self)

    def __call__(self, job, tasks):
        self.count += len(tasks)
        if self.cut_at is not None and self.count >= self.cut_at:
            raise KeyboardInterrupt
        return self.real(job, tasks)


@pytest.fixture
def study(tmp_path, monkeypatch):
    """Run a study without its pictures; returns the exit code and how many worlds it simulated."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sim.report.charts.save", lambda charts, place: None)
    Path("both.yaml").write_text(HEAD + OWN + API.removeprefix("backends:\n"))
    Path("api.yaml").write_text(HEAD + API)
    simulated = Simulated(monkeypatch)

    def run(name, *more, cut_at=None):
        simulated.count, simulated.cut_at = 0, cut_at
        file = "api.yaml" if name == "sensitivity" else "both.yaml"
        code = main([name, file, "--jobs", "1", *STUDIES[name], *more])
        return code, simulated.count

    return run


def files(folder):
    return {
        path.relative_to(folder): path.read_bytes()
        for path in Path(folder).rglob("*")
        if path.is_file() and path.name not in ("manifest.json", "command.txt")
    }


@pytest.mark.parametrize("name", STUDIES)
def test_a_study_that_was_cut_off_is_resumed_to_the_same_bytes(study, name, capsys):
    code, all_worlds = study(name, "--out", "whole", "--quiet")
    assert code == 0
    whole = capsys.readouterr().out
    assert study(name, "--out", "results", cut_at=all_worlds - 2)[0] == 130
    told = capsys.readouterr().err
    assert "finished worlds are kept; --resume --out results continues" in told
    assert Path("results/checkpoint").is_dir()
    code, again = study(name, "--out", "results", "--resume", "--quiet")
    assert code == 0
    assert again < all_worlds / 2 or (name == "sweep" and again < all_worlds)
    assert capsys.readouterr().out == whole
    assert files("results") == files("whole")
    assert not Path("results/checkpoint").exists()


def test_what_lies_there_and_is_not_taken_up_is_said_and_replaced(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sim.cli.run.compile_once", lambda *_: None)

    def study(cut=False, **options):
        asked = asked_of_a_study(Path("out"), **options)
        with asked.study("size", fake_replication.FakeScenario()) as under_way:
            under_way.bench.run(
                fake_replication.FakeScenario(), 12, replicate=fake_replication.replicate
            )
            if cut:
                raise KeyboardInterrupt
        return capsys.readouterr().err

    with pytest.raises(KeyboardInterrupt):
        study(cut=True)
    assert (
        "sim: 12 finished worlds are kept; --resume --out out continues" in capsys.readouterr().err
    )
    assert "out holds worlds of a study that was cut off, which --resume continues" in study()
    assert "sim: 12 finished worlds are taken from out" in study(resume=True)
    Path("out/checkpoint").rename("elsewhere")
    assert "sim: nothing to resume in out; starting anew" in study(resume=True)
