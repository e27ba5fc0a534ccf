"""Speculative decoding: steps that make several tokens, and parts of one, for each sequence."""

import strategies as st
from agreement import assert_population
from drafts import GAINS, drafting
from drawn import drawn_anew
from fleets import Case, cases
from test_exact import assert_agreement
from tier_cases import cases_with_handoffs_and_tiers


@drawn_anew(120, cases(), st.lists(GAINS, min_size=1, max_size=2), st.integers(1, 2))
def test_the_kernel_agrees_with_the_naive_simulator(
    case: Case, gains: list[tuple[int, int]], steps_in_flight: int
) -> None:
    assert_agreement(drafting(case, gains, steps_in_flight))


@drawn_anew(
    120, cases(tight=True, verbs=True), st.lists(GAINS, min_size=1, max_size=2), st.integers(1, 2)
)
def test_they_agree_where_memory_is_short_and_replicas_come_and_go(
    case: Case, gains: list[tuple[int, int]], steps_in_flight: int
) -> None:
    assert_agreement(drafting(case, gains, steps_in_flight))


def test_they_agree_with_tasks_shared_blocks_tiers_and_prompts_that_are_handed_on() -> None:
    drawn = st.builds(
        drafting,
        cases_with_handoffs_and_tiers(True),
        st.lists(GAINS, min_size=1, max_size=2),
        st.integers(1, 2),
    )
    assert_population(drawn, 60, {"compared": 40, "loads": 5, "passed on": 150, "preempted": 10})
