"""Limits of time and memory: what they end, what is kept, what is foretold."""

import json
from pathlib import Path

import numpy as np
import pytest
from fake_replication import FakeScenario, replicate

from sim.__main__ import main
from sim.cli.values import EXIT_SPENT
from sim.errors import PeakfleetError
from sim.montecarlo import execution
from sim.montecarlo import footprint as memory
from sim.montecarlo.allowance import Allowance, Outlook, SpentError
from sim.montecarlo.execution import Batch, Workers
from sim.montecarlo.footprint import Footprint, footprint
from sim.montecarlo.result import Earlier
from sim.montecarlo.run import run
from sim.report.outlook_text import outlook_text
from sim.studies.bench import Bench

SCENARIO = FakeScenario(worlds=300)
MB = 1e6


class Ticking:
    """A clock that goes on by a second each time that it is looked at."""

    def __init__(self):
        self.now_s = 0.0

    def __call__(self):
        self.now_s += 1.0
        return self.now_s


def limited(time_s, **more):
    return Allowance(time_s, clock=Ticking(), **more)


def figures(result):
    return result.replications.drop(columns=[]).to_dict("list")


# Time ----------------------------------------------------------------------------------------


def test_a_run_ends_within_a_few_batches_of_its_time_and_keeps_what_came_in():
    allowance = limited(12.0)
    result = run(SCENARIO, replicate=replicate, jobs=1, allowance=allowance)
    assert result.interrupted
    assert allowance.spent == "--max-time (12s) is over"
    # The clock is looked at twice a batch, and batches are 1, 2, 4, 8, ... worlds: some 6 of them.
    assert 1 <= len(result.sample) <= 255
    assert result.sample.worlds == [*range(len(result.sample))]
    assert result.summary["interrupted"] is True
    assert result.summary["replications"] == len(result.sample)


def test_a_run_that_was_cut_off_goes_on_to_what_it_would_have_been():
    whole = run(SCENARIO, replicate=replicate, jobs=1)
    part = run(SCENARIO, replicate=replicate, jobs=1, allowance=limited(12.0))
    assert len(part.sample) < len(whole.sample)
    earlier = Earlier(part.sample, exports=part.exports)
    resumed = run(SCENARIO, replicate=replicate, jobs=1, earlier=earlier)
    assert not resumed.interrupted
    assert resumed.replications.equals(whole.replications)
    assert json.dumps(resumed.summary) == json.dumps(whole.summary)


def test_time_that_is_over_before_a_world_is_finished_is_said():
    with pytest.raises(SpentError, match=r"--max-time \(1s\) is over"):
        run(SCENARIO, replicate=replicate, jobs=1, allowance=limited(1.0))


def test_a_limit_that_is_not_reached_changes_nothing():
    whole = run(SCENARIO, replicate=replicate, jobs=1)
    same = run(SCENARIO, replicate=replicate, jobs=1, allowance=limited(1e6))
    assert json.dumps(same.summary) == json.dumps(whole.summary)


def test_a_study_ends_with_the_limit_and_not_with_an_interruption():
    bench = Bench(1, allowance=limited(12.0))
    with pytest.raises(SpentError, match="--max-time"):
        for seed in range(3):
            bench.run(SCENARIO, 300, seed, about=f"seed {seed}", replicate=replicate)
    assert [about for about, _ in bench.seen.values()] == ["seed 0"]


# Memory --------------------------------------------------------------------------------------


def workers(simulated, jobs=4):
    """So many workers, each with two batches at a time."""
    return Workers(simulated, lambda: 2 * jobs)


def looks(*found):
    """A memory that is as it is told, the last of them for good."""
    waiting = list(found)
    return lambda: waiting.pop(0) if len(waiting) > 1 else waiting[0]


def test_a_program_that_is_larger_than_its_limit_is_refused():
    allowance = Allowance(memory_bytes=100 * MB, look=looks(Footprint(180 * MB, 0.0)))
    with pytest.raises(PeakfleetError) as error:
        run(SCENARIO, replicate=replicate, jobs=1, allowance=allowance)
    (line,) = str(error.value).splitlines()
    assert line == "--max-memory (100 MB) does not do: the program itself takes about 370 MB"


def test_a_world_that_does_not_fit_is_refused():
    found = looks(Footprint(180 * MB, 0.0), Footprint(900 * MB, 0.0))
    allowance = Allowance(memory_bytes=500 * MB, look=found)
    with pytest.raises(PeakfleetError, match=r"500 MB\) does not do: one world takes about"):
        run(SCENARIO, replicate=replicate, jobs=1, allowance=allowance)


def test_results_that_have_no_room_to_be_written_are_refused_after_the_first_world():
    found = looks(Footprint(100 * MB, 0.0), Footprint(350 * MB, 50 * MB))
    allowance = Allowance(memory_bytes=400 * MB, look=found)
    with pytest.raises(PeakfleetError, match="writing the results takes about 490 MB"):
        run(SCENARIO, replicate=replicate, jobs=1, allowance=allowance)


@pytest.mark.parametrize(("limit_mb", "jobs"), [(1000, 2), (1400, 4), (799, 1), (3000, 4)])
def test_so_many_workers_are_used_as_fit(limit_mb, jobs):
    """The program takes 300 MB, and 500 MB with one worker, who takes 300 MB of his own."""
    said = []
    found = looks(Footprint(300 * MB, 0.0), Footprint(500 * MB, 300 * MB))
    allowance = Allowance(memory_bytes=limit_mb * MB, say=said.append, look=found)
    with allowance.metered(workers(_done)) as staff:
        assert staff.lanes() == 1  # the first world is alone
        staff.submit([object()])
        allowance.look(100)
        assert staff.lanes() == (8 if jobs == 4 else jobs)
    assert bool(said) == (jobs < 4)
    assert all(f"{jobs} of 4 jobs" in text for text in said)


def test_memory_that_is_exceeded_on_the_way_ends_the_run_with_what_it_has():
    fits = Footprint(300 * MB, 0.0)
    found = looks(*[fits] * 3, Footprint(900 * MB, 0.0))
    allowance = Allowance(memory_bytes=650 * MB, clock=Ticking(), look=found)
    result = run(SCENARIO, replicate=replicate, jobs=1, allowance=allowance)
    assert result.interrupted
    assert allowance.spent == "--max-memory (650 MB): 900 MB were taken"
    assert 1 <= len(result.sample) < 300


@pytest.mark.skipif(not memory.is_known(), reason="this system does not tell")
def test_memory_that_is_taken_is_seen():
    before = footprint().whole
    block = np.ones(40_000_000 // 8)
    assert 36 * MB < footprint().whole - before < 60 * MB
    del block


@pytest.mark.skipif(not memory.is_known(), reason="this system does not tell")
def test_workers_are_seen_with_their_peak():
    pool = execution.shared_pool(1)
    with pool as executor:
        executor.submit(_take, 80_000_000).result()
        found = footprint()
    assert found.worker > 80 * MB  # though it has been given back


def _take(size):
    return float(np.ones(size // 8).sum())


# What is foretold ----------------------------------------------------------------------------


def _done(tasks, each_s=0.5):
    future = execution.Future()
    future.set_result(Batch([object()] * len(tasks), None, each_s * len(tasks)))
    return future


def foretold(whole, missing, each_s, batches=20, jobs=2, **more):
    told = []
    allowance = Allowance(tell=told.append, look=lambda: Footprint(5e8, 0.0))
    if whole is not None:
        allowance.expect(whole)
    with allowance.metered(workers(lambda tasks: _done(tasks, each_s), jobs)) as staff:
        assert staff.lanes() == 2 * jobs
        for number in range(1, batches + 1):
            staff.submit([object()])
            allowance.look(missing - number, **more)
    return told


def test_what_is_long_is_foretold_once_from_its_first_worlds():
    (outlook,) = foretold(200, 200, 0.5)
    assert outlook.jobs == 2
    assert outlook.worlds == 195  # four first ones load the kernel
    assert outlook.seconds == pytest.approx(195 * 0.5 / 2)


def test_a_long_world_tells_by_itself():
    (outlook,) = foretold(200, 200, 60.0, batches=1)
    assert outlook.seconds == pytest.approx(199 * 60.0 / 2)


def test_what_is_short_is_not_foretold():
    assert foretold(200, 200, 0.05) == []


def test_of_a_study_of_unknown_length_a_design_is_foretold():
    (outlook,) = foretold(None, 200, 0.5)
    assert outlook.a_design
    assert "for each design" in outlook_text(outlook)


def test_a_run_to_a_precision_takes_at_most_so_long():
    (outlook,) = foretold(10_000, 10_000, 0.5, at_most=True)
    assert outlook_text(outlook).startswith("at most about 42 min on 2 cores")


def test_the_text_has_time_cores_and_memory():
    said = outlook_text(Outlook(840.0, 2, 6.2e8, 190))
    assert said.startswith("about 14 min on 2 cores, 0.6 GB; ")


# The commands --------------------------------------------------------------------------------

SMALL = """\
name: Small
horizon: {duration: 10min, warm_up: 0, bin: 5min}
workloads:
  chat:
    arrivals: {requests_per_day: {lognormal: {p50: 20k, p95: 40k}}}
    prompt_tokens: 500
    output_tokens: 50
backends:
  api: {kind: managed_api, model: gpt-4o}
"""
COMMANDS = {
    "run": ["run", "small.yaml", "--worlds", "40"],
    "compare": ["compare", "small.yaml", "--variant", "name=b, horizon.duration=9min",
                "--worlds", "40"],
    "sweep": ["sweep", "small.yaml", "--over", "horizon.duration=9min,10min,11min",
              "--worlds", "40"],
}  # fmt: skip


@pytest.fixture
def small(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sim.report.charts.save", lambda charts, place: None)
    Path("small.yaml").write_text(SMALL)
    return monkeypatch


@pytest.mark.parametrize("name", COMMANDS)
def test_a_command_that_is_ended_by_its_time_says_so_and_is_resumed_to_the_same_bytes(
    name, small, capsys
):
    asked = [*COMMANDS[name], "--jobs", "1", "--json"]
    assert main([*asked, "--out", "whole", "--quiet"]) == 0
    whole = capsys.readouterr().out
    clock = Ticking()
    with small.context() as ticking:
        ticking.setattr(Allowance.__init__, "__defaults__", _defaults(clock))
        assert main([*asked, "--out", "part", "--max-time", "9s"]) == EXIT_SPENT
    told = capsys.readouterr()
    partial = json.loads(told.out)
    assert partial["interrupted"] if name == "run" else not partial["finished"]
    assert "--max-time (9s) is over" in told.err
    assert "--resume --out part continues" in told.err
    assert main([*asked, "--out", "part", "--resume", "--quiet"]) == 0
    assert capsys.readouterr().out == whole


def _defaults(clock):
    """Those of an allowance, with another clock."""
    given = Allowance.__init__.__defaults__
    return (*given[:4], clock, *given[5:])


SLIPS = {
    "--max-time soon": "must be a duration such as 90s",
    "--max-time 0s": "'0s' is too little; say a unit, such as 10min",
    "--max-memory 2": "'2' is too little; say a unit, such as 2GB",
    "--max-memory much": "must be a number of bytes",
}


@pytest.mark.parametrize("slip", SLIPS)
def test_a_limit_that_is_none_is_refused(slip, small, capsys):
    assert main(["run", "small.yaml", *slip.split()]) == 2
    assert SLIPS[slip] in " ".join(capsys.readouterr().err.split())
    assert not Path("outputs").exists()


@pytest.mark.skipif(not memory.is_known(), reason="this system does not tell")
def test_a_run_that_has_no_room_ends_in_one_line_before_anything_is_written(small, capsys):
    asked = ["run", "small.yaml", "--jobs", "1", "--quiet", "--out", "out", "--max-memory", "20MB"]
    assert main(asked) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("sim: --max-memory (20 MB) does not do: the program itself takes about")
    assert not Path("out/summary.json").exists()
