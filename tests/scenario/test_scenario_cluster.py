"""The cluster of a scenario: what it says, and what it cannot mean."""

import pytest
from places import FAULTS

from sim.errors import ScenarioError
from sim.model.cluster import Standing
from sim.scenario import load_scenario

KNATIVE = "backends.a.autoscaler={preset: knative, target_concurrency: 24}"
SCENARIO = FAULTS / "shared_gpus" / "scenario.yaml"


def loaded(cluster: str, *overrides: str):
    return load_scenario(SCENARIO, (f"cluster={cluster}", *overrides))


def test_quotas_are_by_default_of_the_fewest_replicas():
    design = loaded("{gpus: 24, pools: {b: {quota: 8, priority: 3}}}").design({})
    assert [design.quota_gpus(pool) for pool in design.pools] == [4, 8]
    assert [design.most_replicas(pool) for pool in design.pools] == [4, 5]
    assert design.cluster.standing("b") == Standing(8, 3)
    assert design.cluster.standing("a") == Standing()


def test_without_a_cluster_each_pool_has_its_own_limit():
    design = load_scenario(SCENARIO).design({})
    assert design.cluster is None
    assert [design.most_replicas(pool) for pool in design.pools] == [6, 6]


@pytest.mark.parametrize(
    ("cluster", "overrides", "expected"),
    [
        ("{gpus: 0}", (), "cluster.gpus: 0 must be from 1 to 1000000"),
        ("{gpus: 2.5}", (), "cluster.gpus: 2.5 must be a whole number"),
        (
            "{gpus: 1e1}",
            (),
            "cluster.gpus: 10 is written with a point or an exponent, must be a whole number"
            " (write 10)",
        ),
        ("{gpus: 1e9}", (), "cluster.gpus: 1000000000 must be from 1 to 1000000"),
        (
            "{gpus: 24, quota: 8}",
            (),
            "cluster.quota: unknown key (did you mean cluster.pools.NAME.quota?)",
        ),
        ("{}", (), "cluster.gpus: is missing"),
        ("24", (), "cluster: 24 must be a mapping (keys: gpus, node_gpus, sharing, pools)"),
        (
            "{gpus: 24, sharing: fair}",
            (),
            "cluster.sharing: 'fair' must be one of load, first_come",
        ),
        (
            "{gpus: 4}",
            (),
            "cluster.gpus: 4 must be at least 8, which the fewest replicas of its pools take "
            "(a 1 x 4, b 1 x 4) (raise it, or lower replicas)",
        ),
        (
            "{gpus: 12}",
            ("backends.a.replicas={min: 1, max: 6, initial: 3}",),
            "cluster.gpus: 12 must be at least 16, which the replicas of its pools at the "
            "beginning take (a 3 x 4, b 1 x 4) (raise it, or lower replicas)",
        ),
        (
            "{gpus: 24, pools: {c: {priority: 1}}}",
            (),
            "cluster.pools.c: is no pool of GPUs (one of a, b)",
        ),
        (
            "{gpus: 24, pools: {a: {priority: high}}}",
            (),
            "cluster.pools.a.priority: 'high' must be a whole number",
        ),
        (
            "{gpus: 24, pools: {a: {quota: 2}}}",
            (),
            "cluster.pools.a.quota: 2 must be at least the 4 GPUs of the fewest replicas",
        ),
        (
            "{gpus: 24, pools: {a: {quota: 16}, b: {quota: 12}}}",
            (),
            "cluster.pools: guarantee 28 GPUs to its pools together, more than there are "
            "(lower a quota, or raise gpus (24))",
        ),
        (
            "{gpus: 7}",
            ("backends.a.replicas={min: 0, max: 6, initial: 0}", KNATIVE),
            "cluster.gpus: 7 leaves 3 to 'a', whose replicas take 4 each",
        ),
    ],
)
def test_what_a_cluster_cannot_mean_is_one_line(cluster, overrides, expected):
    with pytest.raises(ScenarioError) as caught:
        loaded(cluster, *overrides)
    (line,) = str(caught.value).splitlines()
    assert line.endswith(expected), line


def test_a_pool_that_never_moves_holds_its_gpus_for_good():
    fixed = ("backends.b.replicas=5", "backends.b.autoscaler=null")
    design = loaded("{gpus: 24}", *fixed).design({})
    assert [design.most_replicas(pool) for pool in design.pools] == [1, 5]
    with pytest.raises(ScenarioError, match="must be at least 28"):
        loaded("{gpus: 24}", "backends.b.replicas=6", "backends.b.autoscaler=null")
