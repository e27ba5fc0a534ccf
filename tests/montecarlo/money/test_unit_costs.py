"""What turns people away does not look cheap: costs per unit served, beside what share was served.

Four of five requests get no answer, one way or another: a quota, a full queue, timeouts, users who
give up. Exact relations hold in any world; shares of about 72,000 arrivals are within 0.01 of a
fifth in all but one of a billion.
"""

import math
from functools import cache

import numpy as np
import pytest
from places import FAULTS

from sim.engine.state.record import WORKLOAD
from sim.montecarlo.money.units import unit_costs
from sim.montecarlo.replication import replicate
from sim.montecarlo.sample import Sample
from sim.montecarlo.summary import summarise
from sim.report.table import render
from sim.scenario import load_scenario

API = "{kind: managed_api, ttft: 1s, tokens_per_second: 10, price: {input: 0, output: 10}, quota: "
TURNS_AWAY = {
    "a quota": (f"backends.one={API} {{requests_per_minute: 60}}}}",),
    "a full queue": ("backends.one.gateway={max_queue: 0}",),
    "timeouts": (
        "workloads.chat.client={timeout: 40s}",
        "backends.one.gateway={max_queue: 29}",
    ),
    "users who give up": ("workloads.chat.client={patience: 60s}",),
}
MONTHS = 4 / 24 / (365.25 / 12)


def loaded(*overrides):
    return load_scenario(FAULTS / "turned_away" / "scenario.yaml", overrides)


@cache
def world(*overrides):
    scenario = loaded(*overrides)
    return replicate(scenario, scenario.seed, 0, {})


@cache
def table(*overrides):
    sample = Sample()
    sample.add(world(*overrides))
    design = loaded(*overrides).design({})
    return " ".join(render(summarise(sample, design, seed=0, interrupted=False)).split())


@pytest.mark.parametrize("way", TURNS_AWAY)
def test_costs_per_unit_served_and_asked_for_are_apart(way):
    found = world(*TURNS_AWAY[way]).metrics
    share = found["requests_answered_share"]
    assert share == found["completed"] / found["requests"] == pytest.approx(0.2, abs=0.01)
    assert found["tasks_answered_share"] == share
    assert found["users_served"] == pytest.approx(1_000 * share)
    paid_usd = found["cost_usd"]
    assert found["cost_usd_per_request"] == pytest.approx(paid_usd / found["completed"])
    assert found["cost_usd_per_request_asked"] == pytest.approx(paid_usd / found["requests"])
    assert found["cost_usd_per_user_month_asked"] == pytest.approx(paid_usd / 1_000 / MONTHS)
    for unit in ("request", "task", "user_month"):
        asked = found[f"cost_usd_per_{unit}_asked"]
        assert asked == pytest.approx(share * found[f"cost_usd_per_{unit}"])
    answered = found["output_tokens"] / (100 * found["requests"])
    for tokens in ("tokens", "input_tokens", "output_tokens"):
        asked = found[f"cost_usd_per_million_{tokens}_asked"]
        assert asked == pytest.approx(answered * found[f"cost_usd_per_million_{tokens}"])


@pytest.mark.parametrize("way", TURNS_AWAY)
def test_who_is_served_costs_what_he_costs_where_all_are(way):
    """The same money, or money per token, for a fifth of the people: each costs as much."""
    most = world("workloads.chat.arrivals.users=195").metrics  # whom the GPU can just serve
    assert most["requests_answered_share"] > 0.99
    found = world(*TURNS_AWAY[way]).metrics
    for unit in ("request", "user_month"):
        name = f"cost_usd_per_{unit}"
        assert found[name] == pytest.approx(most[name], rel=0.06)
        assert found[f"{name}_asked"] < 0.25 * most[name]


@pytest.mark.parametrize("way", TURNS_AWAY)
def test_the_table_says_both(way):
    found, shown = world(*TURNS_AWAY[way]).metrics, table(*TURNS_AWAY[way])
    assert f"requests answered % {100 * found['requests_answered_share']:.1f}" in shown
    for label in ("per request answered", "per request that came"):
        assert label in shown
    for label in ("per user served and month", "per active user and month"):
        assert label in shown


def test_where_all_are_served_the_table_says_it_once():
    shown = table("workloads.chat.arrivals.users=100")
    assert "per request answered" in shown
    assert "requests answered %" in shown
    assert "per request that came" not in shown
    assert "per active user" not in shown


def booked(**counts):
    rows = np.zeros((2, 1), WORKLOAD)
    for name, numbers in counts.items():
        rows[name][:, 0] = numbers
    return rows


def test_users_of_one_workload_are_not_served_by_answers_of_another():
    rows = booked(tasks=[100, 900], tasks_completed=[20, 900], requests=[100, 900])
    costs = unit_costs(60.0, 30.0, rows, np.array([50.0, 0.0]))
    assert costs["users_served"] == 10
    assert costs["cost_usd_per_user_month"] == 30.0 / 10
    assert costs["cost_usd_per_user_month_asked"] == 30.0 / 50


def test_what_nobody_was_served_has_no_price():
    costs = unit_costs(60.0, 60.0, booked(requests=[10, 0]), np.array([5.0, 0.0]))
    assert math.isnan(costs["cost_usd_per_request"])
    assert costs["cost_usd_per_request_asked"] == 6.0
    assert costs["requests_answered_share"] == 0.0
