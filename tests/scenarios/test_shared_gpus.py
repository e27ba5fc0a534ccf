"""Two models on a cluster of 24 GPUs, six replicas in all: who needs more gets more."""

import numpy as np
import pytest
from places import FAULTS, SHIPPED

from sim.engine.control import most_ready
from sim.engine.simulation import Outcome, simulate
from sim.model.streams import Streams
from sim.montecarlo.run import run
from sim.scenario import load_scenario

END_S = 7200.0
SHORT = ("horizon={duration: 30min, warm_up: 10min}", "workloads.a.arrivals.events.0.start=5min")


def outcome(*overrides: str, gpus: int = 24, more: str = "") -> Outcome:
    path = FAULTS / "shared_gpus" / "scenario.yaml"
    scenario = load_scenario(path, (f"cluster={{gpus: {gpus}{more}}}", *overrides))
    return simulate(scenario.design({}), Streams(scenario.seed, 0))


def fewest_ready(found: Outcome, pool: int, from_s: float = 0.0) -> int:
    log = found.logs[pool]
    ends_s = [*log.time_s[1:], END_S]
    return min(n for n, end_s in zip(log.ready, ends_s, strict=True) if end_s > from_s)


def test_one_grows_to_what_the_other_can_spare():
    """a reaches 5 replicas at its peak, b is never below 1, and never are more than 6 ready."""
    found = outcome()
    assert most_ready(found.logs, -600.0, END_S) == 6
    assert max(found.logs[0].ready) == 5
    assert fewest_ready(found, 1, -600.0) == 1
    at_peak = found.logs[0].pending_s(found.ledger.edges_s)[6:12]
    assert (at_peak > 0).all()
    paid_s = sum(rental.end_s - rental.start_s for rental in found.rentals)
    assert paid_s <= 6 * END_S + 1e-6  # who waits costs nothing
    assert found.logs[0].pending[-1] == found.logs[1].pending[-1] == 0


def test_replicas_of_unlike_size_share_the_gpus():
    """b's take 8: it keeps one, and a has what is left of 24."""
    found = outcome(*SHORT, "backends.b.service=llama-3.3-70b/h100-sxm/tp8/fp8/vllm")
    a, b = found.logs
    assert max(a.ready) == 4
    assert fewest_ready(found, 1) == 1
    edges = sorted({*a.time_s, *b.time_s})

    def ready(log, at_s):
        return log.ready[sum(time_s <= at_s for time_s in log.time_s) - 1]

    assert all(4 * ready(a, at_s) + 8 * ready(b, at_s) <= 24 for at_s in edges)


def test_a_crash_frees_gpus_for_who_waits():
    """Without reclaiming a gets what b's crashes leave, and b what a's would."""
    kept = outcome(*SHORT, more=", sharing: first_come, pools: {b: {quota: 12}}")
    assert max(kept.logs[0].ready) == 3
    crash = "backends.b.failures={crashes_per_gpu_hour: 2}"
    found = outcome(*SHORT, crash, more=", sharing: first_come")
    assert max(found.logs[0].ready) > 3
    assert most_ready(found.logs, -600.0, 1800.0) <= 6
    assert found.logs[1].crashed_s


@pytest.mark.parametrize(("pool", "index"), [("a", 0), ("b", 1)])
def test_the_higher_priority_has_all_it_asks_for(pool: str, index: int):
    found = outcome(*SHORT, more=f", pools: {{{pool}: {{priority: 10}}}}")
    assert fewest_ready(found, 1 - index) >= 1
    pending_s = [float(log.pending_s(found.ledger.edges_s).sum()) for log in found.logs]
    if pool == "a":  # it wants 6 at its peak, and the other keeps one
        assert max(found.logs[0].ready) == 5
        assert pending_s[0] > 0 and fewest_ready(found, 1) == 1
    else:  # it never wants more than it gets, and the other waits
        assert pending_s[1] == 0 < pending_s[0]


def test_the_run_says_that_requests_wait_for_gpus():
    path = FAULTS / "shared_gpus" / "scenario.yaml"
    overrides = (*SHORT, "cluster={gpus: 8}", "workloads.a.slo={ttft_p95: 200ms}")
    heavy = "workloads.a.arrivals.requests_per_second=40"
    summary = run(load_scenario(path, (*overrides, heavy)), worlds=1, jobs=1).summary
    assert [(each["cause"], each["backend"]) for each in summary["causes"]] == [
        ("cluster GPUs", "a")
    ]
    assert summary["backends"]["a"]["pending_replicas_mean"]["p50"] > 1


def test_the_shipped_cluster_keeps_its_quotas_and_priority():
    """At its launch the chat takes what the documents have beyond their 8 GPUs."""
    scenario = load_scenario(SHIPPED / "shared_cluster.yaml")
    found = simulate(scenario.typical_design(), Streams(scenario.seed, 0))
    chat, documents = found.logs
    assert most_ready(found.logs, -600.0, 3 * 3600.0) <= 6
    assert max(chat.ready) == 4
    assert fewest_ready(found, 1, 3600.0) <= 2
    assert max(documents.ready) >= 2


ZONES = "zones={names: [x, y, z], planned: [{zone: y, start: 40min, duration: 15min}]}"
UNTIL_S = 55 * 60.0  # from 40 min on


def most_in(found: Outcome, from_s: float, until_s: float) -> int:
    return most_ready(found.logs, from_s, until_s)


def test_an_outage_of_a_zone_takes_a_third_of_the_cluster():
    """Of 24 GPUs in three zones 16 are left: four replicas, where six were; then they come back."""
    found = outcome(ZONES)
    assert most_in(found, -600.0, 2_399.0) == 6
    assert most_in(found, 2_400.0, UNTIL_S) == 4
    assert most_in(found, UNTIL_S, END_S) == 6
    assert [at_s for log in found.logs for at_s in log.crashed_s] == [2_400.0] * 2
    for log in found.logs:
        assert log.pending[-1] == 0


def test_gpus_that_are_not_together_are_no_replica():
    """On four nodes of 6 there is room for one replica of 4 each; 8 GPUs in all stay free."""
    found = outcome(*SHORT, more=", node_gpus: 6")
    assert most_ready(found.logs, -600.0, 1800.0) == 4
    whole = outcome(*SHORT, more=", node_gpus: 8")
    assert most_ready(whole.logs, -600.0, 1800.0) == 6


def test_stand_ins_of_spot_are_rented_beside_the_cluster():
    """What spot takes back leaves its GPUs to nobody for 20 min; others are rented meanwhile."""
    spot = "backends.b.spot={life: 20min, notice: 30s, absence: 20min, fallback: on_demand}"
    price = "backends.b.price=[{purchase: spot, usd_per_gpu_hour: 1}, {usd_per_gpu_hour: 3}]"
    found = outcome(*SHORT, spot, price, gpus=12)
    stand_ins = [rental for rental in found.rentals if rental.stands_in]
    assert stand_ins and {rental.pool for rental in stand_ins} == {1}
    assert found.logs[1].noticed_s
    own = [r for r in found.rentals if not r.stands_in]
    for at_s in np.linspace(0.0, 1_800.0, 181):
        assert 4 * sum(r.start_s <= at_s < r.end_s for r in own) <= 12
