"""Whoever comes is counted, also at the very first instant and after the very last."""

from functools import cache

from places import FAULTS

from sim.montecarlo.replication import replicate
from sim.scenario import load_scenario


@cache
def figures(fault, *overrides):
    scenario = load_scenario(FAULTS / fault / "scenario.yaml", overrides)
    return replicate(scenario, scenario.seed, 0, {}).metrics


def test_the_first_request_of_a_trace_is_counted():
    found = figures("first_request", "horizon.duration=60s")
    assert found["requests"] == found["attempts"] == found["completed"] == 4


def test_the_first_request_of_a_trace_is_counted_after_a_warm_up():
    found = figures("first_request", "horizon.duration=60s", "horizon.warm_up=5min")
    assert found["requests"] == found["attempts"] == found["completed"] == 4
