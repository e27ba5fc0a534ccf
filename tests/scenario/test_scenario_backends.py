"""The keys of managed backends and routes: what they compile to, and what is refused."""

import json
import math
import pickle
from dataclasses import replace

import numpy as np
import pytest
from scenario_documents import BACKENDS, MINIMAL, SERVICE, written

from sim.catalog import api_limits, api_outages, api_pace, api_price, model, profile
from sim.errors import ScenarioError
from sim.model.distributions import Exponential, LogNormal
from sim.model.distributions.scaled import Scaled
from sim.model.economics import Economics, OneOff
from sim.model.managed import ALL_DAY, ManagedApi, PromptCaching, Provisioned, Quota
from sim.model.price import Subscription, TokenRates
from sim.model.routing import LONGEST_PROMPT, Degradation, Leg, Routing
from sim.model.scorers import Scorers
from sim.scenario import load_scenario

CHAT = "workloads.chat"
API = f"""\
name: apis
horizon: {{start: 2026-11-23, days: 1}}
workloads:
  chat:
    arrivals: {{requests_per_day: 100k}}
    prompt_tokens: 1000
    output_tokens: 200
    route: mini
backends:
  mini: {{kind: managed_api, model: gpt-4o-mini}}
  own: {{kind: gpu_pool, service: {SERVICE}, replicas: 2}}
"""
MINI = "backends.mini"


@pytest.fixture
def api(tmp_path):
    return written(tmp_path, API)


@pytest.fixture
def backends(tmp_path):
    return written(tmp_path, BACKENDS)


def at_level(scenario, level=0.5):
    u = np.array([level])
    return {one.path: float(one.distribution.ppf(u)[0]) for one in scenario.inputs}


def design_of(path, *overrides, level=0.5):
    scenario = load_scenario(path, overrides)
    return scenario.design(at_level(scenario, level))


def mini_of(path, *overrides):
    return design_of(path, *overrides).managed[0]


def problems(path, *overrides):
    """What is wrong, without the names of the overrides."""
    with pytest.raises(ScenarioError) as caught:
        load_scenario(path, overrides)
    return [str(replace(p, file="", line=None))[2:] for p in caught.value.problems]


# ---------------------------------------------------------------- what the keys come to


def test_a_model_of_the_catalogue_has_its_price_and_pace(api):
    backend = mini_of(api)
    pace = api_pace("gpt-4o-mini")
    assert isinstance(backend, ManagedApi)
    assert backend.price == api_price("gpt-4o-mini")
    assert backend.pace.ttft == LogNormal(math.log(pace.ttft_p50_s), 0.2)
    p50, p95 = backend.pace.tokens_per_s.ppf(np.array([0.5, 0.95]))
    assert (p50, p95 / p50) == pytest.approx((pace.tokens_per_s_p50, 1.15))
    assert backend.pace.ttft_by_hour == ALL_DAY
    assert backend.quota == Quota()
    assert backend.outages is backend.provisioned is backend.caching is None
    assert math.isnan(backend.quality)


def test_a_workload_may_go_to_a_pool_or_an_api_alike(api):
    design = design_of(api)
    assert [backend.name for backend in design.backends] == ["own", "mini"]
    (workload,) = design.workloads
    assert (workload.pool, workload.routing) == ("mini", None)
    assert workload.route == Routing((Leg("mini"),))


def test_every_key_of_an_api_reaches_the_design(backends):
    scenario = load_scenario(backends)
    values = at_level(scenario)
    mini, frontier, hosted, device = scenario.design(values).managed
    first = "backends.frontier"
    assert frontier.price.rates == TokenRates(values[f"{first}.price.input"], 15.0, 0.3, 3.75)
    assert frontier.price.long_rates == TokenRates(6.0, 22.5)
    assert frontier.price.long_above_tokens == 200_000
    assert (frontier.price.factor, frontier.price.usd_per_unit_hour) == (0.9, 1.0)
    multiple = values[f"{first}.price.subscription.overage_multiple"]
    assert frontier.price.subscription == Subscription(200.0, 10_000.0, multiple)
    assert (frontier.price.source, frontier.price.as_of) == ("a contract", "2026-10")
    median_s = values[f"{first}.ttft.lognormal.p50"]
    assert frontier.pace.ttft == LogNormal(math.log(median_s), 0.3)
    assert frontier.pace.ttft_s_per_prompt_token == 2e-5
    assert frontier.quota == Quota(500.0, math.inf, 1e6, 2e5, 10.0, True, 500)
    units = int(values[f"{first}.provisioned.units"])
    assert frontier.provisioned == Provisioned(units, 3000.0, 4.0)
    assert frontier.outages.gap == Exponential(values[f"{first}.outages.gap.exponential.mean"])
    assert frontier.outages.full_share == values[f"{first}.outages.full_share"]
    assert (frontier.outages.partial_errors, frontier.outages.partial_slowness) == (0.2, 2.0)
    last_s = 72_000 + values[f"{first}.outages.planned.1.duration"]
    assert frontier.outages.planned == ((43_200.0, 46_800.0), (72_000.0, last_s))
    assert frontier.caching == PromptCaching(3600.0, 512, marked_tokens=2000)
    (of_mini,) = mini.budgets
    assert (of_mini.usd, of_mini.per) == (values["backends.mini.budget.usd"], "week")
    assert (of_mini.spent_usd, frontier.budgets) == (120.0, ())
    assert (frontier.error_share, frontier.max_model_len, frontier.quality) == (0.001, 200_000, 80)
    assert mini.price.factor == pytest.approx(5 / 3, rel=1e-6)  # priority
    assert mini.price.yearly_factor == values["backends.mini.price.yearly_factor"]
    assert mini.price.minimum_usd_per_month == 500.0
    assert mini.pace.ttft_by_hour[12] == 1.5
    assert mini.quota.requests_per_min == 10_000.0
    assert mini.quota.tokens_per_min == values["backends.mini.quota.tokens_per_minute"]
    assert hosted.price == api_price("llama-3.3-70b", "groq")
    assert hosted.caching == PromptCaching()
    assert device.kind == "edge"


def test_devices_have_room_for_what_their_memory_holds(backends):
    device = design_of(backends).managed[3]
    per_token = model("llama-3.1-8b").kv_bytes_per_token
    assert device.max_model_len == (6_000_000_000 - 4_500_000_000) // per_token
    assert (device.capable_share, device.error_share) == (0.5, 0.01)
    assert (device.price.usd_per_device_month, device.price.active_devices) == (0.5, 1000.0)
    assert device.pace.tokens_per_s.ppf(np.array([0.5])) == pytest.approx([25.0])


def test_a_preset_of_a_quota_is_that_of_the_catalogue(api):
    quota = mini_of(api, f"{MINI}.quota=anthropic-tier-2").quota
    listed = api_limits()["anthropic-tier-2"]
    assert quota == Quota(
        listed.requests_per_min,
        math.inf,
        listed.input_tokens_per_min,
        listed.output_tokens_per_min,
        cached_is_free=True,
    )
    mine = mini_of(api, f"{MINI}.quota={{preset: anthropic-tier-2, cached_is_free: false}}").quota
    assert mine == replace(quota, cached_is_free=False)


def test_a_preset_of_outages_is_what_was_measured(api):
    outages = mini_of(api, f"{MINI}.outages=anthropic").outages
    listed = api_outages()["anthropic"]
    assert outages.duration.mean() == pytest.approx(listed.mean_duration_s, rel=1e-5)
    assert outages.gap.mean() == pytest.approx(listed.mean_gap_s, rel=1e-3)
    assert (outages.full_share, outages.partial_errors) == (0.0, 0.044)
    other = mini_of(api, f"{MINI}.outages={{preset: anthropic, full_share: 50%}}").outages
    assert other.full_share == 0.5


def test_planned_outages_alone_leave_no_others(api):
    outages = mini_of(api, f"{MINI}.outages={{planned: [{{start: 2h, duration: 1h}}]}}").outages
    assert outages.planned == ((7200.0, 10_800.0),)
    assert outages.gap is outages.duration is None


@pytest.mark.parametrize(("tier", "factor"), [("batch", 0.5), ("standard", 1.0)])
def test_a_tier_is_a_factor_on_the_prices(api, tier, factor):
    price = mini_of(api, f"{MINI}.price.tier={tier}").price
    assert price == replace(api_price("gpt-4o-mini"), factor=factor)


def test_a_long_context_has_its_own_prices_in_the_catalogue(api):
    price = mini_of(api, f"{MINI}.model=gemini-2.5-pro").price
    assert (price.long_above_tokens, price.long_rates.output) == (200_000, 15.0)


def test_a_route_is_a_name_or_legs(backends):
    scenario = load_scenario(backends)
    values = at_level(scenario)
    chat, nightly = scenario.design(values).workloads
    route = "workloads.chat.route"
    assert chat.routing == Routing(
        legs=(
            Leg("device", values[f"{route}.0.share"], 0, 2000),
            Leg(
                "mini",
                0.7,
                escalates_to="frontier",
                escalation_share=values[f"{route}.1.escalate.share"],
            ),
            Leg("own", 0.3, 100, int(values[f"{route}.2.prompt_tokens.max"])),
            Leg("own"),
        ),
        fallback=("mini", "open"),
        after_timeout=False,
        overflow_queue=values["workloads.chat.overflow.queue"],
        degradation=Degradation(30.0, values["workloads.chat.degradation.output_share"], 2.0),
    )
    assert chat.routing.legs[3].most_prompt == LONGEST_PROMPT
    assert chat.pool == "device"
    assert nightly.routing == Routing((Leg("open"),), fallback=("mini",))


def test_what_answers_bring_in_reaches_the_design(backends):
    scenario = load_scenario(backends)
    values = at_level(scenario)
    design = scenario.design(values)
    assert design.workloads[0].economics == Economics(
        revenue_per_task_usd=values[f"{CHAT}.value_per_task"],
        revenue_per_user_month_usd=20.0,
        active_users=2000.0,  # those of the arrivals
        revenue_per_outcome_usd=1.5,
        outcome_share=values[f"{CHAT}.value_per_outcome.share"],
    )
    assert design.workloads[1].economics == Economics(
        revenue_per_request_usd=0.01, active_users=300.0
    )
    assert design.one_off == OneOff(values["one_off.cost"], 18.0)


def test_resolved_documents_come_to_the_same_designs(tmp_path, backends):
    scenario = load_scenario(backends)
    again = load_scenario(written(tmp_path, scenario.to_yaml(), "again.yaml"))
    assert again.document == scenario.document == json.loads(json.dumps(scenario.document))
    assert again.inputs == scenario.inputs
    for level in (0.1, 0.9):
        values = at_level(scenario, level)
        one, other = scenario.design(values), again.design(values)
        assert (one.pools, one.managed, one.one_off) == (other.pools, other.managed, other.one_off)
        assert [w.route for w in one.workloads] == [w.route for w in other.workloads]
        assert [w.economics for w in one.workloads] == [w.economics for w in other.workloads]


def test_a_resolved_document_needs_no_catalogue(tmp_path, api):
    """Prices that move later do not move what was computed."""
    document = load_scenario(api).document
    assert document["workloads"]["chat"]["route"] == "mini"
    price = document["backends"]["mini"]["price"]
    assert (price["input"], price["output"], price["as_of"]) == (0.15, 0.6, "2026-08-01")
    renamed = load_scenario(api).to_yaml().replace("gpt-4o-mini", "gpt-of-2031")
    design = design_of(written(tmp_path, renamed, "again.yaml"))
    assert design.managed == design_of(api).managed


def test_scenarios_travel_to_workers(backends):
    scenario = pickle.loads(pickle.dumps(load_scenario(backends)))
    assert scenario.design(at_level(scenario)).managed[0].name == "mini"


# ---------------------------------------------------------------- levers


def test_compression_keeps_a_share_of_every_prompt(backends):
    kept, whole = design_of(backends), design_of(backends, f"{CHAT}.prompt_compression=null")
    (few, many) = (design.workloads[0].source for design in (kept, whole))
    assert few.prompt.mean_tokens() == pytest.approx(0.65 * many.prompt.mean_tokens(), rel=1e-3)
    assert few.prompt.maximum == round(0.65 * many.prompt.maximum)
    assert few.output == many.output
    later = few.follow_ups.prompt, many.follow_ups.prompt
    assert later[0].distribution == Scaled(later[1].distribution, 0.65)
    assert later[0].mean_tokens() == pytest.approx(0.65 * later[1].mean_tokens(), rel=0.01)


def test_scaled_distributions_are_what_they_are_scaled_from():
    base, factor = Exponential(3.0), 0.4
    scaled = Scaled(base, factor)
    u, x = np.array([0.1, 0.5, 0.9]), np.array([0.2, 1.0, 5.0])
    assert scaled.ppf(u) == pytest.approx(factor * base.ppf(u))
    assert scaled.cdf(scaled.ppf(u)) == pytest.approx(u)
    assert scaled.limited_mean(0.8) == pytest.approx(1.2 * (1 - math.exp(-0.8 / 1.2)))
    assert scaled.mean() == pytest.approx(1.2)
    draws = (law.sample(np.random.default_rng(1), 5) for law in (scaled, base))
    assert next(draws) == pytest.approx(factor * next(draws))
    assert scaled.cdf(x).shape == x.shape


def test_speculation_divides_steps_by_the_tokens_that_they_bring(tmp_path):
    path = written(tmp_path, MINIMAL)
    plain = profile(SERVICE)
    fixed = "backends.large.throughput_factor=1"
    gain = "backends.large.speculative_decoding={1: 2.5, 65: 1.4}"
    (pool,) = design_of(path, fixed, gain).pools
    for batch, tokens in ((1, 2.5), (33, 1.95), (65, 1.4), (200, 1.4)):
        expected = plain.step_s(batch, 1000.0 * batch) / tokens
        assert pool.profile.step_s(batch, 1000.0 * batch) == pytest.approx(expected)
    assert pool.profile.step_s(0, 0.0) == plain.step_s(0, 0.0)
    assert pool.profile.prefill_s(4000) == plain.prefill_s(4000)
    uncertain = "backends.large.speculative_decoding={p5: 1.5, p95: 3}"
    scenario = load_scenario(path, [fixed, uncertain])
    (value,) = at_level(scenario).values()
    (pool,) = scenario.design(at_level(scenario)).pools
    assert pool.profile.step_s(1, 0.0) == pytest.approx(plain.step_s(1, 0.0) / value)


def test_drafts_make_tokens_by_what_is_accepted_and_take_longer_steps(tmp_path):
    """E = 1 + p1 + p1 p2 + p1 p2 p3; a step of B verifies 4 B tokens, after three drafts."""
    path = written(tmp_path, MINIMAL)
    plain = profile(SERVICE)
    drafts = "{draft_tokens: 3, acceptance: [80%, 70%, 60%], draft_cost: 4%}"
    fixed = "backends.large.throughput_factor=1"
    (pool,) = design_of(path, fixed, f"backends.large.speculative_decoding={drafts}").pools
    made = 1 + 0.8 + 0.8 * 0.7 + 0.8 * 0.7 * 0.6
    assert pool.profile.tokens_per_step == pytest.approx(made, abs=1 / 256)
    assert pool.profile.step_width == 4
    for batch in (1, 8, 64):
        caches = plain.step_s(batch, 1000.0 * batch) - plain.step_s(batch, 0.0)
        step_s = plain.step_s(4 * batch, 0.0) + 3 * 0.04 * plain.step_s(batch, 0.0) + caches
        token_s = pool.profile.step_s(batch, 1000.0 * batch)
        assert token_s == pytest.approx(step_s / made)
    assert pool.profile.prefill_s(4000) == plain.prefill_s(4000)


def test_one_acceptance_is_that_of_every_position_and_may_be_uncertain(tmp_path):
    path = written(tmp_path, MINIMAL)
    drafts = "{draft_tokens: 2, acceptance: {uniform: {low: 40%, high: 90%}}, draft_cost: 0}"
    fixed = "backends.large.throughput_factor=1"
    scenario = load_scenario(path, [fixed, f"backends.large.speculative_decoding={drafts}"])
    (value,) = at_level(scenario).values()
    (pool,) = scenario.design(at_level(scenario)).pools
    assert 0.4 < value < 0.9
    assert pool.profile.tokens_per_step == pytest.approx(1 + value + value**2, abs=1 / 256)


def test_drafts_of_which_none_is_accepted_make_one_token_in_longer_steps(tmp_path):
    path = written(tmp_path, MINIMAL)
    drafts = "{draft_tokens: 1, acceptance: 0, draft_cost: 0}"
    fixed = "backends.large.throughput_factor=1"
    (pool,) = design_of(path, fixed, f"backends.large.speculative_decoding={drafts}").pools
    assert (pool.profile.tokens_per_step, pool.profile.step_width) == (1.0, 2)
    assert pool.profile.step_s(8, 0.0) == pytest.approx(profile(SERVICE).step_s(16, 0.0))


def test_requests_are_no_longer_than_whole_blocks_hold_beside_drafts(tmp_path):
    """A cache of 10,005 tokens has 625 blocks of 16: 10,000; drafts may be beyond the end."""
    path = written(tmp_path, MINIMAL)
    limits = "{kv_capacity_tokens: 10005, max_model_len: 10000, kv_block_tokens: 16}"
    drafts = "{draft_tokens: 2, acceptance: 70%, draft_cost: 0}"
    own = [f"backends.large.engine={limits}", f"backends.large.speculative_decoding={drafts}"]
    (pool,) = design_of(path, own[0]).pools
    assert pool.profile.max_model_len == 10_000
    (pool,) = design_of(path, *own).pools
    assert pool.profile.max_model_len == 10_000 - 3


# ---------------------------------------------------------------- what is refused


@pytest.mark.parametrize(
    ("overrides", "expected"),
    [
        (["backends.mini.model=gpt-4o-mni"],
         "backends.mini.model: model 'gpt-4o-mni' is not in the catalogue (did you mean "
         "'gpt-4o-mini' or 'gpt-5.4-mini' or 'gpt-4.1-mini'? 'sim catalog prices' lists all) (give "
         "price: {input: 0.15, output: 0.6})"),
        (["backends.mini.model=llama-3.1-405b"],
         "backends.mini.model: model 'llama-3.1-405b' has several providers: together, nebius, "
         "bedrock (add provider, such as provider: nebius, the least for prompts: 1 USD a "
         "million)"),
        (["backends.mini.provider=azur"],
         "backends.mini.model: price of 'gpt-4o-mini': provider 'azur' is not in the catalogue "
         "(there: openai; 'sim catalog prices' lists all) (give price: {input: 0.15, output: "
         "0.6})"),
        (["backends.mini.model=null"],
         "backends.mini: has neither model nor price (add model, such as model: gpt-4o-mini)"),
        (["backends.mini.model=null", "backends.mini.price={input: 1}"],
         "backends.mini.price: has no output beside input (add output)"),
        (["backends.mini.model=null", "backends.mini.price={factor: 2}"],
         "backends.mini.price: has no price (add input and output, such as input: 0.15, "
         "output: 0.6)"),
        (["backends.mini.model=null", "backends.mini.price={input: 1, output: 2}",
          "backends.mini.ttft=1s"],
         "backends.mini.tokens_per_second: is missing (such as tokens_per_second: 80, or give a "
         "model)"),
        (["backends.mini.price.tier=flex"],
         "backends.mini.model: price of 'gpt-4o-mini' at 'openai': tier 'flex' is not in the "
         "catalogue ('sim catalog prices' lists all) (give price: {input: 0.15, output: 0.6})"),
        (["backends.mini.price={tier: batch, factor: 0.9}"],
         "backends.mini.price.factor: goes beside tier, must be the only one (remove one)"),
        (["backends.mini.price={tier: batch, input: 1, output: 2}"],
         "backends.mini.price.tier: has no meaning for a price that is given (add factor, such as "
         "factor: 0.5)"),
        (["backends.mini.price.cached_input=1"],
         "backends.mini.price.cached_input: has no input beside it (add input and output)"),
        (["backends.mini.price.as_of=2026"],
         "backends.mini.price.as_of: comes with the price of the catalogue (remove it)"),
        (["backends.mini.price={input: 1, output: -2}"],
         "backends.mini.price.output: -2 must be at least 0"),
        (["backends.mini.quota=anthropic-tier-5"],
         "backends.mini.quota: 'anthropic-tier-5' is not a quota of the catalogue (did you mean "
         "'anthropic-tier-4'?)"),
        (["backends.mini.quota={burst: 1min}"],
         "backends.mini.quota: has no limit (add requests_per_minute, or one of anthropic-tier-4, "
         "openai-tier-5)"),
        (["backends.mini.quota={cached_is_free: perhaps, tokens_per_minute: 1}"],
         "backends.mini.quota.cached_is_free: 'perhaps' must be true or false"),
        (["backends.mini.outages=opena"],
         "backends.mini.outages: 'opena' is not a preset of outages of the catalogue (did you mean "
         "'openai'?)"),
        (["backends.mini.outages={gap: 3d}"],
         "backends.mini.outages: has no duration beside it (add duration)"),
        (["backends.mini.outages={full_share: 0.1}"],
         "backends.mini.outages.full_share: has no meaning without incidents (add a preset)"),
        (["backends.mini.outages={}"],
         "backends.mini.outages: has neither incidents nor planned ones (add planned, or one of "
         "openai, anthropic)"),
        (["backends.mini.ttft_by_hour=[1, 2]"],
         "backends.mini.ttft_by_hour: a list of 2 must be a list of 24 factors, one for each hour "
         "of the day"),
        (["backends.mini.replicas=3"],
         "backends.mini.replicas: unknown key (one of kind, model, provider, price, ttft, "
         "ttft_per_prompt_token, tokens_per_second, ttft_by_hour, speed_by_hour, quota, cooldown, "
         "budget, provisioned, outages, error_share, prompt_caching, max_model_len, regions, "
         "energy, candidate, quality)"),
        (["backends.mini.cooldwn=1min"],
         "backends.mini.cooldwn: unknown key (did you mean 'cooldown'?)"),
        (["backends.mini.cooldown=-1min"],
         "backends.mini.cooldown: '-1min' must be at least 0"),
        (["backends.mini.budget=500"],
         "backends.mini.budget: 500 must be a mapping (keys: usd, per, spent)"),
        (["backends.mini.budget={usd: 500}"],
         "backends.mini.budget.per: is missing (such as per: day)"),
        (["backends.mini.budget={usd: 500, per: year}"],
         "backends.mini.budget.per: 'year' must be one of day, week, month"),
        (["backends.mini.budget={usd: 500, per: dya}"],
         "backends.mini.budget.per: 'dya' must be one of day, week, month (did you mean 'day'?)"),
        (["backends.mini.budget={usd: 0, per: day}"],
         "backends.mini.budget.usd: 0 must be greater than 0"),
        (["backends.mini.budget={usd: 5, per: day, spent: 6}"],
         "backends.mini.budget.spent: (6) is more than the budget (5), which is left out all the"
         " time (spend at most all of it)"),
        (["backends.mini.budget={usd: 5, per: day}", "backends.mini.price={input: 1, output: 4, "
          "subscription: {usd_per_month: 200}}"],
         "backends.mini.budget: has no meaning beside a subscription, which is paid by the month "
         "(remove one)"),
        (["backends.mini.prompt_caching={mode: explicit}"],
         "backends.mini.prompt_caching: has no marked_tokens beside mode: explicit (add "
         "marked_tokens, such as marked_tokens: 2000)"),
        (["backends.mini.prompt_caching={marked_tokens: 2000}"],
         "backends.mini.prompt_caching.marked_tokens: has no meaning where the provider keeps all "
         "(add mode: explicit)"),
        (["backends.mini.prompt_caching={mode: explicit, marked_tokens: 500}"],
         "backends.mini.prompt_caching.marked_tokens: (500) must be at least least_tokens (1024), "
         "or nothing is kept (mark more)"),
        (["backends.mini.prompt_caching={mode: manual}"],
         "backends.mini.prompt_caching.mode: 'manual' must be one of automatic, explicit"),
        (["backends.mini.quota={requests_per_minute: 9, reset: '12:00'}"],
         "backends.mini.quota.reset: has no requests_per_day beside it (add requests_per_day or "
         "tokens_per_day)"),
        (["backends.mini.quota={requests_per_day: 9, reset_day: tue}"],
         "backends.mini.quota.reset_day: has no requests_per_week beside it (add requests_per_week "
         "or tokens_per_week)"),
        (["backends.mini.quota={requests_per_week: 9, reset_day: tuesday}"],
         "backends.mini.quota.reset_day: 'tuesday' must be one of mon, tue, wed, thu, fri, sat, sun"
         " (did you mean 'tue'?)"),
        (["backends.mini.quota={requests_per_week: 0}"],
         "backends.mini.quota.requests_per_week: 0 must be at least 1"),
        (["backends.mini.quota={requests_per_day: 9, reset: '25:00'}"],
         "backends.mini.quota.reset: '25:00' must be a time of day such as 07:30"),
        (["backends.mini.quota={requests_per_minute: 9, output_weight: 5}"],
         "backends.mini.quota.output_weight: has no tokens_per_minute beside it (add "
         "tokens_per_minute or tokens_per_day)"),
        (["backends.mini.quota={tokens_per_minute: 9, output_weight: 0}"],
         "backends.mini.quota.output_weight: 0 must be greater than 0"),
        (["backends.mini.quota={tokens_per_minute: 9, too_large: refused}"],
         "backends.mini.quota.too_large: 'refused' must be one of refuse, pass (did you mean "
         "'refuse'?)"),
        (["backends.mini.quota={max_concurrency: 0}"],
         "backends.mini.quota.max_concurrency: 0 must be at least 1"),
        (["backends.mini.qota=3"],
         "backends.mini.qota: unknown key (did you mean 'quota'?)"),
        (["backends.mini.price.long_context={above: 1k}"],
         "backends.mini.price.long_context.input: is missing"),
        (["backends.mini.max_model_len=500"],
         "workloads.chat.prompt_tokens: even the shortest (1000 tokens) are longer than the 499 "
         "tokens that backend 'mini' takes (see its max_model_len)"),
        (["backends.edge={kind: edge, ttft: 1s, tokens_per_second: 20, usd_per_device_month: 1}"],
         "backends.edge.usd_per_device_month: has no active_devices beside it "
         "(add active_devices)"),
        (["backends.edge={kind: edge, ttft: 1s, tokens_per_second: 20, memory: {limit: 8 GB}}"],
         "backends.edge.memory: has no weights (add weights, or give a model)"),
        (["backends.edge={kind: edge, ttft: 1s, tokens_per_second: 20, memory: {limit: 8 GB, "
          "weights: 9 GB, per_token: 1 MB}}"],
         ": a world at the 0.1 % level of all inputs: the memory of a device does not hold the "
         "weights and two tokens"),
        (["backends.edge={kind: edgy, ttft: 1s, tokens_per_second: 20}"],
         "backends.edge.kind: 'edgy' must be one of gpu_pool, managed_api, edge (did you mean "
         "'edge'?)"),
        (["backends.own.speculative_decoding={0: 2}"],
         "backends.own.speculative_decoding.0: '0' must be a batch size, a whole number from 1"),
        (["backends.own.speculative_decoding={1: fast}"],
         "backends.own.speculative_decoding.1: 'fast' must be a number such as 1.5 or 150%"),
        (["backends.own.speculative_decoding={draft_tokens: 3, acceptance: [1, 1], draft_cost: 0}"],
         "backends.own.speculative_decoding.acceptance: has 2 numbers, must have one for each of "
         "the 3 draft_tokens (give one number where all positions are alike)"),
        (["backends.own.speculative_decoding={draft_tokens: 3, acceptance: 120%, draft_cost: 0}"],
         "backends.own.speculative_decoding.acceptance: '120%' must be at most 1"),
        (["backends.own.speculative_decoding={draft_tokens: 3, acceptance: 70%}"],
         "backends.own.speculative_decoding.draft_cost: is missing (such as draft_cost: 3%, of the "
         "time of a decode step for each token drafted)"),
        (["backends.own.speculative_decoding={draft_tokens: 2.5, acceptance: 70%, draft_cost: 0}"],
         "backends.own.speculative_decoding.draft_tokens: 2.5 must be a whole number"),
        (["backends.own.speculative_decoding={draft_token: 2, acceptance: 70%, draft_cost: 0}"],
         "backends.own.speculative_decoding.draft_token: unknown key (did you mean "
         "'draft_tokens'?)"),
    ],
)  # fmt: skip
def test_backends_that_cannot_be_are_refused(api, overrides, expected):
    assert expected.removeprefix(": ") in [p.removeprefix(": ") for p in problems(api, *overrides)]


@pytest.mark.parametrize(
    ("overrides", "expected"),
    [
        (["route=[{to: mimi}]"],
         "route.0.to: 'mimi' is not the name of a backend (did you mean 'mini'?)"),
        (["route=[mini, onw]"],
         "route.1: 'onw' is not the name of a backend (did you mean 'own'?)"),
        (["route=[]"],
         "route: is empty, must have at least one entry (such as {to: small, share: 70%})"),
        (["route=[{share: 1}]"], "route.0.to: is missing"),
        (["route=[{to: mini, shares: 1}]"],
         "route.0.shares: unknown key (did you mean 'share'?)"),
        (["route=[{to: mini, share: -1}]"], "route.0.share: -1 must be at least 0"),
        (["route=[{to: mini, share: 0}, {to: own, share: 0}]"],
         "route: has shares that are all 0 (give one that is above 0)"),
        (["route=[{to: mini, prompt_tokens: {min: 3k, max: 2k}}]"],
         "route.0.prompt_tokens.max: 2000 must be at least min (3000)"),
        (["route=[{to: mini, prompt_tokens: 3k}]"],
         "route.0.prompt_tokens: '3k' must be a mapping (keys: min, max)"),
        (["route=[{to: mini, escalate: {share: 0.1}}]"], "route.0.escalate.to: is missing"),
        (["route=[{to: mini, escalate: {share: 1.1, to: own}}]"],
         "route.0.escalate.share: 1.1 must be at most 1"),
        (["route=[{to: mini, escalate: {share: 0.1, to: mini}}]"],
         "route.0.escalate.to: 'mini' leads back to itself (name a better one)"),
        (["route=[{to: mini, escalate: {share: 0.1, to: onw}}]"],
         "route.0.escalate.to: 'onw' is not the name of a backend (did you mean 'own'?)"),
        (["fallback=mini"],
         "fallback: 'mini' leads back to itself, where the requests begin (name another one, or "
         "remove it)"),
        (["fallback=[onw]"],
         "fallback.0: 'onw' is not the name of a backend (did you mean 'own'?)"),
        (["fallback=[own, own]"], "fallback.1: 'own' is given twice (remove one)"),
        (["fallback={to: own, after: [rejections]}"],
         "fallback.after.0: 'rejections' must be one of timeout, rejection, failure (did you mean "
         "'rejection'?)"),
        (["fallback={after: [failure]}"], "fallback.to: is missing"),
        (["overflow={queue: 50}"], "overflow: has no fallback beside it (add fallback)"),
        (["overflow={queue: 0}", "fallback=own"], "overflow.queue: 0 must be at least 1"),
        (["degradation={queue: 50}"], "degradation.output_share: is missing"),
        (["prompt_compression=120%"], "prompt_compression: '120%' must be at most 1"),
        (["value_per_task=cheap"],
         "value_per_task: 'cheap' must be an amount such as 2.99 or 2.99 USD"),
        (["value_per_outcome={value: 3}"], "value_per_outcome.share: is missing"),
    ],
)  # fmt: skip
def test_routes_that_lead_nowhere_are_refused(api, overrides, expected):
    assert f"{CHAT}.{expected}" in problems(api, *(f"{CHAT}.{each}" for each in overrides))


def test_a_route_must_be_given_where_there_are_several_backends(api):
    assert problems(api, f"{CHAT}.route=null") == [
        "workloads.chat.route: is missing (one of mini, own)"
    ]


def test_a_fallback_to_the_only_backend_leads_nowhere(tmp_path):
    path = written(tmp_path, MINIMAL)
    assert problems(path, f"{CHAT}.fallback=large") == [
        "workloads.chat.fallback: 'large' leads back to itself, where the requests begin "
        "(name another one, or remove it)"
    ]


def test_caches_that_one_workload_meets_have_blocks_of_one_size(tmp_path):
    path = written(tmp_path, MINIMAL)
    pool = (
        f"{{kind: gpu_pool, service: {SERVICE}, replicas: 1, prefix_cache: {{block_tokens: 64}}}}"
    )
    found = problems(
        path,
        f"backends.other={pool}",
        "backends.large.prefix_cache={}",
        f"{CHAT}.route=[large, other]",
        f"{CHAT}.follow_ups={{calls_per_task: 2, prompt_tokens: 10}}",
    )
    assert found == [
        "backends.other.prefix_cache.block_tokens: 64 must be 128, as of backend 'large', which "
        "serves 'chat' as well (make them the same)"
    ]


# ---------------------------------------------------------------- advice


def test_what_makes_no_difference_is_said(api):
    def warnings(*overrides):
        return load_scenario(api, overrides).warnings

    assert warnings() == ("backends.own: no workload is routed to it, and yet it costs",)
    assert warnings(f"{CHAT}.fallback=own") == ()
    assert warnings(f"{CHAT}.route=own") == ("backends.mini: no workload is routed to it",)
    (idle,) = warnings(f"{CHAT}.fallback=own", f"{MINI}.prompt_caching={{}}")
    assert idle == (
        "backends.mini.prompt_caching: saves nothing, as no calls follow each other; add "
        "follow_ups, or prefix_cache, to a workload"
    )
    degraded = warnings("backends.own=null", f"{CHAT}.degradation={{queue: 9, output_share: 0.5}}")
    assert degraded == (
        "workloads.chat.degradation: makes no difference, as no requests wait at its backends",
    )


def test_an_old_price_by_the_token_is_warned_of(api):
    price = "{input: 1, output: 2, as_of: 2024-05}"
    found = load_scenario(api, [f"{MINI}.price={price}", f"{CHAT}.fallback=own"]).warnings
    assert found == ("backends.mini.price: its date (2024-05) is over a year ago",)


def test_a_flat_fee_alone_is_a_price(api):
    given = ["model=null", "price={subscription: {usd_per_month: 20}}", "ttft=1s",
             "tokens_per_second=50"]  # fmt: skip
    price = mini_of(api, *(f"{MINI}.{each}" for each in given)).price
    assert price.rates == TokenRates()
    assert price.subscription == Subscription(20.0, math.inf, 1.0)


def test_scorers_have_defaults_and_weights_of_their_own(tmp_path):
    path = written(tmp_path, MINIMAL)
    scored = "backends.large.router=scored"
    (pool,) = design_of(path, scored).pools
    assert (pool.router, pool.scorers) == ("scored", Scorers(3.0, 2.0, 2.0, 0.0))
    weights = "backends.large.scorers={queue: 1, kv_cache: 0, running: 0.5}"
    (pool,) = design_of(path, scored, weights).pools
    assert pool.scorers == Scorers(3.0, 1.0, 0.0, 0.5)


@pytest.mark.parametrize(
    ("overrides", "expected"),
    [
        (["backends.own.scorers={queue: 1}"],
         "backends.own.scorers: has no meaning but for the router that goes by scorers (add "
         "router: scored)"),
        (["backends.own.router=scored", "backends.own.scorers={prefix: 1}"],
         "backends.own.scorers.prefix: has no meaning where nothing is cached (add prefix_cache: "
         "{})"),
        (["backends.own.router=scored",
          "backends.own.scorers={prefix: 0, queue: 0, kv_cache: 0}"],
         "backends.own.scorers: has weights that are all 0 (give one that is above 0)"),
        (["backends.own.router=scored", "backends.own.scorers={queue: -1}"],
         "backends.own.scorers.queue: -1 must be at least 0"),
        (["backends.own.router=scored", "backends.own.scorers={queues: 1}"],
         "backends.own.scorers.queues: unknown key (did you mean 'queue'?)"),
    ],
)  # fmt: skip
def test_scorers_that_cannot_be_are_refused(api, overrides, expected):
    assert expected in problems(api, *overrides)


@pytest.mark.parametrize(
    ("overrides", "expected"),
    [
        (["backends.own.handoff={to: other, bandwidth: 50}"],
         "backends.own.handoff.bandwidth: 50 must be at least 1000000 (give it with its unit, such "
         "as 50 GB/s or 400 Gbit/s)"),
        (["backends.own.cold_start={weights: 140 GB, load_bandwidth: 2}"],
         "backends.own.cold_start.load_bandwidth: 2 must be at least 1000000 (give it with its "
         "unit, such as 50 GB/s or 400 Gbit/s)"),
        (["backends.own.power_cap=200%"],
         "backends.own.power_cap: 200%, or 2 W, must be at most 100% (or be a power, such as "
         "700 W)"),
        (["backends.own.speculative_decoding={}"],
         "backends.own.speculative_decoding: says nothing (such as draft_tokens: 3, acceptance: "
         "70%, draft_cost: 3%)"),
        (["backends.own.speculative_decoding={draft_tokens: 1, acceptance: 1, draft_cost: 3}"],
         "backends.own.speculative_decoding.draft_cost: 3 must be at most 1"),
    ],
)  # fmt: skip
def test_a_number_without_its_unit_or_beyond_sense_is_refused(api, overrides, expected):
    assert expected in problems(api, *overrides)
