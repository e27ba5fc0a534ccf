"""The life of replicas: stages, bills, cancellations, capacity, standby, random numbers."""

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from fake_plane import FakeClock, run, steered

from sim.engine.control import Fleet, FleetLog, most_ready
from sim.model.distributions import Choice, Constant, Exponential, Uniform
from sim.model.lifecycle import Alternation, ColdStart, Lifecycle, Stage, Standby, WeightLoad

# 100 s in all, of which the first 30, until the node runs, cost nothing.
COLD_START = ColdStart(Constant(30.0), (Constant(50.0), Constant(20.0)))


def fleet_of(replicas: int, most: int = 20, **lifecycle: Any) -> tuple[Fleet, FakeClock]:
    life = Lifecycle(**{"cold_start": COLD_START, **lifecycle})
    return steered(replicas, most, lifecycle=life)


def counts(fleet: Fleet) -> dict[str, int]:
    return {stage.value: fleet.count(stage) for stage in Stage if fleet.count(stage)}


def bills(fleet: Fleet) -> list[tuple[float, float]]:
    return sorted(fleet.rentals())


FOREVER = (0.0, math.inf)


def test_a_replica_passes_its_stages_and_is_billed_from_its_node_to_its_end() -> None:
    fleet, clock = fleet_of(1)
    run(clock, 10.0)
    fleet.scale_to(2)
    for at_s, stage in [(39.9, "provisioning"), (40.1, "loading"), (109.9, "loading")]:
        run(clock, at_s)
        assert counts(fleet) == {"ready": 1, stage: 1}
        assert (fleet.ready, fleet.starting) == (1, 1)
    run(clock, 110.0)
    assert counts(fleet) == {"ready": 2}
    clock.plane.empties_at_once = False
    clock.env.run(until=200)
    fleet.scale_to(1)
    assert counts(fleet) == {"ready": 1, "draining": 1}
    assert bills(fleet) == [FOREVER, (40.0, math.inf)]
    clock.env.run(until=230)
    clock.gone(1).succeed()
    run(clock, 230)
    assert counts(fleet) == {"ready": 1}
    assert bills(fleet) == [FOREVER, (40.0, 230.0)]


def test_cold_starts_add_up_from_their_parts() -> None:
    rng = np.random.default_rng(3)
    composed = ColdStart.composed(
        node=Uniform(180.0, 240.0),
        image_pull=Constant(200.0),
        weights=WeightLoad(141e9, Constant(3e9)),
        engine_start=Constant(25.0),
        graph_capture=Constant(15.0),
    )
    draws = np.array([composed.draw(rng) for _ in range(2_000)])
    assert draws[:, 1] == pytest.approx(200 + 47 + 25 + 15)
    assert draws[:, 0].min() >= 180
    assert draws[:, 0].mean() == pytest.approx(210, abs=2)
    assert ColdStart.whole(Constant(90.0)).draw(rng) == (0.0, 90.0)
    assert ColdStart().draw(rng) == (0.0, 0.0)


def test_starting_replicas_are_cancelled_newest_first_and_ready_ones_drained_after() -> None:
    fleet, clock = fleet_of(2)
    for at_s in (10.0, 20.0, 30.0):
        clock.env.run(until=at_s)
        fleet.scale_to(fleet.desired + 1)
    clock.env.run(until=55.0)  # nodes of the first two run since 40 and 50 s
    fleet.scale_to(4)
    assert counts(fleet) == {"ready": 2, "loading": 2}
    fleet.scale_to(3)
    assert counts(fleet) == {"ready": 2, "loading": 1}
    assert bills(fleet) == [FOREVER, FOREVER, (40.0, math.inf), (50.0, 55.0)]
    clock.env.run(until=300)
    fleet.scale_to(1)
    assert counts(fleet) == {"ready": 1}
    assert bills(fleet) == [(0.0, 300.0), FOREVER, (40.0, 300.0), (50.0, 55.0)]
    assert clock.plane.ready == {0}


def test_a_cancelled_replica_never_becomes_ready() -> None:
    fleet, clock = fleet_of(1)
    for at_s in (0.5, 15.0, 45.0, 99.5):  # in each stage, and started anew
        fleet.scale_to(2)
        clock.env.run(until=clock.env.now + at_s)
        fleet.scale_to(1)
    clock.env.run(until=2_000)
    assert counts(fleet) == {"ready": 1}
    assert clock.plane.ready == {0}
    assert sum(end - begin for begin, end in fleet.rentals() if end < math.inf) == 15.0 + 69.5


def test_a_drain_that_takes_too_long_ends_in_a_kill() -> None:
    fleet, clock = fleet_of(2, drain_limit_s=60.0)
    clock.plane.empties_at_once = False
    clock.env.run(until=10)
    fleet.scale_to(1)
    clock.env.run(until=69.9)
    assert clock.plane.killed == []
    clock.env.run(until=70.1)
    assert clock.plane.killed == [1]
    assert bills(fleet) == [(0.0, 70.0), FOREVER]


# Deadlines of starts


def test_what_has_not_started_by_its_deadline_is_killed_and_asked_for_anew() -> None:
    """70 s of loading and a deadline of 60: 30 s for a node, 60 s on the bill, again and again."""
    late = ColdStart(COLD_START.provisioning, COLD_START.loading, deadline_s=60.0)
    fleet, clock = fleet_of(1, cold_start=late)
    fleet.scale_to(2)
    clock.env.run(until=310)
    assert counts(fleet) == {"ready": 1, "loading": 1}
    assert bills(fleet) == [
        FOREVER,
        (30.0, 90.0),
        (120.0, 180.0),
        (210.0, 270.0),
        (300.0, math.inf),
    ]
    assert fleet.log.overdue_s == [90.0, 180.0, 270.0]
    assert fleet.log.overdue(90.0, 270.0) == 2
    fleet.scale_to(1)
    clock.env.run(until=900)
    assert counts(fleet) == {"ready": 1}
    assert len(fleet.log.overdue_s) == 3


def test_a_start_that_takes_as_long_as_it_may_succeeds() -> None:
    fleet, clock = fleet_of(1, cold_start=replace(COLD_START, deadline_s=70.0))
    fleet.scale_to(2)
    clock.env.run(until=101)
    assert (fleet.ready, fleet.log.overdue_s) == (2, [])


def test_a_warm_pool_is_filled_with_what_starts_in_time() -> None:
    """Starts take 1 or 9 s, and 5 are allowed: they are made until enough came through."""
    coin = ColdStart.whole(Choice((1.0, 9.0), (0.5, 0.5)), deadline_s=5.0)
    standby = Standby(4, wake=Constant(1.0))
    fleet, clock = fleet_of(1, cold_start=coin, standby=standby)
    fleet.scale_to(5)
    clock.env.run(until=200)
    assert counts(fleet) == {"ready": 5, "standby": 4}
    assert len(fleet.log.overdue_s) > 0


# Capacity


def test_replicas_beyond_the_capacity_wait_in_order() -> None:
    fleet, clock = fleet_of(2, capacity_limit=3)
    fleet.scale_to(6)
    clock.env.run(until=500)
    assert counts(fleet) == {"ready": 3, "requested": 3}
    fleet.scale_to(5)  # one that waits is cancelled
    assert counts(fleet) == {"ready": 3, "requested": 2}
    clock.plane.empties_at_once = False
    fleet.scale_to(2)  # the two that wait, then one that serves: it keeps its slot while it drains
    fleet.scale_to(3)
    clock.env.run(until=900)
    assert counts(fleet) == {"ready": 2, "draining": 1, "requested": 1}
    clock.gone(2).succeed()
    clock.env.run(until=950)
    assert counts(fleet) == {"ready": 2, "loading": 1}


def test_no_node_is_to_be_had_during_an_outage_of_capacity() -> None:
    """Outages from 1000 to 1400 s, 2400 to 2800 s, ...: a request in between waits for the end."""
    spells = Alternation(on=Constant(1_000.0), off=Constant(400.0))
    fleet, clock = fleet_of(1, capacity_outages=spells)
    for asked_at, replicas in ((500, 2), (1_100, 3), (2_399, 4), (2_401, 5)):
        clock.env.run(until=asked_at)
        fleet.scale_to(replicas)
    clock.env.run(until=5_000)
    rises = np.flatnonzero(np.diff(fleet.log.ready)) + 1
    assert [fleet.log.time_s[at] for at in rises] == [600, 1_500, 2_499, 2_900]
    assert fleet.ready == 5


def test_capacity_is_never_exceeded_and_never_left_idle() -> None:
    rng = np.random.default_rng(5)
    fleet, clock = fleet_of(2, most=12, capacity_limit=7)
    clock.plane.empties_at_once = True
    for at_s in np.cumsum(rng.exponential(40, 500)):
        clock.env.run(until=at_s)
        fleet.scale_to(int(rng.integers(1, 12)))
        there = counts(fleet)
        waiting = there.pop("requested", 0)
        assert sum(there.values()) <= 7
        run(clock, at_s)
        there = counts(fleet)
        waiting = there.pop("requested", 0)
        assert waiting == max(0, fleet.desired - 7)
        assert sum(there.values()) == min(fleet.desired, 7)


# Standby


def test_a_warm_pool_wakes_in_seconds_is_paid_for_and_filled_up_again() -> None:
    fleet, clock = fleet_of(1, standby=Standby(2, wake=Constant(5.0)))
    assert counts(fleet) == {"ready": 1, "standby": 2}
    assert bills(fleet) == [FOREVER] * 3
    clock.env.run(until=10)
    fleet.scale_to(2)
    assert counts(fleet) == {"ready": 1, "waking": 1, "standby": 1, "requested": 1}
    assert fleet.starting == 1  # what fills the pool up is on its way to standby
    run(clock, 15)
    assert counts(fleet) == {"ready": 2, "standby": 1, "provisioning": 1}
    run(clock, 110)
    assert counts(fleet) == {"ready": 2, "standby": 2}
    assert bills(fleet) == [FOREVER] * 3 + [(40.0, math.inf)]


def test_demand_beyond_the_warm_pool_takes_what_is_on_its_way_there() -> None:
    fleet, clock = fleet_of(1, standby=Standby(1, wake=Constant(5.0)))
    clock.env.run(until=10)
    fleet.scale_to(2)  # wakes the one, starts another for the pool, ready at 110 s
    clock.env.run(until=50)
    fleet.scale_to(3)
    clock.env.run(until=109)
    assert fleet.ready == 2
    clock.env.run(until=111)
    assert counts(fleet) == {"ready": 3, "loading": 1}


def test_replicas_that_sleep_are_paid_for_and_wake_instead_of_starting_cold() -> None:
    fleet, clock = fleet_of(3, standby=Standby(1, wake=Constant(4.0), refill=False))
    assert counts(fleet) == {"ready": 3}
    clock.env.run(until=10)
    fleet.scale_to(1)
    assert counts(fleet) == {"ready": 1, "standby": 1}
    assert bills(fleet) == [(0.0, 10.0), FOREVER, FOREVER]
    clock.env.run(until=20)
    fleet.scale_to(3)
    run(clock, 24)
    assert counts(fleet) == {"ready": 2, "provisioning": 1}
    assert len(clock.plane.ready) == 2


def test_a_wake_that_is_called_off_goes_back_to_sleep() -> None:
    fleet, clock = fleet_of(2, standby=Standby(1, wake=Constant(10.0), refill=False))
    fleet.scale_to(1)
    clock.env.run(until=1)
    fleet.scale_to(2)
    clock.env.run(until=5)
    fleet.scale_to(1)
    assert counts(fleet) == {"ready": 1, "standby": 1}
    clock.env.run(until=8)
    fleet.scale_to(2)
    clock.env.run(until=17.9)  # the first wake would have ended at 11 s
    assert fleet.ready == 1
    clock.env.run(until=18.1)
    assert fleet.ready == 2


# Random numbers


def starts(moves: list[tuple[float, int]]) -> list[tuple[float, float]]:
    """(from the request to the bill, from the bill to ready) of the replicas launched, in order."""
    cold = ColdStart(Exponential(60.0), (Exponential(30.0),))
    fleet, clock = steered(1, lifecycle=Lifecycle(cold_start=cold))
    asked = []
    for at_s, replicas in moves:
        clock.env.run(until=at_s)
        asked += [at_s] * (replicas - fleet.desired)
        fleet.scale_to(replicas)
    clock.env.run(until=1e5)
    paid = list(fleet.rentals())[1:]
    return [(begin - at_s, end) for (begin, end), at_s in zip(paid, asked, strict=True)]


def test_durations_belong_to_the_number_of_a_replica_not_to_the_policy() -> None:
    first = starts([(10, 3), (5_000, 6)])
    second = starts([(700, 4), (9_000, 6)])
    assert len(first) == len(second) == 5
    assert [a for a, _ in first] == pytest.approx([b for b, _ in second])
    assert len({round(a, 6) for a, _ in first}) == 5


# The log


def test_log_integrals_and_maxima_match_a_count_by_hand() -> None:
    """Ready 2; 1 starts at 3 s; ready 3 from 7.5 s; 2 start at 9 s; ready 5 at 9 s; 1 at 12 s."""
    log = FleetLog(-5.0, 2)
    for at_s, ready, starting in [(3, 2, 1), (7.5, 3, 0), (9, 3, 2), (9, 5, 0), (12, 1, 0)]:
        log.note(at_s, ready, starting)
    edges = np.array([0.0, 4.0, 8.0, 12.0, 20.0])
    assert log.starting_s(edges) == pytest.approx([1.0, 3.5, 0.0, 0.0])
    assert most_ready([log], 0.0, 20.0) == 5
    assert most_ready([log], 0.0, 9.0) == 3
    assert most_ready([log], 13.0, 20.0) == 1
    other = FleetLog(-5.0, 4)
    other.note(9.0, 0, 0)
    assert most_ready([log, other], 0.0, 20.0) == 7  # not 9: they trade places at 9 s


def test_impossible_lives_are_refused() -> None:
    for bad, message in [
        (lambda: Standby(0, Constant(1.0)), r"replicas on standby \(0\)"),
        (lambda: Lifecycle(capacity_limit=0), r"capacity_limit \(0\)"),
        (lambda: Lifecycle(drain_limit_s=-1), r"drain_limit_s \(-1\)"),
        (lambda: WeightLoad(0, Constant(1.0)), r"weight_bytes \(0\)"),
    ]:
        with pytest.raises(ValueError, match=message):
            bad()
