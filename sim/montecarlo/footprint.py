"""How much memory this process and all its descendants take, as Linux tells it.

Workers are forked from one server and share pages with it, so that what each holds by itself would
count these many times: a shared page counts here as its part of one for each of its holders (PSS).
"""

import os
import sys
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

KIB = 1024
PROC = Path("/proc")


@dataclass(frozen=True, slots=True)
class Footprint:
    """Memory, in bytes.

    Attributes
    ----------
    whole : float
        Of all processes.
    worker : float
        The most that one of the descendants takes, its own peak included; 0 of none.
    """

    whole: float
    worker: float


def is_known() -> bool:
    """Whether this system tells."""
    return sys.platform == "linux" and (PROC / "self/smaps_rollup").exists()


def footprint(parent: int | None = None) -> Footprint:
    """What a process and its descendants take now, this one by default."""
    parent = os.getpid() if parent is None else parent
    whole, worker = _pss(parent), 0.0
    for pid in _descendants(parent):
        own = _pss(pid)
        whole += own
        worker = max(worker, own + _fallen(pid))
    return Footprint(whole, worker)


def forget_peak() -> None:
    """Have the peak of this process begin anew."""
    with suppress(OSError):
        (PROC / "self/clear_refs").write_text("5")


def fallen() -> float:
    """How far this process is below its peak."""
    return _fallen(os.getpid())


def _descendants(parent: int) -> Iterator[int]:
    """Processes below one."""
    children: dict[int, list[int]] = {}
    for place in PROC.iterdir():
        if place.name.isdigit():
            with suppress(OSError, ValueError, IndexError):
                # pid (name) state ppid; a name may hold anything
                above = int(
                    (place / "stat").read_text(errors="replace").rpartition(")")[2].split()[1]
                )
                children.setdefault(above, []).append(int(place.name))
    waiting = [*children.get(parent, ())]
    while waiting:
        pid = waiting.pop()
        yield pid
        waiting += children.get(pid, ())


def _pss(pid: int) -> float:
    return _lines(pid, "smaps_rollup").get("Pss", 0.0)


def _fallen(pid: int) -> float:
    found = _lines(pid, "status")
    return max(found.get("VmHWM", 0.0) - found.get("VmRSS", 0.0), 0.0)


def _lines(pid: int, name: str) -> dict[str, float]:
    """Amounts of a file in bytes; nothing of a process that is gone."""
    found = {}
    with suppress(OSError):
        for line in (PROC / str(pid) / name).read_text(errors="replace").splitlines():
            key, _, value = line.partition(":")
            if value.endswith(" kB"):
                found[key] = KIB * float(value.split()[0])
    return found
