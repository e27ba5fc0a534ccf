"""The compiled kernel does what the naive simulator does where attempts are hedged and limited.

Fleets, traffic and clients are drawn as in :mod:`test_exact_clients`; most clients send a second
attempt beside one that is slow to begin, and some workloads have a limit on their attempts.
"""

import pytest
import strategies as st
from agreement import assert_agreement, assert_population, looked_at
from drawn import drawn_anew
from fleets import Case, cases_with_clients, kernel_log, run

# Least counts that a population of cases must have for its agreement to mean something.
MANY = {
    "compared": 75,
    "completed": 500,
    "hedged": 750,
    "the hedge won": 2,
    "the hedge lost": 250,
    "lost one of two": 250,
    "gave up on two": 8,
    "hedges without budget": 50,
    "over the limit": 500,
    "left the line": 250,
    "left the gateway": 250,
    "stopped while running": 50,
    "orphaned": 250,
    "retried": 500,
}
MANY_AND_LOST = {**MANY, "the hedge won": 15, "preempted": 100, "lost: failed": 25, "resent": 50}


@pytest.mark.parametrize(
    ("tight", "verbs", "least"),
    [
        pytest.param(False, False, MANY, id="steady fleets"),
        pytest.param(True, True, MANY_AND_LOST, id="short of memory, replicas come and go"),
    ],
)
def test_the_kernel_agrees_with_the_naive_simulator(
    tight: bool, verbs: bool, least: dict[str, int]
) -> None:
    assert_population(cases_with_clients(tight, verbs, hedges=True), 100, least)


@drawn_anew(67, cases_with_clients(tight=True, verbs=True, hedges=True), st.floats(0, 1))
def test_the_kernel_agrees_at_any_moment_also_on_requests_in_flight(
    case: Case, share: float
) -> None:
    assert_agreement(case, until_s=share * (case.arrival_s[-1] + 2))


@drawn_anew(34, cases_with_clients(tight=True, verbs=True, hedges=True), st.integers(0, 2**32 - 1))
def test_entering_the_kernel_at_extra_times_changes_no_bit(case: Case, seed: int) -> None:
    assert kernel_log(looked_at(case, seed)).tobytes() == kernel_log(case).tobytes()


def test_attempts_are_conserved_at_any_moment() -> None:
    """attempts = requests + retries + hedges, by workload, in the log and in the counters."""
    hedges = retries = 0

    @drawn_anew(50, cases_with_clients(verbs=True, hedges=True), st.floats(0, 1))
    def conservation(case: Case, share: float) -> None:
        nonlocal hedges, retries
        plane = case.kernel()
        plane.feed(*case.requests)
        plane.close_feed()
        run(case, plane, until_s=share * (case.arrival_s[-1] + 5))
        log, workloads = plane.requests(), plane.close_bin().workloads
        for index, counts in enumerate(workloads):
            own = log[log.workload == index]
            assert counts.attempts == own.attempts.sum()
            assert counts.attempts == len(own) + counts.retries + counts.hedges
            most = (case.clients or [])[index].retry.max_retries + 1
            assert own.attempts.max(initial=0) <= 2 * most
        hedges += int(workloads.hedges.sum())
        retries += int(workloads.retries.sum())

    conservation()
    assert hedges > 100
    assert retries > 100
