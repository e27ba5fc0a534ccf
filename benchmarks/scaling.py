"""What a simulation costs by its size: replicas, days, workloads, worlds, jobs; exponents fitted.

Run with ``python benchmarks/scaling.py`` (20 minutes; ``--quick`` for small sizes in two). Each row
is a process of its own, whose CPU time and peak memory are taken when it ends, less what a process
takes that simulates next to nothing. An exponent of 1 is linear cost; they are fitted to the
logarithms of the last rows, as the first are hardly more than the start.
"""

import argparse
import ctypes
import os
import platform
import resource
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from fleet import PROFILE, PoissonSource, design, pool, rate_per_replica
from speed import kernel_s

from sim.engine.simulation import simulate
from sim.model.design import Design
from sim.model.streams import Streams
from sim.montecarlo.compilation import compile_kernels
from sim.montecarlo.metrics import metrics
from sim.montecarlo.timeline_columns import timeline

HERE = Path(__file__)
SCENARIO = HERE.parent.parent / "scenarios" / "quickstart.yaml"
DAY_S = 86_400.0
A_DAY = 20_000  # requests of the rows by days: a year of them are seven million
MOST_EXPONENT = 1.05
PR_SET_CHILD_SUBREAPER = 36  # of Linux: processes whose parent has ended are ours to wait for


@dataclass(frozen=True)
class Row:
    """A size, and what it took.

    Attributes
    ----------
    size : int
    requests : int
    cpu_s : float
        Of all processes.
    peak_mib : float
        Of the largest process.
    """

    size: int
    requests: int
    cpu_s: float
    peak_mib: float


def by_days(size: int) -> Design:
    """So many days of a modest service on one replica."""
    day = design(1, days=size)
    chat = replace(day.workloads[0], source=PoissonSource(A_DAY / DAY_S, 512, 256))
    return replace(day, workloads=(chat,))


def by_workloads(size: int) -> Design:
    """Two million requests, shared out among so many workloads on eight replicas."""
    rate_rps = 8 * rate_per_replica(0.7, 512, 256)
    day = design(8, days=2_000_000 / rate_rps / DAY_S)
    source = PoissonSource(rate_rps / size, 512, 256)
    workloads = [replace(day.workloads[0], name=f"w{at}", source=source) for at in range(size)]
    return replace(day, workloads=tuple(workloads), pools=(pool(8, PROFILE),))


DESIGNS = {"days": by_days, "workloads": by_workloads}


def simulated(kind: str, size: int) -> None:
    """Simulate one row in this process; print how many requests there were.

    Of replicas the kernel alone, with requests enough to fill a large fleet, at 70 % load.
    """
    compile_kernels()
    if kind == "replicas":
        requests = max(1_000_000, 150 * size)
        kernel_s(size, requests)
        print(requests)
        return
    day = DESIGNS[kind](size)
    outcome = simulate(day, Streams(7, 0))
    timeline(outcome, day)
    print(round(metrics(outcome, day)["requests"]))


def measured(size: int, command: Sequence[str]) -> tuple[str, float, float]:
    """Output, CPU and peak memory of a command with all that it starts."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=HERE.parent)
    assert process.stdout is not None
    out = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    with suppress(ChildProcessError):
        while True:
            os.wait()  # for workers, and the server that they are forked from
    if process.returncode:
        raise SystemExit(f"{command} at {size} ended with {process.returncode}")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu_s = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return out, cpu_s, usage.ru_maxrss / 1024


def rows(kind: str, sizes: Sequence[int], idle_s: float) -> list[Row]:
    """A row for each size of a design."""
    found = []
    for size in sizes:
        out, cpu_s, peak_mib = measured(size, [sys.executable, str(HERE), "--row", kind, str(size)])
        found.append(Row(size, int(out.split()[-1]), max(cpu_s - idle_s, 1e-3), peak_mib))
    return found


def runs(sizes: Sequence[tuple[int, int]]) -> list[tuple[int, Row]]:
    """A row for each number of worlds and jobs of the quick start."""
    found = []
    for worlds, jobs in sizes:
        with tempfile.TemporaryDirectory() as folder:
            options = ["--worlds", str(worlds), "--jobs", str(jobs), "--out", f"{folder}/out"]
            command = [sys.executable, "-m", "sim", "run", str(SCENARIO), *options, "--no-report"]
            _, cpu_s, peak_mib = measured(worlds, [*command, "--quiet"])
        found.append((jobs, Row(worlds, 0, cpu_s, peak_mib)))
    return found


def exponent(found: Sequence[Row]) -> float:
    """Slope of CPU over size of the last two or three rows, both as logarithms."""
    last = found[max(len(found) - 3, min(2, len(found) - 2)) :]
    sizes, cpu_s = np.log([row.size for row in last]), np.log([row.cpu_s for row in last])
    return float(np.polyfit(sizes, cpu_s, 1)[0])


def told(kind: str, found: Sequence[Row]) -> None:
    """Print the rows of a kind."""
    print(f"\n{kind:>9s}    requests   CPU s   million/s   ns a request   peak MiB")
    for row in found:
        rate, each_ns = row.requests / row.cpu_s / 1e6, row.cpu_s / max(row.requests, 1) * 1e9
        figures = f"{row.cpu_s:7.2f}   {rate:9.2f}   {each_ns:12.0f}   {row.peak_mib:8.0f}"
        print(f"{row.size:9,d}  {row.requests:10,d} {figures}", flush=True)


def main() -> None:
    """Print all tables."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="small sizes")
    parser.add_argument("--row", nargs=2, metavar=("KIND", "SIZE"), help="simulate one row")
    options = parser.parse_args()
    if options.row:
        simulated(options.row[0], int(options.row[1]))
        return
    print(f"{platform.machine()}, Python {platform.python_version()}; CPU of all processes")
    compile_kernels()
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1)
    idle_s = measured(0, [sys.executable, str(HERE), "--row", "days", "1"])[1]
    last = 3 if options.quick else None
    told("replicas", rows("replicas", [1, 8, 64, 1_000, 10_000][:last], idle_s))
    for kind, sizes in (("days", [1, 7, 30, 100, 365]), ("workloads", [1, 5, 20, 50])):
        found = rows(kind, sizes[:last], idle_s)
        told(kind, found)
        # Of workloads the requests are the same: what is linear in them costs nothing more.
        slope = exponent(found)
        print(f"  exponent {slope:.3f} (at most {MOST_EXPONENT})")
    print("\n   worlds   jobs   CPU s   peak MiB of a process")
    worlds = runs([(10, 1), (30, 1), (100, 1), (100, 2)][:last])
    for jobs, row in worlds:
        print(f"{row.size:9,d}   {jobs:4d} {row.cpu_s:7.2f}   {row.peak_mib:8.0f}", flush=True)
    slope = exponent([row for jobs, row in worlds if jobs == 1])
    print(f"  exponent of worlds {slope:.3f} (at most {MOST_EXPONENT})")


if __name__ == "__main__":
    main()
