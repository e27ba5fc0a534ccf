"""Retries that a budget holds back are counted: each ends its request."""

import pytest
from places import FAULTS

from sim.montecarlo.replication import replicate
from sim.montecarlo.run import run
from sim.report.table import render
from sim.scenario import load_scenario

HALF_FAILS = ("workloads.chat.fallback=null", "backends.one.error_share=50%")
ONE = "workloads.chat.route=one"
NO_QUOTA = "backends.one.quota.requests_per_minute=100k"


def loaded(retries, *overrides):
    client = f"workloads.chat.client.retries={retries}"
    path = FAULTS / "cooldown" / "scenario.yaml"
    return load_scenario(path, (*HALF_FAILS, ONE, NO_QUOTA, client, *overrides))


def figures(retries, *overrides):
    scenario = loaded(retries, *overrides)
    return replicate(scenario, scenario.seed, 0, {}).metrics


def test_of_failed_requests_each_is_tried_again_or_held_back():
    # One retry each at most: half of 36,000 requests fail at first, and a tenth of all requests
    # may be tried again, of which half fail anew. The rest is held back.
    found = figures("{max_retries: 1, budget: 10%}")
    failed_once = found["retries"] + found["retries_withheld"]
    assert failed_once == pytest.approx(0.5 * found["requests"], rel=0.03)
    assert found["retries"] == pytest.approx(0.1 * found["requests"], rel=0.05)
    lost_again = found["failed"] - found["retries_withheld"]
    assert lost_again == pytest.approx(found["retries"] / 2, rel=0.1)
    assert found["retries_withheld"] == found["workloads.chat.retries_withheld"]


@pytest.mark.parametrize("retries", ["none", "{max_retries: 1}", "{max_retries: 3, budget: 500%}"])
def test_nothing_is_held_back_without_a_budget_or_with_a_large_one(retries):
    assert figures(retries)["retries_withheld"] == 0


def test_who_has_no_retry_left_or_wants_none_is_not_held_back():
    assert figures("{max_retries: 0, budget: 10%}")["retries_withheld"] == 0
    never = "{max_retries: 1, budget: 10%, after: [rejection]}"
    assert figures(never)["retries_withheld"] == 0


def test_the_text_names_the_budget_beside_the_cause_and_in_the_table():
    scenario = loaded("{max_retries: 1, budget: 10%}", "worlds=2", "horizon.duration=10min")
    result = run(scenario, jobs=1)
    text = " ".join(render(result.summary).split())
    assert "of requests not tried again, for their retry budget was spent" in text
    assert "not tried again: retry budget spent" in text
    assert result.summary["workloads"]["chat"]["retries_withheld"]["p50"] > 0
