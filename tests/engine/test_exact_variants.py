"""The compiled kernel does what the naive simulator does where several pools have one router.

Fleets, tasks and clients are drawn as in :mod:`test_exact_caches`, services, weights and routers
beside them. What the naive simulator has as one list of replicas, the kernel has in several pools.
"""

import math
from dataclasses import replace
from functools import partial

import numpy as np
import pytest
import strategies as st
import theory
from agreement import assert_agreement, assert_population
from drawn import drawn_anew
from fleets import Case, kernel_log, kernel_run, pool, profile
from queues import ENDLESS, STEP_S
from scipy import stats
from task_cases import cases_with_caches
from variant_cases import cases_with_variants

from sim.engine.state import status
from sim.model.gateway import Gateway
from sim.model.routing import to_one
from sim.model.variants import VariantRouter, Variants

# Least counts that a population of cases must have for its agreement to mean something.
MANY = {"compared": 5, "completed": 60, "came to a variant": 60, "held": 5}
LOSSES = {"compared": 5, "came to a variant": 60, "hedged": 15, "lost: rejected": 5}


@pytest.mark.parametrize(
    ("verbs", "shares", "least"),
    [
        pytest.param(False, False, MANY, id="steady fleets"),
        pytest.param(True, True, LOSSES, id="replicas go, blocks in common"),
    ],
)
def test_the_kernel_agrees_with_the_naive_simulator(
    verbs: bool, shares: bool, least: dict[str, int]
) -> None:
    assert_population(cases_with_variants(verbs, verbs, shares), 10, least)


@drawn_anew(6, cases_with_variants(verbs=True, hedges=True), st.floats(0, 1))
def test_the_kernel_agrees_at_any_moment_also_on_requests_in_flight(
    case: Case, share: float
) -> None:
    assert_agreement(case, until_s=share * (case.arrival_s[-1] + 4))


@drawn_anew(8, cases_with_variants(verbs=True, hedges=True, shares=True))
def test_in_the_end_nobody_waits_anywhere(case: Case) -> None:
    plane = kernel_run(case)
    state = plane.close_bin()
    if (plane.requests().status == status.IN_FLIGHT).any():
        return  # pools without replicas hold them
    for count in ("outstanding", "waiting", "running", "held"):
        assert (state.pools[count] == 0).all(), count


@pytest.mark.parametrize("router", ["least_loaded", "power_of_two", "random", "prefix"])
def test_variants_that_are_alike_are_one_pool(router: VariantRouter) -> None:
    """Whatever comes, each request is served by the replica that it would have there."""

    @drawn_anew(4, cases_with_caches(), st.integers(0, 2))
    def test(case: Case, more: int) -> None:
        first = replace(case.pools[0], router=router)
        workloads = len(case.workload_pool)
        one = replace(first, name="all", replicas=first.replicas + more)
        routes = [to_one("all")] * workloads
        alone = replace(
            case, pools=[one], routes=routes, managed=None, workload_pool=[0] * workloads
        )
        joined = Variants("all", ("a", "b"), (1.0, 1.0), router, first.gateway)
        parts = [replace(first, name="a"), replace(first, name="b", replicas=more)]
        both = replace(alone, pools=parts, variants=[joined])
        mine, its = kernel_log(both), kernel_log(alone)
        for column in its.dtype.names:
            if column != "backend":
                np.testing.assert_array_equal(mine[column], its[column], column)

    test()


# In closed form


def two_queues(rate: float, speeds: tuple[float, float], weights: tuple[float, float]) -> Case:
    """Poisson arrivals at two single servers, of which one is faster, for a while."""
    rng, n = np.random.default_rng(5), 200_000
    arrival_s = np.cumsum(rng.exponential(1 / rate, n))
    engine = partial(profile, max_num_seqs=1, **ENDLESS)
    parts = [
        pool(engine(step_base_s=(STEP_S / speed,)), 1, name=name)
        for name, speed in zip("ab", speeds, strict=True)
    ]
    output = np.maximum(rng.standard_exponential(n) / STEP_S, 1).astype(np.int32)
    joined = Variants("all", ("a", "b"), weights, "random")
    ones = np.ones(n, np.int32)
    zeros = np.zeros(n, np.int32)
    case = Case(parts, [0], arrival_s, ones, output, zeros, key=9)
    return replace(case, variants=[joined], routes=[to_one("all")])


def test_a_random_split_by_weight_is_a_queue_of_its_own_for_each() -> None:
    """Two M/M/1 with rates p·λ and (1-p)·λ, p by weight, and speeds 1 and 3.

    Means of 20 batches: the means of theory lie within 4 standard errors of each, which one run in
    ten thousand would not by chance.
    """
    rate, speeds, weights = 2.0, (1.0, 3.0), (1.0, 2.5)
    log = kernel_log(two_queues(rate, speeds, weights))
    wait_s = log.admitted_s - log.arrival_s
    for at, (speed, weight) in enumerate(zip(speeds, weights, strict=True)):
        mine = log.backend == at
        part = weight / sum(weights)
        assert mine.mean() == pytest.approx(part, abs=4 * math.sqrt(part * (1 - part) / len(log)))
        batches = [batch.mean() for batch in np.array_split(wait_s[mine][5_000:], 20)]
        expected = theory.mmc_mean_wait(1, rate * part / speed) / speed
        assert abs(np.mean(batches) - expected) < 4 * stats.sem(batches)


@pytest.mark.parametrize("router", ["least_loaded", "round_robin"])
def test_each_variant_has_its_weights_share_of_many_requests(router: VariantRouter) -> None:
    """Under one gateway's queue by load; in turn exactly, whatever comes."""
    parts = [pool(profile(max_num_seqs=64), 1, name=name) for name in "ab"]
    joined = Variants("all", ("a", "b"), (1.0, 3.0), router, Gateway())
    n = 40
    ones = np.ones(n, np.int32)
    case = Case(parts, [0], np.zeros(n), ones, ones, np.zeros(n, np.int32), key=1)
    log = kernel_log(replace(case, variants=[joined], routes=[to_one("all")]))
    assert np.bincount(log.backend).tolist() == [10, 30]
