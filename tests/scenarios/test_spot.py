"""The shipped fleet on spot: who stands in, what that costs, and what it is without."""

import pytest
from places import SHIPPED

from sim.montecarlo.replication import replicate
from sim.scenario import load_scenario

PATH = SHIPPED / "spot.yaml"
SHORT = ("horizon.duration=6h", "workloads.chat.arrivals.requests_per_second=4")


def figures(*overrides):
    scenario = load_scenario(PATH, (*SHORT, *overrides))
    draws = {each.path: 1.0 for each in scenario.inputs}
    return replicate(scenario, 1, 0, draws).metrics


def test_the_bill_is_hours_on_spot_and_on_demand_at_their_prices():
    found = figures()
    on_demand = found["stand_in_gpu_hours"]
    on_spot = found["gpu_hours"] - on_demand
    assert on_demand > 4.0
    assert found["cost_usd"] == pytest.approx(1.49 * on_spot + 2.99 * on_demand)
    assert found["cost_stand_in_usd"] == pytest.approx(2.99 * on_demand)
    alone = figures("backends.large.spot.fallback=null")
    # They are the same, but for how long a drained one has requests to finish.
    assert alone["gpu_hours"] == pytest.approx(on_spot, rel=5e-3)
    assert alone["cost_usd"] == pytest.approx(1.49 * alone["gpu_hours"])
    assert alone["stand_in_gpu_hours"] == 0.0
    assert found["ready_replicas_mean"] > alone["ready_replicas_mean"] + 0.2
    assert found["ready_replicas_mean"] <= 4.0
