"""A finished run, as it lies in its results folder."""

import json
from collections.abc import Collection
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sim.errors import PeakfleetError, ResultError
from sim.montecarlo.result import RunResult
from sim.montecarlo.sample import INPUT_PREFIX, Sample
from sim.montecarlo.storage.folder import damaged
from sim.montecarlo.storage.manifest import DamagedError, Manifest
from sim.montecarlo.storage.tables import read_worlds
from sim.montecarlo.store import KIND, SCENARIO, SUMMARY, WORLDS

if TYPE_CHECKING:
    from collections.abc import Callable

    from sim.scenario import Scenario


def load_run(folder: Path, load: "Callable[[Path], Scenario]") -> tuple[RunResult, dict[str, Any]]:
    """The run in a folder, and how it came to be, as its manifest has it.

    Parameters
    ----------
    folder : Path
    load : callable
        Loads its scenario from a file.

    Returns
    -------
    RunResult
        With all finished worlds; without requests and exports.
    dict

    Raises
    ------
    ResultError
        If there is no run, or what lies there is not as it was written.
    """
    manifest = manifest_of(folder)
    if manifest.kind != KIND:
        raise ResultError(
            f"results folder ({folder}) holds results of sim {manifest.kind}, not of sim run"
        )
    check_sound(folder, manifest, (SCENARIO, *WORLDS))
    try:
        scenario = load(folder / SCENARIO)
    except PeakfleetError as error:
        raise ResultError(f"results folder ({folder}): {error}") from error
    sample = Sample(scenario.inputs)
    try:
        read_worlds(folder, sample)
    except (OSError, KeyError, ValueError) as error:
        raise ResultError(f"results folder ({folder}) cannot be read: {error}") from error
    about = dict(manifest.about)
    first = {each.path: sample.figure(0, INPUT_PREFIX + each.path) for each in scenario.inputs}
    result = RunResult(
        scenario=scenario,
        design=scenario.design(first),
        seed=about["seed"],
        worlds=about["worlds_asked"],
        goal=None,
        precision=float("nan"),
        interrupted=about["interrupted"],
        sample=sample,
        requests=None,
        exports=None,
        started_at=datetime.fromisoformat(about["started_at"]),
        finished_at=datetime.fromisoformat(about["finished_at"]),
    )
    return result, about


def load_thresholds(folder: Path) -> list[dict[str, Any]]:
    """What became of the conditions of a run, as it judged them."""
    check_sound(folder, manifest_of(folder), (SUMMARY,))
    judged: list[dict[str, Any]] = json.loads((folder / SUMMARY).read_bytes())["thresholds"]
    return judged


def manifest_of(folder: Path) -> Manifest:
    """The manifest of results that are finished, of whichever command.

    Raises
    ------
    ResultError
        If there are none.
    """
    if folder.exists() and not folder.is_dir():
        raise ResultError(f"results folder ({folder}) is a file; name the folder of a run")
    try:
        found = Manifest.read(folder)
    except (OSError, DamagedError) as error:
        raise ResultError(f"results folder ({folder}): its manifest {error}") from error
    if found is None:
        raise ResultError(f"results folder ({folder}) holds no run; 'sim run' writes one (--out)")
    if found.state not in ("finished", "interrupted"):
        raise ResultError(
            f"results folder ({folder}) holds what was cut off, not finished results; run it anew"
        )
    return found


def spoilt_beside(folder: Path, names: Collection[str]) -> list[str]:
    """Files of results, beside these, that are not as they were written."""
    return sorted(set(damaged(folder, manifest_of(folder))) - set(names))


def spoilt_text(folder: Path, names: Collection[str], what: str) -> str:
    """What to say of files, beside these, that an answer does not rest on; empty if all are sound.

    Parameters
    ----------
    folder : Path
    names : collection of str
        Files of which nothing is said.
    what : str
        The answer: ``the page``.
    """
    spoilt = spoilt_beside(folder, names)
    if not spoilt:
        return ""
    return (
        f"{folder}: not as they were written: {', '.join(spoilt)}; {what} does not rest on them,"
        " and they are not to be relied upon"
    )


def check_sound(folder: Path, manifest: Manifest, names: Collection[str]) -> None:
    """Raise ResultError if any of these files is not as it was written."""
    missing = {name for name in names if name not in manifest.files}
    if spoilt := sorted(missing | set(damaged(folder, manifest)) & set(names)):
        raise ResultError(
            f"results folder ({folder}): not as it was written: {', '.join(spoilt)}; run it anew"
        )
