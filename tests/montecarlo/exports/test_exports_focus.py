"""``costs.csv`` keeps the rules of FOCUS 1.2, and adds up to the cost."""

import itertools
import math
import re
from datetime import datetime, timedelta

import pytest
from export_worlds import each_world, rows_of, words, world

from sim.montecarlo import exports
from sim.montecarlo.money import costs, money

MANDATORY = words(
    """BilledCost BillingAccountId BillingAccountName BillingCurrency BillingPeriodStart
BillingPeriodEnd ChargeCategory ChargeClass ChargeDescription ChargePeriodStart ChargePeriodEnd
ContractedCost EffectiveCost InvoiceIssuerName ListCost PricingQuantity PricingUnit ProviderName
PublisherName ServiceCategory ServiceName"""
)
CONDITIONAL = words(
    """ChargeFrequency ConsumedQuantity ConsumedUnit ListUnitPrice ContractedUnitPrice
PricingCategory CommitmentDiscountId CommitmentDiscountName CommitmentDiscountType
CommitmentDiscountCategory CommitmentDiscountStatus CommitmentDiscountQuantity
CommitmentDiscountUnit ResourceId ResourceName ResourceType SkuId SkuPriceId
ServiceSubcategory"""
)
NEVER_NULL = {*MANDATORY, "PricingCategory", "ListUnitPrice", "ContractedUnitPrice", "SkuId"}
NEVER_NULL |= {"SkuPriceId", "ChargeFrequency"}
NEVER_NULL -= {"ChargeClass"}
ALLOWED = {
    "ChargeCategory": {"Usage", "Purchase"},
    "ChargeClass": {""},
    "ChargeFrequency": {"One-Time", "Recurring", "Usage-Based"},
    "BillingCurrency": {"USD"},
    "ServiceCategory": {"AI and Machine Learning"},
    "ServiceSubcategory": {"Generative AI"},
    "PricingCategory": {"Standard", "Dynamic", "Committed", "Other"},
    "CommitmentDiscountStatus": {"", "Used", "Unused"},
    "CommitmentDiscountCategory": {"", "Spend", "Usage"},
    "InvoiceIssuerName": {"simulated"},
    "x_FocusVersion": {"1.2"},
}
NUMBERS = [
    *(name for name in MANDATORY + CONDITIONAL if re.search("(Cost|Quantity|UnitPrice)$", name)),
    *("x_UsedCost", "x_HeadroomCost", "x_IdleCost", "x_WastedCost"),
    *("x_InputTokens", "x_OutputTokens"),
    *("x_CacheReadTokens", "x_CacheWriteTokens", "x_CostPerMillionOutputTokens"),
]
TIMES = [name for name in MANDATORY if "Period" in name]


def problems(rows):
    """Rules of FOCUS 1.2 that some row breaks."""
    found = set()
    for row in rows:
        found |= {rule for rule, is_kept in rules(row) if not is_kept}
    return found


def rules(row):
    for name in MANDATORY:
        yield f"{name} is mandatory", name in row
    for name in row:
        ours = name.startswith("x_")
        yield f"{name} is a column", ours or name in MANDATORY + CONDITIONAL
        yield f"{name} is Pascal case", re.fullmatch("(x_)?([A-Z][a-z0-9]*)+", name) is not None
    for name in NEVER_NULL:
        yield f"{name} must not be null", row.get(name, "") != ""
    for name, allowed in ALLOWED.items():
        yield f"{name} is an allowed value", row[name] in allowed
    for name in NUMBERS:
        yield f"{name} is a number", re.fullmatch(r"(-?\d+(\.\d+)?)?", row[name]) is not None
    for name in TIMES:
        stamp = re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", row[name])
        yield f"{name} is a time", stamp is not None
    yield from rules_of_periods(row)
    yield from rules_of_quantities(row)
    yield from rules_of_commitments(row)


def rules_of_periods(row):
    start, end, month, following = (
        datetime.fromisoformat(row[f"{kind}Period{edge}"])
        for kind in ("Charge", "Billing")
        for edge in ("Start", "End")
    )
    yield "a charge period has a length", start < end
    yield "a charge begins in its billing period", month <= start < following
    yield "a billing period is a month", (month.day, month.hour, month.minute) == (1, 0, 0)
    yield "a billing period is one month", (following - timedelta(days=1)).month == month.month


def rules_of_quantities(row):
    quantity = number(row["PricingQuantity"])
    for kind in ("List", "Contracted"):
        cost = number(row[f"{kind}UnitPrice"]) * quantity
        is_product = math.isclose(cost, number(row[f"{kind}Cost"]), rel_tol=1e-9, abs_tol=1e-12)
        yield f"{kind}Cost is its unit price times the quantity", is_product
        yield f"{kind}UnitPrice is not negative", number(row[f"{kind}UnitPrice"]) >= 0
    consumes = row["ChargeCategory"] == "Usage" and row["CommitmentDiscountStatus"] != "Unused"
    for name in ("ConsumedQuantity", "ConsumedUnit"):
        yield f"{name} is there for usage only", (row[name] != "") == consumes
    frequencies = {"Usage": {"Usage-Based", "Recurring"}, "Purchase": {"One-Time", "Recurring"}}
    yield "the frequency suits", row["ChargeFrequency"] in frequencies[row["ChargeCategory"]]
    if row["ChargeCategory"] == "Purchase":
        yield "what pays for others has no effective cost", number(row["EffectiveCost"]) == 0


def rules_of_commitments(row):
    is_committed = row["CommitmentDiscountId"] != ""
    for part in ("Name", "Type", "Category", "Quantity", "Unit"):
        name = f"CommitmentDiscount{part}"
        yield f"{name} is there for commitments only", (row[name] != "") == is_committed
    is_usage = row["ChargeCategory"] == "Usage"
    has_status = row["CommitmentDiscountStatus"] != ""
    yield "a commitment's usage has a status", has_status == (is_committed and is_usage)
    if is_usage and has_status:
        yield "what a commitment covers is on no bill", number(row["BilledCost"]) == 0
        same = number(row["ContractedCost"]) == number(row["ListCost"])
        yield "the contracted cost leaves out what a commitment saves", same
    is_priced = (row["PricingCategory"] == "Committed") == (is_committed and is_usage)
    yield "usage of a commitment is priced as committed", is_priced
    if is_committed:
        yield "a commitment's quantity is positive", number(row["CommitmentDiscountQuantity"]) > 0


def number(text):
    return float(text or "nan")


@each_world
def test_costs_keep_the_rules_of_focus(name):
    _, _, texts = world(name)
    rows = rows_of(texts[exports.COSTS])
    assert bool(rows) == (name != "asleep")  # what costs nothing has no rows
    assert set(MANDATORY) <= set(texts[exports.COSTS].split("\n", 1)[0].split(","))
    assert problems(rows) == set()
    keys = [(r["SkuId"], r["ChargePeriodStart"], r["CommitmentDiscountStatus"], r["ChargeCategory"])
            for r in rows]  # fmt: skip
    assert len(set(keys)) == len(keys)


@pytest.mark.parametrize(
    ("column", "value", "broken"),
    [
        ("ChargePeriodEnd", "2026-11-30T11:30:00+00:00", "ChargePeriodEnd is a time"),
        ("ChargePeriodStart", "2027-01-01T00:00:00Z", "a charge begins in its billing period"),
        ("ListCost", "1e-05", "ListCost is a number"),
        ("ListCost", "+1", "ListCost is a number"),
        ("ListCost", "17", "ListCost is its unit price times the quantity"),
        ("BilledCost", "", "BilledCost must not be null"),
        ("ChargeCategory", "Purchase", "the frequency suits"),
        ("CommitmentDiscountId", "", "CommitmentDiscountType is there for commitments only"),
        ("CommitmentDiscountStatus", "", "a commitment's usage has a status"),
        ("BilledCost", "1", "what a commitment covers is on no bill"),
        ("ContractedCost", "1", "the contracted cost leaves out what a commitment saves"),
        ("PricingCategory", "Standard", "usage of a commitment is priced as committed"),
        ("CommitmentDiscountStatus", "Unused", "ConsumedUnit is there for usage only"),
        ("Backend", "own", "Backend is a column"),
    ],
)
def test_a_broken_rule_is_noticed(column, value, broken):
    rows = rows_of(world("everything")[2][exports.COSTS])
    used = next(row for row in rows if row["CommitmentDiscountStatus"] == "Used")
    assert broken in problems([used | {column: value}])


@each_world
def test_effective_costs_add_up_to_the_cost_per_backend_and_in_total(name):
    design, outcome, texts = world(name)
    rows = rows_of(texts[exports.COSTS])
    figures = money(outcome, design)
    assert total(rows, "EffectiveCost") == pytest.approx(figures["cost_usd"], abs=1e-4)
    for backend in design.backends:
        own = [row for row in rows if row["ResourceId"] == backend.name]
        expected = figures[f"backends.{backend.name}.cost_usd"]
        assert total(own, "EffectiveCost") == pytest.approx(expected, abs=1e-4)
        for column in ("x_UsedCost", "x_HeadroomCost", "x_IdleCost", "x_WastedCost"):
            expected = figures[f"backends.{backend.name}.cost_{column[2:-4].lower()}_usd"]
            assert total(own, column) == pytest.approx(expected, abs=1e-4)


@each_world
def test_all_costs_and_tokens_of_the_bill_are_there(name):
    design, outcome, texts = world(name)
    rows = rows_of(texts[exports.COSTS])
    lines = list(costs(outcome, design).lines())
    pairs = {
        "ListCost": "list_usd",
        "ContractedCost": "contracted_usd",
        "BilledCost": "billed_usd",
        "x_InputTokens": "prompt_tokens",
        "x_CacheReadTokens": "cached_tokens",
        "x_OutputTokens": "output_tokens",
    }
    for column, field in pairs.items():
        expected = math.fsum(getattr(line, field) for line in lines)
        assert total(rows, column) == pytest.approx(expected, rel=1e-9, abs=1e-4)


def total(rows, column):
    return math.fsum(float(row[column]) for row in rows)


def test_hours_are_rows_up_to_a_fortnight_and_days_beyond():
    lengths = {}
    for name in ("everything", "16 days"):
        rows = rows_of(world(name)[2][exports.COSTS])
        periods = sorted({(r["ChargePeriodStart"], r["ChargePeriodEnd"]) for r in rows})
        assert all(one[1] == other[0] for one, other in itertools.pairwise(periods))
        assert periods[0][0] == "2026-11-30T10:30:00Z"
        lengths[name] = [
            (datetime.fromisoformat(end) - datetime.fromisoformat(start)) / timedelta(hours=1)
            for start, end in periods
        ]
    assert lengths["everything"] == [1] * 30
    assert lengths["16 days"] == [14, *[24] * 15, 10]
    last = rows_of(world("no pool")[2][exports.COSTS])[-1]
    assert last["ChargePeriodEnd"] == "2026-11-23T01:23:21Z"  # 5000.5 s, rounded up


def test_what_is_committed_is_used_or_unused_and_paid_by_its_purchase():
    rows = rows_of(world("everything")[2][exports.COSTS])
    own = [row for row in rows if row["ResourceId"] == "own"]
    for sku, price, upfront in (("own/reserved_3y", 2.0, 0.4), ("own/reserved_3y-2", 2.2, 0.0)):
        usage, purchases = held_and_bought(own, sku)
        assert total(usage, "CommitmentDiscountQuantity") == pytest.approx(30)
        assert total(usage, "EffectiveCost") == pytest.approx(30 * price)
        assert total(purchases, "CommitmentDiscountQuantity") == pytest.approx(30)
        assert total(purchases, "BilledCost") == pytest.approx(30 * price * (1 - upfront))
        assert {row["ChargeFrequency"] for row in purchases} == {"Recurring"}
    held, (purchase,) = held_and_bought(own, "own/capacity_block")
    assert purchase["ChargeFrequency"] == "One-Time"
    assert float(purchase["BilledCost"]) == pytest.approx(48 * 2.9)  # two whole days
    assert total(held, "EffectiveCost") == pytest.approx(48 * 2.9)
    statuses = {(r["x_ChargeKind"], r["CommitmentDiscountStatus"]) for r in rows}
    assert {("provisioned_units", "Used"), ("provisioned_units", "Unused")} <= statuses
    assert ("minimum_spend", "Unused") in statuses


@each_world
def test_purchases_bill_what_used_and_unused_commitments_cost(name):
    """But for what was paid before the horizon: a share upfront, and what is owned."""
    rows = rows_of(world(name)[2][exports.COSTS])
    for sku in {row["CommitmentDiscountId"] for row in rows} - {"", "own/amortisation"}:
        held, bought = held_and_bought(rows, sku)
        before = 0.4 if sku == "own/reserved_3y" else 0.0
        cost = total(held, "EffectiveCost") * (1 - before)
        assert total(bought, "BilledCost") == pytest.approx(cost, abs=1e-6)


def held_and_bought(rows, sku):
    """Rows of usage and of purchases of a commitment."""
    own = [row for row in rows if row["CommitmentDiscountId"] == sku]
    is_bought = [row["ChargeCategory"] == "Purchase" for row in own]
    return (
        [row for row, bought in zip(own, is_bought, strict=True) if not bought],
        [row for row, bought in zip(own, is_bought, strict=True) if bought],
    )
