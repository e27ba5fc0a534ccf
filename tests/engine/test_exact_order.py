"""The compiled kernel does what the naive simulator does where lines have an order.

Fleets, clients, caches, tiers, drafts, ranks and prompts that are handed on are drawn as elsewhere;
so are the order of each pool, what ages, what is predicted wrongly, who takes places, and classes,
deadlines and tenants of the workloads.
"""

import math
from dataclasses import replace

import numpy as np
import pytest
import strategies as st
from agreement import assert_agreement, assert_population, looked_at
from drafts import GAINS, drafting
from drawn import drawn_anew
from fleets import Case, cases_with_clients, kernel_run
from managed_cases import cases_with_managed
from task_cases import cases_with_caches
from tier_cases import cases_with_handoffs_and_tiers

from sim.model.design import GpuPool
from sim.model.scheduling import AGES, Scheduling
from sim.model.workload import Slo, Yielding

ORDERS = ("fcfs", *AGES, *AGES, "deadline", "fair")
MANY = {"compared": 7, "completed": 60, "out of turn": 10}
KINDS = {
    "short of memory": st.booleans().flatmap(lambda verbs: cases_with_clients(True, verbs)),
    "hedges, replicas go": cases_with_clients(False, True, True),
    "tasks and caches": cases_with_caches(True, True),
    "other backends": cases_with_managed(True, True),
    "handed on, tiers": cases_with_handoffs_and_tiers(True),
}


@st.composite
def cases_in_order(draw: st.DrawFn, base: st.Strategy[Case]) -> Case:
    """The same with orders; few places make others wait for them."""
    case: Case = draw(base)
    places, ranks = draw(st.sampled_from([1, 2, 3, 40])), draw(st.sampled_from([1, 1, 1, 2]))
    if draw(st.integers(0, 3)) == 0:
        case = drafting(
            case, draw(st.lists(GAINS, min_size=1, max_size=2)), draw(st.integers(1, 2))
        )
    n = len(case.workload_pool)
    error = draw(st.sampled_from([0.0, 0.0, 0.7])) * all(p.handoff is None for p in case.pools)
    classes = st.sampled_from([-1, 0, 0, 1, 1, 2])
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    return replace(
        case,
        pools=[_in_order(draw, pool, places, ranks, error) for pool in case.pools],
        priorities=[draw(classes) for _ in range(n)],
        yielding=[draw(st.sampled_from([None, Yielding()])) for _ in range(n)],
        tenants=[draw(st.sampled_from("ab")) for _ in range(n)],
        slos=[
            Slo(e2e_s=draw(st.sampled_from([math.inf, 1.0])) * rng.uniform(0, 5)) for _ in range(n)
        ],
    )


def _in_order(draw: st.DrawFn, pool: GpuPool, places: int, ranks: int, error: float) -> GpuPool:
    order = draw(st.sampled_from(ORDERS))
    scheduling = Scheduling(
        order,
        ageing_s=draw(st.sampled_from([math.inf, 0.1, 3.0])) if order in AGES else math.inf,
        prediction_error=error,
        takes_places=draw(st.sampled_from([True, True, False])),
        takes_after_s=draw(st.sampled_from([0.0, 0.0, 0.1])),
        weights=(("a", 3.0),),
    )
    engine = replace(
        pool.profile,
        max_num_seqs=max(min(pool.profile.max_num_seqs, places), 1),
        data_parallel_ranks=ranks,
    )
    gateway = replace(pool.gateway, shed_queue=draw(st.sampled_from([0.5, 2.0])))
    return replace(pool, profile=engine, gateway=gateway, scheduling=scheduling)


@pytest.mark.parametrize("kind", KINDS)
def test_the_kernel_agrees_with_the_naive_simulator(kind: str) -> None:
    assert_population(cases_in_order(KINDS[kind]), 12, MANY)


@drawn_anew(8, st.one_of(*map(cases_in_order, KINDS.values())), st.floats(0, 1))
def test_the_kernel_agrees_at_any_moment_also_on_requests_in_flight(
    case: Case, share: float
) -> None:
    assert_agreement(case, until_s=share * (case.arrival_s[-1] + 4))


@drawn_anew(8, st.one_of(*map(cases_in_order, KINDS.values())), st.integers(0, 2**32 - 1))
def test_entering_the_kernel_at_extra_times_changes_no_bit(case: Case, seed: int) -> None:
    plane, entered = kernel_run(case), kernel_run(looked_at(case, seed))
    assert entered.requests().tobytes() == plane.requests().tobytes()
