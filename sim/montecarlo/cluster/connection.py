"""The way to a cluster and back: connected, looked at, and closed whatever happens."""

import importlib.util
import logging
import warnings
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from typing import TYPE_CHECKING, Any

from sim.errors import ClusterError
from sim.montecarlo.cluster.address import checked, is_file, local_workers
from sim.montecarlo.cluster.passport import misfit, passport

if TYPE_CHECKING:
    from distributed import Client

    from sim.montecarlo.cluster.staff import Staff, Told

CONNECT_S = 5.0  # the longest that a scheduler may take to answer
CLOSE_S = 2.0
INSTALL = "pip install 'peakfleet[cluster]'"


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
    with ExitStack() as stack:
        stack.enter_context(_silence())
        many = local_workers(address)
        if many is not None:
            from sim.montecarlo.cluster.local import local_cluster  # noqa: PLC0415

            place = stack.enter_context(local_cluster(many))
        else:
            place = address
        client = stack.enter_context(_client(place, address))
        _look_at(client, address, tell)
        from sim.montecarlo.cluster.staff import Staff  # noqa: PLC0415 (brings Dask)

        yield Staff(client, address, tell)


@contextmanager
def _client(place: str, address: str) -> Iterator["Client"]:
    from distributed import Client  # noqa: PLC0415 (half a second)

    where = {"scheduler_file": place} if is_file(place) else {"address": place}
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # versions that matter are compared here
            client = Client(**where, timeout=CONNECT_S, set_as_default=False)
    except Exception as error:  # of many kinds: OSError, ValueError, what the other end sends
        raise ClusterError(
            f"no Dask scheduler answers at {address} within {CONNECT_S:.0f} s"
            f" ({_plain(error)}); is 'dask scheduler' running there, and can it be reached?"
        ) from error
    try:
        yield client
    finally:
        with suppress(Exception):  # whatever is left of it
            client.close(timeout=CLOSE_S)


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
                f" ({_plain(theirs)}): {INSTALL} in its environment"
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
