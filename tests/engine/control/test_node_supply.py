"""Nodes that are bought whole: who shares one, how long it is paid, what a cluster gives and takes.

Every replica takes a GPU and 100 s to start, of which a new node takes 30 s.
"""

import math
from dataclasses import replace
from typing import Any

import numpy as np
from fake_plane import MONDAY, FakeClock, FakePlane, run, steered
from fleets import pool, profile

from sim.engine.control import Fleet
from sim.engine.control.gpu_budget import GpuBudget
from sim.model.autoscaler import Custom
from sim.model.distributions import Constant, Exponential
from sim.model.failure import Crashes, Failures, Spot
from sim.model.lifecycle import ColdStart, Lifecycle, Stage, Standby
from sim.model.price import HOUR_S
from sim.model.streams import Streams
from sim.model.zones import Zones

COLD_START = ColdStart(Constant(30.0), (Constant(70.0),))
INF = math.inf


def on_nodes(
    replicas: int, node_gpus: int = 2, gpus: int = 1, failures: Failures | None = None, **life: Any
) -> tuple[Fleet, FakeClock]:
    return steered(
        replicas,
        profile=profile(gpus_per_replica=gpus),
        node_gpus=node_gpus,
        lifecycle=Lifecycle(**{"cold_start": COLD_START, **life}),
        failures=failures or Failures(),
    )


def nodes(fleet: Fleet) -> list[list[int]]:
    """Numbers of the replicas on each node."""
    found: dict[int, list[int]] = {}
    for replica in fleet._replicas:
        if replica.node is not None:
            found.setdefault(replica.node.number, []).append(replica.number)
    return [found[number] for number in sorted(found)]


def test_replicas_fill_a_node_and_then_the_next() -> None:
    fleet, clock = on_nodes(5)
    assert nodes(fleet) == [[0, 1], [2, 3], [4]]
    assert list(fleet.bought()) == [(0.0, INF)] * 3
    fleet.scale_to(6)  # to the node that runs and has room
    run(clock, 70.1)
    assert fleet.ready == 6
    assert list(fleet.bought()) == [(0.0, INF)] * 3
    fleet.scale_to(7)
    run(clock, 90.1)
    fleet.scale_to(8)  # to the node that runs in ten seconds
    run(clock, 170.0)
    assert (fleet.ready, nodes(fleet)[-1]) == (6, [6, 7])
    run(clock, 170.3)
    assert fleet.ready == 8
    assert sorted(fleet.bought()) == [(0.0, INF)] * 3 + [(100.1, INF)]


def test_a_node_is_paid_until_its_last_replica_is_gone() -> None:
    fleet, clock = on_nodes(4)
    run(clock, 1_000.0)
    fleet.scale_to(3)
    run(clock, 2_000.0)
    assert list(fleet.bought()) == [(0.0, INF)] * 2
    assert sorted(fleet.rentals()) == [(0.0, 1_000.0), *[(0.0, INF)] * 3]
    fleet.scale_to(2)
    assert sorted(fleet.bought()) == [(0.0, 2_000.0), (0.0, INF)]


def test_a_replica_larger_than_a_node_takes_several_and_gpus_left_over_are_bought() -> None:
    fleet, _ = on_nodes(3, node_gpus=8, gpus=12)
    assert (fleet.pool.unit_gpus, fleet.pool.unit_replicas) == (16, 1)
    assert list(fleet.bought()) == [(0.0, INF)] * 3
    fleet, _ = on_nodes(4, node_gpus=8, gpus=3)
    assert (fleet.pool.unit_gpus, fleet.pool.unit_replicas) == (8, 2)
    assert nodes(fleet) == [[0, 1], [2, 3]]


def test_a_node_that_nobody_waits_for_any_more_is_never_paid() -> None:
    fleet, clock = on_nodes(2)
    fleet.scale_to(4)
    run(clock, 20.0)
    fleet.scale_to(2)
    run(clock, 500.0)
    assert list(fleet.bought()) == [(0.0, INF)]


def test_a_crash_takes_the_node_and_what_is_new_comes_elsewhere() -> None:
    crashes = Crashes(per_gpu_hour=1.0)
    fleet, clock = on_nodes(3, failures=Failures(crashes))
    times = [float(fleet.streams(f"crashes/pool/{n}").exponential(HOUR_S)) for n in range(3)]
    at_s = min(times)
    run(clock, at_s)
    victims = [2] if times[2] == at_s else [0, 1]
    assert clock.plane.killed == victims
    assert (0.0, at_s) in list(fleet.bought())
    run(clock, at_s + 100.1)
    assert fleet.ready == 3
    assert len(nodes(fleet)) == 2


def test_a_repair_holds_the_slots_of_a_node() -> None:
    crashes = Crashes(per_gpu_hour=1e-9, repair=Constant(1_000.0))
    fleet, clock = on_nodes(2, failures=Failures(crashes), capacity_limit=3)
    node = next(iter(fleet._replicas)).node
    assert node is not None
    fleet.crash(node.replicas[0], 1_000.0)
    run(clock, 999.0)
    assert fleet.count(Stage.ABSENT) == 2
    run(clock, 1_100.1)
    assert fleet.ready == 2


def test_spot_takes_a_node_with_all_that_is_on_it() -> None:
    """Its life is that from its first replica on: 1,000 s, of which it is told of the last 120."""
    spot = Spot(Constant(1_000.0), notice_s=120.0, absence=Constant(300.0))
    fleet, clock = on_nodes(1, failures=Failures(spot=spot))
    run(clock, 400.0)
    fleet.scale_to(3)  # one more on the first node, and one on another
    expected = [(879.9, 3, 0), (880.0, 1, 2), (1_299.9, 1, 2), (1_300.0, 1, 0), (1_309.9, 1, 0)]
    for at_s, ready, absent in (*expected, (1_310.1, 0, 2)):  # one that started went to the second
        run(clock, at_s)
        assert (fleet.ready, fleet.count(Stage.ABSENT)) == (ready, absent), at_s
    assert fleet.log.noticed_s == [880.0] * 2 + [1_310.0] * 2
    assert sorted(fleet.bought())[:2] == [(0.0, 880.0), (430.0, 1_310.0)]


def test_nodes_lie_in_one_zone_each() -> None:
    zones = Zones(("a", "b"), planned=(("a", 500.0, 900.0),))
    fleet, clock = on_nodes(6, failures=Failures(zones=zones))
    assert nodes(fleet) == [[0, 2], [1, 3], [4], [5]]
    run(clock, 600.1)
    assert fleet.ready == 6
    assert sorted(fleet.bought()) == [(0.0, 500.0)] * 2 + [(0.0, INF)] * 2 + [(530.0, INF)]


# In a cluster


def shared(
    gpus: int, *pools: tuple[str, int, int, int]
) -> tuple[list[Fleet], FakeClock, GpuBudget]:
    """Fleets of (name, replicas, GPUs of a node, priority) whose nodes are those of a cluster."""
    clock = FakeClock(FakePlane(0, lambda _: {}))
    clock.plane.pool_of = [at for at, each in enumerate(pools) for _ in range(each[1])]
    clock.plane.ready = set(range(len(clock.plane.pool_of)))
    clock.plane.gone_s = [math.inf] * len(clock.plane.pool_of)
    budget = GpuBudget(clock.env, gpus, "first_come")
    fleets = []
    for index, (name, replicas, node_gpus, priority) in enumerate(pools):
        one = pool(replicas=replicas, name=name)
        what = {"lifecycle": Lifecycle(COLD_START), "node_gpus": node_gpus or None}
        one = replace(one, autoscaler=Custom("by hand", 20), **what)
        tenant = budget.join(one.unit_gpus, one.unit_gpus, priority, 256)
        fleets.append(Fleet(clock, index, one, Streams(1, 0), MONDAY, tenant))  # type: ignore[arg-type]
    return fleets, clock, budget


def test_a_pool_gets_gpus_by_the_node_and_what_is_left_over_is_nobodys() -> None:
    """Nine GPUs: four nodes of two, and one GPU that only a pool without nodes can use."""
    (a,), clock, budget = shared(9, ("a", 1, 2, 0))
    a.scale_to(20)
    run(clock, 101.0)
    assert (a.ready, a.starting, budget.free) == (8, 12, 1)
    a.scale_to(7)
    assert budget.free == 1  # a node with one replica is held
    a.scale_to(6)
    assert budget.free == 3


def test_a_node_is_reclaimed_as_a_whole() -> None:
    """b, of the higher priority, asks for three; a gives its newest nodes, of two replicas each."""
    (a, b), clock, budget = shared(8, ("a", 1, 2, 0), ("b", 1, 0, 10))
    a.scale_to(6)
    run(clock, 101.0)
    assert (a.ready, budget.free) == (6, 1)
    b.scale_to(4)
    run(clock, 300.0)
    assert b.ready == 4
    assert a.ready == 4
    assert nodes(a) == [[0, 1], [2, 3], [6, 7]]  # of which the last wait for a node again
    assert a.count(Stage.REQUESTED) == 2
    assert budget.free == 0


def test_two_that_wait_for_one_node_ask_for_it_once() -> None:
    (a, b), clock, budget = shared(4, ("a", 1, 2, 0), ("b", 2, 0, 0))
    a.scale_to(4)
    run(clock, 50.0)
    assert a.count(Stage.REQUESTED) == 2
    assert (a.ready, a.count(Stage.LOADING)) == (1, 1)
    b.scale_to(0)
    run(clock, 151.0)
    assert (a.ready, budget.free) == (4, 0)
    assert len(list(a.bought())) == 2


# All at once


def test_nodes_kept_are_nodes_seen() -> None:
    """Over thousands of events: who is on which node, and from when to when it is paid, told here
    from the replicas alone."""
    fleet, clock = on_nodes(
        7,
        node_gpus=3,
        failures=Failures(Crashes(per_gpu_hour=0.5, repair=Exponential(300.0))),
        standby=Standby(2, Constant(20.0)),
        drain_limit_s=40.0,
    )
    clock.plane.empties_at_once = False
    rng = np.random.default_rng(4)
    paid: dict[int, list[float]] = {}

    def look() -> None:
        there = {replica.node.number for replica in fleet._replicas if replica.node is not None}
        for replica in fleet._replicas:
            if not math.isnan(replica.paid_from_s):
                assert replica.node is not None
                paid.setdefault(replica.node.number, [replica.paid_from_s, INF])
        assert all(len(on) <= 3 for on in nodes(fleet))
        for number, bill in paid.items():
            if number not in there and bill[1] == INF:
                bill[1] = float(clock.env.now)

    while clock.env.now < 3 * HOUR_S:
        if rng.random() < 0.1:
            fleet.scale_to(int(rng.integers(0, 14)))
            look()
        clock.env.step()
        look()
    np.testing.assert_allclose(sorted(fleet.bought()), sorted(map(tuple, paid.values())))
    assert len(paid) > 50
