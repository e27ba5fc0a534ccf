"""Prices of rented GPUs, each with the place and the date it was read.

On-demand and spot prices are list prices of a whole instance divided by its GPUs. ``reserved_3y``
prices are an analyst's estimate of a three-year contract, with a quarter paid upfront; a price
alone does not make a commitment: whoever uses it must charge the whole term. Capacity blocks are
bought by the day. Where a provider's billing granularity is not known, it is taken as one second.
"""

import statistics
from dataclasses import dataclass
from datetime import date
from functools import cache

from sim.catalog.table import no_such, rows
from sim.errors import CatalogError
from sim.model.price import GpuPrice

LISTED_BY = "sim catalog prices"


@dataclass(frozen=True, slots=True)
class ListedPrice:
    """One row of the price table.

    Attributes
    ----------
    provider, region, instance : str
        Who, where, and which machine; empty where it makes no difference.
    gpu : str
        As in profile names.
    purchase : str
        ``on_demand``, ``spot``, ``capacity_block`` or ``reserved_3y``.
    usd_per_gpu_hour : float
    billing_granularity_s : float
    source, as_of : str
        ``as_of`` is an ISO date, or only its year and month, or only its year.
    """

    provider: str
    region: str
    instance: str
    gpu: str
    purchase: str
    usd_per_gpu_hour: float
    billing_granularity_s: float
    source: str
    as_of: str

    def price(self) -> GpuPrice:
        """The same as the model's price."""
        return GpuPrice(self.usd_per_gpu_hour, self.billing_granularity_s, self.source, self.as_of)


@cache
def listed_prices() -> tuple[ListedPrice, ...]:
    """All built-in GPU prices; a provider's first region is the one quoted by default."""
    return tuple(
        ListedPrice(
            provider=row["provider"],
            region=row["region"],
            instance=row["instance"],
            gpu=row["gpu"],
            purchase=row["purchase"],
            usd_per_gpu_hour=float(row["usd_per_gpu_hour"]),
            billing_granularity_s=float(row["billing_s"] or 1.0),
            source=row["source"],
            as_of=row["as_of"],
        )
        for row in rows("gpu_prices.csv")
    )


def gpu_price(
    provider: str, gpu: str, purchase: str = "on_demand", region: str | None = None
) -> GpuPrice:
    """The built-in price of a GPU at a provider.

    Parameters
    ----------
    provider, gpu : str
        Names as in the table, in any case.
    purchase : str
        ``on_demand``, ``spot``, ``capacity_block`` or ``reserved_3y``.
    region : str, optional
        By default the first region of the provider that has a price for this GPU and purchase.

    Returns
    -------
    GpuPrice
        Of the cheapest instance per GPU there: small and large machines may differ.

    Examples
    --------
    >>> gpu_price("aws", "h100-sxm").usd_per_gpu_hour
    6.88
    """
    candidates = listed_prices()
    wanted = (("provider", provider), ("GPU", gpu), ("purchase", purchase), ("region", region))
    for kind, name in wanted:
        if name is None:
            continue
        column = kind.lower()
        matching = [row for row in candidates if getattr(row, column) == name.casefold()]
        if not matching:
            there = {getattr(row, column) for row in candidates}
            raise _nothing_matches(kind, name, there, wanted)
        candidates = tuple(matching)
    candidates = tuple(row for row in candidates if row.region == candidates[0].region)
    return min(candidates, key=lambda row: row.usd_per_gpu_hour).price()


def default_gpu_price(gpu: str) -> GpuPrice:
    """The price taken when a scenario names none: the median on-demand price over providers.

    Each provider counts once, with its price of :func:`gpu_price`. The date is that of the oldest
    price among them.

    Examples
    --------
    >>> default_gpu_price("h100-sxm").usd_per_gpu_hour
    3.99
    """
    on_demand = [row for row in listed_prices() if row.purchase == "on_demand"]
    name = gpu.casefold()
    providers = dict.fromkeys(row.provider for row in on_demand if row.gpu == name)
    if not providers:
        raise no_such("on-demand price of GPU", gpu, {row.gpu for row in on_demand}, LISTED_BY)
    prices = {provider: gpu_price(provider, name) for provider in providers}
    listing = ", ".join(f"{who} {what.usd_per_gpu_hour:g}" for who, what in prices.items())
    return GpuPrice(
        usd_per_gpu_hour=round(statistics.median(p.usd_per_gpu_hour for p in prices.values()), 6),
        billing_granularity_s=1.0,
        source=f"median of on-demand prices per GPU-hour: {listing}",
        as_of=min((price.as_of for price in prices.values()), key=day_of),
    )


def day_of(as_of: str) -> date:
    """The first day that ``as_of`` may mean: a year or a month stands for its first day.

    >>> day_of("2026")
    datetime.date(2026, 1, 1)
    """
    year, month, day = [*as_of.split("-"), "1", "1"][:3]
    return date(int(year), int(month), int(day))


def older_than_a_year(as_of: str, today: date) -> bool:
    """Whether a price may be more than 365 days old."""
    return (today - day_of(as_of)).days > 365


def _nothing_matches(
    kind: str, name: str, there: set[str], wanted: tuple[tuple[str, str | None], ...]
) -> CatalogError:
    """Say which part of the question has no answer, given the parts before it."""
    before = [f"{k} {n!r}" for k, n in wanted[: [k for k, _ in wanted].index(kind)] if n]
    context = f" for {', '.join(before)}" if before else ""
    return no_such(f"price{context}: {kind}", name, there, LISTED_BY)
