"""The compiled kernel that came with the installation, as :mod:`sim.build` made it.

Machine code is right for one processor, one version of Numba and one of Python, and of the sources
from which it was made: it is used where all of them are these, and nowhere else.
"""

import hashlib
import json
import sys
from functools import cache
from pathlib import Path

import numba
from numba.core.registry import cpu_target

ENGINE = Path(__file__).parents[1]
PLACE = ENGINE / "object_code"
MADE_FOR = "made_for.json"


@cache
def sources_digest() -> str:
    """Hash of the sources of the engine, 16 hexadecimal digits."""
    digest = hashlib.sha256()
    for source in sorted(ENGINE.rglob("*.py")):
        digest.update(source.read_bytes())
    return digest.hexdigest()[:16]


@cache
def conditions() -> dict[str, str]:
    """What machine code that is made here is made for."""
    triple, processor, features = cpu_target.target_context.codegen().magic_tuple()
    return {
        "sources": sources_digest(),
        "Python": f"{sys.implementation.name} {sys.version_info.major}.{sys.version_info.minor}",
        "Numba": numba.__version__,
        "processor": f"{processor} ({triple})",
        "features": hashlib.sha256(features.encode()).hexdigest()[:16],
    }


@cache
def folder() -> Path | None:
    """Folder of the compiled kernel that came along, if it fits."""
    return PLACE if _made_for() == conditions() else None


def misfit() -> str | None:
    """Why the compiled kernel that came along is not used; None if it is, or if none came."""
    made_for = _made_for()
    if made_for is None:
        return None
    for name, here in conditions().items():
        there = made_for.get(name)
        if there != here:
            if name in ("sources", "features"):
                what = "other sources" if name == "sources" else "a processor of other abilities"
                return f"the one that was installed is of {what}"
            return f"the one that was installed is for {name} {there}, and this is {here}"
    return None


def _made_for() -> dict[str, str] | None:
    try:
        found = json.loads((PLACE / MADE_FOR).read_text("utf-8"))
    except (OSError, ValueError):
        return None
    return found if isinstance(found, dict) else None
