"""All of the live page, from its start to Ctrl-C."""

import ipaddress
import secrets
from collections.abc import Callable
from pathlib import Path

from sim.errors import PeakfleetError
from sim.explore.server import Server
from sim.explore.study import Study
from sim.montecarlo.execution import available_cores, shared_pool
from sim.studies.case import Case
from sim.studies.own_code import make_importable


def explore(
    case: Case,
    folder: Path,
    announce: Callable[[str], None],
    *,
    address: str = "127.0.0.1",
    port: int = 0,
    jobs: int | None = None,
    worlds: int = 32,
) -> None:
    """Serve the page of a scenario until it is ended by Ctrl-C, SIGTERM or SIGHUP.

    Parameters
    ----------
    case : Case
    folder : Path
        Where changed scenarios are saved.
    announce : callable
        Told where the page is, once it is there.
    address : str
        Of this machine, to listen on.
    port : int
        0 for any that is free.
    jobs : int, optional
        Worker processes, by default one per core.
    worlds : int
        At most, of each answer.

    Raises
    ------
    PeakfleetError
        If the scenario is not sound, or the address cannot be listened on.
    """
    check_address(address)
    make_importable(case.load())
    try:
        server = Server(address, port, secrets.token_urlsafe(24), folder)
    except (OSError, OverflowError) as error:
        raise PeakfleetError(f"{address}:{port}: cannot be listened on: {error}") from None
    jobs = jobs or available_cores()
    try:
        # An exception that passes the pool ends its processes at once.
        with server, shared_pool(jobs) as executor:
            server.study = Study(case, server.board, executor, jobs, worlds)
            server.study.start()
            announce(server.url)
            try:
                server.serve_forever(poll_interval=0.1)
            finally:
                server.study.end()
                server.board.close()
    except KeyboardInterrupt:
        return


def check_address(address: str) -> None:
    """Refuse what is no single address of this machine."""
    if address == "localhost":
        return
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        raise PeakfleetError(f"--host {address}: must be an address such as 127.0.0.1") from None
    if found.is_unspecified or found.is_multicast:
        raise PeakfleetError(
            f"--host {address}: would listen on every address; name one of this machine"
        )
