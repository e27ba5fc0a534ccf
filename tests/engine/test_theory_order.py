"""Lines in an order are the textbook queues with priorities, and keep what their guards promise.

One server, prompts that cost nothing, so that who is preempted goes on where it was. Times are in
mean service times.
"""

import math
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from fleets import pool, profile
from queues import (
    ENDLESS,
    SEED,
    STEP_S,
    FloatArray,
    exponential,
    generators,
    hyperexponential,
    plain,
    tokens,
)
from scipy.special import ndtri

from sim.engine.plane.plane import DataPlane
from sim.engine.state import status
from sim.model.scheduling import BATCH, CRITICAL, SHEDDABLE, STANDARD, Scheduling
from sim.model.workload import Slo

WARM_UP = 5_000
LEVEL = 0.999  # of intervals
CLASSES = (CRITICAL, STANDARD, BATCH)


def plane_of(
    scheduling: Scheduling, classes: tuple[int, ...] = (0,), slos: list[Slo] | None = None
) -> DataPlane:
    engine = profile(step_base_s=(STEP_S,), max_num_seqs=1, **ENDLESS)
    n = len(classes)
    return DataPlane(
        [replace(pool(engine), scheduling=scheduling)],
        [0] * n,
        slos or [Slo()] * n,
        record=True,
        priorities=classes,
        routing_key=SEED,
    )


def served(
    plane: DataPlane,
    arrival_s: FloatArray,
    service_s: FloatArray,
    workload: FloatArray | None = None,
) -> np.recarray:
    """The log of what comes, with answers of one token a step."""
    ones = np.ones(len(arrival_s), np.int32)
    kinds = np.zeros(len(arrival_s)) if workload is None else workload
    plane.feed(arrival_s, ones, tokens(service_s, STEP_S), kinds.astype(np.int32))
    plane.close_feed()
    plane.advance(arrival_s[-1] + 1e6)
    return plane.requests()


def arrivals(rng: np.random.Generator, n: int, rate: float) -> FloatArray:
    return np.cumsum(rng.standard_exponential(n)) / rate


def assert_means(found: list[tuple[float, ...]], expected: tuple[float, ...]) -> None:
    """Within 5 %, and within the interval of level 99.9 % over the replications."""
    for means, right in zip(np.array(found).T, expected, strict=True):
        estimate = plain(means)
        assert abs(estimate.value - right) <= estimate.half_width(LEVEL)
        assert abs(estimate.value - right) <= 0.05 * right


@pytest.mark.parametrize("takes_places", [True, False])
def test_three_classes_wait_as_in_queues_with_priority(takes_places: bool) -> None:
    """Preemptive resume, White and Christie (1958): 1 / ((1 - s)(1 - s')) in the system.

    Nobody preempted, Cobham (1954): wait rho / ((1 - s)(1 - s')). With s the load of the classes
    before, s' that with its own. A false alarm in a seed of 170 each; the seeds are fixed.
    """
    loads = np.array([0.2, 0.3, 0.3])
    rule, rho = Scheduling("priority", takes_places=takes_places), float(loads.sum())
    found = []
    for rng in generators(f"three classes {takes_places}"):
        kinds = rng.choice(3, 40_000, p=loads / rho)
        log = served(
            plane_of(rule, CLASSES), arrivals(rng, 40_000, rho), exponential(rng, 40_000), kinds
        )
        time_s = (log.finish_s if takes_places else log.admitted_s) - log.arrival_s
        kept, of = time_s[WARM_UP:-WARM_UP], log.workload[WARM_UP:-WARM_UP]
        found.append(tuple(kept[of == kind].mean() for kind in range(3)))
    own = np.cumsum(loads)
    shape = 1 / ((1 - own + loads) * (1 - own))
    assert_means(found, tuple(shape if takes_places else rho * shape))


@pytest.mark.parametrize(
    ("sampler", "error"), [(exponential, 0.0), (exponential, 0.8), (hyperexponential, 0.8)]
)
def test_shortest_predicted_first_waits_as_phipps_has_it(
    sampler: Callable[[np.random.Generator, int], FloatArray], error: float
) -> None:
    """Wait of one predicted as p: lam E[S²]/2 / (1 - rho(p))², rho(p) of those predicted less.

    Phipps (1956), Operations Research 4(1), for services; of predictions it holds as well, which
    are priorities that come with the services. The mean is an integral over both. A false alarm in
    a seed of five hundred each.
    """
    rate, n, cv2 = 0.7, 40_000, 1.0 if sampler is exponential else 3.0
    rule = Scheduling("shortest_predicted", prediction_error=error)
    found = []
    for rng in generators(f"shortest {sampler.__name__} {error}"):
        log = served(plane_of(rule), arrivals(rng, n, rate), sampler(rng, n))
        found.append(((log.admitted_s - log.arrival_s)[WARM_UP:-WARM_UP].mean(),))
    assert_means(found, (phipps(rate, error, cv2),))


def phipps(rate: float, error: float, cv2: float) -> float:
    """The mean wait, by the midpoint rule over quantiles of services and of errors."""
    share = 0.5 * (1 + math.sqrt((cv2 - 1) / (cv2 + 1)))  # of a hyperexponential, 1 of a plain one
    parts = [(part, 0.5 / part) for part in (share, 1 - share)] if cv2 > 1 else [(1.0, 1.0)]
    grid = (np.arange(4000) + 0.5) / 4000
    size = np.concatenate([-mean * np.log1p(-grid) for _, mean in parts])
    weight = np.concatenate([np.full(4000, part / 4000) for part, _ in parts])
    factors = np.exp(error * ndtri((np.arange(101) + 0.5) / 101))
    predicted = np.outer(size, factors).ravel()
    mass = np.repeat(weight / 101, 101)
    order = np.argsort(predicted, kind="stable")
    load = (rate * mass * np.repeat(size, 101))[order]
    before = np.cumsum(load) - 0.5 * load
    return float(rate * (cv2 + 1) / 2 * (mass[order] / (1 - before) ** 2).sum())


def test_who_ages_is_passed_only_by_those_who_came_soon_after() -> None:
    """The bound, request by request: nobody of the class before goes first who came 5 later.

    Without ageing they do so by hundreds: the test can fail.
    """
    rng, n = np.random.default_rng(SEED), 20_000
    arrival_s, service_s = arrivals(rng, n, 0.95), exponential(rng, n)
    kinds = rng.choice(3, n)
    worst = {}
    for ageing_s in (5.0, math.inf):
        rule = Scheduling("priority", ageing_s=ageing_s)
        log = served(plane_of(rule, CLASSES), arrival_s, service_s, kinds)
        pairs = waits_behind(log)
        worst[ageing_s] = pairs
    assert worst[5.0] <= 5.0
    assert worst[math.inf] > 50.0


def waits_behind(log: np.recarray) -> float:
    """Of all requests, how much later one of the class before came that was admitted earlier."""
    worst = -math.inf
    for kind in (1, 2):
        own, before = log[log.workload == kind], log[log.workload == kind - 1]
        last = np.searchsorted(before.admitted_s[np.argsort(before.admitted_s)], own.admitted_s)
        came_s = np.maximum.accumulate(before.arrival_s[np.argsort(before.admitted_s)])
        has = last > 0
        worst = max(worst, float((came_s[last[has] - 1] - own.arrival_s[has]).max()))
    return worst


def test_deadlines_that_can_be_kept_are_kept_by_the_earliest_first() -> None:
    """Jackson (1955): of what is there at once the earliest deadline first misses least.

    Deadlines are drawn so that some order keeps them all. First come first served misses most.
    """
    rng, n = np.random.default_rng(SEED + 2), 200
    service_s = exponential(rng, n)
    some_order = rng.permutation(n)
    ends_s = np.empty(n)
    ends_s[some_order] = np.cumsum(service_s[some_order])
    slos = [Slo(e2e_s=float(end) + 0.01) for end in ends_s]
    missed = {}
    for order in ("deadline", "fcfs"):
        plane = plane_of(Scheduling(order), (STANDARD,) * n, slos)
        log = served(plane, np.zeros(n), service_s, np.arange(n))
        missed[order] = int((log.finish_s > [slo.e2e_s for slo in slos]).sum())
    assert missed["deadline"] == 0
    assert missed["fcfs"] > 50


@pytest.mark.parametrize("weight", [1.0, 3.0])
def test_tenants_that_are_never_without_work_get_equal_tokens_for_their_weights(
    weight: float,
) -> None:
    """However unequal what they ask for: within a request of each of what both were admitted."""
    rng, n = np.random.default_rng(SEED + 3), 4_000
    busy = rng.random(n) < 0.8  # four of five requests are of the first
    arrival_s, service_s = np.cumsum(np.full(n, 0.05)), exponential(rng, n)
    rule = Scheduling("fair", weights=(("1", weight),))
    log = served(plane_of(rule, (0, 0)), arrival_s, service_s, ~busy)
    cost = log.prompt_tokens + 2.0 * log.output_tokens
    until_s = 0.5 * n * 0.2 * (1 + 1 / weight)  # the second has work left
    early = log.admitted_s < min(until_s, arrival_s[-1])
    had = [cost[early & (log.workload == tenant)].sum() for tenant in (0, 1)]
    assert abs(had[0] - had[1] / weight) <= cost.max() * (1 + 1 / weight)


def test_sheddable_requests_go_before_anybody_else_is_hurt() -> None:
    """Beyond what a queue takes they alone are turned away, and are told apart."""
    rng, n = np.random.default_rng(SEED + 4), 20_000
    arrival_s, service_s = arrivals(rng, n, 1.2), exponential(rng, n)
    kinds = rng.random(n) < 0.5
    log = served(
        plane_of(Scheduling("priority"), (STANDARD, SHEDDABLE)), arrival_s, service_s, kinds
    )
    turned_away = log.status == status.REJECTED
    assert not turned_away[log.workload == 0].any()
    assert 0.3 < turned_away[log.workload == 1].mean() < 0.6
