"""Where a cluster is: the address of a Dask scheduler, a file that holds one, or this machine.

======================  ===========================================================================
``tcp://HOST:8786``     a scheduler, as ``dask scheduler`` prints it; ``HOST:8786`` is the same, and
                        ``tls://`` or ``wss://`` speak to one that has certificates
``scheduler.json``      the file that ``dask scheduler --scheduler-file`` writes
``local:4``             four worker processes of this machine, for this once
======================  ===========================================================================
"""

import re
from typing import Final

from sim.errors import ClusterError

FORMS: Final = "tcp://HOST:8786, a scheduler's .json file, or local:4 for this machine"
MOST_LOCAL: Final = 1024  # processes
_LOCAL = re.compile(r"local(?::(.*))?", re.DOTALL)
_SCHEDULER = re.compile(r"(?:[a-z]+://)?(?:[^\s:/\[\]]+|\[[0-9a-fA-F:.]+\]):(\d{1,5})")


def checked(address: str) -> str:
    """An address that can be meant.

    Raises
    ------
    ClusterError
        For any other.

    Examples
    --------
    >>> checked("10.0.0.7:8786"), local_workers("local:4"), local_workers("tcp://10.0.0.7:8786")
    ('10.0.0.7:8786', 4, None)
    """
    if local_workers(address) is not None or is_file(address):
        return address
    found = _SCHEDULER.fullmatch(address)
    if found is None or not 1 <= int(found[1]) <= 65_535:
        raise ClusterError(f"cluster ({address}) must be {FORMS}")
    return address


def is_file(address: str) -> bool:
    """Whether it is that of a file which holds one."""
    return address.endswith(".json")


def local_workers(address: str) -> int | None:
    """How many processes of this machine are meant; None for a scheduler.

    Raises
    ------
    ClusterError
        If there can be no so many.
    """
    found = _LOCAL.fullmatch(address)
    if found is None:
        return None
    number = found[1] or ""
    if not re.fullmatch(r"\d{1,5}", number, re.ASCII) or not 1 <= int(number) <= MOST_LOCAL:
        rule = f"must be local: and a number of processes from 1 to {MOST_LOCAL:,}"
        raise ClusterError(f"cluster ({address}) {rule}, such as local:4")
    return int(number)
