"""Whether a run keeps the conditions that were set for it."""

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sim.errors import PeakfleetError
from sim.model.threshold import SHARES, Threshold

PARTS = ("workloads", "backends", "regions")


@dataclass(frozen=True, slots=True)
class Judged:
    """A condition, and what became of it.

    Attributes
    ----------
    threshold : Threshold
    figure : float or None
        Of the run; None where it has none, as of an SLO that nobody stated.
    low, high : float or None
        Ends of its 95 % interval, as far as the worlds tell.
    """

    threshold: Threshold
    figure: float | None
    low: float | None
    high: float | None

    @property
    def is_kept(self) -> bool:
        """Whether the figure keeps to the value; what is not there keeps nothing."""
        return self.figure is not None and self.threshold.keeps(self.figure)

    @property
    def is_certain(self) -> bool:
        """Whether the end of the interval that is nearer to the value is on the same side of it."""
        is_most = self.threshold.relation.startswith("<")
        nearer = self.high if is_most == self.is_kept else self.low
        return nearer is not None and self.threshold.keeps(nearer) == self.is_kept

    def as_json(self) -> dict[str, Any]:
        """The same, ready for JSON."""
        return {
            "threshold": str(self.threshold),
            "value": self.figure,
            "value_ci": [self.low, self.high],
            "kept": self.is_kept,
            "certain": self.is_certain,
        }


def check(thresholds: Sequence[Threshold], metrics: Sequence[str]) -> None:
    """Refuse a metric that is not among those of a replication.

    Raises
    ------
    PeakfleetError
        With the nearest name that there is.
    """
    for each in thresholds:
        if each.metric in SHARES or each.metric in metrics:
            continue
        near = difflib.get_close_matches(each.metric, [*SHARES, *metrics], 1)
        hint = f" (did you mean {near[0]!r}?)" if near else ""
        raise PeakfleetError(f"threshold ({each}): {each.metric} is not a metric{hint}")


def judged(thresholds: Sequence[Threshold], summary: Mapping[str, Any]) -> tuple[Judged, ...]:
    """What became of each condition, by the summary of a run."""
    return tuple(_judge(each, summary) for each in thresholds)


def _judge(threshold: Threshold, summary: Mapping[str, Any]) -> Judged:
    if path := SHARES.get(threshold.metric):
        holder: Any = summary
        for key in path[:-1]:
            holder = holder[key]
            if holder is None:
                return Judged(threshold, None, None, None)
        low, high = holder[f"{path[-1]}_ci"] or (None, None)
        return Judged(threshold, holder[path[-1]], low, high)
    part, _, rest = threshold.metric.partition(".")
    place, name = summary["metrics"], threshold.metric
    if part in PARTS:
        owner, _, name = rest.rpartition(".")
        place = summary.get(part, {}).get(owner, {})
    found = place.get(name)
    if found is None:
        return Judged(threshold, None, None, None)
    low, high = found.get(f"{threshold.statistic}_ci") or (None, None)
    return Judged(threshold, found[threshold.statistic], low, high)
