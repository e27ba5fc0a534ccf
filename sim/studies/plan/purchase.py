"""How the GPUs of a plan are had: reserved, on demand, on spot.

Commitments run for a year, none past a change of hardware, and are chosen when they begin for all
worlds at once; see :mod:`sim.studies.plan.commitment`. What is in use beyond them is had on demand
and, up to a share of it, on spot. Prices follow the outlook; a reservation keeps the price at which
it began.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sim.errors import PeakfleetError
from sim.model.design import GpuPool
from sim.model.price import GpuPrice
from sim.studies.plan.commitment import best_commitment, cost
from sim.studies.plan.future import Future
from sim.studies.plan.outlook import Outlook

FloatArray = npt.NDArray[np.float64]

TERM = 12  # months of a reservation


@dataclass(frozen=True, slots=True)
class Terms:
    """At what prices GPUs are to be had.

    Attributes
    ----------
    reserved : float or None
        Price of a reserved GPU-hour over that on demand; None if none are to be had.
    spot, spot_share : float
        Price on spot over that on demand, and the share of what is not reserved that is had there.
    on_demand_usd : float or None
        A GPU-hour; None for the price in the scenario.
    """

    reserved: float | None = None
    spot: float = 1.0
    spot_share: float = 0.0
    on_demand_usd: float | None = None

    def __post_init__(self) -> None:
        for name, share in (("reserved", self.reserved), ("spot", self.spot)):
            if share is not None and not 0 < share <= 1:
                raise PeakfleetError(
                    f"{name} price ({share:g}) must be a share of that on demand, above 0 and at"
                    " most 1"
                )
        if not 0 <= self.spot_share <= 1:
            raise PeakfleetError(f"spot share ({self.spot_share:g}) must be from 0 to 1")
        if self.on_demand_usd is not None and not 0 < self.on_demand_usd < math.inf:
            raise PeakfleetError(
                f"price on demand ({self.on_demand_usd:g}) must be above 0, in USD a GPU-hour"
            )

    def usd(self, pool: GpuPool) -> float:
        """A GPU-hour of a pool on demand, today."""
        if self.on_demand_usd is not None:
            return self.on_demand_usd
        if isinstance(pool.price, GpuPrice):
            return pool.price.usd_per_gpu_hour
        raise PeakfleetError(
            f"backend {pool.name} has a purchase plan of its own; give the price on demand, such as"
            " --on-demand 3"
        )

    @property
    def blend(self) -> float:
        """Price of what is not reserved over that on demand."""
        return 1.0 - self.spot_share * (1.0 - self.spot)

    @property
    def spot_part(self) -> float:
        """Share of the bill of what is not reserved that spot takes."""
        return self.spot_share * self.spot / self.blend


@dataclass(frozen=True, slots=True)
class Commitment:
    """GPUs reserved for some months.

    Attributes
    ----------
    pool : str
    first, end : int
        Months, counted from 0; the end is not among them.
    gpus : float
    usd_per_gpu_hour : float
    """

    pool: str
    first: int
    end: int
    gpus: float
    usd_per_gpu_hour: float


@dataclass(frozen=True, slots=True)
class Ledger:
    """What is bought: arrays are (worlds, months).

    Attributes
    ----------
    commitments : list of Commitment
    gpus : dict of str to (worlds, months, kinds, 24) float64
    reserved_usd, flexible_usd, uncommitted_usd : array
        Of reservations, of what is beyond them, and of all if there were none.
    """

    commitments: list[Commitment]
    gpus: dict[str, FloatArray]
    reserved_usd: FloatArray
    flexible_usd: FloatArray
    uncommitted_usd: FloatArray


def bought(prices: Mapping[str, float], terms: Terms, future: Future) -> Ledger:
    """All GPUs of a plan, reserved where that is expected to be cheaper."""
    shape = future.volume.shape
    ledger = Ledger([], {}, np.zeros(shape), np.zeros(shape), np.zeros(shape))
    hours = future.hours
    for pool in future.design.pools:
        ledger.gpus[pool.name] = gpus = future.gpus(pool)
        on_demand, flexible = _prices(prices[pool.name], terms, future)
        ledger.uncommitted_usd[:] += cost(gpus, flexible, 0.0).sum(axis=(2, 3))
        for first, end in terms_of(future.outlook):
            here = slice(first, end)
            reserved_usd, committed = 0.0, 0.0
            if terms.reserved is not None:
                reserved_usd = terms.reserved * float(on_demand[:, first].mean())
                total = reserved_usd * hours.sum() * (end - first) * shape[0]
                every = flexible[:, here]
                size = pool.unit_gpus
                committed = _commitment(gpus[:, here].ravel(), every.ravel(), total, size)
                ledger.commitments.append(
                    Commitment(pool.name, first, end, committed, reserved_usd)
                )
            ledger.reserved_usd[:, here] += committed * reserved_usd * hours.sum()
            beyond = cost(gpus[:, here], flexible[:, here], committed)
            ledger.flexible_usd[:, here] += beyond.sum(axis=(2, 3))
    return ledger


def _commitment(demand: FloatArray, flexible: FloatArray, reserved: float, size: int) -> float:
    """The GPUs of whole replicas to commit to: of the two numbers beside the best the cheaper.

    The expected cost is convex in their number. Parameters as of :func:`best_commitment`.

    >>> hours, usd = np.array([4.0, 6.5, 6.5, 12.0]), np.full(4, 2.0)
    >>> _commitment(hours, usd, 4 * 1.0, 4)  # 6.5 would be best; 8 costs less than 4
    8.0
    """
    best = best_commitment(demand, flexible, reserved)
    least = float(size * math.floor(best / size + 1e-6))
    if best <= least:
        return least
    usd = {q: q * reserved + float(cost(demand, flexible, q).sum()) for q in (least, least + size)}
    return min(usd, key=usd.__getitem__)


def bill_usd(prices: Mapping[str, float], terms: Terms, future: Future) -> FloatArray:
    """What everything would cost without reservations: (worlds, months)."""
    total = future.api_usd()
    for pool in future.design.pools:
        _, flexible = _prices(prices[pool.name], terms, future)
        total = total + cost(future.gpus(pool), flexible, 0.0).sum(axis=(2, 3))
    return np.asarray(total)


def _prices(today_usd: float, terms: Terms, future: Future) -> tuple[FloatArray, FloatArray]:
    """A GPU-hour on demand, (worlds, months); a flexible GPU by hour, (worlds, months, kinds, 24).

    The latter is weighted with how often the hour comes in a month.
    """
    every = range(future.outlook.months)
    hardware = np.array([future.outlook.hardware(month).price for month in every])
    on_demand = today_usd * future.price * hardware
    return on_demand, (terms.blend * on_demand)[:, :, None, None] * future.hours


def terms_of(outlook: Outlook) -> list[tuple[int, int]]:
    """First month and end of each reservation.

    Examples
    --------
    >>> from sim.studies.plan.outlook import Refresh
    >>> terms_of(Outlook(months=30, refreshes=(Refresh(15, 2.0, 1.5),)))
    [(0, 12), (12, 15), (15, 27), (27, 30)]
    """
    found, first = [], 0
    while first < outlook.months:
        change = next((month for month in outlook.changes if month > first), outlook.months)
        found.append((first, min(first + TERM, change)))
        first = found[-1][1]
    return found
