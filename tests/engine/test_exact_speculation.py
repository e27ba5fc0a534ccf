"""Speculative decoding: steps that make several tokens, and parts of one, for each sequence."""

import strategies as st
from agreement import assert_population
from drafts import GAINS, drafting
from drawn import drawn_anew
from fleets import Case, cases, kernel_log, profile, requests_of
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
    assert_population(drawn, 60, {"compared": 25, "loads": 5, "passed on": 150, "preempted": 10})


def test_who_is_preempted_for_its_own_drafts_is_computed_again_at_once() -> None:
    """Four blocks of four, and 13 + 3 tokens: the step that ends the answer may make 16.6 of them.

    A prompt takes 1 s, a step 1 s for a token, so 1.8125 s. After a prompt and a step two tokens
    are there; the third is that of the prompt that is computed again, with 15.
    """
    engine = profile(
        kv_capacity_tokens=16, kv_block_tokens=4, max_model_len=16, scheduler="prefill_first",
        tokens_per_step=1.8125, step_width=4,
    )  # fmt: skip
    case = requests_of(engine, (0.0, 13, 3), (0.5, 13, 1))
    assert_agreement(case)
    log = kernel_log(case)
    assert log.preemptions.tolist() == [1, 0]
    assert log.finish_s.tolist() == [1 + 1.8125 + 1, 1 + 1.8125 + 2]
