"""What a worker must have in common with whoever sends the work, to give the same bits."""

import hashlib
import platform
from collections.abc import Mapping
from functools import cache
from importlib import metadata
from pathlib import Path

import sim
from sim import __version__

Passport = dict[str, str]

NUMERICAL = ("numpy", "scipy", "numba", "simpy")  # what figures come from
HASHES = ("kernel", "program")


@cache
def passport() -> Passport:
    """Versions by name, and hashes of the sources: those of the kernel, and all."""
    root = Path(sim.__file__).parent
    python = ".".join(platform.python_version_tuple()[:2])
    return {
        "peakfleet": __version__,
        "python": python,
        **{name: metadata.version(name) for name in NUMERICAL},
        "kernel": _digest(root / "engine"),
        "program": _digest(root),
    }


def _digest(folder: Path) -> str:
    """That of the sources in a folder, 12 hexadecimal digits; not of what is compiled of them."""
    digest = hashlib.sha256()
    for source in sorted(folder.rglob("*.py")):
        digest.update(f"{source.relative_to(folder).as_posix()}\0".encode() + source.read_bytes())
    return digest.hexdigest()[:12]


def misfit(worker: str, theirs: Mapping[str, str], ours: Mapping[str, str]) -> str | None:
    """What is wrong with a worker, in a line with both versions; None if it fits.

    >>> misfit("tcp://10.0.0.7:4000", {"numpy": "2.1.0"}, {"numpy": "2.4.6"})
    'worker tcp://10.0.0.7:4000 has numpy 2.1.0, and this process 2.4.6: have the same in both'
    """
    for name, here in ours.items():
        there = theirs.get(name, "none")
        if there == here:
            continue
        if name in HASHES:
            what = "kernel" if name == "kernel" else "program"
            return (
                f"worker {worker} has other sources of the {what} ({there}) than this process"
                f" ({here}), both Peakfleet {ours.get('peakfleet', '')}: install the same in both"
            )
        return f"worker {worker} has {name} {there}, and this process {here}: have the same in both"
    return None
