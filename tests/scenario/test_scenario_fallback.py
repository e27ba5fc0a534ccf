"""``spot: {fallback: on_demand}``: what it compiles to, and prices that it cannot have."""

from dataclasses import replace

import pytest
from scenario_documents import MINIMAL, only_problem, written

from sim.catalog import default_gpu_price
from sim.model.purchase import PayAsYouGo
from sim.scenario import load_scenario

POOL = "backends.large"
SPOT = (f"{POOL}.cold_start=3min", f"{POOL}.spot={{life: 5h, absence: 1h, fallback: on_demand}}")
BOTH = (
    "(such as price: [{purchase: spot, usd_per_gpu_hour: 1.2}, "
    "{purchase: on_demand, usd_per_gpu_hour: 3}])"
)


@pytest.fixture
def minimal(tmp_path):
    return written(tmp_path, MINIMAL)


def tranches(path, price):
    priced = () if price is None else (f"{POOL}.price={price}",)
    scenario = load_scenario(path, (*SPOT, *priced))
    pool = scenario.design({one.path: 1.0 for one in scenario.inputs}).pools[0]
    assert pool.falls_back
    again = load_scenario(written(path.parent, scenario.to_yaml(), "again.yaml"))
    assert again.document == scenario.document
    return [replace(tranche, source="", as_of="") for tranche in pool.price.tranches]


def test_a_plan_has_the_price_of_both(minimal):
    plan = "[{purchase: spot, usd_per_gpu_hour: 1.2}, {usd_per_gpu_hour: 3}]"
    assert tranches(minimal, plan) == [PayAsYouGo(1.2, "spot"), PayAsYouGo(3.0)]


@pytest.mark.parametrize(
    "price", ["{usd_per_gpu_hour: 1.2}", "{purchase: spot, usd_per_gpu_hour: 1.2}"]
)
def test_a_price_alone_is_that_of_spot_and_on_demand_costs_the_median(minimal, price):
    on_demand = default_gpu_price("h100-sxm").usd_per_gpu_hour
    assert tranches(minimal, price) == [PayAsYouGo(1.2, "spot"), PayAsYouGo(on_demand)]


def test_without_a_price_both_are_medians_of_the_catalogue(minimal):
    spot, on_demand = (default_gpu_price("h100-sxm", way) for way in ("spot", "on_demand"))
    assert spot.usd_per_gpu_hour < on_demand.usd_per_gpu_hour
    assert "spot" in spot.source
    assert tranches(minimal, None) == [
        PayAsYouGo(spot.usd_per_gpu_hour, "spot"),
        PayAsYouGo(on_demand.usd_per_gpu_hour),
    ]


def test_of_one_provider_spot_is_its_own(minimal):
    first, _ = tranches(minimal, "{provider: verda, purchase: spot}")
    assert first.purchase == "spot"
    assert first.usd_per_gpu_hour < default_gpu_price("h100-sxm").usd_per_gpu_hour


@pytest.mark.parametrize(
    ("overrides", "expected"),
    [
        (
            [f"{POOL}.spot={{life: 5h, fallback: ondemand}}"],
            f"{POOL}.spot.fallback: 'ondemand' must be on_demand",
        ),
        (
            [f"{POOL}.price={{purchase: on_demand, usd_per_gpu_hour: 3}}"],
            f"{POOL}.price: is not that of spot, which spot.fallback goes beside {BOTH}",
        ),
        (
            [f"{POOL}.price={{purchase: reserved_1y, usd_per_gpu_hour: 2}}"],
            f"{POOL}.price: is not that of spot, which spot.fallback goes beside {BOTH}",
        ),
        (
            [f"{POOL}.price={{usd_per_gpu_hour: 1.2, billing: per_hour}}"],
            f"{POOL}.price.billing: has no meaning beside spot.fallback, where GPUs are paid by "
            "the second (remove it)",
        ),
        (
            [f"{POOL}.price=[{{purchase: spot, usd_per_gpu_hour: 1.2}}]"],
            f"{POOL}.price: must have one entry on demand, for spot.fallback, beside that of spot "
            f"{BOTH}",
        ),
        (
            [f"{POOL}.price=[{{usd_per_gpu_hour: 3}}]"],
            f"{POOL}.price: must have one entry on demand, for spot.fallback, beside that of spot "
            f"{BOTH}",
        ),
        (
            [
                f"{POOL}.price=[{{purchase: spot, usd_per_gpu_hour: 1}}, "
                "{usd_per_gpu_hour: 3, gpus: 8}]"
            ],
            f"{POOL}.price.1.gpus: has no meaning for what stands in for spot, as long as that is "
            "away (remove it)",
        ),
    ],
)
def test_what_a_fallback_cannot_mean_is_one_line(minimal, overrides, expected):
    assert only_problem(minimal, (*SPOT, *overrides)) == expected


def test_capacity_of_spot_does_not_bound_what_is_on_demand(minimal):
    overrides = (
        f"{POOL}.replicas={{min: 2, max: 40}}",
        f"{POOL}.autoscaler={{preset: hpa, target_concurrency: 24}}",
        f"{POOL}.capacity={{limit: 3}}",
    )
    design = load_scenario(minimal, (*SPOT, *overrides)).typical_design()
    (pool,) = design.pools
    assert (design.most_replicas(pool), pool.lifecycle.capacity_limit) == (40, 3)
