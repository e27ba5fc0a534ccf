"""Worker processes of this machine under Dask, for one command: they begin and end with it.

They are those of a ``LocalCluster`` in a process of its own. So a script needs no
``if __name__ == "__main__"`` for them, a Ctrl-C in the terminal, which reaches all processes of a
command, is answered by the command alone, and however the command ends, all of them do: that
process waits for the end of its standard input.
"""

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from sim.errors import ClusterError
from sim.montecarlo.processes import DEAF_TO, ONE_THREAD, search_path

END_S = 10.0  # that workers are given to end by themselves
BEGIN = "from sim.montecarlo.cluster.local import serve; serve({workers})"


@contextmanager
def local_cluster(workers: int) -> Iterator[str]:
    """Address of the scheduler of so many worker processes, while used as a context.

    Raises
    ------
    ClusterError
        If they cannot be started.
    """
    with tempfile.TemporaryFile("w+") as said:
        process = subprocess.Popen(
            [sys.executable, "-c", BEGIN.format(workers=workers)],
            env={**ONE_THREAD, **os.environ, **search_path()},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=said,
            text=True,
            start_new_session=True,
        )
        assert process.stdin is not None and process.stdout is not None
        try:
            address = process.stdout.readline().strip()
            if not address:
                process.wait()
                said.seek(0)
                last = said.read().strip().rpartition("\n")[2]
                raise ClusterError(f"{workers} local workers cannot be started ({last})")
            yield address
        finally:
            process.stdin.close()
            try:
                process.wait(END_S)
            except subprocess.TimeoutExpired:
                with suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                process.wait()
            process.stdout.close()


def serve(workers: int) -> None:
    """Be a local cluster until standard input ends, having said where it is."""
    import logging  # noqa: PLC0415 (these are for that process alone)

    from distributed import LocalCluster  # noqa: PLC0415

    for each in DEAF_TO:
        signal.signal(each, signal.SIG_IGN)  # workers inherit it
    with LocalCluster(
        n_workers=workers,
        threads_per_worker=1,
        dashboard_address=None,
        silence_logs=logging.CRITICAL,
    ) as cluster:
        print(cluster.scheduler_address, flush=True)
        sys.stdin.read()
