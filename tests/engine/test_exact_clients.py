"""The compiled kernel does what the naive simulator does, also where clients do not wait for ever.

Fleets, traffic and verbs are drawn as in :mod:`test_exact`; clients have time limits of the order
of a service, patience, presets of retries or any other, and gateways hold, limit, reject and
resend. What happened is the same for every request, and every time within 1e-9 of itself.
"""

import hashlib
import os
import subprocess
import sys
from collections import Counter
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import strategies as st
from agreement import assert_agreement, assert_population, log_fed_in_pieces, looked_at
from drawn import drawn_anew
from fleets import Case, Verb, cases_with_clients, kernel_log, pool, profile, run
from places import ROOT, TESTS

from sim.engine.state import status
from sim.model.client import RETRIES, Client, Retry, RetryBudget
from sim.model.gateway import Gateway

# Least counts that a population of cases must have for its agreement to mean something.
MANY = {
    "compared": 100,
    "completed": 500,
    "timed_out": 250,
    "rejected": 250,
    "gave_up": 150,
    "retried": 500,
    "lost: timed_out": 250,
    "lost: rejected": 250,
    "held": 250,
    "left the gateway": 150,
    "left the line": 150,
    "stopped while running": 60,
    "orphaned": 250,
    "gave up between attempts": 25,
    "retries without budget": 25,
}
MANY_AND_PREEMPTED = {**MANY, "preempted": 250}
MANY_AND_LOST = {**MANY, "lost: failed": 30, "resent": 13}


@pytest.mark.parametrize(
    ("tight", "verbs", "least"),
    [
        pytest.param(False, False, MANY, id="steady fleets"),
        pytest.param(True, False, MANY_AND_PREEMPTED, id="short of memory"),
        pytest.param(False, True, MANY_AND_LOST, id="replicas come and go"),
        pytest.param(True, True, MANY_AND_LOST | MANY_AND_PREEMPTED, id="both"),
    ],
)
def test_the_kernel_agrees_with_the_naive_simulator(
    tight: bool, verbs: bool, least: dict[str, int]
) -> None:
    assert_population(cases_with_clients(tight, verbs), 120, least)


@drawn_anew(100, cases_with_clients(tight=True, verbs=True), st.floats(0, 1))
def test_the_kernel_agrees_at_any_moment_also_on_requests_in_flight(
    case: Case, share: float
) -> None:
    assert_agreement(case, until_s=share * (case.arrival_s[-1] + 2))


@drawn_anew(67, cases_with_clients(tight=True, verbs=True), st.integers(0, 2**32 - 1))
def test_entering_the_kernel_at_extra_times_changes_no_bit(case: Case, seed: int) -> None:
    assert kernel_log(looked_at(case, seed)).tobytes() == kernel_log(case).tobytes()


@drawn_anew(34, cases_with_clients(), st.integers(1, 7))
def test_feeding_requests_in_pieces_changes_no_bit(case: Case, size: int) -> None:
    assert log_fed_in_pieces(case, size).tobytes() == kernel_log(case).tobytes()


# Conservation


@drawn_anew(100, cases_with_clients(verbs=True), st.floats(0, 1))
def test_requests_and_attempts_are_conserved_at_any_moment(case: Case, share: float) -> None:
    """requests = completed + timed_out + rejected + failed + gave_up + in flight, and
    attempts = requests + retries; by workload, in the log and in the counters.
    """
    plane = case.kernel()
    plane.feed(*case.requests)
    plane.close_feed()
    until_s = share * (case.arrival_s[-1] + 5)
    run(case, plane, until_s)
    log, workloads = plane.requests(), plane.close_bin().workloads
    assert len(log) == (case.arrival_s <= until_s).sum()
    np.testing.assert_array_equal(np.isnan(log.finish_s), log.status == status.IN_FLIGHT)
    for index, (counts, client) in enumerate(zip(workloads, case.clients or [], strict=True)):
        own = log[log.workload == index]
        fates = Counter(status.NAMES[code] for code in own.status.tolist())
        in_flight = fates.pop("in_flight", 0)
        assert {fate: int(counts[fate]) for fate in fates} == fates
        assert counts.requests == len(own) == fates.total() + in_flight
        assert counts.attempts == own.attempts.sum() == len(own) + counts.retries
        assert own.attempts.min(initial=1) >= 1
        assert own.attempts.max(initial=0) <= client.retry.max_retries + 1


@drawn_anew(67, cases_with_clients(verbs=True))
def test_what_happens_to_a_request_happens_in_order(case: Case) -> None:
    """Each stage before the next; a gateway that resends hands over after the first admission."""
    log = kernel_log(case)
    completed = log[log.status == status.COMPLETED]
    for stages in (
        ("arrival_s", "dispatched_s", "ready_s", "finish_s"),
        ("arrival_s", "admitted_s", "first_token_s", "finish_s"),
    ):
        for earlier, later in pairwise(stages):
            assert (completed[earlier] <= completed[later]).all(), (earlier, later)
    assert not (log.finish_s < log.arrival_s).any()


# The same kernel, not compiled


def twin_digest() -> str:
    """Fingerprint of everything a short run of every preset and gateway logs."""
    digest = hashlib.sha256()
    rng = np.random.default_rng(2)
    n = 80
    engine = profile(
        batch=(0, 1, 8),
        step_base_s=(0.01, 0.02, 0.04),
        step_s_per_kv_token=(0.0, 1e-4, 5e-5),
        prefill_s_per_token=1e-3,
        overhead_s=0.01,
        kv_capacity_tokens=160,
        kv_block_tokens=4,
        max_num_seqs=4,
        max_num_batched_tokens=16,
        max_model_len=100,
    )
    budget = Retry(max_retries=4, base_s=0.1, budget=RetryBudget(capacity=3.0, per_request=0.1))
    for retry in (*RETRIES.values(), budget):
        for gateway in (
            Gateway(),
            Gateway(max_queue=2, retry_after_s=0.3),
            Gateway(replica_limit=4, holds=True, on_loss="resend"),
        ):
            case = Case(
                [pool(engine, 2, "power_of_two", gateway=gateway)],
                [0, 0],
                np.cumsum(rng.exponential(0.05, n)),
                prompt=rng.integers(1, 60, n, dtype=np.int32),
                output=rng.integers(1, 40, n, dtype=np.int32),
                workload=rng.integers(0, 2, n, dtype=np.int32),
                key=5,
                verbs=(Verb(2.0, "add", 0), Verb(3.0, "drain", 0), Verb(3.5, "kill", 1)),
                clients=[
                    Client(ttft_timeout_s=0.7, retry=retry),
                    Client(timeout_s=1.1, server_stops=False, retry=retry),
                ],
                priorities=[1, 0],
                patience_s=rng.exponential(3.0, n),
                wakes=True,
            )
            digest.update(kernel_log(case).tobytes())
    return digest.hexdigest()


def test_the_kernel_not_compiled_gives_the_same_bits() -> None:
    """Guards against a stale compiled kernel, and against code that only compiles by luck."""
    path = os.pathsep.join([str(Path(__file__).parent), str(TESTS), str(ROOT)])
    answer = subprocess.run(
        [
            sys.executable,
            "-c",
            "import test_exact_clients; print(test_exact_clients.twin_digest())",
        ],
        env={**os.environ, "NUMBA_DISABLE_JIT": "1", "PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=True,
    )
    assert answer.stdout.strip() == twin_digest()


@pytest.mark.parametrize(
    "client",
    [
        Client(timeout_s=15.0),
        Client(ttft_timeout_s=15.0),
        Client(ttft_timeout_s=15.0, timeout_s=30.0),
    ],
    ids=["timeout", "first token", "both"],
)
def test_any_number_of_attempts_may_be_under_way_at_once(client: Client) -> None:
    """500 in a queue that answers a part of them before their limit."""
    case = Case(
        pools=[pool(profile(batch=(0,), step_base_s=(0.06,), max_num_seqs=1), 1)],
        workload_pool=[0],
        arrival_s=np.linspace(0.0, 1.0, 500),
        prompt=np.ones(500, np.int32),
        output=np.ones(500, np.int32),
        workload=np.zeros(500, np.int32),
        key=0,
        clients=[client],
    )
    seen = assert_agreement(case)
    assert seen["compared"] == 1
    assert seen["timed_out"] > 50
