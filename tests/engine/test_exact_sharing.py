"""The compiled kernel does what the naive simulator does where prompts lie in the KV cache.

Fleets, tasks and clients are drawn as in :mod:`test_exact_caches`. Requests in the batch hold the
blocks that they have in common once, and what nobody holds is kept while its memory is not needed.
"""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import strategies as st
from agreement import assert_agreement, assert_population, log_fed_in_pieces, looked_at, missing
from drawn import drawn_anew
from fleets import Case, kernel_log, profile, requests_of
from task_cases import LONG_TALKS, cases_that_share, conversations

from sim.model.cache import PrefixCache
from sim.model.client import Client
from sim.model.design import Router
from sim.model.profile import ServiceProfile
from sim.model.workload import Prefixes

# Least counts that a population of cases must have for its agreement to mean something.
MANY = {
    "compared": 38,
    "completed": 900,
    "prompts found": 150,
    "evicted": 100,
    "shared": 40,
    "preempted": 40,
    "held": 100,
}


@pytest.mark.parametrize(
    ("verbs", "hedges", "least"),
    [
        pytest.param(False, False, MANY, id="steady fleets"),
        pytest.param(True, True, {**MANY, "shared": 10, "preempted": 15}, id="replicas go"),
    ],
)
def test_the_kernel_agrees_with_the_naive_simulator(
    verbs: bool, hedges: bool, least: dict[str, int]
) -> None:
    assert_population(cases_that_share(verbs, hedges), 60, least)


ENGINES = {
    "ranks in lockstep": {"data_parallel_ranks": 2},
    "room for whole answers": {"admission": "whole"},
    "a watermark": {"admission": "watermark"},
    "two steps in flight": {"steps_in_flight": 2, "scheduler": "chunked"},
}


@pytest.mark.parametrize("engine", ENGINES.values(), ids=ENGINES)
def test_the_kernel_agrees_whatever_the_rules_of_the_engine(engine: dict[str, Any]) -> None:
    def ruled(case: Case) -> Case:
        pools = [replace(p, profile=replace(p.profile, **engine)) for p in case.pools]
        return replace(case, pools=pools)

    assert_population(cases_that_share().map(ruled), 20, {"compared": 12, "shared": 5})


@drawn_anew(50, cases_that_share(verbs=True, hedges=True), st.floats(0, 1))
def test_the_kernel_agrees_at_any_moment_also_on_requests_in_flight(
    case: Case, share: float
) -> None:
    assert_agreement(case, until_s=share * (case.arrival_s[-1] + 4))


@drawn_anew(25, cases_that_share(verbs=True, hedges=True), st.integers(0, 2**32 - 1))
def test_entering_the_kernel_at_extra_times_changes_no_bit(case: Case, seed: int) -> None:
    assert kernel_log(looked_at(case, seed)).tobytes() == kernel_log(case).tobytes()


@drawn_anew(25, cases_that_share(), st.integers(1, 7))
def test_feeding_requests_in_pieces_changes_no_bit(case: Case, size: int) -> None:
    assert log_fed_in_pieces(case, size).tobytes() == kernel_log(case).tobytes()


@pytest.mark.parametrize("router", ["session", "prefix", "least_loaded"])
def test_long_conversations_stay_within_a_billionth(router: Router) -> None:
    """A realistic engine, prompts of thousands of tokens, memory for a few of them."""
    case = conversations(LONG_TALKS, router, PrefixCache(32, 30_000, shares=True))
    seen = assert_agreement(case)
    assert missing(seen, {"compared": 1, "prompts found": 50, "evicted": 1_000}) == {}


# In closed form


def alike(engine: ServiceProfile, count: int, shares: bool) -> Case:
    """Prompts of 64 tokens, all the same, and answers of 16, at one moment after a first one."""
    case = requests_of(engine, (0.0, 64, 1), *[(100.0, 64, 16)] * count)
    cache = PrefixCache(16, engine.kv_capacity_tokens, shares)
    names = np.tile(np.arange(4), count + 1)
    return replace(
        case,
        pools=[replace(case.pools[0], prefix_cache=cache)],
        prefixes=Prefixes(np.full(count + 1, 4, np.int32), names),
    )


@pytest.mark.parametrize(("shares", "together"), [(False, 2), (True, 5)])
def test_what_prompts_have_in_common_takes_its_memory_once(shares: bool, together: int) -> None:
    """Ten blocks of 16 tokens. An answer of 16 tokens grows from 64 to 79 tokens: five blocks each.

    Alone each needs five: two fit. Of a prompt of 64 tokens 48 are found, as the last token is
    computed: three blocks are held in common, and each has one for the rest and one to grow into.
    When the first is prefilled its fourth is shared, too, so that those who come later need one:
    at the moment of admission three and one for each of five are eight, and two are left.
    """
    engine = profile(kv_capacity_tokens=160, max_num_seqs=8, max_num_batched_tokens=64)
    log = kernel_log(alike(engine, 5, shares))
    assert (log.cached_tokens[1:] == 63).all()
    first = log.admitted_s[1:].min()
    assert (log.admitted_s[1:] - first < 5.0).sum() == together


def test_who_was_admitted_first_leaves_first_and_what_it_leaves_goes_first() -> None:
    """Two hang up within a step; the second would have ended first, and the first is forgotten.

    Ten blocks: each of them leaves four with names. A third takes five, so that three of those go.
    """
    engine = profile(kv_capacity_tokens=160, max_num_seqs=8, max_num_batched_tokens=256)
    asked = [(0.0, 65, 12), (0.0, 65, 9), (20.0, 65, 1), (30.0, 65, 1)]
    case = requests_of(engine, *asked)
    names = np.concatenate([np.arange(4), np.arange(4, 8), np.arange(8, 12), np.arange(4, 8)])
    case = replace(
        case,
        pools=[replace(case.pools[0], prefix_cache=PrefixCache(16, 160, shares=True))],
        prefixes=Prefixes(np.full(4, 4, np.int32), names),
        clients=[Client(timeout_s=5.5)],
    )
    assert assert_agreement(case)["stopped while running"] == 2
    assert kernel_log(case).cached_tokens.tolist() == [0, 0, 0, 64]
