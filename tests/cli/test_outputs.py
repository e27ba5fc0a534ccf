"""Files that commands write: what is there is kept unless --force, and what is read always is."""

import os
import shutil
from pathlib import Path

import pytest
from places import SHIPPED

from sim.__main__ import main
from sim.catalog import profile, write_profile
from sim.scenario import load_scenario

SAMPLE = SHIPPED / "azure_trace_sample.csv"
WRITING = ("-o", "--scenario", "--week", "--day")


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    shutil.copy(SAMPLE, "log.csv")
    Path("mine").write_text("mine")
    return tmp_path


def refused(capfd: pytest.CaptureFixture[str], *words: str) -> str:
    assert main([*words]) == 2
    out, error = capfd.readouterr()
    assert not out
    return error.splitlines()[-1]


@pytest.mark.parametrize(
    "command",
    [*(["trace", "log.csv", option] for option in WRITING), ["calibrate", "log.csv", "-o"],
     ["calibrate", "--workload", "log.csv", "-o"], ["init", "--from-trace", "log.csv"]],
)  # fmt: skip
def test_neither_what_is_read_nor_what_is_there_is_overwritten(
    command: list[str], here: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    whole = SAMPLE.read_bytes()
    Path("link.csv").symlink_to("log.csv")
    os.link("log.csv", "hard.csv")
    for name in ("log.csv", "link.csv", "hard.csv", str(here / "log.csv")):
        for force in ([], ["--force"]):
            said = refused(capfd, *command, name, *force)
            assert said.endswith(f"{name}: is read by this command; name another file")
    assert Path("log.csv").read_bytes() == whole
    said = refused(capfd, *command, "mine")
    assert said.endswith("mine: is there already; name another file, or add --force")
    assert Path("mine").read_text() == "mine"
    assert refused(capfd, *command, ".", "--force").endswith("is a folder; name a file")


def test_nothing_is_written_where_one_of_several_cannot_be(
    here: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    refused(capfd, "trace", "log.csv", "-o", "model.yaml", "--scenario", "mine")
    said = refused(capfd, "trace", "log.csv", "-o", "x.yaml", "--scenario", "./x.yaml")
    assert said.endswith("--scenario x.yaml: is what --output writes; name another file")
    assert {each.name for each in here.iterdir()} == {"log.csv", "mine"}


def test_what_is_there_is_replaced_when_that_is_asked_for(here: Path) -> None:
    assert main(["trace", "log.csv", "--scenario", "mine", "--force", "--quiet"]) == 0
    assert load_scenario("mine").document["backends"]
    assert main(["trace", "log.csv", "-o", os.devnull, "--quiet"]) == 0  # where nothing is lost


@pytest.mark.parametrize(
    ("on", "said"),
    [
        ("nope", "--on nope: profile 'nope' is not in the catalogue"),
        ("gpt-4.1-minii", "did you mean 'gpt-4.1-mini'"),
        (
            "llama-3.3-70b/h100-sxm/tp4/fp8/vlm",
            "did you mean 'llama-3.3-70b/h100-sxm/tp4/fp8/vllm'",
        ),
        ("none.yaml", "--on none.yaml: none.yaml: cannot be read"),
        ("mine", "--on mine: "),
    ],
)
def test_who_cannot_answer_is_said_of_the_option_and_nothing_is_written(
    on: str, said: str, here: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    error = refused(capfd, "trace", "log.csv", "--on", on, "--scenario", "o.yaml", "-o", "w.yaml")
    assert said in error
    assert "o.yaml" not in error
    assert {each.name for each in here.iterdir()} == {"log.csv", "mine"}


def test_a_profile_of_ones_own_is_found_from_here(here: Path) -> None:
    write_profile(profile("llama-3.3-70b/h100-sxm/tp4/fp8/vllm"), "own.yaml")
    Path("folder").mkdir()
    to = "folder/whole.yaml"
    assert main(["trace", "log.csv", "--on", "own.yaml", "--scenario", to, "--quiet"]) == 0
    assert load_scenario(to).document["backends"]["fleet"]["service"] == str(here / "own.yaml")


FIGURES = [
    ["trace", "log.csv"],
    ["calibrate", "log.csv"],
    ["calibrate", "--workload", "log.csv"],
    ["validate", "llama-3.3-70b/h100-sxm/tp4/fp8/vllm", "log.csv"],
]


@pytest.mark.parametrize("command", FIGURES)
def test_pictures_and_tables_replace_nothing_unasked_and_never_what_is_read(
    command: list[str], here: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    Path("full").mkdir()
    Path("full/traffic_rate.csv").write_text("mine")
    said = refused(capfd, *command, "--figures", "full")
    assert said.endswith("--figures full: holds files already; name another folder, or add --force")
    assert refused(capfd, *command, "--figures", "mine").endswith("is a file; name a folder")
    for folder in (".", str(here)):
        for force in ([], ["--force"]):
            said = refused(capfd, *command, "--figures", folder, *force)
            assert said.endswith("holds what this command reads; name another")
    assert Path("full/traffic_rate.csv").read_text() == "mine"
    assert [each.name for each in Path("full").iterdir()] == ["traffic_rate.csv"]


def test_pictures_go_into_an_empty_folder_and_onto_others_when_asked(here: Path) -> None:
    Path("empty").mkdir()
    assert main(["trace", "log.csv", "--figures", "empty", "--quiet"]) == 0
    table = Path("empty/traffic_rate.csv")
    whole = table.read_text()
    table.write_text("old")
    assert main(["trace", "log.csv", "--figures", "empty", "--quiet"]) == 2
    assert table.read_text() == "old"
    assert main(["trace", "log.csv", "--figures", "empty", "--quiet", "--force"]) == 0
    assert table.read_text() == whole
