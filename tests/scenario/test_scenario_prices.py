"""Prices of GPUs in a scenario: rented, committed to, owned, and mixtures of them."""

import math
from dataclasses import replace

import numpy as np
import pytest
from scenario_documents import BACKENDS, FLEETS, MINIMAL, written

from sim.catalog import default_gpu_price, gpu_price
from sim.errors import ScenarioError
from sim.model.price import GpuPrice
from sim.model.purchase import CapacityBlock, Owned, PayAsYouGo, PurchasePlan, Reserved
from sim.scenario import load_scenario

PRICE = "backends.large.price"
OWNED = "{usd_per_gpu: 37.5 kUSD, years: 4}"


@pytest.fixture
def minimal(tmp_path):
    return written(tmp_path, MINIMAL)


def price_of(path, *overrides, pool=0):
    scenario = load_scenario(path, overrides)
    u = np.array([0.5])
    values = {one.path: float(one.distribution.ppf(u)[0]) for one in scenario.inputs}
    return scenario.design(values).pools[pool].price


def problems(path, *overrides):
    with pytest.raises(ScenarioError) as caught:
        load_scenario(path, overrides)
    return [str(replace(p, file="", line=None))[2:] for p in caught.value.problems]


def test_a_price_alone_is_that_of_what_is_rented(minimal):
    assert price_of(minimal) == default_gpu_price("h100-sxm")
    assert price_of(minimal, f"{PRICE}={{usd_per_gpu_hour: 2, billing: per_hour}}") == GpuPrice(
        2.0, 3600.0
    )
    assert price_of(minimal, f"{PRICE}={{provider: nebius, purchase: spot}}") == replace(
        gpu_price("nebius", "h100-sxm", "spot"), purchase="spot"
    )
    given = "{usd_per_gpu_hour: 1.2, purchase: spot, list_usd_per_gpu_hour: 3}"
    assert price_of(minimal, f"{PRICE}={given}") == GpuPrice(
        1.2, purchase="spot", list_usd_per_gpu_hour=3.0
    )


def test_seconds_are_hours_of_serverless_gpus(minimal):
    price = price_of(minimal, f"{PRICE}.usd_per_gpu_second=0.00053")
    assert (price.usd_per_gpu_hour, price.purchase) == (pytest.approx(1.908), "serverless")


@pytest.mark.parametrize(
    ("keys", "tranche"),
    [
        ("purchase: reserved_1y, usd_per_gpu_hour: 1.8", Reserved(1.8, 8.0)),
        ("purchase: reserved_1y, usd_per_gpu_hour: 1.8, gpus: 12", Reserved(1.8, 12.0)),
        ("purchase: capacity_block, usd_per_gpu_hour: 5", CapacityBlock(5.0, 8.0)),
        (f"owned: {OWNED}", Owned(8.0, 37_500.0, 4.0)),
    ],
)
def test_what_is_committed_to_is_so_for_as_many_as_there_may_be(minimal, keys, tranche):
    assert price_of(minimal, f"{PRICE}={{{keys}}}") == PurchasePlan((tranche,))


def test_as_many_as_there_may_be_are_those_of_the_limits(tmp_path):
    """40 replicas at most, of 4 GPUs each; and two standbys beside up to 10."""
    path = written(tmp_path, FLEETS)
    for pool, name, gpus in ((0, "scaled", 160.0), (1, "timed", 48.0)):
        keys = f"backends.{name}.price={{purchase: reserved_3y, usd_per_gpu_hour: 1.3}}"
        assert price_of(path, keys, pool=pool).gpus == gpus


def test_a_list_is_filled_in_its_order(tmp_path):
    scenario = load_scenario(written(tmp_path, BACKENDS))
    values = {u.path: float(u.distribution.ppf(np.array([0.5]))[0]) for u in scenario.inputs}
    block = gpu_price("aws", "h100-sxm", "capacity_block")
    assert scenario.design(values).pools[0].price.tranches == (
        Owned(
            gpus=4.0,
            purchase_usd_per_gpu=values["backends.own.price.0.owned.usd_per_gpu"],
            amortisation_years=4.0,
            residual_share=0.3,
            idle_w=300.0,
            busy_w=1300.0,
            pue=1.5,
            usd_per_kwh=0.08,
            colocation_usd_per_kw_month=180.0,
            network_usd_per_month=200.0,
            staff_usd_per_month=3000.0,
        ),
        Reserved(1.3, 2.0, "reserved_3y", 0.25, 6.88),
        CapacityBlock(
            block.usd_per_gpu_hour, 2.0, 21_600.0, 1, source=block.source, as_of=block.as_of
        ),
        PayAsYouGo(1.2, "spot", 2.0, source="a quote", as_of="2026-11"),
        PayAsYouGo(0.00053 * 3600, "serverless", math.inf),
    )


def test_the_oldest_price_of_a_plan_is_warned_of(tmp_path):
    old = BACKENDS.replace("as_of: 2026-11", "as_of: 2024-12")
    (of_budget,) = load_scenario(written(tmp_path, BACKENDS)).warnings  # of a week, over a day
    assert old != BACKENDS and "begins with 267 USD of it there" in of_budget
    advice, same = load_scenario(written(tmp_path, old)).warnings
    assert advice == "backends.own.price: its date (2024-12) is over a year ago"
    assert same == of_budget


def test_a_plan_with_a_provider_resolves_to_one_that_can_be_read_again(minimal):
    scenario = load_scenario(minimal, (f"{PRICE}=[{{provider: nebius, purchase: spot}}]",))
    again = load_scenario(written(minimal.parent, scenario.to_yaml(), "again.yaml"))
    assert again.document == scenario.document


@pytest.mark.parametrize(
    ("price", "expected"),
    [
        ("[]", "is empty, must have at least one entry"),
        ("[{gpus: 8}]",
         "0: has no price (add usd_per_gpu_hour, such as usd_per_gpu_hour: 2.99)"),
        ("[{purchase: reserved_1y, usd_per_gpu_hour: 2}]", "0.gpus: is missing (such as gpus: 8)"),
        (f"[{{owned: {OWNED}}}]", "0.gpus: is missing (such as gpus: 8)"),
        ("[{purchase: reserved_1y, usd_per_gpu_hour: 2, gpus: 4}]",
         "has 4 GPUs, and the pool may have 8 (add {purchase: on_demand, ...} without gpus)"),
        ("[{usd_per_gpu_hour: 2, billing: per_hour}]",
         "0.billing: has no meaning in a plan, where what is rented is paid by the second "
         "(remove it)"),
        ("{usd_per_gpu_hour: 2, gpus: 8, billing: per_hour}",
         "billing: has no meaning for what is not paid by its use (remove it)"),
        ("[{usd_per_gpu_hour: 2}, {usd_per_gpu_huor: 2}]",
         "1.usd_per_gpu_huor: unknown key (did you mean 'usd_per_gpu_hour'?)"),
        ("{usd_per_gpu_hour: 2, usd_per_gpu_second: 0.001}",
         "usd_per_gpu_second: goes beside usd_per_gpu_hour, must be the only one"),
        (f"{{owned: {OWNED}, purchase: spot}}",
         "purchase: has no meaning beside owned (remove it)"),
        (f"{{owned: {OWNED}, provider: aws}}",
         "owned: goes beside provider, must be the only one"),
        ("{owned: {years: 4}}", "owned.usd_per_gpu: is missing"),
        ("{usd_per_gpu_hour: 2, upfront_share: 10%}",
         "upfront_share: has no meaning for on_demand (add purchase: reserved_1y)"),
        ("{usd_per_gpu_hour: 2, purchase: spot, days: 3}",
         "days: has no meaning for spot (add purchase: capacity_block)"),
        ("{provider: aws, source: me}",
         "source: comes with the provider's price (remove it)"),
        ("{provider: aws, purchase: reserved_2y}",
         "price for provider 'aws', GPU 'h100-sxm': purchase 'reserved_2y' is not in the catalogue "
         "(there: capacity_block, on_demand, reserved_1y, reserved_3y; 'sim catalog prices' lists "
         "all) "
         "(give price: {usd_per_gpu_hour: 2.99})"),
        ("{provider: verda, purchase: capacity_block, days: 45, gpus: 8}",
         "price for provider 'verda', GPU 'h100-sxm': no capacity_block of 45 days is in the "
         "catalogue (there are blocks of 30, 90, 180 days) (give price: {usd_per_gpu_hour: 2.99})"),
        ("3", "3 must be a mapping"),
    ],
)  # fmt: skip
def test_prices_that_contradict_themselves_are_refused(minimal, price, expected):
    found = problems(minimal, f"{PRICE}={price}")
    separators = (".", ": ")
    assert any(f"{PRICE}{separator}{expected}" in found for separator in separators) or any(
        problem.startswith(f"{PRICE}: {expected} (keys: ") for problem in found
    ), found
