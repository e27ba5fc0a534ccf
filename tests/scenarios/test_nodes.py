"""Nodes that are bought whole: the shipped fleet, and two pools that share a cluster of three."""

import numpy as np
import pytest
from places import FAULTS, SHIPPED

from sim.engine.simulation import simulate
from sim.model.streams import Streams
from sim.montecarlo.metrics import metrics
from sim.scenario import load_scenario

SHORT = ("horizon={duration: 30min, warm_up: 10min}", "workloads.a.arrivals.events.0.start=5min")
NODES = ("backends.a.node_gpus=8", "backends.b.node_gpus=8")


def simulated(path, *overrides):
    scenario = load_scenario(path, overrides)
    design = scenario.typical_design()
    outcome = simulate(design, Streams(0, 0))
    return outcome, metrics(outcome, design)


def test_the_shipped_fleet_pays_for_what_no_replica_has():
    path = SHIPPED / "nodes.yaml"
    small = (
        "horizon={duration: 1h, warm_up: 10min}",
        "workloads.chat.arrivals.events.0.start=10min",
    )
    _, figures = simulated(path, *small)
    outcome, alone = simulated(path, *small, "backends.large.node_gpus=null")
    assert figures["cost_usd"] == pytest.approx(2.99 * figures["gpu_hours"])
    assert figures["unused_gpu_hours"] > 0.3
    assert figures["gpu_hours"] > alone["gpu_hours"] + 0.3
    assert alone["unused_gpu_hours"] == 0.0
    assert outcome.nodes == ()


def test_a_pool_that_never_moves_buys_whole_nodes_too():
    fixed = ("backends.large.replicas=3", "backends.large.autoscaler=null")
    path, short = SHIPPED / "nodes.yaml", "horizon={duration: 1h, warm_up: 10min}"
    _, figures = simulated(path, *fixed, short, "backends.large.cold_start=null")
    assert figures["cost_usd"] == pytest.approx(16 * 2.99)
    assert figures["unused_gpu_hours"] == pytest.approx(4.0)


def test_half_a_node_is_of_no_use_to_another_pool():
    """On three nodes a reaches 4 replicas, and 5 by the GPU: b holds a node for its one."""
    path = FAULTS / "shared_gpus" / "scenario.yaml"
    by_gpu, _ = simulated(path, *SHORT, "cluster={gpus: 24}")
    outcome, _ = simulated(path, *SHORT, *NODES, "cluster={gpus: 24}")
    assert [max(found.logs[0].ready) for found in (by_gpu, outcome)] == [5, 4]
    assert min(outcome.logs[1].ready) >= 1
    edges_s = np.unique([at for each in outcome.nodes for at in (each.start_s, each.end_s)])
    there = [sum(n.start_s <= at < n.end_s for n in outcome.nodes) for at in edges_s[:-1]]
    assert max(there) == 3
    assert {each.pool for each in outcome.nodes} == {0, 1}
