"""The shipped fleet in three zones, and in the one that fails: what is lost, what is paid."""

import pytest
from places import SHIPPED

from sim.engine.simulation import simulate
from sim.model.streams import Streams
from sim.montecarlo.metrics import metrics
from sim.scenario import load_scenario

PATH = SHIPPED / "zones.yaml"
SHORT = (
    "horizon={duration: 1h, warm_up: 10min}",
    "zones.planned.0.start=20min",
    "backends.large.cold_start=4min",
    "workloads.chat.arrivals.requests_per_second=6",
)
WHOLE = 6 * 4 * 2.99  # USD: six replicas of four GPUs for an hour


def simulated(*overrides):
    scenario = load_scenario(PATH, (*SHORT, *overrides))
    design = scenario.typical_design()
    outcome = simulate(design, Streams(0, 0))
    return outcome.logs[0], metrics(outcome, design)


def ready_from(log):
    """When the number of ready replicas changes, and to what, within the horizon."""
    before = [None, *log.ready]
    counts = zip(log.time_s, before, log.ready, strict=False)
    return [(at_s, now) for at_s, earlier, now in counts if at_s > 0 and now != earlier]


def test_spread_over_three_a_third_is_lost_and_back_after_the_cold_start():
    log, figures = simulated()
    changes = ready_from(log)
    assert changes == [(1_200.0, 4), (1_440.0, 6)]
    assert log.crashed_s == [1_200.0, 1_200.0]
    assert figures["cost_usd"] == pytest.approx(WHOLE)  # nodes run elsewhere at once
    assert figures["unanswered_share"] < 0.001


def test_in_one_zone_all_is_lost_until_it_comes_back():
    log, figures = simulated("backends.large.zones=[a]")
    changes = ready_from(log)
    assert changes == [(1_200.0, 0), (3_240.0, 6)]
    assert figures["cost_usd"] == pytest.approx(WHOLE * 30 / 60)
    assert figures["unanswered_share"] > 0.3


def test_the_other_zones_make_no_difference():
    log, _ = simulated("backends.large.zones=[b, c]")
    assert set(log.ready) == {6}
