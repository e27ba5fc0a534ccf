"""The oracle fleet: hour by hour the least replicas that would have met the SLO.

Nobody can buy it: it knows every hour in advance and starts replicas in no time. Its distance to
the fixed fleet is what there is to gain from any policy at all, and the price of the margin.

In each hour it is the smallest count which, had it been there all the time, keeps the SLO of the
requests that arrive in that hour. (A backlog that a small fleet brings along from the hour before
counts against it.) Hours that no simulated count keeps, a few requests among a handful, say, take
the whole fleet.
"""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from sim.model.design import Design
from sim.model.price import HOUR_S
from sim.montecarlo.result import RunResult
from sim.montecarlo.sample import INPUT_PREFIX
from sim.studies.size.fleet import Kind, design_of
from sim.studies.size.options import Terms
from sim.studies.size.question import bound

FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]

MOST_COUNTS = 10  # below the fleet; of larger fleets a geometric row of counts stands for all


@dataclass(frozen=True, slots=True)
class Oracle:
    """The oracle fleet beside a fixed one.

    Attributes
    ----------
    hours : pandas.DataFrame
        One row per hour: hour, load_rps (median), p5, p50, p95 of the least replicas over worlds,
        and the share of worlds in which no count keeps the hour.
    fixed : int
        The fixed fleet.
    replicas_mean : float
        Of the oracle, over hours and worlds.
    cost_usd_per_month, fixed_usd_per_month : float
        Of the pool, at the fixed fleet's price of a replica.
    worlds : int
    counts : tuple of int
        That were simulated.
    """

    hours: pd.DataFrame
    fixed: int
    replicas_mean: float
    cost_usd_per_month: float
    fixed_usd_per_month: float
    worlds: int
    counts: tuple[int, ...]

    @property
    def margin_usd_per_month(self) -> float:
        """What the fixed fleet costs beyond the oracle."""
        return self.fixed_usd_per_month - self.cost_usd_per_month


def oracle(kind: Kind, fixed: int, worlds: int, terms: Terms) -> Oracle:
    """The oracle fleet of a kind with a fixed count, over the first worlds."""
    counts = simulated_counts(fixed)
    results = [terms.bench.run(kind.scenario(n), worlds, terms.seed) for n in counts]
    design = design_of(results[-1].scenario, terms.seed)
    width_s = max(HOUR_S, results[-1].bin_s)
    starts_s = design.horizon.edges_s[:-1]
    hour = (starts_s[starts_s < design.horizon.duration_s] // width_s).astype(int)
    least, load = [], []
    for world in range(worlds):
        kept = np.array([_kept(r, world, hour, design, terms) for r in results])
        first = np.where(kept.any(axis=0), np.argmax(kept, axis=0), -1)
        least.append(np.where(first < 0, np.nan, np.asarray(counts)[first]))
        columns = results[-1].sample.timelines.timeline(world)
        load.append(np.bincount(hour, _arriving(columns["load_rps"], hour)) / np.bincount(hour))
    needed = np.array(least)
    filled = np.where(np.isnan(needed), fixed, needed)
    p5, p50, p95 = np.percentile(filled, [5, 50, 95], axis=0, method="inverted_cdf")
    hours = pd.DataFrame(
        {
            "hour": np.arange(len(p50)) * width_s / HOUR_S,
            "load_rps": np.median(load, axis=0),
            "replicas_p5": p5,
            "replicas_p50": p50,
            "replicas_p95": p95,
            "missed_share": np.isnan(needed).mean(axis=0),
        }
    )
    weights = np.bincount(hour) / len(hour)
    mean = float((filled.mean(axis=0) * weights).sum())
    paid = _pool_usd_per_month(results[-1], kind.pool, worlds)
    always = _fixed_usd_per_month(results[-1], kind.pool, worlds)
    oracle_usd = always + (paid - always) * mean / fixed
    return Oracle(hours, fixed, mean, oracle_usd, paid, worlds, counts)


def simulated_counts(fixed: int) -> tuple[int, ...]:
    """All counts up to the fixed one, or a geometric row of them."""
    if fixed <= MOST_COUNTS:
        return tuple(range(1, fixed + 1))
    row = np.geomspace(max(1.0, fixed / 20), fixed, MOST_COUNTS)
    return tuple(sorted({math.ceil(n - 1e-9) for n in row}))


def _arriving(load_rps: npt.NDArray[np.float32], hour: npt.NDArray[np.int_]) -> FloatArray:
    """Requests a second while requests arrive; none in a world that has ended: (bins,)."""
    return np.nan_to_num(load_rps[: len(hour)].astype(np.float64))


def _kept(
    result: RunResult, world: int, hour: npt.NDArray[np.int_], design: Design, terms: Terms
) -> BoolArray:
    """Whether each hour of a world keeps the SLO: (hours,) bool."""
    columns = result.sample.timelines.timeline(world)
    kept = np.ones(hour[-1] + 1, np.bool_)
    for workload in bound(design):
        prefix = f"workloads.{workload.name}." if len(design.workloads) > 1 else ""
        attained = columns[f"{prefix}slo_attainment"][: len(hour)].astype(np.float64)
        # A bin without an end of a request has no attainment, and no say.
        weight = np.where(np.isnan(attained), 0.0, _arriving(columns[f"{prefix}load_rps"], hour))
        total = np.bincount(hour, weight)
        met = np.bincount(hour, weight * np.nan_to_num(attained))
        kept &= met >= terms.question.asked_of(workload) * total - 1e-6 * total
    return kept


def _pool_usd_per_month(result: RunResult, pool: str, worlds: int) -> float:
    """Mean over worlds of what a pool costs a month."""
    sample = result.sample
    return float(sample.values(f"backends.{pool}.cost_usd_per_month")[:worlds].mean())


def _fixed_usd_per_month(result: RunResult, pool: str, worlds: int) -> float:
    """Mean over worlds of what is paid beside its GPUs, however many there are."""
    drawn = f"{INPUT_PREFIX}backends.{pool}.fixed_usd_per_month"
    if drawn in result.sample.names():
        return float(result.sample.values(drawn)[:worlds].mean())
    pools = {each.name: each for each in result.scenario.typical_design().pools}
    return pools[pool].fixed_usd_per_month
