"""On-demand replicas that stand in for spot ones: when they come, when they go, what is paid.

Every replica takes 100 s to start, of which its node is not paid for 30 s.
"""

from typing import Any

import numpy as np
import pytest
from fake_plane import FakeClock, run, steered

from sim.engine.control import Fleet, stand_ins
from sim.model.distributions import Constant, Exponential, Uniform
from sim.model.failure import Crashes, Failures, Spot, Stragglers
from sim.model.lifecycle import Alternation, ColdStart, Lifecycle, Stage, Standby
from sim.model.price import HOUR_S

NODE_S, LOAD_S = 30.0, 70.0
COLD_START = ColdStart(Constant(NODE_S), (Constant(LOAD_S),))


def fleet_on_spot(
    replicas: int,
    spot: Spot,
    crashes: Crashes | None = None,
    stragglers: Stragglers | None = None,
    seed: int = 1,
    **lifecycle: Any,
) -> tuple[Fleet, FakeClock]:
    life = Lifecycle(**{"cold_start": COLD_START, **lifecycle})
    failures = Failures(crashes, spot, stragglers)
    return steered(replicas, seed=seed, lifecycle=life, failures=failures)


def forever(**fields: Any) -> Spot:
    """Spot instances that are never taken back, and have stand-ins."""
    return Spot(Constant(1e9), falls_back=True, **fields)


def standing_in(fleet: Fleet) -> dict[str, int]:
    there = [replica for replica in fleet._replicas if replica.stands_in]
    return {
        s.value: sum(r.stage is s for r in there) for s in Stage if any(r.stage is s for r in there)
    }


def test_a_stand_in_serves_from_its_cold_start_to_that_of_the_next_on_spot() -> None:
    spot = Spot(Constant(1_000.0), notice_s=120.0, absence=Constant(500.0), falls_back=True)
    fleet, clock = fleet_on_spot(1, spot)
    for at_s, ready, on_demand in [
        (879.9, 1, {}),
        (880.0, 0, {"provisioning": 1}),  # notice, and the replica drains at once
        (979.9, 0, {"loading": 1}),
        (980.1, 1, {"ready": 1}),
        (1_599.9, 1, {"ready": 1}),  # spot is to be had from 1,500 s on, and starts
        (1_600.1, 1, {}),
    ]:
        run(clock, at_s)
        assert (fleet.ready, standing_in(fleet)) == (ready, on_demand), at_s
        assert fleet.ready + fleet.starting == fleet.desired == 1
    assert list(fleet.rentals()) == [(0.0, 880.0), (1_530.0, np.inf)]
    assert list(fleet.rentals(stand_ins=True)) == [(910.0, 1_600.0)]


def test_without_a_fallback_nobody_stands_in() -> None:
    fleet, clock = fleet_on_spot(1, Spot(Constant(1_000.0), absence=Constant(500.0)))
    run(clock, 1_400.0)
    assert fleet.ready == 0
    assert list(fleet.rentals(stand_ins=True)) == []


def test_what_is_not_to_be_had_on_spot_is_rented_on_demand() -> None:
    """Two slots on spot, six replicas wanted, then one: those on demand go, and one on spot."""
    fleet, clock = fleet_on_spot(1, forever(), capacity_limit=2)
    fleet.scale_to(6)
    run(clock, 101.0)
    assert fleet.ready == 6
    assert standing_in(fleet) == {"ready": 4}
    fleet.scale_to(4)
    run(clock, 102.0)
    assert standing_in(fleet) == {"ready": 2}
    fleet.scale_to(1)
    run(clock, 103.0)
    assert (fleet.ready, standing_in(fleet)) == (1, {})
    assert list(fleet.rentals()) == [(30.0, 102.0), (0.0, np.inf)]


def test_an_outage_of_spot_capacity_does_not_hold_back_what_is_on_demand() -> None:
    outages = Alternation(on=Constant(1_000.0), off=Constant(400.0))
    fleet, clock = fleet_on_spot(1, forever(), capacity_outages=outages)
    run(clock, 1_100.0)
    fleet.scale_to(3)
    run(clock, 1_200.1)
    assert (fleet.ready, standing_in(fleet)) == (3, {"ready": 2})
    run(clock, 1_499.9)  # the outage ends at 1,400 s
    assert standing_in(fleet) == {"ready": 2}
    run(clock, 1_500.1)
    assert (fleet.ready, standing_in(fleet)) == (3, {})


def test_a_stand_in_that_crashes_is_replaced_at_once_and_lies_on_a_node_of_its_own() -> None:
    """Its repair binds nobody; the node it shares with others on demand dies with it."""
    crashes = Crashes(per_gpu_hour=1e-9, repair=Constant(1e6), replicas_per_node=4)
    fleet, clock = fleet_on_spot(1, forever(), crashes, capacity_limit=1)
    fleet.scale_to(3)
    run(clock, 101.0)
    node = next(r.node for r in fleet._replicas if r.stands_in)
    assert node is not None and [r.stands_in for r in node.replicas] == [True, True]
    fleet.crash(node.replicas[0], 1e6)
    assert fleet.ready == 1
    run(clock, 201.1)
    assert (fleet.ready, standing_in(fleet)) == (3, {"ready": 2})


def test_repairs_of_spot_replicas_are_bridged() -> None:
    crashes = Crashes(per_gpu_hour=1.0, repair=Constant(3_000.0))
    fleet, clock = fleet_on_spot(1, forever(), crashes)
    at_s = float(fleet.streams("crashes/pool/0").exponential(HOUR_S))
    run(clock, at_s + 100.1)
    assert (fleet.ready, standing_in(fleet)) == (1, {"ready": 1})
    assert list(fleet.rentals()) == [(0.0, at_s)]


def test_a_stand_in_never_goes_to_sleep_and_a_warm_pool_has_none() -> None:
    """A replica on standby that is taken back is missed by nobody."""
    spot = Spot(Constant(1_000.0), notice_s=0.0, absence=Constant(200.0), falls_back=True)
    fleet, clock = fleet_on_spot(1, spot, standby=Standby(1, Constant(5.0), refill=False))
    run(clock, 1_300.1)
    assert (fleet.ready, standing_in(fleet)) == (1, {})
    assert fleet.count(Stage.STANDBY) == 0
    fleet, clock = fleet_on_spot(0, spot, standby=Standby(2, Constant(5.0)))
    run(clock, 1_100.0)
    assert fleet.count(Stage.ABSENT) == 2
    assert list(fleet.rentals(stand_ins=True)) == []


@pytest.mark.parametrize("seed", range(5))
def test_every_loss_is_bridged_to_the_second_and_moves_no_loss(seed: int) -> None:
    """Of a lone replica, from the losses alone: a stand-in is paid from 30 s after each loss on,
    until the next replica on spot has loaded. Losses are those of a fleet without stand-ins."""
    lives = {"life": Uniform(300.0, 6_000.0), "notice_s": 60.0, "absence": Exponential(900.0)}
    alone, quiet = fleet_on_spot(1, Spot(**lives), seed=seed)
    fleet, clock = fleet_on_spot(1, Spot(**lives, falls_back=True), seed=seed)
    for each in (quiet, clock):
        run(each, 200 * HOUR_S)
    own = list(fleet.rentals())
    assert own == list(alone.rentals())
    assert len(own) > 100
    ends, begins = [end for _, end in own], [begin for begin, _ in own[1:]]
    bridged = [(a + NODE_S, b + LOAD_S) for a, b in zip(ends, begins, strict=False)]
    found = list(fleet.rentals(stand_ins=True))
    np.testing.assert_allclose(found[: len(bridged) - 1], bridged[:-1], rtol=1e-12)


def test_stand_ins_are_as_many_as_are_missing_at_all_times() -> None:
    """After each of thousands of events of a fleet to which everything happens."""
    spot = Spot(Uniform(500.0, 4_000.0), 60.0, Exponential(600.0), falls_back=True)
    fleet, clock = fleet_on_spot(
        6,
        spot,
        Crashes(per_gpu_hour=1.0, repair=Exponential(300.0), replicas_per_node=3),
        standby=Standby(2, Constant(20.0)),
        capacity_limit=10,
        capacity_outages=Alternation(Exponential(4_000.0), Exponential(900.0)),
        drain_limit_s=40.0,
    )
    clock.plane.empties_at_once = False
    rng = np.random.default_rng(5)
    counts = set()
    while clock.env.now < 5 * HOUR_S:
        if rng.random() < 0.1:
            fleet.scale_to(int(rng.integers(0, 14)))
        clock.env.step()
        least, most = stand_ins.bounds(fleet._replicas, fleet.desired)
        there = sum(replica.serving and replica.stands_in for replica in fleet._replicas)
        assert least <= there <= most
        assert fleet.ready <= fleet.desired
        assert fleet.ready == len(clock.plane.ready)
        counts.add(there)
    assert counts >= set(range(6))
