"""The compiled kernel does what the naive simulator does where backends are managed.

Fleets, tasks, caches and clients are drawn as in :mod:`test_exact_caches`. Requests take legs, go
on to other backends, are passed on by long queues and asked again; quotas bind, and incidents come
and go. What is counted for the bill is compared to the last token.
"""

from dataclasses import replace

import numpy as np
import pytest
import strategies as st
from agreement import assert_agreement, assert_population, log_fed_in_pieces, looked_at
from drawn import drawn_anew
from fleets import Case, kernel_run
from managed_cases import cases_far_away, cases_with_budgets, cases_with_managed, cases_with_rules
from naive.runs import api, to
from task_cases import cases_with_caches

from sim.engine.state import status
from sim.engine.state.backend_record import STANDARD
from sim.model.workload import OWN, Chains

# Least counts that a population of cases must have for its agreement to mean something.
MANY = {
    "compared": 50,
    "completed": 1_000,
    "fell back": 250,
    "escalated": 100,
    "passed over": 250,
    "overflowed": 150,
    "fits nowhere": 80,
    "degraded": 220,
    "beyond the quota": 165,
    "told when to come": 40,
    "error": 165,
    "billing 0": 350,
    "billing 1": 15,
    "billing 2": 70,
    "left a managed backend": 145,
    "left amid an answer": 8,
    "remembered by a provider": 130,
    "answered at once": 350,
    "followed up": 350,
    "retried": 325,
    "retried after an escalation": 7,
}
MANY_AND_HEDGED = {
    "hedged at a managed backend": 120,
    "the hedge won": 28,
    "over the limit": 750,
    "resent": 12,
    "gave up on the second answer": 2,
}

RULED = {
    "compared": 25,
    "left out": 60,
    "all left out": 20,
    "nowhere to go on to": 20,
    "too large": 5,
    "beyond the quota": 150,
    "told when to come": 20,
}
ON_BUDGETS = {"compared": 25, "diverted": 25, "over budget": 8, "left out": 60}
FAR = {"compared": 15, "set out": 200, "came in": 150, "left on its way": 5}


@pytest.mark.parametrize(
    ("verbs", "least"),
    [
        pytest.param(False, MANY, id="steady fleets"),
        pytest.param(True, MANY | MANY_AND_HEDGED, id="hedges, incidents, replicas go"),
    ],
)
def test_the_kernel_agrees_with_the_naive_simulator(verbs: bool, least: dict[str, int]) -> None:
    assert_population(cases_with_managed(verbs, hedges=verbs), 100, least)


def test_the_kernel_agrees_where_providers_and_routers_have_further_rules() -> None:
    assert_population(cases_with_rules(verbs=True, hedges=True), 120, RULED)


def test_the_kernel_agrees_where_gateways_have_budgets() -> None:
    assert_population(cases_with_budgets(verbs=True, hedges=True), 80, ON_BUDGETS)


def test_the_kernel_agrees_where_backends_are_far_away_and_lost() -> None:
    assert_population(cases_far_away(verbs=True, hedges=True), 40, FAR)


@drawn_anew(50, cases_with_managed(verbs=True, hedges=True), st.floats(0, 1))
def test_the_kernel_agrees_at_any_moment_also_on_requests_in_flight(
    case: Case, share: float
) -> None:
    assert_agreement(case, until_s=share * (case.arrival_s[-1] + 4))


@drawn_anew(34, cases_with_managed(verbs=True, hedges=True), st.integers(0, 2**32 - 1))
def test_entering_the_kernel_at_extra_times_changes_no_bit(case: Case, seed: int) -> None:
    plane, entered = kernel_run(case), kernel_run(looked_at(case, seed))
    assert entered.requests().tobytes() == plane.requests().tobytes()
    assert entered.close_bin().usage.tobytes() == plane.close_bin().usage.tobytes()


@drawn_anew(34, cases_with_managed(), st.integers(1, 7))
def test_feeding_requests_in_pieces_changes_no_bit(case: Case, size: int) -> None:
    assert log_fed_in_pieces(case, size).tobytes() == kernel_run(case).requests().tobytes()


@drawn_anew(
    50,
    st.one_of(cases_with_managed(verbs=True, hedges=True), cases_with_rules(True, True)),
    st.floats(0, 1),
)
def test_attempts_and_answers_are_conserved_at_any_moment(case: Case, share: float) -> None:
    """attempts = requests - response_hits + retries + hedges + fallbacks + escalations
    = those sent to all backends; answers - escalations = requests completed by attempts; waste is
    that of all backends; by workload. What is inside of a workload is inside of a backend.
    """
    plane = kernel_run(case, until_s=share * (case.arrival_s[-1] + 4))
    log, state = plane.requests(), plane.close_bin()
    for index, (counts, usage) in enumerate(zip(state.workloads, state.usage, strict=True)):
        first = counts.requests - counts.response_hits
        more = counts.retries + counts.hedges + counts.fallbacks + counts.escalations
        assert counts.attempts == first + more == usage["attempts"].sum()
        own = log[log.workload == index]
        answered = (own.status == status.COMPLETED) & (own.attempts > 0)
        assert (usage["answers"] - usage["escalated"]).sum() == answered.sum()
        assert usage["escalated"].sum() >= counts.escalations
        assert usage["wasted_tokens"].sum() == counts.wasted_tokens
        for what in ("attempts", "errors", "rejections"):
            assert usage[what].sum() == usage[:, STANDARD][what].sum()
    assert state.workloads.inside.sum() == state.pools.outstanding.sum()


@drawn_anew(34, cases_with_managed(verbs=True, hedges=True))
def test_the_bill_of_a_managed_backend_has_a_line_for_every_token(case: Case) -> None:
    """Of a managed backend: wasted tokens = prompts - cached + outputs of attempts that were left;
    written tokens = prompts - cached where all prompts are remembered, at most that where short
    ones are not, else none.
    """
    state = kernel_run(case).close_bin()
    assert case.managed is not None
    for backend, managed in enumerate(case.managed, len(case.pools)):
        used = state.usage[:, backend]
        wasted = used["wasted_prompt_tokens"] - used["wasted_cached_tokens"]
        assert (used["wasted_tokens"] == wasted + used["wasted_output_tokens"]).all()
        read = used["prompt_tokens"] - used["cached_tokens"]
        remembers = managed.caching is not None
        assert (used["written_tokens"] <= remembers * read).all()
        assert (used["wasted_written_tokens"] <= remembers * wasted).all()
        if managed.caching is not None and managed.caching.least_tokens <= 1:  # none is too short
            assert (used["written_tokens"] == read).all()
            assert (used["wasted_written_tokens"] == wasted).all()


@drawn_anew(34, cases_with_caches(verbs=True, hedges=True))
def test_a_managed_backend_that_nobody_uses_changes_no_bit(case: Case) -> None:
    beside = replace(case, managed=[api()])
    assert kernel_run(beside).requests().tobytes() == kernel_run(case).requests().tobytes()


def test_there_is_room_for_all_calls_of_wide_stages_where_there_are_no_pools() -> None:
    n, width = 50, 40
    case = Case(
        [],
        [0],
        np.arange(n) / 64,
        prompt=np.ones(n, np.int32),
        output=np.ones(n, np.int32),
        workload=np.zeros(n, np.int32),
        key=1,
        chains=Chains(
            np.full(n, width, np.int32),
            np.ones(n * width, np.int32),
            np.full(n * width, 9.0),
            np.ones(n * width, np.int32),
            np.ones(n * width, np.int32),
            np.full(n * width, OWN, np.int32),
        ),
        managed=[api()],
        routes=[to("api")],
    )
    assert assert_agreement(case)["long task completed"] == n
