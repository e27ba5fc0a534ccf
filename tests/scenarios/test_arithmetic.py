"""The arithmetic of the field, from a scenario to its figures."""

from functools import cache

import pytest
from scenario_documents import SHIPPED

from sim.montecarlo.replication import replicate
from sim.scenario import load_scenario

CALL_USD = 0.035
MONTH_DAYS = 365.25 / 12


@cache
def figures(*overrides):
    scenario = load_scenario(SHIPPED / "arithmetic.yaml", overrides)
    assert scenario.warnings == ()
    return replicate(scenario, scenario.seed, 0, {}).metrics


def test_a_hundred_thousand_calls_a_day_cost_over_a_million_a_year():
    found = figures()
    per_call = found["workloads.calls.cost_usd_per_request"]
    assert per_call == pytest.approx(CALL_USD, rel=1e-9)
    # Of 100,000 Poisson arrivals the number has a deviation of 0.3 %.
    assert found["workloads.calls.cost_usd"] == pytest.approx(3500, rel=5 * 0.0032)
    assert found["workloads.calls.cost_usd"] * 365 == pytest.approx(1_277_500, rel=5 * 0.0032)


def test_an_answer_that_is_kept_is_paid_once():
    """One miss is expected; more than ten come up once in 10 million days."""
    kept, paid = figures(), figures("workloads.faq.response_cache=null")
    cost = paid["workloads.faq.cost_usd"]
    assert cost == pytest.approx(CALL_USD * paid["workloads.faq.completed"], rel=1e-9)
    assert cost == pytest.approx(17.5, rel=5 / 500**0.5)
    assert kept["workloads.faq.cost_usd"] <= 10 * CALL_USD
    hits = kept["workloads.faq.response_cache_hit_rate"] * kept["workloads.faq.requests"]
    missed = kept["workloads.faq.requests"] - hits
    assert kept["workloads.faq.cost_usd"] == pytest.approx(CALL_USD * missed, abs=1e-9)


def test_beyond_its_cap_a_plan_costs_four_times_the_price():
    found = figures()
    requests = found["workloads.seats.requests"]
    fee, included = 300 / MONTH_DAYS, 20_000 / MONTH_DAYS
    overage = (requests - included) * 4 * CALL_USD
    # A call that is not yet answered at the end of the day is not yet paid: some at most.
    assert found["workloads.seats.cost_usd"] == pytest.approx(fee + overage, abs=10 * 4 * CALL_USD)
    assert overage > CALL_USD * requests


def test_a_gpu_that_is_full_costs_what_its_speed_says():
    """3 USD an hour over 2,000 tokens a second: 0.4167 USD per million, 0.00021 for a reply."""
    full = figures("workloads.replies.arrivals.requests_per_second=6")
    per_million = full["workloads.replies.cost_usd_per_million_output_tokens"]
    assert per_million == pytest.approx(3 / 3600 / 2000 * 1e6, rel=0.002)
    assert full["workloads.replies.cost_usd_per_request"] == pytest.approx(0.000208, rel=0.005)


def test_a_gpu_with_time_to_spare_costs_more_by_the_token():
    """Of 311,000 Poisson arrivals the number has a deviation of 0.18 %."""
    found = figures()
    per_million = found["workloads.replies.cost_usd_per_million_output_tokens"]
    assert per_million == pytest.approx(0.4167 / 0.9, rel=5 * 0.0018)
    assert found["backends.gpu.cost_usd"] == pytest.approx(72.0)
    assert 0.88 < found["backends.gpu.utilisation"] < 0.92
