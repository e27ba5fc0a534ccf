"""The compiled kernel does what the naive simulator does where users wait for answers.

Fleets, clients and verbs are drawn as in :mod:`test_exact_tasks`. Users are those of sessions,
which end, or of closed populations, which go on until so many requests were sent, or a time.
"""

import numpy as np
import pytest
import strategies as st
from agreement import assert_agreement, assert_population, log_fed_in_pieces, looked_at
from drawn import drawn_anew
from fleets import Case, kernel_log, kernel_run, pool
from loop_cases import cases_with_populations, cases_with_sessions

from sim.engine.ledger import UNANSWERED
from sim.engine.plane.feed import Feed
from sim.engine.plane.plane import DataPlane
from sim.engine.state import status
from sim.model.closed import LoopRules
from sim.model.gateway import Gateway
from sim.model.workload import Loop, Slo

# Least counts that a population of cases must have for its agreement to mean something.
MANY = {
    "compared": 36,
    "completed": 500,
    "rejected": 100,
    "timed_out": 1,
    "retried": 2,
    "went on": 300,
    "went on at once": 100,
    "went on in vain": 50,
    "stopped": 300,
    "preempted": 10,
    "stopped while running": 30,
}


@pytest.mark.parametrize("cases", [cases_with_sessions, cases_with_populations])
def test_the_kernel_agrees_with_the_naive_simulator(cases: st.Strategy[Case]) -> None:
    assert_population(cases(verbs=True, hedges=True), 80, MANY)


@drawn_anew(14, cases_with_populations(verbs=True), st.floats(0, 1))
def test_the_kernel_agrees_at_any_moment_also_on_requests_in_flight(
    case: Case, share: float
) -> None:
    assert_agreement(case, until_s=share * (case.arrival_s[-1] + 4))


@drawn_anew(10, cases_with_populations(verbs=True, hedges=True), st.integers(0, 2**32 - 1))
def test_entering_the_kernel_at_extra_times_changes_no_bit(case: Case, seed: int) -> None:
    assert kernel_log(looked_at(case, seed)).tobytes() == kernel_log(case).tobytes()


@drawn_anew(10, cases_with_sessions(), st.integers(1, 7))
def test_feeding_requests_in_pieces_changes_no_bit(case: Case, size: int) -> None:
    assert log_fed_in_pieces(case, size).tobytes() == kernel_log(case).tobytes()


@drawn_anew(14, cases_with_populations(verbs=True, hedges=True), st.floats(0, 1))
def test_requests_of_closed_populations_are_conserved_at_any_moment(
    case: Case, share: float
) -> None:
    """requests = completed + timed out + rejected + failed + gave up + in flight, by workload."""
    plane = kernel_run(case, until_s=share * (case.arrival_s[-1] + 12))
    log, state, in_flight = plane.requests(), plane.close_bin(), plane.in_flight()
    for index, counts in enumerate(state.workloads):
        ended = sum(counts[fate] for fate in ("completed", *UNANSWERED))
        assert counts.requests == (log.workload == index).sum()
        assert counts.requests == ended + (in_flight.workload == index).sum()


def test_the_next_request_of_a_session_comes_its_think_time_after_the_end_of_the_one_before() -> (
    None
):
    """Steps take 1 s: 3 tokens end 3 s after they are sent, at the next step from then on."""
    plane = DataPlane([pool()], [0], [Slo()], record=True)
    plane.feed(
        np.array([0.0, 0.0, 0.0, 1.0]),
        np.ones(4, np.int32),
        np.array([3, 2, 1, 1], np.int32),
        np.zeros(4, np.int32),
        loop=Loop(np.array([7, 7, 7, 8]), np.array([2.5, 0.0, np.nan, np.nan])),
    )
    plane.close_feed()
    plane.advance(100.0)
    log = plane.requests()
    assert log.arrival_s.tolist() == [0.0, 1.0, 5.5, 7.5]
    assert log.finish_s.tolist() == [3.0, 2.0, 7.5, 8.5]


def test_who_is_turned_away_at_once_pauses_and_does_not_ask_for_ever_at_one_instant() -> None:
    """No room for any: each of 3 users asks at 0, 1, 2, 3 and 4 s, and then the loop closes."""
    plane = DataPlane(
        [pool(gateway=Gateway(max_queue=0, holds=False), replicas=0)],
        [0],
        [Slo()],
        record=True,
        closed=[LoopRules(closes_s=5.0, pause_s=1.0, in_order=True)],
    )
    users = np.arange(3)
    plane.feed(
        np.zeros(3), *([np.ones(3, np.int32)] * 2), np.zeros(3, np.int32),
        loop=Loop(users, np.zeros(3)),
    )  # fmt: skip
    plane.close_feed()
    while plane.advance(100.0) == status.NEED_SEQUELS:
        rows = plane.wanted.row
        one, zero = np.ones(len(rows), np.int32), np.zeros(len(rows))
        more = Feed(zero, one, one, 0 * one, loop=Loop(np.full(len(rows), -1), zero))
        plane.lengthen(rows, more)
    log = plane.requests()
    assert log.arrival_s.tolist() == np.repeat(np.arange(5.0), 3).tolist()
    assert (log.status == status.REJECTED).all()
