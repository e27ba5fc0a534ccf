"""Runs of one engine among those of several."""

from collections.abc import Mapping, Sequence

from sim.errors import MeasurementError
from sim.model.measured import MeasuredRun

KEYS = ("model", "gpu", "precision", "engine", "engine_version", "gpus", "run")


def chosen(runs: Sequence[MeasuredRun], only: Mapping[str, str]) -> list[MeasuredRun]:
    """The runs whose setup is as asked: a text is part of what is said, in any case.

    Raises
    ------
    MeasurementError
        If a key is not known, or no run is so.
    """
    for key in only:
        if key not in KEYS:
            raise MeasurementError(f"--only {key}: must be one of {', '.join(KEYS)}")
    found = [run for run in runs if all(_is(run, key, value) for key, value in only.items())]
    if not found:
        asked = ", ".join(f"{key}={value}" for key, value in only.items())
        raise MeasurementError(f"none of {len(runs)} runs has {asked}")
    return found


def _is(run: MeasuredRun, key: str, value: str) -> bool:
    if key == "gpus":
        parallelism = run.setup.parallelism
        return parallelism is not None and str(parallelism.gpus) == value
    said = run.name if key == "run" else str(getattr(run.setup, key))
    return value.casefold() in said.casefold()
