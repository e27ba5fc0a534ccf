"""Crashes, nodes, spot instances and stragglers, and the theory of machines under repair.

Theory: n machines that fail and are repaired independently are each up for MTBF / (MTBF + MTTR) of
the time, and k or more of them are by the binomial law. The interval is the t interval over 20
independent replications at 99.9 %, so each of the five checks fails by chance in one of 1,000
choices of the seed; the seed is fixed.
"""

import math
from typing import Any

import numpy as np
import pytest
from fake_plane import FakeClock, run, steered
from queues import Estimate, plain
from scipy import stats

from sim.engine.control import Fleet
from sim.model.distributions import Constant, Exponential, Uniform
from sim.model.failure import CRASHES_PER_GPU_HOUR, Crashes, Failures, Spot, Stragglers
from sim.model.lifecycle import Alternation, ColdStart, Lifecycle, Stage, Standby
from sim.model.price import HOUR_S

COLD_START = ColdStart(Constant(30.0), (Constant(70.0),))
LEVEL = 0.999


def broken(
    replicas: int = 1, failures: Failures | None = None, seed: int = 1, **lifecycle: Any
) -> tuple[Fleet, FakeClock]:
    life = Lifecycle(**{"cold_start": COLD_START, **lifecycle})
    what = Failures() if failures is None else failures
    return steered(replicas, seed=seed, lifecycle=life, failures=what)


def first_crash_s(fleet: Fleet, number: int, mean_s: float) -> float:
    return float(fleet.streams(f"crashes/pool/{number}").exponential(mean_s))


def counts(fleet: Fleet) -> dict[str, int]:
    return {stage.value: fleet.count(stage) for stage in Stage if fleet.count(stage)}


# Crashes


def test_a_crash_kills_and_the_replacement_waits_for_the_repair_and_starts_cold() -> None:
    crashes = Crashes(per_gpu_hour=1.0, repair=Constant(600.0))
    fleet, clock = broken(1, Failures(crashes))
    at_s = first_crash_s(fleet, 0, HOUR_S)
    run(clock, at_s)
    assert clock.plane.killed == [0]
    assert counts(fleet) == {"absent": 1}
    assert list(fleet.rentals()) == [(0.0, at_s)]
    for after_s, stage in [(599, "absent"), (629, "provisioning"), (699, "loading")]:
        run(clock, at_s + after_s)
        assert counts(fleet) == {stage: 1}
    run(clock, at_s + 700.1)
    assert counts(fleet) == {"ready": 1}


def test_a_crash_takes_the_whole_node_along() -> None:
    crashes = Crashes(per_gpu_hour=1.0, replicas_per_node=3)
    fleet, clock = broken(7, Failures(crashes))
    times = [first_crash_s(fleet, number, HOUR_S) for number in range(7)]
    first = int(np.argmin(times))
    run(clock, min(times))
    node = range(3 * (first // 3), min(7, 3 * (first // 3) + 3))
    assert clock.plane.killed == list(node)
    assert fleet.log.crashed_s == [min(times)] * len(node)
    assert fleet.ready == 7 - len(node)
    assert fleet.desired == 7
    assert fleet.starting == len(node)


def test_replacements_fill_the_nodes_that_have_room() -> None:
    """Seven replicas on nodes of three: the two missing ones of the third node come there."""
    crashes = Crashes(per_gpu_hour=1e-9, replicas_per_node=3)
    fleet, clock = broken(7, Failures(crashes))
    fleet.scale_to(9)
    run(clock, 200)
    fleet.scale_to(5)  # the newest go: 8, 7, 6, 5
    fleet.scale_to(6)
    run(clock, 400)
    nodes = {r.node.number: [n.number for n in r.node.replicas] for r in fleet._replicas}
    assert nodes == {0: [0, 1, 2], 1: [3, 4, 9]}


def test_crash_rate_is_per_gpu_hour() -> None:
    """Crashes of 50 replicas over 2,000 h, at one in 100 h: 1,000 ± 4.5 standard deviations."""
    crashes = Crashes(per_gpu_hour=0.01)
    _, clock = broken(50, Failures(crashes), cold_start=ColdStart())
    run(clock, 2_000 * HOUR_S)
    assert abs(len(clock.plane.killed) - 1_000) < 4.5 * math.sqrt(1_000)


def test_known_rates_and_gpus_of_a_replica() -> None:
    """8 GPUs at Meta's rate for H100: 10.7 % of replicas in 720 h."""
    crashes = Crashes(CRASHES_PER_GPU_HOUR["h100-llama3"])
    assert 1 - math.exp(-720 * HOUR_S / crashes.mean_life_s(8)) == pytest.approx(0.107, abs=5e-4)


def test_a_replica_that_drains_or_stands_by_may_die_too() -> None:
    crashes = Crashes(per_gpu_hour=1.0)
    fleet, clock = broken(2, Failures(crashes))
    clock.plane.empties_at_once = False
    times = [first_crash_s(fleet, number, HOUR_S) for number in range(2)]
    fleet.scale_to(1)
    run(clock, times[1] + 1e-6)
    assert 1 in clock.plane.killed
    assert fleet.desired == 1
    assert fleet.ready + fleet.starting == 1
    clock.gone(1)  # nobody is left to hear of it
    pool = Standby(1, wake=Constant(500.0))
    fleet, clock = broken(1, Failures(crashes), standby=pool, capacity_limit=2)
    serving_s, standing_s = (first_crash_s(fleet, number, HOUR_S) for number in range(2))
    run(clock, min(serving_s, standing_s) + 1.0)
    ours = {"waking": 1} if serving_s < standing_s else {"ready": 1}
    assert counts(fleet) == {**ours, "provisioning": 1}


def test_failures_belong_to_the_number_of_a_replica() -> None:
    """More replicas do not move the crashes of those that were there before."""
    crashes = Failures(Crashes(per_gpu_hour=0.1))
    dead = []
    for replicas in (3, 6):
        fleet, clock = broken(replicas, crashes)
        run(clock, min(first_crash_s(fleet, n, 10 * HOUR_S) for n in range(3)) + 1.0)
        dead.append([r for r in clock.plane.killed if r < 3])
    assert dead[0] == dead[1] != []


def test_a_broken_machine_keeps_its_place() -> None:
    """Capacity of two, one broken: a third cannot start before the repair, nor a second."""
    crashes = Crashes(per_gpu_hour=1.0, repair=Constant(1_000.0))
    fleet, clock = broken(2, Failures(crashes), capacity_limit=2)
    at_s = min(first_crash_s(fleet, number, HOUR_S) for number in range(2))
    run(clock, at_s)
    fleet.scale_to(3)
    run(clock, at_s + 900)
    assert counts(fleet)["requested"] == 1
    assert fleet.count(Stage.PROVISIONING) == fleet.count(Stage.LOADING) == 0


# Machines under repair


def up_shares(replicas: int, cold: bool, horizon_s: float) -> list[np.ndarray]:
    """Share of time with 0, 1, ..., ``replicas`` ready, of each of 20 replications."""
    shares = []
    for seed in range(20):
        crashes = Crashes(per_gpu_hour=0.5, repair=Exponential(1_200.0))
        start = ColdStart(Exponential(300.0), (Constant(600.0),)) if cold else ColdStart()
        fleet, clock = broken(replicas, Failures(crashes), seed, cold_start=start)
        run(clock, horizon_s)
        lasted_s = np.diff([*fleet.log.time_s, horizon_s])
        shares.append(np.bincount(fleet.log.ready, lasted_s, replicas + 1) / horizon_s)
    return shares


def agrees(estimate: Estimate, theory: float) -> None:
    assert abs(estimate.value - theory) <= estimate.half_width(LEVEL)
    assert estimate.value == pytest.approx(theory, rel=0.02)
    assert estimate.half_width(LEVEL) < 0.05 * theory


def test_availability_is_mtbf_over_mtbf_plus_mttr() -> None:
    """Standard error 0.25 % of the share: the variance is 2 λμ / (λ + μ)³ over the time."""
    shares = up_shares(1, cold=False, horizon_s=800 * HOUR_S)
    agrees(plain([share[1] for share in shares]), 7_200 / (7_200 + 1_200))


def test_k_out_of_n_machines_follow_the_binomial_law() -> None:
    """Standard error of all six being up: 0.65 %."""
    shares = up_shares(6, cold=False, horizon_s=600 * HOUR_S)
    up = 7_200 / (7_200 + 1_200)
    for k in (4, 5, 6):
        at_least = [share[k:].sum() for share in shares]
        agrees(plain(at_least), float(stats.binom.sf(k - 1, 6, up)))


def test_a_cold_start_lengthens_every_repair() -> None:
    """The clock of crashes runs while a replica loads: a crash of a loading one starts it anew.

    Up for 2 h on average; down: repair 1200 s and provisioning 300 s, then loading for 600 s unless
    a crash (rate 1/7200) comes first, after which all begins again. With p = exp(-600/7200) the
    probability to survive loading, a cycle has 1/p attempts; each takes 1500 s and loading
    7200 (1 - p); up time follows memorylessly, 7200 s.
    """
    p = math.exp(-600 / 7_200)
    down_s = (1_500 + 7_200 * (1 - p)) / p
    shares = up_shares(1, cold=True, horizon_s=1_000 * HOUR_S)
    agrees(plain([share[1] for share in shares]), 7_200 / (7_200 + down_s))


# Spot instances


def test_a_reclaimed_instance_drains_in_its_notice_and_is_killed_at_its_end() -> None:
    spot = Spot(life=Constant(1_000.0), notice_s=120.0, absence=Constant(500.0))
    fleet, clock = broken(1, Failures(spot=spot))
    clock.plane.empties_at_once = False
    run(clock, 879.9)
    assert counts(fleet) == {"ready": 1}
    run(clock, 880)
    assert counts(fleet) == {"draining": 1, "absent": 1}
    run(clock, 1_000)
    assert clock.plane.killed == [0]
    assert fleet.log.noticed_s == [880.0]
    assert fleet.log.crashed_s == []
    assert list(fleet.rentals()) == [(0.0, 1_000.0)]
    run(clock, 1_499.9)
    assert counts(fleet) == {"absent": 1}
    run(clock, 1_600.1)  # absent until 1500 s, then a cold start
    assert counts(fleet) == {"ready": 1}


def test_an_instance_that_drains_before_its_end_is_given_back_then() -> None:
    spot = Spot(life=Constant(1_000.0), notice_s=120.0)
    fleet, clock = broken(1, Failures(spot=spot), standby=Standby(1, Constant(1.0), refill=False))
    run(clock, 881)
    assert list(fleet.rentals()) == [(0.0, 880.0)]  # and does not go to sleep
    run(clock, 1_100.1)
    assert counts(fleet) == {"ready": 1}
    assert clock.plane.killed == []


def test_a_spot_instance_that_loads_dies_at_its_notice() -> None:
    spot = Spot(life=Constant(150.0), notice_s=100.0)
    fleet, clock = broken(1, Failures(spot=spot))
    run(clock, 60)  # noticed at 50 s, absent until 150 s
    assert counts(fleet) == {"absent": 1}
    run(clock, 229)  # its node runs from 180 s on and is taken back at 230 s, while it loads
    assert counts(fleet) == {"loading": 1}
    run(clock, 231)
    assert counts(fleet) == {"absent": 1}
    assert fleet.desired == 1


def test_spot_availability_is_that_of_an_on_off_process() -> None:
    """Ready from the start of the node to its notice, which drains it at once; then absent."""
    spot = Spot(Uniform(2_000.0, 6_000.0), notice_s=0.0, absence=Exponential(1_000.0))
    values = []
    for seed in range(20):
        fleet, clock = broken(1, Failures(spot=spot), seed, cold_start=ColdStart())
        run(clock, 2e6)
        lasted_s = np.diff([*fleet.log.time_s, 2e6])
        values.append(float(lasted_s @ np.array(fleet.log.ready)) / 2e6)
    agrees(plain(values), 4_000 / 5_000)


# Stragglers


def test_a_share_of_replicas_is_slow_for_good() -> None:
    _, clock = broken(1_000, Failures(stragglers=Stragglers(share=0.2, slowness=1.5)))
    run(clock, 1.0)
    slow = [s for s in clock.plane.slowness.values() if s == 1.5]
    assert set(clock.plane.slowness.values()) == {1.0, 1.5}
    assert abs(len(slow) - 200) < 4.5 * math.sqrt(160)


def test_a_straggler_is_slow_from_its_first_request_and_after_a_sleep() -> None:
    failures = Failures(stragglers=Stragglers(share=1.0, slowness=2.0))
    fleet, clock = broken(1, failures, standby=Standby(1, Constant(1.0), refill=False))
    fleet.scale_to(2)
    run(clock, 101)
    fleet.scale_to(1)
    fleet.scale_to(2)
    run(clock, 103)
    assert clock.plane.slowness == {0: 2.0, 1: 2.0, 2: 2.0}


def test_slow_spells_come_and_go() -> None:
    spells = Alternation(on=Constant(100.0), off=Constant(40.0))
    _, clock = broken(1, Failures(stragglers=Stragglers(1.0, 3.0, spells)))
    for at_s, slowness in [(1, 1.0), (99, 1.0), (101, 3.0), (139, 3.0), (141, 1.0), (241, 3.0)]:
        run(clock, at_s)
        assert clock.plane.slowness[0] == slowness


# All at once


def test_counts_kept_are_counts_made() -> None:
    """After each of thousands of events of a fleet to which everything happens."""
    failures = Failures(
        Crashes(per_gpu_hour=2.0, repair=Exponential(300.0), replicas_per_node=3),
        Spot(Uniform(500.0, 4_000.0), notice_s=60.0, absence=Exponential(200.0)),
    )
    fleet, clock = broken(
        6, failures, standby=Standby(2, Constant(20.0)), capacity_limit=14, drain_limit_s=40.0
    )
    clock.plane.empties_at_once = False
    rng = np.random.default_rng(5)
    seen = set()
    while clock.env.now < 5 * HOUR_S:
        if rng.random() < 0.1:
            fleet.scale_to(int(rng.integers(0, 12)))
        clock.env.step()
        there = list(fleet._replicas)
        for stage in Stage:
            assert fleet.count(stage) == sum(replica.stage is stage for replica in there)
        assert fleet.ready == len(clock.plane.ready)
        assert fleet.starting == sum(replica.starting for replica in there)
        assert fleet.ready + fleet.starting == fleet.desired
        seen |= {replica.stage for replica in there}
    assert seen == set(Stage) - {Stage.GONE}


def test_impossible_failures_are_refused() -> None:
    for bad, message in [
        (lambda: Crashes(0.0), r"per_gpu_hour \(0.0\)"),
        (lambda: Crashes(1.0, replicas_per_node=0), r"replicas_per_node \(0\)"),
        (lambda: Spot(Constant(60.0), notice_s=120.0), r"notice_s \(120.0\) must be shorter"),
        (lambda: Spot(Constant(60.0), notice_s=-1.0), r"notice_s \(-1.0\)"),
        (lambda: Stragglers(0.0, 2.0), r"share \(0.0\)"),
        (lambda: Stragglers(0.5, 0.0), r"slowness \(0.0\)"),
    ]:
        with pytest.raises(ValueError, match=message):
            bad()
