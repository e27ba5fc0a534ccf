"""The front end of a replica, in closed form: tokens wait, and the engine waits for nobody."""

import os
from collections.abc import Sequence
from math import nan
from typing import Any

import numpy as np
import pytest
import strategies as st
from agreement import assert_agreement, assert_population
from fleets import (
    END_S,
    Case,
    cases_with_clients,
    kernel_log,
    kernel_run,
    profile,
    requests_of,
)
from task_cases import cases_with_tasks

from sim.engine.state import status
from sim.model.client import Client, Hedge
from sim.model.gateway import Gateway

FLEETS = int(os.environ.get("PEAKFLEET_FLEETS", "60"))  # drawn for each population


def has(log: Any, **columns: Sequence[float]) -> None:
    for name, values in columns.items():
        np.testing.assert_allclose(log[name], values, rtol=1e-12, err_msg=name)


def test_the_first_token_of_a_lone_request_does_not_depend_on_the_length_of_its_answer() -> None:
    """1 s of engine, 0.1 s in, 0.01 s out and 0.5 s on the way."""
    engine = profile(
        frontend_s_per_request=0.1, frontend_s_per_token=0.01, output_delay_s=0.5, overhead_s=0.25
    )
    for output in (1, 100, 30_000):
        log = kernel_log(requests_of(engine, (0.0, 50, output)))
        has(log, first_token_s=[1.86], finish_s=[1.86 + output - 1])


@pytest.mark.parametrize("processes", [1, 2, 5])
def test_where_it_is_the_bottleneck_it_passes_on_a_token_per_w_and_process(processes: int) -> None:
    """Sequences of a full batch that never ends: the last token of all comes n·w / P after 1 s."""
    engine = profile(
        batch=(0,), step_base_s=(0.01,), frontend_s_per_token=0.01, frontend_processes=processes
    )
    requests = [(0.0, 1, 1_000)] * 50
    log = kernel_log(requests_of(engine, *requests))
    tokens_s = 50 * 1_000 / (log.finish_s.max() - 0.01)
    assert tokens_s == pytest.approx(processes / 0.01, rel=1e-9)


def test_a_backlog_that_stands_grows_by_what_the_steps_are_too_short() -> None:
    """250 sequences at 76 us a token, every 13.5 ms, as on a measured server: 19 ms of work."""
    engine = profile(step_base_s=(0.0135,), frontend_s_per_token=76e-6, output_delay_s=0.0019)
    lengths = [400] * 249 + [40]
    log = kernel_log(requests_of(engine, *[(0.0, 1, length) for length in lengths]))
    work_s, step_s = 250 * 76e-6, 0.0135
    late_s = log.finish_s[-1] - 40 * step_s  # when the last of 40 steps ended
    assert late_s == pytest.approx(work_s + 39 * (work_s - step_s) + 0.0019)
    assert late_s > 0.2


def test_steps_that_grow_longer_let_it_catch_up() -> None:
    """Steps of 1 s and 0.1 s more each, 1.45 s of work: behind until the tenth, then not."""
    engine = profile(step_s_per_kv_token=(0.1,), frontend_s_per_token=1.45, max_num_seqs=1)
    free_s = end_s = 0.0
    for step in range(60):
        end_s += 1.0 if step == 0 else 1.0 + 0.1 * step
        free_s = max(free_s, end_s) + 1.45
    log = kernel_log(requests_of(engine, (0.0, 1, 60)))
    has(log, first_token_s=[2.45], finish_s=[free_s])
    assert free_s == pytest.approx(end_s + 1.45)


def test_a_first_token_costs_more_by_the_length_of_its_prompt_and_keeps_others_waiting() -> None:
    """0.25 s a token, and 0.25 s more for a first one for each token of its prompt.

    A's first token, made at 1, takes 0.25 + 4 x 0.25 s, until 2.25. B, which comes at 1.5, is
    through then and in the step from 3: its first token and A's last, made at 4, cost 0.25 each and
    3 x 0.25 s; its second, made at 5, comes after them.
    """
    engine = profile(frontend_s_per_token=0.25, frontend_s_per_prompt_token_out=0.25)
    log = kernel_log(requests_of(engine, (0.0, 4, 4), (1.5, 3, 2)))
    has(log, ready_s=[0, 2.25], first_token_s=[2.25, 5.25], finish_s=[5.25, 5.5])


@pytest.mark.parametrize("processes", [1, 2])
def test_from_rest_a_batch_takes_longer_than_one_that_follows_another(processes: int) -> None:
    """1 s a token and 0.5 s more from rest, steps of 2 s and 0.25 s a sequence.

    Two at once, one a process or both of one: with one process a batch takes 3 s from rest and 2 s
    behind another; steps end at 2.5, 5, 7.5: tokens come at 5.5, then at 8 from rest, for 7.5 is
    less, and at 10.5. Each of two processes has a batch of one: 1.5 s from rest.
    """
    engine = profile(
        step_base_s=(2.5,),
        frontend_s_per_token=1.0,
        frontend_s_per_token_from_rest=0.5,
        frontend_processes=processes,
    )
    log = kernel_log(requests_of(engine, (0.0, 1, 3), (0.0, 1, 3)))
    batch_s = 3.0 / processes
    has(log, first_token_s=[2.5 + batch_s] * 2, finish_s=[7.5 + batch_s] * 2)


def test_a_front_end_that_is_behind_takes_what_a_token_costs_without_the_rest() -> None:
    """Steps of 1 s for 1.5 s of work a batch: the k-th token comes after 1.25 + k x 1.5 s."""
    engine = profile(frontend_s_per_token=1.5, frontend_s_per_token_from_rest=0.25)
    for output in (1, 2, 3, 40):
        finish_s = 1.0 + 0.25 + output * 1.5
        has(kernel_log(requests_of(engine, (0.0, 1, output))), finish_s=[finish_s])


def test_only_first_tokens_may_cost_and_others_wait_for_them() -> None:
    """A's first token takes 4 s: its second, made at 2, comes with it, at 5; its sixth at 6."""
    engine = profile(frontend_s_per_prompt_token_out=4.0)
    for output, finish_s in ((1, 5.0), (2, 5.0), (6, 6.0), (7, 7.0)):
        log = kernel_log(requests_of(engine, (0.0, 1, output)))
        has(log, first_token_s=[5.0], finish_s=[finish_s])


def test_a_preempted_sequence_has_had_its_first_token() -> None:
    """Two of 6 tokens in a cache of 8, in blocks of one: the second is preempted.

    Reading the prompt costs 0.125 s a token, once: the front end has worked on two first tokens.
    """
    engine = profile(
        frontend_s_per_prompt_token_out=0.125,
        kv_capacity_tokens=8,
        kv_block_tokens=1,
        max_model_len=8,
    )
    case = requests_of(engine, (0.0, 2, 4), (0.0, 2, 4))
    assert assert_agreement(case)["preempted"] == 1
    plane = kernel_run(case)
    assert plane.close_bin().pools[0].frontend_s == 0.5


def test_a_first_token_on_its_way_at_the_deadline_is_late() -> None:
    """Made at 1, with the client at 1.5."""
    engine = profile(frontend_s_per_token=0.5)
    for limit_s, fate in ((1.25, status.TIMED_OUT), (1.5, status.COMPLETED)):
        log = kernel_log(requests_of(engine, (0.0, 1, 1), clients=[Client(ttft_timeout_s=limit_s)]))
        assert log.status.tolist() == [fate]
        has(log, first_token_s=[nan if fate == status.TIMED_OUT else 1.5], finish_s=[limit_s])


def test_who_leaves_what_is_streamed_has_cost_all_of_it_and_frees_the_next() -> None:
    """One attempt at a time: B goes in as A's client leaves at 1.25, and is through at 2.25."""
    engine = profile(frontend_s_per_token=0.5, max_num_seqs=1)
    left = requests_of(
        engine,
        *[(0.0, 7, 1), (0.0, 7, 1)],
        gateway=Gateway(replica_limit=1, holds=True),
        clients=[Client(timeout_s=1.25)],
    )
    plane = kernel_run(left, 1.3)
    assert plane.close_bin().workloads[0].wasted_tokens == 8
    assert assert_agreement(left)["left while streamed"] == 1
    has(kernel_log(left), dispatched_s=[0, 1.25], finish_s=[1.25, 1.25])


def test_a_replica_that_dies_takes_what_it_streams_with_it() -> None:
    """Two at 0 have their tokens at 1, on their way until 3; the replica dies at 2."""
    engine = profile(output_delay_s=2.0)
    plane = requests_of(engine, (0.0, 1, 1), (0.0, 1, 2)).kernel()
    plane.feed(*requests_of(engine, (0.0, 1, 1), (0.0, 1, 2)).requests)
    plane.close_feed()
    plane.advance(2.0)
    plane.kill(0)
    log = plane.requests()
    assert log.status.tolist() == [status.FAILED] * 2
    assert np.isnan(log.first_token_s).all()
    assert plane.close_bin().workloads[0].wasted_tokens == 2 + 3


def test_a_draining_replica_stays_until_its_last_delivery() -> None:
    engine = profile(output_delay_s=2.0)
    one = requests_of(engine, (0.0, 1, 1))
    plane = one.kernel()
    plane.feed(*one.requests)
    plane.close_feed()
    plane.advance(1.5)
    assert plane.drain(0) is False
    assert plane.advance(END_S) == status.REPLICA_EMPTY
    assert plane.now == 3.0


def test_a_race_of_hedges_is_won_when_a_client_has_a_token() -> None:
    """Of two replicas that make the token at 1 and at 3 it is the hedge that delivers first.

    The first request fills its replica's front end for 6 s; the hedge is sent at 2.
    """
    engine = profile(frontend_s_per_prompt_token=1.0, frontend_s_per_token=0.25)
    raced = requests_of(
        engine, (0.0, 6, 1), (0.0, 1, 1), clients=[Client(hedge=Hedge(2.0))], replicas=1
    )
    log = kernel_log(raced)
    assert assert_agreement(raced)["hedged"] >= 1
    assert log.status.tolist() == [status.COMPLETED] * 2


def test_at_an_instant_before_it_is_there_a_token_is_not_known() -> None:
    engine = profile(output_delay_s=2.0)
    log = kernel_log(requests_of(engine, (0.0, 1, 5)), until_s=2.5)
    assert np.isnan(log.first_token_s).all()
    has(kernel_log(requests_of(engine, (0.0, 1, 5)), until_s=3.0), first_token_s=[3.0])


MANY = {"streamed": 300, "streamed for long": 10, "preempted": 50, "timed_out": 50}
MANY |= {"hedged": 100, "the hedge won": 5, "lost: failed": 5}
OF_TASKS = {"streamed": 200, "hedged": 100, "long task completed": 30}


@pytest.mark.parametrize(
    ("drawn", "least"),
    [
        pytest.param(cases_with_clients(tight=True, verbs=True, hedges=True), MANY, id="clients"),
        pytest.param(cases_with_tasks(verbs=True, hedges=True), OF_TASKS, id="tasks"),
    ],
)
def test_the_kernel_agrees_with_the_naive_simulator(
    drawn: st.Strategy[Case], least: dict[str, int]
) -> None:
    """Where every fleet has a front end that streams; ``PEAKFLEET_FLEETS`` sets how many."""
    streams = drawn.filter(lambda each: any(p.profile.works_on_tokens for p in each.pools))
    assert_population(streams, FLEETS, least)
