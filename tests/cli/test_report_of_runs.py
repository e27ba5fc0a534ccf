"""``sim report``: pages of what lies on disk, to the same bytes, and of two runs."""

import json
import shutil
from pathlib import Path

import pytest

from sim.__main__ import main

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
thresholds: [slo_met >= 50%]
"""
PAGE = ("report.html", "report.md")


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Two runs, one of them without a page, and a study."""
    place = tmp_path_factory.mktemp("made")
    quiet = ["--quiet", "--jobs", "1"]
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(place)
        patch.setattr("sim.report.charts.save", spare)
        Path("pair.yaml").write_text(SCENARIO)
        asked = ["--fail-if", "cost_usd_per_month < 10"]
        assert main(["run", "pair.yaml", "--out", "two", *quiet, *asked]) == 0
        one = ["--set", "backends.large.replicas=1", "--no-report"]
        assert main(["run", "pair.yaml", "--out", "one", *quiet, *one]) == 0
        few = ["--variant", "one: backends.large.replicas=1"]
        assert main(["compare", "pair.yaml", "--out", "compared", *quiet, *few]) == 0
    return place


def spare(charts, folder):
    """Specifications of pictures, without the pictures, which take long to draw."""
    folder.mkdir()
    for each in charts:
        (folder / f"{each.name}.vl.json").write_text(json.dumps(each.spec, sort_keys=True))


@pytest.fixture
def folder(made, tmp_path, monkeypatch):
    """A copy that a test may spoil."""
    shutil.copytree(made, tmp_path / "made")
    monkeypatch.chdir(tmp_path / "made")


@pytest.mark.parametrize("results", ["two", "compared"])
def test_a_page_is_made_again_to_the_same_bytes(folder, results, capfd):
    before = [Path(results, name).read_bytes() for name in PAGE]
    manifest = Path(results, "manifest.json").read_bytes()
    for name in PAGE:
        Path(results, name).write_text("spoilt")
    assert main(["report", results]) == 0
    assert capfd.readouterr() == ("", f"sim: the page is {results}/report.html\n")
    assert [Path(results, name).read_bytes() for name in PAGE] == before
    assert Path(results, "manifest.json").read_bytes() == manifest


def test_its_thresholds_are_all_that_the_run_had(folder):
    text = Path("two", "report.md").read_text()
    assert "**✓ kept** slo\\_met \\>= 50%" in text
    assert "cost\\_usd\\_per\\_month" in text.split("Figure")[0]


def test_a_run_without_a_page_gets_one_when_asked(folder):
    assert not Path("one", "report.html").exists()
    assert not Path("one", "report.md").exists()
    assert main(["report", "one", "--quiet"]) == 0
    assert Path("one", "report.html").read_text().startswith("<!doctype html>")
    assert "report.html" in json.loads(Path("one", "manifest.json").read_text())["sha256"]


def test_a_page_may_go_elsewhere(folder):
    assert main(["report", "two", "--out", "elsewhere", "--quiet"]) == 0
    assert Path("elsewhere", "report.md").read_bytes() == Path("two", "report.md").read_bytes()


def test_two_runs_make_the_page_of_what_was_changed(folder, capfd):
    assert main(["report", "two", "one"]) == 0
    place = Path("outputs", "one-against-two")
    assert capfd.readouterr().err == f"sim: the page is {place}/report.html\n"
    text = place.joinpath("report.md").read_text()
    assert text.startswith("### one against two\n")
    assert "| backends.large.replicas | 2 | 1 |" in text
    assert "'one' is the cheapest in all 8 worlds" in text


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["nowhere"], "results folder (nowhere) holds no run"),
        (["two", "compared"], "results folder (compared) holds results of sim compare, not"),
        (["two", "two"], "two and two are the same folder"),
        (["two", "--out", "one"], "results folder (one) holds results of sim run"),
    ],
)
def test_what_makes_no_page_is_said(folder, arguments, said, capfd):
    assert main(["report", *arguments]) == 2
    assert said in capfd.readouterr().err


def test_a_page_of_someone_else_is_left_alone(folder, capfd):
    Path("one", "report.html").write_text("mine")
    assert main(["report", "one"]) == 2
    assert "report.html is from elsewhere" in capfd.readouterr().err
    assert Path("one", "report.html").read_text() == "mine"


def test_what_is_not_as_it_was_written_makes_no_page(folder, capfd):
    with Path("two", "summary.json").open("a") as file:
        file.write(" ")
    assert main(["report", "two"]) == 2
    assert "not as it was written: summary.json" in capfd.readouterr().err


def test_a_link_to_a_folder_is_not_called_damaged(folder, capfd):
    Path("link").symlink_to("two")
    assert main(["report", "link"]) == 2
    said = "results folder (link) is a symbolic link; name the folder that it leads to"
    assert capfd.readouterr().err == f"sim: {said}\n"


def test_a_file_is_no_results_folder(folder, capfd):
    assert main(["report", "pair.yaml"]) == 2
    said = "sim: results folder (pair.yaml) is a file; name the folder of a run\n"
    assert capfd.readouterr().err == said


@pytest.mark.parametrize("name", ["costs.csv", "metrics.prom"])
def test_what_the_page_does_not_rest_on_is_said_to_be_damaged(folder, name, capfd):
    with Path("two", name).open("a") as file:
        file.write(" ")
    assert main(["report", "two", "--quiet"]) == 0
    (line,) = capfd.readouterr().err.splitlines()
    assert line.startswith(f"sim: two: not as they were written: {name};")


def test_runs_that_have_nothing_to_do_with_each_other_are_said_to_and_their_keys_come_last(folder):
    other = SCENARIO.replace("name: Pair", "name: Else").replace("chat:", "search:")
    Path("else.yaml").write_text(other)
    assert main(["run", "else.yaml", "--out", "else", "--quiet", "--jobs", "1"]) == 0
    assert main(["report", "two", "else", "--out", "both", "--quiet"]) == 0
    page = Path("both", "report.md").read_text()
    said = "are different scenarios, without any of their workloads in common"
    assert said in " ".join(page.split())
    assert page.index(said) < page.index("Designs") < page.index("workloads.search")


def test_a_study_that_sets_the_inputs_itself_does_not_call_them_certain(folder):
    """Its designs have none that is uncertain, for each row gives every input a value."""
    assert main(["sensitivity", "pair.yaml", "--worlds", "16", "--out", "moved", "--quiet"]) == 0
    assert "no input is uncertain" not in Path("moved", "report.md").read_text()
