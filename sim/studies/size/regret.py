"""The least-regret fleet: replicas against requests outside of the SLO, at the user's price.

Too many replicas cost their price, too few cost what a missed request is worth. In each world one
count would have been the cheapest in hindsight; the regret of another is what it costs more there.
The count of the least mean regret is that of the least mean cost, misses included. Where nobody
names a price, the question is turned round: what must a miss be worth for the last replica to pay?
"""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from sim.studies.size.fleet import Kind
from sim.studies.size.options import Terms

FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Regret:
    """Fleets under a price of a miss.

    Attributes
    ----------
    miss_usd : float
        Price of a request outside of the SLO.
    count : int
        The least-regret fleet.
    fleets : pandas.DataFrame
        One row per count: replicas, cost, misses and their price per month, mean and p95 of the
        regret over worlds.
    worlds : int
    """

    miss_usd: float
    count: int
    fleets: pd.DataFrame
    worlds: int


def least_regret(
    kind: Kind, near: int, most: int, worlds: int, miss_usd: float, terms: Terms
) -> Regret:
    """The fleet of least mean regret, from ``near`` downhill in both directions."""
    totals: dict[int, FloatArray] = {}

    def total(count: int) -> float:
        if count not in totals:
            cost, misses = monthly(kind, count, worlds, terms)
            totals[count] = cost + miss_usd * misses
        return float(totals[count].mean())

    best = near
    for step in (1, -1):
        while 1 <= best + step <= most and total(best + step) < total(best):
            best += step
    counts = sorted(totals)
    hindsight = np.min([totals[n] for n in counts], axis=0)
    rows = []
    for count in counts:
        cost, misses = monthly(kind, count, worlds, terms)
        regret = totals[count] - hindsight
        rows.append(
            {
                "replicas": count,
                "cost_usd_per_month": float(cost.mean()),
                "misses_per_month": float(misses.mean()),
                "misses_usd_per_month": miss_usd * float(misses.mean()),
                "regret_mean_usd_per_month": float(regret.mean()),
                "regret_p95_usd_per_month": float(np.percentile(regret, 95)),
                "least_regret": count == best,
            }
        )
    return Regret(miss_usd, best, pd.DataFrame(rows), worlds)


def worth_of_a_miss(kind: Kind, count: int, worlds: int, terms: Terms) -> float:
    """What a miss must cost at least, in USD, for the last replica of a fleet to pay.

    Infinite where the last replica saves no miss.
    """
    cost, misses = monthly(kind, count, worlds, terms)
    cost_of_less, more_misses = monthly(kind, count - 1, worlds, terms)
    saved = float((more_misses - misses).mean())
    return float((cost - cost_of_less).mean()) / saved if saved > 0 else math.inf


def monthly(kind: Kind, count: int, worlds: int, terms: Terms) -> tuple[FloatArray, FloatArray]:
    """USD, and requests outside of the SLO, a month in each of the first worlds."""
    scenario = kind.scenario(count)
    sample = terms.bench.run(scenario, worlds, terms.seed).sample
    missed = 1.0 - np.nan_to_num(sample.values("slo_attainment")[:worlds], nan=1.0)
    misses = sample.values("requests_per_month")[:worlds] * missed
    return terms.cost(scenario, worlds), misses
