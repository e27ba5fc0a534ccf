"""A real scheduler and real workers: the same bits as here, whatever becomes of them."""

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from cluster_worlds import TinyScenario, replicate
from dask_processes import PATIENCE_S, Dask, dask, kill, wait_until
from places import ROOT, SHIPPED, TESTS
from processes_alive import MARK, left

import sim
from sim.__main__ import main
from sim.errors import ClusterError
from sim.montecarlo.cluster import connection
from sim.montecarlo.cluster.connection import connected
from sim.montecarlo.execution import WorldError
from sim.montecarlo.result import Earlier, RunResult
from sim.montecarlo.run import run
from sim.montecarlo.sample import Sample

pytest.importorskip("distributed")  # of the extras cluster and dev

WORLDS = 24
SLOW = TinyScenario(slow_s=0.05)


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dask]:
    """Two workers, one of which has three threads."""
    with dask(tmp_path_factory.mktemp("dask")) as found:
        found.worker()
        found.worker("--nthreads", "3")
        yield found


def simulated(address: str, scenario: TinyScenario = SLOW, **options: object) -> RunResult:
    """Worlds of a tiny scenario on a cluster."""
    with connected(address, lambda text: None) as place:
        return run(scenario, WORLDS, replicate=replicate, executor=place, **options)


def figures(result: RunResult) -> tuple[list[int], list[float]]:
    return result.sample.worlds, result.sample.values("figure").tolist()


def here() -> tuple[list[int], list[float]]:
    return figures(run(TinyScenario(), WORLDS, replicate=replicate, jobs=1))


# The same bits --------------------------------------------------------------------------------

SCALER = """
from scaler_part import EACH
def mine(fleet):
    while True:
        yield fleet.env.timeout(60)
        fleet.scale_to(max(1, round(fleet.concurrency / EACH)))
"""
PRICES = "gpu,provider,region,purchase,usd_per_gpu_hour,as_of,source\n"


@pytest.fixture
def own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder whose scenario needs a module, a profile and a trace that no worker has."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", list(sys.path))
    (tmp_path / "scaler_alone.py").write_text(SCALER)
    (tmp_path / "scaler_part.py").write_text("EACH = 8\n")
    profiles = tmp_path / "catalogue" / "profiles"
    profiles.mkdir(parents=True)
    name = "llama-3.3-70b/h100-sxm/tp4/fp8/vllm"
    text = (ROOT / f"sim/catalog/data/profiles/{name}.yaml").read_text()
    (profiles / "ours.yaml").write_text(text)
    rows = "".join(f"{i * 2.5},{900 + i % 7},{80 + i % 5}\n" for i in range(400))
    (tmp_path / "log.csv").write_text("arrival_s,prompt_tokens,output_tokens\n" + rows)
    quick = (SHIPPED / "quickstart.yaml").read_text()
    (tmp_path / "own.yaml").write_text(quick.replace(name, "ours"))
    monkeypatch.setenv("PEAKFLEET_CATALOG", str(tmp_path / "catalogue"))
    return tmp_path


CHANGES = (
    "horizon.days=0.02",
    "backends.large.replicas={min: 1, max: 8}",
    "backends.large.cold_start=1min",
    "backends.large.autoscaler={preset: custom, process: 'scaler_alone:mine'}",
    "workloads.log={arrivals: {trace: {file: log.csv, mode: once}}, route: large}",
)


def test_a_run_leaves_the_same_bytes(
    own: Path, cluster: Dask, capsys: pytest.CaptureFixture[str]
) -> None:
    """With a profile and an autoscaler of one's own, and a trace; one worker has threads."""
    changes = [part for change in CHANGES for part in ("--set", change)]
    asked = ["run", "own.yaml", *changes, "--worlds", "6", "--allow-code", "--no-report"]
    assert main([*asked, "--jobs", "1", "--out", "here", "--quiet"]) == 0
    alone = capsys.readouterr().out
    assert main([*asked, "--cluster", cluster.address, "--out", "there"]) == 0
    printed = capsys.readouterr()
    assert printed.out == alone
    said = [line for line in printed.err.splitlines() if "threads" in line]
    assert len(said) == 1 and "4 threads, and simulate 2 worlds at a time" in said[0]
    for name in ("summary.json", "replications.parquet", "timeline.parquet", "costs.csv"):
        assert (own / "there" / name).read_bytes() == (own / "here" / name).read_bytes(), name


def test_a_study_and_python_answer_the_same(cluster: Dask) -> None:
    scenario = sim.Scenario.load(SHIPPED / "quickstart.yaml", "horizon.days=0.02")
    asked = {"variants": {"two": {"backends.large.replicas": 2}}, "worlds": 3}
    there = sim.compare(scenario, **asked, cluster=cluster.address)
    assert there.text == sim.compare(scenario, **asked, jobs=1).text
    mean = sim.run(scenario, worlds=3, cluster=cluster.address).metrics["cost_usd"]
    assert mean == sim.run(scenario, worlds=3, jobs=1).metrics["cost_usd"]


# What becomes of workers ----------------------------------------------------------------------


def test_ctrl_c_keeps_what_is_finished_and_a_resume_adds_the_rest(cluster: Dask) -> None:
    def press(sample: Sample, target: int) -> None:
        if len(sample) == 3:
            signal.raise_signal(signal.SIGINT)

    stopped = simulated(cluster.address, progress=press)
    assert stopped.interrupted and 3 <= len(stopped.sample) < WORLDS
    whole = simulated(cluster.address, earlier=Earlier(stopped.sample))
    assert figures(whole) == here()


def test_a_worker_that_is_killed_costs_its_batch(cluster: Dask) -> None:
    extra = cluster.worker()
    taken: list[int] = []

    def note(sample: Sample, target: int) -> None:
        taken.append(len(sample))
        if len(sample) == 4:
            kill(extra)

    assert figures(simulated(cluster.address, progress=note)) == here()
    assert taken == list(range(1, WORLDS + 1))  # each world once


def test_a_worker_of_another_version_is_named_with_both(
    cluster: Dask, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "older.py").write_text("import sim\nsim.__version__ = '0.1.7'\n")
    other = cluster.worker("--nthreads", "1", "--preload", str(tmp_path / "older.py"))
    asked = ["run", str(SHIPPED / "quickstart.yaml"), "--out", str(tmp_path / "out"), "--quiet"]
    assert main([*asked, "--cluster", cluster.address]) == 2
    said = capfd.readouterr().err.splitlines()
    assert len(said) == 1
    assert "worker tcp://127.0.0.1:" in said[0]
    assert f"has peakfleet 0.1.7, and this process {sim.__version__}" in said[0]
    kill(other)
    wait_until(lambda: len(cluster.registered()) == 2)


def test_a_world_that_kills_is_named_and_all_others_are_finished(cluster: Dask) -> None:
    """It costs two workers beside others, then two by itself."""
    for _ in range(3):
        cluster.worker()
    with pytest.raises(WorldError, match=r"^world 7: every worker that simulated it died") as met:
        simulated(cluster.address, TinyScenario(kills=(7,)))
    worlds, values = here()
    finished = met.value.partial
    assert finished.sample.worlds == [each for each in worlds if each != 7]
    assert finished.sample.values("figure").tolist() == [*values[:7], *values[8:]]
    assert len(cluster.registered()) == 1


def test_a_run_goes_on_under_another_scheduler(tmp_path: Path) -> None:
    def stop(sample: Sample, target: int) -> None:
        if len(sample) == 3:
            kill(first.scheduler)

    (tmp_path / "one").mkdir()
    (tmp_path / "two").mkdir()
    lost = pytest.raises(WorldError, match="is lost; what is finished is kept")
    with dask(tmp_path / "one", workers=1) as first, lost as met:
        simulated(first.address, progress=stop)
    partial = met.value.partial
    assert 3 <= len(partial.sample) < WORLDS
    with dask(tmp_path / "two", workers=1) as second:
        whole = simulated(str(second.file), earlier=Earlier(partial.sample))
    assert figures(whole) == here()


# Who cannot be reached ------------------------------------------------------------------------


def test_nobody_there_is_one_line_within_seconds(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    asked = ["run", str(SHIPPED / "quickstart.yaml"), "--out", str(tmp_path / "out"), "--quiet"]
    assert main([*asked, "--cluster", "127.0.0.1:9"]) == 2
    said = capfd.readouterr().err.splitlines()
    assert len(said) == 1
    assert "no Dask scheduler answers at 127.0.0.1:9 within 5 s" in said[0]


def test_what_is_no_scheduler_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """Such as a port at which something else listens, and says nothing."""
    monkeypatch.setattr(connection, "CONNECT_S", 0.5)
    with socket.create_server(("127.0.0.1", 0)) as mute:
        address = f"127.0.0.1:{mute.getsockname()[1]}"
        said = pytest.raises(ClusterError, match=f"no Dask scheduler answers at {address} within")
        with said, connected(address, print):
            pass


def test_a_schedulers_file_that_is_not_there_is_not_waited_for() -> None:
    advice = r"cluster \(s.json\) is no file; 'dask scheduler --scheduler-file s.json' writes it"
    with pytest.raises(ClusterError, match=advice), connected("s.json", print):
        pass


def test_without_dask_the_command_that_installs_it_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connection.importlib.util, "find_spec", lambda name: None)
    advice = r"which is not installed: pip install 'distributed>=2024.8'$"
    with pytest.raises(ClusterError, match=advice), connected("tcp://127.0.0.1:8786", print):
        pass


# This machine ---------------------------------------------------------------------------------

SCRIPT = f"""
import os, signal, sys
sys.path.insert(0, {str(TESTS)!r})
from cluster_worlds import TinyScenario, replicate
from sim.montecarlo.cluster.connection import connected
from sim.montecarlo.run import run
with connected("local:1", print) as place:
    result = run(TinyScenario(), 24, replicate=replicate, executor=place)
    print(result.sample.values("figure").sum())
    sys.stdout.flush()
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_local_workers_end_with_a_script_that_is_killed(tmp_path: Path) -> None:
    """Which has no ``if __name__ == "__main__"``."""
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    done = subprocess.run(
        [sys.executable, "-W", "error", str(script)],
        env=os.environ | {"PYTHONPATH": str(ROOT), MARK: tmp_path.name},
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=False,
    )
    assert done.returncode == -signal.SIGKILL, done.stderr
    assert float(done.stdout) == pytest.approx(sum(here()[1]), abs=1e-12)
    start_s = time.monotonic()
    assert left(tmp_path.name) == [], time.monotonic() - start_s
