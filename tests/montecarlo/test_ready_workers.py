"""Workers begin with what their parent has prepared."""

import sys

import pytest

from sim.montecarlo import execution, needed_kernel
from sim.montecarlo.execution import REPLICATES


def test_workers_leave_out_the_linear_algebra_that_their_parent_left_out(monkeypatch):
    monkeypatch.setitem(sys.modules, "numba.np.arraymath", sys)
    monkeypatch.delitem(sys.modules, "scipy.linalg", raising=False)
    assert execution._preloaded(REPLICATES, "sim.scenario")[0] == "sim.montecarlo.without_algebra"
    monkeypatch.setitem(sys.modules, "scipy.linalg", sys)
    assert "sim.montecarlo.without_algebra" not in execution._preloaded(REPLICATES, "sim.scenario")


def test_workers_find_the_kernels_loaded_that_are_needed_and_those_of_another_engine_none(
    monkeypatch,
):
    monkeypatch.setattr(execution, "_kernels", {})
    before = execution._preloaded(REPLICATES, "sim.scenario")
    for kernel in ("any", "plain", "any"):
        needed_kernel.compile_once(kernel, 1, print)
    loaded = ["sim.montecarlo.ready_kernel_of_any", "sim.montecarlo.ready_kernel"]
    assert execution._preloaded(REPLICATES, "sim.scenario") == [*before, *loaded]
    assert not set(loaded) & set(execution._preloaded("mine", "sim.scenario"))


@pytest.mark.parametrize(("jobs", "worlds", "begun"), [(1, 9, 0), (2, 1, 0), (2, 9, 1)])
def test_workers_are_foreseen_where_there_will_be_some(monkeypatch, jobs, worlds, begun):
    class Scenario:
        pass

    scenario = Scenario()
    scenario.worlds = worlds
    starts = []
    monkeypatch.setattr(execution, "start_server", starts.append)
    execution.foresee_workers(scenario, jobs)
    assert len(starts) == begun


def test_that_none_can_be_started_is_said_when_they_are_needed(monkeypatch):
    class Scenario:
        worlds = 9

    def refuse(modules):
        raise OSError("no more processes")

    monkeypatch.setattr(execution, "start_server", refuse)
    execution.foresee_workers(Scenario(), 2)
