"""Providers weigh outputs, limit days and requests at once; routers leave out what failed.

What is turned away follows from rates and limits by hand. Shares of Poisson arrivals are held to
within five standard deviations: a false alarm in 1e6.
"""

import math

import pytest
from places import FAULTS

from sim.montecarlo.replication import replicate
from sim.scenario import load_scenario


def figures(fault, *overrides):
    scenario = load_scenario(FAULTS / fault / "scenario.yaml", overrides)
    return replicate(scenario, scenario.seed, 0, {}).metrics


def cooled(*overrides):
    """Five errors in a hundred, and a minute of cooldown after each."""
    both = [f"backends.{name}.cooldown=1min" for name in ("one", "two")]
    return figures("cooldown", *both, *overrides)


# Outputs that count five times


def test_outputs_that_count_five_times_burn_the_quota_down():
    # 200,000 tokens a minute, of which a request takes 1,000 + 5 x 500: 57.1 of 60 requests pass,
    # and at the beginning and while arrivals are few some more.
    plain, burnt = figures("burndown"), figures("burndown", "backends.api.quota.output_weight=5")
    assert plain["rejected"] == 0
    passed = 7_200 * 200_000 / 60 / 3_500
    assert burnt["completed"] == pytest.approx(passed, rel=0.01)
    assert burnt["rejected"] == pytest.approx(burnt["requests"] - passed, rel=0.25)
    for money in (plain, burnt):  # the bill knows no weight
        assert money["cost_usd_per_request"] == pytest.approx(0.0105)


def test_a_day_s_tokens_burn_down_likewise():
    # 3.5 million tokens are a thousand requests in two hours without a reset; those under way when
    # the last token is taken are answered, too.
    day = "backends.api.quota={tokens_per_day: 3500k, output_weight: 5, reset: '23:00'}"
    found = figures("burndown", day, "horizon.warm_up=0s")
    assert 1_000 <= found["completed"] <= 1_020


def test_a_reset_fills_the_day_again():
    day = "backends.api.quota={requests_per_day: 500, reset: '01:00'}"
    assert figures("burndown", day, "horizon.warm_up=0s")["completed"] > 990


# Requests at once, and such as are larger than a limit


def test_requests_at_once_are_an_erlang_loss_system():
    # One a second, six seconds each, six at once: Erlang's B(6, 6) = 0.265 are turned away.
    found = figures("burndown", "backends.api.quota={max_concurrency: 6}")
    load, servers = 5.99, 6  # an answer takes 1 s + 499 / 100 s
    terms = [load**k / math.factorial(k) for k in range(servers + 1)]
    lost = terms[-1] / sum(terms)
    assert found["rejected"] / found["requests"] == pytest.approx(lost, abs=5 * 0.012)


def test_who_asks_for_more_than_a_limit_holds_is_refused_for_good():
    small, retries = "tokens_per_minute: 900", "workloads.chat.client={retries: 3}"
    refused = figures("burndown", f"backends.api.quota={{{small}, too_large: refuse}}", retries)
    assert refused["rejected"] == refused["requests"]
    assert refused["retries"] == 0
    assert figures("burndown", f"backends.api.quota={{{small}}}", retries)["retries"] > 0


# Cooldown


def test_a_cooldown_turns_few_errors_into_an_outage():
    # A backend that is back has all ten requests a second and fails after 2 s; so each is there for
    # 2 s in 62, and answers 95 % of what comes then: 6.1 % of all.
    plain, found = figures("cooldown"), cooled()
    assert plain["failed"] / plain["requests"] < 0.005
    answered = 0.95 * 2 * 2 / 62
    assert found["completed"] / found["requests"] == pytest.approx(answered, abs=0.03)


def test_a_cooldown_of_one_of_two_leaves_the_other_alone():
    # Nobody stands by for the other's errors while the one is out, 60 s of 64: its 5 % are lost.
    found = figures("cooldown", "backends.one.cooldown=1min")
    lost = (found["failed"] + found["rejected"]) / found["requests"]
    assert lost == pytest.approx(0.05 * 60 / 64, abs=0.01)


def test_a_short_cooldown_costs_little_and_a_third_backend_helps():
    short = figures("cooldown", *[f"backends.{name}.cooldown=0.1s" for name in ("one", "two")])
    assert short["completed"] / short["requests"] > 0.97
    third = cooled(
        "backends.three={kind: managed_api, ttft: 1s, tokens_per_second: 50, price: {input: 1, "
        "output: 4}}",
        "workloads.chat.fallback=[one, two, three]",
    )
    assert third["completed"] / third["requests"] > 0.99
