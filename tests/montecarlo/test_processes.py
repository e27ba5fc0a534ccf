"""Worker processes: they import what their parent does, answer to it alone, and end with it."""

import os
import re
import signal
import subprocess
import sys
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path

import pytest
from places import ROOT, TESTS
from processes_alive import MARK, alive, left

import sim
from sim.engine.control import AUTOSCALERS
from sim.montecarlo import execution

LIBRARY_NAMES = ("sim", "numpy", "random", "socket", "selectors", "pandas", "bottleneck")

WHERE = """
import sys
import sim, numpy
from sim.montecarlo.processes import local_pool
if __name__ == "__main__":
    with local_pool(2, ["sim.errors", "numpy"]) as pool:
        for name in ("sim", "numpy", "random"):
            print(pool.submit(eval, f"__import__({name!r}).__file__").result())
        print(sorted(pool.submit(eval, "list(__import__('sys').modules)").result()))
"""


@pytest.fixture
def trap(tmp_path: Path) -> Path:
    """A folder whose files have the names of modules, and leave a trace when they are run."""
    folder = tmp_path / "trap"
    (folder / "sim").mkdir(parents=True)
    for name in (*LIBRARY_NAMES, "sim/__init__"):
        (folder / f"{name}.py").write_text("open(__file__ + '.was_run', 'w').close()\n")
    return folder


def python(*arguments: object, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *map(str, arguments)],
        cwd=cwd,
        env=os.environ | {"PYTHONPATH": str(ROOT)} | environment,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.parametrize("flags", [[], ["-E", "-s"]])
def test_workers_import_the_parents_package_whatever_the_current_folder_holds(
    tmp_path: Path, trap: Path, flags: list[str]
) -> None:
    script = tmp_path / "script" / "where.py"
    script.parent.mkdir()
    found = f"sys.path.insert(1, {str(ROOT)!r})\n"  # -E does not look at PYTHONPATH
    script.write_text(WHERE.replace("import sim, numpy\n", f"{found}import sim, numpy\n"))
    done = python(*flags, script, cwd=trap)
    assert done.returncode == 0, done.stderr
    ours, numpy, library, modules = done.stdout.splitlines()
    assert ours == sim.__file__
    assert "trap" not in numpy + library
    assert "'sim.errors'" in modules or flags
    assert not list(trap.rglob("*.was_run"))


def test_a_module_of_the_current_folder_is_not_taken_for_the_librarys(trap: Path) -> None:
    (trap / "sim.py").unlink()
    (trap / "sim" / "__init__.py").unlink()
    (trap / "sim").rmdir()
    (trap / "click.py").write_text("open(__file__ + '.was_run', 'w').close()\n")
    done = python("-m", "sim", "catalog", "shapes", "--json", cwd=trap)
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("[")
    assert not list(trap.glob("*.was_run"))


def test_workers_start_where_the_current_folder_is_gone(tmp_path: Path) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    script = tmp_path / "where.py"
    begin = 'if __name__ == "__main__":\n'
    script.write_text(WHERE.replace(begin, f"{begin}    __import__('os').rmdir({str(gone)!r})\n"))
    done = python(script, cwd=gone)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[0] == sim.__file__


# Signals --------------------------------------------------------------------------------------

SLOW_RUN = f"""
import sys
sys.path.insert(0, {str(TESTS)!r})
from fake_replication import FakeScenario, replicate
from sim.montecarlo.run import run
def note(sample, target):
    print("finished", len(sample), flush=True)
if __name__ == "__main__":
    result = run(
        FakeScenario(slow_s=float(sys.argv[1]), slow_from=4), 10_000, jobs=2, replicate=replicate,
        progress=note, announce=lambda: print("finishing", flush=True),
    )
    print("interrupted" if result.interrupted else "complete", len(result.sample))
"""
SOON_S, NEVER_S = 0.05, 600.0


@pytest.mark.parametrize(
    ("signum", "times", "slow_s"),
    [
        (signal.SIGINT, 1, SOON_S),
        (signal.SIGINT, 2, NEVER_S),
        (signal.SIGTERM, 1, SOON_S),
        (signal.SIGTERM, 2, NEVER_S),
        (signal.SIGHUP, 1, SOON_S),
    ],
)
def test_a_signal_to_all_processes_ends_them_in_order(
    tmp_path: Path, signum: int, times: int, slow_s: float
) -> None:
    """A terminal signals the whole group; after the second signal nothing is waited for."""
    with slow_run(tmp_path, slow_s) as process:
        os.killpg(process.pid, signum)
        if times == 2:
            while process.stdout.readline() not in ("finishing\n", ""):
                pass
            os.killpg(process.pid, signum)
        out, error = process.communicate(timeout=60)
    assert error == ""
    assert re.search(r"interrupted [1-9]\d*$", out.strip())
    assert process.returncode == 0
    assert left(tmp_path.name) == []


@pytest.mark.parametrize("slow_s", [SOON_S, NEVER_S])
def test_no_process_outlives_a_parent_that_was_killed(tmp_path: Path, slow_s: float) -> None:
    with slow_run(tmp_path, slow_s) as process:
        assert len(alive(tmp_path.name)) >= 4  # itself, the server, two workers
        process.kill()
        process.communicate()
    assert left(tmp_path.name) == []


def test_a_worker_that_is_killed_ends_the_others(tmp_path: Path) -> None:
    with slow_run(tmp_path, NEVER_S) as process:
        workers = [pid for pid in alive(tmp_path.name) if parent_of(parent_of(pid)) == process.pid]
        os.kill(workers[0], signal.SIGKILL)
        _, error = process.communicate(timeout=60)
    assert "a worker process died" in error
    assert left(tmp_path.name) == []


def slow_run(folder: Path, slow_s: float) -> "subprocess.Popen[str]":
    """A run with two workers in a session of its own, its first worlds finished."""
    script = folder / "slow_run.py"
    script.write_text(SLOW_RUN)
    process = subprocess.Popen(
        [sys.executable, "-W", "error", str(script), str(slow_s)],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(ROOT), MARK: folder.name},
        start_new_session=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    while process.stdout.readline() not in ("finished 4\n", ""):
        pass
    return process


def parent_of(pid: int) -> int:
    try:
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    except OSError:
        return 0


def test_a_script_needs_no_guard_for_its_workers_do_not_run_it(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(
        "from sim.montecarlo.processes import local_pool\n"
        "with local_pool(2, ['sim.errors']) as pool:\n"
        "    print(*pool.map(len, ['a', 'bc']))\n"
    )
    done = python(script, cwd=tmp_path)
    assert (done.stdout, done.stderr, done.returncode) == ("1 2\n", "", 0)


def test_workers_run_a_script_that_defines_what_they_need(tmp_path: Path) -> None:
    script = tmp_path / "script.py"
    script.write_text(
        "from sim.montecarlo.processes import local_pool\n"
        "def own():\n"
        "    return 3\n"
        "if __name__ == '__main__':\n"
        "    with local_pool(1, ['sim.errors'], script=True) as pool:\n"
        "        print(pool.submit(own).result())\n"
    )
    done = python(script, cwd=tmp_path)
    assert (done.stdout, done.stderr, done.returncode) == ("3\n", "", 0)


@pytest.mark.parametrize("module", ["__main__", "mine"])
def test_a_study_has_its_script_run_where_an_autoscaler_is_defined_there(
    monkeypatch: pytest.MonkeyPatch, module: str
) -> None:
    def own(fleet: object) -> None: ...

    own.__module__ = module
    monkeypatch.setitem(AUTOSCALERS, "own", own)
    asked: list[bool] = []

    def pool(jobs: int, modules: object, *, script: bool) -> AbstractContextManager[None]:
        asked.append(script)
        return nullcontext()

    monkeypatch.setattr(execution, "local_pool", pool)
    with execution.shared_pool(2):
        assert asked == [module == "__main__"]
