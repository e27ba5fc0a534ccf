"""Charges of a pool of GPUs.

What is committed to is on the bill as a purchase, which recurs every hour or is paid once; the
hours that it covers, used and unused, carry its cost, and are on no bill of their own. Of a
reservation the part paid upfront was on a bill before the horizon, and what is owned, too.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TypedDict

import numpy as np
import numpy.typing as npt

from sim.model.design import GpuPool
from sim.model.energy import J_PER_KWH, Energy
from sim.model.price import HOUR_S, MONTH_S, GpuPrice
from sim.model.purchase import (
    W_PER_KW,
    CapacityBlock,
    Owned,
    PayAsYouGo,
    PurchasePlan,
    Reserved,
    Tranche,
    TrancheUse,
    fill,
)
from sim.montecarlo.money.charge import Charge, Pricing, charge, purchase
from sim.montecarlo.money.work import PoolWork, rented_hours

FloatArray = npt.NDArray[np.float64]

GPU_HOURS = "GPU-Hours"
GIB = 2**30
PRICING: dict[str, Pricing] = {
    "on_demand": "Standard",
    "serverless": "Standard",
    "dedicated": "Standard",
    "spot": "Dynamic",
    "reserved_1y": "Committed",
    "reserved_2y": "Committed",
    "reserved_3y": "Committed",
    "reserved_5y": "Committed",
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
    rented = rented_hours(work.start_s, work.end_s, hours_s) * work.gpus
    if pool.fixed_usd_per_month > 0:
        yield _fixed(pool, work, rented, hours_s)
    yield from _of_tiers(pool, work, rented, hours_s)
    if isinstance(pool.price, GpuPrice):
        yield from _of_replicas(pool, pool.price, work, rented, hours_s)
        return
    plan = pool.price
    for tranche, use in _uses_of_tranches(pool, plan, work, hours_s):
        part = _Part(pool.name, work, use, rented, hours_s)
        match tranche:
            case PayAsYouGo():
                yield _paid_in_use(tranche, plan, part)
            case Owned():
                yield from _owned(tranche, part, pool.energy)
            case _:
                yield from _committed(tranche, plan, part)


def _fixed(pool: GpuPool, work: PoolWork, rented: FloatArray, hours_s: FloatArray) -> Charge:
    """What is paid by the month beside the GPUs; of no use while there are none."""
    months = np.diff(hours_s) / MONTH_S
    usd = months * pool.fixed_usd_per_month
    uses = _uses(work, usd, np.where(rented > 0, usd, 0.0))
    return charge(pool.name, "fixed", "Months", months, usd, work.shares, pricing="Other", **uses)


def _of_tiers(
    pool: GpuPool, work: PoolWork, rented: FloatArray, hours_s: FloatArray
) -> Iterator[Charge]:
    """Memory under the cache of prompts: of replicas while these are rented, else all the time."""
    cache = pool.prefix_cache
    for tier in cache.tiers if cache is not None else ():
        if tier.usd_per_gib_month == 0:
            continue
        assert cache is not None
        months = np.diff(hours_s) / MONTH_S
        if not tier.is_shared:
            replicas = rented * work.placed_share / pool.gpus_per_replica
            months = replicas * pool.profile.data_parallel_ranks * HOUR_S / MONTH_S
        amount = months * tier.capacity_tokens * cache.bytes_per_token / GIB
        usd = amount * tier.usd_per_gib_month
        uses = _uses(work, usd, np.where(rented > 0, usd, 0.0))
        kind = f"{tier.kind} tier"
        yield charge(
            pool.name, kind, "GiB-Months", amount, usd, work.shares, pricing="Other", **uses
        )


def _uses_of_tranches(
    pool: GpuPool, plan: PurchasePlan, work: PoolWork, hours_s: FloatArray
) -> Iterator[tuple[Tranche, TrancheUse]]:
    """Each tranche with its GPU-hours: replicas that stand in for spot have those on demand."""
    gpus = work.gpus
    if not pool.falls_back:
        uses = fill(plan, work.start_s, work.end_s, gpus, hours_s)
        yield from zip(plan.tranches, uses, strict=True)
        return
    for part, mine in ((plan.own(), ~work.stands_in), (plan.stand_in(), work.stands_in)):
        uses = fill(part, work.start_s[mine], work.end_s[mine], gpus, hours_s)
        yield from zip(part.tranches, uses, strict=True)


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
    def used_share(self) -> FloatArray:
        """Of the GPU-hours that there are, those taken by replicas: (hours,)."""
        return _over(self.use.used, self.use.held)


def _over(top: FloatArray, bottom: FloatArray) -> FloatArray:
    share: FloatArray = np.divide(top, bottom, out=np.zeros_like(top), where=bottom > 0)
    return share


class _Uses(TypedDict):
    """What a cost went to, as keywords of a charge; what is left is used."""

    headroom_usd: FloatArray
    idle_usd: FloatArray
    wasted_usd: FloatArray
    wasted_shares: FloatArray


def _uses(work: PoolWork, usd: FloatArray, rented_usd: FloatArray) -> _Uses:
    """Uses of a cost, of which a part is of the time for which GPUs were rented.

    Of these, those that no replica has are idle.
    """
    placed_usd = rented_usd * work.placed_share
    worked_usd, headroom_usd = placed_usd * work.worked_share, placed_usd * work.headroom_share
    return _Uses(
        headroom_usd=headroom_usd,
        idle_usd=np.maximum(usd - worked_usd - headroom_usd, 0.0),
        wasted_usd=worked_usd * work.wasted_share,
        wasted_shares=work.wasted_shares,
    )


def _of_replicas(
    pool: GpuPool, price: GpuPrice, work: PoolWork, rented: FloatArray, hours_s: FloatArray
) -> Iterator[Charge]:
    """One price for every replica or node, its time rounded up: its last hour has what is added.

    At the price of a commitment, as much is committed to as is billed.
    """
    gpus = work.gpus
    rented_s = work.end_s - work.start_s
    added_s = np.array([price.billed_s(float(s)) for s in rented_s]) - rented_s
    last = (np.searchsorted(hours_s, work.end_s, side="left") - 1).astype(np.intp)
    billed = rented + np.bincount(last, added_s * gpus / HOUR_S, len(rented))
    list_price = price.list_usd_per_gpu_hour
    usd, rented_usd = (x * price.usd_per_gpu_hour for x in (billed, rented))
    pricing = PRICING[price.purchase]
    is_committed = pricing == "Committed"
    yield charge(
        pool.name,
        price.purchase,
        GPU_HOURS,
        billed,
        usd,
        work.shares,
        consumed=rented,
        list_usd=None if list_price is None else billed * list_price,
        tokens=work.tokens,
        pricing=pricing,
        status="Used" if is_committed else "",
        **_uses(work, usd, rented_usd),
    )
    if is_committed:
        shares = work.shares
        yield purchase(pool.name, price.purchase, GPU_HOURS, billed, usd, shares, "Recurring")


def _paid_in_use(tranche: PayAsYouGo, plan: PurchasePlan, part: _Part) -> Charge:
    usd = part.use.used * tranche.usd_per_gpu_hour
    return charge(
        part.backend,
        tranche.purchase,
        GPU_HOURS,
        part.use.used,
        usd,
        part.work.shares,
        list_usd=part.use.used * plan.list_usd_per_gpu_hour(tranche),
        tokens=part.tokens,
        pricing=PRICING[tranche.purchase],
        **_uses(part.work, usd, usd),
    )


def _committed(
    tranche: Reserved | CapacityBlock, plan: PurchasePlan, part: _Part
) -> Iterator[Charge]:
    """Used and unused hours of a commitment, its purchase, and what was taken beyond it."""
    price, list_price = tranche.usd_per_gpu_hour, plan.list_usd_per_gpu_hour(tranche)
    committed, kind = part.use.committed, tranche.purchase
    beyond, bought = part.use.held - committed, None
    within = replace(part, use=TrancheUse(part.use.used - beyond, committed, committed))
    if isinstance(tranche, CapacityBlock):
        paid_usd = tranche.price_usd(float(part.hours_s[-1]))
        total = committed.sum()
        held_usd = committed * (paid_usd / total if total > 0 else 0.0)
        if paid_usd > 0:
            bought = _upfront(tranche, paid_usd, part)
    else:
        held_usd = committed * price
        billed_usd, shares = held_usd * (1 - tranche.upfront_share), part.work.shares
        bought = purchase(part.backend, kind, GPU_HOURS, committed, billed_usd, shares, "Recurring")
    yield from _used_and_unused(kind, held_usd, within.use.used * list_price, within)
    if bought is not None and bought.billed_usd.any():
        yield bought
    if beyond.any():
        above = replace(part, use=TrancheUse(beyond, beyond, 0.0 * beyond))
        yield _beyond(tranche, list_price, above)


def _beyond(tranche: Reserved | CapacityBlock, list_price: float, part: _Part) -> Charge:
    """GPUs at the price of a commitment that none covers: paid while they are in use."""
    usd = part.use.used * tranche.usd_per_gpu_hour
    return charge(
        part.backend,
        f"beyond_{tranche.purchase}",
        GPU_HOURS,
        part.use.used,
        usd,
        part.work.shares,
        list_usd=part.use.used * list_price,
        tokens=part.tokens,
        **_uses(part.work, usd, usd),
    )


def _used_and_unused(
    kind: str, held_usd: FloatArray, list_usd: FloatArray, part: _Part
) -> Iterator[Charge]:
    """What there is of GPUs in any case, by whether it is in use."""
    use = part.use
    usd = held_usd * part.used_share
    yield charge(
        part.backend,
        kind,
        GPU_HOURS,
        use.used,
        usd,
        part.work.shares,
        list_usd=list_usd,
        tokens=part.tokens,
        pricing="Committed",
        status="Used",
        **_uses(part.work, usd, usd),
    )
    yield charge(
        part.backend,
        kind,
        GPU_HOURS,
        use.held - use.used,
        held_usd - usd,
        part.work.shares,
        pricing="Committed",
        status="Unused",
    )


def _upfront(tranche: CapacityBlock, paid_usd: float, part: _Part) -> Charge:
    """All of a block on the bill of the hour in which it begins."""
    billed_usd, quantity = (np.zeros(len(part.hours_s) - 1) for _ in range(2))
    hour = int(np.searchsorted(part.hours_s, tranche.start_s, side="right")) - 1
    billed_usd[hour] = paid_usd
    days = tranche.days_of(float(part.hours_s[-1]))
    quantity[hour] = days * 24 * tranche.gpus
    return purchase(
        part.backend,
        tranche.purchase,
        GPU_HOURS,
        quantity,
        billed_usd,
        part.work.shares,
        "One-Time",
    )


def _owned(tranche: Owned, part: _Part, energy: Energy | None) -> Iterator[Charge]:
    """Loss in value, used and unused; power; and what else it takes to run GPUs of one's own."""
    use, price = part.use, tranche.usd_per_gpu_hour
    yield from _used_and_unused("amortisation", use.held * price, use.used * price, part)
    yield _power(tranche, part, energy)
    months = np.diff(part.hours_s) / MONTH_S
    room_usd = use.held * tranche.colocation_usd_per_gpu_hour
    yield _running("colocation", GPU_HOURS, use.held, room_usd, part)
    yield _running("network", "Months", months, months * tranche.network_usd_per_month, part)
    yield _running("staff", "Months", months, months * tranche.staff_usd_per_month, part)


def _running(kind: str, unit: str, quantity: FloatArray, usd: FloatArray, part: _Part) -> Charge:
    """What is paid for all GPUs of a tranche, busy or not."""
    return charge(
        part.backend,
        kind,
        unit,
        quantity,
        usd,
        part.work.shares,
        pricing="Other",
        **_uses(part.work, usd, usd * part.used_share),
    )


def _drawn_kwh(
    tranche: Owned, part: _Part, energy: Energy | None
) -> tuple[FloatArray, FloatArray, float]:
    """Energy of busy and of idle GPUs, with the site, and the price of a kWh.

    Where watts of a GPU are given they count; else what its engines were simulated to draw, if the
    scenario asks for energy, and of GPUs that nobody has what they draw idle.
    """
    work, use = part.work, part.use
    if tranche.busy_w > 0 or energy is None or work.idle_j is None or work.active_j is None:
        busy = use.used * work.placed_share * work.busy_share
        nothing = 0.0 * busy
        drawn = (tranche.energy_kwh(busy, nothing), tranche.energy_kwh(nothing, use.held - busy))
        return *drawn, tranche.usd_per_kwh
    assert energy.law is not None
    pue = tranche.pue if tranche.pue > 1 else energy.pue
    mine = pue / J_PER_KWH * _over(use.used, part.rented)
    unused = (use.held - use.used) * energy.law.idle_w / W_PER_KW * pue
    price = tranche.usd_per_kwh
    if price == 0 and not math.isnan(energy.usd_per_kwh):
        price = energy.usd_per_kwh
    return mine * work.active_j, mine * work.idle_j + unused, price


def _power(tranche: Owned, part: _Part, energy: Energy | None) -> Charge:
    """Energy of busy and idle GPUs: what the busy ones draw is of the work and of headroom."""
    work = part.work
    busy_kwh, idle_kwh, usd_per_kwh = _drawn_kwh(tranche, part, energy)
    busy_usd = busy_kwh * usd_per_kwh
    usd = busy_usd + idle_kwh * usd_per_kwh
    worked_usd = busy_usd * _over(work.worked_share, work.busy_share).clip(0.0, 1.0)
    headroom_usd = busy_usd * _over(work.headroom_share, work.busy_share)
    headroom_usd = np.minimum(headroom_usd, busy_usd - worked_usd)
    return charge(
        part.backend,
        "power",
        "kWh",
        busy_kwh + idle_kwh,
        usd,
        work.shares,
        headroom_usd=headroom_usd,
        idle_usd=np.maximum(usd - worked_usd - headroom_usd, 0.0),
        wasted_usd=worked_usd * work.wasted_share,
        wasted_shares=work.wasted_shares,
        pricing="Other",
    )
