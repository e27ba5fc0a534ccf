"""What is killed before it has started serves nobody, and is paid for each time.

All figures are exact: nothing in them is drawn.
"""

import pytest
from places import FAULTS

from sim.montecarlo.replication import replicate
from sim.scenario import load_scenario


def figures(*overrides):
    scenario = load_scenario(FAULTS / "late_start" / "scenario.yaml", overrides)
    return replicate(scenario, scenario.seed, 0, {}).metrics


@pytest.mark.parametrize(
    ("cold_start", "paid_s", "cycle_s"),
    [
        ("{duration: 20min, deadline: 10min}", 600, 600),
        ("{engine_start: 20min, deadline: 10min}", 600, 600),
        ("{node: 5min, image_pull: 5min, engine_start: 6min, deadline: 10min}", 600, 900),
        ("{uniform: {low: 61s, high: 2min}, deadline: 1min}", 60, 60),
    ],
)
def test_too_late_for_ever(cold_start, paid_s, cycle_s):
    found = figures(f"backends.small.cold_start={cold_start}")
    assert found["completed"] == found["ready_replicas_max"] == 0
    assert found["timed_out"] + found["in_flight_end"] == found["requests"] == 72
    # Somebody waits all day long but for the first moments.
    assert found["failed_starts"] == pytest.approx(86_400 / cycle_s, abs=2)
    assert found["gpu_hours"] * 3600 == pytest.approx(found["failed_starts"] * paid_s, abs=paid_s)


def test_in_time_all_are_answered():
    found = figures("backends.small.cold_start={duration: 9min, deadline: 10min}")
    assert found["failed_starts"] == 0
    assert found["completed"] == 72


def test_a_deadline_that_some_starts_miss_takes_time_and_money():
    """Half of the starts would take 20 minutes; a client waits for an hour, so for six of them."""
    some = figures(
        "backends.small.cold_start={choice: {values: [3min, 20min]}, deadline: 10min}",
    )
    assert 0.3 < some["failed_starts"] / 72 < 2.0
    assert some["completed"] > 60
