"""Autoscalers against their documented rules, written here once more and second by second.

Each preset follows a load that is told, not simulated (steps, idleness, random walks), on replicas
with a cold start. The oracle beside it is written from the documentation over whole histories: it
shares no code with the rule. ``Plant`` is the oracle's own idea of a pool.
"""

import math
from collections.abc import Callable, Generator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import numpy as np
import pytest
import simpy
from fake_plane import MONDAY, fake_fleet, idle, per_second, run

from sim.engine.control import AUTOSCALERS, Fleet
from sim.model.autoscaler import (
    DAY_S,
    PRESETS,
    SCALE_DOWN,
    SCALE_UP,
    Custom,
    Hpa,
    Keda,
    Knative,
    Predictive,
    ScalingPolicy,
    ScalingRules,
    Scheduled,
    ScheduleEntry,
    Trigger,
)
from sim.model.autoscaling import HpaRule, KnativeRule, recommended
from sim.model.distributions import Constant
from sim.model.lifecycle import ColdStart, Lifecycle

COLD_S = 40
UNTIL_S = 2_400


def step(at_s: float) -> int:
    """Ten requests in the system, a hundred from 100 s to 700 s, then none until 1800 s."""
    if at_s < 100:
        return 10
    if at_s < 700:
        return 100
    return 0 if at_s < 1_800 else 35


def walk(seed: int) -> Callable[[float], int]:
    """A load that jumps about once in 40 s, and is zero for long spells."""
    rng = np.random.default_rng(seed)
    levels = rng.integers(0, 150, UNTIL_S) * (rng.random(UNTIL_S) < 0.7)
    jumps = np.cumsum(rng.random(UNTIL_S + 1) < 1 / 40)
    quiet = slice(1_000, 1_700)
    loads = levels[jumps]
    loads[quiet] = 0
    return lambda at_s: int(loads[int(at_s)])


LOADS = [step, walk(1), walk(2), walk(3)]


class Plant:
    """Replicas by the second when they become ready; the newest are the first to go."""

    def __init__(self, replicas: int = 1) -> None:
        self.ready_at = [0] * replicas
        self.desired_at: list[int] = []  # after each second

    @property
    def desired(self) -> int:
        return len(self.ready_at)

    def ready(self, now_s: int) -> int:
        return sum(at_s <= now_s for at_s in self.ready_at)

    def scale_to(self, replicas: int, now_s: int) -> None:
        kept = self.ready_at[:replicas]
        self.ready_at = kept + [now_s + COLD_S] * (replicas - len(kept))

    def seconds(self, each: Callable[[int], None]) -> list[tuple[int, int]]:
        rows = []
        for now_s in range(UNTIL_S + 1):
            if now_s:
                each(now_s)
            self.desired_at.append(self.desired)
            rows.append((self.desired, self.ready(now_s)))
        return rows


def simulated(autoscaler: Any, load: Callable[[float], int]) -> list[tuple[int, int]]:
    lifecycle = Lifecycle(cold_start=ColdStart.whole(Constant(COLD_S)))
    fleet, clock = fake_fleet(
        1, lambda now_s: {"waiting": load(now_s)}, autoscaler=autoscaler, lifecycle=lifecycle
    )
    return per_second(fleet, clock, UNTIL_S)


# Kubernetes


class HpaOracle:
    """The HPA by its documentation; ``pods`` counts those whose metric is averaged."""

    def __init__(self, policy: Hpa | Keda, plant: Plant, all_pods: bool = False) -> None:
        self.policy, self.plant, self.all_pods = policy, plant, all_pods
        self.recommendations: dict[float, int] = {}
        self.changes: dict[int, int] = {}

    def sync(self, now_s: int, load: int) -> None:
        """At most once in ``sync_period_s``."""
        current = self.plant.desired
        if current == 0:
            return
        policy = self.policy
        if current < policy.min_replicas or current > policy.max_replicas:
            self.scale_to(min(max(current, policy.min_replicas), policy.max_replicas), now_s)
            return
        if not self.recommendations:
            self.recommendations[now_s - 1e-9] = current  # what the controller finds at its start
        self.recommendations[now_s] = self.recommendation(now_s, load)
        wanted = self.stabilised(now_s, current)
        if wanted > current:
            limits = [self.changed(p, now_s, +1) for p in policy.scale_up.policies]
            limit = max(limits) if policy.scale_up.select == "max" else min(limits)
            wanted = min(wanted, max(limit, current))
        if wanted < current:
            limits = [self.changed(p, now_s, -1) for p in policy.scale_down.policies]
            limit = min(limits) if policy.scale_down.select == "max" else max(limits)
            wanted = max(wanted, min(limit, current))
        wanted = max(1, policy.min_replicas, min(wanted, policy.max_replicas))
        self.scale_to(wanted, now_s)

    def scale_to(self, replicas: int, now_s: int) -> None:
        self.changes[now_s] = replicas - self.plant.desired
        self.plant.scale_to(replicas, now_s)

    def recommendation(self, now_s: int, load: int) -> int:
        """desiredReplicas = ceil(currentReplicas * currentMetricValue / desiredMetricValue)."""
        current, ready = self.plant.desired, self.plant.ready(now_s)
        if self.all_pods:
            ready = current
        if ready == 0:
            return current  # no metrics
        value, pods = load / ready, ready
        if value > self.policy.target and ready < current:  # the others count 0 on scale up
            value, pods = load / current, current
            if value < self.policy.target:
                return current
        if abs(value / self.policy.target - 1) <= self.policy.tolerance + 1e-12:
            return current
        return math.ceil(round(pods * value / self.policy.target, 9))

    def stabilised(self, now_s: int, current: int) -> int:
        """Never above the lowest recent, nor below the highest recent recommendation."""

        def recent(window_s: float) -> list[int]:
            now = [self.recommendations[now_s]]
            return now + [n for t, n in self.recommendations.items() if t > now_s - window_s]

        lowest = min(recent(self.policy.scale_up.stabilization_window_s))
        highest = max(recent(self.policy.scale_down.stabilization_window_s))
        wanted = max(current, lowest)
        return min(wanted, highest)

    def changed(self, rule: ScalingPolicy, now_s: int, sign: int) -> int:
        """The furthest number that a policy allows, from that of a period ago.

        Changes by others are no scale events of the HPA's.
        """
        recent = [n for t, n in self.changes.items() if t > now_s - rule.period_s]
        before = self.plant.desired - sum(recent)
        if rule.kind == "pods":
            return before + sign * int(rule.value)
        share = round(before * (1 + sign * rule.value / 100), 9)
        return math.ceil(share) if sign > 0 else math.floor(share)


SLOW_UP = ScalingRules(60.0, (ScalingPolicy("pods", 2, 60.0), ScalingPolicy("percent", 10, 60.0)))
SLOW_DOWN = ScalingRules(
    90.0, (ScalingPolicy("percent", 10, 60.0), ScalingPolicy("pods", 3, 45.0)), select="min"
)
HPAS = {
    "defaults": Hpa(target=10, max_replicas=20),
    "behaviour": Hpa(
        target=10, max_replicas=12, min_replicas=2, scale_up=SLOW_UP, scale_down=SLOW_DOWN
    ),
    "tolerance": Hpa(target=7, max_replicas=30, tolerance=0.3, sync_period_s=10),
    "never down": Hpa(
        target=10, max_replicas=20, scale_down=replace(SCALE_DOWN, select="disabled")
    ),
}


@pytest.mark.parametrize("load", LOADS)
@pytest.mark.parametrize("name", [name for name in HPAS if name != "never down"])
def test_hpa_follows_its_documented_rule_second_by_second(
    name: str, load: Callable[[float], int]
) -> None:
    policy, plant = HPAS[name], Plant()
    oracle = HpaOracle(policy, plant)

    def each(now_s: int) -> None:
        if now_s % policy.sync_period_s == 0:
            oracle.sync(now_s, load(now_s))

    rows = plant.seconds(each)
    assert simulated(policy, load) == rows
    assert max(desired for desired, _ in rows) > 3
    assert len({desired for desired, _ in rows}) > 3


def test_hpa_step_up_doubles_every_15_s_and_comes_down_after_300_s() -> None:
    """By hand: 10 per replica, 100 from 100 s on; cold start 40 s.

    105 s: one ready replica carries 100, ten are wanted; the larger of doubling and four more
    allows five. 120 s: the four that start count as idle: 100 / 5 = 20 is still twice the target,
    ten. The last recommendation of ten is that of 690 s, and leaves the window at 990 s.
    """
    rows = simulated(HPAS["defaults"], step)
    changes = [(t, rows[t]) for t in range(1, 1_800) if rows[t] != rows[t - 1]]
    expected = [
        (105, (5, 1)), (120, (10, 1)), (145, (10, 5)), (160, (10, 10)), (990, (1, 1)),
    ]  # fmt: skip
    assert changes == expected


def test_hpa_scales_down_no_sooner_after_its_start_than_at_any_other_time() -> None:
    """The number that it finds is its first recommendation, as in the controller's code."""
    rule = HpaRule(Hpa(target=10, max_replicas=20))
    replicas = 12
    for now_s in range(0, 601, 15):
        rule.see(float(now_s), 40.0)
        replicas = rule.replicas(float(now_s), replicas, replicas)
        assert replicas == (12 if now_s < 300 else 4)


def test_disabled_scale_down_keeps_every_replica() -> None:
    desired = [n for n, _ in simulated(HPAS["never down"], step)]
    assert desired == sorted(desired)
    assert desired[-1] == 10


def test_hpa_waits_for_a_first_ready_replica_and_keeps_within_tolerance() -> None:
    assert recommended(500, target=10, current=3, ready=0, tolerance=0.1) == 3
    assert recommended(33, target=10, current=3, ready=3, tolerance=0.1) == 3
    assert recommended(33.1, target=10, current=3, ready=3, tolerance=0.1) == 4
    # Two of ten are ready and carry too much; with the others counted as idle it is too little.
    assert recommended(60, target=10, current=10, ready=2, tolerance=0.1) == 10


def test_hpa_outside_its_limits_goes_to_them_at_once() -> None:
    rule = HpaRule(Hpa(target=1, max_replicas=5, min_replicas=2))
    rule.see(0.0, 3.0)
    assert rule.replicas(0.0, 9, 9) == 5
    assert rule.replicas(15.0, 1, 1) == 2


def test_a_metric_delay_shifts_every_decision() -> None:
    policy = HPAS["defaults"]
    for delay_s in (7, 38):
        late = simulated(replace(policy, metric_delay_s=float(delay_s)), step)
        prompt = simulated(policy, step)
        first = next(t for t, row in enumerate(prompt) if row[0] > 1)
        assert next(t for t, row in enumerate(late) if row[0] > 1) == first + delay_s


# KEDA


@pytest.mark.parametrize("load", LOADS)
@pytest.mark.parametrize(
    "policy",
    [
        Keda(target=10, max_replicas=20),
        Keda(target=10, max_replicas=20, activation_threshold=40, cooldown_s=100),
        Keda(target=10, max_replicas=9, min_replicas=3, idle_replicas=1, polling_interval_s=45),
        Keda(target=10, min_replicas=2),
        Keda(target=10, initial_cooldown_s=200.0, cooldown_s=60.0, polling_interval_s=20.0),
    ],
    ids=["defaults", "threshold", "idle", "two", "initial"],
)
def test_keda_follows_its_documented_rule_second_by_second(
    policy: Keda, load: Callable[[float], int]
) -> None:
    """The HPA averages over all replicas; the poll comes before a sync of the same instant."""
    plant = Plant()
    oracle = HpaOracle(policy, plant, all_pods=True)
    active_at = [int(policy.initial_cooldown_s - policy.cooldown_s)]
    resting = policy.min_replicas if policy.idle_replicas is None else policy.idle_replicas
    may_rest = policy.min_replicas == 0 or policy.idle_replicas is not None

    def each(now_s: int) -> None:
        if now_s % policy.polling_interval_s == 0:
            if load(now_s) > policy.activation_threshold:
                active_at.append(now_s)
                plant.scale_to(max(plant.desired, 1, policy.min_replicas), now_s)
            elif may_rest and now_s - active_at[-1] >= policy.cooldown_s:
                plant.scale_to(resting, now_s)
        idle_pool = may_rest and plant.desired <= resting
        if now_s % policy.sync_period_s == 0 and not idle_pool:
            oracle.sync(now_s, load(now_s))

    rows = plant.seconds(each)
    assert simulated(policy, load) == rows
    if may_rest:
        assert {resting, max(1, policy.min_replicas)} < {desired for desired, _ in rows}


def test_keda_wakes_at_a_poll_or_with_the_first_request() -> None:
    """A request that waits at 1007 s: the next poll is at 1020 s."""
    for activation, at_once in (("poll", 0), ("request", 1)):
        policy = Keda(target=10, max_replicas=20, activation=activation)  # type: ignore[arg-type]
        fleet, clock = fake_fleet(1, lambda t: {"held": 5 * (t >= 1_007)}, autoscaler=policy)
        assert per_second(fleet, clock, 1_006)[-1] == (0, 0)
        clock.env.run(until=1_007)
        clock.hold()
        run(clock, 1_019)
        assert fleet.desired == at_once
        run(clock, 1_020)
        assert fleet.desired == 1


# Knative


@pytest.mark.parametrize("load", LOADS)
@pytest.mark.parametrize(
    "policy",
    [
        Knative(max_replicas=50, target=20),
        Knative(max_replicas=8, min_replicas=2, target=20, target_utilisation=1.0),
        Knative(max_replicas=50, target=15, max_scale_up_rate=1.5, max_scale_down_rate=1.2),
        Knative(max_replicas=50, target=20, scale_down_delay_s=120, activation_scale=3),
        Knative(max_replicas=50, target=9, panic_threshold=4, panic_window_share=0.25),
    ],
    ids=["defaults", "limits", "rates", "delay", "calm"],
)
def test_knative_follows_its_documented_rule_second_by_second(
    policy: Knative, load: Callable[[float], int]
) -> None:
    plant = Plant()
    samples: list[int] = []
    wanted_at: dict[int, int] = {}
    panics: list[int] = []  # decisions over the threshold
    panic_since: list[int] = []  # the first and the later ones of the panic that goes on
    high = [0]
    zero_since: list[int] = []
    aim = policy.target * policy.target_utilisation

    def decide(now_s: int) -> None:
        ready = max(1, plant.ready(now_s))
        ceiling = math.ceil(ready * policy.max_scale_up_rate)
        floor = math.floor(ready / policy.max_scale_down_rate)
        counts = []
        for window in (60, round(60 * policy.panic_window_share)):
            recent = samples[-window:]
            count = math.ceil(round(sum(recent) / len(recent) / aim, 9))
            clipped = max(floor, min(count, ceiling)) if floor <= ceiling else floor
            counts.append((count, max(clipped, policy.activation_scale) if count else clipped))
        (_, stable), (raw_panic, panic) = counts
        if raw_panic / ready >= policy.panic_threshold:
            panics.append(now_s)
            panic_since.append(now_s)
        if panic_since and now_s - panic_since[-1] > 60:
            panic_since.clear()
            high[0] = 0
        if panic_since:
            high[0] = max(high[0], stable, panic)
        wanted = high[0] if panic_since else stable
        wanted_at[now_s] = wanted
        delayed = [n for t, n in wanted_at.items() if t > now_s - policy.scale_down_delay_s]
        wanted = max([wanted, *delayed])
        wanted = min(max(wanted, policy.min_replicas), policy.max_replicas)
        if wanted:
            zero_since.clear()
            plant.scale_to(wanted, now_s)
        else:
            zero_since.append(now_s)
            if now_s - zero_since[0] >= 30:
                plant.scale_to(0, now_s)

    def each(now_s: int) -> None:
        samples.append(load(now_s))
        if now_s % 2 == 0:
            decide(now_s)

    rows = plant.seconds(each)
    assert simulated(policy, load) == rows
    assert panics
    assert min(desired for desired, _ in rows[2:]) == policy.min_replicas


def test_knative_wakes_with_the_first_request_that_waits() -> None:
    policy = Knative(max_replicas=10, activation_scale=2)
    fleet, clock = fake_fleet(0, lambda t: {"held": int(t >= 501.5)}, autoscaler=policy)
    clock.env.run(until=501.5)
    assert fleet.desired == 0
    clock.hold()
    run(clock, 501.5)
    assert fleet.desired == 2


def test_knative_begins_in_panic_with_more_than_one_replica() -> None:
    """So it keeps them for a stable window, whatever the load."""
    rule = KnativeRule(Knative(max_replicas=10), start_s=0.0, ready=6)
    desired = []
    for now_s in range(2, 80, 2):
        rule.see(now_s, 0.0)
        desired.append((now_s, rule.replicas(now_s, 6, 6)))
    assert all(count == 6 for now_s, count in desired if now_s <= 60)
    assert dict(desired)[62] == 3  # half of the ready ones at most


# Timetables


def test_scheduled_follows_its_table_and_weekdays_and_leads_increases_only() -> None:
    """Monday to Friday 9 from eight to six, else 3; at the weekend 4 from ten on Saturday.

    Looked at every quarter of an hour over 15 days, and half an hour ahead of every increase.
    """
    weekend = (5, 6)
    work = (0, 1, 2, 3, 4)
    table = (
        ScheduleEntry(8 * 3600, 9, work),
        ScheduleEntry(18 * 3600, 3, work),
        ScheduleEntry(10 * 3600, 4, weekend),
    )

    def wanted(hours: float) -> int:
        day, hour = divmod(hours, 24)
        weekday = day % 7
        if weekday in work and hour >= 8:
            return 9 if hour < 18 else 3
        from_saturday = weekday == 6 or (weekday == 5 and hour >= 10)
        return 4 if from_saturday or (weekday == 0 and hour < 8) else 3

    fleet, clock = fake_fleet(1, autoscaler=Scheduled(table, lead_s=1800))
    for quarter in range(4 * 24 * 15):
        run(clock, quarter * 900)
        hours = quarter / 4
        assert fleet.desired == max(wanted(hours), wanted(hours + 0.5)), hours


def test_scheduled_does_not_dip_between_a_decrease_and_an_increase_within_the_lead() -> None:
    """7 until ten, 2 until a quarter past, then 6: it stays at 6, and never at 2."""
    table = [ScheduleEntry(36_000, 2), ScheduleEntry(36_900, 6), ScheduleEntry(50_000, 7)]
    fleet, clock = fake_fleet(7, autoscaler=Scheduled(tuple(table), lead_s=1_200))
    seen = {}
    for at_s in (35_700, 35_999, 36_000, 36_899, 36_900, 48_799, 48_801):
        run(clock, at_s)
        seen[at_s] = fleet.desired
    assert list(seen.values()) == [7, 7, 6, 6, 6, 6, 7]


def test_scheduled_changes_at_the_very_second_of_its_entry() -> None:
    policy = Scheduled((ScheduleEntry(0, 2), ScheduleEntry(3_600.5, 5)))
    fleet, clock = fake_fleet(2, autoscaler=policy)
    clock.env.run(until=3_600.4)
    assert fleet.desired == 2
    clock.env.run(until=3_600.6)
    assert fleet.desired == 5
    assert fleet.log.time_s[1] == pytest.approx(3_600.5, abs=1e-6)


# Tomorrow as today


def test_predictive_follows_yesterday_a_lead_time_ahead() -> None:
    """Day one is the HPA's; from then on the maximum of the coming half hour, a day ago, counts."""

    def daily(at_s: float) -> int:
        return 80 if 6 * 3600 <= at_s % DAY_S < 9 * 3600 else 20

    policy = Predictive(
        target=10, max_replicas=30, lead_s=1_800, sync_period_s=300, scale_down=SCALE_UP
    )
    fleet, clock = fake_fleet(2, lambda t: {"waiting": daily(t)}, autoscaler=policy)
    reactive = replace(HPAS["defaults"], max_replicas=30, sync_period_s=300, scale_down=SCALE_UP)
    alone, alone_clock = fake_fleet(2, lambda t: {"waiting": daily(t)}, autoscaler=reactive)
    times = range(300, int(2.5 * DAY_S), 300)
    rises = []
    for now_s in times:
        run(clock, now_s)
        run(alone_clock, now_s)
        if now_s < DAY_S - 1_800:
            assert fleet.desired == alone.desired
        else:
            first_s = now_s - int(DAY_S)
            seen = [daily(t) for t in range(first_s, first_s + 1_801, 300) if t >= 300]
            forecast = max(seen, default=0) / 10
            assert fleet.desired == max(forecast, alone.desired), now_s
        if fleet.desired == 8 and (not rises or now_s - rises[-1] > DAY_S / 2):
            rises.append(now_s)
    # The HPA alone may go from two to six first, the forecast to where it will.
    assert rises == [6 * 3600 + 300, DAY_S + 6 * 3600 - 1_800, 2 * DAY_S + 6 * 3600 - 1_800]


def test_predictive_growth_multiplies_yesterday() -> None:
    policy = Predictive(target=10, max_replicas=30, growth=1.5, sync_period_s=600)
    fleet, clock = fake_fleet(1, lambda t: {"waiting": 40}, autoscaler=policy)
    clock.env.run(until=DAY_S - 2_000)
    assert fleet.desired == 4
    clock.env.run(until=DAY_S + 1)
    assert fleet.desired == 6


# One's own


def test_an_autoscaler_of_ones_own_is_a_process(monkeypatch: pytest.MonkeyPatch) -> None:
    def mine(fleet: Fleet) -> Generator[simpy.Event]:
        while True:
            yield fleet.env.timeout(15)
            fleet.scale_to(max(1, math.ceil(fleet.concurrency / 8)))

    monkeypatch.setitem(AUTOSCALERS, "mine", mine)
    fleet, clock = fake_fleet(
        1, lambda t: {"running": 60, "held": 4}, autoscaler=Custom("mine", max_replicas=6)
    )
    clock.env.run(until=14.9)
    assert fleet.desired == 1
    clock.env.run(until=15.1)
    assert fleet.desired == 6  # 8 are wanted


# Metrics


def test_metrics_are_what_their_names_say() -> None:
    def load(now_s: float) -> dict[str, float]:
        return {
            "held": 3, "waiting": 5, "running": 12, "kv_utilisation": 0.6,
            "attempts": 4.0 * now_s, "output_tokens": 700.0 * now_s,
        }  # fmt: skip

    wanted = {  # of 4 ready replicas, for a target of 1
        "concurrency": 20, "queue": 8, "running": 12, "kv_utilisation": 3, "requests_per_s": 4,
        "output_tokens_per_s": 700,
        "saturation": 3,  # 0.6 of 80 %, more than 5 waiting on 4 replicas that may have 5 each
    }  # fmt: skip
    for metric, replicas in wanted.items():
        policy = Hpa(
            target=1, max_replicas=1_000, metric=metric, tolerance=0.0,  # type: ignore[arg-type]
            scale_up=ScalingRules(0, (ScalingPolicy("pods", 1_000),)),
            scale_down=ScalingRules(0, (ScalingPolicy("pods", 1_000),)),
        )  # fmt: skip
        fleet, clock = fake_fleet(4, load, autoscaler=policy)
        clock.env.run(until=15.5)
        assert fleet.desired == replicas, metric


AT_ONCE = ScalingRules(0, (ScalingPolicy("pods", 1_000),))


@pytest.mark.parametrize("preset", [Hpa, Keda])
@pytest.mark.parametrize("seed", range(5))
def test_of_several_metrics_the_one_that_asks_for_the_most_is_followed(
    preset: type[Hpa | Keda], seed: int
) -> None:
    """As horizontal.go does: a recommendation by each alone, and the largest of them."""
    drawn = np.random.default_rng(seed).integers(0, 60, (2, 40))

    def load(now_s: float) -> dict[str, float]:
        waiting, running = drawn[:, int(now_s // 15)].tolist()
        return {"waiting": waiting, "running": running}

    both = {"max_replicas": 90, "min_replicas": 1, "scale_up": AT_ONCE, "scale_down": AT_ONCE}
    policy = preset(2.0, metric="queue", others=(Trigger("running", 9.0),), **both)  # type: ignore[arg-type]
    fleet, clock = fake_fleet(1, load, autoscaler=policy, lifecycle=Lifecycle())
    desired = 1
    for at_s in range(15, 600, 15):
        clock.env.run(until=at_s + 0.5)
        waiting, running = drawn[:, at_s // 15].tolist()
        asked = [recommended(waiting, 2.0, desired, desired, 0.1),
                 recommended(running, 9.0, desired, desired, 0.1)]  # fmt: skip
        desired = max(1, *asked)
        assert fleet.desired == desired, at_s


def test_a_keda_of_several_metrics_leaves_zero_for_any_of_them() -> None:
    def load(now_s: float) -> dict[str, float]:
        return {"kv_utilisation": 0.0, "held": float(now_s > 100)}

    policy = Keda(0.7, metric="kv_utilisation", others=(Trigger("queue", 4.0),))
    fleet, clock = fake_fleet(0, load, autoscaler=policy, lifecycle=Lifecycle())
    seen = {}
    for at_s in (90.5, 119.5, 120.5):
        clock.env.run(until=at_s)
        seen[at_s] = fleet.desired
    assert seen == {90.5: 0, 119.5: 0, 120.5: 1}


def test_decisions_rest_on_what_was_collected_last_or_on_its_mean() -> None:
    """A load that doubles every minute, collected each 40 s, looked at each 15 s."""

    def load(now_s: float) -> dict[str, float]:
        return {"running": 8.0 * 2 ** (now_s // 60)}

    def followed(**collected: float) -> dict[float, int]:
        policy = Hpa(1.0, 900, metric="running", tolerance=0.0, scale_up=AT_ONCE, **collected)
        fleet, clock = fake_fleet(1, load, autoscaler=policy, lifecycle=Lifecycle())
        seen = {}
        for at_s in (15.5, 45.5, 75.5, 90.5, 120.5, 135.5, 165.5):
            clock.env.run(until=at_s)
            seen[at_s] = fleet.desired
        return seen

    at = (15.5, 45.5, 75.5, 90.5, 120.5, 135.5, 165.5)
    assert followed() == dict(zip(at, (8, 8, 16, 16, 32, 32, 32), strict=True))
    assert followed(scrape_interval_s=40.0) == dict(
        zip(at, (8, 8, 8, 16, 32, 32, 32), strict=True)  # of 40, 80, 120 s
    )
    assert followed(scrape_interval_s=40.0, metric_window_s=80.0) == dict(
        zip(at, (8, 8, 8, 12, 24, 24, 32), strict=True)  # of two each
    )


def test_rates_are_of_the_last_window() -> None:
    """Ten a second until 300 s, then two: half of a window of a minute later it is six."""

    def load(now_s: float) -> dict[str, float]:
        return {"attempts": 10 * min(now_s, 300) + 2 * max(0.0, now_s - 300)}

    policy = Hpa(
        target=1, max_replicas=99, metric="requests_per_s", tolerance=0.0,
        scale_down=ScalingRules(0, (ScalingPolicy("percent", 100),)),
    )  # fmt: skip
    fleet, clock = fake_fleet(4, load, autoscaler=policy)
    seen = {}
    for at_s in (299, 331, 361):
        clock.env.run(until=at_s)
        seen[at_s] = fleet.desired
    assert seen == {299: 10, 331: 6, 361: 2}


def test_presets_are_complete_and_limits_are_checked() -> None:
    assert set(PRESETS) == {"hpa", "keda", "knative", "scheduled", "predictive", "planner"}
    for bad, message in [
        (lambda: Hpa(target=0, max_replicas=3), r"target \(0\) must be above 0"),
        (lambda: Hpa(target=1, max_replicas=3, min_replicas=0), r"min_replicas \(0\) of hpa"),
        (lambda: Keda(target=1, max_replicas=2, min_replicas=3), r"max_replicas \(2\) must be at"),
        (lambda: Keda(target=1, idle_replicas=0), r"idle_replicas \(0\)"),
        (lambda: Knative(max_replicas=0), r"max_replicas \(0\)"),
        (lambda: Scheduled(()), "at least one entry"),
        (lambda: ScheduleEntry(90_000, 1), "within a day"),
        (lambda: Hpa(target=1, max_replicas=2, sync_period_s=0), "sync_period_s"),
        (lambda: Predictive(target=1, max_replicas=2, lead_s=90_000), "shorter than a day"),
    ]:
        with pytest.raises(ValueError, match=message):
            bad()


def test_without_an_autoscaler_nothing_moves() -> None:
    fleet, clock = fake_fleet(3, idle)
    fleet.scale_to(9)
    assert per_second(fleet, clock, 1_000) == [(3, 3)] * 1_001
    assert fleet.desired == 3
    assert fleet.moment == MONDAY + timedelta(seconds=1_000)
