"""The compiled kernel does what the naive simulator does where prompts and answers are kept.

Fleets, tasks and clients are drawn as in :mod:`test_exact_tasks`. Blocks of prompts have names that
were fed, or that follow from the task, or none; replicas keep a few of them or many.
"""

import hashlib
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import get_args

import pytest
import strategies as st
from agreement import assert_agreement, assert_population, log_fed_in_pieces, looked_at, missing
from drawn import drawn_anew
from fleets import Case, Verb, kernel_log, profile, run
from places import ROOT, TESTS
from task_cases import LONG_TALKS, cases_with_caches, conversations

from sim.engine.state import status
from sim.model.cache import PrefixCache, ResponseCache
from sim.model.client import Client, Hedge
from sim.model.design import Router
from sim.model.profile import Scheduler

# Least counts that a population of cases must have for its agreement to mean something.
MANY = {
    "compared": 63,
    "completed": 1_500,
    "answered at once": 250,
    "prompts found": 250,
    "evicted": 100,
    "preempted": 50,
    "held": 250,
    "long task completed": 150,
}
MANY_AND_HEDGED = {**MANY, "hedged": 500, "the hedge won": 15, "over the limit": 500}
MANY_AND_LOST = {"lost: failed": 8, "resent": 8}


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
    assert_population(cases_with_caches(verbs, hedges), 100, least)


@drawn_anew(67, cases_with_caches(verbs=True, hedges=True), st.floats(0, 1))
def test_the_kernel_agrees_at_any_moment_also_on_requests_in_flight(
    case: Case, share: float
) -> None:
    assert_agreement(case, until_s=share * (case.arrival_s[-1] + 4))


@drawn_anew(34, cases_with_caches(verbs=True, hedges=True), st.integers(0, 2**32 - 1))
def test_entering_the_kernel_at_extra_times_changes_no_bit(case: Case, seed: int) -> None:
    assert kernel_log(looked_at(case, seed)).tobytes() == kernel_log(case).tobytes()


@drawn_anew(34, cases_with_caches(), st.integers(1, 7))
def test_feeding_requests_in_pieces_changes_no_bit(case: Case, size: int) -> None:
    assert log_fed_in_pieces(case, size).tobytes() == kernel_log(case).tobytes()


@pytest.mark.parametrize("router", ["session", "prefix", "least_loaded"])
def test_long_conversations_stay_within_a_billionth(router: Router) -> None:
    """A realistic engine, prompts of thousands of tokens, caches that hold some conversations."""
    case = conversations(LONG_TALKS, router, PrefixCache(block_tokens=32, capacity_tokens=20_000))
    seen = assert_agreement(case)
    assert missing(seen, {"compared": 1, "prompts found": 50, "evicted": 1_000}) == {}


# Conservation


def test_attempts_and_hits_are_conserved_at_any_moment() -> None:
    """attempts = requests - response hits + retries + hedges; what is found is part of a prompt."""
    hits = cached = 0

    @drawn_anew(67, cases_with_caches(verbs=True, hedges=True), st.floats(0, 1))
    def conservation(case: Case, share: float) -> None:
        nonlocal hits, cached
        plane = case.kernel()
        plane.feed(*case.requests)
        plane.close_feed()
        run(case, plane, until_s=share * (case.arrival_s[-1] + 5))
        log, workloads = plane.requests(), plane.close_bin().workloads
        assert (log.cached_tokens < log.prompt_tokens).all()
        for index, counts in enumerate(workloads):
            own = log[log.workload == index]
            served = own[(own.status == status.COMPLETED) & (own.attempts > 0)]
            assert counts.requests == len(own)
            assert counts.response_hits == (own.attempts == 0).sum()
            assert counts.attempts == own.attempts.sum()
            assert counts.attempts == (
                counts.requests - counts.response_hits + counts.retries + counts.hedges
            )
            found = counts.cached_tokens - counts.found_later_tokens
            assert found == served.cached_tokens.sum()
            assert counts.prompt_tokens == served.prompt_tokens.sum()
        hits += int(workloads.response_hits.sum())
        cached += int(workloads.cached_tokens.sum())

    conservation()
    assert hits > 50
    assert cached > 300


# The same kernel, not compiled


def twin_digest() -> str:
    """Fingerprint of all that short conversations log, hedged, limited, kept and interrupted."""
    digest = hashlib.sha256()
    for scheduler in get_args(Scheduler):
        engine = profile(
            batch=(0, 1, 8),
            step_base_s=(0.01, 0.02, 0.04),
            step_s_per_kv_token=(0.0, 1e-4, 5e-5),
            prefill_s_per_token=1e-3,
            kv_capacity_tokens=400,
            kv_block_tokens=4,
            max_num_seqs=4,
            max_num_batched_tokens=16,
            max_model_len=200,
            scheduler=scheduler,
        )
        for router in ("session", "prefix"):
            case = replace(
                conversations(engine, router, PrefixCache(4, 200), n=12, tokens=20),
                clients=[Client(timeout_s=9.0, hedge=Hedge(0.05))],
                max_concurrency=[8],
                response_cache=[ResponseCache(0.1, 0.05)],
                verbs=(Verb(2.0, "add", 0), Verb(3.0, "drain", 0), Verb(3.5, "kill", 1)),
            )
            digest.update(kernel_log(case).tobytes())
    return digest.hexdigest()


def test_the_kernel_not_compiled_gives_the_same_bits() -> None:
    """Guards against a stale compiled kernel, and against code that only compiles by luck."""
    path = os.pathsep.join([str(Path(__file__).parent), str(TESTS), str(ROOT)])
    answer = subprocess.run(
        [sys.executable, "-c", "import test_exact_caches; print(test_exact_caches.twin_digest())"],
        env={**os.environ, "NUMBA_DISABLE_JIT": "1", "PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=True,
    )
    assert answer.stdout.strip() == twin_digest()
