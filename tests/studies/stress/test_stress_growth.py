"""Growth multiplies what it says and nothing else, however a scenario writes its traffic down."""

import pickle
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from stress_cases import API, POOL, case

from sim.errors import PeakfleetError
from sim.model.arrivals import RateCurve
from sim.model.distributions import Constant
from sim.model.generated import GeneratedSource
from sim.model.lengths import Lengths
from sim.model.streams import Streams
from sim.model.trace import Trace, TraceSource
from sim.studies.resize import smallest
from sim.studies.stress import Growth, Spike, grow, path_of
from sim.studies.stress.growth import _source, check_growth, grown
from sim.studies.stress.spike import busiest_s, with_spike

FORMS = (
    "requests_per_second: 1.5",
    "requests_per_day: 100k",
    "requests_per_day: {lognormal: {p50: 100k, p95: 180k}}",
    "users: 2000, requests_per_user_per_day: 50",
    "requests_per_second: 1.5, shape: azure-chat-2024, dispersion: {cv: 0.3, timescale: 1h}",
)


@pytest.mark.parametrize("form", FORMS)
def test_volume_multiplies_the_expected_requests_of_every_form(tmp_path: Path, form: str) -> None:
    text = POOL.replace("requests_per_second: 1.5", form)
    scenario = case(tmp_path, text).load()
    values = {each.path: 1.3 * each.distribution.mean() for each in scenario.inputs}
    before = scenario.design(values).workloads[0].source
    after = grow(scenario, Growth(5.0)).design(values).workloads[0].source
    assert isinstance(before, GeneratedSource) and isinstance(after, GeneratedSource)
    hour = after.curve.expected(0.0, 3600.0)
    assert hour == pytest.approx(5.0 * before.curve.expected(0.0, 3600.0), rel=1e-12)
    assert after.prompt == before.prompt


def test_grown_traffic_is_the_same_traffic_closer_together(tmp_path: Path) -> None:
    scenario = case(tmp_path).load()
    before, after = (
        np.concatenate(
            [
                block.arrival_s
                for block in grow(scenario, growth)
                .design({})
                .workloads[0]
                .source.blocks("chat", Streams(3, 0), 0.0, 7200.0)
            ]
        )
        for growth in (Growth(), Growth(4.0))
    )
    n = len(before) // 4
    np.testing.assert_allclose(4.0 * after[:n], before[:n], rtol=1e-9)


def test_trace_grows_at_its_time_of_day() -> None:
    one = np.ones(10, np.int32)
    source = TraceSource(Trace(np.arange(10.0), 100 * one, one), rate_scale=2.0, speed=0.5)
    after = _source(source, Growth(3.0, prompt=1.5))
    assert isinstance(after, TraceSource)
    assert (after.rate_scale, after.speed, after.mode) == (6.0, 0.5, "once")
    assert after.trace.prompt_tokens.tolist() == [150] * 10
    (block,) = after.blocks("chat", Streams(0, 0), 0.0, 100.0)
    assert len(block.arrival_s) == 60
    fewer = _source(source, Growth(0.25))
    assert isinstance(fewer, TraceSource) and fewer.rate_scale == 0.5


def test_spike_is_laid_over_the_busiest_time_of_a_trace(tmp_path: Path) -> None:
    quiet, busy = np.arange(0.0, 7200.0, 10.0), np.arange(3600.0, 4200.0, 0.5)
    times = np.sort(np.concatenate((quiet, busy)))
    one = np.ones(len(times), np.int32)
    design = case(tmp_path).load().design({})
    workload = replace(design.workloads[0], source=TraceSource(Trace(times, one, one)))
    horizon = replace(design.horizon, duration_s=7200.0)
    spiked = with_spike(replace(design, workloads=(workload,), horizon=horizon), Spike(3.0, 600.0))
    ((start_s, end_s),) = spiked.workloads[0].spikes
    assert (start_s, end_s) == (3600.0, 4200.0)
    source = spiked.workloads[0].source
    assert isinstance(source, TraceSource)
    blocks = list(source.blocks("chat", Streams(0, 0), 0.0, 7200.0))
    arrival_s = np.concatenate([block.arrival_s for block in blocks])
    during = (arrival_s >= start_s) & (arrival_s < end_s)
    assert (~during).sum() == len(quiet) - 60
    # Two more copies, shifted by up to 2.5 min: of the burst of 10 min three quarters at least.
    assert 2.5 * (60 + len(busy)) < during.sum() <= 3 * (60 + len(busy))


def test_prompts_grow_with_those_of_following_calls_and_their_limits(tmp_path: Path) -> None:
    text = POOL.replace("slo:", "follow_ups: {calls_per_task: 3, prompt_tokens: 300}\n    slo:")
    source = grow(case(tmp_path, text).load(), Growth(prompt=2.0)).design({}).workloads[0].source
    assert isinstance(source, GeneratedSource) and source.follow_ups is not None
    assert source.prompt.distribution.mean() == pytest.approx(1600.0)
    assert source.prompt.maximum == 16_000
    assert source.follow_ups.prompt.distribution.mean() == pytest.approx(600.0)
    assert source.output.distribution.mean() == pytest.approx(200.0)


def test_misses_retries_users_and_quotas_grow(tmp_path: Path) -> None:
    text = API.replace(
        "slo:",
        "prefix_cache: {hit_rate: 60%}\n    response_cache: {hit_rate: 10%}\n"
        "    client: {timeout: 60s, retries: openai-sdk}\n    slo:",
    )
    design = case(tmp_path, text).load().design({})
    after = grown(design, Growth(10.0, miss=1.5, retry=3.0), quotas=10.0)
    workload = after.workloads[0]
    assert workload.prefix_hit_rate == pytest.approx(0.4)
    assert workload.response_cache is not None and workload.response_cache.hit_rate == 0.0
    assert workload.client.retry.max_retries == 6
    assert workload.economics.active_users == 1000
    assert after.managed[0].quota.requests_per_min == 120
    assert grown(design, Growth()).workloads[0].client == design.workloads[0].client


def test_grown_scenario_survives_a_pickle_and_is_told_from_others(tmp_path: Path) -> None:
    scenario = case(tmp_path).load()
    after = grow(scenario, Growth(2.0), Spike())
    copy = pickle.loads(pickle.dumps(after))
    source, own = (each.design({}).workloads[0].source for each in (copy, after))
    np.testing.assert_array_equal(source.curve.rate_per_s, own.curve.rate_per_s)
    documents = [
        grow(scenario, growth, spike, quotas).document["stress"]
        for growth, spike, quotas in (
            (Growth(2.0), None, 1.0),
            (Growth(2.0), Spike(), 1.0),
            (Growth(2.0), None, 2.0),
            (Growth(2.0, prompt=2.0), None, 1.0),
        )
    ]
    assert all(documents.count(each) == 1 for each in documents)
    assert grow(scenario, Growth()) is scenario


def test_spike_lies_over_the_busiest_time_that_leaves_time_to_recover(tmp_path: Path) -> None:
    shape = [1] * 9 + [5] * 3 + [1] * 9 + [9] * 3
    text = POOL.replace("duration: 2h", "days: 3")
    text = text.replace("requests_per_second: 1.5", f"requests_per_second: 1.5, shape: {shape}")
    design = case(tmp_path, text).load().design({})
    assert busiest_s(design, 86_400.0, 900.0) == 9 * 3600.0  # the evening is too late
    spiked = with_spike(design, Spike(3.0, 900.0))
    (start_s, end_s), curve = spiked.workloads[0].spikes[0], spiked.workloads[0].source.curve
    assert (start_s, end_s) == (9 * 3600.0, 9 * 3600.0 + 900.0)
    assert spiked.horizon.duration_s == 86_400.0
    usual = design.workloads[0].source.curve
    for begin, end, factor in ((start_s, end_s, 3.0), (0.0, start_s, 1.0), (end_s, 86_400.0, 1.0)):
        assert curve.expected(begin, end) == pytest.approx(factor * usual.expected(begin, end))


@pytest.mark.parametrize(
    ("lists", "expected"),
    [
        ({}, ["1x", "2x", "5x", "10x"]),
        ({"volume": [30.0]}, ["1x", "2x", "5x", "10x", "20x", "30x"]),
        ({"volume": [3.0, 7.0]}, ["1x", "3x", "7x"]),
        ({"prompt": [1.0, 2.0]}, ["1x", "prompts 2x"]),
        ({"retry": [3.0]}, ["1x", "retries 3x"]),
        ({"volume": [1.0, 4.0], "miss": [1.0, 2.0]}, ["1x", "4x, misses 2x"]),
    ],
)
def test_steps_begin_with_the_scenario_itself(
    lists: dict[str, list[float]], expected: list[str]
) -> None:
    assert [str(step) for step in path_of(**lists)] == expected


@pytest.mark.parametrize(
    ("lists", "message"),
    [
        ({"volume": [0.0]}, r"volume growth \(0\) must be a factor above 0"),
        ({"volume": [float("nan")]}, "must be a factor above 0"),
        ({"volume": [5.0, 2.0]}, r"volume growth \(5,2\) must not decrease"),
        ({"volume": [1.0, 2.0, 4.0], "prompt": [1.0, 2.0]}, r"prompt growth \(2 factors\)"),
    ],
)
def test_wrong_growth_is_refused(lists: dict[str, list[float]], message: str) -> None:
    with pytest.raises(PeakfleetError, match=message):
        path_of(**lists)


@pytest.mark.parametrize(
    ("kind", "word"), [("miss", "needs a cache"), ("retry", "clients that retry")]
)
def test_growth_of_what_is_not_there_is_refused(tmp_path: Path, kind: str, word: str) -> None:
    design = case(tmp_path).load().design({})
    with pytest.raises(PeakfleetError, match=word):
        check_growth(design, [Growth(**{kind: 2.0})])


@given(answer=st.integers(1, 400), start=st.integers(1, 500), least=st.integers(1, 3))
def test_smallest_finds_the_threshold_in_few_looks(answer: int, start: int, least: int) -> None:
    looks: list[int] = []

    def holds(n: int) -> bool:
        looks.append(n)
        return n >= answer

    found = smallest(holds, start, most=300, least=least)
    assert found == (max(answer, least) if answer <= 300 else None)
    assert len(set(looks)) == len(looks)
    assert len(looks) <= 2 * np.log2(abs(start - answer) + 2) + 4


def test_curve_without_requests_grows_to_one_without_requests() -> None:
    source = GeneratedSource(
        RateCurve.constant(0.0, -10.0, 10.0), Lengths(Constant(5.0)), Lengths(Constant(5.0))
    )
    after = _source(source, Growth(10.0))
    assert isinstance(after, GeneratedSource) and after.curve.expected(0.0, 10.0) == 0.0
