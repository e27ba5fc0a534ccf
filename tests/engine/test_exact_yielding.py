"""The compiled kernel does what the naive simulator does where batches give way to others.

Fleets, clients, caches and managed backends are drawn as elsewhere. Of their workloads some give
way: for ever, or until some time after their arrival.
"""

import math
from dataclasses import replace

import numpy as np
import pytest
import strategies as st
from agreement import assert_agreement, assert_population, looked_at
from drawn import drawn_anew
from fleets import Case, cases_with_clients, kernel_run
from managed_cases import cases_with_managed
from task_cases import cases_with_caches

from sim.model.workload import Yielding

MANY = {"compared": 40, "completed": 600, "gave way": 20, "beyond the limit": 30}
KINDS = {
    "short of memory": st.booleans().flatmap(lambda verbs: cases_with_clients(True, verbs)),
    "hedges, replicas go": cases_with_clients(False, True, True),
    "tasks and caches": cases_with_caches(True, True),
    "other backends": cases_with_managed(True, True),
}


@st.composite
def cases_that_yield(draw: st.DrawFn, base: st.Strategy[Case]) -> Case:
    """Two workloads, of which the second gives way in most cases, and the first in some.

    Few places make others wait for them, and answers are long beside the gaps between requests.
    """
    case: Case = draw(base)
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    places, ranks = draw(st.sampled_from([1, 2, 3, 40])), draw(st.sampled_from([1, 1, 1, 2]))
    engines = [
        replace(
            pool.profile,
            max_num_seqs=max(min(pool.profile.max_num_seqs, places), 1),
            data_parallel_ranks=ranks,
        )
        for pool in case.pools
    ]
    last_s = float(case.arrival_s[-1]) + 1
    return replace(
        case,
        pools=[replace(p, profile=e) for p, e in zip(case.pools, engines, strict=True)],
        priorities=[int(draw(st.sampled_from([0, 0, 0, 1]))), 1],
        yielding=[
            draw(st.sampled_from([None, None, None, _yielding(draw, rng, last_s)])),
            _yielding(draw, rng, last_s),
        ],
    )


def _yielding(draw: st.DrawFn, rng: np.random.Generator, last_s: float) -> Yielding:
    for_s = draw(st.sampled_from([math.inf, 1.0, 0.1])) * last_s * rng.uniform(0.1, 2)
    return Yielding(for_s, draw(st.sampled_from([0.0, 0.0, 0.1, 1.0])) * rng.uniform(0, 1))


@pytest.mark.parametrize("kind", KINDS)
def test_the_kernel_agrees_with_the_naive_simulator(kind: str) -> None:
    short = {"gave way": 300} if kind == "short of memory" else {}
    assert_population(cases_that_yield(KINDS[kind]), 80, MANY | short)


@drawn_anew(40, st.one_of(*map(cases_that_yield, KINDS.values())), st.floats(0, 1))
def test_the_kernel_agrees_at_any_moment_also_on_requests_in_flight(
    case: Case, share: float
) -> None:
    assert_agreement(case, until_s=share * (case.arrival_s[-1] + 4))


@drawn_anew(34, st.one_of(*map(cases_that_yield, KINDS.values())), st.integers(0, 2**32 - 1))
def test_entering_the_kernel_at_extra_times_changes_no_bit(case: Case, seed: int) -> None:
    plane, entered = kernel_run(case), kernel_run(looked_at(case, seed))
    assert entered.requests().tobytes() == plane.requests().tobytes()
