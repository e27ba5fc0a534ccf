"""``adapters.yaml``: how many adapters one base serves, by their number, slots, host and router."""

import pytest
from places import SHIPPED

from sim.montecarlo.replication import replicate
from sim.scenario import load_scenario

SHORT = ("horizon.duration=15min", "horizon.warm_up=5min", "seed=1")
COUNT = "workloads.tenants.adapters.count"
SLOTS = "backends.base.adapters"


def figures(*overrides: str) -> dict[str, float]:
    read = load_scenario(SHIPPED / "adapters.yaml", (*SHORT, *overrides))
    draws = {one.path: float(one.distribution.ppf(0.5)) for one in read.inputs}
    return replicate(read, read.seed, 0, draws).metrics


def test_what_fits_into_the_slots_is_loaded_once() -> None:
    few = figures(f"{COUNT}=16")
    assert few["adapter_hit_share"] == pytest.approx(1.0, abs=0.001)
    assert few["adapter_load_share"] < 0.001


def test_more_adapters_are_found_less_often_and_wait_for_longer() -> None:
    found = [figures(f"{COUNT}={count}", f"{SLOTS}.host_slots=800") for count in (32, 200, 800)]
    hits = [each["adapter_hit_share"] for each in found]
    waits = [each["ttft_p95_s"] for each in found]
    assert hits == sorted(hits, reverse=True)
    assert waits == sorted(waits)
    assert found[-1]["adapter_load_share"] > 0.1


def test_half_the_slots_are_too_few_and_the_batch_does_not_fill() -> None:
    halved = figures(f"{SLOTS}.slots=8")
    assert halved["slo_attainment"] < 0.8
    assert halved["offered_load"] < 0.5


def test_a_host_for_the_slots_only_fetches_all_that_it_loads() -> None:
    narrow, wide = figures(f"{SLOTS}.host_slots=16"), figures()
    assert narrow["adapter_fetches"] == narrow["adapter_loads"]
    assert wide["adapter_fetches"] < 0.01 * wide["adapter_loads"]  # most in the warm-up
    assert narrow["adapter_load_share"] > 2 * wide["adapter_load_share"]


def test_a_router_that_sees_adapters_finds_more_of_them() -> None:
    weights = "{prefix: 0, queue: 1, kv_cache: 0, adapter: 2}"
    affine = figures("backends.base.router=scored", f"backends.base.scorers={weights}")
    blind = figures()
    assert affine["adapter_hit_share"] > blind["adapter_hit_share"] + 0.05
    assert affine["ttft_p95_s"] < 0.6 * blind["ttft_p95_s"]
