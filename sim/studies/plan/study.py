"""A plan, month by month: volume, fleet, commitments, cost, margin, latency.

At some months the representative days are simulated, in worlds that differ in today's uncertain
inputs and in what the future brings. Pools that do not scale by themselves get, in every world, the
replicas that its peak day needs, times the smallest margin with which the SLO holds in enough
worlds: who plans knows by then how much there is to do. Pools that scale do so within their limits.

Commitments run for a year, none past a change of hardware, and are chosen when they begin for all
worlds at once; see :mod:`sim.studies.plan.commitment`. What is in use beyond them is had on demand
and, up to a share of it, on spot. Prices of GPUs and tokens follow the outlook; a reservation keeps
the price at which it began.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sim.errors import PeakfleetError
from sim.model.design import Design, GpuPool
from sim.model.price import GpuPrice
from sim.montecarlo.draws import draw_worlds
from sim.studies.bench import Bench
from sim.studies.case import Case
from sim.studies.plan.answer import Commitment, Plan
from sim.studies.plan.commitment import best_commitment, cost
from sim.studies.plan.days import PEAK, WEEKDAY, anchors, check_planned, day, days_per_month
from sim.studies.plan.outlook import PREFIX, UNCHANGED, Outlook
from sim.studies.plan.runs import HOURS, KINDS, Month, Simulations
from sim.studies.stress.verdict import Judge

FloatArray = npt.NDArray[np.float64]

DEFAULT_WORLDS = 12
DEFAULT_ANCHORS = 5
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


DEFAULT_TERMS = Terms()


def plan(
    case: Case,
    bench: Bench,
    outlook: Outlook = UNCHANGED,
    terms: Terms = DEFAULT_TERMS,
    worlds: int = DEFAULT_WORLDS,
    seed: int | None = None,
    probability: float = 0.75,
    budget_usd: float | None = None,
    simulated: int = DEFAULT_ANCHORS,
) -> Plan:
    """Plan the months of a service.

    Parameters
    ----------
    case : Case
    bench : Bench
    outlook : Outlook
    terms : Terms
    worlds : int
    seed : int, optional
        That of the scenario by default.
    probability : float
        With which each month's fleet must hold.
    budget_usd : float, optional
        A month.
    simulated : int
        Months to simulate, at least; those between are interpolated.
    """
    scenario = case.load()
    design = scenario.typical_design()
    check_planned(design)
    prices = {pool.name: terms.usd(pool) for pool in design.pools}
    seed = scenario.seed if seed is None else seed
    judge = Judge(probability)
    runs = Simulations(case, bench, outlook, worlds, seed, judge, design)
    months = [runs.month(month) for month in anchors(outlook, simulated)]
    inputs = day(case, outlook, 0, WEEKDAY).inputs
    future = _Future(outlook, draw_worlds(inputs, seed, worlds), months)
    ledger = _bought(design, prices, terms, outlook, future)
    return Plan(
        name=scenario.name,
        worlds=worlds,
        seed=seed,
        probability=probability,
        budget_usd=budget_usd,
        outlook=outlook,
        present={pool.name: pool.replicas for pool in design.pools if pool.autoscaler is None},
        gpus_per_replica={pool.name: pool.profile.gpus_per_replica for pool in design.pools},
        simulated=tuple(each.month for each in months),
        words=tuple(judge.word(each.held, worlds) for each in months),
        held=tuple(each.held for each in months),
        margins=tuple(each.margin for each in months),
        volume=future.volume,
        gpus={name: gpus.reshape(worlds, outlook.months, -1) for name, gpus in ledger.gpus.items()},
        commitments=tuple(ledger.commitments),
        reserved_usd=ledger.reserved_usd,
        flexible_usd=ledger.flexible_usd,
        uncommitted_usd=ledger.uncommitted_usd,
        api_usd=future.api_usd(design),
        revenue_usd=future.per_month("revenue_usd"),
        requests=future.per_month("requests"),
        weekday_p95_s=future.of_days("peak_hour_ttft_p95_s", WEEKDAY),
        peak_p95_s=future.of_days("peak_hour_ttft_p95_s", PEAK),
        one_off_usd=design.one_off.usd if design.one_off else 0.0,
    )


class _Future:
    """Figures of every month and world, from those that are simulated."""

    def __init__(self, outlook: Outlook, draws: dict[str, FloatArray], months: list[Month]) -> None:
        self.outlook, self.months = outlook, months
        self.worlds = len(draws[f"{PREFIX}price"])
        every = range(outlook.months)
        values = [
            {path: float(own[world]) for path, own in draws.items()} for world in range(self.worlds)
        ]
        self.volume = np.array([[outlook.volume(m, each) for m in every] for each in values])
        self.price = draws[f"{PREFIX}price"][:, None] ** (np.arange(outlook.months) / 12.0)
        self.weights = np.array([days_per_month(outlook)[kind] for kind in KINDS])

    def between(self, values: FloatArray) -> FloatArray:
        """Every month from the simulated ones, evenly in the logarithm; axis 0 is the month."""
        at = np.array([each.month for each in self.months], np.float64)
        every = np.arange(self.outlook.months, dtype=np.float64)
        above = np.clip(np.searchsorted(at, every), 1 if len(at) > 1 else 0, len(at) - 1)
        below = np.maximum(above - 1, 0)
        span = np.maximum(at[above] - at[below], 1.0)
        weight = ((every - at[below]) / span).reshape(-1, *(1,) * (values.ndim - 1))
        low, high = values[below], values[above]
        with np.errstate(divide="ignore", invalid="ignore"):
            even = np.exp((1.0 - weight) * np.log(low) + weight * np.log(high))
        straight = (1.0 - weight) * low + weight * high
        # What is nothing at one end, or not known there, has no logarithm.
        return np.where((low > 0) & (high > 0), even, straight)

    def of_days(self, metric: str, kind: str) -> FloatArray:
        """A metric of one kind of day: (worlds, months)."""
        simulated = [each.days[kind].sample.values(metric)[: self.worlds] for each in self.months]
        return self.between(np.stack(simulated)).T

    def per_month(self, metric: str) -> FloatArray:
        """What the days of a month bring together: (worlds, months)."""
        days = [self.of_days(metric, kind) for kind in KINDS]
        return np.asarray(np.tensordot(self.weights, np.stack(days), axes=1))

    def api_usd(self, design: Design) -> FloatArray:
        """Bills of the APIs: (worlds, months)."""
        bills = [self.per_month(f"backends.{api.name}.cost_usd") for api in design.managed]
        return np.asarray(sum(bills, np.zeros(self.volume.shape)) * self.price)

    def gpus(self, pool: GpuPool) -> FloatArray:
        """GPUs by the hour: (worlds, months, 3, 24); of whole replicas where none comes or goes."""
        found = self.between(np.stack([each.gpus[pool.name] for each in self.months]))
        if not pool.moves:
            size = pool.profile.gpus_per_replica
            found = np.ceil(found / size - 1e-6) * size
        return np.moveaxis(found, 0, 1)


@dataclass(frozen=True, slots=True)
class _Ledger:
    """What is bought: arrays are (worlds, months)."""

    commitments: list[Commitment]
    gpus: dict[str, FloatArray]
    reserved_usd: FloatArray
    flexible_usd: FloatArray
    uncommitted_usd: FloatArray


def _bought(
    design: Design, prices: dict[str, float], terms: Terms, outlook: Outlook, future: _Future
) -> _Ledger:
    shape = future.volume.shape
    ledger = _Ledger([], {}, np.zeros(shape), np.zeros(shape), np.zeros(shape))
    hours = np.repeat(future.weights[:, None], HOURS, axis=1)  # (3, 24), of a month
    blend = 1.0 - terms.spot_share * (1.0 - terms.spot)
    renewed = np.array([outlook.refreshed(month) for month in range(outlook.months)])
    new = outlook.refresh.price if outlook.refresh else 1.0
    for pool in design.pools:
        ledger.gpus[pool.name] = gpus = future.gpus(pool)
        on_demand = prices[pool.name] * future.price * np.where(renewed, new, 1.0)
        flexible = (blend * on_demand)[:, :, None, None] * hours  # of a GPU, by hour of the month
        ledger.uncommitted_usd[:] += cost(gpus, flexible, 0.0).sum(axis=(2, 3))
        for first, end in terms_of(outlook):
            here = slice(first, end)
            reserved_usd, committed = 0.0, 0.0
            if terms.reserved is not None:
                reserved_usd = terms.reserved * float(on_demand[:, first].mean())
                total = reserved_usd * hours.sum() * (end - first) * shape[0]
                every = flexible[:, here]
                committed = best_commitment(gpus[:, here].ravel(), every.ravel(), total)
                committed = float(np.floor(committed + 1e-6))
                ledger.commitments.append(
                    Commitment(pool.name, first, end, committed, reserved_usd)
                )
            ledger.reserved_usd[:, here] += committed * reserved_usd * hours.sum()
            beyond = cost(gpus[:, here], flexible[:, here], committed)
            ledger.flexible_usd[:, here] += beyond.sum(axis=(2, 3))
    return ledger


def terms_of(outlook: Outlook) -> list[tuple[int, int]]:
    """First month and end of each reservation.

    Examples
    --------
    >>> from sim.studies.plan.outlook import Refresh
    >>> terms_of(Outlook(months=30, refresh=Refresh(15, 2.0, 1.5)))
    [(0, 12), (12, 15), (15, 27), (27, 30)]
    """
    change = outlook.refresh.month if outlook.refresh else outlook.months
    found, first = [], 0
    while first < outlook.months:
        limits = [first + TERM, outlook.months] + ([change] if first < change else [])
        found.append((first, min(limits)))
        first = found[-1][1]
    return found
