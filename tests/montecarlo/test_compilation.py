"""The kernel is compiled whole before it is used, on two cores where there are two."""

import subprocess
import sys
from concurrent.futures import BrokenExecutor, Future
from contextlib import contextmanager
from pathlib import Path

import numba
import pytest

from sim.engine.events import verbs
from sim.engine.events.kernel import advance as kernel_loop
from sim.engine.state import jit, kernel_cache
from sim.errors import PeakfleetError
from sim.montecarlo import compilation
from sim.montecarlo.run import run
from sim.scenario import load_scenario

SCENARIOS = Path(__file__).parents[2] / "scenarios"
VERBS = verbs.__name__


def versions() -> dict[str, list]:
    """The types of arguments for which each function is compiled, by its name."""
    return {each.py_func.__qualname__: list(each.signatures) for each in jit.CALLABLE}


@pytest.fixture
def uncached(monkeypatch):
    """No kernel on disk, and a record of what is compiled where."""
    done = []
    monkeypatch.setattr(compilation, "kernel_is_cached", lambda kernel: False)
    monkeypatch.setattr(
        jit, "compile_for", lambda function, types: done.append((function.__name__, len(types)))
    )
    return done


def pool_with(monkeypatch, submit):
    @contextmanager
    def pool(jobs):
        assert jobs == 1
        yield type("Pool", (), {"submit": staticmethod(submit)})

    monkeypatch.setattr(compilation, "shared_pool", pool)


@pytest.mark.parametrize("kernel", compilation.STATES)
def test_two_cores_share_the_work(monkeypatch, uncached, kernel):
    def submit(function, kernel):
        uncached.append((function.__name__, kernel))
        future = Future()
        future.set_result(None)
        return future

    pool_with(monkeypatch, submit)
    compilation.compile_kernel(2, kernel)
    assert uncached == [("compile_verbs", kernel), ("advance", 2), ("hash_all", 1)]


@pytest.mark.parametrize("problem", [BrokenExecutor("gone"), PeakfleetError("no processes")])
def test_a_second_process_that_fails_is_done_without(monkeypatch, uncached, problem):
    def submit(function, kernel):
        raise problem

    pool_with(monkeypatch, submit)
    compilation.compile_kernel(2)
    assert uncached == [("hash_all", 1)]  # all else by being used


@pytest.mark.parametrize("reason", ["one core", "nowhere to keep it", "there already"])
def test_one_process_does_it_where_two_are_of_no_use(monkeypatch, uncached, reason):
    def submit(function, kernel):
        raise AssertionError("another process")

    pool_with(monkeypatch, submit)
    if reason == "nowhere to keep it":
        monkeypatch.setattr(kernel_cache, "folder", lambda: None)
    if reason == "there already":
        monkeypatch.setattr(compilation, "kernel_is_cached", lambda kernel: True)
    compilation.compile_kernel(1 if reason == "one core" else 2)
    assert uncached == [("hash_all", 1)]


@pytest.mark.parametrize(
    ("kernel", "name"), [("plain", "cold_start_cliff"), ("any", "agents"), ("any", "rag")]
)
def test_a_run_finds_all_of_it_compiled(kernel, name):
    compilation.compile_kernel(1, kernel)
    assert compilation.kernel_is_cached(kernel)
    jit.compile_for(kernel_loop, (compilation.STATES[kernel], numba.float64))  # as with two cores
    before = versions()
    for function in ("advance", "kill", "hash_all"):
        assert sum(each[0] == compilation.STATES[kernel] for each in before[function]) == 1
    scenario = load_scenario(SCENARIOS / f"{name}.yaml", ("horizon.days=0.02",))
    run(scenario, worlds=1, jobs=1)
    assert versions() == before


def test_all_verbs_are_compiled_before_any_is_needed(monkeypatch):
    """One that is left out is compiled in each run, which then says so though nothing changed."""
    kept = {each.py_func.__name__ for each in jit.CALLABLE if each.py_func.__module__ == VERBS}
    used = set()

    def spied(name, original):
        return lambda *arguments: (used.add(name), original(*arguments))[1]

    for name in kept:
        monkeypatch.setattr(verbs, name, spied(name, getattr(verbs, name)))
    compilation.compile_kernel(1)
    assert kept and used == kept


INTERRUPTED = """
import ctypes, os, signal
from sim.__main__ import main
from sim.engine.plane.plane import DataPlane
from sim.montecarlo import compilation, needed_kernel

@ctypes.CFUNCTYPE(None)
def within_the_compiler():
    os.kill(os.getpid(), signal.SIGINT)
    sum(range(100_000))

def compile_badly(plane, until_s):
    within_the_compiler()
    raise RuntimeError("no compiled object yet")

needed_kernel.kernel_is_cached = compilation.kernel_is_cached = lambda kernel: False
DataPlane.advance = compile_badly
raise SystemExit(main(["run", "scenarios/quickstart.yaml", "--jobs", "1"]))
"""


def test_a_ctrl_c_amid_the_compiler_ends_it_in_one_line():
    """The exception of a callback is printed and dropped, and the compiler stumbles later."""
    done = subprocess.run(
        [sys.executable, "-c", INTERRUPTED],
        cwd=SCENARIOS.parent,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 130
    assert done.stderr.endswith("sim: interrupted\n")
    assert "Traceback" not in done.stderr
    assert "RuntimeError" not in done.stderr


def test_other_failures_of_a_compiler_are_not_hidden(monkeypatch):
    def fail(plane, until_s):
        raise RuntimeError("no compiled object yet")

    monkeypatch.setattr(compilation.DataPlane, "advance", fail)
    with pytest.raises(RuntimeError, match="no compiled object"):
        compilation.compile_kernel(1)


@pytest.mark.parametrize(("asked", "compiled"), [(None, ["plain"]), ("all", ["plain", "any"])])
def test_an_installation_has_the_kernel_of_plain_fleets_and_both_where_asked(
    monkeypatch, tmp_path, asked, compiled
):
    done = []
    monkeypatch.setattr(compilation, "leave_out_linear_algebra", lambda: None)
    monkeypatch.setattr(
        compilation, "compile_kernel", lambda jobs=None, kernel="plain": done.append(kernel)
    )
    monkeypatch.setattr(kernel_cache, "copy_to", done.append)
    monkeypatch.delenv(compilation.SHIPS, raising=False)
    if asked is not None:
        monkeypatch.setenv(compilation.SHIPS, asked)
    compilation.compile_into(tmp_path)
    assert done == [*compiled, tmp_path]
