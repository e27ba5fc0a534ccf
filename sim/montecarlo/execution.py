"""Where worlds are simulated: in this process, in worker processes, on a cluster.

An executor is anything with the ``submit`` of ``concurrent.futures``: a pool of local processes,
the ``get_executor()`` of a Dask client. A place does more for the worlds of a job, as
:mod:`sim.montecarlo.cluster` does. Worlds are sent in small batches
(:mod:`sim.montecarlo.dispatch`); nothing in a replication depends on where or when it ran.
"""

import os
import sys
import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from time import perf_counter
from typing import TYPE_CHECKING, Any, Protocol, runtime_checkable

from sim.errors import PeakfleetError
from sim.montecarlo.processes import local_pool, start_server

if TYPE_CHECKING:
    from sim.montecarlo.replication import Replication
    from sim.montecarlo.result import RunResult
    from sim.scenario import Scenario

BATCH_S = 0.2  # work sent at a time: long beside the sending (0.2 ms), short beside a run
REPLICATES = "sim.montecarlo.replication"


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
    """What came of a few tasks; ``given_up`` are those that workers died of."""

    replications: list["Replication"]
    failure: Failure | None
    elapsed_s: float
    given_up: tuple[Task, ...] = ()


@dataclass(frozen=True, slots=True)
class Workers:
    """A way to have batches simulated.

    Attributes
    ----------
    submit : callable
    lanes : callable
        How many batches to have under way: a cluster grows and shrinks.
    batch_s : float
        Work of a batch.
    """

    submit: Callable[[list[Task]], "Future[Batch]"]
    lanes: Callable[[], int]
    batch_s: float = BATCH_S


@runtime_checkable
class Place(Protocol):
    """Workers for the worlds of any job, such as those of a cluster."""

    def workers(self, job: Job) -> Workers:
        """Those workers, who know the job."""
        ...


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
def workers(job: Job, jobs: int, executor: Executor | Place | None = None) -> Iterator[Workers]:
    """Workers for a job: those of ``executor`` if given, else ``jobs`` local processes.

    With one job everything happens in this process.
    """
    # Twice as many batches as workers, so that none waits for the next.
    lanes = 2 * jobs
    if isinstance(executor, Place):
        yield executor.workers(job)
    elif executor is not None:
        submit = executor.submit
        yield Workers(lambda tasks: submit(simulate, job, tasks), lambda: lanes)
    elif jobs == 1:
        yield Workers(lambda tasks: _at_once(job, tasks), lambda: 1)
    else:
        with _local_pool(job, jobs) as pool:
            yield Workers(lambda tasks: pool.submit(_simulate_own, tasks), lambda: lanes)


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


def _at_once(job: Job, tasks: list[Task]) -> "Future[Batch]":
    """The ``submit`` of this very process: done on return."""
    future: Future[Batch] = Future()
    future.set_result(simulate(job, tasks))
    return future


_kernels: dict[str, None] = {}  # modules that load the kernels that are needed, in this order


def foresee_kernel(module: str) -> None:
    """Have local workers that are started from now on find a kernel loaded, by this module."""
    _kernels[module] = None


def foresee_workers(scenario: "Scenario", jobs: int | None = None) -> None:
    """Begin to start local workers, for worlds of a scenario that are about to be simulated."""
    if min(jobs or available_cores(), scenario.worlds) > 1:
        with suppress(OSError):  # said when they are needed
            start_server(_preloaded(REPLICATES, type(scenario).__module__))


def _preloaded(replicates: str, scenario: str) -> list[str]:
    """Modules that workers find imported, in this order."""
    spared = "numba.np.arraymath" in sys.modules and "scipy.linalg" not in sys.modules
    first = ["sim.montecarlo.without_algebra"] if spared else []
    last = _kernels if replicates == REPLICATES else {}
    return [*first, __name__, replicates, scenario, *last]


@contextmanager
def _local_pool(job: Job, jobs: int) -> Iterator[ProcessPoolExecutor]:
    if job.autoscalers:
        from sim.engine.control import check_sendable  # noqa: PLC0415 (as in ``simulate``)

        check_sendable(job.autoscalers)
    modules = _preloaded(job.replicate.__module__, type(job.scenario).__module__)
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
    modules = _preloaded(REPLICATES, "sim.scenario")
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
