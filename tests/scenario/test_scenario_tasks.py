"""The keys of tasks, caches, hedges and limits: what they compile to, and what is refused."""

import json
import math
import pickle
from dataclasses import replace

import numpy as np
import pytest
from scenario_documents import MINIMAL, SERVICE, TASKS, written

from sim.catalog import profile
from sim.errors import ScenarioError
from sim.model.cache import PrefixCache, ResponseCache
from sim.model.client import RETRIES, Client, Hedge
from sim.model.distributions import Choice, Constant, Exponential, LogNormal
from sim.model.generated import GeneratedSource
from sim.model.lengths import Lengths
from sim.model.streams import Streams
from sim.model.tasks import MOST_CALLS, FollowUps
from sim.model.trace import TraceSource
from sim.scenario import load_scenario

CHAT = "workloads.chat"
LARGE = "backends.large"
FOLLOW_UPS = f"{CHAT}.follow_ups"
AGENT = "workloads.agent.follow_ups"
KV_TOKENS = profile(SERVICE).kv_capacity_tokens


@pytest.fixture
def minimal(tmp_path):
    return written(tmp_path, MINIMAL)


@pytest.fixture
def tasks(tmp_path):
    return written(tmp_path, TASKS)


def at_level(scenario, level):
    u = np.array([level])
    return {one.path: float(one.distribution.ppf(u)[0]) for one in scenario.inputs}


def design_of(path, *overrides, level=0.5):
    scenario = load_scenario(path, overrides)
    return scenario.design(at_level(scenario, level))


def workload_of(path, *overrides):
    return design_of(path, *overrides).workloads[0]


def problems(path, *overrides):
    """What is wrong, without the names of the overrides."""
    with pytest.raises(ScenarioError) as caught:
        load_scenario(path, overrides)
    return [str(replace(p, file="", line=None))[2:] for p in caught.value.problems]


# ---------------------------------------------------------------- what the keys come to


def test_without_keys_there_are_no_tasks_and_nothing_is_cached(minimal):
    design = design_of(minimal)
    (workload,) = design.workloads
    assert workload.source.follow_ups is None
    assert (workload.max_concurrency, workload.carry) == (math.inf, 1.0)
    assert (workload.prefix_hit_rate, workload.response_cache) == (0.0, None)
    assert workload.client.hedge is None
    assert design.pools[0].prefix_cache is None


def test_every_key_of_tasks_caches_and_limits_reaches_the_design(tasks):
    scenario = load_scenario(tasks)
    values = at_level(scenario, 0.5)
    design = scenario.design(values)
    agent, chat = design.workloads
    calls = agent.source.follow_ups
    mean = values[f"{AGENT}.calls_per_task.lognormal.mean"]
    assert mean == pytest.approx(math.sqrt(4 * 8))
    assert calls.calls.mean() == pytest.approx(mean, rel=1e-3)
    assert calls.think_s == Exponential(values[f"{AGENT}.think_time.exponential.mean"])
    assert calls.prompt == Lengths(LogNormal.from_mean_p95(600, 1500), 1, 4000)
    assert calls.output == Lengths(Exponential(150.0))
    assert calls.width == Choice((1.0, 3.0))
    assert (agent.carry, chat.carry) == (1.0, pytest.approx(0.6))
    assert agent.client == Client(
        ttft_timeout_s=20.0, retry=RETRIES["openai-sdk"], hedge=Hedge(pytest.approx(3.0))
    )
    assert agent.max_concurrency == 100
    assert chat.source.follow_ups == FollowUps(
        Choice((3.0, 4.0), (0.5, 0.5)), Lengths(Constant(1000.0)), Lengths(Constant(200.0))
    )
    assert chat.prefix_hit_rate == pytest.approx(0.5, abs=0.01)
    assert chat.response_cache == ResponseCache(0.08, pytest.approx(math.sqrt(0.02 * 0.09)))
    cached, plain = design.pools
    assert (cached.router, plain.router) == ("prefix", "session")
    assert cached.prefix_cache == PrefixCache(64, 2_000_000)
    assert plain.prefix_cache is None


def test_inputs_of_tasks_and_caches_are_named_by_their_paths(tasks):
    paths = {one.path for one in load_scenario(tasks).inputs}
    assert {path for path in paths if "service.error_" not in path} == {
        f"{AGENT}.calls_per_task.lognormal.mean",
        f"{AGENT}.think_time.exponential.mean",
        "workloads.agent.client.hedge",
        "workloads.agent.max_concurrency",
        f"{FOLLOW_UPS}.carry",
        f"{CHAT}.prefix_cache.hit_rate",
        f"{CHAT}.response_cache.latency",
        "backends.cached.prefix_cache.capacity",
        "backends.cached.throughput_factor",
        "backends.plain.throughput_factor",
    }


@pytest.mark.parametrize("level", [0.01, 0.5, 0.99])
def test_resolved_tasks_and_caches_give_the_same_designs(tmp_path, tasks, level):
    scenario = load_scenario(tasks)
    again = load_scenario(written(tmp_path, scenario.to_yaml(), "again.yaml"))
    assert again.document == scenario.document
    assert again.inputs == scenario.inputs
    values = at_level(scenario, level)
    one, other = again.design(values), pickle.loads(pickle.dumps(scenario)).design(values)
    assert one.pools == other.pools
    for first, second in zip(one.workloads, other.workloads, strict=True):
        assert replace(first, source=None) == replace(second, source=None)
        assert first.source.follow_ups == second.source.follow_ups
        assert first.source.prompt == second.source.prompt


def test_defaults_of_tasks_and_caches_stand_in_the_resolved_document(minimal):
    overrides = [f"{FOLLOW_UPS}.calls_per_task=3.5", f"{LARGE}.prefix_cache={{}}"]
    overrides += [f"{CHAT}.response_cache.hit_rate=8%"]
    document = load_scenario(minimal, overrides).document
    chat, large = document["workloads"]["chat"], document["backends"]["large"]
    assert chat["follow_ups"] == {
        "calls_per_task": 3.5, "think_time": 0, "parallel": 1, "carry": 1
    }  # fmt: skip
    assert chat["response_cache"] == {"hit_rate": 0.08, "latency": 0.05}
    assert large["prefix_cache"] == {"block_tokens": 128}  # in the KV cache


@pytest.mark.parametrize(
    ("calls", "expected"),
    [
        ("1", Constant(1.0)),
        ("4", Constant(4.0)),
        ("3.25", Choice((3.0, 4.0), (0.75, 0.25))),
        ("{choice: {values: [2, 9], weights: [3, 1]}}", Choice((2.0, 9.0), (3.0, 1.0))),
        ("{exponential: {mean: 5}}", None),
    ],
)
def test_calls_are_a_number_a_mean_or_a_distribution(minimal, calls, expected):
    law = workload_of(minimal, f"{FOLLOW_UPS}.calls_per_task={calls}").source.follow_ups.calls
    if expected is not None:
        assert law == expected
    else:
        assert law.mean() == pytest.approx(5.0)
        assert 0 < law.ppf(np.array([0.0]))[0] < law.ppf(np.array([1.0]))[0] <= MOST_CALLS


def test_a_mean_of_parallel_calls_is_kept_too(minimal):
    overrides = [f"{FOLLOW_UPS}={{calls_per_task: 9, parallel: 1.5}}"]
    calls = workload_of(minimal, *overrides).source.follow_ups
    assert calls.width == Choice((1.0, 2.0), (0.5, 0.5))


def test_following_calls_are_as_long_as_the_first_unless_told_otherwise(minimal):
    lengths = "{lognormal: {mean: {p5: 300, p95: 900}, cv: 1}, max: 5k}"
    overrides = [f"{CHAT}.prompt_tokens={lengths}", f"{FOLLOW_UPS}.calls_per_task=2"]
    scenario = load_scenario(minimal, overrides)
    assert [one.path for one in scenario.inputs if "prompt" in one.path] == [
        f"{CHAT}.prompt_tokens.lognormal.mean"
    ]
    for level in (0.1, 0.9):
        source = scenario.design(at_level(scenario, level)).workloads[0].source
        assert source.follow_ups.prompt == source.prompt
        assert source.follow_ups.output == source.output == Lengths(Constant(200.0))
    given = workload_of(minimal, *overrides, f"{FOLLOW_UPS}.prompt_tokens=70").source
    assert given.follow_ups.prompt == Lengths(Constant(70.0))


def test_tasks_of_a_scenario_are_drawn(minimal):
    calls = "{calls_per_task: 4, think_time: 5s, parallel: 2, prompt_tokens: 50}"
    source = workload_of(minimal, f"{FOLLOW_UPS}={calls}").source
    assert isinstance(source, GeneratedSource)
    block = next(source.blocks("chat", Streams(0, 0), 0.0, 60.0))
    assert (block.chains.count == 3).all()
    assert block.chains.stage[:3].tolist() == [1, 1, 2]
    assert block.chains.think_s[0] == 5
    assert set(block.chains.prompt_tokens) == {50}
    assert set(block.chains.output_tokens) == {200}


def test_a_hedge_alone_gives_on_timeout_a_meaning(minimal):
    overrides = [f"{CHAT}.client={{hedge: 2s, on_timeout: server_works_on}}"]
    client = workload_of(minimal, *overrides).client
    assert client == Client(server_stops=False, hedge=Hedge(2.0))
    assert workload_of(minimal, f"{CHAT}.client.hedge=2s").client == Client(hedge=Hedge(2.0))


# ---------------------------------------------------------------- traces

MOONCAKE = "\n".join(
    json.dumps({"timestamp": t, "input_length": 1500, "output_length": 9, "hash_ids": [0, t]})
    for t in (1000, 2000, 5000)
)
REPLAY = MINIMAL.replace("{requests_per_day: 100k}", "{trace: {file: log.jsonl}}").replace(
    "    prompt_tokens: 1000\n    output_tokens: 200\n", ""
)
TRACE = f"{CHAT}.arrivals.trace"


@pytest.fixture
def replay(tmp_path):
    written(tmp_path, MOONCAKE, "log.jsonl")
    rows = "".join(f'{{"t": {t}, "in": 99, "out": 5, "ids": [{t}], "u": "a"}}\n' for t in range(3))
    written(tmp_path, rows, "other.jsonl")
    return written(tmp_path, REPLAY)


OTHER = [
    f"{TRACE}={{file: other.jsonl, format: columns}}",
    f"{TRACE}.columns={{timestamp: t, prompt_tokens: in, output_tokens: out, session: u,"
    " blocks: ids, block_tokens: 32}",
]


def test_a_cache_has_the_blocks_of_the_trace_that_names_them(replay):
    overrides = [f"{LARGE}.prefix_cache={{}}", f"{LARGE}.router=prefix"]
    scenario = load_scenario(replay, overrides)
    design = scenario.design(at_level(scenario, 0.5))
    assert design.pools[0].prefix_cache == PrefixCache(512, KV_TOKENS, shares=True)
    source = design.workloads[0].source
    assert isinstance(source, TraceSource)
    (block,) = source.blocks("chat", Streams(0, 0), 0.0, 60.0)
    assert block.prefixes.name.tolist() == [0, 1, 0, 2, 0, 3]
    given = [f"{LARGE}.prefix_cache={{block_tokens: 512, capacity: 5120}}"]
    assert design_of(replay, *given).pools[0].prefix_cache == PrefixCache(512, 5120)


def test_sessions_and_blocks_come_from_the_columns_that_are_named(tmp_path, replay):
    router = [f"{LARGE}.router=session", f"{LARGE}.prefix_cache={{}}"]
    scenario = load_scenario(replay, [*OTHER, *router])
    assert scenario.traces["chat"].session.tolist() == [0, 0, 0]
    assert scenario.traces["chat"].block_tokens == 32
    again = load_scenario(written(tmp_path, scenario.to_yaml(), "again.yaml"))
    assert again.document == scenario.document
    assert again.design(at_level(again, 0.5)).pools[0].prefix_cache.block_tokens == 32


def test_a_hit_rate_stands_for_a_cache_that_is_not_simulated(replay):
    design = design_of(replay, f"{CHAT}.prefix_cache.hit_rate=40%")
    assert design.workloads[0].prefix_hit_rate == 0.4
    assert design.pools[0].prefix_cache is None


# ---------------------------------------------------------------- what cannot be


@pytest.mark.parametrize(
    ("overrides", "expected"),
    [
        (
            [f"{FOLLOW_UPS}=3.5"],
            f"{FOLLOW_UPS}: 3.5 must be a mapping (keys: calls_per_task, think_time, "
            "prompt_tokens, output_tokens, parallel, carry)",
        ),
        ([f"{FOLLOW_UPS}.think_time=3s"], f"{FOLLOW_UPS}.calls_per_task: is missing"),
        (
            [f"{FOLLOW_UPS}.calls_per_task=0.5"],
            f"{FOLLOW_UPS}.calls_per_task: 0.5 must be at least 1",
        ),
        (
            [f"{FOLLOW_UPS}.calls_per_task=2k"],
            f"{FOLLOW_UPS}.calls_per_task: '2k' must be at most 1000",
        ),
        (
            [f"{FOLLOW_UPS}.calls_per_task={{normal: {{mean: 3, sd: 3}}}}"],
            f"{FOLLOW_UPS}.calls_per_task: its p0.1 (-6.271) must be greater than 0 "
            "(use lognormal, whose values are always above 0)",
        ),
        (
            [f"{FOLLOW_UPS}={{calls_per_task: 3, parallel: 0}}"],
            f"{FOLLOW_UPS}.parallel: 0 must be at least 1",
        ),
        (
            [f"{FOLLOW_UPS}={{calls_per_task: 3, think_time: 5 turns}}"],
            f"{FOLLOW_UPS}.think_time: '5 turns' must be a duration such as 90s, 15min, 2h or 7d; "
            "'turns' is none of us, µs, ms, s, min, h, d, w",
        ),
        (
            [f"{FOLLOW_UPS}={{calls_per_task: 3, carry: 120%}}"],
            f"{FOLLOW_UPS}.carry: '120%' must be at most 1",
        ),
        (
            [f"{FOLLOW_UPS}={{calls_per_task: 3, thinktime: 3s}}"],
            f"{FOLLOW_UPS}.thinktime: unknown key (did you mean 'think_time'?)",
        ),
        (
            [f"{CHAT}.prefix_cache.hit_rate=1.2"],
            f"{CHAT}.prefix_cache.hit_rate: 1.2 must be at most 1",
        ),
        ([f"{CHAT}.prefix_cache={{}}"], f"{CHAT}.prefix_cache.hit_rate: is missing"),
        (
            [f"{CHAT}.prefix_cache={{capacity: 1M, hit_rate: 0.2}}"],
            f"{CHAT}.prefix_cache.capacity: unknown key (one of hit_rate)",
        ),
        (
            [f"{CHAT}.response_cache={{hit_rate: 8%, latency: -1s}}"],
            f"{CHAT}.response_cache.latency: '-1s' must be at least 0",
        ),
        ([f"{CHAT}.max_concurrency=0"], f"{CHAT}.max_concurrency: 0 must be at least 1"),
        (
            [f"{CHAT}.max_concurrency=2.5"],
            f"{CHAT}.max_concurrency: 2.5 must be a whole number",
        ),
        ([f"{CHAT}.client.hedge=0s"], f"{CHAT}.client.hedge: '0s' must be greater than 0"),
        (
            [f"{CHAT}.client={{hedge: 5s, first_token_timeout: 5s, timeout: 4min}}"],
            f"{CHAT}.client.hedge: must be shorter than first_token_timeout, or none is ever sent "
            "(see first_token_timeout)",
        ),
        (
            [f"{CHAT}.client={{hedge: {{uniform: {{low: 1s, high: 9s}}}}, timeout: 8s}}"],
            f"{CHAT}.client.hedge: must be shorter than timeout, or none is ever sent "
            "(see timeout)",
        ),
        (
            [f"{CHAT}.client={{hedge: 5s, patience: 4s}}"],
            f"{CHAT}.client.hedge: must be shorter than patience, or none is ever sent "
            "(see patience)",
        ),
        (
            [f"{LARGE}.prefix_cache={{block_tokens: 16.5}}"],
            f"{LARGE}.prefix_cache.block_tokens: 16.5 must be a whole number",
        ),
        (
            [f"{FOLLOW_UPS}.calls_per_task=3", f"{LARGE}.prefix_cache={{block_tokens: 100}}"],
            f"{LARGE}.prefix_cache.block_tokens: 100 must be a multiple of 16, the tokens of a "
            f"block of the KV cache (or give a capacity, such as capacity: {KV_TOKENS})",
        ),
        (
            [f"{LARGE}.prefix_cache={{block_tokens: 512, capacity: 500}}"],
            f"{LARGE}.prefix_cache.capacity: 500 must be at least block_tokens (512), or nothing"
            " is ever kept",
        ),
        (
            [f"{LARGE}.router=prefix", f"{FOLLOW_UPS}.calls_per_task=3"],
            f"{LARGE}.router: prefix has no meaning where nothing is cached "
            "(add prefix_cache: {})",
        ),
        (
            [f"{LARGE}.router=prefix", f"{LARGE}.prefix_cache={{}}"],
            f"{LARGE}.router: prefix has no meaning, as no prompt that it routes has blocks with "
            "names (add follow_ups that carry 100% to a workload, or blocks to the columns of its "
            "trace)",
        ),
        (
            [f"{LARGE}.router=prefix", f"{LARGE}.prefix_cache={{}}",
             f"{FOLLOW_UPS}={{calls_per_task: 3, carry: 90%}}"],
            f"{LARGE}.router: prefix has no meaning, as no prompt that it routes has blocks with "
            "names (add follow_ups that carry 100% to a workload, or blocks to the columns of its "
            "trace)",
        ),
        (
            [f"{LARGE}.router=session"],
            f"{LARGE}.router: session has no meaning, as no request that it routes belongs to a "
            "session (add follow_ups to a workload, or session to the columns of its trace)",
        ),
        (
            [f"{LARGE}.prefix_cache={{}}", f"{CHAT}.prefix_cache.hit_rate=40%",
             f"{FOLLOW_UPS}.calls_per_task=3"],
            f"{CHAT}.prefix_cache.hit_rate: goes beside the prefix_cache of backend 'large', where "
            "the blocks of its prompts hit or miss (remove one)",
        ),
    ],
)  # fmt: skip
def test_what_tasks_and_caches_cannot_mean_is_told(minimal, overrides, expected):
    assert problems(minimal, *overrides) == [expected]


@pytest.mark.parametrize(
    ("overrides", "expected"),
    [
        (
            [f"{FOLLOW_UPS}.calls_per_task=3"],
            f"{FOLLOW_UPS}: has no meaning for a replayed trace (remove it)",
        ),
        (
            [f"{LARGE}.prefix_cache.block_tokens=16"],
            f"{LARGE}.prefix_cache.block_tokens: 16 must be 512, the tokens of a block in the "
            "trace of 'chat' (remove it)",
        ),
        (
            [f"{LARGE}.prefix_cache={{}}", f"{CHAT}.prefix_cache.hit_rate=40%"],
            f"{CHAT}.prefix_cache.hit_rate: goes beside the prefix_cache of backend 'large', where "
            "the blocks of its prompts hit or miss (remove one)",
        ),
        (
            [f"{LARGE}.router=session"],
            f"{LARGE}.router: session has no meaning, as no request that it routes belongs to a "
            "session (add follow_ups to a workload, or session to the columns of its trace)",
        ),
        (
            [OTHER[0], OTHER[1].replace(" blocks: ids,", "")],
            f"{TRACE}.columns.block_tokens: has no blocks beside it (add blocks, such as blocks: "
            "hash_ids)",
        ),
        (
            [OTHER[0], OTHER[1].replace("session: u", "session: t")],
            f"{TRACE}.columns: columns (t, in, out, t, ids) must be different",
        ),
    ],
)
def test_what_a_replayed_trace_cannot_mean_is_told(replay, overrides, expected):
    assert problems(replay, *overrides) == [expected]


def test_traces_of_different_blocks_do_not_share_a_cache(tmp_path, replay):
    columns = OTHER[1].partition("columns=")[2]
    second = (
        "  other:\n    arrivals:\n      trace: {file: other.jsonl, format: columns, "
        f"columns: {columns}}}\n    route: large\nbackends:"
    )
    text = REPLAY.replace("log.jsonl}}", "log.jsonl}}\n    route: large")
    path = written(tmp_path, text.replace("backends:", second, 1), "two.yaml")
    assert load_scenario(path).traces.keys() == {"chat", "other"}
    assert problems(path, f"{LARGE}.prefix_cache={{}}") == [
        f"{LARGE}.prefix_cache.block_tokens: 512 must be 32, the tokens of a block in the trace of "
        "'other' (route it to a backend of its own)"
    ]


# ---------------------------------------------------------------- advice


@pytest.mark.parametrize(
    ("overrides", "warnings"),
    [
        (
            [f"{FOLLOW_UPS}.calls_per_task=3"],
            [f"{FOLLOW_UPS}: each call brings as many new tokens as the first prompt has, besides "
             "what it carries over; give prompt_tokens"],
        ),
        ([f"{FOLLOW_UPS}={{calls_per_task: 3, carry: 0}}"], []),
        ([f"{FOLLOW_UPS}={{calls_per_task: 3, prompt_tokens: 50}}"], []),
        ([f"{FOLLOW_UPS}={{calls_per_task: 400, carry: 0}}"], []),
        (
            [f"{FOLLOW_UPS}={{calls_per_task: 400, prompt_tokens: 300}}"],
            [f"{FOLLOW_UPS}: the last prompt of an average task (200500 tokens) is longer than the "
             "131071 tokens that backend 'large' takes; such tasks will fail"],
        ),
        (
            [f"{LARGE}.prefix_cache={{}}", f"{CHAT}.prefix_cache.hit_rate=40%"],
            [f"{LARGE}.prefix_cache: makes no difference, as no prompt has blocks with names; add "
             "follow_ups that carry 100% to a workload, or blocks to the columns of its trace"],
        ),
        ([f"{LARGE}.gateway.retry_after=5s", f"{CHAT}.max_concurrency=40"], []),
    ],
)  # fmt: skip
def test_what_may_not_be_meant_of_tasks_and_caches_is_warned_of(minimal, overrides, warnings):
    assert list(load_scenario(minimal, overrides).warnings) == warnings
