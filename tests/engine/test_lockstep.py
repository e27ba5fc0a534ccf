"""Ranks of a replica that step together: closed forms, and step by step."""

import os
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, get_args

import numpy as np
import pytest
import strategies as st
from agreement import assert_agreement, assert_population, looked_at
from coarse_times import on_grid
from drawn import drawn_anew
from fleets import (
    END_S,
    Case,
    cases,
    cases_with_clients,
    kernel_log,
    kernel_run,
    profile,
    requests_of,
)
from task_cases import cases_with_caches, cases_with_tasks

from sim.engine.plane.plane import DataPlane
from sim.engine.state import status
from sim.model.profile import Scheduler

FLEETS = int(os.environ.get("PEAKFLEET_FLEETS", "40"))  # drawn for each population


def fed(what: Case, until_s: float) -> DataPlane:
    """The kernel at a time."""
    plane = what.kernel()
    plane.feed(*what.requests)
    plane.close_feed()
    plane.advance(until_s)
    return plane


def has(log: Any, **columns: Sequence[float]) -> None:
    for name, values in columns.items():
        np.testing.assert_allclose(log[name], values, rtol=1e-12, err_msg=name)


# Closed forms


@pytest.mark.parametrize("scheduler", get_args(Scheduler))
def test_ranks_with_a_request_each_take_the_time_of_a_lone_one(scheduler: Scheduler) -> None:
    engine = profile(
        batch=(0, 1),
        step_base_s=(0.5, 0.75),
        step_s_per_kv_token=(0.125, 0.125),
        prefill_s_per_token=0.25,
        frontend_s_per_token=0.0625,
        scheduler=scheduler,
    )
    lone = kernel_log(requests_of(engine, (0.0, 30, 12)))
    for ranks in (2, 8):
        many = replace(engine, data_parallel_ranks=ranks)
        for count in (1, ranks):
            log = kernel_log(requests_of(many, *[(0.0, 30, 12)] * count))
            has(log, finish_s=[lone.finish_s[0]] * count, rank=range(count), replica=[0] * count)


def test_two_ranks_with_unlike_contexts_step_as_the_slower_does() -> None:
    """0.1 s for each token in the cache: 5, then 50 and one more each step, for 8 decode steps.

    The prompts take a step of 1 s together.
    """
    engine = profile(data_parallel_ranks=2, step_s_per_kv_token=(0.1,))
    log = kernel_log(requests_of(engine, (0.0, 5, 20), (0.0, 50, 9)))
    slow_s = [1.0 + sum(1.0 + 0.1 * (50 + n) for n in range(steps)) for steps in (8,)]
    fast_s = slow_s[0] + sum(1.0 + 0.1 * (5 + n) for n in range(8, 19))
    has(log, first_token_s=[1.0, 1.0], finish_s=[fast_s, slow_s[0]])


def test_a_rank_of_more_sequences_becomes_the_slowest_within_a_leap() -> None:
    """One sequence of 40 tokens against three of 4: 40 + n and 12 + 3n tokens meet at n = 14."""
    engine = profile(data_parallel_ranks=2, step_s_per_kv_token=(0.125,))
    requests = [(0.0, 40, 31), (0.0, 4, 31), (0.0, 2, 1), *[(0.0, 4, 31), (0.0, 2, 1)] * 2]
    step_s = [1.0 + 0.125 * max(40 + n, 12 + 3 * n) for n in range(30)]
    crossing = requests_of(engine, *requests)
    log = kernel_log(crossing)
    long = log.output_tokens == 31
    has(log[long], rank=[0, 1, 1, 1], finish_s=[1.0 + sum(step_s)] * 4)
    assert assert_agreement(crossing)["compared"] == 1


def test_whoever_comes_to_a_rank_without_work_waits_for_the_step_of_the_others() -> None:
    """Steps of a second from 0 on; the second request is there at 2.5."""
    engine = profile(data_parallel_ranks=2)
    log = kernel_log(requests_of(engine, (0.0, 1, 10), (2.5, 1, 2), (30.25, 1, 1)))
    has(log, admitted_s=[0.0, 3.0, 30.25], finish_s=[10.0, 5.0, 31.25], rank=[0, 1, 0])


@pytest.mark.parametrize("scheduler", get_args(Scheduler))
def test_the_prompt_of_one_rank_holds_the_decodes_of_the_others(scheduler: Scheduler) -> None:
    """A prompt of 50 tokens takes 5 s more, and comes amid the third step."""
    engine = profile(data_parallel_ranks=2, prefill_s_per_token=0.1, scheduler=scheduler)
    log = kernel_log(requests_of(engine, (0.0, 1, 6), (2.5, 50, 1)))
    has(log, admitted_s=[0.0, 3.1], finish_s=[11.1, 9.1])


def test_a_slow_replica_is_slow_on_all_its_ranks() -> None:
    engine = profile(data_parallel_ranks=3)
    plane = fed(requests_of(engine, *[(1.0, 1, 4)] * 3), 0.0)
    plane.slow_down(0, 2.0)
    plane.advance(END_S)
    has(plane.requests(), finish_s=[9.0] * 3)
    assert plane.close_bin().pools[0].able_s == pytest.approx(plane.now / 2)


# Replicas, not ranks


def test_replicas_are_counted_and_not_their_ranks() -> None:
    """Two of four ranks; one request keeps one busy for 10 s, and 6 KV blocks of 4 · 2 · 16."""
    engine = profile(data_parallel_ranks=4, kv_capacity_tokens=256, max_model_len=256)
    plane = fed(requests_of(engine, (0.0, 81, 10), replicas=2), 5.0)
    view = plane.view(0)
    assert (view.ready, view.running, view.waiting) == (2, 1, 0)
    assert view.kv_utilisation == pytest.approx(6 / (4 * 2 * 16))
    plane.advance(20.0)
    booked = plane.close_bin().pools[0]
    assert (booked.ready_s, booked.serving_s, booked.able_s) == (40.0, 40.0, 40.0)
    assert booked.busy_s == 10.0
    assert (booked.busy, booked.routable) == (0, 8)


def test_saturation_is_of_each_rank_by_what_waits_or_by_its_cache() -> None:
    """Four ranks run one each: of nine prompts three go to the first, two to each of the others.

    A prompt of 81 tokens takes 6 blocks of 16: of a cache of 80 % that is 0.47 of it.
    """
    engine = profile(
        data_parallel_ranks=4, kv_capacity_tokens=256, max_model_len=256, max_num_seqs=1
    )
    plane = fed(requests_of(engine, *[(0.0, 81, 10)] * 9), 5.0)
    by_cache = 6 / (16 * 0.8)
    assert plane.view(0).running == 4
    assert plane.saturation(0, 5.0, 0.8) == pytest.approx(by_cache)
    assert plane.saturation(0, 4.0, 0.8) == pytest.approx((2 / 4 + 3 * by_cache) / 4)
    assert plane.saturation(0, 0.5, 0.8) == pytest.approx((2 + 3 * 1) / 0.5 / 4)
    assert fed(requests_of(engine, (99.0, 1, 1)), 5.0).saturation(0, 5.0, 0.8) == 0.0


def test_a_full_gateway_has_places_for_all_ranks() -> None:
    engine = profile(data_parallel_ranks=3, max_num_seqs=2)
    full = requests_of(engine, *[(0.0, 1, 3)] * 9)
    full.pools[0] = replace(full.pools[0], gateway=replace(full.pools[0].gateway, max_queue=1))
    log = kernel_log(full)
    assert (log.status == status.REJECTED).sum() == 9 - 3 * 2 - 1


def test_a_draining_replica_goes_when_its_last_rank_is_done() -> None:
    engine = profile(data_parallel_ranks=2)
    plane = fed(requests_of(engine, (0.0, 1, 3), (0.0, 1, 7), replicas=2), 1.5)
    assert plane.drain(1) is True
    assert plane.drain(0) is False
    assert plane.view(0).ready == 0
    assert plane.advance(END_S) == status.REPLICA_EMPTY
    assert (plane.emptied, plane.now) == (0, 7.0)
    assert plane.gone_s == [7.0, 1.5]
    assert plane.close_bin().pools[0].serving_s == 7.0 + 1.5


def test_a_replica_that_dies_takes_the_requests_of_all_its_ranks_with_it() -> None:
    engine = profile(data_parallel_ranks=2, max_num_seqs=1)
    plane = fed(requests_of(engine, *[(0.0, 1, 5)] * 5, replicas=2), 2.5)
    plane.kill(0)
    plane.advance(END_S)
    log = plane.requests()
    assert log.replica.tolist() == [0, 0, 1, 1, 0]
    assert log.rank.tolist() == [0, 1, 0, 1, 0]
    lost = log.replica == 0
    assert (log.status[lost] == status.FAILED).all()
    assert (log.status[~lost] == status.COMPLETED).all()
    booked = plane.close_bin().pools[0]
    assert (booked.busy, booked.running, booked.waiting, booked.outstanding) == (0, 0, 0, 0)
    assert booked.busy_s == 2.5 + 5.0


def test_ranks_share_the_work_of_a_replica() -> None:
    """400 requests at once: four ranks take a quarter of the time of one."""
    engine = profile(max_num_seqs=10, step_s_per_kv_token=(0.001,), prefill_s_per_token=0.01)
    requests = [(0.0, 20, 30)] * 400
    one = kernel_log(requests_of(engine, *requests)).finish_s.max()
    four = kernel_log(requests_of(replace(engine, data_parallel_ranks=4), *requests)).finish_s.max()
    assert four == pytest.approx(one / 4, rel=1e-9)


# Step by step


@st.composite
def of_ranks(draw: st.DrawFn, drawn: st.Strategy[Case]) -> Case:
    """A case in which replicas have up to four ranks."""
    case = draw(drawn)
    ranks = [draw(st.integers(2, 4)), *(draw(st.integers(1, 4)) for _ in case.pools[1:])]
    pools = [
        replace(pool, profile=replace(pool.profile, data_parallel_ranks=count))
        for pool, count in zip(case.pools, ranks, strict=True)
    ]
    return replace(case, pools=pools)


PLAIN = {"completed": 200, "lost: failed": 5}
OF_CLIENTS = {"completed": 100, "preempted": 5, "timed_out": 30, "hedged": 50, "streamed": 50}
OF_TASKS = {"completed": 100, "hedged": 50, "long task completed": 5}
POPULATIONS = [
    pytest.param(cases(verbs=True), PLAIN, id="who wait for ever"),
    pytest.param(cases_with_clients(True, verbs=True, hedges=True), OF_CLIENTS, id="clients"),
    pytest.param(cases_with_tasks(verbs=True, hedges=True), OF_TASKS, id="tasks"),
    pytest.param(cases_with_caches(verbs=True, hedges=True), {"completed": 50}, id="caches"),
    pytest.param(
        on_grid(cases_with_clients(True, verbs=True, hedges=True)), {"completed": 50}, id="ties"
    ),
]


@pytest.mark.parametrize(("drawn", "least"), POPULATIONS)
def test_the_kernel_agrees_with_the_naive_simulator(
    drawn: st.Strategy[Case], least: dict[str, int]
) -> None:
    """``PEAKFLEET_FLEETS`` sets how many fleets are drawn."""
    assert_population(of_ranks(drawn), FLEETS, least)


@drawn_anew(7, of_ranks(cases(tight=True, verbs=True)), st.floats(0, 1))
def test_the_kernel_agrees_at_any_moment_also_on_requests_in_flight(
    case: Case, share: float
) -> None:
    assert_agreement(case, until_s=share * (case.arrival_s[-1] + 2))


@drawn_anew(
    7, of_ranks(on_grid(cases_with_tasks(verbs=True, hedges=True))), st.integers(0, 2**32 - 1)
)
def test_entering_the_kernel_at_extra_times_changes_no_bit(case: Case, seed: int) -> None:
    assert kernel_log(looked_at(case, seed)).tobytes() == kernel_log(case).tobytes()


@drawn_anew(7, of_ranks(cases_with_clients(tight=True, verbs=True, hedges=True)))
def test_what_the_ranks_have_is_gone_when_all_requests_have_ended(case: Case) -> None:
    plane = kernel_run(case)
    state = plane.close_bin()
    pools = state.pools
    if (plane.requests().status == status.IN_FLIGHT).any():
        return  # somebody waits for ever for a replica
    for field in ("busy", "running", "waiting", "held", "outstanding"):
        assert (pools[field] == 0).all(), field
    assert (pools.routable == pools.ready * pools.ranks).all()
    for p, pool_ in enumerate(pools):
        ranks = state.replicas[state.rosters[p, 1, : pool_.routable]]
        assert (ranks.free_blocks == pool_.kv_blocks).all()
