"""The shipped night's batch, smaller: it is done in time, and the chat hardly notices it."""

from places import SHIPPED

from sim.montecarlo.replication import replicate
from sim.scenario import load_scenario

PATH = SHIPPED / "overnight.yaml"
SMALL = (
    "horizon={start: 2026-11-24 18:00, duration: 1h, warm_up: 0, end: drained}",
    "workloads.documents.arrivals={users: 4000, requests: 4000, think_time: 0s}",
    "workloads.chat.arrivals={requests_per_second: 4}",
)


def figures(*overrides):
    scenario = load_scenario(PATH, (*SMALL, *overrides))
    return replicate(scenario, 0, 0, {each.path: 1.0 for each in scenario.inputs}).metrics


def test_the_batch_gives_way_and_is_done_by_its_deadline():
    found = figures()
    alike = figures("workloads.documents.deadline=null")
    waits = "workloads.chat.ttft_p95_s"
    assert found[waits] < 2.0
    assert alike[waits] > 60.0
    assert found["workloads.documents.deadline_met_share"] == 1.0
    makespan_s = found["workloads.documents.makespan_s"]
    assert 300.0 < makespan_s < 3_000.0
    late = figures("workloads.documents.deadline=5min")
    assert 0.05 < late["workloads.documents.deadline_met_share"] < 0.9
    assert late["workloads.documents.makespan_s"] == makespan_s  # it changes nothing else
