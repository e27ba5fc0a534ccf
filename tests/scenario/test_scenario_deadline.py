"""``deadline`` of a workload: what it compiles to, and what it cannot go beside."""

import pytest
from scenario_documents import MINIMAL, only_problem, written

from sim.model.workload import Slo, Yielding
from sim.scenario import load_scenario

CHAT = "workloads.chat"
POOL = "backends.large"
DEADLINE = f"{CHAT}.deadline=24h"


@pytest.fixture
def minimal(tmp_path):
    return written(tmp_path, MINIMAL)


def chat_of(design):
    return design.workloads[0]


def compiled(path, *overrides):
    scenario = load_scenario(path, (DEADLINE, *overrides))
    again = load_scenario(written(path.parent, scenario.to_yaml(), "again.yaml"))
    assert again.document == scenario.document
    assert again.warnings == scenario.warnings
    return scenario, scenario.typical_design()


def test_a_batch_waits_in_a_queue_before_its_pool(minimal):
    scenario, design = compiled(minimal)
    (chat,), (pool,) = design.workloads, design.pools
    assert chat.has_deadline
    assert chat.priority == 1
    assert chat.slo == Slo(e2e_s=86_400.0, attainment=0.99)
    assert pool.gateway.replica_limit == pool.profile.max_num_seqs
    assert not [each for each in scenario.warnings if "priority" in each]


def test_what_the_gateway_says_holds(minimal):
    _, design = compiled(minimal, f"{POOL}.gateway={{replica_limit: 16, max_queue: 9}}")
    gateway = design.pools[0].gateway
    assert (gateway.replica_limit, gateway.max_queue) == (16, 9)
    assert chat_of(design).yielding == Yielding(0.9 * 86_400, 1.0)
    scenario, design = compiled(minimal, f"{POOL}.gateway={{queue: push}}")
    assert design.pools[0].gateway.replica_limit == float("inf")
    assert not any("priority" in each for each in scenario.warnings)  # there it lets others pass
    pushed = f"{POOL}.gateway={{queue: push}}", f"{CHAT}.yields=queue"
    scenario, design = compiled(minimal, *pushed)
    assert chat_of(design).yielding is None
    assert any("chat.priority: makes no difference" in each for each in scenario.warnings)


def test_how_what_runs_gives_way_reaches_the_design(minimal):
    keys = f"{CHAT}.yields=running", f"{CHAT}.yields_after=0s", f"{CHAT}.deadline_guard=2h"
    assert chat_of(compiled(minimal, *keys)[1]).yielding == Yielding(22 * 3600.0, 0.0)
    never = chat_of(compiled(minimal, f"{CHAT}.deadline_guard=24h")[1]).yielding
    assert never.for_s == 0.0


def test_other_pools_keep_their_gateways(minimal):
    other = (
        "backends.other={kind: gpu_pool, service: llama-3.3-70b/h100-sxm/tp4/fp8/vllm, replicas: 1}"
    )
    _, design = compiled(minimal, other, f"{CHAT}.route=large")
    limits = {pool.name: pool.gateway.replica_limit for pool in design.pools}
    assert limits["other"] == float("inf") > limits["large"]


def test_without_a_deadline_requests_are_pushed_as_ever(minimal):
    design = load_scenario(minimal).typical_design()
    assert not design.workloads[0].has_deadline
    assert design.pools[0].gateway.replica_limit == float("inf")


@pytest.mark.parametrize(
    ("overrides", "expected"),
    [
        (
            [f"{CHAT}.slo={{e2e_p95: 2h}}"],
            f"{CHAT}.slo: goes beside deadline, which is what counts as good service of a batch "
            "(remove one or the other)",
        ),
        (
            [f"{CHAT}.priority=interactive"],
            f"{CHAT}.priority: interactive goes beside deadline, whose requests give way to others "
            "(remove one or the other)",
        ),
        (
            [f"{CHAT}.deadline_guard=25h"],
            f"{CHAT}.deadline_guard: (25h) must be at most the deadline (1d)",
        ),
        (
            [f"{CHAT}.yields=queue", f"{CHAT}.yields_after=2s"],
            f"{CHAT}.yields_after: has no meaning beside yields: queue, where what runs keeps its "
            "place (remove one or the other)",
        ),
        (
            [f"{CHAT}.yields=always"],
            f"{CHAT}.yields: 'always' must be one of running, queue",
        ),
        (
            [f"{CHAT}.yields_after=-1s"],
            f"{CHAT}.yields_after: '-1s' must be at least 0",
        ),
        ([f"{CHAT}.deadline=0s"], f"{CHAT}.deadline: '0s' must be greater than 0"),
        (
            [f"{CHAT}.deadline={{p5: 1h, p95: 9h}}"],
            f"{CHAT}.deadline: a mapping must be a duration such as 90s, 15min, 2h or 7d, not a "
            "distribution",
        ),
    ],
)
def test_what_a_deadline_cannot_mean_is_one_line(minimal, overrides, expected):
    assert only_problem(minimal, (DEADLINE, *overrides)) == expected


@pytest.mark.parametrize("key", ["yields=running", "yields_after=2s", "deadline_guard=1h"])
def test_only_what_has_a_deadline_gives_way(minimal, key):
    name = key.partition("=")[0]
    assert only_problem(minimal, (f"{CHAT}.{key}",)) == (
        f"{CHAT}.{name}: has no meaning without a deadline (add deadline, such as deadline: 24h)"
    )
