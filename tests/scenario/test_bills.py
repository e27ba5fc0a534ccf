"""A volume that is known by its bill: simulated at the API, it costs the bill again."""

from dataclasses import replace

import numpy as np
import pytest

from sim.errors import ScenarioError
from sim.model.bill import BillShares, of_bill, usd_per_task
from sim.model.distributions import Constant
from sim.model.lengths import Lengths
from sim.model.price import MONTH_S, TokenPrice, TokenRates
from sim.montecarlo.replication import replicate
from sim.scenario import load_scenario
from sim.studies.breakeven.sides import contest
from sim.studies.case import Case

TEXT = """
name: bill
horizon: {start: 2026-11-23, duration: 6h}
workloads:
  chat:
    arrivals: {usd_per_month: 38k}
    prompt_tokens: {lognormal: {mean: 3000, cv: 0.8}, max: 30k}
    output_tokens: {lognormal: {mean: 400, cv: 0.9}, max: 4k}
backends:
  api: {kind: managed_api, model: gpt-4.1}
worlds: 4
"""
CHAT = "workloads.chat"


def scenario(tmp_path, *overrides, text=TEXT):
    (tmp_path / "bill.yaml").write_text(text)
    return load_scenario(tmp_path / "bill.yaml", overrides)


def monthly(found):
    """Dollars a month of a world in which each uncertain input is at its 30th percentile."""
    draws = {each.path: float(each.distribution.ppf(np.array([0.3]))[0]) for each in found.inputs}
    return replicate(found, found.seed, 0, draws).metrics["cost_usd_per_month"]


@pytest.mark.parametrize(
    "overrides",
    [
        (),
        (f"{CHAT}.prefix_cache.hit_rate=40%",),
        (f"{CHAT}.response_cache.hit_rate=25%",),
        (f"{CHAT}.follow_ups.calls_per_task=4",),
        (f"{CHAT}.follow_ups={{calls_per_task: 3.5, carry: 50%, prompt_tokens: 200}}",),
        (f"{CHAT}.follow_ups={{calls_per_task: 7, parallel: 3, prompt_tokens: 200}}",),
        ("backends.api.price={input: 3, output: 12, cached_input: 0.3, factor: 0.5}",),
        (f"{CHAT}.arrivals.bill_shares={{output: 45%, cached: 10%}}",),
        (f"{CHAT}.arrivals.bill_shares={{output: {{uniform: {{low: 30%, high: 60%}}}}}}",),
    ],
)
def test_what_a_bill_stands_for_costs_the_bill(tmp_path, overrides):
    """Six hours hold some 40,000 requests: their cost is within 3 % (4 sd) of its expectation."""
    assert monthly(scenario(tmp_path, *overrides)) == pytest.approx(38_000, rel=0.03)


def test_lengths_that_are_not_known_give_other_volumes_and_the_same_bill(tmp_path):
    found = scenario(
        tmp_path, f"{CHAT}.output_tokens={{lognormal: {{mean: {{p5: 100, p95: 900}}, cv: 1}}}}"
    )
    (path,) = [each.path for each in found.inputs]
    rates = [
        found.design({path: value}).workloads[0].source.curve.mean_rate()
        for value in (100.0, 900.0)
    ]
    each = [3000 * 2e-6 + output * 8e-6 for output in (100, 900)]
    np.testing.assert_allclose(rates, 38_000 / MONTH_S / np.array(each), rtol=0.01)


def test_shares_of_a_bill_give_prompts_and_what_is_cached():
    price = TokenPrice(TokenRates(2.0, 8.0, cached_input=0.5))
    prompt, output = Lengths(Constant(1000.0)), Lengths(Constant(100.0))
    found = of_bill(1000.0, prompt, output, price, shares=BillShares(0.4, 0.1))
    tasks = found.per_s * MONTH_S
    assert tasks * 100 * 8e-6 == pytest.approx(400)
    tokens = 1000 * found.longer
    assert tasks * tokens * found.hit_rate * 0.5e-6 == pytest.approx(100)
    assert tasks * tokens * (1 - found.hit_rate) * 2e-6 == pytest.approx(500)
    longer = Lengths(Constant(tokens))
    again = usd_per_task(longer, output, price, found.hit_rate)
    assert tasks * again == pytest.approx(1000)
    assert of_bill(1000.0, longer, output, price, found.hit_rate).per_s == pytest.approx(
        found.per_s
    )


def test_long_prompts_cost_what_long_ones_do():
    long = TokenPrice(TokenRates(2.0, 8.0), TokenRates(4.0, 12.0), long_above_tokens=1000)
    short, output = Lengths(Constant(900.0)), Lengths(Constant(100.0))
    assert usd_per_task(short, output, long) == pytest.approx(900 * 2e-6 + 100 * 8e-6)
    prompt = Lengths(Constant(1100.0))
    assert usd_per_task(prompt, output, long) == pytest.approx(1100 * 4e-6 + 100 * 12e-6)
    assert usd_per_task(prompt, output, replace(long, factor=0.5)) == pytest.approx(0.0028)


def test_the_bill_is_that_of_the_api_even_where_others_serve(tmp_path):
    text = TEXT.replace(
        "worlds: 4",
        "  dear: {kind: managed_api, model: gpt-4.1, price: {input: 20, output: 80}}\n"
        "  own: {kind: gpu_pool, service: llama-3.3-70b/h100-sxm/tp4/fp8/vllm, replicas: 2}\n",
    ).replace("max: 4k}\n", "max: 4k}\n    route: own\n")
    rates = [
        scenario(tmp_path, *overrides, text=text)
        .typical_design()
        .workloads[0]
        .source.curve.mean_rate()
        for overrides in ((), (f"{CHAT}.arrivals.billed_by=dear",), (f"{CHAT}.route=dear",))
    ]
    assert rates[0] == pytest.approx(10 * rates[1])
    assert rates[2] == rates[1]


@pytest.mark.parametrize(
    ("overrides", "said"),
    [
        ((f"{CHAT}.arrivals.billed_by=apy",), "billed_by: 'apy' is no managed API"),
        ((f"{CHAT}.arrivals.requests_per_day=5k",), "usd_per_month: goes beside requests_per_day"),
        ((f"{CHAT}.arrivals.bill_shares={{output: 120%}}",), "bill_shares.output"),
        ((f"{CHAT}.arrivals.bill_shares={{cached: 10%}}",), "bill_shares.output: is missing"),
        ((f"{CHAT}.arrivals.bill_shares={{output: 60%, cached: 60%}}",), "at most 100 %"),
        ((f"{CHAT}.arrivals.bill_shares={{output: 50%}}", f"{CHAT}.prefix_cache.hit_rate=20%"),
         "cannot be beside bill_shares"),
        (("backends.api.prompt_caching={life: 5min}",), "caches prompts by itself"),
        (("backends.api.price={subscription: {usd_per_month: 99}}",), "has a flat fee"),
        ((f"{CHAT}.arrivals.usd_per_month=38 EUR",), "must be an amount such as 2.99"),
        ((f"{CHAT}.arrivals.usd_per_month=0",), "must be greater than 0"),
    ],
)  # fmt: skip
def test_what_tells_no_volume_is_refused(tmp_path, overrides, said):
    with pytest.raises(ScenarioError, match=said):
        scenario(tmp_path, *overrides)
    pool = "{kind: gpu_pool, service: llama-3.3-70b/h100-sxm/tp4/fp8/vllm, replicas: 2}"
    text = TEXT.replace("{kind: managed_api, model: gpt-4.1}", pool)
    with pytest.raises(ScenarioError, match="has no managed API that usd_per_month is paid to"):
        scenario(tmp_path, text=text)


def test_a_bill_is_told_in_tokens_beside_its_dollars(tmp_path):
    # 38,000 USD, half of it for answers of 500 tokens at 8 USD a million, half for prompts at 2.
    path = tmp_path / "bill.yaml"
    path.write_text(
        """\
name: Bill
horizon: {start: 2026-11-23, days: 7}
workloads:
  chat:
    arrivals: {usd_per_month: 38k, bill_shares: {output: 50%}}
    prompt_tokens: {lognormal: {mean: 1000, cv: 0.5}}
    output_tokens: 500
backends:
  api: {kind: managed_api, price: {input: 2, output: 8}, ttft: 1s, tokens_per_second: 50}
""",
        encoding="utf-8",
    )
    (line,) = load_scenario(path).footing
    requests = 19_000 / (500 * 8e-6)  # a month: 4.75 million
    assert line == (
        "workloads.chat.arrivals.usd_per_month: the bill stands for"
        f" {requests / 30.4375 / 1e3:.0f}k requests a day in the median world, with 2,000 tokens of"
        f" prompt and 500 of answer on average: {requests * 2000 / 1e9:.3g}G and"
        f" {requests * 500 / 1e9:.3g}G tokens a month; answers are 20 % of its tokens (bill_shares"
        " are of its dollars)"
    )
    whole = load_scenario(path, ["workloads.chat.arrivals.bill_shares=null"]).footing
    assert whole[0].endswith("answers are 33 % of its tokens")


BOTH = """\
name: Both
horizon: {start: 2026-11-23, days: 1}
workloads:
  chat:
    arrivals: {usd_per_month: 38k, shape: azure-chat-2024}
    prompt_tokens: 1000
    output_tokens: 500
    route: api
backends:
  api: {kind: managed_api, price: {input: 2, output: 8}, ttft: 1s, tokens_per_second: 50}
  own:
    kind: gpu_pool
    candidate: true
    service: llama-3.3-70b/h100-sxm/tp4/fp8/vllm
    replicas: 2
    price: {usd_per_gpu_hour: {uniform: {low: 2, high: 3}}}
"""


def test_a_candidate_is_neither_simulated_nor_paid_until_a_route_names_it(tmp_path):
    path = tmp_path / "both.yaml"
    path.write_text(BOTH, encoding="utf-8")
    billed = load_scenario(path)
    assert [each.name for each in billed.typical_design().backends] == ["api"]
    assert billed.inputs == ()  # neither the price of its GPUs nor the error of its profile
    assert not [line for line in billed.footing if "backends.own" in line]
    for change in ("route=own", "route=[{to: api, share: 90%}, {to: own, share: 10%}]",
                   "fallback=own"):  # fmt: skip
        asked = load_scenario(path, [f"workloads.chat.{change}"])
        assert {each.name for each in asked.typical_design().backends} == {"own", "api"}
        assert "backends.own.price.usd_per_gpu_hour" in {each.path for each in asked.inputs}
    paid = load_scenario(path, ["backends.own.candidate=null"])
    assert {each.name for each in paid.typical_design().backends} == {"own", "api"}
    sides = contest(Case(path)).groups
    assert {name for group in sides for name in group} == {"api", "own"}


def test_where_a_monday_is_simulated_its_volume_stands_beside_that_of_a_mean_day(tmp_path):
    path = tmp_path / "both.yaml"
    path.write_text(BOTH, encoding="utf-8")
    (line,) = load_scenario(path).footing
    requests = 38_000 / 30.4375 / (1000 * 2e-6 + 500 * 8e-6)
    assert f"stands for {requests / 1e3:.0f}k requests a day" in line
    assert "(a mean day of the month; the Monday that is simulated has " in line
    whole_week = load_scenario(path, ["horizon.days=7"]).footing[0]
    assert "that is simulated" not in whole_week
