"""A spike of ten minutes whose retries keep the fleet down, and what lets it recover.

One world with a fixed seed; the margins are far wider than what differs between worlds.
"""

from functools import cache

import numpy as np
import pytest
from scenario_documents import SHIPPED

from sim.montecarlo.replication import replicate
from sim.scenario import load_scenario

SPIKE_ENDS_MIN = 40
RETRIES = "workloads.chat.client.retries"
CURES = {
    "a retry budget of 10 %": f"{RETRIES}.budget=10%",
    "no retries": f"{RETRIES}=none",
    "a server that notices": "workloads.chat.client.on_timeout=server_stops",
    "a short queue": "backends.small.gateway.max_queue=100",
}


@cache
def world(*overrides):
    """The first world, its timeline in minutes."""
    scenario = load_scenario(SHIPPED / "metastable.yaml", overrides)
    replication = replicate(scenario, scenario.seed, 0, {})
    assert len(replication.timeline["load_rps"]) == 180
    return replication


def answered_share(replication, minutes):
    """Completed over arriving requests in each of these minutes."""
    completed, load = (
        replication.timeline[name][minutes] for name in ("completed_rps", "load_rps")
    )
    return completed / load


def test_before_the_spike_the_fleet_is_at_ease():
    calm = slice(0, 30)
    assert answered_share(world(), calm).mean() == pytest.approx(1, abs=0.05)
    assert np.nanmax(world().timeline["ttft_p95_s"][calm]) < 1


def test_retries_keep_the_fleet_down_for_more_than_an_hour_after_the_spike():
    after = slice(SPIKE_ENDS_MIN, SPIKE_ENDS_MIN + 75)
    down = world()
    assert answered_share(down, after).max() < 0.1
    assert down.timeline["queue"][after].min() > 100
    assert down.metrics["retries"] > down.metrics["requests"]
    load = down.timeline["load_rps"]
    assert load[after].mean() == pytest.approx(load[:30].mean(), rel=0.05)


@pytest.mark.parametrize("cure", CURES.values(), ids=CURES)
def test_the_fleet_recovers_within_minutes_with(cure):
    recovered = slice(SPIKE_ENDS_MIN + 10, 180)
    cured = world(cure)
    assert answered_share(cured, recovered).min() > 0.8
    assert np.nanmax(cured.timeline["ttft_p95_s"][recovered]) < 2
    assert cured.timeline["queue"][recovered].max() < 20


def test_a_budget_of_ten_percent_allows_a_retry_in_ten_requests():
    budgeted = world(CURES["a retry budget of 10 %"]).metrics
    assert budgeted["retries"] <= 0.1 * budgeted["requests"] + 100  # the bucket begins full
