"""Two runs that lie on disk, set against each other: what was changed, and what came of it.

Worlds of one seed have the same draws of uncertain inputs of the same path, and the same arrivals
of workloads of the same name, so differences are taken world by world, as in
:mod:`sim.studies.compare`; nothing is simulated.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from sim.errors import PeakfleetError
from sim.montecarlo.result import RunResult
from sim.montecarlo.sample import Sample
from sim.studies.compare import LATENCY, Comparison, Contender, of_results

APART = ("name", "description", "worlds", "seed", "thresholds")  # what changes no world, or is said


@dataclass(frozen=True, slots=True)
class Change:
    """A key that two scenarios do not have alike.

    Attributes
    ----------
    path : str
    before, after : object
        As resolved; None where it is not there.
    """

    path: str
    before: Any
    after: Any


@dataclass(frozen=True, slots=True)
class Difference:
    """What differs between two runs.

    Attributes
    ----------
    labels : tuple of str
    changes : tuple of Change
    notes : tuple of str
        Why differences may come of something else than the changes.
    comparison : Comparison
        The second against the first.
    """

    labels: tuple[str, str]
    changes: tuple[Change, ...]
    notes: tuple[str, ...]
    comparison: Comparison

    @property
    def sentence(self) -> str:
        """What came of the changes, in one sentence."""
        return self.comparison.sentence

    def frames(self) -> dict[str, pd.DataFrame]:
        """``changes``, and the tables of the comparison."""
        rows = [(each.path, str(each.before), str(each.after)) for each in self.changes]
        changed = pd.DataFrame(rows, columns=["path", "before", "after"])
        return {"changes": changed, **self.comparison.frames()}

    def as_json(self) -> dict[str, Any]:
        """The same, ready for JSON."""
        return {
            "runs": list(self.labels),
            "changes": [
                {"path": each.path, "before": each.before, "after": each.after}
                for each in self.changes
            ],
            "notes": list(self.notes),
            "comparison": self.comparison.as_json(),
        }


Stored = tuple[str, RunResult, Mapping[str, Any]]  # label, run, how it came to be


def diff(one: Stored, other: Stored, metrics: Sequence[str] = ()) -> Difference:
    """Set a run against another.

    Parameters
    ----------
    one, other : tuple of str, RunResult and mapping
        Label, run, and what its manifest says of how it came to be.
    metrics : sequence of str
        To be compared as well.

    Raises
    ------
    PeakfleetError
        If they have no world in common, or a metric is unknown in one of them.
    """
    results = [one[1], other[1]]
    worlds = min(_leading(each.sample) for each in results)
    if worlds == 0:
        raise PeakfleetError(f"{one[0]} and {other[0]} have no world in common: world 0 is missing")
    labels = (one[0], other[0])
    contenders = [
        Contender(label, each.scenario) for label, each in zip(labels, results, strict=True)
    ]
    found = of_results(contenders, results, worlds, results[0].seed, metrics, None, LATENCY)
    documents = [each.scenario.document for each in results]
    notes = (*_unlike(labels, *documents), *_notes(one, other, worlds))
    return Difference(labels, tuple(changes(*documents)), notes, found)


def changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[Change]:
    """Keys of two resolved scenarios that are not alike, in the order of the first.

    Examples
    --------
    >>> [*changes({"a": {"b": 1, "c": 2}}, {"a": {"b": 1, "c": 3}, "d": 4})]
    [Change(path='a.c', before=2, after=3), Change(path='d', before=None, after=4)]
    """
    ours, theirs = dict(_leaves(before)), dict(_leaves(after))
    for path in dict.fromkeys((*ours, *theirs)):
        if path.split(".")[0] not in APART and ours.get(path) != theirs.get(path):
            yield Change(path, ours.get(path), theirs.get(path))


def _unlike(
    labels: tuple[str, str], before: Mapping[str, Any], after: Mapping[str, Any]
) -> Iterator[str]:
    """That two runs are of scenarios that have no workload, or no backend, in common."""
    for part in ("workloads", "backends"):
        if not {*before[part]} & {*after[part]}:
            names = " and ".join(f"{label} ({each['name']})" for label, each in
                                 zip(labels, (before, after), strict=True))  # fmt: skip
            yield (
                f"{names} are different scenarios, without any of their {part} in common: what"
                " follows is no effect of a change."
            )
            return


def _leaves(document: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in document.items():
        path = f"{above}.{key}" if above else str(key)
        if isinstance(value, Mapping) and value:
            yield from _leaves(value, path)
        elif value is not None:
            yield path, value


def _leading(sample: Sample) -> int:
    """Worlds from the first on that are all there: those of an interrupted run may have gaps."""
    count = 0
    while count in sample:
        count += 1
    return count


def _notes(one: Stored, other: Stored, worlds: int) -> Iterator[str]:
    (label, first, about), (other_label, second, other_about) = one, other
    if first.seed != second.seed:
        yield (
            f"The seeds are {first.seed} and {second.seed}: chance is not common to the worlds,"
            " which makes intervals of differences wider. A run of the same seed tells more."
        )
    versions = [each.get("peakfleet") for each in (about, other_about)]
    if about.get("program_sha256") != other_about.get("program_sha256"):
        same = versions[0] == versions[1]
        which = (
            f"both {versions[0]}, of other sources" if same else " and ".join(map(str, versions))
        )
        yield f"The runs are of two versions of Peakfleet ({which}): results may move with them."
    for name, result in ((label, first), (other_label, second)):
        if len(result.sample) > worlds:
            yield f"{name} has {len(result.sample):,} worlds; the first {worlds:,} are compared."
