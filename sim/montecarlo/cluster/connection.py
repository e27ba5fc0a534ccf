"""The way to a cluster and back: connected, looked at, and closed whatever happens."""

import importlib.util
import logging
import threading
import warnings
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from queue import Empty, Queue
from typing import TYPE_CHECKING, Any

from sim.errors import ClusterError
from sim.montecarlo.cluster.address import checked, is_file, local_workers
from sim.montecarlo.cluster.passport import misfit, passport

if TYPE_CHECKING:
    from distributed import Client

    from sim.montecarlo.cluster.staff import Staff, Told

CONNECT_S = 5.0  # the longest that a scheduler may take to answer
LOCAL_S = 60.0  # one of this machine, which is there, however busy
GRACE_S = 2.0  # for whoever waits that long to say so
CLOSE_S = 2.0
INSTALL = "pip install 'distributed>=2024.8'"  # as the extra ``cluster`` has it


@contextmanager
def place_at(address: str | None, tell: "Told") -> Iterator["Staff | None"]:
    """The workers of a cluster, or None for this machine, where no cluster is asked for."""
    if address is None:
        yield None
        return
    with connected(address, tell) as staff:
        yield staff


@contextmanager
def connected(address: str, tell: "Told") -> Iterator["Staff"]:
    """The workers of a cluster, while used as a context.

    Parameters
    ----------
    address : str
        As :mod:`sim.montecarlo.cluster.address` has it.
    tell : callable
        Told what whoever waits should know.

    Raises
    ------
    ClusterError
        If Dask is not installed, nobody answers, or a worker does not fit.
    """
    checked(address)
    if importlib.util.find_spec("distributed") is None:
        raise ClusterError(f"a cluster needs Dask, which is not installed: {INSTALL}")
    if is_file(address) and not Path(address).is_file():
        raise ClusterError(
            f"cluster ({address}) is no file; 'dask scheduler --scheduler-file {address}' writes it"
        )
    with ExitStack() as stack:
        stack.enter_context(_silence())
        many = local_workers(address)
        place, patience_s = address, CONNECT_S
        if many is not None:
            from sim.montecarlo.cluster.local import local_cluster  # noqa: PLC0415

            place, patience_s = stack.enter_context(local_cluster(many)), LOCAL_S
        client = stack.enter_context(_client(place, address, patience_s))
        _look_at(client, address, tell)
        from sim.montecarlo.cluster.staff import Staff  # noqa: PLC0415 (brings Dask)

        yield Staff(client, address, tell)


@contextmanager
def _client(place: str, address: str, patience_s: float) -> Iterator["Client"]:
    where = {"scheduler_file": place} if is_file(place) else {"address": place}
    answer: Queue[Client | Exception] = Queue()
    # In a thread of its own: what is no scheduler, such as its page's port, may never answer.
    call = {**where, "timeout": patience_s}
    threading.Thread(target=_open, args=(call, answer), daemon=True).start()
    try:
        client = answer.get(timeout=patience_s + GRACE_S)
    except Empty:
        client = TimeoutError("what is there is none; its port is 8786 unless told otherwise")
    if isinstance(client, Exception):  # of many kinds: OSError, ValueError, of the other end
        raise ClusterError(
            f"no Dask scheduler answers at {address} within {patience_s:.0f} s"
            f" ({_plain(client)}); is 'dask scheduler' running there, and can it be reached?"
        ) from client
    try:
        yield client
    finally:
        with suppress(Exception):  # whatever is left of it
            client.close(timeout=CLOSE_S)


def _open(call: dict[str, Any], answer: "Queue[Client | Exception]") -> None:
    from distributed import Client  # noqa: PLC0415 (half a second)

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # versions that matter are compared here
            answer.put(Client(**call, set_as_default=False))
    except Exception as error:
        answer.put(error)


def _look_at(client: "Client", address: str, tell: "Told") -> None:
    """Refuse workers that do not fit, and say what whoever waits should know."""
    found: Mapping[str, Any] = client.run(passport, on_error="return")
    ours = passport()
    for worker, theirs in found.items():
        if isinstance(theirs, OSError):
            continue  # it is gone
        if isinstance(theirs, Exception):
            raise ClusterError(
                f"worker {worker} does not have Peakfleet {ours['peakfleet']}"
                f" ({_plain(theirs)}): install it in its environment"
            )
        if (unfit := misfit(worker, theirs, ours)) is not None:
            raise ClusterError(unfit)
    if not found:
        tell(f"{address} has no workers yet; waiting for one")
    threads = client.nthreads()
    idle = sum(count - 1 for count in threads.values())
    if idle:
        tell(
            f"{len(threads):,} workers of {address} have {sum(threads.values()):,} threads, and"
            f" simulate {len(threads):,} worlds at a time: 'dask worker --nthreads 1 --nworkers N'"
            " makes a process for each core"
        )


@contextmanager
def _silence() -> Iterator[None]:
    """Have Dask say nothing on stderr; what matters is said in a line."""
    logger = logging.getLogger("distributed")
    before = logger.level, logger.disabled
    import distributed  # noqa: F401, PLC0415 (it sets levels of its own)

    names = [each for each in logging.root.manager.loggerDict if each.startswith("distributed")]
    levels = {each: logging.getLogger(each).level for each in names}
    for each in names:
        logging.getLogger(each).setLevel(logging.CRITICAL + 1)
    try:
        yield
    finally:
        for each, level in levels.items():
            logging.getLogger(each).setLevel(level)
        logger.setLevel(before[0])


def _plain(error: BaseException) -> str:
    """An error in one line."""
    return " ".join(str(error).split())[:200] or type(error).__name__
