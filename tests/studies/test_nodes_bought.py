"""What studies take a fleet on nodes of eight GPUs to cost, by hand: two replicas on each."""

import numpy as np
import pytest
from scenario_documents import MINIMAL, written

from sim.scenario import load_scenario
from sim.studies.breakeven.idle import full_fleets, idle_usd_per_day
from sim.studies.plan.runs import in_gpus
from sim.studies.size.fleet import most_replicas

POOL = "backends.large"


@pytest.fixture
def scenario(tmp_path):
    plan = (
        "[{purchase: reserved_1y, usd_per_gpu_hour: 2, gpus: 24}, {usd_per_gpu_hour: 3, gpus: 16}]"
    )
    return load_scenario(
        written(tmp_path, MINIMAL), (f"{POOL}.node_gpus=8", f"{POOL}.price={plan}")
    )


def draws(scenario):
    return {each.path: 1.0 for each in scenario.inputs}


@pytest.mark.parametrize(("replicas", "on_demand"), [(1, 0), (6, 0), (7, 8), (9, 16)])
def test_an_idle_fleet_costs_whole_nodes(scenario, replicas, on_demand):
    usd = idle_usd_per_day(scenario, draws(scenario), replicas)
    assert usd == pytest.approx(24 * (24 * 2.0 + on_demand * 3.0))


def test_reservations_are_full_at_whole_nodes(scenario):
    assert set(full_fleets(scenario, draws(scenario))) == {6, 10}


def test_a_plan_of_so_many_gpus_has_room_for_so_many_replicas(scenario):
    design = scenario.design(draws(scenario))
    assert most_replicas(design, design.pools[0]) == 10


def test_a_month_pays_whole_nodes(scenario):
    (pool,) = scenario.design(draws(scenario)).pools
    found = in_gpus(pool, np.array([[0.0, 1.0, 2.0], [2.2, 3.0, 5.0]]))
    assert found.tolist() == [[0.0, 8.0, 8.0], [16.0, 16.0, 24.0]]
