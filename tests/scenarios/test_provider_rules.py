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


# Budgets

SMALL = "backends.api.budget={usd: 21, per: day}"


def test_a_budget_is_spent_and_the_rest_is_turned_away():
    # 0.0105 USD each are 2,000 of some 7,200; six are under way when the last dollar is spent.
    found = figures("burndown", SMALL, "horizon.warm_up=0s")
    assert 2_000 <= found["completed"] <= 2_020
    assert found["rejected"] == found["requests"] - found["completed"]
    assert found["cost_usd"] == pytest.approx(21, rel=0.01)


@pytest.mark.parametrize("when", ["2026-09-06T23:00", "2026-09-30T23:00", "2026-09-02T23:00"])
def test_a_budget_begins_anew_with_its_day_week_or_month(when):
    # An hour before a Monday, a month, and a mere day: 1,000 requests before midnight, 1,000 after.
    start = f"horizon.start={when}"
    budgets = {per: f"{{usd: 10.5, per: {per}}}" for per in ("day", "week", "month")}
    days = {per: math.ceil(count(start, budget) / 1_020) for per, budget in budgets.items()}
    begin_anew = {"day", "week" if "06T" in when else "month" if "30T" in when else "day"}
    assert days == {per: 2 if per in begin_anew else 1 for per in budgets}


def count(start, budget):
    """Requests that are answered on a budget."""
    budget = f"backends.api.budget={budget}"
    return figures("burndown", start, budget, "horizon.warm_up=0s")["completed"]


def test_what_is_spent_at_the_start_is_not_spent_again():
    spent = "backends.api.budget={usd: 21, per: month, spent: 10.5}"
    found = figures("burndown", spent, "horizon.warm_up=0s")
    assert 1_000 <= found["completed"] <= 1_020


def test_a_fallback_serves_whom_the_budget_does_not():
    # Half of ten a second for an hour at 0.0009 USD; 1 USD are 1,111 answers, 111 s in 3,600 after
    # which the other half comes to the second, too.
    found = figures("cooldown", "backends.one.budget={usd: 1, per: day}")
    assert found["failed"] / found["requests"] < 0.06
    assert found["backends.one.cost_usd"] == pytest.approx(1, rel=0.02)
    meant = found["requests"] / 2
    assert found["backends.one.diverted"] == pytest.approx(meant * (1 - 222 / 3_600), rel=0.05)
    assert found["backends.one.over_budget"] == 0


# Budgets of several

THIRD = (
    "backends.three={kind: managed_api, ttft: 0.5s, tokens_per_second: 100, price: {input: 1, "
    "output: 4}}",
    "workloads.chat.fallback=[one, two, three]",
)
TEAM = "budgets={team: {usd: 1, per: day, backends: [one, two]}}"


def test_a_shared_budget_is_spent_once_and_not_once_by_each():
    # Ten a second at 0.0009 USD: the 1,112th answer ends it, after 113 s. By then some 15 more are
    # under way, of 1.5 s each: five standard deviations are 19 more. What comes then goes on.
    usd, found = 0.0009, figures("cooldown", TEAM, *THIRD, "horizon.end=drained")
    of = {name: found[f"backends.{name}.cost_usd"] for name in ("one", "two", "three")}
    answers = (of["one"] + of["two"]) / usd
    assert answers == pytest.approx(round(answers), abs=1e-6)  # to the cent
    assert 1_112 <= round(answers) <= 1_112 + 15 + 19
    assert of["one"] == pytest.approx(of["two"], rel=0.15)
    assert sum(of.values()) == pytest.approx(found["cost_usd"], rel=1e-12)
    assert found["completed"] + found["failed"] == found["requests"]
    for name in ("one", "two"):  # both are passed over on the way to the third
        diverted = found[f"backends.{name}.diverted"]
        assert diverted == pytest.approx(found["requests"] - 1_130, rel=0.001)


def test_where_all_share_the_budget_what_comes_then_is_turned_away():
    found = figures("cooldown", TEAM)
    over = sum(found[f"backends.{name}.over_budget"] for name in ("one", "two"))
    assert over == found["rejected"] > 0.95 * found["requests"]
    assert found["cost_usd"] == pytest.approx(1, rel=0.04)


def test_of_a_shared_budget_and_an_own_one_the_first_that_is_spent_counts():
    # The own one is spent by 0.1 USD at one of the two, the rest by the other alone.
    own = "backends.one.budget={usd: 0.1, per: day}"
    found = figures("cooldown", TEAM, own, *THIRD)
    assert found["backends.one.cost_usd"] == pytest.approx(0.1, rel=0.25)
    assert found["backends.two.cost_usd"] == pytest.approx(0.9, rel=0.05)


# Caching that the provider does, or the application marks


def test_an_application_that_marks_little_pays_for_little():
    # Tasks of ten calls; each prompt carries all before it. By hand, without rounding: of the first
    # 100,000 tokens 20,000 are marked: written once, read nine times, and the rest is paid in full.
    price = {"input": 3.0, "cached": 0.30, "written": 3.75, "output": 15.0}
    prompts = [100_000 + call * (2_400 + 1_000) for call in range(10)]
    plain = sum(prompts) - 10 * 20_000
    usd = plain * price["input"] + 20_000 * price["written"] + 9 * 20_000 * price["cached"]
    usd += 10 * 2_400 * price["output"]
    marks = "{life: 1h, mode: explicit, marked_tokens: 20k}"
    found = figures("cache_life", f"backends.api.prompt_caching={marks}", "horizon.end=drained")
    assert found["cost_usd_per_task"] == pytest.approx(usd / 1e6, rel=1e-6)


def test_a_prompt_that_is_too_short_to_be_kept_is_not_paid_as_written():
    short = ("workloads.chat.prompt_tokens=1000", "horizon.warm_up=0s", "backends.api.quota=null")
    price = "backends.api.price={input: 3, cached_input: 0.3, cache_write: 3.75, output: 15}"
    usd = {}
    for least in (1_000, 1_001):
        memory = f"backends.api.prompt_caching={{least_tokens: {least}}}"
        usd[least] = figures("burndown", *short, price, memory)["cost_usd_per_request"]
    assert usd == pytest.approx({1_000: 0.01125, 1_001: 0.0105}, rel=1e-9)
