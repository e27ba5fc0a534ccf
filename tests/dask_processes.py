"""A Dask scheduler and workers as their own commands start them, on free ports of this machine."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from places import ROOT, TESTS

PATIENCE_S = 180.0  # of a busy machine
TWICE = {"DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES": "1"}  # a batch may lose a worker; not two


class Dask:
    """A scheduler and its workers.

    Parameters
    ----------
    folder : Path
        Where they write.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.file = folder / "scheduler.json"
        self.processes: list[subprocess.Popen[bytes]] = []
        self.scheduler = self._start("scheduler", "--port", "0")
        wait_until(self.file.exists)
        self.address = json.loads(self.file.read_text())["address"]

    def worker(self, *options: str) -> "subprocess.Popen[bytes]":
        """One more worker, one process that nobody starts again."""
        before = len(self.registered())
        options = options or ("--nthreads", "1")
        place = str(self.folder / f"worker-{len(self.processes)}")
        process = self._start("worker", "--no-nanny", "--local-directory", place, *options)
        wait_until(lambda: len(self.registered()) > before)
        return process

    def registered(self) -> list[str]:
        """Addresses of the workers that the scheduler knows."""
        from distributed import Client  # noqa: PLC0415

        with Client(self.address, timeout=PATIENCE_S, set_as_default=False) as client:
            return [*client.nthreads()]

    def end(self) -> None:
        """End what is left of it."""
        for process in self.processes:
            process.kill()
            process.wait()

    def _start(self, kind: str, *options: str) -> "subprocess.Popen[bytes]":
        command = [sys.executable, "-m", "dask", kind, "--host", "127.0.0.1"]
        process = subprocess.Popen(
            [*command, "--scheduler-file", str(self.file), "--no-dashboard", *options],
            cwd=self.folder,
            env=os.environ | TWICE | {"PYTHONPATH": os.pathsep.join([str(ROOT), str(TESTS)])},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        self.processes.append(process)
        return process


@contextmanager
def dask(folder: Path, workers: int = 0) -> Iterator[Dask]:
    """A scheduler with so many workers, while used as a context."""
    cluster = Dask(folder)
    try:
        for _ in range(workers):
            cluster.worker()
        yield cluster
    finally:
        cluster.end()


def kill(process: "subprocess.Popen[bytes]") -> None:
    """End a process as a lack of memory does."""
    process.send_signal(signal.SIGKILL)
    process.wait()


def wait_until(holds: Callable[[], bool]) -> None:
    give_up_s = time.monotonic() + PATIENCE_S
    while not holds():
        assert time.monotonic() < give_up_s, "nothing came of it"
        time.sleep(0.05)
