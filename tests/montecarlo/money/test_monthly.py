"""What of a bill goes by time, what by volume, and what is counted by the month."""

from dataclasses import replace
from typing import Any

import pytest
from bookings import api, book, design, gpus, horizon, nothing_happened, rent, workload

from sim.engine.simulation import Rental
from sim.engine.state.backend_record import STANDARD
from sim.model.autoscaler import Hpa
from sim.model.design import Design
from sim.model.economics import Economics
from sim.model.price import DAY_S, MONTH_S, GpuPrice, Subscription, TokenPrice, TokenRates
from sim.model.purchase import PayAsYouGo, PurchasePlan, Reserved
from sim.montecarlo.money import money

CALL_USD = 0.035  # 4,000 tokens in and 1,000 out
FLAGSHIP = TokenRates(input=5.0, output=15.0)
DAYS = MONTH_S / DAY_S
BUSY, QUIET = 0.8, 2.5  # weights of a day with more requests than the mean one, and with fewer


def weighted(*weights: float, managed: Any = (), pools: Any = (), **economics: float) -> Design:
    name = (*pools, *managed)[0].name
    asking = [
        replace(
            workload(f"w{n}", name, economics=Economics(**economics)),
            month_weight=weight,
        )
        for n, weight in enumerate(weights)
    ]
    return design(asking, pools, managed, horizon())


def figures(what: Design, *calls: int, rentals: Any = ()) -> dict[str, float]:
    """Of a day with so many answers for each workload."""
    outcome = nothing_happened(what, rentals)
    for index, each in enumerate(calls):
        book(outcome, (index, 0, STANDARD, 0), each, 4_000, 1_000)
    return money(outcome, what)


@pytest.mark.parametrize("weight", [BUSY, QUIET])
def test_tokens_go_by_the_volume_of_the_month(weight: float) -> None:
    what = weighted(weight, managed=[api(TokenPrice(FLAGSHIP))], active_users=50.0)
    found = figures(what, 1_000)
    month_usd = 1_000 * CALL_USD * weight * DAYS
    assert found["cost_usd"] == pytest.approx(1_000 * CALL_USD)
    assert found["cost_usd_per_month"] == pytest.approx(month_usd)
    assert found["requests_per_month"] == pytest.approx(1_000 * weight * DAYS)
    assert found["cost_usd_per_request"] == pytest.approx(CALL_USD)
    assert found["cost_usd_per_user_month"] == pytest.approx(month_usd / 50)
    assert found["workloads.w0.cost_usd_per_month"] == pytest.approx(month_usd)
    assert found["backends.api.cost_usd_per_month"] == pytest.approx(month_usd)


def test_workloads_of_different_weeks_are_weighted_each_by_its_own() -> None:
    found = figures(weighted(BUSY, QUIET, managed=[api(TokenPrice(FLAGSHIP))]), 1_000, 100)
    busy, quiet = 1_000 * CALL_USD * BUSY * DAYS, 100 * CALL_USD * QUIET * DAYS
    assert found["cost_usd_per_month"] == pytest.approx(busy + quiet)
    assert found["workloads.w1.cost_usd_per_month"] == pytest.approx(quiet)


def test_a_fleet_of_a_fixed_size_goes_by_time() -> None:
    for weight in (BUSY, QUIET):
        what = weighted(weight, pools=[gpus(GpuPrice(3.0), replicas=2)])
        found = figures(what, 10, rentals=rent(2, 24.0))
        assert found["cost_usd_per_month"] == pytest.approx(2 * 3.0 * 24 * DAYS)


def scaling(price: Any, least: int) -> Any:
    return replace(gpus(price, replicas=2), autoscaler=Hpa(8.0, 4, least))


@pytest.mark.parametrize("weight", [BUSY, QUIET])
def test_a_fleet_that_scales_itself_lies_between(weight: float) -> None:
    rentals = [*rent(1, 24.0), Rental(0, 0.0, 6 * 3_600.0)]
    found = figures(weighted(weight, pools=[scaling(GpuPrice(3.0), 1)]), 10, rentals=rentals)
    assert found["cost_usd"] == pytest.approx(3.0 * 30)
    assert found["cost_usd_per_month"] == pytest.approx(3.0 * (24 + 6 * weight) * DAYS)
    plan = PurchasePlan((Reserved(2.0, 1), PayAsYouGo(3.0)))
    found = figures(weighted(weight, pools=[scaling(plan, 1)]), 10, rentals=rentals)
    assert found["cost_usd_per_month"] == pytest.approx((2.0 * 24 + 3.0 * 6 * weight) * DAYS)
    found = figures(weighted(weight, pools=[scaling(plan, 2)]), 10, rentals=rent(2, 24.0))
    assert found["cost_usd_per_month"] == pytest.approx((2.0 + 3.0) * 24 * DAYS)


def test_a_committed_spend_is_held_against_the_spend_of_the_month() -> None:
    price = TokenPrice(FLAGSHIP, minimum_usd_per_month=1_000.0)
    # On this Saturday 20 USD; a thirtieth of the commitment would be 33, and much is missing.
    quiet = figures(weighted(QUIET, managed=[api(price)]), round(20 / CALL_USD))
    month_usd = round(20 / CALL_USD) * CALL_USD * QUIET * DAYS
    assert month_usd > 1_000.0
    assert quiet["cost_usd_per_month"] == pytest.approx(month_usd)
    # On this Monday 36 USD, and yet the month does not come to the commitment.
    busy = figures(weighted(BUSY, managed=[api(price)]), round(36 / CALL_USD))
    assert busy["cost_usd"] == pytest.approx(round(36 / CALL_USD) * CALL_USD)
    assert busy["cost_usd_per_month"] == pytest.approx(1_000.0)


def test_included_requests_are_held_against_those_of_the_month() -> None:
    plan = Subscription(100.0, included_requests=30_000, overage_multiple=2.0)
    price = TokenPrice(FLAGSHIP, subscription=plan)
    busy = figures(weighted(BUSY, managed=[api(price)]), 1_100)  # 26,800 a month
    assert busy["cost_usd"] > 100.0 / DAYS + 1.0  # beyond a thirtieth of the cap
    assert busy["cost_usd_per_month"] == pytest.approx(100.0)
    quiet = figures(weighted(QUIET, managed=[api(price)]), 500)  # half of the day's part of the cap
    beyond = 500 * QUIET * DAYS - 30_000
    assert quiet["cost_usd"] == pytest.approx(100.0 / DAYS)
    assert quiet["cost_usd_per_month"] == pytest.approx(100.0 + beyond * 2 * CALL_USD)


def test_a_margin_is_that_of_the_month() -> None:
    """Users pay by the month, whatever day is simulated; requests and tokens go by volume."""
    margins = [
        figures(
            weighted(
                weight,
                managed=[api(TokenPrice(FLAGSHIP))],
                active_users=50.0,
                revenue_per_user_month_usd=30.0,
                revenue_per_request_usd=0.01,
            ),
            calls,
        )
        for weight, calls in ((BUSY, 1_250), (1.0, 1_000), (QUIET, 400))
    ]
    requests = 1_000 * DAYS
    wanted = 1 - requests * CALL_USD / (50 * 30.0 + requests * 0.01)
    assert [each["gross_margin"] for each in margins] == pytest.approx([wanted] * 3)
    assert margins[0]["revenue_usd"] == pytest.approx(50 * 30.0 / DAYS + 1_250 * 0.01)
