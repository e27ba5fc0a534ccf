"""What became of the worlds of a run: how many went wrong in which way, where, and the worst.

A world *has an hour over capacity* if in an hour more work comes to a pool than it can do; it
*falls behind* if that holds of the whole horizon, or its backlog grows to the end (the verdict
``overloaded``); it *misses an SLO* if a workload does, or if it falls behind; it *loses requests*
if any is rejected, times out, fails, or its user gives up. These are counted apart.

**The worst workload** is that which misses its SLO in most worlds, then by most (the share of its
requests outside over the share that is allowed), then that with the largest latency over its
threshold, then the slowest; one without an SLO counts as missing one when fewer than 95 % of its
requests are answered. **The worst world** is ordered likewise, each world by its worst workload.
"""

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from sim.model.design import Design
from sim.model.workload import Slo
from sim.montecarlo.cause import MEANINGS, Cause, main_cause
from sim.montecarlo.sample import INPUT_PREFIX, Sample
from sim.montecarlo.shares import Share

FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]

LOST = ("rejected", "timed_out", "failed", "gave_up")
SPEEDS = {  # metric of each threshold of an SLO
    "ttft_s": "peak_hour_ttft_p95_s",
    "e2e_s": "peak_hour_e2e_p95_s",
    "tpot_s": "tpot_p95_s",
}
SLOWNESS = "peak_hour_ttft_p95_s"
MOST_DIAGNOSED = 50  # worlds; some milliseconds each
OF_WORST = ("unanswered_share", "offered_load_peak", "hours_over_capacity", "cost_usd_per_month")


@dataclass(frozen=True)
class Verdict:
    """What became of the worlds.

    Attributes
    ----------
    worlds : tuple of int
    over_capacity, falls_behind : (worlds,) bool, or None
        None where no machines are ours.
    misses_slo : (worlds,) bool, or None
        None where no workload has one.
    loses_requests : (worlds,) bool
    services : tuple of Service
        Of the workloads, the worst first.
    """

    worlds: tuple[int, ...]
    over_capacity: BoolArray | None
    falls_behind: BoolArray | None
    misses_slo: BoolArray | None
    loses_requests: BoolArray
    services: "tuple[Service, ...]"

    @property
    def counts(self) -> dict[str, Share | None]:
        """Worlds by what went wrong in them; None where it cannot."""
        parts = ("over_capacity", "falls_behind", "misses_slo", "loses_requests")
        found = {name: getattr(self, name) for name in parts}
        return {name: None if has is None else Share.of(has) for name, has in found.items()}

    @property
    def troubled(self) -> list[int]:
        """The worlds in which anything went wrong, but for hours over capacity that did no harm."""
        harms = (self.falls_behind, self.misses_slo, self.loses_requests)
        bad = np.any([each for each in harms if each is not None], axis=0)
        return [world for world, is_bad in zip(self.worlds, bad, strict=True) if is_bad]

    @property
    def worst(self) -> "tuple[int, Service]":
        """The worst world, of equals the first, and its worst workload."""
        keys = [np.max([each.keys[k] for each in self.services], axis=0) for k in range(3)]
        place = int(np.lexsort([-key for key in reversed(keys)])[0])
        at = max(self.services, key=lambda each: tuple(float(key[place]) for key in each.keys))
        return self.worlds[place], at


@dataclass(frozen=True)
class Service:
    """How a workload was served in the worlds.

    Attributes
    ----------
    name : str
    slo : Slo
    metric : str
        The latency that comes nearest to its threshold, or exceeds it most, in the median world;
        without an SLO the time to first token.
    limit_s : float
        Its threshold; NaN without an SLO.
    keys : tuple of (worlds,) float64
        By which worlds are ordered: requests outside of the SLO over those allowed, 0 where it is
        kept; latency over threshold; latency in seconds. 0 where undefined.
    """

    name: str
    slo: Slo
    metric: str
    limit_s: float
    keys: tuple[FloatArray, FloatArray, FloatArray]

    @property
    def misses(self) -> BoolArray:
        """In which worlds too few of its requests are within its SLO: (worlds,) bool."""
        return np.asarray(self.keys[0] > 0.0)

    @property
    def badness(self) -> tuple[float, ...]:
        """By which workloads are ordered."""
        medians = (float(np.median(key)) for key in self.keys)
        return (float(np.mean(self.misses)), *medians)


def verdict(sample: Sample, design: Design, slo_kept: BoolArray | None) -> Verdict:
    """What became of the worlds.

    Parameters
    ----------
    sample : Sample
        At least one world.
    design : Design
        That of any world.
    slo_kept : (worlds,) bool, or None
    """
    names = [f"workloads.{each.name}.{fate}" for each in design.workloads for fate in LOST]
    lost = np.sum([np.nan_to_num(sample.values(name)) for name in names], axis=0)
    over = sample.values("hours_over_capacity") > 0.0
    over &= sample.values("all_at_once") != 1.0  # a job asks for no pace
    return Verdict(
        worlds=tuple(sample.worlds),
        over_capacity=over if design.pools else None,
        falls_behind=sample.overloaded() if design.pools else None,
        misses_slo=None if slo_kept is None else ~slo_kept,
        loses_requests=lost > 0.0,
        services=served(sample, design),
    )


def served(sample: Sample, design: Design) -> tuple[Service, ...]:
    """How each workload was served, the worst first."""
    services = (_service(sample, each.name, each.slo) for each in design.workloads)
    return tuple(sorted(services, key=lambda each: each.badness, reverse=True))


def _service(sample: Sample, name: str, slo: Slo) -> Service:
    prefix = f"workloads.{name}."
    outside = 1.0 - np.nan_to_num(sample.values(f"{prefix}slo_attainment"), nan=1.0)
    missed = outside / (1.0 - slo.attainment)
    slowness = np.nan_to_num(sample.values(prefix + SLOWNESS))
    lateness = {
        key: np.nan_to_num(sample.values(prefix + metric)) / getattr(slo, key)
        for key, metric in SPEEDS.items()
        if math.isfinite(getattr(slo, key))
    }
    latest = max(lateness, key=lambda key: float(np.median(lateness[key])), default="")
    late = np.max(list(lateness.values()), axis=0) if lateness else np.zeros(len(sample))
    return Service(
        name,
        slo,
        SPEEDS.get(latest, SLOWNESS),
        getattr(slo, latest) if latest else math.nan,
        (np.where(missed > 1.0, missed, 0.0), late, slowness),
    )


Diagnose = Callable[[int], Cause]


def as_json(found: Verdict, sample: Sample, diagnose: Diagnose | None) -> dict[str, Any]:
    """The verdict as parts of the summary of a run.

    ``worlds`` holds a count, its share and interval of each kind of trouble; ``workloads_by_need``
    the workloads, the worst first; ``worst_world`` its number, figures and draws; ``causes`` why
    worlds were in trouble, the most frequent first.
    """
    summary: dict[str, Any] = {
        "worlds": {name: _share(share) for name, share in found.counts.items()},
        "worst_workloads": [_workload(each) for each in found.services],
        "worst_world": _worst_world(found, sample),
        "causes": [],
        "diagnosed": 0,
    }
    if diagnose is not None and found.troubled:
        looked = found.troubled[:MOST_DIAGNOSED]
        causes = {world: diagnose(world) for world in looked}
        summary["causes"] = list(_causes(list(causes.values())))
        summary["diagnosed"] = len(looked)
        worst = summary["worst_world"]["world"]
        if worst in found.troubled:
            why = causes.get(worst) or diagnose(worst)
            summary["worst_world"]["cause"] = _cause(why)
    return summary


def _share(share: Share | None) -> dict[str, Any] | None:
    return None if share is None else share.as_json()


def _workload(service: Service) -> dict[str, Any]:
    return {
        "name": service.name,
        "metric": service.metric,
        "limit_s": _plain(service.limit_s),
        "attainment": service.slo.attainment if service.slo.is_stated else None,
    }


def _worst_world(found: Verdict, sample: Sample) -> dict[str, Any]:
    world, service = found.worst
    names = (service.metric, "slo_attainment", "unanswered_share")
    own = {name: sample.figure(world, f"workloads.{service.name}.{name}") for name in names}
    return {
        "world": world,
        "workload": service.name,
        **{name: _plain(value) for name, value in own.items()},
        "metric": service.metric,
        "limit_s": _plain(service.limit_s),
        "figures": {name: _plain(sample.figure(world, name)) for name in OF_WORST},
        "draws": _draws(sample, world),
        "cause": None,
    }


def _draws(sample: Sample, world: int) -> dict[str, dict[str, float]]:
    """What was drawn for a world, and the share of worlds that draw less."""
    drawn = {each.path: sample.figure(world, INPUT_PREFIX + each.path) for each in sample.inputs}
    return {
        each.path: {
            "value": drawn[each.path],
            "level": float(each.distribution.cdf(np.array([drawn[each.path]]))[0]),
        }
        for each in sample.inputs
    }


def _causes(causes: list[Cause]) -> Iterator[dict[str, Any]]:
    """The causes of some worlds with their backends, the most frequent first."""
    kinds = [(each.name, each.backend) for each in causes]
    order = list(MEANINGS)
    for kind in sorted(set(kinds), key=lambda k: (-kinds.count(k), order.index(k[0]), k[1])):
        alike = [each for each, its in zip(causes, kinds, strict=True) if its == kind]
        yield {**_cause(main_cause(alike)), "worlds": len(alike)}


def _cause(cause: Cause) -> dict[str, Any]:
    signs = {name: _plain(value) for name, value in cause.signs.items()}
    return {
        "cause": cause.name,
        "meaning": MEANINGS[cause.name],
        "backend": cause.backend,
        "signs": signs,
    }


def _plain(value: float) -> float | None:
    return value if math.isfinite(value) else None
