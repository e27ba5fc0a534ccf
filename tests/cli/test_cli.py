"""The command line: results on stdout, the rest on stderr, exit codes that scripts can rely on."""

import contextlib
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import fake_replication
import pandas as pd
import pyarrow.parquet as pq
import pytest
from fake_replication import FakeScenario
from places import ROOT

from sim import __version__
from sim.__main__ import main
from sim.cli import COMMANDS, cli
from sim.cli import run as command_module
from sim.errors import PeakfleetError, Problem, ScenarioError
from sim.montecarlo import precision
from sim.montecarlo.execution import ReplicationError


@pytest.fixture
def fake(monkeypatch, tmp_path):
    """``sim run`` with scenarios and replications that cost nothing, in an empty directory."""
    options = {"replicate": fake_replication.replicate, "scenario": {}, "cached": True}
    options |= {"kernel": "plain"}

    def load(path, overrides=(), allow_code=False):
        settings = dict(override.split("=") for override in overrides)
        numbers = {key: int(value) for key, value in settings.items()}
        return FakeScenario(**({"worlds": 30} | options["scenario"] | numbers))

    def replicate(*args):
        return options["replicate"](*args)

    monkeypatch.setattr("sim.scenario.load_scenario", load, raising=False)
    monkeypatch.setattr("sim.montecarlo.replication.replicate", replicate)
    monkeypatch.setattr("sim.montecarlo.needed_kernel.needed_kernel", lambda *_: options["kernel"])
    monkeypatch.setattr("sim.montecarlo.needed_kernel.compile_kernel", lambda *_: None)
    monkeypatch.setattr(
        "sim.montecarlo.needed_kernel.kernel_is_cached", lambda kernel: options["cached"]
    )
    monkeypatch.chdir(tmp_path)
    return options


def sim(*arguments):
    return main(["run", "fake.yaml", "--jobs", "1", *arguments])


# Help and versions ----------------------------------------------------------------------------


def test_help_imports_nothing_heavy():
    code = (
        "import sys; from sim.__main__ import main; main(['--help']);"
        "heavy = {'numpy', 'pandas', 'numba', 'scipy', 'rich', 'pydantic', 'pyarrow'};"
        "sys.exit(', '.join(heavy & set(sys.modules)) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr


def test_an_answer_waits_for_no_library_of_tables_or_pictures():
    code = (
        "import sys; import sim.cli.run, sim.scenario, sim.montecarlo.run, sim.montecarlo.store;"
        "import sim.montecarlo.compilation, sim.report.headline, sim.report.table;"
        "sim.scenario.load_scenario('scenarios/quickstart.yaml');"
        "sim.montecarlo.compilation.leave_out_linear_algebra();"
        "heavy = {'pandas', 'pyarrow', 'altair', 'vl_convert', 'scipy.stats', 'scipy.special'};"
        "heavy |= {'scipy.optimize', 'scipy.linalg'};"
        "sys.exit(', '.join(heavy & set(sys.modules)) or 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr


def test_help_lists_every_command(capsys):
    assert main(["--help"]) == 0
    shown = capsys.readouterr().out
    assert all(re.search(rf"^  {name}  +\w", shown, re.MULTILINE) for name in COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_listed_command_exists(name):
    loaded = cli.get_command(None, name)
    assert loaded.name == name


def test_the_version_is_that_of_the_package(capsys):
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"peakfleet {__version__}\n"


def test_the_defaults_in_the_help_are_those_of_the_library():
    assert command_module.DEFAULT_METRIC == precision.DEFAULT_METRIC
    assert command_module.DEFAULT_CAP == precision.DEFAULT_CAP


# Results --------------------------------------------------------------------------------------


def test_stdout_is_the_same_every_time_and_stderr_says_where_the_results_are(fake, capsys):
    assert sim() == 0
    first = capsys.readouterr()
    assert sim("--out", "elsewhere") == 0
    second = capsys.readouterr()
    assert first.out == second.out
    assert "elsewhere" in second.err
    assert re.search(r"results in outputs/fake-service/30-worlds-seed-0-[0-9a-f]{8}\n$", first.err)


def test_the_table_begins_with_the_answer_and_has_no_terminal_codes(fake, capsys):
    sim("--worlds", "200", "--quiet")
    captured = capsys.readouterr()
    assert captured.out.startswith("Fake service, 1 day, 200 worlds: the SLO is met in ")
    assert "\x1b" not in captured.out
    assert captured.err == ""
    assert max(map(len, captured.out.splitlines())) <= 100


def test_json_prints_the_summary_that_is_stored(fake, capsys):
    assert sim("--json", "--out", "results", "--requests") == 0
    out = capsys.readouterr().out
    assert out == Path("results/summary.json").read_text()
    assert json.loads(out)["replications"] == 30
    assert Path("results/requests.parquet").exists()


def test_worlds_seed_and_settings_reach_the_scenario_and_its_copy(fake, capsys):
    assert sim("--worlds", "5", "--set", "slow_from=2", "--seed", "9", "--out", "results") == 0
    manifest = json.loads(Path("results/manifest.json").read_text())
    assert (manifest["worlds"], manifest["seed"]) == (5, 9)
    assert "worlds: 5\nseed: 9\n" in Path("results/scenario.yaml").read_text()


def test_warnings_of_the_scenario_go_to_stderr(fake, capsys):
    fake["scenario"] = {"warnings": ("the price is two years old",)}
    sim()
    assert capsys.readouterr().err.startswith("sim: the price is two years old\n")


def test_the_first_run_says_that_it_compiles(fake, capsys):
    sim()
    assert "compiling" not in capsys.readouterr().err
    fake["cached"] = False
    sim()
    assert "sim: compiling the kernel (once)\n" in capsys.readouterr().err
    fake["kernel"] = "any"
    sim()
    assert "sim: compiling the kernel (once): the larger one, for " in capsys.readouterr().err


def test_a_precision_that_is_not_reached_is_said_with_the_worlds_it_takes(fake, capsys):
    assert sim("--precision", "1%", "--worlds", "200") == 0
    err = capsys.readouterr().err
    found = re.search(r"is ([\d.]+)% after 200 worlds, not 1.0%; about ([\d,]+) worlds", err)
    width, needed = float(found[1]) / 100, int(found[2].replace(",", ""))
    assert needed == pytest.approx(200 * (width / 0.01) ** 2, rel=0.02)


def test_a_precision_without_worlds_takes_as_many_as_it_needs(fake, capsys):
    metric = "cost_usd_per_request:p50"
    assert sim("--precision", "0.05", "--precision-metric", metric, "--out", "results") == 0
    manifest = json.loads(Path("results/manifest.json").read_text())
    assert 128 <= manifest["worlds"] < manifest["worlds_asked"] == 10_000
    assert manifest["precision"]["reached"] <= 0.05


# What the user can mend -----------------------------------------------------------------------


@pytest.mark.parametrize(
    "arguments",
    [
        ["--worlds", "0"],
        ["--worlds", "-5"],
        ["--worlds", "many"],
        ["--jobs", "0"],
        ["--seed", "-1"],
        ["--precision", "0"],
        ["--precision", "200%"],
        ["--precision", "nan"],
        ["--precision-metric", "cost_usd:p50"],
        ["--no-such-option"],
    ],
)
def test_arguments_out_of_range_are_usage_errors(fake, capsys, arguments):
    assert sim(*arguments) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert arguments[0] in captured.err
    assert not Path("outputs").exists()


def test_every_request_is_only_there_where_every_day_is_simulated(capsys, monkeypatch):
    monkeypatch.chdir(ROOT)
    asked = ["run", "scenarios/year.yaml", "--requests"]
    assert main(asked) == 2  # its scenario says auto
    said = capsys.readouterr().err
    assert "--requests keeps every request, which takes --fidelity exact" in said
    assert main([*asked, "--fidelity", "nearly"]) == 2
    assert "'nearly' is not one of 'exact', 'auto'" in capsys.readouterr().err


def test_an_unknown_command_is_a_usage_error(capsys):
    assert main(["fly"]) == 2
    assert "No such command 'fly'" in capsys.readouterr().err


def test_errors_of_the_user_have_a_prefix_on_each_line_and_no_traceback(fake, capsys, monkeypatch):
    def load(path, overrides=(), allow_code=False):
        raise ScenarioError(
            [Problem("a.yaml", 3, "x", "is wrong"), Problem("a.yaml", 4, "y", "too")]
        )

    monkeypatch.setattr("sim.scenario.load_scenario", load)
    assert sim() == 2
    assert capsys.readouterr().err == "sim: a.yaml:3: x: is wrong\nsim: a.yaml:4: y: too\n"


def test_an_error_in_a_world_is_one_of_the_user_too(fake, capsys):
    fake["replicate"] = fake_replication.replicate_mendably
    assert sim() == 2
    err = capsys.readouterr().err
    assert err == "sim: world 0: workloads.chat.volume (-1) must be at least 0\n"
    assert not Path("outputs").exists()


def test_a_defect_is_no_error_of_the_user(fake):
    fake["scenario"] = {"broken_world": 3}
    with pytest.raises(Exception, match="world 3: ZeroDivisionError") as caught:
        sim()
    assert not isinstance(caught.value, PeakfleetError)


def test_a_folder_that_is_not_ours_is_refused_before_anything_is_simulated(fake, capsys):
    Path("thesis").mkdir()
    Path("thesis/chapter.tex").write_text("years of work")
    fake["replicate"] = None
    assert sim("--out", "thesis") == 2
    assert capsys.readouterr().err.startswith("sim: results folder (thesis) must be new")


def test_a_reader_who_has_seen_enough_is_no_error():
    read, write = os.pipe()
    os.close(read)
    with os.fdopen(write, "w") as closed:
        done = subprocess.run(
            [sys.executable, "-m", "sim", "catalog", "gpus"],
            cwd=ROOT,
            stdout=closed,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert (done.returncode, done.stderr) == (0, "")


# Ctrl-C and resuming --------------------------------------------------------------------------


@pytest.fixture
def interrupted(fake, capsys):
    """The first results of ``fake``, interrupted in world 5 of 60."""
    fake["replicate"] = fake_replication.replicate_pressing_ctrl_c
    fake["scenario"] = {"extra": {"presses": 1}, "worlds": 60}
    assert sim("--out", "results") == 130
    fake["replicate"] = fake_replication.replicate
    return capsys.readouterr()


def test_ctrl_c_keeps_what_was_finished_and_says_how_to_continue(interrupted):
    manifest = json.loads(Path("results/manifest.json").read_text())
    done = manifest["worlds"]
    assert 5 < done < 60
    assert manifest["interrupted"]
    assert f"{done} worlds before it was interrupted" in interrupted.out
    assert f"ended after {done} of 60 worlds; --resume --out results continues" in interrupted.err


@pytest.mark.parametrize("damage", ["replicate_mendably", "replicate"])
def test_an_error_in_a_late_world_keeps_the_worlds_before_it(fake, capsys, damage):
    def replicate(scenario, seed, world, draws, record_requests=False):
        if world == 9:
            return getattr(fake_replication, damage)(FakeScenario(broken_world=9), seed, 9, draws)
        return fake_replication.replicate(scenario, seed, world, draws, record_requests)

    fake["replicate"] = replicate
    with contextlib.suppress(ReplicationError):
        assert sim("--out", "results") == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "ended after 9 of 30 worlds; --resume --out results continues" in captured.err
    fake["replicate"] = fake_replication.replicate
    assert sim("--out", "results", "--resume") == 0
    assert json.loads(Path("results/summary.json").read_text())["replications"] == 30


def test_resuming_completes_the_folder(fake, interrupted, capsys):
    assert sim("--out", "results", "--resume") == 0
    resumed = capsys.readouterr().out
    assert sim("--out", "whole") == 0
    assert capsys.readouterr().out == resumed
    for name in ("summary.json", "replications.parquet", "timelines.parquet"):
        assert Path("results", name).read_bytes() == Path("whole", name).read_bytes()


def test_an_interrupted_run_does_not_replace_finished_results(fake, interrupted):
    sim("--out", "results")
    before = Path("results/summary.json").read_bytes()
    fake["replicate"] = fake_replication.replicate_pressing_ctrl_c
    assert sim("--out", "results") == 130
    assert Path("results/summary.json").read_bytes() == before
    assert json.loads(Path("results-2/summary.json").read_text())["interrupted"]


def test_resuming_where_nothing_is_begins_anew_and_says_so(fake, capsys):
    assert sim("--resume") == 0
    assert "nothing to resume in outputs/fake-service/" in capsys.readouterr().err


def test_ctrl_c_before_the_first_world_leaves_nothing(fake, capsys, monkeypatch):
    def press(*args):
        raise KeyboardInterrupt

    fake["replicate"] = press
    assert sim() == 130
    assert capsys.readouterr().err.strip() == "sim: interrupted"
    assert not Path("outputs").exists()


# The whole, with the real engine --------------------------------------------------------------

QUICKSTART = ROOT / "scenarios" / "quickstart.yaml"


@pytest.fixture(scope="module")
def quickstart(tmp_path_factory):
    """Results of three worlds of the quick start in one process, and what was printed."""
    folder = tmp_path_factory.mktemp("quickstart") / "one"
    done = real(QUICKSTART, "--worlds", "3", "--jobs", "1", "--requests", "--out", folder)
    return folder, done


def real(*arguments):
    return subprocess.run(
        [sys.executable, "-W", "error", "-m", "sim", "run", *map(str, arguments)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )


def test_the_quick_start_answers_and_stores_every_figure(quickstart):
    folder, done = quickstart
    assert re.search(r"1 day, 3 worlds: the median cost is [\d,]+ USD a month", done.stdout)
    summary = json.loads((folder / "summary.json").read_text())
    asked = {"cost_usd", "utilisation", "ttft_p95_s", "e2e_p95_s", "slo_attainment", "gpu_hours"}
    assert asked <= set(summary["metrics"])
    assert summary["metrics"]["ttft_p95_s"]["p50"] > 0
    assert summary["metrics"]["requests"]["p50"] > 1000


def test_two_processes_give_the_same_bytes_of_the_quick_start(quickstart, tmp_path):
    folder, done = quickstart
    again = real(QUICKSTART, "--worlds", "3", "--jobs", "2", "--requests", "--out", tmp_path / "2")
    assert again.stdout == done.stdout
    files = (path.relative_to(folder) for path in folder.rglob("*") if path.is_file())
    names = sorted(str(name) for name in files if name.name != "manifest.json")
    assert {"requests.parquet", "figures/timeline_load.png"} <= set(names)
    for name in names:
        assert (tmp_path / "2" / name).read_bytes() == (folder / name).read_bytes()


def test_the_stored_scenario_repeats_the_run(quickstart, tmp_path):
    folder, done = quickstart
    again = real(folder / "scenario.yaml", "--jobs", "1", "--quiet", "--out", tmp_path / "again")
    assert (again.stdout, again.stderr) == (done.stdout, "")
    stored = [place / "replications.parquet" for place in (folder, tmp_path / "again")]
    assert stored[0].read_bytes() == stored[1].read_bytes()


def test_requests_and_timeline_add_up_to_the_figures_of_their_world(quickstart):
    folder, _ = quickstart
    world = pd.read_parquet(folder / "replications.parquet").iloc[0]
    requests = pd.read_parquet(folder / "requests.parquet")
    inside = requests[requests["arrival_s"] >= 0]
    assert len(inside) == world["requests"]
    assert (inside["status"] == "completed").sum() > 0.99 * world["requests"]
    ttft_s = inside["first_token_s"] - inside["arrival_s"]
    assert ttft_s.quantile(0.95) == pytest.approx(world["ttft_p95_s"], rel=0.03)
    timelines = pq.read_table(folder / "timelines.parquet").to_pydict()
    width_s = 86_400.0 / len(timelines["load_rps"][0])
    assert sum(timelines["load_rps"][0]) * width_s == pytest.approx(world["requests"], rel=1e-5)
