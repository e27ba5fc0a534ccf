"""What switching saves in a month, at the volume that the scenario itself has in each world.

A fixed fleet is bought before anybody knows the volume: it is the one that keeps the SLO at the
volume that 95 % of worlds do not exceed, and costs what it costs in every world. What is paid by
use is paid for the volume of each world. The reference is paid as it stands, whether it keeps the
SLO or not; a side that does not keep it there is not one to switch to.
"""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from sim.montecarlo.estimates import quantile
from sim.montecarlo.shares import Share
from sim.studies.breakeven.costs import ByFleet, ByUse
from sim.studies.breakeven.field import Run
from sim.studies.breakeven.once import Once
from sim.studies.breakeven.outlay import Outlay, outlays, years_to_pay
from sim.studies.breakeven.own import Own
from sim.studies.breakeven.runs import MONTH_DAYS
from sim.studies.breakeven.sides import EDGE, Contest, Fleet

FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Switch:
    """From the reference to one side; arrays are (worlds,).

    Attributes
    ----------
    side : str
    able : bool
        Whether it keeps the SLO at this volume.
    replicas, gpus : int or None
        Of a fixed fleet.
    usd, reference_usd : array
        Cost in a month.
    paid_usd, payback_years, life_years : array
        What is paid at once, the years that take to save it, and those that it lasts, or the term
        that was asked for.
    """

    side: str
    able: bool
    replicas: int | None
    gpus: int | None
    usd: FloatArray
    reference_usd: FloatArray
    paid_usd: FloatArray
    payback_years: FloatArray
    life_years: FloatArray

    @property
    def saved_usd(self) -> FloatArray:
        """What switching saves in a month: below 0 where it costs more."""
        return self.reference_usd - self.usd

    @property
    def costs_more(self) -> Share:
        """Worlds in which it does."""
        return Share.of(self.saved_usd < 0)

    @property
    def pays_back(self) -> Share:
        """Worlds in which what is paid at once is saved within its life."""
        return Share.of(self.payback_years <= self.life_years)

    @property
    def too_late(self) -> Share:
        """Worlds in which it is not."""
        return Share.of(~(self.payback_years <= self.life_years))

    def payback_months(self, level: float) -> float:
        """A quantile over worlds of the months that what is paid at once takes to be saved."""
        return 12 * quantile(np.sort(self.payback_years), level)

    @property
    def written_off_usd(self) -> float:
        """Median of what a month's cost has of what was paid at once, and is not paid again."""
        months, nothing = 12 * self.payback_years, np.zeros_like(self.paid_usd)
        comes_back = np.divide(self.paid_usd, months, out=nothing, where=months > 0)
        return quantile(np.sort(np.maximum(comes_back - self.saved_usd, 0.0)), 0.5)

    @property
    def term_months(self) -> float:
        """The months within which it has to be; NaN where worlds differ."""
        first = float(self.life_years[0])
        return 12 * first if bool((self.life_years == first).all()) else math.nan

    def saved(self, level: float) -> float:
        """A quantile of the saving over worlds."""
        return quantile(np.sort(self.saved_usd), level)

    def as_row(self) -> dict[str, Any]:
        """The same as a row of a table."""
        low, high = self.costs_more.interval
        row: dict[str, Any] = {"side": self.side, "keeps_slo": self.able}
        row |= {"replicas": self.replicas, "gpus": self.gpus}
        for name, values in (
            ("saved_usd_per_month", self.saved_usd),
            ("usd_per_month", self.usd),
            ("reference_usd_per_month", self.reference_usd),
            ("paid_at_once_usd", self.paid_usd),
            ("payback_years", self.payback_years),
            ("payback_months", 12 * self.payback_years),
        ):
            ordered = np.sort(values)
            row |= {f"{name}_p{p}": quantile(ordered, p / 100) for p in (5, 50, 95)}
        row |= {"costs_more_share": self.costs_more.value}
        row |= {"costs_more_share_low": low, "costs_more_share_high": high}
        if not self.paid_usd.any():
            return row
        low, high = self.too_late.interval
        row |= {"term_months": self.term_months, "not_paid_back_share": self.too_late.value}
        return row | {"not_paid_back_share_low": low, "not_paid_back_share_high": high}


def switch(
    contest: Contest, side: str, runs: dict[str, Run], own: Own, trend: FloatArray, once: Once
) -> Switch:
    """What becomes of the bill if all goes to a side.

    Parameters
    ----------
    contest : Contest
    side : str
    runs : dict of str to Run
    own : Own
        The scenario's volume in each world.
    trend : (worlds,) float64
        Factor by which the reference's price changes in a year.
    once : Once
        What switching costs beside machines.
    """
    reference = _usd(contest, contest.reference, runs, own)
    usd = _usd(contest, side, runs, own)
    able = runs[side].able and bool(np.isfinite(usd).all()) and _keeps(runs[side], own)
    curve = runs[side].curve
    replicas = int(curve.capacity.needed(own.planned)[0]) if isinstance(curve, ByFleet) else None
    found = [once.outlays(side, world) for world in range(len(usd))]
    gpus = None
    if replicas is not None and able:
        scenario = contest.at(side, contest.volume, Fleet(replicas))
        designs = [scenario.design(draws) for draws in own.draws]
        gpus = designs[0].pools[0].bought_gpus(replicas)
        found = [[*outlays(d), *also] for d, also in zip(designs, found, strict=True)]
    sums = zip(found, usd.tolist(), reference.tolist(), trend.tolist(), strict=True)
    paid = np.array(
        [(*_paid(*each), once.life_years(each[0], world)) for world, each in enumerate(sums)]
    ).T
    return Switch(side, able, replicas, gpus, usd, reference, *paid)


def _paid(
    found: list[Outlay], usd: float, reference_usd: float, trend: float
) -> tuple[float, float]:
    """What is paid at once, and years until it is saved."""
    if not found:
        return 0.0, 0.0
    years = years_to_pay(found, usd * 12, reference_usd * 12, trend)
    return math.fsum(each.usd for each in found), years


def _usd(contest: Contest, side: str, runs: dict[str, Run], own: Own) -> FloatArray:
    """Cost of a side in a month, in each world at its own volume."""
    curve = runs[side].curve
    if isinstance(curve, ByFleet):
        if not curve.capacity.carries_any:
            return np.full(len(own.volume), np.inf)
        replicas = int(curve.capacity.needed(own.planned)[0])
        return curve.fleet_usd(replicas, own.nominal) * MONTH_DAYS
    assert isinstance(curve, ByUse)
    counted = own.nominal if contest.kind(side) == EDGE else own.volume
    return curve.paid_usd(counted) * MONTH_DAYS


def _keeps(run: Run, own: Own) -> bool:
    """Whether a side that is paid by use keeps the SLO at the volume that is planned for."""
    curve = run.curve
    return not isinstance(curve, ByUse) or bool(np.isfinite(curve.usd(own.planned)).all())
