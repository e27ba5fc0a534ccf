"""What a study of the command line is asked, where a test asks for nothing more."""

from pathlib import Path
from typing import Any

from sim.cli.study import Asked


def asked_of_a_study(out: Path | None, **options: Any) -> Asked:
    """The study's own worlds and seed, on one process of this machine."""
    given = {
        "worlds": None,
        "seed": None,
        "jobs": 1,
        "cluster": None,
        "out": out,
        "overrides": (),
        "allow_code": False,
        "as_json": False,
        "quiet": False,
    }
    return Asked(**{**given, **options})
