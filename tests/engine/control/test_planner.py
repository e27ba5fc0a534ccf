"""Dynamo's planner against its formulas, written here once more, and on the real data plane."""

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

import numpy as np
import pytest
from fleets import pool, profile

from sim.engine.simulation import simulate
from sim.errors import PeakfleetError
from sim.model.autoscaler import Planner
from sim.model.design import Design, Horizon
from sim.model.distributions import Constant
from sim.model.gateway import Gateway
from sim.model.lifecycle import ColdStart, Lifecycle
from sim.model.planning import Counts, Kalman, PlannerRule
from sim.model.profile import ServiceProfile
from sim.model.streams import Streams
from sim.model.workload import RequestBlock, Slo, Workload

ENGINE = profile(
    batch=(0, 64),
    step_base_s=(0.01, 0.04),
    step_s_per_kv_token=(1e-7, 1e-7),
    prefill_s_per_request=0.002,
    prefill_s_per_token=5e-5,
    max_num_seqs=64,
    kv_capacity_tokens=100_000,
)
INTERVAL_S = 60.0


def counts(requests: float, isl: float, osl: float, ttft_s: float, itl_s: float) -> Counts:
    """Of a pool in which all requests of the first interval are answered."""
    tokens = requests * isl, requests * osl, requests, requests
    return Counts(requests, *tokens, requests * ttft_s, requests * itl_s * (osl - 1))


NOTHING = Counts(*[0.0] * len(Counts._fields))


def planned(policy: Planner, seen: Counts, current: int = 1, ready: int = 1) -> int:
    return PlannerRule(policy, ENGINE, NOTHING).replicas(seen, current, ready)


def by_hand(
    engine: ServiceProfile, seen: Counts, ready: int, ttft: bool, itl_s: float | None
) -> int:
    """Dynamo's formulas, with the batch found by trying all."""
    requests, isl, osl = seen.attempts, seen.prompt_tokens / seen.finished, 0.0
    osl = seen.output_tokens / seen.finished
    context, needed = isl + osl / 2, 0.0
    lone_s = engine.prefill_s(round(isl)) + engine.passage_s(round(isl))
    if ttft:
        needed += requests / INTERVAL_S * lone_s * min(1.0, seen.ttft_s / seen.answers / lone_s)
    if itl_s is not None:
        duration_s = (seen.ttft_s + seen.streamed_s) / seen.answers
        batch = max(1, round(requests / ready * duration_s / INTERVAL_S))
        measured_s = seen.streamed_s / seen.answers / (osl - 1)
        target_s = itl_s * engine.step_s(batch, batch * context) / measured_s
        fitting = [
            n
            for n in range(1, engine.max_num_seqs + 1)
            if n * context <= engine.kv_capacity_tokens
            and engine.step_s(n, n * context) <= target_s
        ]
        best = max(fitting, default=1)
        needed += requests * osl / INTERVAL_S / (best / engine.step_s(best, best * context))
    return max(1, math.ceil(needed - 1e-9))


@pytest.mark.parametrize("seed", range(40))
def test_replicas_are_those_of_the_formulas(seed: int) -> None:
    rng = np.random.default_rng(seed)
    ttft, itl_s = bool(rng.integers(2)), float(rng.uniform(0.005, 0.06))
    only = None if ttft and rng.integers(2) else itl_s
    seen = counts(
        int(rng.integers(50, 5_000)),
        int(rng.integers(10, 8_000)),
        int(rng.integers(2, 900)),
        float(rng.lognormal(-1.5, 1.0)),
        float(rng.uniform(0.01, 0.08)),
    )
    policy = Planner(
        10_000, ttft_s=0.5 if ttft else None, itl_s=only, adjustment_interval_s=INTERVAL_S
    )
    ready = int(rng.integers(1, 20))
    assert planned(policy, seen, ready=ready) == by_hand(ENGINE, seen, ready, ttft, only)


def test_without_correction_the_profile_alone_counts() -> None:
    plain = Planner(100, itl_s=0.03, adjustment_interval_s=INTERVAL_S, corrects=False)
    slow, fast = counts(6_000, 500, 200, 0.1, 0.09), counts(6_000, 500, 200, 0.1, 0.02)
    assert planned(plain, slow) == planned(plain, fast)
    corrected = replace(plain, corrects=True)
    assert planned(corrected, slow, ready=100) > planned(plain, slow, ready=100)


def test_a_late_first_token_asks_for_no_more_and_an_early_one_for_less() -> None:
    policy = Planner(100, ttft_s=0.5, adjustment_interval_s=INTERVAL_S)
    lone_s = ENGINE.prefill_s(4_000) + ENGINE.passage_s(4_000)
    each = [planned(policy, counts(900, 4_000, 10, lone_s * f, 0.02)) for f in (0.5, 1.0, 5.0)]
    assert each[0] < each[1] == each[2]


def test_an_interval_without_requests_or_answers_changes_nothing() -> None:
    policy = Planner(100, itl_s=0.03, adjustment_interval_s=INTERVAL_S)
    rule = PlannerRule(policy, ENGINE, NOTHING)
    assert rule.replicas(NOTHING, 7, 7) == 7
    assert rule.replicas(Counts(50, 0, 0, 0, 0, 0, 0), 7, 7) == 7
    # Of a pool that hands prompts on, answers may be of an interval before.
    assert rule.replicas(Counts(90, 0, 0, 0, 5, 2.0, 8.0), 7, 7) == 7


def test_a_kalman_filter_follows_a_line_where_the_last_lags_behind() -> None:
    line = [100.0 + 25.0 * n for n in range(60)]
    follower = Kalman()
    for value in line:
        follower.see(value)
    assert follower.next() == pytest.approx(line[-1] + 25.0, rel=2e-3)


def test_a_kalman_filter_is_that_of_matrices() -> None:
    rng = np.random.default_rng(5)
    moves, noise = np.array([[1.0, 1.0], [0.0, 1.0]]), np.diag([1.0, 0.1])
    looks, state, spread = np.array([[1.0, 0.0]]), np.zeros(2), np.eye(2)
    follower = Kalman()
    for count, value in enumerate(rng.uniform(10, 90, 30)):
        if count == 0:
            state = np.array([value, 0.0])
        follower.see(float(value))
        state, spread = moves @ state, moves @ spread @ moves.T + noise
        gain = spread @ looks.T / (looks @ spread @ looks.T + 10.0)
        state = state + gain[:, 0] * (value - looks @ state)
        spread = (np.eye(2) - gain @ looks) @ spread
        if count >= 4:
            assert follower.next() == pytest.approx(max(float((moves @ state)[0]), 0.0))


@pytest.mark.parametrize(
    "fields", [{}, {"ttft_s": 0.0}, {"itl_s": 0.05, "min_replicas": 0}, {"itl_s": 1.0, "max": 0}]
)
def test_a_plan_without_a_target_or_replicas_is_refused(fields: dict[str, Any]) -> None:
    most = fields.pop("max", 4)
    with pytest.raises((PeakfleetError, ValueError)):
        Planner(most, **fields)


@dataclass(frozen=True)
class Regular:
    """Requests of one size, one after the other; twice as many in the second half."""

    rate: float
    prompt: int = 600
    output: int = 200

    def blocks(
        self, name: str, streams: Streams, start_s: float, end_s: float
    ) -> Iterator[RequestBlock]:
        middle_s = (start_s + end_s) / 2
        first = np.arange(start_s, middle_s, 1 / self.rate)
        second = np.arange(middle_s, end_s, 0.5 / self.rate)
        times = np.concatenate([first, second])
        sizes = [np.full(len(times), each, np.int32) for each in (self.prompt, self.output)]
        yield RequestBlock(times, *sizes)


def test_a_fleet_that_is_planned_keeps_its_itl_as_its_load_doubles() -> None:
    fleet = replace(
        pool(ENGINE, 2, "least_loaded"),
        gateway=Gateway(holds=True),
        autoscaler=Planner(40, ttft_s=0.5, itl_s=0.02, adjustment_interval_s=INTERVAL_S),
        lifecycle=Lifecycle(cold_start=ColdStart.whole(Constant(30.0))),
    )
    horizon = Horizon(datetime(2026, 11, 23), 3_600.0, 0.0, 60.0)
    design = Design("d", horizon, (Workload("w", Regular(10.0), "pool", Slo()),), (fleet,))
    outcome = simulate(design, Streams(1, 0), record_requests=True)
    booked = outcome.ledger.pools[0]
    before, after = booked["ready"][20:30], booked["ready"][40:]
    assert np.ptp(before) <= 1 and np.ptp(after) <= 1  # it comes to rest
    assert 1.6 < after.mean() / before.mean() < 2.4
    late = outcome.requests[outcome.requests.arrival_s > 2_400.0]
    done = late[late.finish_s > 0]
    itl_s = (done.finish_s - done.first_token_s) / (done.output_tokens - 1)
    assert 0.015 < itl_s.mean() < 0.02 * 1.05  # as slow as allowed, and no slower
