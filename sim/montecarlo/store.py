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

A command adds pictures, and the answer as a page (``report.html``, and ``report.md``).

All but the manifest are the same bytes for the same worlds, whatever the number of workers, and
however often the run was ended and resumed. While it runs, ``checkpoint`` holds the worlds that are
finished, in parts (``sim.montecarlo.storage``).
"""

import hashlib
import json
import math
import platform
import re
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sim import __version__
from sim.errors import ResultError
from sim.montecarlo import exports
from sim.montecarlo.precision import Goal
from sim.montecarlo.result import Earlier, RunResult
from sim.montecarlo.sample import Sample
from sim.montecarlo.storage import parts
from sim.montecarlo.storage.folder import PICTURES, Folder, Write, claim
from sim.montecarlo.storage.identity import LIBRARIES, differences, identity, scenario_digest
from sim.montecarlo.storage.manifest import Manifest, to_json
from sim.montecarlo.storage.place import Tell, refusing
from sim.montecarlo.storage.tables import (
    FIGURES,
    TIMELINES,
    read_columns,
    read_worlds,
    write_columns,
    write_frame,
    write_worlds,
)

if TYPE_CHECKING:
    from sim.scenario import Scenario

KIND = "run"
SCENARIO, SUMMARY = "scenario.yaml", "summary.json"
BANDS, REQUESTS = "timeline.parquet", "requests.parquet"
RESULTS = (SCENARIO, SUMMARY, FIGURES, BANDS, TIMELINES, REQUESTS, *exports.FILES)
WRITES = (*RESULTS, "report.html", "report.md", *PICTURES)  # patterns of all names in the folder
WORLDS = (FIGURES, TIMELINES)  # files that only together are any use


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


class Store:
    """The results folder of one run, from before its first world to after its last.

    Parameters
    ----------
    folder : Folder
    scenario : Scenario
    seed : int
    command : str
        How the run was asked for.
    """

    def __init__(self, folder: Folder, scenario: "Scenario", seed: int, command: str = "") -> None:
        self.folder = folder
        self._identity = identity(scenario, seed)
        self.scenario = scenario
        self._command = command
        self._parts: list[Path] = []  # written by this run
        folder.begin({**self._identity, "command": command})

    @property
    def has_results(self) -> bool:
        """Whether results lie there already."""
        return self.folder.manifest is not None and self.folder.manifest.state != "running"

    @property
    def has_parts(self) -> bool:
        """Whether worlds of a run that was cut off lie there."""
        return parts.has_parts(self.folder)

    def load_earlier(self) -> Earlier | None:
        """The worlds that earlier runs of the same scenario and seed finished, if any.

        Files that are not as they were written are set aside.

        Raises
        ------
        ResultError
            If all that lies there belongs to another run.
        """
        sample = Sample(self.scenario.inputs)
        found = Earlier(sample)
        others: list[str] = []
        for place, manifest in self._sources():
            if different := differences(manifest.about, self._identity):
                others = others or different
                continue
            found = self._read(place, manifest, found)
        if not len(sample) and others:
            raise ResultError(
                f"results folder ({self.folder}) holds another run (differs in"
                f" {', '.join(others)}); run without --resume, into another --out"
            )
        return found if len(sample) else None

    def keep(self, sample: Sample, found: Earlier) -> None:
        """Put finished worlds on disk while the run goes on.

        Parameters
        ----------
        sample : Sample
            The worlds.
        found : Earlier
            The files of world 0, if it is among them; its sample is not looked at.
        """

        def write(draft: Path) -> None:
            write_worlds(sample, draft)
            _write_first_world(found, draft)

        self._parts.append(parts.write_part(self.folder, write, self._identity))

    def forget(self) -> None:
        """Drop the parts of this run, whose worlds are elsewhere."""
        parts.remove_parts(self._parts)

    def save(self, result: RunResult) -> None:
        """Write the results in place of those of before, whole or not at all."""
        manifest = Manifest(
            KIND,
            "interrupted" if result.interrupted else "finished",
            {**self._identity, **_account(result, self._command)},
        )
        self.folder.replace(lambda draft: _write_results(result, draft), manifest)
        parts.remove_parts(parts.all_parts(self.folder))

    def add(self, write: Write) -> None:
        """Add further files, such as pictures, to the results."""
        self.folder.add(write)

    def _sources(self) -> list[tuple[Path, Manifest]]:
        """Where worlds may be: among the results, and in the parts."""
        sources = list(parts.read_parts(self.folder))
        if self.has_results:
            assert self.folder.manifest is not None
            sources.insert(0, (self.folder.root, self.folder.manifest))
        return sources

    def _read(self, place: Path, manifest: Manifest, found: Earlier) -> Earlier:
        """What was found before, with the sound worlds of a place."""
        sound = set(manifest.files)
        if place == self.folder.root:
            sound -= self._set_damaged_aside(manifest)
            if sound.issuperset(WORLDS):
                self._secure(manifest, sound)
        if not sound.issuperset(WORLDS):
            return found
        try:
            read_worlds(place, found.sample)
            requests = read_columns(place / REQUESTS) if REQUESTS in sound else None
            texts = {name: place / name for name in exports.FILES if name in sound}
            return Earlier(
                found.sample,
                requests or found.requests,
                {name: path.read_bytes().decode() for name, path in texts.items()}
                if len(texts) == len(exports.FILES)
                else found.exports,
            )
        except (OSError, KeyError, ValueError) as error:
            raise ResultError(f"results folder ({place}) cannot be read: {error}") from error

    def _set_damaged_aside(self, manifest: Manifest) -> set[str]:
        """Names of files that are not to be used."""
        damaged = set(self.folder.damaged())
        if manifest.state == "saving":
            return damaged  # but for the kill they would have been replaced
        for name in sorted(damaged):
            aside = self.folder.set_aside(name)
            state = f"is damaged; it is set aside as {aside}," if aside else "is missing;"
            lost = "its worlds are simulated again" if name in WORLDS else "it is made again"
            self.folder.tell(f"{self.folder.path / name} {state} {lost}")
        return damaged

    def _secure(self, manifest: Manifest, sound: set[str]) -> None:
        """Keep the worlds of the results as a part as well, until others have replaced them."""
        names = [name for name in (*WORLDS, REQUESTS, *exports.FILES) if name in sound]
        for _, part in parts.read_parts(self.folder):
            if all(part.files.get(name) == manifest.files[name] for name in names):
                return

        def write(draft: Path) -> None:
            for name in names:
                parts.link(self.folder.root / name, draft / name)

        with refusing(self.folder.path):
            parts.write_part(self.folder, write, self._identity)


@contextmanager
def opened(
    folder: Path,
    scenario: "Scenario",
    seed: int,
    command: str = "",
    *,
    anywhere: bool = False,
    resume: bool = False,
    fresh: bool = False,
    tell: Tell = lambda _: None,
) -> Iterator[Store]:
    """The store of a run in a folder, or in one beside it if that is taken.

    Parameters
    ----------
    folder : Path
    scenario : Scenario
    seed : int
    command : str
        How the run was asked for.
    anywhere : bool
        Whether a folder that is not ours may be avoided; else it is refused.
    resume : bool
        Whether the run that lies there is to be continued.
    fresh : bool
        Whether nothing may be replaced.
    tell : callable
        Told if results go elsewhere, and what was set aside.

    Raises
    ------
    ResultError
        If results cannot go there.
    """
    how = {"anywhere": anywhere, "resume": resume, "fresh": fresh}
    with claim(folder, KIND, WRITES, tell=tell, **how) as place:
        yield Store(place, scenario, seed, command)


def save(result: RunResult, folder: Path, command: str = "") -> None:
    """Write the results of a run into ``folder``, whole or not at all."""
    with opened(folder, result.scenario, result.seed, command) as store:
        store.save(result)


def _write_results(result: RunResult, draft: Path) -> None:
    draft.joinpath(SCENARIO).write_bytes(_encoded(result.scenario.to_yaml()))
    draft.joinpath(SUMMARY).write_bytes(to_json(result.summary).encode())
    write_worlds(result.sample, draft)
    write_frame(result.timeline, draft / BANDS)
    _write_first_world(Earlier(result.sample, result.requests, result.exports), draft)


def _write_first_world(found: Earlier, draft: Path) -> None:
    if found.requests is not None:
        write_columns(found.requests, draft / REQUESTS)
    for name, text in (found.exports or {}).items():
        draft.joinpath(name).write_bytes(text.encode())


def _encoded(text: str) -> bytes:
    """As UTF-8; a file's name in another encoding keeps its bytes."""
    return text.encode("utf-8", "surrogateescape")


def _account(result: RunResult, command: str) -> dict[str, Any]:
    """How results came to be."""
    return {
        "worlds": len(result.sample),
        "worlds_asked": result.worlds,
        "interrupted": result.interrupted,
        "precision": _precision(result),
        "command": command,
        "started_at": result.started_at.isoformat(timespec="seconds"),
        "finished_at": result.finished_at.isoformat(timespec="seconds"),
        "platform": platform.platform(),
        "python": platform.python_version(),
        "libraries": {name: metadata.version(name) for name in LIBRARIES},
    }


def _precision(result: RunResult) -> dict[str, Any] | None:
    if result.goal is None:
        return None
    return {
        "asked": result.goal.relative,
        "reached": result.precision if math.isfinite(result.precision) else None,
        "metric": result.goal.metric,
        "percentiles": list(result.goal.percentiles),
    }
