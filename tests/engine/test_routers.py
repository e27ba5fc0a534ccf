"""Routers spread what is equal evenly: no replica is the first choice at every tie.

A step takes a second, answers have one token, and a request comes every 50 replica-seconds: the
fleet is 2 % loaded, nearly every choice is between equals. Counts are compared with an even share
by chi-squared at ``FALSE_ALARM``, a stage of a fleet each: the tests have 24 of them, so that all
together fail by chance once in 40,000 changes of the random streams.
"""

import math
from dataclasses import replace
from itertools import pairwise
from typing import get_args

import numpy as np
import pytest
from fleets import advance, pool
from scipy import stats

from sim.engine.plane.plane import DataPlane
from sim.model.cache import PrefixCache
from sim.model.design import GpuPool, Router
from sim.model.gateway import Gateway
from sim.model.workload import Slo

FALSE_ALARM = 1e-6
REPLICAS = 8
STAGE_S = 8_000.0
GAP_S = 50.0 / REPLICAS
POOLS = {
    **{router: pool(replicas=REPLICAS, router=router) for router in get_args(Router)},
    "central queue": pool(replicas=REPLICAS, gateway=Gateway(replica_limit=4)),
    "prefix, and a cache": replace(
        pool(replicas=REPLICAS, router="prefix"), prefix_cache=PrefixCache(16, 160)
    ),
}


def fed(which: GpuPool, stages: int) -> DataPlane:
    """A plane with requests for so many stages."""
    rng = np.random.default_rng(20_261_126)
    arrival_s = np.cumsum(rng.exponential(GAP_S, int(stages * STAGE_S / GAP_S)))
    plane = DataPlane([which], [0], [Slo()], routing_key=7, record=True)
    ones = np.ones(len(arrival_s), np.int32)
    plane.feed(arrival_s, ones, ones, 0 * ones)
    plane.close_feed()
    return plane


def assert_even(plane: DataPlane, ready: list[int], begin_s: float, end_s: float) -> None:
    """Each of the ready replicas had its share of what came in a stage, and no other had any."""
    log = plane.requests()
    came = log.replica[(log.arrival_s > begin_s) & (log.arrival_s <= end_s)]
    counts = np.bincount(came, minlength=max(ready) + 1)
    assert counts.sum() == counts[ready].sum() > 500
    assert stats.chisquare(counts[ready]).pvalue > FALSE_ALARM, counts


@pytest.mark.parametrize("router", POOLS)
def test_at_low_load_every_replica_has_its_share(router):
    plane = fed(POOLS[router], 1)
    advance(plane, math.inf)
    assert_even(plane, list(range(REPLICAS)), 0.0, math.inf)


@pytest.mark.parametrize("router", ["least_loaded", "session", "prefix", "central queue"])
def test_so_it_has_while_a_fleet_grows_drains_and_fails(router):
    plane = fed(POOLS[router], 4)
    ready = list(range(REPLICAS))
    edges_s = [stage * STAGE_S for stage in range(5)]
    for stage, (begin_s, end_s) in enumerate(pairwise(edges_s)):
        if stage == 1:
            ready += [plane.add(0) for _ in range(4)]
        elif stage == 2:
            for replica in ready[:3]:
                plane.drain(replica)
            ready = ready[3:]
        elif stage == 3:
            plane.kill(ready.pop(1))
            ready.append(plane.add(0))
        advance(plane, end_s)
        assert_even(plane, ready, begin_s, end_s)


def test_the_least_loaded_of_unequal_replicas_is_preferred_whoever_has_the_turn():
    # The second has one request, the others none: they take turns without it, then all are equal.
    plane = DataPlane([pool(replicas=3, router="least_loaded")], [0], [Slo()], record=True)
    arrival_s = np.array([0.0, 0.1, 0.2, 0.3, 2.0, 2.1, 2.2, 2.3, 2.4])
    output = np.array([1, 99, 1, 1, 1, 1, 1, 1, 1], np.int32)
    ones = np.ones(len(output), np.int32)
    plane.feed(arrival_s, ones, output, 0 * ones)
    plane.close_feed()
    advance(plane, math.inf)
    assert plane.requests().replica.tolist() == [0, 1, 2, 0, 2, 0, 1, 2, 0]
