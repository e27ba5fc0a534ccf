"""What spot replicas and their stand-ins on demand cost, each at its own price, by hand."""

import math
from dataclasses import replace

import pytest
from bookings import design, gpus, horizon, nothing_happened, workload
from export_worlds import rows_of

from sim.engine.simulation import Rental
from sim.model.distributions import Constant
from sim.model.failure import Failures, Spot
from sim.model.purchase import PayAsYouGo, PurchasePlan, Reserved
from sim.montecarlo.exports.focus import focus
from sim.montecarlo.money import costs
from sim.montecarlo.money.figures import money

BOTH = PurchasePlan((PayAsYouGo(1.25, "spot"), PayAsYouGo(3.5)))
# Of 4 GPUs each: one on spot for 5.5 h and one for 2 h, in whose place one on demand is for 3 h.
RENTALS = (
    Rental(0, 0.0, 19_800.0),
    Rental(0, 0.0, 7_200.0),
    Rental(0, 9_000.0, 19_800.0, stands_in=True),
)
HOURS = 5.5


def pool_on_spot(plan, falls_back=True):
    spot = Spot(Constant(7_200.0), falls_back=falls_back)
    return replace(gpus(plan, 4), failures=Failures(spot=spot))


def made_up(plan, falls_back=True):
    pool = pool_on_spot(plan, falls_back)
    what = design([workload("chat", "pool")], [pool], when=horizon(HOURS))
    return what, nothing_happened(what, RENTALS)


def total(rows, column, kind):
    return math.fsum(float(row[column]) for row in rows if row["x_ChargeKind"] == kind)


@pytest.mark.parametrize(
    "plan", [BOTH, PurchasePlan(BOTH.tranches[::-1])], ids=["spot first", "on demand first"]
)
def test_each_kind_of_replica_is_paid_at_its_own_price(plan):
    what, outcome = made_up(plan)
    figures = money(outcome, what)
    assert figures["cost_usd"] == pytest.approx(7.5 * 4 * 1.25 + 3.0 * 4 * 3.5)  # 79.50
    assert figures["cost_stand_in_usd"] == pytest.approx(42.0)
    assert figures["backends.pool.cost_stand_in_usd"] == pytest.approx(42.0)


def test_the_bill_has_both_hour_by_hour():
    what, outcome = made_up(BOTH)
    rows = rows_of(focus(costs(outcome, what), what, 0, 0))
    assert {(row["x_ChargeKind"], row["PricingCategory"]) for row in rows} == {
        ("spot", "Dynamic"),
        ("on_demand", "Standard"),
    }
    assert total(rows, "PricingQuantity", "spot") == pytest.approx(30.0)
    assert total(rows, "PricingQuantity", "on_demand") == pytest.approx(12.0)
    assert total(rows, "BilledCost", "spot") == pytest.approx(37.5)
    assert total(rows, "BilledCost", "on_demand") == pytest.approx(42.0)
    assert total(rows, "ListCost", "spot") == pytest.approx(30.0 * 3.5)  # as if on demand
    by_hour = [r["EffectiveCost"] for r in rows if r["x_ChargeKind"] == "on_demand"]
    assert by_hour == ["7", "14", "14", "7"]  # from half past two to half past five


def test_what_is_reserved_beside_spot_is_filled_by_its_own_replicas_only():
    plan = PurchasePlan((Reserved(2.0, 4), PayAsYouGo(1.25, "spot"), PayAsYouGo(3.5)))
    what, outcome = made_up(plan)
    figures = money(outcome, what)
    assert figures["cost_usd"] == pytest.approx(2.0 * 4 * HOURS + 2.0 * 4 * 1.25 + 42.0)


def test_a_plan_without_stand_ins_is_filled_in_order_as_ever():
    what, outcome = made_up(BOTH, falls_back=False)
    figures = money(outcome, what)
    assert figures["cost_usd"] == pytest.approx(10.5 * 4 * 1.25)
    assert "cost_stand_in_usd" not in figures


def test_stand_ins_do_not_make_up_for_gpus_that_a_plan_lacks():
    plan = PurchasePlan((Reserved(2.0, 3), PayAsYouGo(3.5)))
    with pytest.raises(ValueError, match=r"GPUs of the purchase plan \(3\) must be at least the 4"):
        pool_on_spot(plan)
