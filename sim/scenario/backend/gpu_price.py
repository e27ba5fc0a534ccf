"""What GPUs cost: the keys of a price or of a purchase plan, and what they make.

A price alone is that of GPUs rented while they are in use. Whatever is committed to or owned, and
every list of prices, is a purchase plan: its entries are filled in order.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, Final

from pydantic import Discriminator, Field, Tag

from sim.catalog import default_gpu_price, gpu_price
from sim.errors import CatalogError
from sim.model import purchase as model
from sim.model.price import HOUR_S, GpuPrice
from sim.scenario.values.fields import TAG, Start, iso_date, number, one_of, start_of_event
from sim.scenario.values.numbers import Number, Quantity, extent, known
from sim.scenario.values.part import Model, Text
from sim.scenario.values.problems import Findings, Path

Draws = Mapping[str, float]

BILLING_S: Final = {
    "per_second": 1.0,
    "per_minute": 60.0,
    "per_hour": 3600.0,
    "per_day": 86_400.0,
}
RENTED: Final = ("on_demand", "spot", "serverless", "dedicated")
RESERVED: Final = ("reserved_1y", "reserved_2y", "reserved_3y", "reserved_5y")
BLOCK: Final = "capacity_block"
PURCHASES: Final = (*RENTED, BLOCK, *RESERVED)
WAYS: Final = ("usd_per_gpu_hour", "usd_per_gpu_second", "provider", "owned")
LEAST_PER_HOUR: Final = 5e-3  # USD; the cheapest GPUs cost ten times that
MOST_PER_SECOND: Final = 0.1  # USD: 360 an hour
ONLY_OF: Final = {"upfront_share": RESERVED, "start": (BLOCK,), "days": (BLOCK,)}

Dollars = Annotated[Number, number("money", least=0, most=1e9)]
Watts = Annotated[Number, number("count", least=0, most=1e6)]


class Owned(Model):
    """GPUs that were bought, with their share of the machine around them."""

    usd_per_gpu: Dollars
    """Purchase price of a GPU."""
    years: Annotated[Number, number("count", above=0, most=100)]
    """Time over which it is written off."""
    residual_share: Annotated[Number, number("share", least=0, most=1)] = 0.0
    """Share of the purchase price that it is worth at the end; default 0."""
    idle_watts: Watts = 0.0
    """Power of a GPU that does nothing; default 0."""
    busy_watts: Watts = 0.0
    """Power of a GPU that works; default 0."""
    pue: Annotated[Number, number("factor", least=1, most=10)] = 1.0
    """Power of the data centre over that of its machines; default 1."""
    usd_per_kwh: Dollars = 0.0
    """Price of electricity; default 0."""
    colocation_usd_per_kw_month: Dollars = 0.0
    """Rent of room and power connection, for the busy watts; default 0."""
    network_usd_per_month: Dollars = 0.0
    """Network of all of them; default 0."""
    staff_usd_per_month: Dollars = 0.0
    """People who run all of them; default 0."""


class Price(Model):
    """Price of a GPU: given, that of a provider in the catalogue, or what owning it costs."""

    usd_per_gpu_hour: Annotated[Number, number("money", least=0, most=1e6)] | None = None
    """Price of one GPU for an hour."""
    usd_per_gpu_second: Annotated[Number, number("money", least=0, most=1e3)] | None = None
    """Price of one GPU for a second, as serverless providers give it."""
    billing: Annotated[str, one_of(*BILLING_S)] | None = None
    """Rented time is rounded up to this; default per_second, or as the provider does."""
    provider: Text | None = None
    """Provider in the catalogue; 'sim catalog prices' lists them."""
    purchase: Annotated[str, one_of(*PURCHASES)] | None = None
    """How they are had; default on_demand. What is reserved is paid whether it is used or not."""
    owned: Owned | None = None
    """GPUs that were bought, such as {usd_per_gpu: 30 kUSD, years: 4}."""
    gpus: Annotated[Number, number("count", least=0, most=1e7, integer=True)] | None = None
    """How many GPUs are had this way; default as many as are wanted, or of those committed to or
    owned as many as there may be."""
    upfront_share: Annotated[Number, number("share", least=0, most=1)] | None = None
    """Reserved: share of the price that was paid before; default 0."""
    start: Annotated[Start, start_of_event(Quantity("duration", least=0))] | None = None
    """Capacity block: when it begins; default with the horizon."""
    days: Annotated[Number, number("count", least=1, most=3660, integer=True)] | None = None
    """Capacity block: whole days that are paid; default until the end of the horizon."""
    list_usd_per_gpu_hour: Annotated[Number, number("money", least=0, most=1e6)] | None = None
    """Public price without any discount, for reports; default that on demand."""
    source: Text | None = None
    """Where the price comes from."""
    as_of: Annotated[str, iso_date()] | None = None
    """Date of the price."""


def _tag(raw: Any) -> str:
    return f"{TAG}plan" if isinstance(raw, list) else f"{TAG}price"


GpuPrices = Annotated[
    Annotated[Price, Tag(f"{TAG}price")]
    | Annotated[list[Price], Field(min_length=1), Tag(f"{TAG}plan")],
    Discriminator(_tag),
]
"""A price, or a purchase plan."""


@dataclass(frozen=True, slots=True)
class Most:
    """GPUs that a pool may have at once, bought so many together for so many replicas."""

    replicas: tuple[Number, ...]
    unit_gpus: int
    unit_replicas: int = 1

    def gpus(self, draws: Draws) -> float:
        """In a world."""
        replicas = sum(known(number, draws) for number in self.replicas)
        return self.unit_gpus * math.ceil(replicas / self.unit_replicas)


def check(path: Path, raw: Any, findings: Findings) -> None:
    """Note keys of a price or a plan, as plain data, that contradict each other."""
    path = (*path, "price")
    if isinstance(raw, list):
        for index, price in enumerate(raw):
            if isinstance(price, dict):
                _check_one((*path, index), price, findings)
                _check_tranche((*path, index), price, findings)
    elif isinstance(raw, dict):
        _check_one(path, raw, findings)
        if _is_plan(raw.get("purchase"), raw.keys()) and "billing" in raw:
            message = "has no meaning for what is not paid by its use"
            findings.add((*path, "billing"), message, "remove it")


def _check_one(path: Path, price: dict[str, Any], findings: Findings) -> None:
    ways = [key for key in WAYS if key in price]
    for key in ways[1:]:
        findings.add((*path, key), f"goes beside {ways[0]}, must be the only one")
    if not ways:
        findings.add(path, "has no price", "add usd_per_gpu_hour, such as usd_per_gpu_hour: 2.99")
    purchase = price.get("purchase")
    if "owned" in price and purchase is not None:
        findings.add((*path, "purchase"), "has no meaning beside owned", "remove it")
    for only, purchases in ONLY_OF.items():
        if only in price and purchase not in purchases:
            remedy = f"add purchase: {purchases[0]}"
            findings.add((*path, only), f"has no meaning for {purchase or 'on_demand'}", remedy)
    for detail in ("source", "as_of"):
        if detail in price and "provider" in price:
            findings.add((*path, detail), "comes with the provider's price", "remove it")


def _check_tranche(path: Path, price: dict[str, Any], findings: Findings) -> None:
    if "billing" in price:
        message = "has no meaning in a plan, where what is rented is paid by the second"
        findings.add((*path, "billing"), message, "remove it")
    if "gpus" not in price and ("owned" in price or price.get("purchase") in (BLOCK, *RESERVED)):
        findings.add((*path, "gpus"), "is missing", "such as gpus: 8")


def _is_plan(purchase: Any, keys: Any) -> bool:
    """Whether a single price is one of what is committed to, or of so many GPUs."""
    return "owned" in keys or "gpus" in keys or purchase in (BLOCK, *RESERVED)


def resolved(
    price: Price | list[Price] | None, gpu: str, most: Most, path: Path, findings: Findings
) -> Price | list[Price] | None:
    """The price or plan in USD with sources and dates; None if the catalogue has none."""
    path = (*path, "price")
    if isinstance(price, list):
        plan = [_resolved(one, gpu, (*path, i), findings) for i, one in enumerate(price)]
        # In a plan what is rented is paid by the second, whatever its provider does.
        found = [one.model_copy(update={"billing": None}) for one in plan if one is not None]
        _check_size(found, most, path, findings)
        return found
    only = _resolved(price, gpu, path, findings)
    if only is None or _is_plan(only.purchase, _given(only)):
        _check_size([only] if only is not None else [], most, path, findings)
        return only
    return only.model_copy(update={"billing": only.billing or "per_second"})


def _given(price: Price) -> set[str]:
    return {key for key, value in price if value is not None}


def _check_unit(price: Price, path: Path, findings: Findings) -> None:
    """Note a price by the second where one by the hour is meant, and the other way round."""
    hour, second = price.usd_per_gpu_hour, price.usd_per_gpu_second
    if hour is not None and 0 < extent(hour)[1] < LEAST_PER_HOUR:
        message = f"{extent(hour)[1]:.4g} USD must be the price of an hour"
        remedy = "a price by the second is usd_per_gpu_second"
        findings.add((*path, "usd_per_gpu_hour"), message, remedy)
    if second is not None and extent(second)[0] > MOST_PER_SECOND:
        usd = extent(second)[0]
        message = f"{usd:.4g} USD would be {usd * HOUR_S:,.0f} USD an hour"
        findings.add(
            (*path, "usd_per_gpu_second"), message, "a price by the hour is usd_per_gpu_hour"
        )


def _resolved(price: Price | None, gpu: str, path: Path, findings: Findings) -> Price | None:
    if price is not None:
        _check_unit(price, path, findings)
    try:
        if price is None:
            return _listed(default_gpu_price(gpu), Price.model_construct())
        if price.provider is not None:
            days, gpus = _whole(price.days), _whole(price.gpus)
            way = price.purchase or "on_demand"
            return _listed(gpu_price(price.provider, gpu, way, days=days, gpus=gpus), price)
    except CatalogError as error:
        findings.add(path, str(error), "give price: {usd_per_gpu_hour: 2.99}")
        return None
    if price.usd_per_gpu_second is not None and price.purchase is None:
        return price.model_copy(update={"purchase": "serverless"})
    return price


def _whole(number: Number | None) -> int | None:
    """A number that is known in every world."""
    return int(number) if isinstance(number, float) else None


def _listed(listed: GpuPrice, price: Price) -> Price:
    """A price of the catalogue as a scenario would give it."""
    names = {seconds: name for name, seconds in BILLING_S.items()}
    by_use = not _is_plan(price.purchase, _given(price))
    usual = names[listed.billing_granularity_s] if by_use else None
    return price.model_copy(
        update={
            "usd_per_gpu_hour": float(listed.usd_per_gpu_hour),
            "billing": price.billing or usual,
            "provider": None,
            "source": listed.source or None,
            "as_of": listed.as_of or None,
        }
    )


def _check_size(plan: list[Price], most: Most, path: Path, findings: Findings) -> None:
    """Note a plan that has fewer GPUs than the pool may have."""
    sizes = [price.gpus for price in plan]
    certain = all(isinstance(number, float) for number in (*sizes, *most.replicas))
    if not plan or not certain:  # None is no limit; a world of uncertain ones is refused later
        return
    there, wanted = sum(size for size in sizes if isinstance(size, float)), most.gpus({})
    if wanted > there:
        message = f"has {there:g} GPUs, and the pool may have {wanted:g}"
        findings.add(path, message, "add {purchase: on_demand, ...} without gpus")


def compiled(
    price: Price | list[Price], most: Most, start: datetime, draws: Draws
) -> GpuPrice | model.PurchasePlan:
    """The price or plan in a world whose horizon begins at ``start``."""
    if isinstance(price, list):
        return model.PurchasePlan(tuple(_tranche(one, most, start, draws) for one in price))
    if _is_plan(price.purchase, _given(price)):
        return model.PurchasePlan((_tranche(price, most, start, draws),))
    public = price.list_usd_per_gpu_hour
    return GpuPrice(
        _per_hour(price, draws),
        BILLING_S[price.billing or "per_second"],
        price.source or "",
        price.as_of or "",
        price.purchase or "on_demand",
        None if public is None else known(public, draws),
    )


def _per_hour(price: Price, draws: Draws) -> float:
    if price.usd_per_gpu_second is not None:
        return known(price.usd_per_gpu_second, draws) * HOUR_S
    assert price.usd_per_gpu_hour is not None
    return known(price.usd_per_gpu_hour, draws)


def _tranche(price: Price, most: Most, start: datetime, draws: Draws) -> model.Tranche:
    source, as_of = price.source or "", price.as_of or ""
    there = math.inf if price.gpus is None else known(price.gpus, draws)
    held = most.gpus(draws) if price.gpus is None else there
    if price.owned is not None:
        return _owned(price.owned, held, source, as_of, draws)
    usd, public = _per_hour(price, draws), price.list_usd_per_gpu_hour
    listed = None if public is None else known(public, draws)
    match price.purchase:
        case "reserved_1y" | "reserved_2y" | "reserved_3y" | "reserved_5y" as term:
            upfront = 0.0 if price.upfront_share is None else known(price.upfront_share, draws)
            return model.Reserved(usd, held, term, upfront, listed, source, as_of)
        case "capacity_block":
            begin = 0.0 if price.start is None else known(price.start.offset(start), draws)
            days = None if price.days is None else int(known(price.days, draws))
            return model.CapacityBlock(usd, held, begin, days, listed, source, as_of)
        case "spot" | "serverless" | "dedicated" as way:
            return model.PayAsYouGo(usd, way, there, listed, source, as_of)
    return model.PayAsYouGo(usd, "on_demand", there, listed, source, as_of)


def _owned(owned: Owned, gpus: float, source: str, as_of: str, draws: Draws) -> model.Owned:
    idle_w, busy_w = known(owned.idle_watts, draws), known(owned.busy_watts, draws)
    return model.Owned(
        gpus,
        known(owned.usd_per_gpu, draws),
        known(owned.years, draws),
        known(owned.residual_share, draws),
        min(idle_w, busy_w),
        busy_w,
        known(owned.pue, draws),
        known(owned.usd_per_kwh, draws),
        known(owned.colocation_usd_per_kw_month, draws),
        known(owned.network_usd_per_month, draws),
        known(owned.staff_usd_per_month, draws),
        source,
        as_of,
    )
