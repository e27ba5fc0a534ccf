"""Speculative decoding: steps that make several tokens, and parts of one, for each sequence."""

from dataclasses import replace

from agreement import assert_population
from drawn import drawn_anew
from fleets import Case, cases
from hypothesis import strategies as st
from test_exact import assert_agreement
from tier_cases import cases_with_handoffs_and_tiers

from sim.model.profile import UNITS_PER_TOKEN

GAINS = st.tuples(st.integers(1, 6 * UNITS_PER_TOKEN), st.integers(0, 3))


def drafting(case: Case, gains: list[tuple[int, int]], steps_in_flight: int) -> Case:
    """The case with engines whose steps make so many parts of a token, and draft more."""
    pools = []
    for at, pool in enumerate(case.pools):
        parts, more = gains[at % len(gains)]
        width = 1 - -parts // UNITS_PER_TOKEN + more
        room = pool.profile.kv_capacity_tokens // pool.profile.kv_block_tokens
        longest = room * pool.profile.kv_block_tokens - width
        engine = replace(
            pool.profile,
            max_model_len=max(2, min(pool.profile.max_model_len, longest)),
            tokens_per_step=1 + parts / UNITS_PER_TOKEN,
            step_width=width,
            steps_in_flight=1 if pool.profile.scheduler == "prefill_first" else steps_in_flight,
        )
        pools.append(replace(pool, profile=engine))
    return replace(case, pools=pools)


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
