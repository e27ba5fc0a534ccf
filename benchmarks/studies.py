"""CPU of the run and of each study on the shipped scenarios, now and in a version before.

Run with ``python benchmarks/studies.py CHECKOUT`` from the root of the repository, where CHECKOUT
is a folder with another version, such as ``git worktree add ../before f701f62`` makes one. The CPU
of all processes is counted, from the start of the interpreter to its end, results, pictures and
page among it; of a run also the CPU up to the first character of its answer. The two versions take
turns, and the medians are shown. Each compiles its kernel before anything is counted, into a folder
of its own. Where other programs run meanwhile all figures are larger; their ratios hardly change.
Linux only, for its /proc and for what it tells of processes whose parent has ended.
"""

import argparse
import ctypes
import os
import resource
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Collection, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

PR_SET_CHILD_SUBREAPER = 36  # of Linux: processes whose parent has ended are ours to wait for
TICKS_PER_S = os.sysconf("SC_CLK_TCK")
QUICK = "scenarios/quickstart.yaml"
COMMANDS = {
    "run, 1 world": f"run {QUICK} --worlds 1 --jobs 1",
    "run": f"run {QUICK}",
    "size": f"size {QUICK}",
    "plan": f"plan {QUICK} --months 6 --growth 1.5..4 --worlds 4",
    "sensitivity": f"sensitivity {QUICK} --worlds 16",
    "stress": f"stress {QUICK} --growth 1,3,10 --worlds 4",
}


class Cost(NamedTuple):
    """CPU of a command: up to its answer, and in all."""

    answer_s: float
    whole_s: float


def used_s(process: int) -> float:
    """CPU of a process and of those that it started and waits for, or still has."""
    try:
        fields = Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()
        threads = list(Path(f"/proc/{process}/task").iterdir())
        children = [child for each in threads for child in (each / "children").read_text().split()]
    except (FileNotFoundError, ProcessLookupError):
        return 0.0
    return sum(map(int, fields[11:15])) / TICKS_PER_S + sum(used_s(int(each)) for each in children)


def cost(checkout: Path, kernel: Path, command: str) -> Cost:
    """What a command costs in a version."""
    before_s = ended_s()
    with tempfile.TemporaryDirectory() as out:
        process = subprocess.Popen(
            [sys.executable, "-m", "sim", *command.split(), "--out", f"{out}/results"],
            cwd=checkout,
            env={**os.environ, "PYTHONPATH": str(checkout), "NUMBA_CACHE_DIR": str(kernel)},
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
        assert process.stdout is not None
        process.stdout.read(1)
        answer_s = used_s(process.pid)
        process.stdout.read()
        code = process.wait()
        with suppress(ChildProcessError):
            while True:
                os.wait()  # for workers, and the server that they are forked from
    if code:
        raise SystemExit(f"sim {command} in {checkout} ended with {code}")
    return Cost(answer_s, ended_s() - before_s)


def ended_s() -> float:
    """CPU of all processes so far that this one has waited for, and theirs."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def rows(
    versions: Mapping[str, Path], only: Collection[str], rounds: int, kernels: Path
) -> Iterator[tuple[str, ...]]:
    """A row for each command, and one for the answer of a single world."""
    for name, checkout in versions.items():
        cost(checkout, kernels / name, COMMANDS["run, 1 world"])  # compiles
    for about in only:
        command = COMMANDS[about]
        costs: dict[str, list[Cost]] = {name: [] for name in versions}
        for _ in range(rounds):
            for name, checkout in versions.items():
                costs[name].append(cost(checkout, kernels / name, command))
        if about == "run, 1 world":
            yield row(f"{about}: its answer", *([c.answer_s for c in costs[v]] for v in versions))
        yield row(about, *([c.whole_s for c in costs[v]] for v in versions))


def row(about: str, before: list[float], now: list[float]) -> tuple[str, ...]:
    """One line of the table."""
    old, new = statistics.median(before), statistics.median(now)
    return about, f"{old:.1f}", f"{new:.1f}", f"{new / old:.2f}"


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("before", type=Path, help="checkout of the version before")
    parser.add_argument("--only", choices=COMMANDS, action="append", help="a command; repeatable")
    parser.add_argument("--rounds", type=int, default=3, help="of each command, in turns")
    asked = parser.parse_args()
    ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, 1)
    versions = {"before": asked.before.resolve(), "now": Path(__file__).resolve().parents[1]}
    print(f"{'CPU in seconds':<24}{'before':>8}{'now':>8}{'ratio':>8}")
    with tempfile.TemporaryDirectory() as kernels:
        for about, *figures in rows(versions, asked.only or COMMANDS, asked.rounds, Path(kernels)):
            print(f"{about:<24}" + "".join(f"{each:>8}" for each in figures), flush=True)


if __name__ == "__main__":
    main()
