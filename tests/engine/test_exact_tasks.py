"""The compiled kernel does what the naive simulator does where calls follow calls.

Fleets, clients and verbs are drawn as in :mod:`test_exact_clients`. Many requests are followed by
others, some side by side, after think times that are often the same, or none.
"""

from collections import Counter

import numpy as np
import pytest
import strategies as st
from agreement import assert_agreement, assert_population, log_fed_in_pieces, looked_at
from drawn import drawn_anew
from fleets import Case, kernel_log, run
from task_cases import cases_with_tasks

from sim.engine.state import status
from sim.engine.state.histogram import bucket
from sim.engine.state.record import TASK_E2E
from sim.model.workload import OWN

# Least counts that a population of cases must have for its agreement to mean something.
MANY = {
    "compared": 63,
    "completed": 1_000,
    "rejected": 500,
    "timed_out": 25,
    "gave_up": 25,
    "retried": 100,
    "held": 250,
    "followed up": 500,
    "long task completed": 200,
    "long task failed": 250,
}
MANY_AND_HEDGED = {**MANY, "hedged": 500, "the hedge won": 15, "over the limit": 500}
MANY_AND_LOST = {"lost: failed": 8, "resent": 8, "preempted": 100}


@pytest.mark.parametrize(
    ("verbs", "hedges", "least"),
    [
        pytest.param(False, False, MANY, id="steady fleets"),
        pytest.param(True, True, MANY_AND_HEDGED | MANY_AND_LOST, id="hedges, replicas go"),
    ],
)
def test_the_kernel_agrees_with_the_naive_simulator(
    verbs: bool, hedges: bool, least: dict[str, int]
) -> None:
    assert_population(cases_with_tasks(verbs, hedges), 100, least)


@drawn_anew(67, cases_with_tasks(verbs=True, hedges=True), st.floats(0, 1))
def test_the_kernel_agrees_at_any_moment_also_on_requests_in_flight(
    case: Case, share: float
) -> None:
    assert_agreement(case, until_s=share * (case.arrival_s[-1] + 4))


@drawn_anew(34, cases_with_tasks(verbs=True, hedges=True), st.integers(0, 2**32 - 1))
def test_entering_the_kernel_at_extra_times_changes_no_bit(case: Case, seed: int) -> None:
    assert kernel_log(looked_at(case, seed)).tobytes() == kernel_log(case).tobytes()


@drawn_anew(34, cases_with_tasks(), st.integers(1, 7))
def test_feeding_requests_in_pieces_changes_no_bit(case: Case, size: int) -> None:
    assert log_fed_in_pieces(case, size).tobytes() == kernel_log(case).tobytes()


def test_tasks_are_conserved_at_any_moment() -> None:
    """tasks = completed + failed + in flight, by workload; a task's first call is a request fed."""
    ended: Counter[str] = Counter()

    @drawn_anew(50, cases_with_tasks(verbs=True), st.floats(0, 1))
    def conservation(case: Case, share: float) -> None:
        until_s = share * (case.arrival_s[-1] + 10)
        naive, plane = case.naive(), case.kernel()
        plane.feed(*case.requests)
        plane.close_feed()
        run(case, naive, until_s)
        run(case, plane, until_s)
        if naive.seen["photo finish"]:
            return
        log, state = plane.requests(), plane.close_bin()
        for index, counts in enumerate(state.workloads):
            begun = case.workload[case.arrival_s <= until_s] == index
            if not any(len(task.calls) > 1 and task.workload == index for task in naive.tasks):
                continue
            fates = Counter(task.status for task in naive.tasks if task.workload == index)
            first = log[np.unique(log.task, return_index=True)[1]]  # of each task
            assert counts.tasks == (first.workload == index).sum() == begun.sum()
            assert counts.tasks_completed == fates[status.COMPLETED]
            assert counts.tasks_failed == fates[status.FAILED]
            ended.update(completed=fates[status.COMPLETED], failed=fates[status.FAILED])
            assert_same_latencies(
                state.histograms[index, TASK_E2E],
                [
                    task.finish_s - task.arrival_s
                    for task in naive.tasks
                    if task.workload == index and task.status == status.COMPLETED
                ],
            )

    conservation()
    assert ended["completed"] > 200
    assert ended["failed"] > 200


def assert_same_latencies(histogram: np.ndarray, latencies_s: list[float]) -> None:
    """The histogram is that of the latencies, but for the last bit at the edge of a bucket."""
    counted = np.repeat(np.arange(len(histogram)), histogram)
    buckets = np.sort([bucket(latency_s) for latency_s in latencies_s])
    assert len(counted) == len(buckets)
    assert (np.abs(counted - buckets) <= 1).all()


def test_the_calls_of_a_task_keep_their_order_and_think_times() -> None:
    """The n-th of a chain of single calls comes its think time after the answer before.

    Those of other workloads count from the arrival of the first.
    """
    followed = 0

    @drawn_anew(67, cases_with_tasks())
    def order(case: Case) -> None:
        nonlocal followed
        log, chains = kernel_log(case), case.chains
        assert chains is not None
        ends = np.cumsum(chains.count)
        for task, (end, count) in enumerate(zip(ends, chains.count, strict=True)):
            calls, own = log[log.task == task], slice(end - count, end)
            if (np.diff(chains.stage[own]) == 0).any():
                continue  # some are sent side by side
            assert (calls.status[:-1] == status.COMPLETED).all()
            sent_s = calls.finish_s[:-1] + chains.think_s[own][: len(calls) - 1]
            is_own = chains.workload[own][: len(calls) - 1] == OWN
            counts_from_s = np.where(is_own, sent_s, calls.arrival_s[0])
            assert calls.arrival_s[1:].tolist() == counts_from_s.tolist()
            followed += len(calls) - 1

    order()
    assert followed > 500
