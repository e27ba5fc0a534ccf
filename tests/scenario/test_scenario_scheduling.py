"""``scheduling`` of a pool, classes and tenants: what they compile to, and cannot mean."""

import math

import pytest
from scenario_documents import MINIMAL, only_problem, written

from sim.model.scheduling import BATCH, CRITICAL, SHEDDABLE, STANDARD, Scheduling
from sim.scenario import load_scenario

CHAT, POOL = "workloads.chat", "backends.large"
ORDER = f"{POOL}.scheduling"
BOTH = f"{POOL}.scheduling={{order: fair, weights: {{acme: 2}}}}", f"{CHAT}.tenant=acme"


@pytest.fixture
def minimal(tmp_path):
    return written(tmp_path, MINIMAL)


def compiled(path, *overrides):
    scenario = load_scenario(path, overrides)
    again = load_scenario(written(path.parent, scenario.to_yaml(), "again.yaml"))
    assert again.document == scenario.document
    assert again.warnings == scenario.warnings
    return scenario, scenario.typical_design()


def test_one_word_or_all_of_it_reaches_the_design(minimal):
    _, plain = compiled(minimal)
    assert plain.pools[0].scheduling == Scheduling()
    _, brief = compiled(minimal, f"{ORDER}=priority")
    assert brief.pools[0].scheduling == Scheduling("priority", takes_after_s=1.0)
    whole = "{order: shortest_predicted, preemption: places, preempt_after: 0s, ageing: 1min}"
    _, design = compiled(minimal, f"{ORDER}={whole}", f"{ORDER}.prediction_error=0.5")
    rule = design.pools[0].scheduling
    assert rule == Scheduling("shortest_predicted", 60.0, 0.5, True, 0.0)
    _, design = compiled(minimal, *BOTH)
    assert design.pools[0].scheduling.weight("acme") == 2.0
    assert design.workloads[0].tenant == "acme"


@pytest.mark.parametrize(
    ("word", "number"),
    [
        ("critical", CRITICAL),
        ("standard", STANDARD),
        ("interactive", STANDARD),
        ("batch", BATCH),
        ("sheddable", SHEDDABLE),
    ],
)
def test_classes_have_names(minimal, word, number):
    _, design = compiled(minimal, f"{CHAT}.priority={word}", f"{ORDER}=priority")
    assert design.workloads[0].priority == number


def test_a_batch_waits_on_replicas_that_know_classes(minimal):
    """Not in a queue before them, and the order says who leaves for whom."""
    _, design = compiled(minimal, f"{CHAT}.deadline=24h", f"{ORDER}=deadline")
    assert design.pools[0].gateway.replica_limit == math.inf
    assert design.workloads[0].yielding is None
    _, design = compiled(
        minimal, f"{CHAT}.deadline=24h", f"{CHAT}.priority=sheddable", f"{ORDER}=deadline"
    )
    assert design.workloads[0].priority == SHEDDABLE


@pytest.mark.parametrize(
    ("overrides", "warning"),
    [
        (
            [f"{ORDER}=priority"],
            f"{ORDER}: makes no difference; give workloads priority, such as priority: batch",
        ),
        ([f"{ORDER}=fair"], f"{ORDER}: makes no difference; its workloads are one tenant"),
        (
            [f"{ORDER}={{order: shortest_predicted, preemption: places}}"],
            f"{ORDER}.preemption: makes no difference, as all are of one class",
        ),
        (
            [f"{POOL}.gateway.shed_queue=2"],
            f"{POOL}.gateway.shed_queue: makes no difference, as nobody there is sheddable",
        ),
    ],
)
def test_an_order_in_which_nobody_passes_anybody_is_told(minimal, overrides, warning):
    assert warning in load_scenario(minimal, tuple(overrides)).warnings


@pytest.mark.parametrize(
    ("overrides", "expected"),
    [
        (
            [f"{ORDER}=lifo"],
            f"{ORDER}: 'lifo' must be one of fcfs, priority, shortest_predicted, deadline, fair",
        ),
        (
            [f"{ORDER}={{order: deadline, ageing: 1min}}"],
            f"{ORDER}.ageing: has no meaning in the order deadline "
            "(give order: priority or shortest_predicted)",
        ),
        (
            [f"{ORDER}={{order: priority, prediction_error: 0.5}}"],
            f"{ORDER}.prediction_error: has no meaning in the order priority "
            "(give order: shortest_predicted or fair)",
        ),
        (
            [f"{ORDER}={{order: priority, ageing: 0s}}"],
            f"{ORDER}.ageing: '0s' must be greater than 0",
        ),
        (
            [f"{ORDER}={{order: priority, preempt_after: 1s}}"],
            f"{ORDER}.preempt_after: has no meaning where nobody takes places "
            "(add preemption: places)",
        ),
        (
            [f"{ORDER}={{order: priority, preemption: places}}", f"{POOL}.gateway.queue=central"],
            f"{ORDER}.preemption: places has no meaning where requests wait before the replicas, "
            "which have room (give the gateway queue: push)",
        ),
        (
            [f"{ORDER}={{order: fair, weights: {{acme: 2}}}}"],
            f"{ORDER}.weights.acme: 'acme' is the tenant of no workload (there are chat)",
        ),
        (
            [f"{ORDER}=priority", f"{POOL}.adapters={{slots: 4}}"],
            f"{ORDER}: priority goes beside adapters, whose requests pass those that find no slot "
            "(remove one of them)",
        ),
        (
            [f"{CHAT}.tenant=acme"],
            f"{CHAT}.tenant: has no meaning where tenants do not share alike "
            "(add scheduling: fair to a backend)",
        ),
        (
            [f"{CHAT}.deadline=1h", f"{ORDER}=deadline", f"{CHAT}.yields_after=2s"],
            f"{CHAT}.yields_after: has no meaning beside the scheduling of backend 'large' "
            "(remove one of them)",
        ),
        (
            [f"{CHAT}.deadline=1h", f"{CHAT}.priority=critical"],
            f"{CHAT}.priority: critical goes beside deadline, whose requests give way to others "
            "(remove one or the other)",
        ),
    ],
)
def test_what_an_order_cannot_mean_is_one_line(minimal, overrides, expected):
    assert only_problem(minimal, tuple(overrides)) == expected
