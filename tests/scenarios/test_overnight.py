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
    queued = "workloads.documents.yields=queue"
    makespan_s = figures(queued)["workloads.documents.makespan_s"]
    late = figures("workloads.documents.deadline=5min", queued)
    assert 0.05 < late["workloads.documents.deadline_met_share"] < 0.9
    assert late["workloads.documents.makespan_s"] == makespan_s  # it changes nothing else


LONG = (
    "workloads.documents.output_tokens=8000",
    "workloads.documents.arrivals={users: 400, requests: 400, think_time: 0s}",
    "backends.large.replicas=1",
    "workloads.chat.arrivals={requests_per_second: 2}",
)


def test_long_answers_leave_their_places_to_the_chat_and_are_done_later():
    # An answer of 8,000 tokens takes minutes: nobody leaves a full batch while a chat waits.
    kept = figures(*LONG, "workloads.documents.yields=queue")
    left = figures(*LONG)
    waits = "workloads.chat.ttft_p95_s"
    assert kept[waits] > 5.0
    assert left[waits] < 1.5  # of which 1 s is `yields_after`
    makespan = "workloads.documents.makespan_s"
    assert kept[makespan] < left[makespan] < 1.6 * kept[makespan]
    for found in (kept, left):
        assert found["workloads.documents.completed"] == 400
        assert found["workloads.chat.completed"] == found["workloads.chat.requests"]
    preempted = {name: left[f"workloads.{name}.preemptions"] for name in ("chat", "documents")}
    assert preempted["chat"] == 0 < preempted["documents"]
