"""Shipped scenarios of managed APIs: an outage, a cascade, and a pilot that is rolled out.

Median worlds with a fixed seed. Where chance has a part the margins are stated as multiples of a
standard deviation of 5 at least: one false alarm in a million seeds.
"""

from functools import cache

import pytest
from scenario_documents import SHIPPED

from sim.montecarlo.replication import replicate
from sim.scenario import load_scenario

ASSISTANT = "workloads.assistant"
ROLL_OUT = (
    "horizon.days=1",
    f"{ASSISTANT}.arrivals.users=5k",
    f"{ASSISTANT}.follow_ups.calls_per_task=3.5",
    f"{ASSISTANT}.arrivals.dispersion={{cv: 0.4, timescale: 30min}}",
)


@cache
def figures(name, *overrides):
    scenario = load_scenario(SHIPPED / f"{name}.yaml", overrides)
    draws = {each.path: float(each.distribution.ppf(0.5)) for each in scenario.inputs}
    return replicate(scenario, scenario.seed, 0, draws).metrics


@pytest.mark.parametrize("name", ["api_outage", "cascade", "pilot"])
def test_shipped_scenarios_load_without_warnings(name):
    assert load_scenario(SHIPPED / f"{name}.yaml").warnings == ()


def test_an_outage_fails_whoever_has_no_fallback_and_nobody_else():
    found = figures("api_outage")
    assert found["workloads.alone.task_success"] < 0.95
    assert found["workloads.safe.task_success"] == 1.0
    assert found["workloads.alone.fallbacks"] == 0
    assert found["workloads.safe.slo_attainment"] > 0.99


def test_what_falls_back_is_the_traffic_of_the_hour_and_the_usual_errors():
    """Of the attempts at the API, those of the outage and one in a thousand at other times."""
    found = figures("api_outage")
    quiet = figures("api_outage", "backends.frontier.outages=null")
    usual = quiet["workloads.safe.fallbacks"] / quiet["workloads.safe.requests"]
    assert usual == pytest.approx(0.001, abs=5 * (0.001 / 40_000) ** 0.5)
    lost = found["workloads.safe.fallbacks"] / found["workloads.safe.requests"]
    assert 1 / 24 < lost < 3 / 24  # the busiest hour has more than the mean of the day


def test_the_fallback_costs_quality_and_not_much_money_or_time():
    found, quiet = figures("api_outage"), figures("api_outage", "backends.frontier.outages=null")
    assert 78 < found["workloads.safe.quality_mean"] < 79.9
    assert found["workloads.alone.quality_mean"] == 80.0
    for name in ("workloads.safe.e2e_p95_s", "workloads.safe.cost_usd_per_request"):
        assert found[name] == pytest.approx(quiet[name], rel=0.15)


def test_a_call_costs_what_the_price_list_says():
    """4,000 tokens in and 1,000 out at 5 and 15 USD per million are 3.5 cents; 100,000 a day make
    1.2775 million USD a year."""
    found = figures("cascade", "workloads.chat.route=large")
    assert found["cost_usd_per_request"] == pytest.approx(0.035, rel=1e-9)
    assert found["cost_usd_per_request"] * 100_000 * 365 == pytest.approx(1_277_500, rel=1e-9)
    assert found["cost_usd"] == pytest.approx(0.035 * found["completed"], rel=1e-9)


def test_a_router_saves_what_its_share_and_the_price_say():
    """0.85 times 0.9 of the bill; the share of 22,000 requests has a deviation of 0.24 points."""
    plain = "workloads.chat.route=[{to: small, share: 85%}, {to: large, share: 15%}]"
    saved = 1 - figures("cascade", plain)["cost_usd_per_request"] / 0.035
    assert saved == pytest.approx(0.765, abs=5 * 0.9 * 0.0024)


def test_escalations_take_back_what_they_cost():
    """Each of them is paid at the large model in full, besides the small one's answer."""
    scenario = load_scenario(SHIPPED / "cascade.yaml")
    (escalated,) = (float(each.distribution.ppf(0.5)) for each in scenario.inputs)
    found = figures("cascade")
    saved = 1 - found["cost_usd_per_request"] / 0.035
    assert saved == pytest.approx(0.765 - 0.85 * escalated, abs=5 * 0.003)
    assert found["attempts"] == found["requests"] + found["escalations"]
    large, small = (found[f"backends.{name}.answers"] for name in ("large", "small"))
    by_backend = 0.035 * large + 0.0035 * small
    assert found["cost_usd"] == pytest.approx(by_backend, rel=1e-9)


def test_an_escalated_answer_takes_the_time_of_both():
    plain = "workloads.chat.route=small"
    small, both = figures("cascade", plain), figures("cascade")
    large = figures("cascade", "workloads.chat.route=large")
    assert both["e2e_p95_s"] > large["e2e_p95_s"] > small["e2e_p95_s"]
    assert both["e2e_p50_s"] < large["e2e_p50_s"]
    assert 72 < both["quality_mean"] < 80


def test_the_pilot_costs_four_hundred_dollars_a_month():
    """1,000 calls a day, two lognormal lengths: the mean of 28,000 has a deviation of 0.5 %."""
    found = figures("pilot")
    assert found["requests"] / 28 == pytest.approx(1000, rel=5 / 28_000**0.5)
    assert found["cost_usd_per_month"] == pytest.approx(400, rel=0.05)
    per_call = (2450 * 2.5 + 700 * 10) / 1e6
    assert found["cost_usd_per_request"] == pytest.approx(per_call, rel=0.025)
    assert found["gross_margin"] == pytest.approx(1 / 3, abs=0.04)


def test_rolled_out_it_costs_far_more_than_the_users_say():
    found = figures("pilot", *ROLL_OUT, "backends.api.quota=openai-tier-5")
    by_users = 250 * figures("pilot")["cost_usd_per_month"]
    assert found["cost_usd_per_month"] > 3.5 * by_users
    assert found["gross_margin"] < -1
    assert found["loses_money"] == 1.0


def test_the_quota_of_the_pilot_turns_most_of_the_tasks_away():
    found = figures("pilot", *ROLL_OUT)
    assert found["task_success"] < 0.25
    assert found["attempts"] > 2 * found["requests"]


def test_levers_save_what_they_promise():
    price = figures("pilot", "horizon.days=7")["cost_usd_per_request"]
    kept = figures("pilot", "horizon.days=7", f"{ASSISTANT}.prompt_compression=60%")
    saved = price - kept["cost_usd_per_request"]
    assert saved == pytest.approx(0.4 * 2450 * 2.5 / 1e6, rel=0.1)
    answers = figures("pilot", "horizon.days=7", f"{ASSISTANT}.response_cache={{hit_rate: 8%}}")
    assert answers["cost_usd_per_request"] == pytest.approx(0.92 * price, rel=0.03)
    batch = figures(
        "pilot", "horizon.days=7", "backends.api.price={tier: batch}", "backends.api.model=gpt-4o"
    )
    assert batch["cost_usd_per_request"] == pytest.approx(price / 2, rel=1e-9)
