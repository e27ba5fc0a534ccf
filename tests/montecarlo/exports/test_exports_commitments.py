"""Commitments in ``costs.csv``: on the bill once, as purchases, whatever becomes of them."""

import math
from datetime import datetime
from pathlib import Path

import pytest
from bookings import api, book, design, gpus, horizon, nothing_happened, rent, workload
from export_worlds import rows_of

from sim.engine.state.backend_record import PROVISIONED, STANDARD
from sim.model.managed import Provisioned
from sim.model.price import GpuPrice, Subscription, TokenPrice, TokenRates
from sim.model.purchase import CapacityBlock, PayAsYouGo, PurchasePlan, Reserved
from sim.montecarlo import exports
from sim.montecarlo.exports.focus import focus
from sim.montecarlo.money import costs
from sim.montecarlo.run import run
from sim.scenario import load_scenario

LATE = datetime(2026, 11, 30, 20, 30)  # over the end of a month, and not on the hour


def total(rows, column, **wanted):
    """Sum of a column over rows whose other columns are as wanted."""
    chosen = [row for row in rows if all(row[name] == value for name, value in wanted.items())]
    return math.fsum(float(row[column]) for row in chosen)


def assert_purchases_pay(rows, upfront=0.0):
    """No row that a commitment covers is billed; its purchases bill what they cost.

    ``upfront`` is the share that was paid before the horizon.
    """
    covered = [row for row in rows if row["CommitmentDiscountStatus"]]
    bought = [row for row in rows if row["ChargeCategory"] == "Purchase"]
    assert covered
    assert {row["BilledCost"] for row in covered} == {"0"}
    assert {row["EffectiveCost"] for row in bought} <= {"0"}
    for sku in {row["CommitmentDiscountId"] for row in covered}:
        cost = total(covered, "EffectiveCost", CommitmentDiscountId=sku)
        billed = total(bought, "BilledCost", CommitmentDiscountId=sku)
        assert billed == pytest.approx(cost * (1 - upfront), abs=1e-6)


def test_usage_that_a_commitment_covers_is_not_billed_again():
    path = Path(__file__).with_name("usage_of_a_commitment_billed.yaml")
    rows = rows_of(run(load_scenario(path), worlds=1, jobs=1).exports[exports.COSTS])
    assert_purchases_pay(rows, upfront=0.5)
    assert total(rows, "BilledCost", ChargeCategory="Purchase") == pytest.approx(182.4)
    assert {row["ChargeFrequency"] for row in rows if row["ChargeCategory"] == "Purchase"} == {
        "Recurring"
    }


def pool_rows(price, replicas, hours=30.0):
    """Rows of a pool of so many replicas of one GPU."""
    when = horizon(hours, start=LATE)
    what = design([workload("chat", "pool")], [gpus(price)], when=when)
    bill = costs(nothing_happened(what, rent(replicas, hours)), what)
    return rows_of(focus(bill, what, 0, 0))


@pytest.mark.parametrize("replicas", [0, 3, 8])
@pytest.mark.parametrize("upfront", [0.0, 0.4, 1.0])
def test_reservations_recur_but_for_what_was_paid_upfront(replicas, upfront):
    plan = PurchasePlan((Reserved(2.0, 8, upfront_share=upfront), PayAsYouGo(3.0)))
    rows = pool_rows(plan, replicas)
    assert_purchases_pay(rows, upfront)
    bought = [row for row in rows if row["ChargeCategory"] == "Purchase"]
    assert len(bought) == (30 if upfront < 1 else 0)
    assert {row["CommitmentDiscountQuantity"] for row in bought} <= {"8"}
    assert {row["PricingCategory"] for row in bought} <= {"Standard"}


def test_purchases_belong_to_their_own_commitment():
    """The first is paid upfront altogether, so that the second has the only purchase."""
    first, second = Reserved(2.0, 1, upfront_share=1.0), Reserved(1.5, 2)
    rows = pool_rows(PurchasePlan((first, second, PayAsYouGo(3.0))), 2)
    bought = [row for row in rows if row["ChargeCategory"] == "Purchase"]
    assert {row["CommitmentDiscountId"] for row in bought} == {"pool/reserved_1y-2"}
    assert total(bought, "BilledCost") == pytest.approx(1.5 * 2 * 30)


def test_what_is_taken_beyond_a_commitment_is_usage_on_the_bill():
    rows = pool_rows(PurchasePlan((Reserved(2.0, 4),)), 6)
    assert_purchases_pay(rows)
    beyond = {"x_ChargeKind": "beyond_reserved_1y"}
    assert total(rows, "BilledCost", **beyond) == pytest.approx(2.0 * 2 * 30)
    assert total(rows, "EffectiveCost", **beyond) == pytest.approx(2.0 * 2 * 30)
    assert {
        r["CommitmentDiscountId"] for r in rows if r["x_ChargeKind"] == "beyond_reserved_1y"
    } == {""}
    assert total(rows, "EffectiveCost") == pytest.approx(2.0 * 6 * 30)
    assert total(rows, "BilledCost") == pytest.approx(2.0 * 6 * 30)


@pytest.mark.parametrize(("start_s", "days"), [(0.0, 1), (0.0, None), (7_200.0, 1), (90_000.0, 3)])
def test_blocks_are_bought_once_wherever_they_begin_and_end(start_s, days):
    plan = PurchasePlan((CapacityBlock(5.0, 2, start_s, days), PayAsYouGo(7.0)))
    rows = pool_rows(plan, 1)
    assert_purchases_pay(rows)
    (bought,) = (row for row in rows if row["ChargeCategory"] == "Purchase")
    assert bought["ChargeFrequency"] == "One-Time"
    assert float(bought["CommitmentDiscountQuantity"]) == 24 * 2 * (days or 2)


def test_a_price_of_a_commitment_that_is_paid_in_use_is_bought_as_it_is_used():
    rows = pool_rows(GpuPrice(2.5, 3_600.0, purchase="reserved_3y"), 2, hours=1.5)
    assert_purchases_pay(rows)
    assert total(rows, "BilledCost") == pytest.approx(2.5 * 2 * 2)  # of two hours, rounded up


@pytest.mark.parametrize("calls", [0, 20, 4_000])
def test_units_fees_and_minimum_spend_of_providers_are_purchases(calls):
    price = TokenPrice(
        TokenRates(1.0, 4.0),
        usd_per_unit_hour=3.0,
        minimum_usd_per_month=20_000.0,
        subscription=Subscription(900.0, 30_000.0),
    )
    provider = api(price, provisioned=Provisioned(2, 1_000.0))
    what = design([workload("chat", "api")], (), [provider], horizon(30.0, start=LATE))
    outcome = nothing_happened(what)
    book(outcome, (0, 0, STANDARD, slice(None)), calls, 400, 100)
    book(outcome, (0, 0, PROVISIONED, slice(0, 9)), calls, 40, 10)
    rows = rows_of(focus(costs(outcome, what), what, 0, 0))
    assert_purchases_pay(rows)
    assert {row["x_ChargeKind"] for row in rows if row["ChargeCategory"] == "Purchase"} == {
        "provisioned_units", "subscription", "minimum_spend"
    }  # fmt: skip
    assert total(rows, "BilledCost") == pytest.approx(total(rows, "EffectiveCost"))
