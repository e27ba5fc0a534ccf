"""The compiled kernel does exactly what the naive step-by-step simulator does.

The naive one walks every step and moves every token; the kernel leaps. In cases of all kinds that
are drawn every status, replica and number of preemptions is the same, and every time is within 1e-9
of itself.
"""

import hashlib
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest
import strategies as st
from drawn import drawn_anew
from fleets import END_S, Case, Verb, advance, cases, kernel_log, pool, profile, run
from places import ROOT, TESTS

from sim.engine.state import status
from sim.model.design import Router
from sim.model.profile import Scheduler


def assert_agreement(case: Case, until_s: float = END_S) -> Any:
    """Kernel and naive simulator agree on the case; the kernel's log."""
    log, naive = kernel_log(case, until_s), case.naive()
    run(case, naive, until_s)
    for column in ("status", "replica", "preemptions", "workload"):
        np.testing.assert_array_equal(log[column], naive.column(column), column)
    for column in ("prompt", "output"):
        np.testing.assert_array_equal(log[f"{column}_tokens"], naive.column(column), column)
    for column in ("arrival_s", "ready_s", "admitted_s", "first_token_s", "finish_s"):
        np.testing.assert_allclose(
            log[column], naive.column(column), rtol=1e-9, atol=1e-12, err_msg=column
        )
    return log


@drawn_anew(334, cases())
def test_the_kernel_agrees_with_the_naive_simulator(case: Case) -> None:
    assert_agreement(case)


def test_the_kernel_agrees_where_memory_is_short_and_preemptions_abound() -> None:
    preempted, finished = 0, 0

    @drawn_anew(200, cases(tight=True))
    def agreement(case: Case) -> None:
        nonlocal preempted, finished
        log = assert_agreement(case)
        preempted += int(log.preemptions.sum())
        finished += int((log.status == status.COMPLETED).sum())

    agreement()
    assert preempted > 2_000
    assert finished > 2_000


def test_the_kernel_agrees_under_verbs_at_arbitrary_times() -> None:
    failed, rejected = 0, 0

    @drawn_anew(200, cases(verbs=True))
    def agreement(case: Case) -> None:
        nonlocal failed, rejected
        log = assert_agreement(case)
        failed += int((log.status == status.FAILED).sum())
        rejected += int((log.status == status.REJECTED).sum())

    agreement()
    assert failed > 150
    assert rejected > 500


@drawn_anew(100, cases(tight=True, verbs=True))
def test_the_kernel_agrees_where_memory_is_short_and_replicas_come_and_go(case: Case) -> None:
    assert_agreement(case)


@drawn_anew(100, cases(tight=True, verbs=True), st.floats(0, 1))
def test_the_kernel_agrees_at_any_moment_also_on_requests_in_flight(
    case: Case, share: float
) -> None:
    assert_agreement(case, until_s=share * (case.arrival_s[-1] + 2))


@drawn_anew(34, cases(tight=True), st.integers(0, 2**32 - 1))
def test_entering_the_kernel_at_extra_times_changes_no_bit(case: Case, seed: int) -> None:
    plane = case.kernel()
    plane.feed(*case.requests)
    plane.close_feed()
    rng = np.random.default_rng(seed)
    extra_s = np.sort(np.append(rng.uniform(0, case.arrival_s[-1] + 20, 50), case.arrival_s))
    for time_s in extra_s.tolist():
        advance(plane, time_s)
    advance(plane, END_S)
    assert plane.requests().tobytes() == kernel_log(case).tobytes()


@drawn_anew(34, cases(), st.integers(1, 7))
def test_feeding_requests_in_pieces_changes_no_bit(case: Case, size: int) -> None:
    plane = case.kernel()
    for begin in range(0, len(case.arrival_s), size):
        plane.feed(*(column[begin : begin + size] for column in case.requests))
        assert plane.advance(END_S) == status.NEED_REQUESTS
    plane.close_feed()
    advance(plane, END_S)
    assert plane.requests().tobytes() == kernel_log(case).tobytes()


@pytest.mark.parametrize("scheduler", get_args(Scheduler))
@pytest.mark.parametrize("router", get_args(Router))
def test_long_outputs_over_many_leaps_stay_within_a_billionth(
    scheduler: Scheduler, router: Router
) -> None:
    """A realistic engine with outputs of hundreds of tokens: rounding does not pile up."""
    rng = np.random.default_rng(11)
    engine = profile(
        batch=(0, 1, 8, 64),
        step_base_s=(0.011, 0.012, 0.014, 0.022),
        step_s_per_kv_token=(0.0, 2.1e-7, 1.9e-7, 1.7e-7),
        prefill_s_per_request=0.003,
        prefill_s_per_token=5.3e-5,
        prefill_s_per_token_context=1.1e-9,
        overhead_s=0.02,
        frontend_s_per_request=0.001,
        frontend_s_per_token=1e-6,
        kv_capacity_tokens=20_000,
        max_num_seqs=64,
        max_num_batched_tokens=512,
        max_model_len=4_096,
        scheduler=scheduler,
    )
    n = 300
    case = Case(
        [pool(engine, 3, router)],
        [0],
        np.cumsum(rng.exponential(0.05, n)),
        prompt=rng.integers(1, 1_500, n, dtype=np.int32),
        output=np.minimum(rng.geometric(1 / 300, n), 1_500).astype(np.int32),
        workload=np.zeros(n, np.int32),
        key=3,
    )
    assert assert_agreement(case).preemptions.sum() > 0


# The same kernel, not compiled


def twin_digest() -> str:
    """Fingerprint of everything a short run of every scheduler and router logs."""
    digest = hashlib.sha256()
    rng = np.random.default_rng(2)
    n = 60
    for scheduler in get_args(Scheduler):
        for router in get_args(Router):
            engine = profile(
                batch=(0, 1, 8),
                step_base_s=(0.01, 0.02, 0.04),
                step_s_per_kv_token=(0.0, 1e-4, 5e-5),
                prefill_s_per_token=1e-3,
                prefill_s_per_token_context=1e-5,
                overhead_s=0.01,
                kv_capacity_tokens=160,
                kv_block_tokens=4,
                max_num_seqs=8,
                max_num_batched_tokens=16,
                max_model_len=100,
                scheduler=scheduler,
            )
            case = Case(
                [pool(engine, 2, router)],
                [0],
                np.cumsum(rng.exponential(0.1, n)),
                prompt=rng.integers(1, 60, n, dtype=np.int32),
                output=rng.integers(1, 40, n, dtype=np.int32),
                workload=np.zeros(n, np.int32),
                key=5,
                verbs=(Verb(2.0, "add", 0), Verb(3.0, "drain", 0), Verb(3.5, "kill", 1)),
            )
            digest.update(kernel_log(case).tobytes())
    return digest.hexdigest()


def test_the_kernel_not_compiled_gives_the_same_bits() -> None:
    """Guards against a stale compiled kernel, and against code that only compiles by luck."""
    path = os.pathsep.join([str(Path(__file__).parent), str(TESTS), str(ROOT)])
    answer = subprocess.run(
        [sys.executable, "-c", "import test_exact; print(test_exact.twin_digest())"],
        env={**os.environ, "NUMBA_DISABLE_JIT": "1", "PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=True,
    )
    assert answer.stdout.strip() == twin_digest()
