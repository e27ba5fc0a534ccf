"""Worlds sent to workers in small batches, as replications in the order of their completion.

A batch that is given up, since every worker that took it died, has a world in it that kills, or was
only beside one. Its worlds are simulated once all others are, one at a time with nothing else under
way, so that no other is to blame: who kills is named, and everybody else is finished. Where many
are suspect, or the very first are, that is not put off, and after a few killers nothing more is
sent.
"""

import sys
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, BrokenExecutor, Future, wait
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING

from sim.montecarlo.execution import (
    Batch,
    Failure,
    ReplicationError,
    StoppedError,
    Task,
    Workers,
    WorldError,
)
from sim.montecarlo.interruption import Interruption

if TYPE_CHECKING:
    from sim.montecarlo.replication import Replication

DIED = "a worker process died, most likely for lack of memory; try fewer (--jobs 1)"
KILLS = "every worker that simulated it died, most likely for lack of memory"
MOST_KILLERS = 3  # before a run is given up: each costs several workers
MOST_SUSPECTS = 64  # before they are tried, if some worlds have been finished
MAX_BATCH = 64  # worlds, so that what comes back stays small
POLL_S = 0.25  # how soon a Ctrl-C is noticed while nothing finishes


def replications(
    workers: Workers,
    tasks: Iterable[Task],
    interruption: Interruption,
    look: Callable[[bool], None] = lambda urgent: None,
    many: int = sys.maxsize,
) -> Iterator["Replication"]:
    """Replications in the order of their completion.

    Once the interruption is requested nothing more is sent, and what is under way is finished.
    Meanwhile ``look`` is called several times a second, told whether the end is near. Raises
    WorldError for what a user can mend, ReplicationError for a defect. ``many`` is how many tasks
    there are, if that is known: then the last batches are small, so that all workers end together.
    """
    desk = _Desk(workers, iter(tasks), many)
    try:
        while desk.is_busy:
            look(interruption.requested)
            if interruption.requested:
                desk.close()
            desk.send()
            done = wait(desk.pending, timeout=POLL_S, return_when=FIRST_COMPLETED).done
            for future in done:
                yield from desk.take(future).replications
            desk.heed_failure()
    finally:
        for future in desk.pending:  # nobody waits for them, where the reader has left
            future.cancel()
    if (failure := desk.found()) is not None:
        raise _error(failure)


@dataclass(slots=True)
class _Desk:
    """What is to be sent, what is under way, and what went wrong.

    Attributes
    ----------
    left : int
        Worlds to be sent yet.
    pending : dict of Future to int
        To the first world of each batch.
    suspects : list of Task
        Given up once: to be simulated alone.
    alone : set of int
        Worlds that were.
    killers : set of int
        Worlds that were given up alone.
    trying : bool
        Whether suspects are simulated alone, or will be as soon as nothing is under way.
    """

    workers: Workers
    waiting: Iterator[Task]
    left: int
    size: int = 1
    finished: int = 0
    more: bool = True
    trying: bool = False
    pending: dict["Future[Batch]", int] = field(default_factory=dict)
    suspects: list[Task] = field(default_factory=list)
    alone: set[int] = field(default_factory=set)
    killers: set[int] = field(default_factory=set)
    failure: Failure | None = None

    @property
    def is_busy(self) -> bool:
        return bool(self.more or self.pending or self.suspects)

    def close(self) -> None:
        """Send nothing more, and take back what nobody has begun."""
        self.more = False
        self.suspects.clear()
        self.pending = {
            future: first for future, first in self.pending.items() if not future.cancel()
        }

    def send(self) -> None:
        """Send what there are lanes for; suspects when nothing else is under way."""
        lanes = max(self.workers.lanes(), 1)
        many = len(self.suspects) >= (MOST_SUSPECTS if self.finished else lanes)
        self.trying = bool(self.suspects) and (self.trying or many)
        while self.more and not self.trying and len(self.pending) < lanes:
            batch = list(islice(self.waiting, max(1, min(self.size, self.left // lanes))))
            self.more = bool(batch)
            self.left -= len(batch)
            if batch:
                self.pending[_sent(self.workers, batch)] = batch[0].world
        self.trying = bool(self.suspects) and (self.trying or not self.more)
        if self.trying and not self.pending:
            suspect = self.suspects.pop(0)
            self.alone.add(suspect.world)
            self.pending[_sent(self.workers, [suspect])] = suspect.world

    def take(self, future: "Future[Batch]") -> Batch:
        """Take in what came of a batch."""
        del self.pending[future]
        batch = _result(future)
        self.failure = _earlier(self.failure, batch.failure)
        self.killers |= {each.world for each in batch.given_up} & self.alone
        self.suspects += [each for each in batch.given_up if each.world not in self.alone]
        self.suspects.sort(key=lambda each: each.world)
        if batch.replications:
            self.finished += len(batch.replications)
            self.size = _next_size(self.size, batch, self.workers.batch_s)
        return batch

    def heed_failure(self) -> None:
        """Of several worlds that fail the first is named, whichever worker was the fastest."""
        if len(self.killers) >= MOST_KILLERS:
            self.more = False
            self.suspects.clear()
        if self.failure is None:
            return
        self.more, first = False, self.failure.world
        self.pending = {future: at for future, at in self.pending.items() if at < first}
        self.suspects = [each for each in self.suspects if each.world < first]

    def found(self) -> Failure | None:
        """What the run ends with."""
        if not self.killers:
            return self.failure
        first, *others = sorted(self.killers)
        also = f" (of {' and '.join(map(str, others))}, too)" if others else ""
        return _earlier(self.failure, Failure(first, KILLS + also, "", mendable=True))


def _earlier(one: Failure | None, other: Failure | None) -> Failure | None:
    return min((each for each in (one, other) if each), key=lambda f: f.world, default=None)


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


def _next_size(size: int, batch: Batch, batch_s: float) -> int:
    """Worlds to send next time: about ``batch_s`` of work, growing no faster than twofold."""
    each_s = batch.elapsed_s / max(len(batch.replications), 1)
    fitting = int(min(batch_s / max(each_s, 1e-9), MAX_BATCH))
    return max(1, min(fitting, 2 * size))
