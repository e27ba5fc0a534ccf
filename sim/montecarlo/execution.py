"""Where worlds are simulated: in this process, in worker processes, on a cluster.

An executor is anything with the ``submit`` of ``concurrent.futures``: a pool of local processes,
the ``get_executor()`` of a Dask client. Worlds are sent in small batches and come back in the
order of their completion; nothing in a replication depends on where or when it ran.
"""

import os
import sys
import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, Future, ProcessPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import islice
from time import perf_counter
from typing import TYPE_CHECKING, Any, Protocol

from sim.errors import PeakfleetError
from sim.montecarlo.interruption import Interruption
from sim.montecarlo.processes import local_pool

if TYPE_CHECKING:
    from sim.montecarlo.replication import Replication
    from sim.montecarlo.result import RunResult
    from sim.scenario import Scenario

BATCH_S = 0.2  # work sent at a time: long beside the sending (0.2 ms), short beside a run
DIED = "a worker process died, most likely for lack of memory; try fewer (--jobs 1)"
MAX_BATCH = 64  # worlds, so that what comes back stays small
POLL_S = 0.25  # how soon a Ctrl-C is noticed while nothing finishes


class Replicate(Protocol):
    """The function that simulates one world: ``sim.montecarlo.replication.replicate``."""

    def __call__(
        self,
        scenario: "Scenario",
        seed: int,
        world: int,
        draws: Mapping[str, float],
        record_requests: bool = False,
    ) -> "Replication":
        """Simulate ``world``."""
        ...


class Executor(Protocol):
    """Anything that runs functions elsewhere, as ``concurrent.futures`` does."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> "Future[Any]":
        """Run ``fn(*args)`` some time, somewhere."""
        ...


@dataclass(frozen=True, slots=True)
class Job:
    """What all worlds of a run share.

    Attributes
    ----------
    scenario : Scenario
    seed : int
    replicate : callable
    autoscalers : mapping
        Users' own, by name; a worker has not heard of them.
    """

    scenario: "Scenario"
    seed: int
    replicate: Replicate
    autoscalers: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Task:
    """One world to simulate."""

    world: int
    draws: dict[str, float]
    record_requests: bool = False


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a world could not be simulated, as text: not every exception survives a pickle."""

    world: int
    message: str
    trace: str
    mendable: bool  # by the user: a PeakfleetError


@dataclass(frozen=True, slots=True)
class Batch:
    """What came of a few tasks."""

    replications: list["Replication"]
    failure: Failure | None
    elapsed_s: float


@dataclass(frozen=True, slots=True)
class Workers:
    """A way to have batches simulated, ``lanes`` of them at a time."""

    submit: Callable[[list[Task]], "Future[Batch]"]
    lanes: int


class StoppedError(Exception):
    """Something ended a run early; ``partial`` is the result of the worlds finished before."""

    partial: "RunResult | None" = None


class WorldError(StoppedError, PeakfleetError):
    """A world that cannot be simulated, or not here, for a reason that the user can mend."""


class ReplicationError(StoppedError, RuntimeError):
    """A defect met while simulating a world; carries the traceback of the worker."""


def available_cores() -> int:
    """Cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


@contextmanager
def workers(job: Job, jobs: int, executor: Executor | None = None) -> Iterator[Workers]:
    """Workers for a job: those of ``executor`` if given, else ``jobs`` local processes.

    With one job everything happens in this process.
    """
    if executor is not None:
        yield Workers(lambda tasks: executor.submit(simulate, job, tasks), 2 * jobs)
    elif jobs == 1:
        yield Workers(lambda tasks: _at_once(job, tasks), 1)
    else:
        with _local_pool(job, jobs) as pool:
            # Twice as many batches as workers, so that none waits for the next.
            yield Workers(lambda tasks: pool.submit(_simulate_own, tasks), 2 * jobs)


def replications(
    workers: Workers,
    tasks: Iterable[Task],
    interruption: Interruption,
    look: Callable[[bool], None] = lambda urgent: None,
) -> Iterator["Replication"]:
    """Replications in the order of their completion.

    Once the interruption is requested nothing more is sent, and what is under way is finished.
    Meanwhile ``look`` is called several times a second, told whether the end is near. Raises
    WorldError for what a user can mend, ReplicationError for a defect.
    """
    waiting = iter(tasks)
    pending: dict[Future[Batch], int] = {}  # to the first world of the batch
    size, more = 1, True
    failure: Failure | None = None
    try:
        while more or pending:
            look(interruption.requested)
            if interruption.requested:
                more = False
                pending = {
                    future: first for future, first in pending.items() if not future.cancel()
                }
            while more and len(pending) < workers.lanes:
                batch = list(islice(waiting, size))
                more = bool(batch)
                if batch:
                    pending[_sent(workers, batch)] = batch[0].world
            done = wait(pending, timeout=POLL_S, return_when=FIRST_COMPLETED).done
            for future in done:
                del pending[future]
                result = _result(future)
                yield from result.replications
                failure = _earlier(failure, result.failure)
                size = _next_size(size, result)
            if failure is not None:
                # Of several worlds that fail the first is named, whichever worker was the fastest.
                more = False
                pending = {future: at for future, at in pending.items() if at < failure.world}
    finally:
        for future in pending:  # nobody waits for them, where the reader has left
            future.cancel()
    if failure is not None:
        raise _error(failure)


def _earlier(one: Failure | None, other: Failure | None) -> Failure | None:
    return min((each for each in (one, other) if each), key=lambda f: f.world, default=None)


def simulate(job: Job, tasks: list[Task]) -> Batch:
    """Simulate worlds one after the other, up to the first that fails."""
    if job.autoscalers:
        # Here, for it brings the compiler, which another replicate does not need.
        from sim.engine.control import AUTOSCALERS  # noqa: PLC0415

        AUTOSCALERS.update(job.autoscalers)
    start_s = perf_counter()
    finished = []
    failure = None
    for task in tasks:
        try:
            finished.append(
                job.replicate(job.scenario, job.seed, task.world, task.draws, task.record_requests)
            )
        except Exception as error:  # whatever it is, it has to reach the parent as text
            failure = _failure(task.world, error)
            break
    return Batch(finished, failure, perf_counter() - start_s)


def _failure(world: int, error: Exception) -> Failure:
    mendable = isinstance(error, PeakfleetError)
    message = str(error) if mendable else f"{type(error).__name__}: {error}"
    return Failure(world, message, "".join(traceback.format_exception(error)), mendable)


def _error(failure: Failure) -> StoppedError:
    text = f"world {failure.world}: {failure.message}"
    if failure.mendable:
        return WorldError(text)
    return ReplicationError(f"{text}\n\nTraceback of the worker:\n{failure.trace}")


def _sent(workers: Workers, batch: list[Task]) -> "Future[Batch]":
    try:
        return workers.submit(batch)
    except BrokenExecutor as error:  # before its result was looked at
        raise WorldError(DIED) from error


def _result(future: "Future[Batch]") -> Batch:
    try:
        return future.result()
    except BrokenExecutor as error:
        raise WorldError(DIED) from error


def _next_size(size: int, batch: Batch) -> int:
    """Worlds to send next time: about ``BATCH_S`` of work, growing no faster than twofold."""
    each_s = batch.elapsed_s / max(len(batch.replications), 1)
    fitting = int(min(BATCH_S / max(each_s, 1e-9), MAX_BATCH))
    return max(1, min(fitting, 2 * size))


def _at_once(job: Job, tasks: list[Task]) -> "Future[Batch]":
    """The ``submit`` of this very process: done on return."""
    future: Future[Batch] = Future()
    future.set_result(simulate(job, tasks))
    return future


@contextmanager
def _local_pool(job: Job, jobs: int) -> Iterator[ProcessPoolExecutor]:
    if job.autoscalers:
        from sim.engine.control import check_sendable  # noqa: PLC0415 (as in ``simulate``)

        check_sendable(job.autoscalers)
    modules = [__name__, job.replicate.__module__, type(job.scenario).__module__]
    own = [job.replicate, *job.autoscalers.values()]
    with local_pool(jobs, modules, _start_worker, job, script=_is_of_script(own)) as pool:
        yield pool


@contextmanager
def shared_pool(jobs: int) -> Iterator[ProcessPoolExecutor]:
    """Local processes for the jobs of many runs; each is sent along with its worlds."""
    control = sys.modules.get(
        "sim.engine.control"
    )  # nobody has registered one who did not import it
    own = () if control is None else control.AUTOSCALERS.values()
    modules = [__name__, "sim.montecarlo.replication", "sim.scenario"]
    with local_pool(jobs, modules, script=_is_of_script(own)) as pool:
        yield pool


def _is_of_script(functions: Iterable[Any]) -> bool:
    """Whether any of them is defined in the script that runs."""
    return any(getattr(each, "__module__", "") == "__main__" for each in functions)


_own_job: Job | None = None  # of a worker process, set once when it starts


def _start_worker(job: Job) -> None:
    global _own_job  # noqa: PLW0603 (the initializer of a pool has no other way)
    _own_job = job


def _simulate_own(tasks: list[Task]) -> Batch:
    assert _own_job is not None
    return simulate(_own_job, tasks)
