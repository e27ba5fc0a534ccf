"""Ways to have GPUs: rented while in use, committed to, or owned; and mixtures of them.

A purchase plan is a sequence of tranches. At every instant the GPUs in use fill them in order, each
up to its size; the last takes all that is left, as if there were more of it. What is rented is paid
while it is in use, to the second. What is committed is paid whether it is used or not: a
reservation for the whole horizon, a capacity block in full, for whole days, in the hours that it
has within the horizon. What is owned costs its amortisation, the power that it draws, and what it
takes to run it.

Months and years are mean ones (730.5 and 8,766 hours) throughout.
"""

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from sim.model.price import DAY_S, HOUR_S, MONTH_S, YEAR_S
from sim.model.rule import require

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.intp]

W_PER_KW = 1_000.0


@dataclass(frozen=True, slots=True)
class PayAsYouGo:
    """GPUs that are paid while they are in use.

    Attributes
    ----------
    usd_per_gpu_hour : float
    purchase : {"on_demand", "spot", "serverless", "dedicated"}
    gpus : float
        Infinite for as many as are asked for.
    list_usd_per_gpu_hour : float or None
        Public price without any discount; None for that of the plan.
    source, as_of : str
        Where the price comes from and its date; empty for a price given in the scenario.
    """

    usd_per_gpu_hour: float
    purchase: Literal["on_demand", "spot", "serverless", "dedicated"] = "on_demand"
    gpus: float = math.inf
    list_usd_per_gpu_hour: float | None = None
    source: str = ""
    as_of: str = ""

    def __post_init__(self) -> None:
        _require_size_and_price(self.gpus, self.usd_per_gpu_hour)


@dataclass(frozen=True, slots=True)
class Reserved:
    """GPUs committed to for years, paid for every hour of the horizon.

    Attributes
    ----------
    usd_per_gpu_hour : float
        Of the whole price, what is paid upfront included.
    gpus : float
    purchase : {"reserved_1y", "reserved_2y", "reserved_3y", "reserved_5y"}
    upfront_share : float
        Share of the price that was paid when the term began, before the horizon: part of the cost,
        on none of the horizon's bills.
    list_usd_per_gpu_hour, source, as_of
        As in :class:`PayAsYouGo`.
    """

    usd_per_gpu_hour: float
    gpus: float
    purchase: Literal["reserved_1y", "reserved_2y", "reserved_3y", "reserved_5y"] = "reserved_1y"
    upfront_share: float = 0.0
    list_usd_per_gpu_hour: float | None = None
    source: str = ""
    as_of: str = ""

    def __post_init__(self) -> None:
        _require_size_and_price(self.gpus, self.usd_per_gpu_hour)
        require(math.isfinite(self.gpus), "gpus", self.gpus, "must be a finite number")
        share = self.upfront_share
        require(0 <= share <= 1, "upfront_share", share, "must be from 0 to 1")


@dataclass(frozen=True, slots=True)
class CapacityBlock:
    """GPUs booked for whole days, paid upfront and in full.

    Attributes
    ----------
    usd_per_gpu_hour : float
    gpus : float
    start_s : float
        Seconds from the start of the horizon, at least 0.
    days : int or None
        None for as many as the rest of the horizon takes, rounded up.
    list_usd_per_gpu_hour, source, as_of
        As in :class:`PayAsYouGo`.
    """

    usd_per_gpu_hour: float
    gpus: float
    start_s: float = 0.0
    days: int | None = None
    list_usd_per_gpu_hour: float | None = None
    source: str = ""
    as_of: str = ""
    purchase: Literal["capacity_block"] = "capacity_block"

    def __post_init__(self) -> None:
        _require_size_and_price(self.gpus, self.usd_per_gpu_hour)
        require(math.isfinite(self.gpus), "gpus", self.gpus, "must be a finite number")
        require(self.start_s >= 0, "start_s", self.start_s, "must be at least 0")
        if self.days is not None:
            require(self.days >= 1, "days", self.days, "must be at least 1")

    def days_of(self, duration_s: float) -> int:
        """Days that are paid, given the horizon's length."""
        if self.days is not None:
            return self.days
        # A horizon of whole days but for rounding is not pushed up to the next one.
        return max(math.ceil((duration_s - self.start_s) / DAY_S - 1e-9), 0)

    def price_usd(self, duration_s: float) -> float:
        """All that is paid for it, if it begins within the horizon.

        Examples
        --------
        >>> CapacityBlock(5.0, gpus=8).price_usd(36 * 3600.0)  # 8 GPUs for two days
        1920.0
        """
        if self.start_s >= duration_s:
            return 0.0
        hours = self.days_of(duration_s) * DAY_S / HOUR_S
        return self.usd_per_gpu_hour * self.gpus * hours


@dataclass(frozen=True, slots=True)
class Owned:
    """GPUs that were bought: their loss in value, their power, and what it takes to run them.

    Attributes
    ----------
    gpus : float
    purchase_usd_per_gpu : float
        With its share of the machine and the network around it.
    amortisation_years : float
    residual_share : float
        Of the purchase price, at the end of these years.
    idle_w, busy_w : float
        Power of a GPU with its share of the machine, before cooling.
    pue : float
        Power of the data centre over that of its machines.
    usd_per_kwh : float
    colocation_usd_per_kw_month : float
        Of the power that must be there for all of them: ``busy_w``.
    network_usd_per_month, staff_usd_per_month : float
        For all of them together.
    source, as_of
        As in :class:`PayAsYouGo`.
    """

    gpus: float
    purchase_usd_per_gpu: float
    amortisation_years: float
    residual_share: float = 0.0
    idle_w: float = 0.0
    busy_w: float = 0.0
    pue: float = 1.0
    usd_per_kwh: float = 0.0
    colocation_usd_per_kw_month: float = 0.0
    network_usd_per_month: float = 0.0
    staff_usd_per_month: float = 0.0
    source: str = ""
    as_of: str = ""
    purchase: Literal["owned"] = "owned"

    def __post_init__(self) -> None:
        _require_size_and_price(self.gpus, self.purchase_usd_per_gpu)
        require(math.isfinite(self.gpus), "gpus", self.gpus, "must be a finite number")
        years, share = self.amortisation_years, self.residual_share
        require(years > 0, "amortisation_years", years, "must be above 0")
        require(0 <= share <= 1, "residual_share", share, "must be from 0 to 1")
        require(self.pue >= 1, "pue", self.pue, "must be at least 1")
        watts = f"{self.idle_w:g}, {self.busy_w:g}"
        require(0 <= self.idle_w <= self.busy_w, "idle_w, busy_w", watts, "must increase from 0")

    @property
    def usd_per_gpu_hour(self) -> float:
        """Loss in value of a GPU, per hour of its life."""
        loss_usd = self.purchase_usd_per_gpu * (1 - self.residual_share)
        return loss_usd / (self.amortisation_years * YEAR_S / HOUR_S)

    def energy_kwh(self, busy_gpu_hours: FloatArray, idle_gpu_hours: FloatArray) -> FloatArray:
        """Energy drawn, with that of the data centre around the machines."""
        machines_kwh = (busy_gpu_hours * self.busy_w + idle_gpu_hours * self.idle_w) / W_PER_KW
        return machines_kwh * self.pue

    @property
    def colocation_usd_per_gpu_hour(self) -> float:
        """Rent of the room and the power connection of a GPU."""
        month_h = MONTH_S / HOUR_S
        return self.colocation_usd_per_kw_month * self.busy_w / W_PER_KW / month_h


Rented = PayAsYouGo | Reserved | CapacityBlock
Tranche = Rented | Owned


@dataclass(frozen=True, slots=True)
class PurchasePlan:
    """How the GPUs of a pool are had: tranches, filled in order.

    Attributes
    ----------
    tranches : tuple of Tranche
        At least one.
    """

    tranches: tuple[Tranche, ...]

    def __post_init__(self) -> None:
        count = len(self.tranches)
        require(count > 0, "tranches", count, "must be at least one")

    @property
    def gpus(self) -> float:
        """GPUs that there are at all times; blocks of given days are not."""
        return sum(
            tranche.gpus
            for tranche in self.tranches
            if not (isinstance(tranche, CapacityBlock) and (tranche.days or tranche.start_s))
        )

    def own(self) -> "PurchasePlan":
        """Without what is rented on demand in the place of spot."""
        return PurchasePlan(tuple(t for t in self.tranches if t.purchase != "on_demand"))

    def stand_in(self) -> "PurchasePlan":
        """What is rented on demand in the place of spot."""
        return PurchasePlan(tuple(t for t in self.tranches if t.purchase == "on_demand"))

    @property
    def as_of(self) -> str:
        """The oldest date of its prices; empty where none has one."""
        return min((tranche.as_of for tranche in self.tranches if tranche.as_of), default="")

    @property
    def source(self) -> str:
        """Where its prices come from."""
        return "; ".join(dict.fromkeys(t.source for t in self.tranches if t.source))

    def list_usd_per_gpu_hour(self, tranche: Rented) -> float:
        """Public price of rented GPUs: its own, else that on demand, else what it costs."""
        if tranche.list_usd_per_gpu_hour is not None:
            return tranche.list_usd_per_gpu_hour
        on_demand = (t.usd_per_gpu_hour for t in self.tranches if t.purchase == "on_demand")
        return next(on_demand, tranche.usd_per_gpu_hour)


@dataclass(frozen=True, slots=True)
class TrancheUse:
    """GPU-hours of a tranche in each period.

    Attributes
    ----------
    used : (periods,) float64
    held : (periods,) float64
        That there are, used or not: those in use where they are rented.
    committed : (periods,) float64
        Of these, those that are paid in any case.
    """

    used: FloatArray
    held: FloatArray
    committed: FloatArray


def fill(
    plan: PurchasePlan, start_s: FloatArray, end_s: FloatArray, gpus: int, edges_s: FloatArray
) -> tuple[TrancheUse, ...]:
    """GPU-hours of each tranche in each period, from the replicas that were there.

    Parameters
    ----------
    plan : PurchasePlan
    start_s, end_s : (n,) float64
        From when to when each replica took GPUs, within the periods.
    gpus : int
        Of a replica.
    edges_s : (periods + 1,) float64
        Of the periods, from 0 to the end of the horizon.

    Returns
    -------
    tuple of TrancheUse
        One for each tranche.

    Examples
    --------
    One replica of 8 GPUs all day, another for half an hour, of which 12 GPUs are reserved:

    >>> plan = PurchasePlan((Reserved(1.8, gpus=12), PayAsYouGo(3.0)))
    >>> hours = np.array([0.0, 3600.0, 7200.0])
    >>> base, above = fill(plan, np.array([0, 3600.0]), np.array([7200.0, 5400.0]), 8, hours)
    >>> base.used.tolist(), base.held.tolist(), above.used.tolist()
    ([8.0, 10.0], [12.0, 12.0], [0.0, 2.0])
    """
    duration_s = float(edges_s[-1])
    limits_s = [limit for tranche in plan.tranches for limit in _life_s(tranche, duration_s)]
    times_s = np.unique(np.concatenate([start_s, end_s, edges_s, limits_s]))
    left = gpus * _replicas(start_s, end_s, times_s)
    hours, since_s = np.diff(times_s) / HOUR_S, times_s[:-1]
    period = (np.searchsorted(edges_s, since_s, side="right") - 1).astype(np.intp)
    uses = []
    for number, tranche in enumerate(plan.tranches):
        alive_s, dead_s = _life_s(tranche, duration_s)
        size = np.where((since_s >= alive_s) & (since_s < dead_s), tranche.gpus, 0.0)
        is_last = number == len(plan.tranches) - 1
        taken = left if is_last else np.minimum(size, left)
        committed = 0.0 * taken if isinstance(tranche, PayAsYouGo) else size
        left = left - taken
        each = (taken, np.maximum(committed, taken), committed)
        uses.append(TrancheUse(*(_per_period(x * hours, period, len(edges_s) - 1) for x in each)))
    return tuple(uses)


def _replicas(start_s: FloatArray, end_s: FloatArray, times_s: FloatArray) -> FloatArray:
    """Replicas that are there from each of these times to the next: (times - 1,)."""
    change = np.zeros(len(times_s))
    np.add.at(change, np.searchsorted(times_s, start_s), 1.0)
    np.add.at(change, np.searchsorted(times_s, end_s), -1.0)
    return np.cumsum(change)[:-1]


def _per_period(gpu_hours: FloatArray, period: IntArray, periods: int) -> FloatArray:
    return np.bincount(period, gpu_hours, periods).astype(np.float64)


def _life_s(tranche: Tranche, duration_s: float) -> tuple[float, float]:
    """From when to when a tranche's GPUs are there, within the horizon."""
    if not isinstance(tranche, CapacityBlock):
        return 0.0, duration_s
    end_s = tranche.start_s + tranche.days_of(duration_s) * DAY_S
    return min(tranche.start_s, duration_s), min(end_s, duration_s)


def _require_size_and_price(gpus: float, usd: float) -> None:
    require(gpus >= 0, "gpus", gpus, "must be at least 0")
    require(usd >= 0, "price", usd, "must be at least 0")
