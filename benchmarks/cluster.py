"""What a cluster costs, beside worker processes of this machine: time, CPU and overhead.

Run with ``python benchmarks/cluster.py [--rounds N] [--worlds N] [--days D] [--lean]`` from the
root of the repository. A scheduler and two workers are started by Dask's own commands. The same
worlds of the quick start are then simulated by two local processes and by those workers, in turns,
once everything is warm.

- *Time*: of the run, from the first batch to the last world.
- *CPU*: of all processes that take part meanwhile: this one, the workers, scheduler and nannies.
  Dask's look at themselves many times a second, so that this grows with the time.
- *Overhead*: of the time that the two workers had, the share in which they were not in a batch.

Where other programs run meanwhile times and CPU are larger, and so is their spread; the overhead is
hardly. Linux only, for its /proc.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import perf_counter, sleep
from typing import NamedTuple

from sim.montecarlo import dispatch
from sim.montecarlo.cluster.connection import connected
from sim.montecarlo.execution import Batch, Executor, Place, shared_pool
from sim.montecarlo.run import run
from sim.scenario import Scenario, load_scenario

TICKS_PER_S = os.sysconf("SC_CLK_TCK")
QUICK = "scenarios/quickstart.yaml"
WORKERS = 2
PATIENCE_S = 120.0
LEAN = {"MALLOC_ARENA_MAX": "1", "DASK_DISTRIBUTED__WORKER__PROFILE__ENABLED": "False"}


def used_s(process: int) -> float:
    """CPU of a process and of those that it started."""
    try:
        fields = Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()
        threads = list(Path(f"/proc/{process}/task").iterdir())
        children = [child for each in threads for child in (each / "children").read_text().split()]
    except (FileNotFoundError, ProcessLookupError):
        return 0.0
    own_s = sum(map(int, fields[11:13])) / TICKS_PER_S
    return own_s + sum(used_s(int(each)) for each in children)


@contextmanager
def dask(*, is_lean: bool) -> Iterator[tuple[str, list[int]]]:
    """The scheduler's file and the processes, with two workers at it."""
    lean = LEAN if is_lean else {}
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "scheduler.json")
        common = ["--scheduler-file", str(file), "--host", "127.0.0.1", "--no-dashboard"]
        worker = ["worker", *common, "--nthreads", "1", "--local-directory", folder]
        worker += ["--no-nanny"] * is_lean
        commands = [["scheduler", *common, "--port", "0"], *[worker] * WORKERS]
        processes = []
        try:
            for command in commands:
                processes.append(
                    subprocess.Popen(
                        [sys.executable, "-m", "dask", *command],
                        env={**os.environ, **lean, "PYTHONPATH": str(Path(__file__).parents[1])},
                        stdout=subprocess.DEVNULL,
                        stderr=subprocess.DEVNULL,
                    )
                )
                give_up_s = perf_counter() + PATIENCE_S
                while not file.exists() and perf_counter() < give_up_s:
                    sleep(0.1)
            yield str(file), [each.pid for each in processes]
        finally:
            for process in reversed(processes):
                process.terminate()
                process.wait()


class Spent:
    """Seconds that workers were in batches, by how long a batch was."""

    def __init__(self) -> None:
        self.batches: list[float] = []

    @contextmanager
    def counted(self) -> Iterator[None]:
        """Have all batches that come back counted."""
        usual = dispatch._result

        def counting(future: object) -> Batch:
            batch = usual(future)
            self.batches.append(batch.elapsed_s)
            return batch

        dispatch._result = counting
        try:
            yield
        finally:
            dispatch._result = usual


class Cost(NamedTuple):
    """What a run took."""

    time_s: float
    cpu_s: float
    batches: list[float]


def cost(scenario: Scenario, worlds: int, executor: Executor | Place, others: list[int]) -> Cost:
    """What a run takes, if those other processes take no part in it."""
    spent = Spent()
    with spent.counted():
        begun_s, used = perf_counter(), used_s(os.getpid()) - sum(map(used_s, others))
        run(scenario, worlds=worlds, jobs=WORKERS, executor=executor)
        took = used_s(os.getpid()) - sum(map(used_s, others)) - used
        return Cost(perf_counter() - begun_s, took, spent.batches)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5, help="of each, in turns")
    parser.add_argument("--worlds", type=int, default=120, help="of a run")
    parser.add_argument("--days", type=float, default=1.0, help="of a world")
    parser.add_argument("--lean", action="store_true", help="workers as CLUSTER.md has them")
    asked = parser.parse_args()
    scenario = load_scenario(QUICK, (f"horizon.days={asked.days}",))
    rows = []
    with (
        dask(is_lean=asked.lean) as (file, processes),
        connected(file, print) as cluster,
        shared_pool(WORKERS) as pool,
    ):
        while cluster.processes < WORKERS:
            sleep(0.5)
        for place in (pool, cluster):
            cost(scenario, 4 * WORKERS, place, [])  # loads the kernel
        others = [each for each in children() if each not in processes]
        print("two processes, then two workers of a cluster; their ratio; overhead of the cluster")
        for _ in range(asked.rounds):
            here = cost(scenario, asked.worlds, pool, processes)
            there = cost(scenario, asked.worlds, cluster, others)
            idle = 1.0 - sum(there.batches) / (WORKERS * there.time_s)
            rows.append((there.time_s / here.time_s, there.cpu_s / here.cpu_s, idle))
            long = sum(each >= 1.0 for each in there.batches)
            print(
                f"time {here.time_s:6.2f} {there.time_s:6.2f} s {rows[-1][0]:6.3f}   "
                f"CPU {here.cpu_s:6.2f} {there.cpu_s:6.2f} s {rows[-1][1]:6.3f}   "
                f"overhead {idle:5.1%} ({len(there.batches)} batches, {long} of 1 s and more)",
                flush=True,
            )
    time, cpu, idle = map(statistics.median, zip(*rows, strict=True))
    print(f"medians: time {time:.3f}, CPU {cpu:.3f}, overhead {idle:.1%}")


def children() -> list[int]:
    """Processes that this one started."""
    tasks = Path("/proc/self/task").iterdir()
    return [int(child) for each in tasks for child in (each / "children").read_text().split()]


if __name__ == "__main__":
    main()
