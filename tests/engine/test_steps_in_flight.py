"""Two steps in flight: what becomes ready during step i is prefilled in step i + 2."""

import os
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import strategies as st
from agreement import assert_agreement, assert_population
from fleets import Case, cases_with_clients, kernel_log, kernel_run, profile, requests_of
from task_cases import cases_with_tasks

from sim.engine.state import status
from sim.model.client import Client
from sim.model.profile import ServiceProfile

FLEETS = int(os.environ.get("PEAKFLEET_FLEETS", "60"))  # drawn for each population


def of_two(**changes: Any) -> ServiceProfile:
    return profile(steps_in_flight=2, **changes)


def first_tokens(engine: ServiceProfile, *requests: tuple[float, int, int], **changes: Any) -> Any:
    """When they have their first tokens, by the kernel, with which the naive one agrees."""
    drawn = requests_of(engine, *requests, **changes)
    assert_agreement(drawn)
    return kernel_log(drawn).first_token_s.tolist()


@pytest.mark.parametrize("steps", [1, 2])
def test_an_idle_engine_begins_with_a_lone_request_at_once(steps: int) -> None:
    engine = profile(steps_in_flight=steps, prefill_s_per_token=0.25, overhead_s=0.5)
    log = kernel_log(requests_of(engine, (0.0, 8, 11)))
    assert log.first_token_s.tolist() == [3.5]
    assert log.finish_s.tolist() == [13.5]


@pytest.mark.parametrize("at_s", [2.25, 2.5, 3.0])
def test_who_comes_during_a_step_has_its_first_token_at_the_end_of_the_step_after_next(
    at_s: float,
) -> None:
    """Steps of 1 s end at 1, 2, 3 …: who comes after 2 and up to 3 runs from 4 to 5."""
    requests = (0.0, 8, 100), (at_s, 8, 2)
    assert first_tokens(of_two(), *requests) == [1.0, 5.0]
    assert first_tokens(profile(), *requests) == [1.0, 4.0]
    log = kernel_log(requests_of(of_two(), *requests))
    assert log.admitted_s.tolist() == [0.0, 3.0]  # when it was planned


def test_who_comes_during_the_only_step_begins_as_it_ends() -> None:
    """Nothing is to be done after it, so nothing is under way."""
    assert first_tokens(of_two(), (0.0, 8, 1), (0.5, 8, 1)) == [1.0, 2.0]


def test_the_place_of_a_sequence_that_ends_is_taken_again_a_step_later() -> None:
    """Of two places one is free with the step that ends at 3: the plan of 3 runs from 4 on."""
    requests = (0.0, 8, 3), (0.0, 8, 10), (0.5, 8, 1)
    assert first_tokens(of_two(max_num_seqs=2), *requests) == [1.0, 1.0, 5.0]
    assert first_tokens(profile(max_num_seqs=2), *requests) == [1.0, 1.0, 4.0]


def test_so_are_its_blocks() -> None:
    """Two blocks of four tokens each for two that run; the third waits for those of the first."""
    memory = {"kv_block_tokens": 4, "kv_capacity_tokens": 20, "max_model_len": 20}
    requests = (0.0, 5, 3), (0.0, 6, 2), (0.0, 5, 1)
    assert first_tokens(of_two(**memory), *requests) == [1.0, 1.0, 4.0]
    assert first_tokens(profile(**memory), *requests) == [1.0, 1.0, 3.0]


def test_a_long_prompt_goes_on_in_every_step_and_those_behind_it_fill_the_rest() -> None:
    """Budgets of 10 a step: 10, 10 and 5 of the first, then 5 of the second, then the others."""
    engine = of_two(max_num_batched_tokens=10, max_num_seqs=10)
    assert first_tokens(engine, (0.0, 25, 1), (0.0, 8, 1), (1.5, 7, 1)) == [3.0, 4.0, 4.0]


def test_who_leaves_before_its_prompt_begins_is_taken_off_the_plan() -> None:
    """Planned at 2 and gone at 2.5, it costs the step from 3 on nothing."""
    engine = of_two(prefill_s_per_token=1.0, max_num_seqs=2)
    left = requests_of(
        engine,
        *[(0.0, 1, 4), (0.5, 8, 4)],
        clients=[Client(), Client(timeout_s=2.0)],
    )
    left = replace(left, workload_pool=[0, 0], workload=np.array([0, 1], np.int32))
    assert assert_agreement(left)["stopped while running"] == 1
    plane = kernel_run(left)
    log = plane.requests()
    assert log.status.tolist() == [status.COMPLETED, status.TIMED_OUT]
    assert log.finish_s.tolist() == [5.0, 2.5]
    assert plane.close_bin().workloads[1].wasted_tokens == 0


def test_a_replica_that_dies_loses_what_it_has_planned() -> None:
    engine = of_two()
    planned = requests_of(engine, (0.0, 8, 9), (0.5, 8, 9))
    plane = planned.kernel()
    plane.feed(*planned.requests)
    plane.close_feed()
    plane.advance(1.5)
    assert plane.view(0).running == 2
    plane.kill(0)
    assert plane.requests().status.tolist() == [status.FAILED] * 2
    assert plane.close_bin().workloads[0].wasted_tokens == 8 + 1


MANY = {"compared": 25, "preempted": 50, "timed_out": 50, "stopped while running": 20}
MANY |= {"hedged": 100, "the hedge won": 5, "lost: failed": 5}
OF_TASKS = {"compared": 20, "hedged": 100, "long task completed": 30}


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
    """Where every engine has two steps in flight; ``PEAKFLEET_FLEETS`` sets how many fleets."""
    assert_population(drawn.map(with_two), FLEETS, least)


def with_two(drawn: Case) -> Case:
    """The same fleet, with two steps in flight in each of its engines."""
    pools = [
        replace(each, profile=replace(each.profile, scheduler="chunked", steps_in_flight=2))
        for each in drawn.pools
    ]
    return replace(drawn, pools=pools)
