"""What a worker does with a batch of worlds.

- It looks whether it fits, before anything else: a worker may join at any time.
- It compiles the kernel, if no other process of its host has, or waits until that one has.
- A process simulates one world at a time, however many threads it has: the kernel holds Python's
  lock, so that two at a time would not be faster, and own autoscalers may not expect it.
- It says when it begins, so that a Ctrl-C takes back what nobody has begun, and waits for the rest.
"""

import threading
from collections import OrderedDict
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

from distributed import get_worker

from sim.model.trace import Trace
from sim.montecarlo.cluster.freight import unpack, unpack_trace
from sim.montecarlo.cluster.passport import Passport, misfit, passport
from sim.montecarlo.execution import Batch, Job, Task, simulate

T = TypeVar("T")

TOPIC = "peakfleet"  # under which batches are said to have begun
MOST_JOBS = 16  # kept unpacked: kilobytes each
MOST_TRACES = 4  # a hundred megabytes, maybe


@dataclass(frozen=True, slots=True)
class Order:
    """A batch of worlds, as it travels.

    Attributes
    ----------
    number : str
        Tells it from all others.
    ours : Passport
        Of who sends it.
    job : bytes
    digest : str
        Of the job.
    traces : tuple of str
        Hashes of its traces, which come beside it in this order.
    tasks : list of Task
    """

    number: str
    ours: Passport
    job: bytes
    digest: str
    traces: tuple[str, ...]
    tasks: list[Task]


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a worker does not take a batch."""

    reason: str


_one_at_a_time = threading.Lock()
_jobs: "OrderedDict[str, Job]" = OrderedDict()
_traces: "OrderedDict[str, Trace]" = OrderedDict()


def parcel(content: bytes) -> bytes:
    """A task whose result is a packed trace: the cluster hands it on, and makes it again."""
    return content


def work(order: Order, *parcels: bytes) -> Batch | Refusal:
    """What came of a batch of worlds, given the traces of its job."""
    worker = get_worker()
    unfit = misfit(str(worker.address), passport(), order.ours)
    if unfit is not None:
        return Refusal(unfit)
    with suppress(Exception):  # it is only good to know
        worker.log_event(TOPIC, order.number)
    with _one_at_a_time:
        try:
            job = _job(order, parcels)
        except Exception as error:
            reason = f"cannot take up the scenario ({type(error).__name__}: {error})"
            return Refusal(f"worker {worker.address} {reason}")
        _compile(job, order.tasks[0])
        return simulate(job, order.tasks)


def _job(order: Order, parcels: tuple[bytes, ...]) -> Job:
    """The job of a batch; unpacked once, however many batches it has."""
    for digest, content in zip(order.traces, parcels, strict=True):
        _remember(_traces, digest, partial(unpack_trace, content))
    _forget(_traces, max(MOST_TRACES, len(order.traces)))
    _remember(_jobs, order.digest, lambda: unpack(order.job, _traces))
    _forget(_jobs, MOST_JOBS)
    return _jobs[order.digest]


def _remember(memory: "OrderedDict[str, T]", key: str, make: Callable[[], T]) -> None:
    """Make something unless it is there, as the last that was asked for."""
    if key not in memory:
        memory[key] = make()
    memory.move_to_end(key)


def _forget(memory: "OrderedDict[str, T]", most: int) -> None:
    """Keep only so many of those that were asked for last."""
    while len(memory) > most:
        memory.popitem(last=False)


def _compile(job: Job, task: Task) -> None:
    """Have its kernel on disk; a job that simulates without one needs none."""
    if job.replicate.__module__.startswith("sim."):
        # Here, for it brings the compiler.
        from sim.montecarlo.compilation import compile_on_host  # noqa: PLC0415
        from sim.montecarlo.needed_kernel import needed_kernel  # noqa: PLC0415

        compile_on_host(needed_kernel(job.scenario, task.draws))
