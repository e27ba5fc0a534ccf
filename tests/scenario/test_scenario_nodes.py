"""``node_gpus`` of a pool: what it compiles to, and what it cannot go beside."""

import pytest
from scenario_documents import MINIMAL, only_problem, written

from sim.scenario import load_scenario

POOL = "backends.large"  # two replicas of four GPUs
NODES = f"{POOL}.node_gpus=8"


@pytest.fixture
def minimal(tmp_path):
    return written(tmp_path, MINIMAL)


def test_nodes_are_bought_whole_for_any_number_of_replicas(minimal):
    scenario = load_scenario(minimal, (NODES, f"{POOL}.replicas=3"))
    (pool,) = scenario.typical_design().pools
    assert (pool.unit_gpus, pool.unit_replicas) == (8, 2)
    assert [pool.bought_gpus(n) for n in (0, 1, 2, 3, 4)] == [0, 8, 8, 16, 16]
    assert not pool.moves
    again = load_scenario(written(minimal.parent, scenario.to_yaml(), "again.yaml"))
    assert again.document == scenario.document


def test_without_nodes_gpus_are_bought_by_the_replica(minimal):
    (pool,) = load_scenario(minimal).typical_design().pools
    assert (pool.unit_gpus, pool.unit_replicas, pool.bought_gpus(3)) == (4, 1, 12)


def test_a_reservation_covers_whole_nodes(minimal):
    reserved = f"{POOL}.price={{purchase: reserved_1y, usd_per_gpu_hour: 2}}"
    (pool,) = load_scenario(minimal, (NODES, reserved, f"{POOL}.replicas=3")).typical_design().pools
    assert pool.price.gpus == 16


def test_a_cluster_counts_whole_nodes(minimal):
    design = load_scenario(minimal, (NODES, "cluster={gpus: 20}")).typical_design()
    (pool,) = design.pools
    assert (design.quota_gpus(pool), design.left_for(pool)) == (8, 4)


@pytest.mark.parametrize(
    ("overrides", "expected"),
    [
        ([f"{POOL}.node_gpus=0"], f"{POOL}.node_gpus: 0 must be from 1 to 1024"),
        (
            [
                f"{POOL}.cold_start=3min",
                f"{POOL}.failures={{crashes_per_gpu_hour: 0.001, replicas_per_node: 2}}",
            ],
            f"{POOL}.failures.replicas_per_node: goes beside node_gpus, which says how many there "
            "are (remove it)",
        ),
        (
            ["cluster={gpus: 12}", f"{POOL}.replicas=3"],
            "cluster.gpus: 12 must be at least 16, which the fewest replicas of its pools take "
            "(large 3 x 4 on nodes of 8) (raise it, or lower replicas)",
        ),
        (
            [
                f"{POOL}.price=[{{purchase: reserved_1y, usd_per_gpu_hour: 2, gpus: 12}}]",
                f"{POOL}.replicas=3",
            ],
            f"{POOL}.price: has 12 GPUs, and the pool may have 16 "
            "(add {purchase: on_demand, ...} without gpus)",
        ),
    ],
)
def test_what_nodes_cannot_mean_is_one_line(minimal, overrides, expected):
    assert only_problem(minimal, (NODES, *overrides)) == expected


def test_spot_may_take_nodes_of_one_replica(minimal):
    spot = (f"{POOL}.cold_start=3min", f"{POOL}.spot={{life: 5h}}", f"{POOL}.node_gpus=4")
    (pool,) = load_scenario(minimal, spot).typical_design().pools
    assert pool.unit_replicas == 1
