"""Where results go, and that they are printed before and whatever becomes of the saving."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import fake_replication
import pandas as pd
import pytest
from fake_command import FAKE_COMMAND
from fake_study import asked_of_a_study
from places import ROOT, TESTS
from processes_alive import MARK, left

from sim.__main__ import main
from sim.cli.delivery import Advice, deliver
from sim.errors import PeakfleetError, ResultError
from sim.montecarlo.storage import folder as folders
from sim.montecarlo.storage.folder import Folder
from sim.report.parts import Telling


@pytest.fixture(autouse=True)
def current(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def sim(monkeypatch):
    """``sim run`` of a fake scenario with fake replications."""
    monkeypatch.setattr("sim.scenario.load_scenario", fake_replication.load, raising=False)
    monkeypatch.setattr("sim.report.charts.run.charts", fake_replication.charts)
    monkeypatch.setattr("sim.montecarlo.needed_kernel.needed_kernel", lambda *_: "plain")
    monkeypatch.setattr("sim.montecarlo.needed_kernel.compile_kernel", lambda *_: None)
    monkeypatch.setattr("sim.montecarlo.needed_kernel.kernel_is_cached", lambda kernel: True)

    def run(*arguments, replicate=fake_replication.replicate):
        monkeypatch.setattr("sim.montecarlo.replication.replicate", replicate)
        return main(["run", "fake.yaml", "--jobs", "1", *arguments])

    return run


class Full:
    """A disk that is full from some moment on: the n-th draft cannot be written."""

    def __init__(self, monkeypatch, spared):
        self.spared = spared
        draft = folders.Folder.draft
        full = self

        def limited(folder):
            full.spared -= 1
            if full.spared < 0:
                raise OSError(28, "No space left on device")
            return draft(folder)

        monkeypatch.setattr(folders.Folder, "draft", limited)


# The answer first -----------------------------------------------------------------------------


@pytest.mark.parametrize("spared", [0, 1])
@pytest.mark.parametrize("form", [(), ("--json",)])
def test_a_disk_that_fills_up_costs_no_answer(sim, capsys, monkeypatch, spared, form):
    assert sim("--out", "whole", "--quiet", *form) == 0
    whole = capsys.readouterr().out
    Full(monkeypatch, spared)
    assert sim("--out", "results", "--quiet", *form) == 2
    captured = capsys.readouterr()
    assert captured.out == whole
    error = "sim: results folder (results) cannot be written: No space left on device\n"
    assert captured.err == error
    # What was saved before stays, and what was not leaves nothing behind.
    assert Path("results/summary.json").exists() == bool(spared)
    assert Path("results").exists() == bool(spared)


def test_it_is_printed_before_a_picture_is_drawn(sim, capsys, monkeypatch):
    printed = []

    def draw(result):
        printed.append(capsys.readouterr().out)
        return []

    monkeypatch.setattr("sim.report.charts.run.charts", draw)
    assert sim("--out", "results", "--quiet") == 0
    assert printed[0].startswith("Fake service, ")
    assert capsys.readouterr().out == ""


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="of Linux")
def test_what_cannot_be_printed_is_saved(tmp_path):
    with Path("/dev/full").open("w") as full:
        done = fake_command("run", "fake.yaml", "--jobs", "1", "--out", "results", stdout=full)
    assert done.returncode == 2
    assert done.stderr.endswith("sim: the answer cannot be printed: No space left on device\n")
    assert Path("results/summary.json").exists()


def test_a_reader_who_has_gone_is_no_reason_not_to_save(monkeypatch):
    def gone(*args, **options):
        raise BrokenPipeError

    saved = []
    monkeypatch.setattr("click.echo", gone)
    with pytest.raises(BrokenPipeError):  # which the command line takes for no error
        deliver("the answer\n", partial(saved.append, 1), Advice(quiet=False))
    assert saved == [1]


@pytest.mark.parametrize(("presses", "saved"), [(1, True), (2, False)])
@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_first_signal_while_saving_lets_it_be_saved_and_a_second_does_not(
    sim, capsys, monkeypatch, presses, saved, signum
):
    replace = Folder.replace

    def interrupted(*args):
        for _ in range(presses):
            signal.raise_signal(signum)
        replace(*args)

    monkeypatch.setattr(Folder, "replace", interrupted)
    assert sim("--out", "results") == (0 if saved else 130)
    captured = capsys.readouterr()
    assert captured.out.startswith("Fake service, ")
    said = "sim: the answer is complete, and saved\n" if saved else "sim: interrupted\n"
    assert captured.err.endswith(said)
    assert Path("results/figures").exists() == saved
    assert Path("results").exists() == saved


# Where they go --------------------------------------------------------------------------------


def test_a_folder_that_vanishes_meanwhile_is_made_again(sim, capsys):
    def replicate(scenario, seed, world, draws, record=False):
        if world == 20:
            shutil.rmtree("results")
        return fake_replication.replicate(scenario, seed, world, draws, record)

    assert sim("--out", "results", replicate=replicate) == 0
    assert json.loads(Path("results/manifest.json").read_text())["state"] == "finished"
    assert len(pd.read_parquet("results/replications.parquet")) == 30


def test_a_folder_that_somebody_else_takes_meanwhile_is_left_to_them(sim, capsys):
    def replicate(scenario, seed, world, draws, record=False):
        if world == 20:
            shutil.rmtree("results")
            Path("results").mkdir()
            Path("results/thesis.tex").write_text("years of work")
        return fake_replication.replicate(scenario, seed, world, draws, record)

    assert sim("--out", "results", replicate=replicate) == 0
    assert [path.name for path in Path("results").iterdir()] == ["thesis.tex"]
    assert Path("results-2/summary.json").exists()
    assert "this one goes to results-2" in capsys.readouterr().err


def test_a_second_run_into_one_folder_goes_beside_it_even_if_quiet(sim, capsys):
    with Folder(Path("results"), "run"):
        assert sim("--out", "results", "--quiet") == 0
        message = "is in use by another run; this one goes to results-2"
        assert message in capsys.readouterr().err
        assert sim("--out", "results", "--resume") == 2
    assert Path("results-2/summary.json").exists()
    assert not Path("results").exists()


def test_a_link_is_not_followed_and_a_folder_behind_one_is(sim, capsys):
    Path("real").mkdir()
    Path("link").symlink_to("real")
    assert sim("--out", "link") == 2
    assert "is a symbolic link; name the folder that it leads to" in capsys.readouterr().err
    assert sim("--out", "link/deeper") == 0
    assert Path("real/deeper/summary.json").exists()


@pytest.mark.parametrize("name", ["Ünïcode 客服 €", "n" * 255])
def test_any_name_will_do(sim, name):
    assert sim(f"--out={name}", "--quiet") == 0
    assert Path(name, "summary.json").exists()


def test_a_name_in_another_encoding_will_do_and_is_in_the_manifest(monkeypatch, sim):
    name = os.fsdecode(b"caf\xe9")
    monkeypatch.setattr(sys, "argv", ["sim", "run", "fake.yaml", "--out", name])
    assert sim("--out", name, "--quiet") == 0
    assert name in json.loads(Path(name, "manifest.json").read_bytes())["command"]


def fake_environment():
    return os.environ | {"PYTHONPATH": f"{ROOT}{os.pathsep}{TESTS}"}


# Kills ----------------------------------------------------------------------------------------


def fake_command(*arguments, stdout=subprocess.PIPE):
    return subprocess.run(
        [sys.executable, "-W", "error", "-c", FAKE_COMMAND, *arguments],
        env=fake_environment(),
        stdout=stdout,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )


def test_a_run_that_is_ended_twice_is_resumed_to_the_same_bytes(tmp_path, sim):
    """With some of its worlds on disk it is killed, and terminated when it has been resumed."""
    slow = ("--set", "slow_s=0.02", "--worlds", "150")
    arguments = ["run", "fake.yaml", *slow, "--jobs", "2", "--out", "results", "--resume"]
    for signum, code in ((signal.SIGKILL, -signal.SIGKILL), (signal.SIGTERM, 130)):
        before = parts()
        with subprocess.Popen(
            [sys.executable, "-c", FAKE_COMMAND, *arguments],
            env=fake_environment() | {MARK: tmp_path.name},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as process:
            while process.poll() is None and parts() <= before:
                time.sleep(0.01)
            process.send_signal(signum)
            process.communicate()
        assert process.returncode == code
        assert left(tmp_path.name) == []
    assert sim(*slow, "--out", "results", "--resume") == 0
    assert sim(*slow[2:], "--out", "whole") == 0
    names = sorted(path.relative_to("whole") for path in Path("whole").rglob("*.*"))
    assert len(names) > 10
    for name in names:
        if name.name not in ("manifest.json", "scenario.yaml"):  # as fast as they were asked to be
            assert Path("results", name).read_bytes() == Path("whole", name).read_bytes()
    assert not Path("results/checkpoint").exists()


def parts():
    """Worlds on disk, told by their files."""
    tables = Path("results").glob("checkpoint/part-*/manifest.json")
    return len(list(tables)) + Path("results/summary.json").exists()


# Studies --------------------------------------------------------------------------------------


class Answer:
    sentence = "It is enough."

    def frames(self):
        return {"candidates": pd.DataFrame({"replicas": [1, 2]})}

    def as_json(self):
        return {"sentence": self.sentence}


def study(out=None, quiet=False, work=lambda: None, charts=fake_replication.charts):
    scenario = fake_replication.FakeScenario("Queue")
    asked = asked_of_a_study(out, quiet=quiet)
    with asked.study("size", scenario) as under_way:
        work()
        under_way.give(Answer(), lambda answer: Telling(answer.sentence), charts)


@pytest.fixture
def compiled(monkeypatch):
    monkeypatch.setattr("sim.cli.run.compile_once", lambda *_: None)


def test_a_study_leaves_its_tables_and_pictures_and_what_it_did_not_write(compiled, capsys):
    study()
    place = Path("outputs/queue/size")
    place.joinpath("figures", "notes.txt").write_text("mine")
    study(quiet=True)
    captured = capsys.readouterr()
    assert captured.out == "It is enough.\n" * 2
    assert captured.err == f"sim: results in {place}\n"
    manifest = json.loads((place / "manifest.json").read_text())
    there = {str(path.relative_to(place)) for path in place.rglob("*") if path.is_file()}
    assert there == {*manifest["sha256"], "manifest.json", "figures/notes.txt"}


@pytest.mark.parametrize("name", ["figures/holiday.png", "answer.json", "budget.csv", "thesis.tex"])
def test_a_study_is_refused_a_folder_that_is_not_its_own_before_it_works(compiled, name):
    path = Path("album", name)
    path.parent.mkdir(parents=True)
    path.write_text("mine")

    def work():
        raise AssertionError

    with pytest.raises(ResultError, match="must be new, empty, or hold earlier results"):
        study(Path("album"), work=work)
    assert path.read_text() == "mine"
    assert len(list(Path("album").rglob("*.*"))) == 1


def test_by_default_a_study_goes_beside_what_is_not_its_own(compiled, capsys):
    Path("outputs/queue/size/figures").mkdir(parents=True)
    Path("outputs/queue/size/figures/holiday.png").write_text("mine")
    study()
    assert Path("outputs/queue/size-2/answer.json").exists()
    assert "this one goes to outputs/queue/size-2" in capsys.readouterr().err
    assert len(list(Path("outputs/queue/size").rglob("*.*"))) == 1


def test_a_run_and_a_study_do_not_replace_each_other(compiled, sim, capsys):
    study(Path("results"))
    assert sim("--out", "results") == 2
    assert "holds results of sim size; choose another --out" in capsys.readouterr().err
    assert sim("--out", "other") == 0
    with pytest.raises(ResultError, match="holds results of sim run"):
        study(Path("other"))


def test_the_answer_of_a_study_is_printed_before_its_pictures_are_made(compiled, capsys):
    def charts(answer):
        raise OSError(28, "No space left on device")

    with pytest.raises((OSError, PeakfleetError)):
        study(charts=charts)
    assert capsys.readouterr().out == "It is enough.\n"


def test_a_study_that_fails_leaves_nothing(compiled):
    def work():
        raise PeakfleetError("cannot tell")

    with pytest.raises(PeakfleetError, match="cannot tell"):
        study(work=work)
    assert not Path("outputs").exists()


def test_delivery_prints_saves_and_only_then_complains(capsys):
    saved = []
    deliver("the answer\n", partial(saved.append, 1), Advice(quiet=False))
    assert capsys.readouterr().out == "the answer\n"
    assert saved == [1]
