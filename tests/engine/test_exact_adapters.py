"""The compiled kernel does what the naive simulator does where requests need adapters.

Fleets, tasks, clients and caches are drawn as elsewhere; adapters of one workload or several, fewer
or more than a replica has slots for, loaded in less than a step or in many.
"""

from dataclasses import replace
from typing import Any

import pytest
import strategies as st
from adapter_cases import cases_with_adapters
from agreement import assert_agreement, assert_population, log_fed_in_pieces, looked_at
from drawn import drawn_anew
from fleets import Case, kernel_log

# Least counts that a population of cases must have for its agreement to mean something.
MANY = {"compared": 6, "completed": 100, "adapters loaded": 40, "adapters found": 20}
MANY |= {"adapters evicted": 10, "adapters fetched": 20, "passed over": 1}


@pytest.mark.parametrize(
    ("verbs", "hedges", "least"),
    [
        pytest.param(False, False, MANY, id="steady fleets"),
        pytest.param(True, True, {**MANY, "hedged": 10}, id="replicas go"),
    ],
)
def test_the_kernel_agrees_with_the_naive_simulator(
    verbs: bool, hedges: bool, least: dict[str, int]
) -> None:
    assert_population(cases_with_adapters(verbs, hedges), 8, least)


ENGINES = {
    "room for whole answers": {"admission": "whole"},
    "two steps in flight": {"steps_in_flight": 2, "scheduler": "chunked"},
    "prompts first": {"steps_in_flight": 1, "scheduler": "prefill_first"},
    "speculation": {"tokens_per_step": 1.8125, "step_width": 4},
}


@pytest.mark.parametrize("engine", ENGINES.values(), ids=ENGINES)
def test_the_kernel_agrees_whatever_the_rules_of_the_engine(engine: dict[str, Any]) -> None:
    assert_population(
        cases_with_adapters(True).map(lambda case: ruled(case, engine)),
        4,
        {"compared": 3, "adapters loaded": 3},
    )


def ruled(case: Case, engine: dict[str, Any]) -> Case:
    """The same case with engines that have some things in common."""
    pools = []
    for pool in case.pools:
        profile = replace(pool.profile, **engine)
        budget = max(profile.max_num_batched_tokens, profile.max_num_seqs * profile.step_width)
        pools.append(replace(pool, profile=replace(profile, max_num_batched_tokens=budget)))
    return replace(case, pools=pools)


@drawn_anew(4, cases_with_adapters(verbs=True, hedges=True), st.floats(0, 1))
def test_the_kernel_agrees_at_any_moment(case: Case, share: float) -> None:
    assert_agreement(case, until_s=share * (case.arrival_s[-1] + 4))


@drawn_anew(4, cases_with_adapters(verbs=True, hedges=True), st.integers(0, 2**32 - 1))
def test_entering_the_kernel_at_extra_times_changes_no_bit(case: Case, seed: int) -> None:
    assert kernel_log(looked_at(case, seed)).tobytes() == kernel_log(case).tobytes()


@drawn_anew(4, cases_with_adapters(), st.integers(1, 7))
def test_feeding_requests_in_pieces_changes_no_bit(case: Case, size: int) -> None:
    assert log_fed_in_pieces(case, size).tobytes() == kernel_log(case).tobytes()
