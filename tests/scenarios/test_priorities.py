"""``priorities.yaml``, a busy part of it: what its head says of who waits for whom."""

from places import SHIPPED

from sim.montecarlo.replication import replicate
from sim.scenario import load_scenario

SHORT = (
    "horizon={start: 2026-11-24 13:00, duration: 40min, warm_up: 10min}",
    "workloads.chat.arrivals={requests_per_second: 6}",
)
WAIT = "workloads.{}.ttft_p95_s"


def figures(*overrides):
    scenario = load_scenario(SHIPPED / "priorities.yaml", (*SHORT, *overrides))
    return replicate(scenario, 0, 0, {each.path: 1.0 for each in scenario.inputs}).metrics


def test_deadlines_bring_invoices_forward_and_the_chat_hardly_notices_either():
    by_class, by_deadline = (
        figures(f"backends.large.scheduling={o}") for o in ("priority", "deadline")
    )
    for found in (by_class, by_deadline):
        assert found[WAIT.format("chat")] < 2.0
    invoices = WAIT.format("invoices")
    assert by_deadline[invoices] < 0.5 * by_class[invoices]


def test_what_is_shed_is_all_that_is_turned_away_and_of_the_sheddable():
    found = figures()
    shed = found["workloads.previews.shed"]
    assert shed > 100
    assert found["workloads.chat.shed"] == found["workloads.documents.shed"] == 0
    assert found["shed"] == found["rejected"] == found["backends.large.rejections"] == shed
