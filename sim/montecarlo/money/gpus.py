"""Charges of a pool of GPUs."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sim.model.design import GpuPool
from sim.model.price import HOUR_S, MONTH_S, GpuPrice
from sim.model.purchase import (
    CapacityBlock,
    Owned,
    PayAsYouGo,
    PurchasePlan,
    Reserved,
    TrancheUse,
    fill,
)
from sim.montecarlo.money.charge import Charge, Pricing, charge
from sim.montecarlo.money.work import PoolWork, rented_hours

FloatArray = npt.NDArray[np.float64]

GPU_HOURS = "GPU-Hours"
PRICING: dict[str, Pricing] = {
    "on_demand": "Standard",
    "serverless": "Standard",
    "spot": "Dynamic",
    "reserved_1y": "Committed",
    "reserved_3y": "Committed",
    "capacity_block": "Committed",
}


def pool_charges(pool: GpuPool, work: PoolWork, hours_s: FloatArray) -> Iterator[Charge]:
    """All charges of a pool.

    Parameters
    ----------
    pool : GpuPool
    work : PoolWork
    hours_s : (hours + 1,) float64
        Edges of the hours.
    """
    gpus = pool.profile.gpus_per_replica
    rented = rented_hours(work.start_s, work.end_s, hours_s) * gpus
    if isinstance(pool.price, GpuPrice):
        yield _of_replicas(pool, pool.price, work, rented, hours_s)
        return
    plan = pool.price
    uses = fill(plan, work.start_s, work.end_s, gpus, hours_s)
    for tranche, use in zip(plan.tranches, uses, strict=True):
        part = _Part(pool.name, work, use, rented, hours_s)
        match tranche:
            case PayAsYouGo():
                yield _paid_in_use(tranche, plan, part)
            case Owned():
                yield from _owned(tranche, part)
            case _:
                yield from _committed(tranche, plan, part)


@dataclass(frozen=True, slots=True)
class _Part:
    """What a tranche had of a pool's GPU-hours, and of its work in proportion."""

    backend: str
    work: PoolWork
    use: TrancheUse
    rented: FloatArray
    hours_s: FloatArray

    @property
    def tokens(self) -> FloatArray:
        """Tokens of answers that the tranche's GPUs served: (4, hours)."""
        return self.work.tokens * _over(self.use.used, self.rented)

    @property
    def busy(self) -> FloatArray:
        """GPU-hours with somebody in the batch."""
        return self.use.used * self.work.busy_share

    def wasted(self, busy_usd: FloatArray) -> FloatArray:
        """What of the cost of busy time was in vain."""
        return busy_usd * self.work.wasted_share


def _over(top: FloatArray, bottom: FloatArray) -> FloatArray:
    share: FloatArray = np.divide(top, bottom, out=np.zeros_like(top), where=bottom > 0)
    return share


def _of_replicas(
    pool: GpuPool, price: GpuPrice, work: PoolWork, rented: FloatArray, hours_s: FloatArray
) -> Charge:
    """One price for every replica, its time rounded up; what is added falls into its last hour."""
    gpus = pool.profile.gpus_per_replica
    rented_s = work.end_s - work.start_s
    added_s = np.array([price.billed_s(float(s)) for s in rented_s]) - rented_s
    last = (np.searchsorted(hours_s, work.end_s, side="left") - 1).astype(np.intp)
    billed = rented + np.bincount(last, added_s * gpus / HOUR_S, len(rented))
    list_price = price.list_usd_per_gpu_hour
    usd, busy_usd = (x * price.usd_per_gpu_hour for x in (billed, rented * work.busy_share))
    return charge(
        pool.name,
        price.purchase,
        GPU_HOURS,
        billed,
        usd,
        work.shares,
        consumed=rented,
        list_usd=None if list_price is None else billed * list_price,
        wasted_usd=busy_usd * work.wasted_share,
        idle_usd=usd - busy_usd,
        tokens=work.tokens,
        pricing=PRICING[price.purchase],
    )


def _paid_in_use(tranche: PayAsYouGo, plan: PurchasePlan, part: _Part) -> Charge:
    usd, busy_usd = (x * tranche.usd_per_gpu_hour for x in (part.use.used, part.busy))
    return charge(
        part.backend,
        tranche.purchase,
        GPU_HOURS,
        part.use.used,
        usd,
        part.work.shares,
        list_usd=part.use.used * plan.list_usd_per_gpu_hour(tranche),
        wasted_usd=part.wasted(busy_usd),
        idle_usd=usd - busy_usd,
        tokens=part.tokens,
        pricing=PRICING[tranche.purchase],
    )


def _committed(
    tranche: Reserved | CapacityBlock, plan: PurchasePlan, part: _Part
) -> Iterator[Charge]:
    """Used and unused hours of a commitment, and what was paid upfront within the horizon."""
    use, price = part.use, tranche.usd_per_gpu_hour
    beyond_usd = (use.held - use.committed) * price
    if isinstance(tranche, CapacityBlock):
        paid_usd = tranche.price_usd(float(part.hours_s[-1]))
        total = use.committed.sum()
        held_usd = use.committed * (paid_usd / total if total > 0 else 0.0) + beyond_usd
        billed_usd = beyond_usd
        if paid_usd > 0:
            yield _upfront(tranche, paid_usd, part)
    else:
        held_usd = use.held * price
        billed_usd = use.committed * price * (1 - tranche.upfront_share) + beyond_usd
    list_price = plan.list_usd_per_gpu_hour(tranche)
    yield from _used_and_unused(tranche.purchase, held_usd, billed_usd, use.used * list_price, part)


def _used_and_unused(
    kind: str, held_usd: FloatArray, billed_usd: FloatArray, list_usd: FloatArray, part: _Part
) -> Iterator[Charge]:
    """What there is of GPUs in any case, by whether it is in use."""
    use = part.use
    used_share = _over(use.used, use.held)
    usd, busy_usd = held_usd * used_share, held_usd * _over(part.busy, use.held)
    yield charge(
        part.backend,
        kind,
        GPU_HOURS,
        use.used,
        usd,
        part.work.shares,
        list_usd=list_usd,
        billed_usd=billed_usd * used_share,
        wasted_usd=part.wasted(busy_usd),
        idle_usd=usd - busy_usd,
        tokens=part.tokens,
        pricing="Committed",
        status="Used",
    )
    yield charge(
        part.backend,
        kind,
        GPU_HOURS,
        use.held - use.used,
        held_usd - usd,
        part.work.shares,
        billed_usd=billed_usd * (1 - used_share),
        pricing="Committed",
        status="Unused",
    )


def _upfront(tranche: CapacityBlock, paid_usd: float, part: _Part) -> Charge:
    """All of a block on the bill of the hour in which it begins."""
    nothing = np.zeros(len(part.hours_s) - 1)
    billed_usd, quantity = nothing.copy(), nothing.copy()
    hour = int(np.searchsorted(part.hours_s, tranche.start_s, side="right")) - 1
    billed_usd[hour] = paid_usd
    days = tranche.days_of(float(part.hours_s[-1]))
    quantity[hour] = days * 24 * tranche.gpus
    return charge(
        part.backend,
        tranche.purchase,
        GPU_HOURS,
        quantity,
        nothing,
        part.work.shares,
        billed_usd=billed_usd,
        pricing="Committed",
        is_purchase=True,
    )


def _owned(tranche: Owned, part: _Part) -> Iterator[Charge]:
    """Loss in value, used and unused; power; and what else it takes to run GPUs of one's own."""
    use, price = part.use, tranche.usd_per_gpu_hour
    not_billed = 0.0 * use.held  # bought before the horizon
    yield from _used_and_unused(
        "amortisation", use.held * price, not_billed, use.used * price, part
    )
    yield _power(tranche, part)
    months = np.diff(part.hours_s) / MONTH_S
    room_usd = use.held * tranche.colocation_usd_per_gpu_hour
    yield _running("colocation", GPU_HOURS, use.held, room_usd, part)
    yield _running("network", "Months", months, months * tranche.network_usd_per_month, part)
    yield _running("staff", "Months", months, months * tranche.staff_usd_per_month, part)


def _running(kind: str, unit: str, quantity: FloatArray, usd: FloatArray, part: _Part) -> Charge:
    """What is paid for all GPUs of a tranche, busy or not."""
    busy_usd = usd * _over(part.busy, part.use.held)
    return charge(
        part.backend,
        kind,
        unit,
        quantity,
        usd,
        part.work.shares,
        wasted_usd=part.wasted(busy_usd),
        idle_usd=usd - busy_usd,
        pricing="Other",
    )


def _power(tranche: Owned, part: _Part) -> Charge:
    idle = part.use.held - part.busy
    nothing = 0.0 * idle
    busy_usd = tranche.energy_kwh(part.busy, nothing) * tranche.usd_per_kwh
    idle_usd = tranche.energy_kwh(nothing, idle) * tranche.usd_per_kwh
    return charge(
        part.backend,
        "power",
        "kWh",
        tranche.energy_kwh(part.busy, idle),
        busy_usd + idle_usd,
        part.work.shares,
        wasted_usd=part.wasted(busy_usd),
        idle_usd=idle_usd,
        pricing="Other",
    )
