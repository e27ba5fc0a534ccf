"""The compiled kernel does exactly what the naive step-by-step simulator does.

Hypothesis draws the shapes of a fleet and its traffic; continuous figures (times, coefficients)
come from a generator that it seeds, so that a step boundary and an arrival never meet by accident,
where the last bit of a sum would decide. Bursts of one instant are drawn on purpose.
"""

import hashlib
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, get_args

import numpy as np
import numpy.typing as npt
import pytest
from fleets import pool, profile
from hypothesis import given, settings
from hypothesis import strategies as st
from naive import NaiveDataPlane

from sim.engine import status
from sim.engine.plane import DataPlane
from sim.model.design import GpuPool, Router
from sim.model.profile import Scheduler, ServiceProfile
from sim.model.workload import Slo

END_S = 1e9  # later than anything that happens


@dataclass(frozen=True)
class Verb:
    """What the control plane does at an instant, to one of the replicas or pools there are."""

    at_s: float
    name: str  # add, drain, kill
    which: int  # taken modulo what can be acted upon


@dataclass(frozen=True)
class Case:
    """A fleet, its requests and what is done to it."""

    pools: list[GpuPool]
    workload_pool: list[int]
    arrival_s: npt.NDArray[np.float64]
    prompt: npt.NDArray[np.int32]
    output: npt.NDArray[np.int32]
    workload: npt.NDArray[np.int32]
    key: int
    verbs: tuple[Verb, ...] = ()

    @property
    def requests(self) -> tuple[npt.NDArray[Any], ...]:
        return self.arrival_s, self.prompt, self.output, self.workload

    def kernel(self) -> DataPlane:
        slos = [Slo() for _ in self.workload_pool]
        return DataPlane(self.pools, self.workload_pool, slos, self.key, record=True)

    def naive(self) -> NaiveDataPlane:
        plane = NaiveDataPlane(self.pools, self.workload_pool, self.key)
        plane.feed(*(column.tolist() for column in self.requests))
        return plane


# Drawing cases


@st.composite
def engines(draw: st.DrawFn, tight: bool) -> ServiceProfile:
    """Any engine; ``tight`` ones have a cache that a few long sequences fill."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    block = 2 ** draw(st.integers(0, 5))
    max_model_len = draw(st.integers(2, 100))
    max_num_seqs = draw(st.integers(2 if tight else 1, 32))
    least_blocks = -(-max_model_len // block)  # one sequence of full length always fits
    spare = st.integers(0, least_blocks) if tight else st.integers(0, 40 * least_blocks)
    points = sorted({0, 1, *draw(st.lists(st.integers(2, 40), max_size=3))})
    grows = draw(st.booleans())
    return profile(
        batch=tuple(points),
        step_base_s=tuple(rng.uniform(0.01, 0.1, len(points)).tolist()),
        step_s_per_kv_token=tuple((grows * rng.uniform(0, 1e-3, len(points))).tolist()),
        prefill_s_per_request=draw(st.sampled_from([0, 1])) * rng.uniform(0, 0.05),
        prefill_s_per_token=draw(st.sampled_from([0, 1])) * rng.uniform(0, 0.01),
        prefill_s_per_token_context=draw(st.sampled_from([0, 1])) * rng.uniform(0, 1e-4),
        overhead_s=draw(st.sampled_from([0, 1])) * rng.uniform(0, 0.3),
        frontend_s_per_request=draw(st.sampled_from([0, 1])) * rng.uniform(0, 0.1),
        frontend_s_per_token=draw(st.sampled_from([0, 1])) * rng.uniform(0, 0.005),
        kv_capacity_tokens=(least_blocks + draw(spare)) * block + draw(st.integers(0, block - 1)),
        kv_block_tokens=block,
        max_num_seqs=max_num_seqs,
        max_num_batched_tokens=max_num_seqs + draw(st.sampled_from([0, 1, 3, 10, 40, 400])),
        max_model_len=max_model_len,
        scheduler=draw(st.sampled_from(get_args(Scheduler))),
    )


@st.composite
def cases(draw: st.DrawFn, tight: bool = False, verbs: bool = False) -> Case:
    """Up to two pools of up to five replicas, two workloads, sixty requests."""
    pools = [
        pool(draw(engines(tight)), draw(st.integers(1, 5)), draw(st.sampled_from(get_args(Router))))
        for _ in range(draw(st.integers(1, 2)))
    ]
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    n = draw(st.integers(1, 60))
    gap_s = draw(st.sampled_from([0.001, 0.01, 0.1] if tight else [0.001, 0.01, 0.1, 1.0, 10.0]))
    burst_share = draw(st.sampled_from([0.0, 0.3, 0.9]))
    gaps_s = rng.exponential(gap_s, n) * (rng.random(n) >= burst_share)
    longest = max(p.profile.max_model_len for p in pools)
    most_prompt = longest // 3 + 1 if tight else longest + 2  # short ones leave room to grow
    most_output = longest if tight else draw(st.sampled_from([1, 2, longest]))
    arrival_s = rng.uniform(0, 1) + np.cumsum(gaps_s)
    return Case(
        pools,
        [draw(st.integers(0, len(pools) - 1)) for _ in range(2)],
        arrival_s,
        prompt=rng.integers(1, most_prompt, n, endpoint=True, dtype=np.int32),
        output=rng.integers(1, most_output, n, endpoint=True, dtype=np.int32),
        workload=rng.integers(0, 2, n, dtype=np.int32),
        key=draw(st.integers(0, 2**64 - 1)),
        verbs=draw(_verbs(arrival_s)) if verbs else (),
    )


@st.composite
def _verbs(draw: st.DrawFn, arrival_s: npt.NDArray[np.float64]) -> tuple[Verb, ...]:
    """Verbs between arrivals and some time after the last; or at the very instant of one."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    names = draw(st.lists(st.sampled_from(["add", "drain", "kill"]), min_size=1, max_size=8))
    times_s = rng.uniform(0, arrival_s[-1] + 5, len(names))
    meets = rng.random(len(names)) < 0.2
    times_s[meets] = rng.choice(arrival_s, int(meets.sum()))
    return tuple(
        Verb(at_s, name, int(rng.integers(100)))
        for at_s, name in zip(np.sort(times_s).tolist(), names, strict=True)
    )


# Running cases


def advance(plane: DataPlane | NaiveDataPlane, until_s: float) -> None:
    """Go on after every early return."""
    while plane.advance(until_s) == status.REPLICA_EMPTY:
        pass


def run(case: Case, plane: DataPlane | NaiveDataPlane) -> None:
    """Advance to the end, with the verbs at their times."""
    pool_of = [p for p, drawn in enumerate(case.pools) for _ in range(drawn.replicas)]
    ready = list(range(len(pool_of)))
    for verb in case.verbs:
        advance(plane, verb.at_s)
        if verb.name == "add":
            pool_of.append(verb.which % len(case.pools))
            ready.append(plane.add(pool_of[-1]))
            assert ready[-1] == len(pool_of) - 1
        elif verb.name == "drain" and ready:
            plane.drain(ready.pop(verb.which % len(ready)))
        elif verb.name == "kill":  # whatever its state
            replica = verb.which % len(pool_of)
            plane.kill(replica)
            ready = [other for other in ready if other != replica]
    advance(plane, END_S)


def kernel_log(case: Case) -> Any:
    plane = case.kernel()
    plane.feed(*case.requests)
    plane.close_feed()
    run(case, plane)
    return plane.requests()


def assert_agreement(case: Case) -> Any:
    """Kernel and naive simulator agree on the case; the kernel's log."""
    log, naive = kernel_log(case), case.naive()
    run(case, naive)
    for column in ("status", "replica", "preemptions", "workload"):
        np.testing.assert_array_equal(log[column], naive.column(column), column)
    for column in ("prompt", "output"):
        np.testing.assert_array_equal(log[f"{column}_tokens"], naive.column(column), column)
    for column in ("arrival_s", "ready_s", "admitted_s", "first_token_s", "finish_s"):
        np.testing.assert_allclose(
            log[column], naive.column(column), rtol=1e-9, atol=1e-12, err_msg=column
        )
    return log


# The claims


@given(cases())
@settings(max_examples=1_000)
def test_the_kernel_agrees_with_the_naive_simulator(case: Case) -> None:
    assert_agreement(case)


def test_the_kernel_agrees_where_memory_is_short_and_preemptions_abound() -> None:
    preempted, finished = 0, 0

    @given(cases(tight=True))
    @settings(max_examples=600)
    def agreement(case: Case) -> None:
        nonlocal preempted, finished
        log = assert_agreement(case)
        preempted += int(log.preemptions.sum())
        finished += int((log.status == status.COMPLETED).sum())

    agreement()
    assert preempted > 10_000
    assert finished > 5_000


def test_the_kernel_agrees_under_verbs_at_arbitrary_times() -> None:
    failed, rejected = 0, 0

    @given(cases(verbs=True))
    @settings(max_examples=600)
    def agreement(case: Case) -> None:
        nonlocal failed, rejected
        log = assert_agreement(case)
        failed += int((log.status == status.FAILED).sum())
        rejected += int((log.status == status.REJECTED).sum())

    agreement()
    assert failed > 500
    assert rejected > 500


@given(cases(tight=True, verbs=True))
@settings(max_examples=300)
def test_the_kernel_agrees_where_memory_is_short_and_replicas_come_and_go(case: Case) -> None:
    assert_agreement(case)


@given(cases(tight=True), st.integers(0, 2**32 - 1))
@settings(max_examples=100)
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


@given(cases(), st.integers(1, 7))
@settings(max_examples=100)
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
    here = Path(__file__).parent
    path = os.pathsep.join([str(here), str(here.parent)])
    answer = subprocess.run(
        [sys.executable, "-c", "import test_exact; print(test_exact.twin_digest())"],
        env={**os.environ, "NUMBA_DISABLE_JIT": "1", "PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=True,
    )
    assert answer.stdout.strip() == twin_digest()
