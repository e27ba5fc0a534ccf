"""The results folder of a run.

=========================  =====================================================================
``scenario.yaml``          the scenario as resolved; loads to the same worlds
``manifest.json``          what ran, when, with which versions; hashes; the only file with times
``summary.json``           every figure as its distribution over worlds
``replications.parquet``   one row per world: world, verdict, ``input.<path>``, every metric
``timeline.parquet``       one row per time bin: p5, p50, p95 over worlds of each column
``timelines.parquet``      one row per world: each column as a list over the bins (float32)
``requests.parquet``       every request of world 0, if asked for
``costs.csv``              the bill of world 0, in the columns of FOCUS 1.2
``benchmark_report.json``  world 0 as an llm-d Benchmark Report v0.2.1
``metrics.prom``           world 0 under vLLM's metric names, in the Prometheus text format
=========================  =====================================================================

All but the manifest are the same bytes for the same worlds, whatever the number of workers.

Nothing is ever half written. A new folder is written beside its place under a hidden name and
renamed. In an existing one each file is replaced as a whole, and the manifest, which makes a folder
a results folder, is taken away first and comes last; files that are none of these stay untouched.
"""

import hashlib
import json
import math
import platform
import re
import secrets
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from sim import __version__
from sim.errors import ResultError
from sim.model.uncertain import UncertainInput
from sim.montecarlo import exports
from sim.montecarlo.precision import Goal
from sim.montecarlo.result import Earlier, Exports, RunResult
from sim.montecarlo.sample import Sample
from sim.montecarlo.timelines import Timelines

if TYPE_CHECKING:
    from sim.scenario import Scenario

FORMAT = 1
MANIFEST = "manifest.json"
DERIVED = ("report.html", "figures")  # made from a run by ``sim report``; stale after another
RESULTS = (
    "scenario.yaml",
    "summary.json",
    "replications.parquet",
    "timeline.parquet",
    "timelines.parquet",
    "requests.parquet",
    *exports.FILES,
)
LIBRARIES = ("numpy", "scipy", "numba", "pandas", "pyarrow", "simpy")
WORLDS_PER_GROUP = 64  # rows of ``timelines.parquet`` written at a time


def default_folder(
    scenario: "Scenario", seed: int, worlds: int, goal: Goal | None, requests: bool
) -> Path:
    """``outputs/<scenario-name>/<run-id>``.

    The run-id follows from all that determines the content (the scenario, seed, number of worlds,
    precision, the version of the program), so that the same run has the same place and another run
    has another.
    """
    asked = [__version__, scenario_digest(scenario), seed, worlds, repr(goal), requests]
    digest = hashlib.sha256(json.dumps(asked).encode()).hexdigest()
    return Path("outputs", slug(scenario.name), f"{worlds}-worlds-seed-{seed}-{digest[:8]}")


def slug(name: str) -> str:
    """A scenario's name as that of a folder.

    >>> slug("Buy, or rent?"), slug("?")
    ('buy-or-rent', 'scenario')
    """
    return re.sub(r"[^\w]+", "-", name.lower()).strip("-_")[:60] or "scenario"


def scenario_digest(scenario: "Scenario") -> str:
    """SHA-256 of the resolved scenario but for the number of worlds, which may be extended."""
    document = {key: value for key, value in scenario.document.items() if key != "worlds"}
    text = json.dumps(document, sort_keys=True, ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


def check_place(folder: Path) -> None:
    """Refuse a place where results cannot go, before hours of simulation.

    A folder that is missing, empty, or holds earlier results is a place.
    """
    try:
        if folder.is_dir():
            if any(folder.iterdir()) and not is_results_folder(folder):
                raise ResultError(
                    f"results folder ({folder}) must be new, empty, or hold earlier results;"
                    " choose another --out"
                )
        elif folder.exists():
            raise ResultError(f"results folder ({folder}) is a file; choose another --out")
        inner = folder if folder.is_dir() else _nearest_existing(folder)
        with tempfile.TemporaryDirectory(prefix=".peakfleet-", dir=inner):
            pass
    except OSError as error:
        raise ResultError(f"results folder ({folder}) cannot be written: {error}") from error


def is_results_folder(folder: Path) -> bool:
    """Whether a finished or interrupted run left its results here."""
    try:
        return bool(_manifest(folder).get("format") == FORMAT)
    except ResultError:
        return False


def free_place(folder: Path) -> Path:
    """``folder``, or the first of ``folder-2``, ``folder-3``, ... that does not exist."""
    number, place = 2, folder
    while place.exists() and not (place.is_dir() and not any(place.iterdir())):
        place, number = folder.with_name(f"{folder.name}-{number}"), number + 1
    return place


def save(result: RunResult, folder: Path, command: str = "") -> None:
    """Write the results of a run into ``folder``, whole or not at all.

    Parameters
    ----------
    result : RunResult
    folder : Path
        A place that ``check_place`` accepts.
    command : str
        How the run was asked for.
    """
    try:
        exists = folder.is_dir()
        if not exists:
            folder.parent.mkdir(parents=True, exist_ok=True)
        draft = (folder if exists else folder.parent) / f".peakfleet-{secrets.token_hex(4)}"
        draft.mkdir()
        try:
            _write_files(result, draft, command)
            if exists:
                _replace_files(draft, folder)
            else:
                draft.rename(folder)
        finally:
            shutil.rmtree(draft, ignore_errors=True)
    except OSError as error:
        raise ResultError(f"results folder ({folder}) cannot be written: {error}") from error


def load_earlier(folder: Path, scenario: "Scenario", seed: int) -> Earlier:
    """The worlds of an earlier run of the same scenario and seed, to be continued."""
    manifest = _manifest(folder)
    now = _identity(scenario, seed)
    then = {key: manifest.get(key) for key in now}
    different = [key for key in now if then[key] != now[key]]
    if different:
        raise ResultError(
            f"results folder ({folder}) holds another run (differs in {', '.join(different)});"
            " run without --resume, into another --out"
        )
    try:
        sample = _read_sample(folder, scenario.inputs)
        return Earlier(sample, _read_requests(folder), _read_exports(folder, sample))
    except (OSError, pa.ArrowException, KeyError, ValueError) as error:
        raise ResultError(f"results folder ({folder}) cannot be read: {error}") from error


def to_json(value: Any) -> str:
    """JSON text as it is written everywhere: indented, in the order given, ending in a newline."""
    return json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n"


def _write_files(result: RunResult, draft: Path, command: str) -> None:
    draft.joinpath("scenario.yaml").write_text(result.scenario.to_yaml(), encoding="utf-8")
    draft.joinpath("summary.json").write_text(to_json(result.summary), encoding="utf-8")
    frame = result.replications
    _write_table(_table(frame), draft / "replications.parquet")
    _write_table(_table(result.timeline), draft / "timeline.parquet")
    _write_timelines(result.sample.timelines, draft / "timelines.parquet")
    if result.requests is not None:
        _write_table(pa.table(dict(result.requests)), draft / "requests.parquet")
    for name, text in (result.exports or {}).items():
        draft.joinpath(name).write_bytes(text.encode())
    manifest = {
        "format": FORMAT,
        **_identity(result.scenario, result.seed),
        "worlds": len(frame),
        "worlds_asked": result.worlds,
        "interrupted": result.interrupted,
        "precision": _precision(result),
        "command": command,
        "started_at": result.started_at.isoformat(timespec="seconds"),
        "finished_at": result.finished_at.isoformat(timespec="seconds"),
        "platform": platform.platform(),
        "python": platform.python_version(),
        "libraries": {name: metadata.version(name) for name in LIBRARIES},
        "sha256": {path.name: _digest(path) for path in sorted(draft.iterdir())},
    }
    draft.joinpath(MANIFEST).write_text(to_json(manifest), encoding="utf-8")


def _replace_files(draft: Path, folder: Path) -> None:
    """Move the drafts over the earlier files of the same names."""
    folder.joinpath(MANIFEST).unlink(missing_ok=True)
    for name in (*RESULTS, *DERIVED):
        stale = folder / name
        if draft.joinpath(name).exists():
            draft.joinpath(name).replace(stale)
        elif stale.is_dir():
            shutil.rmtree(stale)
        else:
            stale.unlink(missing_ok=True)
    draft.joinpath(MANIFEST).replace(folder / MANIFEST)


def _identity(scenario: "Scenario", seed: int) -> dict[str, Any]:
    """What must be the same for two runs to have the same worlds."""
    return {
        "peakfleet": __version__,
        "scenario_sha256": scenario_digest(scenario),
        "seed": seed,
        "inputs_sha256": {str(path): _digest(path) for path in _input_files(scenario.document)},
    }


def _input_files(value: Any) -> Iterator[Path]:
    """The files that a resolved scenario names, which it does by absolute paths."""
    match value:
        case dict():
            for item in value.values():
                yield from _input_files(item)
        case list():
            for item in value:
                yield from _input_files(item)
        case str() if value.startswith("/") and Path(value).is_file():
            yield Path(value)


def _precision(result: RunResult) -> dict[str, Any] | None:
    if result.goal is None:
        return None
    return {
        "asked": result.goal.relative,
        "reached": result.precision if math.isfinite(result.precision) else None,
        "metric": result.goal.metric,
        "percentiles": list(result.goal.percentiles),
    }


def _table(frame: pd.DataFrame) -> pa.Table:
    """The columns alone: what pandas would add about itself depends on its version."""
    return pa.table({name: pa.array(frame[name].to_numpy()) for name in frame.columns})


def _write_table(table: pa.Table, path: Path) -> None:
    pq.write_table(table, path, compression="zstd")


def _write_timelines(timelines: Timelines, path: Path) -> None:
    """A row per world in their order, a few at a time, so that memory stays flat."""
    columns = {name: pa.list_(pa.float32()) for name in timelines.columns}
    schema = pa.schema({"world": pa.int64(), **columns})
    worlds = timelines.worlds
    with pq.ParquetWriter(path, schema, compression="zstd") as writer:
        for first in range(0, len(worlds), WORLDS_PER_GROUP):
            group = worlds[first : first + WORLDS_PER_GROUP]
            rows = [timelines.timeline(world) for world in group]
            lists = {name: [row[name] for row in rows] for name in timelines.columns}
            writer.write_table(pa.table({"world": group, **lists}, schema=schema))


def _read_sample(folder: Path, inputs: Sequence[UncertainInput]) -> Sample:
    frame = pq.read_table(folder / "replications.parquet").to_pandas()
    verdicts = dict(zip(frame["world"], frame["verdict"], strict=True))
    figures = frame.drop(columns=["world", "verdict"]).set_index(frame["world"])
    sample = Sample(inputs)
    with pq.ParquetFile(folder / "timelines.parquet", pre_buffer=False) as file:
        for group in range(file.num_row_groups):
            batch = file.read_row_group(group)
            cells = {
                name: batch[name].combine_chunks().flatten().to_numpy().reshape(len(batch), -1)
                for name in batch.column_names
                if name != "world"
            }
            for row, world in enumerate(batch["world"].to_pylist()):
                timeline = {name: values[row] for name, values in cells.items()}
                sample.add_row(world, verdicts[world], figures.loc[world].to_dict(), timeline)
    return sample


def _read_requests(folder: Path) -> dict[str, Any] | None:
    path = folder / "requests.parquet"
    if not path.exists():
        return None
    table = pq.read_table(path)
    return {name: table[name].to_numpy() for name in table.column_names}


def _read_exports(folder: Path, sample: Sample) -> Exports | None:
    """The files of world 0 in the formats of others; None if it is missing, or one of them is."""
    paths = [folder / name for name in exports.FILES]
    if 0 not in sample or not all(path.is_file() for path in paths):
        return None
    return {path.name: path.read_bytes().decode() for path in paths}


def _manifest(folder: Path) -> dict[str, Any]:
    try:
        manifest = json.loads(folder.joinpath(MANIFEST).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ResultError(f"results folder ({folder}) holds no finished run: {error}") from error
    if not isinstance(manifest, dict):
        raise ResultError(f"results folder ({folder}) holds no finished run: not a manifest")
    return manifest


def _nearest_existing(folder: Path) -> Path:
    return next(parent for parent in folder.absolute().parents if parent.exists())


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
