"""``--emit``: the fleet as manifests, in a file."""

import os
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import click

from sim.errors import PeakfleetError

if TYPE_CHECKING:
    from sim.cli.delivery import Advice
    from sim.scenario import Scenario

EMIT = click.option(
    "--emit",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Write the fleet as Kubernetes manifests, engine flags among them.",
)


def check_emit(path: Path | None, scenario: "Scenario") -> None:
    """Find out before the work whether it can be written, and whether there is anything to write.

    Raises
    ------
    PeakfleetError
        If there is no such folder, or a file that this program did not write.
    """
    from sim.report.manifests import SIGNED, manifests

    if path is None:
        return
    manifests(scenario.typical_design(), "")
    if not path.parent.is_dir() or not os.access(path.parent, os.W_OK):
        raise PeakfleetError(f"--emit {path}: there is no folder {path.parent} that can be written")
    if path.is_symlink() or (path.exists() and not path.is_file()):
        raise PeakfleetError(f"--emit {path}: is no regular file; name another")
    if path.is_file():
        with suppress(OSError), path.open("rb") as file:
            if file.read(200).startswith(f"# {SIGNED}".encode()):
                return
        raise PeakfleetError(
            f"--emit {path}: is there already and was not written by sim; name another"
        )


def emit(path: Path | None, scenario: "Scenario", decision: str, advice: "Advice") -> None:
    """Write the manifests of a scenario's fleet, whole or not at all.

    Raises
    ------
    PeakfleetError
        If they cannot be written.
    """
    from sim.report.manifests import manifests

    if path is None:
        return
    draft = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        draft.write_text(manifests(scenario.typical_design(), decision), encoding="utf-8")
        draft.replace(path)
    except OSError as error:
        draft.unlink(missing_ok=True)
        raise PeakfleetError(f"--emit {path}: cannot be written ({error.strerror})") from error
    advice.say(f"manifests in {path}")
