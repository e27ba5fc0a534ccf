"""Worker processes of this machine: what they import, what they hear, and when they end.

They are forked from a server process that has imported what they need.

- They import what their parent imports. The server is born with the parent's own search path; a
  ``sim.py`` or ``random.py`` in the current folder, which Python would else import first, is
  not on it.
- They are deaf to SIGINT, SIGTERM and SIGHUP. A terminal, ``timeout`` and ``systemd`` send these to
  all processes of a run; only the parent is to answer, and ends its workers when it is done.
- They do not run their parent's script, so that it needs no ``if __name__ == "__main__"``, unless
  it defines something that they need.
- None outlives its parent. Each waits, in a thread of its own, for the end of the pipe that its
  parent holds open, which the system closes however the parent dies. The server ends with the last.
"""

import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import chdir, contextmanager, nullcontext
from multiprocessing import forkserver
from multiprocessing.context import ForkServerContext, ForkServerProcess
from pathlib import Path
from types import ModuleType
from typing import Any

from sim.errors import PeakfleetError

ONE_THREAD = {  # a worker per core: more threads in each would only get in each other's way
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "MKL_NUM_THREADS": "1",
    "NUMBA_NUM_THREADS": "1",
}
DEAF_TO = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
ORPHANED = 1  # exit code of a worker whose parent is gone; nobody reads it


class _Scriptless(ForkServerProcess):
    """A process that does not run the script of its parent."""

    def start(self) -> None:
        """Start it, as if the parent had no script to be run."""
        script = sys.modules["__main__"]
        sys.modules["__main__"] = ModuleType("__main__")
        try:
            super().start()
        finally:
            sys.modules["__main__"] = script


class _ScriptlessContext(ForkServerContext):
    Process = _Scriptless


@contextmanager
def local_pool(
    jobs: int,
    modules: Sequence[str],
    begin: Callable[..., None] | None = None,
    *arguments: Any,
    script: bool = False,
) -> Iterator[ProcessPoolExecutor]:
    """A pool of ``jobs`` processes.

    Parameters
    ----------
    jobs : int
    modules : sequence of str
        What the processes find imported.
    begin : callable, optional
        Called in each, with ``arguments``, before its first task.
    script : bool
        Whether they need what the script of this process defines, and so have to run it.

    Raises
    ------
    PeakfleetError
        If processes cannot be started here.
    """
    _leave_deleted_folder()
    try:
        start_server(modules)
    except OSError as error:
        raise PeakfleetError(
            f"worker processes cannot be started ({error}); use --jobs 1"
        ) from error
    pool = ProcessPoolExecutor(
        jobs,
        mp_context=multiprocessing.get_context("forkserver") if script else _ScriptlessContext(),
        initializer=_begin,
        initargs=(begin, arguments),
    )
    others = set(multiprocessing.active_children())
    try:
        yield pool
    except BaseException:
        # An error, or a second Ctrl-C: what is under way is not waited for.
        for process in set(multiprocessing.active_children()) - others:
            process.kill()  # they are deaf to anything less
        raise
    finally:
        pool.shutdown(cancel_futures=True)


def _begin(begin: Callable[..., None] | None, arguments: tuple[Any, ...]) -> None:
    for each in DEAF_TO:
        signal.signal(each, signal.SIG_IGN)
    threading.Thread(target=_end_with_parent, name="end-with-parent", daemon=True).start()
    if begin is not None:
        begin(*arguments)


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    assert parent is not None
    parent.join()
    os._exit(ORPHANED)  # at once: what this process computes nobody will read


def start_server(modules: Sequence[str]) -> None:
    """Start the process that workers are forked from, with ``modules`` imported, once.

    It hands down to its children what it is born with. Nobody waits for it here: it may well be
    started before there is anything to do, for its imports take as long as a few worlds.

    Raises
    ------
    OSError
        If it cannot be started.
    """
    unsettled = sys.flags.ignore_environment and not sys.flags.safe_path  # python -E
    preload = (
        [] if unsettled else list(modules)
    )  # else each worker imports them, which takes longer
    multiprocessing.get_context("forkserver").set_forkserver_preload(preload)
    threads = {name: value for name, value in ONE_THREAD.items() if name not in os.environ}
    elsewhere = chdir("/") if unsettled else nullcontext()
    with _environment({**threads, **search_path()}), _deaf(), elsewhere:
        forkserver.ensure_running()


def search_path() -> dict[str, str]:
    """The environment in which a new interpreter imports what this one does, in this order."""
    folders = [each or str(Path.cwd()) for each in sys.path if os.pathsep not in each]
    return {"PYTHONSAFEPATH": "1", "PYTHONPATH": os.pathsep.join(folders)}


@contextmanager
def _environment(settings: Mapping[str, str]) -> Iterator[None]:
    before = {name: os.environ.get(name) for name in settings}
    os.environ.update(settings)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


@contextmanager
def _deaf() -> Iterator[None]:
    """A process that is started meanwhile ignores the signals that only its parent answers."""
    if threading.current_thread() is not threading.main_thread():
        yield  # no other thread may set handlers; workers then do so themselves
        return
    before = {each: signal.signal(each, signal.SIG_IGN) for each in DEAF_TO}
    try:
        yield
    finally:
        for each, handler in before.items():
            signal.signal(each, signal.SIG_DFL if handler is None else handler)


def _leave_deleted_folder() -> None:
    """Go to the root if the current folder is gone, for a process cannot start in it.

    Nothing that is named relative to it can be reached any more.
    """
    try:
        Path.cwd()
    except FileNotFoundError:
        os.chdir("/")
