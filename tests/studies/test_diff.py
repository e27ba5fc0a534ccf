"""``sim diff``: two runs on disk against each other."""

import json
import shutil
from pathlib import Path

import pytest

import sim
from sim.__main__ import main
from sim.studies.diff import Change, changes

SCENARIO = """\
name: Pair
horizon: {duration: 5min, warm_up: 1min}
workloads:
  chat:
    arrivals: {requests_per_second: {uniform: {low: 0.5, high: 2}}}
    prompt_tokens: 500
    output_tokens: 50
    slo: {ttft_p95: 2s}
backends:
  large: {kind: gpu_pool, service: llama-3.3-70b/h100-sxm/tp4/fp8/vllm, replicas: 2,
          price: {usd_per_gpu_hour: 3}}
worlds: 8
"""
REPLICA_USD = 4 * 3 * 24 * 365.25 / 12  # a month of four GPUs


def run(folder, *arguments):
    assert main(["run", "pair.yaml", "--quiet", "--jobs", "1", "--out", folder, *arguments]) == 0


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """A folder of runs: two replicas, one replica, another seed, fewer worlds."""
    place = tmp_path_factory.mktemp("runs")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(place)
        Path("pair.yaml").write_text(SCENARIO)
        run("two")
        run("again")
        run("one", "--set", "backends.large.replicas=1", "--worlds", "10")
        run("other", "--seed", "7")
    return place


@pytest.fixture
def folder(runs, tmp_path, monkeypatch):
    """A copy that a test may spoil."""
    shutil.copytree(runs, tmp_path / "runs")
    monkeypatch.chdir(tmp_path / "runs")


def test_what_was_changed_and_what_came_of_it(folder, capfd):
    assert main(["diff", "two", "one", "--json"]) == 0
    found = json.loads(capfd.readouterr().out)
    assert found["changes"] == [{"path": "backends.large.replicas", "before": 2, "after": 1}]
    assert found["notes"] == ["one has 10 worlds; the first 8 are compared."]
    rows = {row["metric"]: row for row in found["comparison"]["differences"]}
    cost = rows["cost_usd_per_month"]
    assert cost["mean_difference"] == pytest.approx(-REPLICA_USD)
    assert (cost["worlds"], cost["lower_in"]) == (8, 8)


def test_it_is_what_compare_says_of_the_same_worlds(folder, capfd):
    assert main(["diff", "two", "one", "--json"]) == 0
    ours = json.loads(capfd.readouterr().out)["comparison"]
    variant = ["--variant", "backends.large.replicas=1"]
    assert main(["compare", "pair.yaml", *variant, "--worlds", "8", "--json", "--quiet"]) == 0
    theirs = json.loads(capfd.readouterr().out)
    for one, other in zip(ours["differences"], theirs["differences"], strict=True):
        names = ("design", "against")
        assert {k: v for k, v in one.items() if k not in names} == {
            k: v for k, v in other.items() if k not in names
        }


def test_the_same_run_twice_differs_in_nothing(folder, capfd):
    assert main(["diff", "two", "again"]) == 0
    said = capfd.readouterr().out
    assert said.startswith("From two to again: the same scenario.")
    assert "Changed" not in said


def test_the_table_of_changes(folder, capfd, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    assert main(["diff", "two", "one", "--metric", "ttft_p95_s<=2"]) == 0
    said = capfd.readouterr().out
    assert "From two to one: 1 key changed." in said
    assert "backends.large.replicas  2       1" in said
    assert "'one' is the cheapest in all 8 worlds" in said
    assert max(map(len, said.splitlines())) <= 80


def test_other_seeds_are_said(folder, capfd):
    assert main(["diff", "two", "other"]) == 0
    assert "The seeds are 0 and 7" in capfd.readouterr().out


@pytest.mark.parametrize("name", ["summary.json", "timeline.parquet", "report.html"])
def test_what_the_difference_does_not_rest_on_is_said_to_be_damaged(folder, capfd, name):
    assert main(["diff", "two", "one"]) == 0
    sound, said = capfd.readouterr()
    assert not said
    Path("one", name).write_text("{}")
    assert main(["diff", "two", "one"]) == 0
    assert capfd.readouterr() == (
        sound,
        f"sim: one: not as they were written: {name}; the difference does not rest on them, and"
        " they are not to be relied upon\n",
    )
    with pytest.warns(UserWarning, match=f"one: not as they were written: {name};"):
        sim.diff("two", "one")


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda: shutil.rmtree("one"), "holds no run"),
        (lambda: Path("one/manifest.json").write_text("{}"), "manifest"),
        (lambda: Path("one/manifest.json").unlink(), "holds no run"),
        (lambda: Path("one/replications.parquet").write_bytes(b"x"), "replications.parquet"),
        (lambda: Path("one/timelines.parquet").unlink(), "timelines.parquet"),
        (lambda: Path("one/scenario.yaml").write_text("name: Other"), "scenario.yaml"),
    ],
)
def test_what_is_no_run_or_not_as_it_was_written(folder, capfd, spoil, said):
    spoil()
    assert main(["diff", "two", "one"]) == 2
    error = capfd.readouterr().err
    assert said in error
    assert error.count("\n") == 1


def test_a_study_is_no_run(folder, capfd):
    arguments = ["--variant", "backends.large.replicas=1", "--worlds", "2", "--out", "study"]
    assert main(["compare", "pair.yaml", *arguments, "--quiet"]) == 0
    assert main(["diff", "two", "study"]) == 2
    assert "holds results of sim compare, not of sim run" in capfd.readouterr().err


def test_a_run_against_itself(folder, capfd):
    assert main(["diff", "two", "../runs/two"]) == 2
    assert "the same folder" in capfd.readouterr().err


def test_changes_go_into_lists_and_maps_as_a_whole_or_by_key():
    before = {"name": "a", "x": {"y": [1, 2]}, "z": {}, "gone": 1}
    after = {"name": "b", "x": {"y": [1, 3]}, "z": {"new": True}, "gone": None}
    assert [*changes(before, after)] == [
        Change("x.y", [1, 2], [1, 3]),
        Change("z", {}, None),
        Change("gone", 1, None),
        Change("z.new", None, True),
    ]
