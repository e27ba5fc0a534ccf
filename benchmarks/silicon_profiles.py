"""Profiles of the catalogue from InferenceX's rows, each graded by simulating its own rows.

Run with ``python benchmarks/silicon_profiles.py DATA OUT [--jobs N] [--only TEXT] [--begin OLD]``:
DATA is the folder that holds ``inferencex_silicon``, OUT where profiles go by their names, such as
``model/gpu/tpN/precision/engine`` (``sim/catalog/data/profiles`` for the catalogue), OLD that of
profiles of an earlier version, near which those of now are looked for. Of several versions of an
engine the newest that is graded A or B is kept, and where there is none the newest; all carry the
error of simulating their own rows. What is written is derived; the rows are not in it. Takes an
hour of one core; with OLD half of that.
"""

import argparse
import os
import re
import sys
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from pathlib import Path

from silicon_rows import (
    RENAMED,
    WAITED,
    Configuration,
    configurations,
    every_run,
    key_of,
    requests,
    waits,
)

from sim.catalog import write_profile
from sim.catalog.profile_file import load_profile
from sim.errors import PeakfleetError
from sim.model.measured import MeasuredRun
from sim.model.profile import ServiceProfile
from sim.studies.calibration import Given, calibrate
from sim.studies.calibration.front_end import streamed
from sim.studies.calibration.study import problem_of

SOURCE = (
    "InferenceX rows (SemiAnalysis, Apache-2.0) in ai-dynamo/aiconfigurator silicon_sample.csv"
    " @095f58a (2026-08-21): {rows} rows of {engine} {version}; fitted by sim calibrate"
)
PUBLISHED = "2026-08-21"
GOOD = ("A", "B")
UNVERSIONED = "of no stated version"


def made(
    one: tuple[Configuration, list[MeasuredRun], list[MeasuredRun], list[Path], bool],
) -> tuple[Configuration, ServiceProfile | None]:
    """The profile of a configuration; others' runs show what front ends keep up with."""
    key, runs, others, old, left_out = one
    model, gpu, _, precision, engine, version = key
    given = Given(model=RENAMED.get(model, model), gpu=gpu, precision=precision, engine=engine)
    try:
        _, engine_of_runs = problem_of(runs, given)
        begin = _earlier(key, engine_of_runs.model, engine_of_runs.gpu, old)
        profile = calibrate(runs, given, tried=1, others=others, begin=begin, hear=False).profile
    except PeakfleetError as error:
        print(" ".join(key), error, file=sys.stderr)
        return key, None
    source = SOURCE.format(rows=len(runs), engine=engine, version=version or UNVERSIONED)
    notes = f"{profile.notes}; {WAITED}" if left_out else profile.notes
    if profile.as_of:
        return key, replace(profile, source=source, notes=notes)
    notes = f"{notes}; the rows carry no date: that of their publication"
    return key, replace(profile, source=source, as_of=PUBLISHED, notes=notes)


def _earlier(key: Configuration, model: str, gpu: str, old: list[Path]) -> ServiceProfile | None:
    """An earlier fit to the same rows, if there is one."""
    _, _, ways, precision, engine, version = key
    said = f" rows of {engine} {version or UNVERSIONED};"
    for folder in old:
        file = folder / model / gpu / ways / precision / f"{engine}.yaml"
        if file.exists() and said in (found := load_profile(file)).source:
            return found
    return None


def _fastest(every: Sequence[MeasuredRun]) -> dict[str, list[MeasuredRun]]:
    """Of each engine the run that shows what its front end keeps up with."""
    engines = {run.setup.engine for run in every}
    found = {engine: streamed(every, engine).run for engine in engines}
    return {engine: [] if run is None else [run] for engine, run in found.items()}


def main() -> None:
    """Make the profiles."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("out", type=Path)
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--only", nargs="*", default=[""], help="parts of configurations' names")
    parser.add_argument("--begin", type=Path, nargs="*", default=[], help="earlier profiles")
    asked = parser.parse_args()
    every = every_run(asked.data)
    fastest, waiting = _fastest(every), {key_of(run) for run in every if waits(run)}
    found = {
        key: runs
        for key, runs in configurations(every).items()
        if any(part.casefold() in " ".join(key).casefold() for part in asked.only)
    }
    written: dict[Path, tuple[bool, list[int]]] = {}
    quick_first = sorted(found.items(), key=lambda one: sum(map(requests, one[1])))
    with ProcessPoolExecutor(asked.jobs) as pool:
        jobs = (
            (key, runs, fastest[key[4]], asked.begin, key in waiting) for key, runs in quick_first
        )
        for key, profile in pool.map(made, jobs):
            if profile is None:
                continue
            error = profile.simulated_error
            assert error is not None
            print(f"{profile.grade} {' '.join(key)}: TPOT {error.tpot:.1%}, TTFT {error.ttft:.1%}",
                  flush=True)  # fmt: skip
            _, _, ways, precision, engine, version = key
            place = asked.out / profile.model / profile.gpu / ways / precision / f"{engine}.yaml"
            rank = profile.grade in GOOD, [int(part) for part in re.findall(r"\d+", version)]
            if rank >= written.get(place, (False, [])):
                written[place] = rank
                place.parent.mkdir(parents=True, exist_ok=True)
                write_profile(profile, place)
    good = sum(is_good for is_good, _ in written.values())
    print(f"{len(written)} profiles, {good} of grade A or B, from {len(found)} configurations")


if __name__ == "__main__":
    main()
