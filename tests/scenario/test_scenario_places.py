"""A cluster beside zones, nodes and spot: what it compiles to, and what it cannot mean."""

import pytest
from places import FAULTS
from scenario_documents import only_problem, written

from sim.model.floor import Floor
from sim.scenario import load_scenario

SCENARIO = FAULTS / "shared_gpus" / "scenario.yaml"  # a and b: up to 6 replicas of 4 GPUs each
ZONES = "zones={names: [x, y, z], planned: [{zone: y, start: 10min, duration: 10min}]}"
COLD = ("backends.a.cold_start=2min", "backends.b.cold_start=2min")
SPOT = (
    "backends.a.spot={life: 5h, fallback: on_demand}",
    "backends.a.price=[{purchase: spot, usd_per_gpu_hour: 1.2}, {usd_per_gpu_hour: 3}]",
)


def design_of(*overrides):
    return load_scenario(SCENARIO, (*COLD, *overrides)).typical_design()


def test_gpus_are_spread_over_zones_evenly():
    design = design_of("cluster={gpus: 24}", ZONES)
    floor = design.cluster.floor()
    assert (floor.zone_of, floor.free) == (["x", "y", "z"], [8, 8, 8])
    assert [pool.failures.zones.names for pool in design.pools] == [("x", "y", "z")] * 2
    some = design_of("cluster={gpus: 24}", ZONES, "backends.a.zones=[y]")
    assert [some.most_replicas(pool) for pool in some.pools] == [2, 5]


def test_nodes_that_pools_share_are_of_one_size():
    design = design_of("cluster={gpus: 48, node_gpus: 8}", ZONES)
    floor = design.cluster.floor()
    assert floor.zone_of == ["x", "x", "y", "y", "z", "z"]
    assert (floor.size, floor.has_nodes) == (8, True)
    uneven = design_of("cluster={gpus: 24, node_gpus: 6}")
    assert [uneven.most_replicas(pool) for pool in uneven.pools] == [4, 4]  # one on a node of 6


def test_a_cluster_without_either_is_as_before():
    assert design_of("cluster={gpus: 24}").cluster.floor() is None
    assert isinstance(design_of("cluster={gpus: 24, node_gpus: 24}").cluster.floor(), Floor)


def test_spot_with_stand_ins_goes_beside_a_cluster_and_beside_nodes(tmp_path):
    design = design_of("cluster={gpus: 24}", *SPOT)
    assert design.pools[0].falls_back
    nodes = design_of("cluster={gpus: 24}", *SPOT, "backends.a.node_gpus=8")
    assert (nodes.pools[0].falls_back, nodes.pools[0].unit_gpus) == (True, 8)
    scenario = load_scenario(SCENARIO, (*COLD, "cluster={gpus: 48, node_gpus: 8}", ZONES))
    again = load_scenario(written(tmp_path, scenario.to_yaml(), "again.yaml"))
    assert again.document == scenario.document
    assert again.typical_design().cluster == scenario.typical_design().cluster


@pytest.mark.parametrize(
    ("overrides", "expected"),
    [
        (
            ["cluster={gpus: 25}", ZONES],
            "cluster.gpus: 25 must be a multiple of 3, for 3 zones (zones and nodes are all of one "
            "size)",
        ),
        (
            ["cluster={gpus: 32, node_gpus: 8}", ZONES],
            "cluster.gpus: 32 must be a multiple of 24, for 3 zones with nodes of 8 (zones and "
            "nodes are all of one size)",
        ),
        (["cluster={gpus: 24, node_gpus: 0}"], "cluster.node_gpus: 0 must be from 1 to 1024"),
        (
            ["cluster={gpus: 24, node_gpus: eight}"],
            "cluster.node_gpus: 'eight' must be a whole number (a whole number: write 8)",
        ),
        (
            ["cluster={gpus: 9}", ZONES],
            "cluster.gpus: 9 in 3 zones have no room for the replicas that there are at "
            "first (raise it, or lower replicas)",
        ),
        (
            ["cluster={gpus: 24, node_gpus: 2}", ZONES, "backends.a.replicas.max=40",
             "backends.b.node_gpus=8"],
            "backends.b.node_gpus: goes beside cluster.node_gpus, whose nodes all pools share "
            "(remove one: nodes of a pool alone, or nodes of all)",
        ),
        (
            ["cluster={gpus: 24}", ZONES, "backends.b.node_gpus=8"],
            "backends.b.node_gpus: has no meaning in a cluster with zones, where a pool has no "
            "nodes of its own (give node_gpus to the cluster, whose nodes pools share)",
        ),
        (
            ["cluster={gpus: 24, node_gpus: 8}", *SPOT],
            "backends.a.spot: has no meaning on nodes that pools share, of which each is taken "
            "back whole (remove it, or give node_gpus to the pool in place of the cluster)",
        ),
        (
            ["cluster={gpus: 24, node_gpus: 8}",
             "backends.a.failures={crashes_per_gpu_hour: 0.001, replicas_per_node: 2}"],
            "backends.a.failures.replicas_per_node: goes beside cluster.node_gpus, which says how "
            "many there are (remove one)",
        ),
    ],
)  # fmt: skip
def test_what_cannot_be_meant_is_one_line(overrides, expected):
    assert only_problem(SCENARIO, (*COLD, *overrides)) == expected
