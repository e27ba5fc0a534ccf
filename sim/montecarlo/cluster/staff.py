"""The workers of a cluster, as whoever sends them batches sees them.

- A worker that is lost costs what it was at: Dask's scheduler gives its batches to others. After
  several workers (its setting ``allowed-failures``) a batch is given up, which is no error here.
- A batch that nobody has begun can be cancelled, and one that somebody has cannot, as with a pool
  of processes.
- Batches are long, for each costs a few milliseconds on its way.
"""

import uuid
from collections.abc import Callable
from concurrent.futures import Future, InvalidStateError
from contextlib import suppress
from time import monotonic
from typing import Any

from distributed import Client
from distributed.scheduler import KilledWorker

from sim.montecarlo.cluster.freight import Freight, Packing
from sim.montecarlo.cluster.passport import passport
from sim.montecarlo.cluster.work import TOPIC, Order, Refusal, parcel, work
from sim.montecarlo.execution import Batch, Job, Task, Workers, WorldError

BATCH_S = 2.0  # of work: long beside its way to another machine and back (5 to 50 ms)
PER_PROCESS = 2  # batches, so that no worker waits for the next
LOOK_S = 1.0  # how often workers are counted
MOST_PARCELS = 8  # traces kept on the cluster

Told = Callable[[str], None]


class Staff:
    """Workers for the worlds of any job.

    Parameters
    ----------
    client : distributed.Client
    address : str
        Of the scheduler, as the user named it.
    tell : callable
        Told what whoever waits should know.
    """

    def __init__(self, client: Client, address: str, tell: Told) -> None:
        self.address = address
        self._client = client
        self._tell = tell
        self._executor = client.get_executor(pure=False)
        self._packing = Packing()
        self._parcels: dict[str, Any] = {}
        self._open: dict[str, Future[Batch]] = {}
        self._count = 0
        self._counted_s = -LOOK_S
        client.subscribe_topic(TOPIC, self._begun)

    def workers(self, job: Job) -> Workers:
        """Those of a job, which travels to them with its first batch."""
        freight = self._packing.pack(job)
        parcels = [self._parcel(digest) for digest in freight.traces]
        return Workers(lambda tasks: self._send(freight, parcels, tasks), self.lanes, BATCH_S)

    def lanes(self) -> int:
        """Batches to have under way."""
        return PER_PROCESS * self.processes

    @property
    def processes(self) -> int:
        """Worlds that are simulated at a time; 1 while there is no worker."""
        if monotonic() - self._counted_s >= LOOK_S:
            before, self._count = self._count, self._counted()
            if before and not self._count and self._client.status == "running":
                self._tell(f"no worker of {self.address} is left; waiting for one")
            self._counted_s = monotonic()
        return max(self._count, 1)

    def _counted(self) -> int:
        """Processes there are; as many as before where nobody says."""
        if self._client.status != "running":
            return self._count
        try:
            return len(self._client.nthreads())
        except Exception:  # the connection is lost just now, which the batches tell
            return self._count

    def _parcel(self, digest: str) -> Any:
        """A packed trace on the cluster: a task, which is done again where its result is lost."""
        import dask  # noqa: PLC0415 (only where a trace is replayed)

        if digest not in self._parcels:
            content = self._packing.trace(digest)
            with dask.config.set({"distributed.admin.large-graph-warning-threshold": "1 TiB"}):
                key = f"peakfleet-trace-{digest}"
                self._parcels[digest] = self._client.submit(parcel, content, key=key)
        self._parcels[digest] = self._parcels.pop(digest)  # the last one that is asked for
        for each in [*self._parcels][:-MOST_PARCELS]:
            del self._parcels[each]
        return self._parcels[digest]

    def _send(self, freight: Freight, parcels: list[Any], tasks: list[Task]) -> "Future[Batch]":
        number = uuid.uuid4().hex
        batch: Future[Batch] = Future()
        order = Order(number, passport(), freight.job, freight.digest, freight.traces, tasks)
        try:
            sent = self._executor.submit(work, order, *parcels, key=f"peakfleet-{number}")
        except Exception as error:
            raise WorldError(self._lost()) from error
        self._open[number] = batch
        sent.add_done_callback(lambda done: self._settle(number, done, batch, tasks))
        batch.add_done_callback(lambda done: done.cancelled() and sent.cancel())
        return batch

    def _begun(self, event: tuple[float, Any]) -> None:
        """A worker has begun with a batch; it may be one of somebody else's, or one begun anew."""
        batch = self._open.get(str(event[1]))
        if batch is not None and not batch.running():
            with suppress(InvalidStateError):
                batch.set_running_or_notify_cancel()

    def _settle(
        self, number: str, sent: "Future[Any]", batch: "Future[Batch]", tasks: list[Task]
    ) -> None:
        """Have what came of the work come of the batch."""
        self._open.pop(number, None)
        with suppress(InvalidStateError):  # cancelled meanwhile
            error = None if sent.cancelled() else sent.exception()
            if sent.cancelled():
                batch.set_exception(WorldError(self._lost()))
            elif isinstance(error, KilledWorker):
                batch.set_result(Batch([], None, 0.0, tuple(tasks)))
            elif error is not None:
                what = f"{type(error).__name__}: {error}"
                batch.set_exception(WorldError(f"a worker of {self.address} cannot work ({what})"))
            elif isinstance(result := sent.result(), Refusal):
                batch.set_exception(WorldError(result.reason))
            else:
                batch.set_result(result)

    def _lost(self) -> str:
        return f"the connection to the scheduler {self.address} is lost; what is finished is kept"
