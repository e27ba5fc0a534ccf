"""What a lone request takes, against arithmetic, and what is said where replicas do not help."""

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from size_cases import SHORT, chat, engine, queue

from sim.catalog import profile
from sim.studies.bench import bench
from sim.studies.size import Question
from sim.studies.size.board import Board
from sim.studies.size.evidence import Rule, Verdict
from sim.studies.size.fleet import kinds, pool_named
from sim.studies.size.lone import lone, lone_of, ruled_out
from sim.studies.size.search import find


def test_a_lone_first_token_is_the_passage_and_the_prefill_of_the_longest_that_count(tmp_path):
    case = queue(tmp_path, {"requests_per_second": 1}, {"ttft_p90": 1.0}, SHORT)
    engine(tmp_path, prefill_us_per_token=500.0, overhead_ms=20.0)
    case = case.but("workloads.calls.prompt_tokens={uniform: {low: 0, high: 1000}}")
    (kind,) = kinds(case, "pool")
    found = lone_of(kind, Question())
    assert found is not None and found.of == "prompt"
    # The 90th of 100 has 900 tokens of half a millisecond, and one step of one.
    assert (found.tokens, found.seconds) == (900, pytest.approx(0.020 + 0.45 + 0.001))
    asked = lone_of(kind, Question(attainment=0.5))
    assert asked is not None and asked.tokens == 500
    # Half of each prompt lies in the cache.
    cached = lone_of(replace(kind, case=case.but("workloads.calls.prefix_cache={hit_rate: 50%}")),
                     Question())  # fmt: skip
    assert cached is not None and cached.seconds == pytest.approx(0.020 + 0.225 + 0.001)


def test_a_lone_request_is_as_fast_as_the_simulated_one(tmp_path):
    case = chat(tmp_path).but(
        "workloads.search=null",
        "workloads.chat.arrivals.requests_per_second=0.05",
        "workloads.chat.prompt_tokens=3000",
        "workloads.chat.output_tokens=300",
        "backends.pool.throughput_factor=1",
        "horizon.duration=20min",
    )
    (kind,) = kinds(case, "pool")
    found = lone_of(kind, Question())
    assert found is not None
    with bench(1) as ready:
        values = ready.values(kind.scenario(1), "ttft_p50_s", 2)
    # Coefficients are drawn in each world; the percentile is that of a bin of a histogram.
    assert values == pytest.approx(np.full(2, found.seconds), rel=0.25)


def test_another_degree_is_named_where_it_leaves_room_and_none_where_there_is_room(tmp_path):
    service = "backends.pool.service=computed/llama-3.3-70b/l40s/tp2/fp8"
    case = chat(tmp_path).but(service, "workloads.search=null", "workloads.chat.prompt_tokens=3000")
    tight = case.but("workloads.chat.slo={ttft_p95: 0.9s}")
    text = ruled_out(kinds(tight, "pool"), Question())
    design = tight.load().typical_design()
    times = {}
    for count in (2, 4, 8):
        there = lone(design, profile(f"computed/llama-3.3-70b/l40s/tp{count}/fp8"), "pool",
                     Question())  # fmt: skip
        assert there is not None
        times[count] = there.seconds
    assert times[2] > 0.9 > times[4] > 0.7 * 0.9 > times[8], times
    assert text.startswith("on computed/llama-3.3-70b/l40s/tp2/fp8 a lone request of chat")
    assert f"already takes {times[2]:.1f} s to its first token (SLO 900 ms); " in text
    assert text.endswith("(--service computed/llama-3.3-70b/l40s/tp8/fp8)")
    assert pool_named(design, None).profile.gpus_per_replica == 2
    assert ruled_out(kinds(case.but("workloads.chat.slo={ttft_p95: 5s}"), "pool"), Question()) == ""


# -- counts that further replicas do not help


class Plateau(Board):
    """A board of which some worlds miss the SLO whatever the fleet, and others up to ten."""

    def __init__(self, rule: Rule, never: set[int]) -> None:
        kind = SimpleNamespace(counted="replicas", words=str)
        told = SimpleNamespace(told=lambda _: None)
        super().__init__(kind, SimpleNamespace(probability=rule.asked), rule, told, seed=0)
        self.never, self.most, self.simulated = never, 10_000, 0
        self._peak = np.full(rule.looks[-1], 8.0)
        self._mean = np.full(rule.looks[-1], 4.0)

    def measure(self, count, worlds):
        """Nothing to be simulated."""

    def probed(self, count, worlds):
        """All but those that never keep it do from ten replicas on."""
        self.simulated += len(worlds)
        return np.array([count >= 10 and world not in self.never for world in worlds])

    def judged(self, count, worlds):
        """Those of the first worlds."""
        before = len(self._kept.get(count, ()))
        kept = self.probed(count, list(range(worlds)))
        self.simulated -= before
        return kept, 0.0


def test_where_no_replica_helps_each_further_count_takes_a_few_worlds():
    rule = Rule.of(0.95, 0.05, 200)
    board = Plateau(rule, {14, 31, 60, 99, 130, 160, 180, 190, 195})
    found = find(board, 4)
    assert found.sure is None and found.estimate == 10
    assert found.open[0] == 10 and found.open[-1] == found.most
    # More than a first look is taken of ten replicas, their neighbours and the most there may be.
    assert board.simulated <= 3 * 200
    counts = [n for n, tally in found.tallies.items() if 11 < n < found.most and tally.worlds > 12]
    assert counts == []
    # With a world less that never keeps it than the looks allow, ten are named.
    few = Plateau(rule, {14, 31, 60})
    assert find(few, 4).sure == 10
    assert few.exhaust(10).verdict is Verdict.KEEPS
