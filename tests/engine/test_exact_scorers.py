"""Routers that weigh what is kept of a prompt against queues and memory: kernel and naive agree."""

from dataclasses import replace

import pytest
import strategies as st
from agreement import assert_population
from fleets import Case, cases, kernel_log, pool, profile, requests_of
from handoff_cases import cases_with_handoffs
from task_cases import cases_that_share
from tier_cases import cases_with_tiers

from sim.errors import PeakfleetError
from sim.model.scorers import Scorers

WEIGHT = st.sampled_from([0.0, 0.5, 1.0, 2.0, 3.0])
WEIGHTS = st.tuples(WEIGHT, WEIGHT, WEIGHT, WEIGHT).filter(any)


def scored(case: Case, weights: list[tuple[float, float, float, float]]) -> Case:
    """The case with routers that go by scorers."""
    pools = [
        replace(each, router="scored", scorers=Scorers(*weights[at % len(weights)]))
        for at, each in enumerate(case.pools)
    ]
    return replace(case, pools=pools)


@pytest.mark.parametrize(
    ("drawn", "count"),
    [
        pytest.param(cases(verbs=True), 60, id="fleets that come and go"),
        pytest.param(cases_that_share(True, True), 60, id="blocks in common"),
        pytest.param(cases_with_tiers(True), 40, id="tiers"),
        pytest.param(cases_with_handoffs(True, False, True), 40, id="prompts that are handed on"),
    ],
)
def test_the_kernel_agrees_with_the_naive_simulator(drawn: st.Strategy[Case], count: int) -> None:
    weighed = st.builds(scored, drawn, st.lists(WEIGHTS, min_size=1, max_size=2))
    assert_population(weighed, count, {"compared": count // 2, "completed": 5 * count})


def test_requests_go_to_who_has_fewest() -> None:
    """Four at once on two replicas of one place each: the queues stay level."""
    fleet = pool(profile(max_num_seqs=1), replicas=2)
    case = requests_of(profile(max_num_seqs=1), *[(0.0, 8, 10)] * 4, replicas=2)
    case = replace(case, pools=[replace(fleet, router="scored", scorers=Scorers(0, 1, 0, 1))])
    assert sorted(kernel_log(case).replica.tolist()) == [0, 0, 1, 1]


def test_weights_of_nothing_are_refused() -> None:
    for weights in ((0, 0, 0, 0), (-1, 1, 1, 1)):
        with pytest.raises((PeakfleetError, ValueError)):
            Scorers(*weights)
