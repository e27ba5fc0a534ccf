"""A bill in the columns of FOCUS 1.2, the open specification for cost and usage data.

A row for each backend, hour and kind of charge; for each day where the horizon is longer than
``LONG_S``. Periods in which there is nothing have no row. It is a forecast in the shape of a bill:
provider, publisher and issuer of the invoice are "simulated".

- What is not of the specification begins with ``x_``; ``x_FocusVersion`` says which one it is.
- Effective costs add up to ``cost_usd``; to the ten-billionth of a dollar, like every number here.
- Unit prices are the mean of the row. Tokens of all sorts are one kind of charge, so theirs is the
  price of the hour's mixture.
- A commitment has rows for what was used of it and what was not, which carry its cost and are on no
  bill, and rows for its purchase, which are on the bill and carry none: one that recurs in every
  period, or one for all that is paid at once. What was paid upfront before the horizon has no row:
  billed costs of purchases add up to the effective costs that they cover over the whole term.
- Of a committed spend what other rows bill counts as spent; its purchase is what is missing to it.
- The cost that a row carries went to answers (``x_UsedCost``), to headroom, to nothing at all, or
  to work for nobody.
- A day is that of the clock, cut off where the horizon begins and ends; a charge belongs to the
  month in which its hour begins.
"""

import csv
import io
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from sim.model.design import Design
from sim.model.price import DAY_S, MILLION
from sim.montecarlo.exports.backends import (
    Backend,
    by_name,
    model_name,
    resource_type,
)
from sim.montecarlo.exports.spreadsheet import harmless
from sim.montecarlo.money import Bill, Charge

FloatArray = npt.NDArray[np.float64]
Row = dict[str, str]

FOCUS_VERSION = "1.2"
SIMULATED = "simulated"
LONG_S = 14 * DAY_S  # beyond this hours would be thousands of rows
DECIMALS = 10  # what is smaller is rounding

FIGURES = {
    "ListCost": "list_usd",
    "ContractedCost": "contracted_usd",
    "EffectiveCost": "effective_usd",
    "BilledCost": "billed_usd",
    "PricingQuantity": "quantity",
    "ConsumedQuantity": "consumed",
    "x_UsedCost": "used_usd",
    "x_HeadroomCost": "headroom_usd",
    "x_IdleCost": "idle_usd",
    "x_WastedCost": "wasted_usd",
}
TOKENS = ("x_InputTokens", "x_CacheReadTokens", "x_CacheWriteTokens", "x_OutputTokens")

COLUMNS = (
    "BillingAccountId",
    "BillingAccountName",
    "BillingCurrency",
    "BillingPeriodStart",
    "BillingPeriodEnd",
    "ChargePeriodStart",
    "ChargePeriodEnd",
    "ChargeCategory",
    "ChargeClass",
    "ChargeDescription",
    "ChargeFrequency",
    "ServiceCategory",
    "ServiceSubcategory",
    "ServiceName",
    "ResourceId",
    "ResourceName",
    "ResourceType",
    "SkuId",
    "SkuPriceId",
    "PricingCategory",
    "PricingQuantity",
    "PricingUnit",
    "ListUnitPrice",
    "ContractedUnitPrice",
    "ListCost",
    "ContractedCost",
    "EffectiveCost",
    "BilledCost",
    "ConsumedQuantity",
    "ConsumedUnit",
    "CommitmentDiscountId",
    "CommitmentDiscountName",
    "CommitmentDiscountType",
    "CommitmentDiscountCategory",
    "CommitmentDiscountStatus",
    "CommitmentDiscountQuantity",
    "CommitmentDiscountUnit",
    "ProviderName",
    "PublisherName",
    "InvoiceIssuerName",
    "x_FocusVersion",
    "x_Scenario",
    "x_Seed",
    "x_World",
    "x_ChargeKind",
    "x_UsedCost",
    "x_HeadroomCost",
    "x_IdleCost",
    "x_WastedCost",
    "x_InputTokens",
    "x_CacheReadTokens",
    "x_CacheWriteTokens",
    "x_OutputTokens",
    "x_CostPerMillionOutputTokens",
    "x_PriceSource",
    "x_PriceAsOf",
)


def focus(bill: Bill, design: Design, seed: int, world: int) -> str:
    """The bill of a world as CSV text.

    Parameters
    ----------
    bill : Bill
    design : Design
    seed, world : int
        Which world it is.
    """
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, restval="", lineterminator="\n")
    writer.writeheader()
    same = _same(design, seed, world)
    periods = _periods(bill, design.horizon.duration_s > LONG_S)
    backends = by_name(design)
    for name in dict.fromkeys(charge.backend for charge in bill.charges):
        backend = backends[name]
        items = _items([c for c in bill.charges if c.backend == name], backend, periods)
        of_backend = same | _of_backend(backend)
        for at, period in enumerate(periods.columns()):
            for item in items:
                if item.is_there[at]:
                    row = of_backend | period | item.row(at)
                    writer.writerow({column: harmless(cell) for column, cell in row.items()})
    return text.getvalue()


def _same(design: Design, seed: int, world: int) -> Row:
    """What all rows have in common."""
    return {
        "BillingAccountId": SIMULATED,
        "BillingAccountName": design.name,
        "BillingCurrency": "USD",
        "ServiceCategory": "AI and Machine Learning",
        "ServiceSubcategory": "Generative AI",
        "ProviderName": SIMULATED,
        "PublisherName": SIMULATED,
        "InvoiceIssuerName": SIMULATED,
        "x_FocusVersion": FOCUS_VERSION,
        "x_Scenario": design.name,
        "x_Seed": str(seed),
        "x_World": str(world),
    }


def _of_backend(backend: Backend) -> Row:
    return {
        "ServiceName": model_name(backend) or backend.name,
        "ResourceId": backend.name,
        "ResourceName": backend.name,
        "ResourceType": resource_type(backend),
        "x_PriceSource": backend.price.source,
        "x_PriceAsOf": backend.price.as_of,
    }


# Periods -----------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Periods:
    """Consecutive charge periods: each the hours from ``first`` to the next one's.

    Attributes
    ----------
    edges : tuple of datetime
        One more than there are periods.
    first : list of int
    """

    edges: tuple[datetime, ...]
    first: list[int]

    def sums(self, of_hours: FloatArray) -> FloatArray:
        """Sums over the hours of each period, rounded: (..., hours) to (..., periods)."""
        summed = np.add.reduceat(of_hours, self.first, axis=-1)
        return np.asarray(np.round(summed, DECIMALS) + 0.0)  # a zero without a sign

    def columns(self) -> Iterator[Row]:
        """When each period begins and ends, and its month."""
        for start, end in pairwise(self.edges):
            month = start.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
            following = (month + timedelta(days=31)).replace(day=1)
            yield {
                "BillingPeriodStart": _stamp(month),
                "BillingPeriodEnd": _stamp(following),
                "ChargePeriodStart": _stamp(start),
                "ChargePeriodEnd": _stamp(end),
            }


def _periods(bill: Bill, by_day: bool) -> _Periods:
    edges = [bill.start + timedelta(seconds=float(second)) for second in bill.hours_s]
    first = list(range(len(edges) - 1))
    if by_day:
        first = [0, *(h for h in first[1:] if edges[h].date() != edges[h - 1].date())]
    return _Periods((*(edges[hour] for hour in first), edges[-1]), first)


def _stamp(at: datetime) -> str:
    """Up to the next whole second, so that a period that ends within one is not empty."""
    whole = at if at.microsecond == 0 else at.replace(microsecond=0) + timedelta(seconds=1)
    return f"{whole.isoformat()}Z"


# Rows --------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Item:
    """A charge, period by period.

    Attributes
    ----------
    same : dict
        Columns that all its rows have in common.
    figures : dict of str to (periods,) float64
        By column.
    is_there : (periods,) bool
        Whether there is anything in a period.
    is_committed, has_consumption : bool
    """

    same: Row
    figures: dict[str, FloatArray]
    is_there: npt.NDArray[np.bool_]
    is_committed: bool
    has_consumption: bool

    def row(self, at: int) -> Row:
        """Its own columns in a period."""
        figures = {column: float(values[at]) for column, values in self.figures.items()}
        quantity, output = figures["PricingQuantity"], figures["x_OutputTokens"]
        figures["ListUnitPrice"] = _over(figures["ListCost"], quantity)
        figures["ContractedUnitPrice"] = _over(figures["ContractedCost"], quantity)
        if self.is_committed:
            figures["CommitmentDiscountQuantity"] = quantity
        if output > 0:
            price = figures["EffectiveCost"] / output * MILLION
            figures["x_CostPerMillionOutputTokens"] = price
        if not self.has_consumption:
            del figures["ConsumedQuantity"]
        return self.same | {column: _decimal(value) for column, value in figures.items()}


def _items(charges: list[Charge], backend: Backend, periods: _Periods) -> list[_Item]:
    """The charges of a backend; those of one kind are numbered, a purchase like what it covers."""
    seen: Counter[tuple[str, str]] = Counter()
    number: dict[str, int] = {}
    items = []
    for charge in charges:
        if not charge.is_purchase:
            seen[charge.kind, charge.status] += 1
            number[charge.kind] = seen[charge.kind, charge.status]
        of_kind = number[charge.kind]
        sku = f"{charge.backend}/{charge.kind}" + (f"-{of_kind}" if of_kind > 1 else "")
        items.append(_item(charge, sku, backend, periods))
    return items


def _item(charge: Charge, sku: str, backend: Backend, periods: _Periods) -> _Item:
    figures = {column: periods.sums(getattr(charge, field)) for column, field in FIGURES.items()}
    tokens = periods.sums(charge.tokens)
    is_there = np.any([values != 0 for values in figures.values()], axis=0)
    is_unused = charge.status == "Unused"
    has_consumption = not (charge.is_purchase or is_unused)
    is_committed = charge.is_purchase or charge.pricing == "Committed"
    same = {
        "ChargeCategory": "Purchase" if charge.is_purchase else "Usage",
        "ChargeFrequency": charge.frequency,
        "ChargeDescription": _description(charge, backend),
        "SkuId": sku,
        "SkuPriceId": sku,
        # The purchase of a commitment is priced like anything else.
        "PricingCategory": "Standard" if charge.is_purchase else charge.pricing,
        "PricingUnit": charge.unit,
        "x_ChargeKind": charge.kind,
    }
    if has_consumption:
        same["ConsumedUnit"] = charge.unit
    if is_committed:
        same |= _commitment(charge, sku)
    figures |= dict(zip(TOKENS, tokens, strict=True))
    return _Item(same, figures, is_there, is_committed, has_consumption)


def _commitment(charge: Charge, sku: str) -> Row:
    return {
        "CommitmentDiscountId": sku,
        "CommitmentDiscountName": f"{_words(charge.kind)} of {charge.backend}",
        "CommitmentDiscountType": charge.kind,
        "CommitmentDiscountCategory": "Spend" if charge.unit == "USD" else "Usage",
        "CommitmentDiscountStatus": charge.status,
        "CommitmentDiscountUnit": charge.unit,
    }


def _description(charge: Charge, backend: Backend) -> str:
    what = _words(charge.kind)
    if charge.is_purchase:
        what += ", paid upfront" if charge.frequency == "One-Time" else ", recurring"
    elif charge.status:
        what += f", {charge.status.lower()}"
    return f"Simulated: {what}, {resource_type(backend)} {backend.name}"


def _words(kind: str) -> str:
    return kind.replace("_", " ")


def _over(top: float, bottom: float) -> float:
    return top / bottom if bottom > 0 else 0.0


def _decimal(value: float) -> str:
    """As short as it can be without losing a bit; never with an exponent."""
    text = repr(value)
    if "e" in text:
        text = np.format_float_positional(value)
    return text.removesuffix(".0").removesuffix(".")
