"""A hit is what a request finds at its first admission; a provider forgets as its manual says.

Where every prompt is unlike all others nothing is ever hit, whatever requests find again of their
own. All figures are exact: nothing in them is drawn.
"""

import json
from functools import cache

import pytest
from places import FAULTS

from sim.montecarlo.replication import replicate
from sim.scenario import load_scenario

WAITS_LONG = "{timeout: 6min, retries: openai-sdk, on_timeout: server_works_on}"
HEDGES = "{hedge: 20s}"
TWO = ("backends.one.replicas=2",)
BESIDE = ("backends.one.prefix_cache.capacity=170k",)  # memory of its own, as much as the KV cache
BLOCKS, SHARED, BLOCK_TOKENS = 8, 4, 512


def figures(fault, *overrides, folder=FAULTS):
    scenario = load_scenario(folder / fault / "scenario.yaml", overrides)
    return replicate(scenario, scenario.seed, 0, {}).metrics


kept = cache(figures)


# Prompts that are all different


def test_what_preempted_requests_find_again_is_no_hit():
    """In the KV cache less is found again: what was let go of is needed by those who went on."""
    for changes, least in (((), 2e5), (BESIDE, 1e6)):
        found = kept("unique_prompts", *changes)
        assert found["preemptions"] > 200
        assert found["cache_hit_rate"] == found["cached_tokens"] == 0
        assert found["found_again_tokens"] > least


def test_what_they_find_again_they_do_not_work_on_again():
    forgetful = figures("unique_prompts", "backends.one.prefix_cache=null")
    assert forgetful["found_again_tokens"] == 0
    assert forgetful["preemptions"] > 200
    assert kept("unique_prompts")["wasted_tokens"] < 0.9 * forgetful["wasted_tokens"]
    assert kept("unique_prompts", *BESIDE)["wasted_tokens"] < 0.5 * forgetful["wasted_tokens"]


@pytest.mark.parametrize(
    "overrides",
    [
        pytest.param(("backends.one.prefix_cache.capacity=20000",), id="small cache"),
        pytest.param((f"workloads.bench.client={WAITS_LONG}",), id="orphans and retries"),
        pytest.param((f"workloads.bench.client={HEDGES}",), id="hedges on one replica"),
        pytest.param((f"workloads.bench.client={HEDGES}", *TWO), id="hedges on two replicas"),
        pytest.param(
            ("backends.one.router=prefix", f"workloads.bench.client={WAITS_LONG}", *TWO),
            id="retries that go where their prompt is",
        ),
    ],
)
def test_no_request_hits_itself(overrides):
    found = figures("unique_prompts", *overrides)
    assert found["completed"] > 100
    assert found["found_again_tokens"] > 0
    assert found["cache_hit_rate"] == 0


# Prompts of which each half is the same


def test_a_common_beginning_is_hit_by_all_but_the_first_however_often_they_are_preempted(tmp_path):
    lines = (FAULTS / "unique_prompts" / "unique_long.jsonl").read_text().splitlines()
    rows = [json.loads(line) for line in lines]
    for row in rows:
        row["hash_ids"][:SHARED] = [-1 - block for block in range(SHARED)]
    text = (FAULTS / "unique_prompts" / "scenario.yaml").read_text()
    (tmp_path / "half").mkdir()
    (tmp_path / "half" / "scenario.yaml").write_text(text)
    trace = "\n".join(json.dumps(row) for row in rows)
    (tmp_path / "half" / "unique_long.jsonl").write_text(trace)
    found = figures("half", folder=tmp_path)
    assert found["preemptions"] > 200
    # The first requests come while the prefill of the very first is under way.
    prompts = found["completed"] * BLOCKS * BLOCK_TOKENS
    missed = found["cached_tokens"] / (SHARED * BLOCK_TOKENS) - found["completed"]
    assert -3 <= missed <= -1
    assert found["cache_hit_rate"] == found["cached_tokens"] / prompts


# A provider's memory


def test_a_cache_whose_life_has_passed_since_the_request_before_is_forgotten():
    found = kept("cache_life")
    assert found["cache_hit_rate"] == 0
    paid_usd = 3.75e-6 * found["prompt_tokens"] + 15e-6 * found["output_tokens"]
    assert found["cost_usd"] == pytest.approx(paid_usd, rel=1e-12)
    # Closed form: ten calls of 100,000 + (call - 1) * 3,400 tokens, all written, and ten answers.
    task_usd = (10 * 100_000 + 45 * 3_400) * 3.75e-6 + 10 * 2_400 * 15e-6
    assert task_usd == pytest.approx(4.684, abs=5e-4)
    assert found["cost_usd_per_task"] == pytest.approx(task_usd, rel=0.03)  # some are unfinished


@pytest.mark.parametrize("life", ["361s", "1h"])  # a call comes 360.9 s after the one before
def test_a_cache_that_lives_from_one_request_to_the_next_lives_on(life):
    found = figures("cache_life", f"backends.api.prompt_caching.life={life}")
    # All but the first call of a task find what was said before; some tasks are under way.
    calls, tasks = found["completed"], found["tasks"]
    assert found["cache_hit_rate"] > 0.85
    said = found["prompt_tokens"] - found["cached_tokens"]
    assert said == pytest.approx(tasks * 100_000 + (calls - tasks) * 1_000, rel=0.02)


@pytest.mark.parametrize("model", ["gpt-4.1-mini", "claude-sonnet-5"])
def test_the_rule_is_that_of_every_price_list(model):
    named = (f"backends.api.model={model}", "backends.api.price=null")
    assert figures("cache_life", *named)["cache_hit_rate"] == 0
    longer = figures("cache_life", *named, "backends.api.prompt_caching.life=7min")
    assert longer["cache_hit_rate"] > 0.85


def test_a_provider_remembers_nothing_of_what_another_answered():
    other = "{kind: managed_api, ttft: 1s, tokens_per_second: 10, price: {input: 1, output: 1}}"
    mixed = figures(
        "cache_life",
        f"backends.other={other}",
        "workloads.agent.route=[{to: api, share: 0.5}, {to: other, share: 0.5}]",
        "backends.api.prompt_caching.life=1h",
    )
    alone = figures("cache_life", "backends.api.prompt_caching.life=1h")
    # Of the calls that come to the API half, at most, were preceded by one within the hour.
    assert 0 < mixed["cache_hit_rate"] < 0.6 * alone["cache_hit_rate"]


# What lives longer costs more to write


def test_what_lives_an_hour_is_written_at_its_own_price():
    hour = "backends.api.prompt_caching.life=1h"
    usual, longer = (
        kept("cache_life", hour),
        kept("cache_life", hour, "backends.api.price.cache_write_1h=6"),
    )
    written = usual["prompt_tokens"] - usual["cached_tokens"]
    assert written == longer["prompt_tokens"] - longer["cached_tokens"] > 0
    more = longer["cost_usd"] - usual["cost_usd"]
    assert more == pytest.approx(written * (6 - 3.75) / 1e6, rel=1e-12)
    # Of what is kept for five minutes the other price says nothing.
    short = kept("cache_life", "backends.api.price.cache_write_1h=6")
    assert short["cost_usd"] == kept("cache_life")["cost_usd"]
