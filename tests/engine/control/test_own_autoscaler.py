"""Autoscalers of users' own: named, imported, sent to workers, and refused with a remedy."""

import math
import subprocess
import sys
from collections.abc import Generator
from dataclasses import replace
from datetime import datetime
from functools import partial
from pathlib import Path

import pytest
import simpy
from fake_plane import fake_fleet
from fleets import pool
from places import ROOT, SHIPPED

from sim.engine.control import AUTOSCALERS, AutoscalerError, Fleet, own_autoscalers
from sim.engine.control.own import check_sendable, own_autoscaler
from sim.errors import PeakfleetError
from sim.model.autoscaler import Custom, Hpa
from sim.model.design import Design, Horizon
from sim.montecarlo.run import run
from sim.scenario import load_scenario

EXAMPLE = ROOT / "scenarios" / "own_autoscaler.py"
HERE = f"{__name__}:one_per_eight"


def one_per_eight(fleet: Fleet) -> Generator[simpy.Event]:
    while True:
        yield fleet.env.timeout(15)
        fleet.scale_to(math.ceil(fleet.concurrency / 8))


def no_process(fleet: Fleet) -> None:
    fleet.scale_to(3)


def scaled(name: str) -> list[int]:
    """Replicas just before and after the first decision."""
    policy = Custom(name, max_replicas=6, min_replicas=2)
    fleet, clock = fake_fleet(2, lambda t: {"running": 36, "held": 4}, autoscaler=policy)
    seen = []
    for at_s in (14.9, 15.1):
        clock.env.run(until=at_s)
        seen.append(fleet.desired)
    return seen


def test_a_process_is_found_by_its_registered_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(AUTOSCALERS, "mine", one_per_eight)
    assert scaled("mine") == [2, 5]


def test_a_process_is_imported_by_module_and_function() -> None:
    assert HERE not in AUTOSCALERS
    assert scaled(HERE) == [2, 5]


def test_a_registered_name_comes_before_an_import(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(AUTOSCALERS, "nowhere:mine", one_per_eight)
    assert own_autoscaler("nowhere:mine") is one_per_eight


def test_a_design_names_its_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(AUTOSCALERS, "mine", one_per_eight)
    monkeypatch.setitem(AUTOSCALERS, "somebody else's", no_process)
    policies = [Custom("mine", 3), Custom(HERE, 3), Hpa(1.0, 3), None]
    pools = tuple(replace(pool(), autoscaler=policy) for policy in policies)
    design = Design("d", Horizon(datetime(2026, 11, 23), 1.0, 0.0, 1.0), (), pools)
    assert own_autoscalers(design) == {"mine": one_per_eight, HERE: one_per_eight}


@pytest.mark.parametrize(
    ("name", "message"),
    [
        (
            "one per ate",
            "autoscaler 'one per ate' is not registered (did you mean 'one per eight'?); "
            "registered: one per eight, other; register it with "
            "sim.engine.control.AUTOSCALERS['one per ate'] = function, or name a function to "
            "import, as module:function",
        ),
        (
            "nowhere.at.all:mine",
            "autoscaler 'nowhere.at.all:mine': no module 'nowhere' (is its folder on PYTHONPATH?)",
        ),
        ("math:mine", "autoscaler 'math:mine': math has no function 'mine'"),
        ("math:pi", "autoscaler 'math:pi': math has no function 'pi'"),
        (":mine", "autoscaler ':mine' is not module:function"),
        ("math:", "autoscaler 'math:': math has no function ''"),
    ],
)
def test_a_name_that_leads_nowhere_is_an_error_with_a_remedy(
    name: str, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    known = {"other": one_per_eight, "one per eight": one_per_eight}
    monkeypatch.setattr("sim.engine.control.own.AUTOSCALERS", known)
    with pytest.raises(AutoscalerError) as caught:
        scaled(name)
    assert str(caught.value) == message
    assert isinstance(caught.value, PeakfleetError)


def test_what_the_module_itself_fails_to_import_is_its_own_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "broken_scaler.py").write_text("import missing_from_broken_scaler\n")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ModuleNotFoundError, match="missing_from_broken_scaler"):
        own_autoscaler("broken_scaler:mine")


def test_a_function_that_yields_nothing_is_refused() -> None:
    with pytest.raises(AutoscalerError, match="returned None, must yield SimPy events, such as"):
        scaled(f"{__name__}:no_process")


def test_what_workers_could_not_import_is_refused_before_they_start(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def local(fleet: Fleet) -> Generator[simpy.Event]:
        yield fleet.env.timeout(1)

    check_sendable({"mine": one_per_eight, HERE: one_per_eight})
    for function in (local, partial(local)):
        with pytest.raises(AutoscalerError, match="'mine' cannot be sent to worker processes"):
            check_sendable({"mine": function})
    monkeypatch.setattr(one_per_eight, "__module__", "__main__")
    monkeypatch.setattr(sys.modules["__main__"], "one_per_eight", one_per_eight, raising=False)
    monkeypatch.setattr(sys.modules["__main__"], "__file__", "mine.py", raising=False)
    check_sendable({"mine": one_per_eight})
    monkeypatch.delattr(sys.modules["__main__"], "__file__")  # as of an interactive session
    with pytest.raises(AutoscalerError, match="at the top level of a file, or use one job"):
        check_sendable({"mine": one_per_eight})


def test_a_registered_process_reaches_worker_processes(monkeypatch: pytest.MonkeyPatch) -> None:
    """This module registers nothing when a worker imports it: the run hands the function over."""
    monkeypatch.setitem(AUTOSCALERS, "mine", one_per_eight)
    overrides = [
        "horizon={start: 2026-11-23T09:00, duration: 1h, warm_up: 0s}",
        "backends.large.cold_start=1min",
        "backends.large.replicas={min: 1, max: 8}",
        "backends.large.autoscaler={preset: custom, process: mine}",
    ]
    scenario = load_scenario(ROOT / "scenarios" / "quickstart.yaml", overrides)
    alone, apart = (run(scenario, worlds=2, jobs=jobs).replications for jobs in (1, 2))
    assert alone.equals(apart)
    assert (apart["ready_replicas_max"] > 2).all()


def test_an_unknown_name_ends_a_run_before_its_first_world() -> None:
    overrides = [
        "backends.large.replicas={min: 1, max: 8}",
        "backends.large.cold_start=1min",
        "backends.large.autoscaler={preset: custom, process: nobody}",
    ]
    scenario = load_scenario(ROOT / "scenarios" / "quickstart.yaml", overrides)
    with pytest.raises(AutoscalerError, match="'nobody' is not registered"):
        run(scenario, worlds=2, jobs=2)


def test_the_guide_shows_the_example() -> None:
    assert f"```python\n{EXAMPLE.read_text()}```\n" in (SHIPPED / "GUIDE.md").read_text()


def test_the_example_runs_and_its_fleet_moves() -> None:
    """In worker processes, as any run does."""
    done = subprocess.run(
        [sys.executable, str(EXAMPLE)], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    heading, *worlds = done.stdout.splitlines()
    assert heading.split() == ["ready_replicas_mean", "gpu_hours", "e2e_p95_s"]
    assert len(worlds) == 4
    for world in worlds:
        assert 1 < float(world.split()[1]) < 8
