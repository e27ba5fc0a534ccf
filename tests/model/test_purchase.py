"""Ways to have GPUs: each by its own arithmetic, mixtures against a second-by-second count."""

import math
from collections.abc import Sequence

import numpy as np
import pytest
from bookings import design, gpus, horizon, nothing_happened, rent, workload
from hypothesis import given, settings
from hypothesis import strategies as st

from sim.engine.simulation import Rental
from sim.model.price import GpuPrice
from sim.model.purchase import (
    CapacityBlock,
    Owned,
    PayAsYouGo,
    PurchasePlan,
    Reserved,
    Tranche,
)
from sim.montecarlo.money import Charge, costs, money

HOURS_A_YEAR = 365.25 * 24


def charges(
    price: object, rentals: Sequence[Rental], hours: float, gpus_per_replica: int = 1
) -> tuple[Charge, ...]:
    what = design([workload("chat", "pool")], [gpus(price, gpus_per_replica)], when=horizon(hours))
    return costs(nothing_happened(what, rentals), what).charges


def figures(
    price: object,
    rentals: Sequence[Rental],
    hours: float = 24.0,
    busy_share: float = 1.0,
    gpus_per_replica: int = 1,
) -> dict[str, float]:
    """Figures of a pool whose replicas are all busy for a share of the time."""
    what = design([workload("chat", "pool")], [gpus(price, gpus_per_replica)], when=horizon(hours))
    outcome = nothing_happened(what, rentals)
    rented = sum(np.clip(outcome.ledger.edges_s, r.start_s, r.end_s) for r in rentals)
    if rentals:
        outcome.ledger.pools["busy_s"][0] = np.diff(rented) * busy_share
    return money(outcome, what)


def plan(*tranches: Tranche) -> PurchasePlan:
    return PurchasePlan(tranches)


# Each alone


def test_gpus_on_demand_cost_what_they_are_used() -> None:
    rentals = [Rental(0, 600.0, 6_000.0), Rental(0, 0.0, 3_600.0)]
    assert figures(plan(PayAsYouGo(3.0)), rentals)["cost_usd"] == pytest.approx(3.0 * 2.5)


def test_a_plan_of_one_price_costs_what_the_price_does() -> None:
    rentals = [Rental(0, 0.0, 5_000.0), Rental(0, 1_234.0, 80_000.0)]
    simple = figures(GpuPrice(2.5), rentals, gpus_per_replica=4)
    planned = figures(plan(PayAsYouGo(2.5)), rentals, gpus_per_replica=4)
    assert simple["cost_usd"] == pytest.approx(planned["cost_usd"])


def test_a_replica_billed_by_the_hour_pays_the_rest_of_its_last_hour_for_nothing() -> None:
    rentals = [Rental(0, 0.0, 5_400.0)]
    figure = figures(GpuPrice(2.0, billing_granularity_s=3_600.0), rentals)
    assert figure["cost_usd"] == 4.0
    assert figure["cost_idle_usd"] == pytest.approx(1.0)
    (charge,) = charges(GpuPrice(2.0, 3_600.0), rentals, 24)
    assert charge.quantity[:3].tolist() == [1.0, 1.0, 0.0]
    assert charge.consumed[:3].tolist() == [1.0, 0.5, 0.0]


@pytest.mark.parametrize("used", [0, 3, 8])
@pytest.mark.parametrize(("purchase", "price"), [("reserved_1y", 1.8), ("reserved_3y", 1.3)])
def test_a_reservation_is_paid_whether_used_or_not(used: int, purchase: str, price: float) -> None:
    reserved = Reserved(price, 8, purchase)  # type: ignore[arg-type]
    figure = figures(plan(reserved), rent(used, 24.0))
    assert figure["cost_usd"] == pytest.approx(price * 8 * 24)
    assert figure["cost_idle_usd"] == pytest.approx(price * (8 - used) * 24)


def test_what_was_paid_upfront_is_a_cost_but_on_no_bill() -> None:
    base = Reserved(2.0, 4, "reserved_3y", upfront_share=0.25)
    lines = charges(plan(base), rent(3, 10.0), 10.0)
    assert sum(line.effective_usd.sum() for line in lines) == pytest.approx(2.0 * 4 * 10)
    assert sum(line.billed_usd.sum() for line in lines) == pytest.approx(0.75 * 2.0 * 4 * 10)


def test_serverless_gpus_are_paid_by_the_second() -> None:
    figure = figures(plan(PayAsYouGo(0.0005 * 3_600, "serverless")), [Rental(0, 10.0, 1_010.0)])
    assert figure["cost_usd"] == pytest.approx(0.5)


def test_a_capacity_block_is_paid_upfront_for_whole_days() -> None:
    block = CapacityBlock(5.0, gpus=8)
    lines = charges(plan(block), rent(6, 36.0), 36.0)
    paid_usd = 5.0 * 8 * 48  # a day and a half are two days
    assert sum(line.effective_usd.sum() for line in lines) == pytest.approx(paid_usd)
    billed_usd = sum(line.billed_usd for line in lines)
    assert billed_usd[0] == pytest.approx(paid_usd)
    assert not billed_usd[1:].any()
    unused = next(line for line in lines if line.status == "Unused")
    assert unused.effective_usd.sum() == pytest.approx(paid_usd / 4)


def test_a_capacity_block_serves_from_its_beginning_to_its_end() -> None:
    mixed = plan(CapacityBlock(5.0, gpus=2, start_s=86_400.0, days=1), PayAsYouGo(7.0))
    figure = figures(mixed, rent(3, 72.0), 72.0)
    assert figure["cost_usd"] == pytest.approx(5.0 * 2 * 24 + 7.0 * (3 * 48 + 1 * 24))


def test_a_block_after_the_horizon_costs_nothing_in_it() -> None:
    late = plan(CapacityBlock(5.0, gpus=2, start_s=100_000.0, days=3), PayAsYouGo(7.0))
    assert figures(late, rent(1, 24.0))["cost_usd"] == pytest.approx(7.0 * 24)


# Owned

NODE = Owned(
    gpus=8,
    purchase_usd_per_gpu=43_750.0,
    amortisation_years=4.0,
    residual_share=0.3,
    idle_w=500.0,
    busy_w=1_275.0,
    pue=1.54,
    usd_per_kwh=0.081,
    colocation_usd_per_kw_month=150.0,
    network_usd_per_month=400.0,
    staff_usd_per_month=900.0,
)


@pytest.mark.parametrize("utilisation", [0.25, 0.8, 1.0])
def test_an_owned_gpu_hour_costs_what_the_formula_says(utilisation: float) -> None:
    """(capex (1 - residual) / (life · hours a year) + kW · PUE · price + colo + ops) / use."""
    hours = 240.0
    figure = figures(plan(NODE), rent(8, hours), hours, busy_share=utilisation)
    watts = utilisation * 1_275.0 + (1 - utilisation) * 500.0
    an_hour_usd = (
        43_750.0 * 0.7 / (4 * HOURS_A_YEAR)
        + watts / 1_000 * 1.54 * 0.081
        + 150.0 * 1.275 * 12 / HOURS_A_YEAR
        + (400.0 + 900.0) * 12 / HOURS_A_YEAR / 8
    )
    used_hours = utilisation * 8 * hours
    assert figure["cost_usd"] / used_hours == pytest.approx(an_hour_usd / utilisation)
    assert figure["cost_usd"] == pytest.approx(an_hour_usd * 8 * hours)


def test_an_owned_gpu_that_no_replica_runs_on_draws_its_idle_power() -> None:
    power = {line.kind: line for line in charges(plan(NODE), rent(2, 10.0), 10.0)}["power"]
    assert power.quantity.sum() == pytest.approx(8 * 10 * 0.5 * 1.54)  # nobody is in a batch
    assert power.idle_usd.sum() == pytest.approx(power.effective_usd.sum())


def test_owned_gpus_lose_their_value_in_their_life() -> None:
    whole_life = NODE.usd_per_gpu_hour * 4 * HOURS_A_YEAR
    assert whole_life + 0.3 * 43_750.0 == pytest.approx(43_750.0)


# Mixtures


def brute_force_usd(
    rentals: Sequence[Rental], gpus_per_replica: int, hours: int, tranches: Sequence[Tranche]
) -> list[float]:
    """Cost of each hour: every second, GPUs fill the tranches one by one."""
    costs_usd = []
    for hour in range(hours):
        used_s = [0] * len(tranches)
        for second in range(3_600 * hour, 3_600 * (hour + 1)):
            there = sum(r.start_s <= second < r.end_s for r in rentals) * gpus_per_replica
            for number, tranche in enumerate(tranches):
                taken = int(min(there, tranche.gpus))
                used_s[number] += taken
                there -= taken
        cost_usd = 0.0
        for tranche, gpu_s in zip(tranches, used_s, strict=True):
            is_reserved = isinstance(tranche, Reserved)
            paid_s = 3_600 * tranche.gpus if is_reserved else gpu_s
            cost_usd += paid_s / 3_600 * tranche.usd_per_gpu_hour
        costs_usd.append(cost_usd)
    return costs_usd


RESERVED = Reserved(1.8, 6, "reserved_1y")
LONGER = Reserved(1.3, 3, "reserved_3y")
SOME_SPOT = PayAsYouGo(1.2, "spot", gpus=5)
SOME_ON_DEMAND = PayAsYouGo(3.0, gpus=4)
MIXTURES = [
    (RESERVED, SOME_ON_DEMAND, PayAsYouGo(1.2, "spot")),
    (LONGER, RESERVED, SOME_SPOT, PayAsYouGo(3.0)),
    (SOME_SPOT, SOME_ON_DEMAND, PayAsYouGo(0.0005 * 3_600, "serverless")),
]
STRETCH = st.tuples(st.integers(0, 7_199), st.integers(1, 7_200))


@given(
    st.lists(STRETCH, max_size=6),
    st.integers(1, 4),
    st.sampled_from(MIXTURES),
)
@settings(max_examples=40, deadline=None)
def test_a_mixture_costs_what_counting_every_second_says(
    stretches: list[tuple[int, int]], gpus_per_replica: int, tranches: tuple[Tranche, ...]
) -> None:
    rentals = [
        Rental(0, float(begin), float(min(begin + length, 7_200))) for begin, length in stretches
    ]
    lines = charges(plan(*tranches), rentals, 2.0, gpus_per_replica)
    by_hour = sum(line.effective_usd for line in lines)
    expected = brute_force_usd(rentals, gpus_per_replica, 2, tranches)
    assert by_hour.tolist() == pytest.approx(expected, abs=1e-9)


def test_reserved_on_demand_and_spot_over_a_day_by_hand() -> None:
    """4 GPUs all day, 8 more for 10 h, 4 more for 2 h; 6 reserved, 4 on demand, the rest spot."""
    mixed = plan(Reserved(1.8, 6), PayAsYouGo(3.0, gpus=4), PayAsYouGo(1.2, "spot"))
    rentals = [
        Rental(0, 0.0, 86_400.0),
        *[Rental(0, 8 * 3_600.0, 18 * 3_600.0)] * 2,
        Rental(0, 12 * 3_600.0, 14 * 3_600.0),
    ]
    lines = {
        (line.kind, line.status): line.effective_usd.sum()
        for line in charges(mixed, rentals, 24.0, gpus_per_replica=4)
        if not line.is_purchase
    }
    assert lines == pytest.approx(
        {
            ("reserved_1y", "Used"): 1.8 * (4 * 14 + 6 * 10),
            ("reserved_1y", "Unused"): 1.8 * 2 * 14,
            ("on_demand", ""): 3.0 * 4 * 10,
            ("spot", ""): 1.2 * (2 * 8 + 6 * 2),
        }
    )


def test_spot_and_reservations_are_listed_at_the_price_on_demand() -> None:
    mixed = plan(Reserved(1.8, 1), PayAsYouGo(3.0, gpus=1), PayAsYouGo(1.2, "spot"))
    lines = [line for line in charges(mixed, rent(3, 24.0), 24.0) if not line.is_purchase]
    assert sum(line.list_usd.sum() for line in lines) == pytest.approx(3.0 * 3 * 24)
    assert sum(line.effective_usd.sum() for line in lines) == pytest.approx(6.0 * 24)


def test_the_last_tranche_takes_what_is_left() -> None:
    small = plan(PayAsYouGo(1.0, "spot", gpus=2), Reserved(2.0, 1))
    # Two spot, one reserved, and one that there is not, at the price of the last.
    assert figures(small, rent(4, 24.0))["cost_usd"] == pytest.approx((2 * 1.0 + 2 * 2.0) * 24)


# What there cannot be


def test_a_pool_larger_than_its_gpus_is_refused() -> None:
    with pytest.raises(
        ValueError, match=r"GPUs of the purchase plan \(8\) must be at least the 12"
    ):
        gpus(plan(NODE), gpus_per_replica=4, replicas=3)
    assert plan(NODE, PayAsYouGo(3.0)).gpus == math.inf


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: PurchasePlan(()), "tranches"),
        (lambda: Reserved(-1.0, 8), "price"),
        (lambda: Reserved(1.0, math.inf), "gpus"),
        (lambda: Reserved(1.0, 8, upfront_share=1.5), "upfront_share"),
        (lambda: CapacityBlock(1.0, 8, days=0), "days"),
        (lambda: Owned(8, 1.0, amortisation_years=0.0), "amortisation_years"),
        (lambda: Owned(8, 1.0, 4.0, idle_w=2.0, busy_w=1.0), "idle_w, busy_w"),
        (lambda: Owned(8, 1.0, 4.0, pue=0.9), "pue"),
    ],
)
def test_impossible_purchases_say_why(make: object, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make()  # type: ignore[operator]
