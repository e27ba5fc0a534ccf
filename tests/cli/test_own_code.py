"""Code that a scenario names is found beside it, and nothing else is."""

import sys
from pathlib import Path

import pytest
from places import SHIPPED

import sim
from sim.__main__ import main
from sim.engine.control import own_autoscalers
from sim.errors import ScenarioError
from sim.scenario import Scenario, load_scenario
from sim.studies.own_code import make_importable

SCALER = "def mine(fleet):\n    yield fleet.env.timeout(15)\n"
OWN = (
    "backends.large.replicas={min: 1, max: 8}",
    "backends.large.cold_start=1min",
    "backends.large.autoscaler={preset: custom, process: 'scaler_beside:mine'}",
)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a scenario and a module, and the search path as it was after the test."""
    monkeypatch.setattr(sys, "path", list(sys.path))
    monkeypatch.delitem(sys.modules, "scaler_beside", raising=False)
    (tmp_path / "beside.yaml").write_text((SHIPPED / "quickstart.yaml").read_text())
    return tmp_path


def load(folder: Path, *overrides: str) -> Scenario:
    return load_scenario(folder / "beside.yaml", overrides, allow_code=True)


@pytest.mark.parametrize("beside", [True, False])
def test_a_module_beside_the_scenario_or_in_the_current_folder_is_found(
    folder: Path, beside: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    current = folder / "current"
    current.mkdir()
    monkeypatch.chdir(current)
    (folder if beside else current).joinpath("scaler_beside.py").write_text(SCALER)
    scenario = load(folder, *OWN)
    make_importable(scenario)
    found = own_autoscalers(scenario.typical_design())["scaler_beside:mine"]
    assert Path(found.__code__.co_filename).name == "scaler_beside.py"


def test_it_is_looked_for_after_all_else(folder: Path) -> None:
    before = list(sys.path)
    make_importable(load(folder, *OWN))
    assert sys.path[: len(before)] == before
    assert str(folder) in sys.path[len(before) :]


@pytest.mark.parametrize("overrides", [(), (*OWN[:2], OWN[2].replace("scaler_beside:mine", "m"))])
def test_without_code_in_the_scenario_nothing_is_searched(
    folder: Path, overrides: tuple[str, ...]
) -> None:
    before = list(sys.path)
    make_importable(load(folder, *overrides))
    assert sys.path == before


STUDIES = ("run", "size", "stress", "plan", "compare", "breakeven", "sensitivity", "sweep", "risk")


@pytest.mark.parametrize("command", STUDIES)
def test_no_command_runs_code_of_a_scenario_without_leave(
    folder: Path, command: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(folder)
    (folder / "scaler_beside.py").write_text("raise SystemExit('it ran')")
    changes = [part for change in OWN for part in ("--set", change)]
    over = ["--over", "horizon.days=0.1,0.2"] if command == "sweep" else []
    assert main([command, "beside.yaml", *over, *changes]) == 2
    said = capsys.readouterr().err
    assert len(said.splitlines()) == 1
    assert "imports the module 'scaler_beside'" in said and "--allow-code" in said
    assert not (folder / "outputs").exists()


def test_a_name_registered_from_python_needs_no_leave(folder: Path) -> None:
    changes = (*OWN[:2], OWN[2].replace("scaler_beside:mine", "m"))
    assert load_scenario(folder / "beside.yaml", changes).name
    with pytest.raises(ScenarioError, match=r"allow_code=True"):
        sim.Scenario.load(folder / "beside.yaml", *OWN)
