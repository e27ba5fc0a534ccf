"""Autoscalers at work: processes that measure a pool, decide, and scale it."""

import itertools
from collections.abc import Callable, Iterator
from functools import partial

import simpy

from sim.engine.control import own
from sim.engine.control.fleet import Fleet, Process
from sim.engine.control.metering import Gauge, Meter
from sim.engine.control.scaled import Scaled
from sim.model.autoscaler import (
    Autoscaler,
    Custom,
    Keda,
    Knative,
    Planner,
    Predictive,
    Reactive,
    Scheduled,
)
from sim.model.autoscaling import (
    HpaRule,
    KedaRule,
    KnativeRule,
    PredictiveRule,
    next_change,
    replicas_at,
)
from sim.model.planning import Counts, PlannerRule


def start(fleet: Fleet) -> None:
    """Start the processes of the pool's autoscaler."""
    for process in _processes(fleet):
        fleet.env.process(process)


def start_by(policy: Autoscaler, fleet: Scaled) -> None:
    """Start those of an autoscaler that goes by metrics, of whatever it scales."""
    for process in _by_metrics(policy, fleet):
        fleet.env.process(process)


def _by_metrics(policy: Autoscaler | None, fleet: Scaled) -> Iterator[Process]:
    match policy:
        case Reactive():
            yield from _reactive(fleet, policy)
        case Knative():
            rule_ = KnativeRule(policy, float(fleet.env.now), fleet.ready)
            gauge = Gauge(fleet, policy.metric, policy.rate_window_s)
            yield sampled(fleet, policy, rule_, gauge)
            yield activated(fleet, rule_, gauge)


def _processes(fleet: Fleet) -> Iterator[Process]:
    yield from _by_metrics(fleet.pool.autoscaler, fleet)
    match fleet.pool.autoscaler:
        case Scheduled() as policy:
            yield timetabled(fleet, policy)
        case Planner() as policy:
            plan = PlannerRule(policy, fleet.pool.profile, counts(fleet))
            yield planned(fleet, policy, plan)
        case Custom() as policy:
            yield own.started(policy.process, fleet)


def _reactive(fleet: Scaled, policy: Reactive) -> Iterator[Process]:
    meter = Meter(fleet, policy)
    if policy.scrape_interval_s > 0:
        yield scraped(fleet, policy, meter)
    match policy:
        case Keda():
            rule = KedaRule(policy, float(fleet.env.now))
            yield polled(fleet, policy, rule, meter)
            yield synced(fleet, policy, rule, meter)
            if policy.activation == "request":
                yield pushed(fleet, policy, rule)
        case Predictive():
            yield synced(fleet, policy, PredictiveRule(policy), meter)
        case _:
            yield synced(fleet, policy, HpaRule(policy), meter)


def ticks(env: simpy.Environment, period_s: float) -> Iterator[simpy.Event]:
    """Events at whole multiples of a period from now."""
    start_s = float(env.now)
    for count in itertools.count(1):
        yield env.timeout(max(0.0, start_s + count * period_s - float(env.now)))


def later(fleet: Scaled, delay_s: float, act: Callable[..., None], *args: object) -> None:
    """Act once a delay has passed; at once if there is none."""
    if delay_s > 0:
        fleet.env.process(_delayed(fleet.env, delay_s, partial(act, *args)))
    else:
        act(*args)


def _delayed(env: simpy.Environment, delay_s: float, act: Callable[[], None]) -> Process:
    yield env.timeout(delay_s)
    act()


def scraped(fleet: Scaled, policy: Reactive, meter: Meter) -> Process:
    """Collect the metrics; at an instant of both before anybody looks at them."""
    for tick in ticks(fleet.env, policy.scrape_interval_s):
        yield tick
        meter.collect()


def synced(fleet: Scaled, policy: Reactive, rule: HpaRule, meter: Meter) -> Process:
    """Every sync period: measure, and decide when the measurement has come in."""

    def decide(measured_s: float, totals: tuple[float, ...]) -> None:
        rule.see(measured_s, *totals)
        fleet.scale_to(rule.replicas(float(fleet.env.now), fleet.desired, fleet.ready))

    for tick in ticks(fleet.env, policy.sync_period_s):
        yield tick
        later(fleet, policy.metric_delay_s, decide, float(fleet.env.now), meter.read())


def polled(fleet: Scaled, policy: Keda, rule: KedaRule, meter: Meter) -> Process:
    """KEDA itself: between none and one. At an instant of both it comes before the HPA."""

    def decide(totals: tuple[float, ...]) -> None:
        fleet.scale_to(rule.poll(float(fleet.env.now), totals, fleet.desired))

    for tick in ticks(fleet.env, policy.polling_interval_s):
        yield tick
        later(fleet, policy.metric_delay_s, decide, meter.read())


def pushed(fleet: Scaled, policy: Keda, rule: KedaRule) -> Process:
    """A request that waits for the first replica makes KEDA look at once."""
    while True:
        yield fleet.request_held()
        total = max(policy.activation_threshold + 1.0, fleet.concurrency)
        fleet.scale_to(rule.poll(float(fleet.env.now), (total,), fleet.desired))


def sampled(fleet: Scaled, policy: Knative, rule: KnativeRule, gauge: Gauge) -> Process:
    """The KPA: a sample a second, a decision every other."""
    each = max(1, round(policy.sync_period_s / policy.sample_period_s))
    for count, tick in enumerate(ticks(fleet.env, policy.sample_period_s), start=1):
        yield tick
        now_s, total = float(fleet.env.now), gauge.read()
        later(fleet, policy.metric_delay_s, rule.see, now_s, total)
        if count % each == 0:
            fleet.scale_to(rule.replicas(now_s, fleet.desired, fleet.ready))


def activated(fleet: Scaled, rule: KnativeRule, gauge: Gauge) -> Process:
    """Knative's activator: a request that meets no replica is reported at once."""
    while True:
        yield fleet.request_held()
        if fleet.desired == 0:
            now_s = float(fleet.env.now)
            rule.see(now_s, max(1.0, gauge.read()))
            fleet.scale_to(rule.replicas(now_s, fleet.desired, fleet.ready))


def timetabled(fleet: Fleet, policy: Scheduled) -> Process:
    """Follow the timetable, each entry at its time."""
    while True:
        moment = fleet.moment
        fleet.scale_to(replicas_at(policy, moment))
        yield fleet.env.timeout((next_change(policy, moment) - moment).total_seconds())


def counts(fleet: Fleet) -> Counts:
    """What a planner sees of a pool."""
    view = fleet.view
    return Counts(*(getattr(view, name) for name in Counts._fields))


def planned(fleet: Fleet, policy: Planner, rule: PlannerRule) -> Process:
    """Every interval: look at the last, and plan the next."""
    for tick in ticks(fleet.env, policy.adjustment_interval_s):
        yield tick
        fleet.scale_to(rule.replicas(counts(fleet), fleet.desired, fleet.ready))
