"""The compiled kernel does what the naive simulator does where everything meets everything.

All times lie on a coarse grid: arrivals, step boundaries within leaps and at their ends, timers,
patience, deadlines, hedges and what the control plane does fall on the same instants, and the order
of :mod:`sim.engine.events.kernel` alone decides. None of these cases is left out.
"""

import numpy as np
import pytest
import strategies as st
from agreement import assert_agreement, assert_population, log_fed_in_pieces, looked_at
from coarse_times import TICK_S, on_grid
from drawn import drawn_anew
from fleets import Case, cases, cases_with_clients, kernel_log, pool, profile
from task_cases import cases_with_caches, cases_with_tasks

from sim.engine.state import status
from sim.model.client import Client, Hedge

MANY = {"completed": 500, "photo finish": 30}
OF_CLIENTS = {**MANY, "completed": 300, "timed_out": 100, "gave_up": 30, "retried": 150}
OF_CLIENTS |= {"stopped while running": 30, "orphaned": 30, "hedged": 150}


@pytest.mark.parametrize(
    ("drawn", "least"),
    [
        pytest.param(cases(), {"completed": 500}, id="who wait for ever"),
        pytest.param(
            cases_with_clients(verbs=True, hedges=True), OF_CLIENTS, id="clients, replicas go"
        ),
        pytest.param(
            cases_with_clients(tight=True, hedges=True), OF_CLIENTS, id="clients, little memory"
        ),
        pytest.param(cases_with_tasks(verbs=True, hedges=True), MANY, id="tasks"),
        pytest.param(cases_with_caches(hedges=True), MANY, id="caches"),
    ],
)
def test_the_kernel_agrees_with_the_naive_simulator(
    drawn: st.Strategy[Case], least: dict[str, int]
) -> None:
    assert_population(on_grid(drawn), 80, {"compared": 48, **least})


@drawn_anew(
    14, on_grid(cases_with_clients(tight=True, verbs=True, hedges=True)), st.integers(0, 80)
)
def test_the_kernel_agrees_at_any_moment_also_on_requests_in_flight(case: Case, tick: int) -> None:
    assert_agreement(case, until_s=float(case.arrival_s[0]) + tick * TICK_S)


@drawn_anew(7, on_grid(cases_with_tasks(verbs=True, hedges=True)), st.integers(0, 2**32 - 1))
def test_entering_the_kernel_at_extra_times_changes_no_bit(case: Case, seed: int) -> None:
    assert kernel_log(looked_at(case, seed)).tobytes() == kernel_log(case).tobytes()


@drawn_anew(7, on_grid(cases_with_tasks()), st.integers(1, 7))
def test_feeding_requests_in_pieces_changes_no_bit(case: Case, size: int) -> None:
    assert log_fed_in_pieces(case, size).tobytes() == kernel_log(case).tobytes()


# One by one


def _two(first: Client, second: Client, **more: object) -> Case:
    """Two requests at 0 on a replica whose steps take a second: 9 tokens and 1."""
    return Case(
        [pool(profile(max_num_seqs=1))],
        [0, 0],
        np.array([0.0, 0.0]),
        prompt=np.ones(2, np.int32),
        output=np.array([9, 1], np.int32),
        workload=np.array([0, 1], np.int32),
        key=0,
        clients=[first, second],
        **more,
    )


def test_a_token_at_the_very_limit_is_in_time_whosever_limit_it_is() -> None:
    for client in (Client(timeout_s=9.0), Client(ttft_timeout_s=1.0)):
        assert kernel_log(_two(client, Client())).status[0] == status.COMPLETED
    patient = _two(Client(), Client(), patience_s=np.array([1.0, np.inf]))
    assert kernel_log(patient).status[0] == status.COMPLETED
    assert kernel_log(_two(Client(timeout_s=8.875), Client())).status[0] == status.TIMED_OUT


def test_who_leaves_at_a_boundary_within_a_leap_stays_for_the_step_that_begins_there() -> None:
    """At 4 the boundary comes first, the deadline after it: the sequence is dropped at 5."""
    log = kernel_log(_two(Client(timeout_s=4.0), Client()))
    assert log.finish_s.tolist() == [4.0, 6.0]
    assert log.admitted_s.tolist() == [0.0, 5.0]


def test_a_hedge_at_a_boundary_within_a_leap_misses_it() -> None:
    """The first replica steps from 0 to 9; the hedge of the second request is sent to it at 4."""
    case = _two(Client(), Client(hedge=Hedge(4.0)))
    engine = profile(max_num_seqs=2, step_base_s=(1.0,))
    case = Case(**{**vars(case), "pools": [pool(engine, 2)], "output": np.array([9, 9], np.int32)})
    assert_agreement(case)
