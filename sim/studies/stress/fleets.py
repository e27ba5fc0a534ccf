"""The fleets under stress: as it is, autoscaled, and sized anew at every step."""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from sim.errors import ScenarioError
from sim.model.design import Design, GpuPool
from sim.model.lifecycle import ColdStart
from sim.montecarlo.result import RunResult
from sim.scenario.backend.replicas import MOST_REPLICAS
from sim.scenario.sharing import workloads_of
from sim.studies.case import Case
from sim.studies.resize import smallest
from sim.studies.stress.growth import Growth, grow
from sim.studies.stress.runs import FIRST_LOOK, Runs
from sim.studies.stress.unshared import Hits

FIXED, AUTOSCALED, RESIZED = "fixed", "autoscaled", "re-sized"

ROOM = 3  # largest size of an autoscaled fleet over that of the re-sized one: no limit, in effect
AIM = 0.7  # of the concurrency at which a re-sized fleet still holds, what an autoscaler aims at
ASSUMED_COLD_START = "{lognormal: {p50: 3min, p95: 8min}}"  # a large model from a node pool
MOST_OF_NEED = 8  # replicas over the fluid estimate, beyond which more would be of no help


def counts_of(counts: Mapping[str, int]) -> tuple[str, ...]:
    """Overrides that give each pool so many replicas, always."""
    return tuple(
        override
        for name, count in counts.items()
        for override in (
            f"backends.{name}.replicas={count}",
            f"backends.{name}.autoscaler={{preset: none}}",
        )
    )


def serving(design: Design) -> list[GpuPool]:
    """The pools that any workload's requests may come to; the others stay as they are."""
    return [pool for pool in design.pools if workloads_of(design, pool)]


def own_autoscaler(design: Design) -> bool:
    """Whether any pool that serves has one."""
    return any(pool.autoscaler is not None for pool in serving(design))


def present_counts(result: RunResult, design: Design) -> dict[str, int]:
    """Replicas of each pool today: as stated, or the most that the median world ever had ready."""
    counts = {}
    for pool in serving(design):
        most = result.sample.values(f"backends.{pool.name}.ready_replicas_max")
        counts[pool.name] = pool.replicas if pool.autoscaler is None else int(np.median(most))
    return {name: max(count, 1) for name, count in counts.items()}


def needs(result: RunResult, counts: Mapping[str, int]) -> dict[str, float]:
    """Replicas that the busiest bin of any world fills, by a fluid estimate.

    Parameters
    ----------
    result : RunResult
        Of a fleet of ``counts``.
    """
    found = {}
    for name, count in counts.items():
        loads = result.sample.values(f"backends.{name}.offered_load_peak")
        loads = loads[np.isfinite(loads)]
        found[name] = count * float(loads.max()) if len(loads) else float(count)
    return found


@dataclass(frozen=True, slots=True)
class Resizing:
    """Finds, at a step, the smallest fleet that holds.

    Attributes
    ----------
    case : Case
    runs : Runs
    hits : mapping of str to float
        As those of :func:`~sim.studies.stress.growth.grow`.
    """

    case: Case
    runs: Runs
    hits: Hits

    def counts(
        self, growth: Growth, quotas: float, need: Mapping[str, float], ratio: float
    ) -> tuple[dict[str, int] | None, float]:
        """Replicas of each pool, in proportion to its need, and those over the need of the largest.

        None where no number holds that is worth trying.

        Parameters
        ----------
        ratio : float
            A guess of the second.
        """
        main = max(need, key=lambda name: need[name])
        shares = {name: value / max(need[main], 1e-9) for name, value in need.items()}
        start = max(1, math.ceil(ratio * need[main] - 1e-9))
        most = max(4, start, math.ceil(MOST_OF_NEED * need[main]))
        most = min(most, self._most(main))

        def counts(count: int) -> dict[str, int]:
            return {
                name: min(max(1, math.ceil(count * share - 1e-9)), self._most(name))
                for name, share in shares.items()
            }

        def least(worlds: int, begin: int, low: int = 1) -> int | None:
            return smallest(
                lambda n: self._holds(counts(n), growth, quotas, worlds), begin, most, low
            )

        # What fails in a few worlds fails in all: most sizes are ruled out by these alone.
        few = least(FIRST_LOOK, start)
        found = None if few is None else least(self.runs.worlds, few, few)
        if found is None:
            return None, ratio
        return counts(found), found / max(need[main], 1e-9)

    def _most(self, name: str) -> int:
        """Replicas that are to be had."""
        design = self.case.load().typical_design()
        pool = next(pool for pool in design.pools if pool.name == name)
        return int(min(pool.lifecycle.most_serving, MOST_REPLICAS))

    def _holds(self, counts: dict[str, int], growth: Growth, quotas: float, worlds: int) -> bool:
        try:
            scenario = grow(self.case.load(counts_of(counts)), growth, None, quotas, self.hits)
        except ScenarioError:
            return False  # such as more GPUs than its purchase plan has
        shown = " + ".join(str(count) for count in counts.values())
        return self.runs.holds(scenario, worlds, f"{shown} for {growth}")


def autoscaled(
    design: Design, result: RunResult, counts: Mapping[str, int], largest: Mapping[str, int]
) -> tuple[tuple[str, ...], list[str]]:
    """Overrides that put every pool under an HPA on concurrency, and what was assumed.

    Parameters
    ----------
    design : Design
    result : RunResult
        Of a fleet of ``counts`` that holds.
    largest : mapping
        Replicas that the last step needs.
    """
    overrides, notes = [], []
    peak = _peak_concurrency(result, design)
    for pool in serving(design):
        count = counts[pool.name]
        target = max(round(AIM * peak[pool.name] / count), 1)
        most = min(ROOM * max(largest[pool.name], count), pool.capacity_limit)
        overrides += [
            f"backends.{pool.name}.replicas={{min: 1, initial: {count}, max: {int(most)}}}",
            f"backends.{pool.name}.autoscaler={{preset: hpa, target_concurrency: {target}}}",
        ]
        notes.append(f"autoscaled: {pool.name} by an HPA on concurrency, target {target} a replica")
        if pool.lifecycle.cold_start == ColdStart():
            overrides.append(f"backends.{pool.name}.cold_start={ASSUMED_COLD_START}")
            notes.append(
                f"autoscaled: a median cold start of 3 min is assumed for {pool.name}, which states"
                " none"
            )
    return tuple(overrides), notes


def _peak_concurrency(result: RunResult, design: Design) -> dict[str, float]:
    """Requests that wait or run in the busiest bin of the median world, by pool."""
    timelines = result.sample.timelines
    peaks: dict[str, list[float]] = {pool.name: [] for pool in serving(design)}
    for world in timelines.worlds:
        columns = timelines.until_end(world)
        for pool in serving(design):
            prefix = _prefix(design, pool)
            held = columns[f"{prefix}queue"] + columns[f"{prefix}running"]
            peaks[pool.name].append(float(held.max()))
    return {name: float(np.median(values)) for name, values in peaks.items()}


def _prefix(design: Design, pool: GpuPool) -> str:
    return f"backends.{pool.name}." if len(design.pools) > 1 else ""


def quota_factor(design: Design, growth: Growth) -> float:
    """What quotas are multiplied by in a fleet that is sized anew; 1 where there are none."""
    limited = any(api.quota.is_limited for api in design.managed)
    return growth.volume * growth.prompt if limited else 1.0
