"""More misses of caches whose hit rate emerges: fewer tokens found, more work, the same traffic."""

from pathlib import Path

import numpy as np
import pytest
from stress_cases import API, POOL, case

from sim.errors import PeakfleetError
from sim.model.streams import Streams
from sim.model.trace import Trace, TraceSource
from sim.model.workload import Prefixes
from sim.studies.bench import bench
from sim.studies.stress import Growth, grow, stress
from sim.studies.stress.growth import check_growth
from sim.studies.stress.unshared import kept_as_they_are, share_of, unshared

TASKS = POOL.replace(
    "slo:",
    "follow_ups: {calls_per_task: 6, think_time: 3s, prompt_tokens: 300}\n    slo:",
)
CACHED = ("backends.large.prefix_cache={}", "workloads.chat.arrivals.requests_per_second=0.1")
MISSES = (1.0, 1.5, 2.0, 4.0)


def test_misses_multiply_and_work_and_latency_grow(tmp_path: Path) -> None:
    """One replica with ample memory finds again what tasks have said, and nothing else.

    So 1 - hits grows as asked, but for which tasks are chosen: some 700 in all.
    """
    scenario = case(tmp_path, TASKS, *CACHED).load()
    metrics = ("cache_hit_rate", "utilisation", "ttft_mean_s", "cost_usd", "tasks")
    with bench(1) as place:
        today = place.run(scenario, 2).sample
        hits = {"chat": float(np.median(today.values("workloads.chat.cache_hit_rate")))}
        samples = [
            place.run(grow(scenario, Growth(miss=miss), hits=hits), 2).sample for miss in MISSES
        ]
    rows = np.array([[sample.values(name).mean() for name in metrics] for sample in samples])
    found, busy, wait_s, cost_usd, tasks = rows.T
    assert 0.5 < found[0] < 0.95
    expected = np.maximum(1.0 - np.array(MISSES) * (1.0 - hits["chat"]), 0.0)
    np.testing.assert_allclose(found, expected, atol=0.04)
    assert (np.diff(found) < 0).all()
    assert (np.diff(busy) > 0).all() and (np.diff(wait_s) > 0).all()
    assert (np.diff(cost_usd) >= 0).all()
    assert len(set(tasks)) == 1


def test_cost_of_an_autoscaled_fleet_does_not_fall_with_misses(tmp_path: Path) -> None:
    scaled = (
        "backends.large.replicas={min: 1, max: 9}",
        "backends.large.autoscaler={preset: hpa, target_concurrency: 2}",
        "backends.large.cold_start=30s",
        "workloads.chat.arrivals.requests_per_second=0.5",
        "backends.large.router=session",
        "backends.large.prefix_cache={}",
        "workloads.chat.prompt_tokens=6000",
    )
    scenario = case(tmp_path, TASKS, *scaled).load()
    with bench(1) as place:
        costs = [
            place.run(grow(scenario, Growth(miss=miss), hits={"chat": 0.8}), 2)
            .sample.values("cost_usd")
            .mean()
            for miss in (1.0, 3.0, 5.0)
        ]
    assert costs == sorted(costs) and costs[0] < costs[-1]


def test_study_measures_what_is_found_today_and_says_so(tmp_path: Path) -> None:
    with bench(1) as place:
        answer = stress(
            case(tmp_path, TASKS, *CACHED, "horizon.duration=30min"),
            place,
            [Growth(), Growth(miss=3.0)],
            worlds=2,
            spike=None,
            enclose=False,
        )
    note = next(each for each in answer.notes if each.startswith("misses:"))
    assert "of the prompts of chat" in note and "% of the tokens are found today" in note
    hits = [each.result.sample.values("cache_hit_rate").mean() for each in answer.of("fixed")]
    assert hits[1] < hits[0] - 0.2


def trace(n: int = 400, blocks: int = 3) -> TraceSource:
    """Prompts that all begin with the same blocks."""
    tokens = np.full(n, 100, np.int32)
    names = np.tile(np.arange(blocks), n)
    prefixes = Prefixes(np.full(n, blocks, np.int32), names)
    return TraceSource(
        Trace(np.arange(float(n)), tokens, tokens, prefixes=prefixes, block_tokens=16)
    )


def test_share_of_a_trace_has_blocks_of_its_own_and_a_larger_one_holds_it() -> None:
    source = trace()
    chosen = []
    for share in (0.2, 0.6, 1.0):
        (block,) = unshared(source, share).blocks("chat", Streams(5, 0), 0.0, 1e9)
        (before,) = source.blocks("chat", Streams(5, 0), 0.0, 1e9)
        np.testing.assert_array_equal(block.arrival_s, before.arrival_s)
        assert block.prefixes is not None
        names = block.prefixes.name.reshape(-1, 3)
        own = names[:, 0] >= 3
        assert ((names >= 3) == own[:, None]).all()
        assert len(np.unique(names[own])) == 3 * own.sum()
        assert own.mean() == pytest.approx(share, abs=0.06)
        chosen.append(own)
    assert (chosen[0] <= chosen[1]).all() and (chosen[1] <= chosen[2]).all()
    assert unshared(source, 0.0) is source


def test_share_to_unshare_makes_misses_as_many_as_asked() -> None:
    for hits in (0.2, 0.5, 0.9):
        for miss in (1.0, 1.3, 2.0, 8.0):
            after = 1.0 - hits * (1.0 - share_of(hits, miss))
            assert after == pytest.approx(min(miss * (1.0 - hits), 1.0))


def test_fewer_misses_cannot_be_had_where_they_emerge(tmp_path: Path) -> None:
    design = case(tmp_path, TASKS, *CACHED).load().design({})
    check_growth(design, [Growth(), Growth(miss=2.0)])
    with pytest.raises(PeakfleetError, match=r"cannot be below 1 .* prefix_cache\.capacity"):
        check_growth(design, [Growth(miss=0.5)])


def test_caching_of_an_api_is_left_alone_and_that_is_said(tmp_path: Path) -> None:
    text = API.replace("slo:", "follow_ups: {calls_per_task: 3}\n    slo:")
    design = case(tmp_path, text, "backends.api.prompt_caching={}").load().design({})
    with pytest.raises(PeakfleetError, match="needs a cache"):
        check_growth(design, [Growth(miss=2.0)])
    assert "what api finds by prompt_caching is as before" in kept_as_they_are(design)[0]
