"""The compiled kernel does what the naive simulator does where tiers lie under caches of prompts.

Fleets, tasks and clients are drawn as in :mod:`test_exact_sharing`; tiers of each kind, a few
blocks large or ample, on links from far slower than the engine computes to far faster.
"""

from dataclasses import replace
from typing import Any

import pytest
import strategies as st
from agreement import assert_agreement, assert_population, log_fed_in_pieces, looked_at, missing
from drawn import drawn_anew
from fleets import Case, kernel_log
from task_cases import LONG_TALKS, conversations
from tier_cases import cases_with_handoffs_and_tiers, cases_with_tiers

from sim.model.cache import PrefixCache, Tier
from sim.model.design import Router

# Least counts that a population of cases must have for its agreement to mean something.
MANY = {"compared": 38, "completed": 900, "prompts found": 150, "evicted": 60, "written": 40}
MANY |= {"loads": 25, "preempted": 15, "held": 100}


@pytest.mark.parametrize(
    ("verbs", "hedges", "least"),
    [
        pytest.param(False, False, MANY, id="steady fleets"),
        pytest.param(True, True, {**MANY, "resent": 4, "hedged": 100}, id="replicas go"),
    ],
)
def test_the_kernel_agrees_with_the_naive_simulator(
    verbs: bool, hedges: bool, least: dict[str, int]
) -> None:
    assert_population(cases_with_tiers(verbs, hedges), 60, least)


ENGINES = {
    "ranks in lockstep": {"data_parallel_ranks": 2},
    "room for whole answers": {"admission": "whole"},
    "a watermark": {"admission": "watermark"},
    "two steps in flight": {"steps_in_flight": 2, "scheduler": "chunked"},
    "prompts first": {"steps_in_flight": 1, "scheduler": "prefill_first"},
}


@pytest.mark.parametrize("engine", ENGINES.values(), ids=ENGINES)
def test_the_kernel_agrees_whatever_the_rules_of_the_engine(engine: dict[str, Any]) -> None:
    def ruled(case: Case) -> Case:
        pools = [replace(p, profile=replace(p.profile, **engine)) for p in case.pools]
        return replace(case, pools=pools)

    assert_population(cases_with_tiers(True).map(ruled), 20, {"compared": 12, "loads": 3})


def test_the_kernel_agrees_where_a_pool_hands_its_prompts_to_another() -> None:
    """What is read from tiers, and what is pulled from a replica, one after the other."""
    least = {"compared": 25, "loads": 8, "passed on": 200, "resent": 10}
    assert_population(cases_with_handoffs_and_tiers(True), 60, least)


@drawn_anew(40, cases_with_tiers(verbs=True, hedges=True), st.floats(0, 1))
def test_the_kernel_agrees_at_any_moment_also_on_requests_in_flight(
    case: Case, share: float
) -> None:
    assert_agreement(case, until_s=share * (case.arrival_s[-1] + 4))


@drawn_anew(20, cases_with_tiers(verbs=True, hedges=True), st.integers(0, 2**32 - 1))
def test_entering_the_kernel_at_extra_times_changes_no_bit(case: Case, seed: int) -> None:
    assert kernel_log(looked_at(case, seed)).tobytes() == kernel_log(case).tobytes()


@drawn_anew(20, cases_with_tiers(), st.integers(1, 7))
def test_feeding_requests_in_pieces_changes_no_bit(case: Case, size: int) -> None:
    assert log_fed_in_pieces(case, size).tobytes() == kernel_log(case).tobytes()


HOST = Tier("host", 60_000, 4e9, 4e9, writes_through=False)
STORE = Tier("shared", 1_000_000, 1e9, 1e9, latency_s=0.004)
DRIVE = Tier("nvme", 40_000, 7e8, 5e8, latency_s=8e-5)


@pytest.mark.parametrize(
    ("router", "tiers"),
    [("session", (HOST, STORE)), ("prefix", (HOST, DRIVE)), ("least_loaded", (STORE,))],
)
def test_long_conversations_stay_within_a_billionth(
    router: Router, tiers: tuple[Tier, ...]
) -> None:
    """A realistic engine, prompts of thousands of tokens, memory for a few of them."""
    cache = PrefixCache(32, 30_000, True, tiers, bytes_per_token=1e5, load="always")
    seen = assert_agreement(conversations(LONG_TALKS, router, cache))
    assert missing(seen, {"compared": 1, "prompts found": 50, "evicted": 800, "loads": 20}) == {}


def test_what_falls_through_two_tiers_is_found_in_the_second() -> None:
    below = (replace(HOST, capacity_tokens=2_000), replace(DRIVE, writes_through=False))
    cache = PrefixCache(16, 8_000, tiers=below, bytes_per_token=1e5, load="always")
    case = conversations(LONG_TALKS, "prefix", cache)
    assert assert_agreement(case)["loads"] > 5
