"""A cluster with nodes and zones: GPUs are had together, lost with their zone, given up by node.

A replica takes 100 s to start. Every state is checked against the replicas alone.
"""

import math
from collections import Counter
from dataclasses import replace
from typing import Any

import numpy as np
from fake_plane import MONDAY, FakeClock, FakePlane, run
from fleets import pool, profile

from sim.engine.control import Fleet
from sim.engine.control.placed_budget import PlacedBudget
from sim.model.autoscaler import Custom
from sim.model.distributions import Constant, Exponential
from sim.model.failure import Crashes, Failures, Spot
from sim.model.floor import Floor
from sim.model.lifecycle import ColdStart, Lifecycle, Stage
from sim.model.price import HOUR_S
from sim.model.streams import Streams
from sim.model.zones import Zones

COLD_START = ColdStart(Constant(30.0), (Constant(70.0),))


def fleets_on(
    floor: Floor,
    *pools: tuple[int, int],
    zones: Zones | None = None,
    priorities: tuple[int, ...] = (),
    failures: Failures = Failures(),  # noqa: B008 (frozen)
    **lifecycle: Any,
) -> tuple[list[Fleet], FakeClock, PlacedBudget]:
    """Fleets of (replicas, GPUs of each) on the nodes of a cluster."""
    clock = FakeClock(FakePlane(0, lambda _: {}))
    clock.plane.pool_of = [at for at, each in enumerate(pools) for _ in range(each[0])]
    clock.plane.ready = set(range(len(clock.plane.pool_of)))
    clock.plane.gone_s = [math.inf] * len(clock.plane.pool_of)
    budget = PlacedBudget(clock.env, floor, "first_come")
    fleets = []
    for index, (replicas, gpus) in enumerate(pools):
        one = replace(
            pool(profile(gpus_per_replica=gpus), replicas, name=f"p{index}"),
            autoscaler=Custom("by hand", 20),
            lifecycle=Lifecycle(COLD_START, **lifecycle),
            failures=replace(failures, zones=zones),
        )
        priority = priorities[index] if priorities else 0
        tenant = budget.join(gpus, replicas * gpus, priority, 256)
        fleets.append(Fleet(clock, index, one, Streams(1, 0), MONDAY, tenant))  # type: ignore[arg-type]
    return fleets, clock, budget


def nodes_of(fleet: Fleet) -> list[list[int]]:
    """The nodes of each replica that has any."""
    claims = sorted(
        (r.order, r.claim.value)
        for r in fleet._replicas
        if r.claim is not None and r.claim.triggered
    )
    return [[node for node, _ in place.gpus] for _, place in claims]


def test_free_gpus_on_two_nodes_are_no_room_for_a_replica_of_their_sum() -> None:
    """Two nodes of 8, with 5 and 5 used: 6 are free, and a replica of 4 is pending."""
    (a, b), clock, budget = fleets_on(Floor(16, node_gpus=8), (2, 5), (0, 4))
    assert nodes_of(a) == [[0], [1]]
    b.scale_to(1)
    run(clock, 50.0)
    assert (budget.free, b.count(Stage.REQUESTED)) == (6, 1)
    a.scale_to(1)
    run(clock, 200.0)
    assert (b.ready, nodes_of(b), budget.free) == (1, [[1]], 7)


def test_a_replica_is_packed_and_a_larger_one_has_nodes_of_its_own() -> None:
    (a, b), clock, _ = fleets_on(Floor(32, node_gpus=8), (3, 3), (1, 16))
    assert nodes_of(a) == [[0], [0], [1]]
    assert nodes_of(b) == [[2, 3]]
    a.scale_to(5)
    run(clock, 101.0)
    assert (a.ready, nodes_of(a)) == (4, [[0], [0], [1], [1]])  # the fifth finds 2 and 2


def test_a_zone_takes_its_gpus_with_it_and_brings_them_back() -> None:
    """Three zones of 4, replicas of 2: six, of which two are lost and find nothing for 1,000 s."""
    zones = Zones(("a", "b", "c"), planned=(("b", 1_000.0, 2_000.0),))
    (a,), clock, budget = fleets_on(Floor(12, zones.names), (6, 2), zones=zones)
    assert Counter(r.zone for r in a._replicas) == {"a": 2, "b": 2, "c": 2}
    for at_s, ready, pending in (
        (999.0, 6, 0), (1_000.0, 4, 2), (1_999.0, 4, 2), (2_000.0, 4, 0), (2_101.0, 6, 0)
    ):  # fmt: skip
        run(clock, at_s)
        assert (a.ready, a.count(Stage.REQUESTED)) == (ready, pending), at_s
    assert budget.free == 0


def test_what_is_lost_with_a_zone_is_taken_from_others_where_the_zone_is_not() -> None:
    """b, of the higher priority, loses one of two and takes a's in the other zone."""
    zones = Zones(("x", "y"), planned=(("y", 500.0, 9_000.0),))
    floor = Floor(8, zones.names)
    (a, b), clock, _ = fleets_on(floor, (0, 2), (2, 2), zones=zones, priorities=(0, 10))
    a.scale_to(2)
    run(clock, 400.0)
    assert Counter(r.zone for r in (*a._replicas, *b._replicas)) == {"x": 2, "y": 2}
    run(clock, 700.0)
    assert (a.ready, b.ready) == (0, 2)
    assert {r.zone for r in b._replicas} == {"x"}
    run(clock, 9_200.0)
    assert (a.ready, b.ready) == (2, 2)


def test_replicas_are_given_up_on_the_node_where_the_fewest_have_to_be() -> None:
    """b asks for 6 of 8. On node 0 are four replicas of 2, on node 1 two of them: 1 must go."""
    (a, b), clock, budget = fleets_on(Floor(16, node_gpus=8), (0, 2), (0, 6), priorities=(0, 5))
    a.scale_to(6)
    run(clock, 101.0)
    assert sorted(node for (node,) in nodes_of(a)) == [0, 0, 0, 0, 1, 1]
    b.scale_to(1)
    run(clock, 202.0)
    assert (b.ready, nodes_of(b)) == (1, [[1]])
    assert sorted(node for (node,) in nodes_of(a)) == [0, 0, 0, 0, 1]
    assert a.count(Stage.REQUESTED) == 1
    assert budget.free == 0


def test_nodes_are_emptied_for_a_replica_that_needs_several() -> None:
    (a, b), clock, _ = fleets_on(Floor(24, node_gpus=8), (0, 4), (0, 16), priorities=(0, 5))
    a.scale_to(4)
    run(clock, 101.0)
    assert sorted(node for (node,) in nodes_of(a)) == [0, 0, 1, 1]
    b.scale_to(1)
    run(clock, 300.0)
    assert b.ready == 1
    assert a.ready == 2
    assert len(nodes_of(b)[0]) == 2


def test_stand_ins_on_demand_are_beside_the_gpus_of_the_cluster() -> None:
    """Both spot replicas are taken back for 500 s: others are rented, and the cluster is empty."""
    spot = Spot(Constant(1_000.0), notice_s=120.0, absence=Constant(500.0), falls_back=True)
    (a,), clock, budget = fleets_on(Floor(4, node_gpus=4), (2, 2), failures=Failures(spot=spot))
    for at_s, ready, on_demand in ((879.0, 2, 0), (980.0, 2, 2), (1_599.0, 2, 2), (1_601.0, 2, 0)):
        run(clock, at_s)
        stand_ins = sum(r.stands_in and r.stage is Stage.READY for r in a._replicas)
        assert (a.ready, stand_ins) == (ready, on_demand), at_s
    assert budget.free == 0


def test_over_thousands_of_events_no_gpu_is_lent_twice_and_who_fits_has_them() -> None:
    rng = np.random.default_rng(7)
    zones = Zones(("a", "b", "c"), Exponential(4_000.0), Exponential(600.0))
    crashes = Crashes(per_gpu_hour=0.2, repair=Exponential(300.0))
    spot = Spot(Exponential(3_000.0), notice_s=60.0, absence=Exponential(400.0), falls_back=True)
    floor = Floor(48, zones.names, 8)
    fleets, clock, budget = fleets_on(
        floor, (1, 3), (1, 8), (0, 16), zones=zones, priorities=(0, 1, 2),
        failures=Failures(crashes, spot), drain_limit_s=30.0,
    )  # fmt: skip
    clock.plane.empties_at_once = False
    pended, lost = 0, 0
    while clock.env.now < 6 * HOUR_S:
        if rng.random() < 0.05:
            fleets[rng.integers(3)].scale_to(int(rng.integers(0, 9)))
        clock.env.step()
        held = [r for fleet in fleets for r in fleet._replicas if r.claim and r.claim.triggered]
        used = Counter[int]()
        for replica in held:
            place = replica.claim.value  # type: ignore[union-attr]
            used.update(dict(place.gpus))
            assert replica.zone in (None, place.zone)  # None in the instant of its grant
        assert all(used[node] + free <= 8 for node, free in enumerate(floor.free))
        assert min(floor.free) >= 0
        assert budget.free == sum(floor.free)
        if clock.env.peek() > clock.env.now:  # the instant is over: who is first and fits is served
            for fleet in fleets:
                waits = fleet._tenant is not None and bool(fleet._tenant.waiting)
                pended += waits
                reclaims = budget._reclaiming_for is not None
                assert not (waits and not reclaims and fits(floor, fleet))
        lost = sum(len(fleet.log.crashed_s) for fleet in fleets)
    assert pended > 1_000
    assert lost > 50


def fits(floor: Floor, fleet: Fleet) -> bool:
    """Whether a replica of a fleet has room in any zone that is there, node by node."""
    gpus, there = fleet.pool.gpus_per_replica, set(fleet.zones)
    free = [
        (zone, left)
        for node, (zone, left) in enumerate(zip(floor.zone_of, floor.free, strict=True))
        if zone in there and floor.broken[node] == 0
    ]
    if gpus <= floor.size:
        return any(left >= gpus for _, left in free)
    whole = Counter(zone for zone, left in free if left == floor.size)
    return any(count * floor.size >= gpus for count in whole.values())


def test_a_crash_takes_all_on_its_node_of_whichever_pool() -> None:
    """Node 0 has a's and one of b, node 1 the other; the repair takes 500 s."""
    (a, b), clock, budget = fleets_on(Floor(16, node_gpus=8), (1, 4), (2, 4))
    assert (nodes_of(a), nodes_of(b)) == ([[0]], [[0], [1]])
    run(clock, 50.0)
    (first,) = a._replicas
    a.crash(first, 500.0)
    assert clock.plane.killed == [0, 1]
    assert (len(a.log.crashed_s), len(b.log.crashed_s)) == (1, 1)
    run(clock, 549.0)
    assert (a.ready, b.ready) == (0, 1)
    run(clock, 651.0)
    assert (a.ready, b.ready, budget.free) == (1, 2, 4)
