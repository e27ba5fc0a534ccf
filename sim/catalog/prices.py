"""Prices of rented GPUs, each with the place and the date it was read.

On-demand and spot prices are list prices of a whole instance divided by its GPUs. A reservation is
named after its term, from one to five years; a price alone does not make a commitment: whoever uses
it must charge the whole term. ``market`` is no provider but what analysts say of contracts.
Whatever is booked and paid in full for less than a year is a capacity block, bought by the day for
``min_days`` to ``max_days``. ``dedicated`` GPUs are those of a host of inference, engine and
operation included. Where a provider's billing granularity is not known, it is taken as one second.

A provider's price of an earlier date stays in the table; the newest is the one that is quoted.
"""

import statistics
from dataclasses import dataclass, replace
from datetime import date

from sim.catalog import hardware, slices
from sim.catalog.hardware import Gpu
from sim.catalog.naming import beginning_with
from sim.catalog.table import cached_for_folder, entries, no_such
from sim.errors import CatalogError
from sim.model.price import GpuPrice

LISTED_BY = "sim catalog prices"
LARGEST_MACHINE = 8  # GPUs; more are a cluster
PURCHASES = (
    *("on_demand", "spot", "dedicated", "capacity_block"),
    *("reserved_1y", "reserved_2y", "reserved_3y", "reserved_5y"),
)


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
        One of ``PURCHASES``.
    usd_per_gpu_hour : float
    billing_granularity_s : float
    min_days, max_days : int
        Of a block or a reservation: for how long it may be had; 0 for what is not committed to.
    gpus : int
        How many are rented together; 0 where it is not known.
    source, as_of, notes : str
        ``as_of`` is an ISO date, or only its year and month, or only its year.
    """

    provider: str
    region: str
    instance: str
    gpu: str
    purchase: str
    usd_per_gpu_hour: float
    billing_granularity_s: float
    min_days: int
    max_days: int
    gpus: int
    source: str
    as_of: str
    notes: str

    def price(self) -> GpuPrice:
        """The same as the model's price."""
        source = f"{self.source}; {self.notes}" if self.notes else self.source
        return GpuPrice(self.usd_per_gpu_hour, self.billing_granularity_s, source, self.as_of)

    def lasts(self, days: int) -> bool:
        """Whether it may be had for so many days."""
        return self.min_days <= days <= self.max_days


@cached_for_folder
def listed_prices() -> tuple[ListedPrice, ...]:
    """All built-in GPU prices; a provider's first region is the one quoted by default."""
    return tuple(
        entries("gpu_prices.csv", _listed, lambda row: (row.provider, row.gpu, row.purchase))
    )


def _listed(row: dict[str, str]) -> ListedPrice:
    day_of(row["as_of"])
    return ListedPrice(
        provider=row["provider"],
        region=row["region"],
        instance=row["instance"],
        gpu=row["gpu"],
        purchase=row["purchase"],
        usd_per_gpu_hour=float(row["usd_per_gpu_hour"]),
        billing_granularity_s=float(row["billing_s"] or 1.0),
        min_days=int(row["min_days"] or 0),
        max_days=int(row["max_days"] or 0),
        gpus=int(row["gpus"] or 0),
        source=row["source"],
        as_of=row["as_of"],
        notes=row["notes"],
    )


def gpu_price(
    provider: str,
    gpu: str,
    purchase: str = "on_demand",
    region: str | None = None,
    *,
    days: int | None = None,
    gpus: int | None = None,
) -> GpuPrice:
    """The built-in price of a GPU at a provider.

    Parameters
    ----------
    provider, gpu : str
        Names as in the table, in any case.
    purchase : str
        One of ``PURCHASES``.
    region : str, optional
        By default that of the newest price, the first in the table if there are several.
    days : int, optional
        Of a block: for how long it is wanted; by default as short as it is to be had.
    gpus : int, optional
        How many are wanted: what is sold in larger lots only is left out; by default the smallest
        lot counts.

    Returns
    -------
    GpuPrice
        The newest, and among several of that date that of the cheapest instance per GPU: small and
        large machines may differ.

    Examples
    --------
    >>> gpu_price("aws", "h100-sxm").usd_per_gpu_hour
    6.88
    """
    if (of := _slice_of(gpu)) is not None:
        whole = gpu_price(provider, of.whole, purchase, region, days=days, gpus=gpus)
        return _part(whole, of)
    candidates = listed_prices()
    wanted = (("provider", provider), ("GPU", gpu), ("purchase", purchase), ("region", region))
    for kind, name in wanted:
        if name is None:
            continue
        column = kind.lower()
        matching = [row for row in candidates if getattr(row, column) == name.casefold()]
        if not matching:
            there = {getattr(row, column) for row in candidates} - {""}
            raise _nothing_matches(kind, name, there, wanted)
        candidates = tuple(matching)
    if purchase.casefold() == "capacity_block":
        candidates = _blocks(candidates, days)
    candidates = _lots(candidates, gpus)
    newest = max(day_of(row.as_of) for row in candidates)
    candidates = tuple(row for row in candidates if day_of(row.as_of) == newest)
    candidates = tuple(row for row in candidates if row.region == candidates[0].region)
    return min(candidates, key=lambda row: row.usd_per_gpu_hour).price()


def _blocks(offers: tuple[ListedPrice, ...], days: int | None) -> tuple[ListedPrice, ...]:
    """Those of a provider's blocks that may be had for so many days."""
    if days is None:
        shortest = min(row.max_days for row in offers)
        return tuple(row for row in offers if row.max_days == shortest)
    lasting = tuple(row for row in offers if row.lasts(days))
    if lasting:
        return lasting
    provider, gpu = offers[0].provider, offers[0].gpu
    terms = sorted({(row.min_days, row.max_days) for row in offers})
    listing = ", ".join(f"{a}" if a == b else f"{a} to {b}" for a, b in terms)
    raise CatalogError(
        f"price for provider {provider!r}, GPU {gpu!r}: no capacity_block of {days} days is in the"
        f" catalogue (there are blocks of {listing} days)"
    )


def _lots(offers: tuple[ListedPrice, ...], gpus: int | None) -> tuple[ListedPrice, ...]:
    """Those that so many GPUs are enough for, the largest of them; without a number the smallest.

    Machines of different sizes are left as they are: only clusters of more than one machine have
    prices by their size.
    """
    clusters = {row.gpus for row in offers if row.gpus > LARGEST_MACHINE}
    if not clusters:
        return offers
    lot = min(row.gpus for row in offers)
    if gpus is not None:
        lot = max((row.gpus for row in offers if row.gpus <= gpus), default=lot)
    return tuple(row for row in offers if row.gpus == lot)


def default_gpu_price(gpu: str, purchase: str = "on_demand") -> GpuPrice:
    """The price taken when a scenario names none: the median over providers, on demand or spot.

    Each provider counts once, with its price of :func:`gpu_price`. The date is that of the oldest
    price among them.

    Examples
    --------
    >>> default_gpu_price("h100-sxm").usd_per_gpu_hour
    3.99
    """
    if (of := _slice_of(gpu)) is not None:
        return _part(default_gpu_price(of.whole, purchase), of)
    listed = [row for row in listed_prices() if row.purchase == purchase]
    name, kind = gpu.casefold(), purchase.replace("_", "-")
    providers = dict.fromkeys(row.provider for row in listed if row.gpu == name)
    if not providers:
        raise no_such(f"{kind} price of GPU", gpu, {row.gpu for row in listed}, LISTED_BY)
    prices = {provider: gpu_price(provider, name, purchase) for provider in providers}
    listing = ", ".join(f"{who} {what.usd_per_gpu_hour:g}" for who, what in prices.items())
    return GpuPrice(
        usd_per_gpu_hour=round(statistics.median(p.usd_per_gpu_hour for p in prices.values()), 6),
        billing_granularity_s=1.0,
        source=f"median of {kind} prices per GPU-hour: {listing}",
        as_of=min((price.as_of for price in prices.values()), key=day_of),
    )


def _slice_of(name: str) -> Gpu | None:
    """What a name says of a slice; None of a whole GPU."""
    return hardware.gpu(name) if slices.parsed(name) is not None else None


def _part(whole: GpuPrice, of: Gpu) -> GpuPrice:
    """The share of a GPU's price that is charged for a slice."""
    said = f"{of.share:.3g} of the price of {of.whole}: {whole.source}"
    return replace(whole, usd_per_gpu_hour=whole.usd_per_gpu_hour * of.share, source=said)


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
    if not before or beginning_with(name, there):
        return no_such(f"price{context}: {kind}", name, there, LISTED_BY)
    few = sorted(there)[:8]
    return CatalogError(
        f"price{context}: {kind} {name!r} is not in the catalogue"
        f" (there: {', '.join(few)}{', ...' if len(there) > len(few) else ''};"
        f" {LISTED_BY!r} lists all)"
    )
