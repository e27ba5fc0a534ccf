"""How long an autoscaler takes from any number of replicas to any other: it remembers as long."""

import math

from sim.model.autoscaler import (
    Keda,
    Knative,
    Planner,
    Predictive,
    Reactive,
    ScalingPolicy,
    ScalingRules,
)
from sim.model.design import GpuPool
from sim.model.price import DAY_S, HOUR_S

REMEMBERED = 32  # intervals of a Kalman filter: of what was before, less than 1 % is left
MOST_STEPS = 100_000  # of a scale-up, one replica at a time


def pace_s(pool: GpuPool) -> float:
    """Seconds that the autoscaler of a pool takes between its limits; infinite if it never does."""
    least, most = pool.limits
    match pool.autoscaler:
        case Keda() as policy:
            settled_s = policy.initial_cooldown_s + policy.cooldown_s + policy.polling_interval_s
            return settled_s + _reactive_s(policy, least, most)
        case Predictive() as policy:  # what it knows of the day before, it sees by then
            return DAY_S + max(6 * HOUR_S, _reactive_s(policy, least, most))
        case Reactive() as policy:
            return _reactive_s(policy, least, most)
        case Knative() as policy:
            steps = math.log(max(most, 2)) / math.log(
                min(policy.max_scale_up_rate, policy.max_scale_down_rate)
            )
            waits_s = policy.stable_window_s + policy.scale_down_delay_s
            return waits_s + policy.scale_to_zero_grace_s + math.ceil(steps) * policy.sync_period_s
        case Planner() as policy:  # and what a Kalman filter remembers
            return (
                1 if policy.predictor == "constant" else REMEMBERED
            ) * policy.adjustment_interval_s
    return 0.0


def _reactive_s(policy: Reactive, least: int, most: int) -> float:
    up_s = _of_rules_s(policy.scale_up, policy.sync_period_s, max(least, 1), most)
    down_s = _of_rules_s(policy.scale_down, policy.sync_period_s, most, least)
    return max(up_s, down_s) + policy.rate_window_s + policy.metric_delay_s


def _of_rules_s(rules: ScalingRules, sync_s: float, start: int, end: int) -> float:
    if start == end:
        return 0.0
    if rules.select == "disabled":
        return math.inf
    each = [_of_policy_s(policy, sync_s, start, end) for policy in rules.policies]
    return rules.stabilization_window_s + (min(each) if rules.select == "max" else max(each))


def _of_policy_s(policy: ScalingPolicy, sync_s: float, start: int, end: int) -> float:
    """Periods until one policy has had its way.

    Examples
    --------
    Doubled every minute, and one taken away in a minute:

    >>> _of_policy_s(ScalingPolicy("percent", 100.0, 60.0), 15.0, 1, 8)
    180.0
    >>> _of_policy_s(ScalingPolicy("pods", 1.0, 60.0), 15.0, 8, 1)
    420.0
    """
    now, steps = start, 0
    while (now < end if start < end else now > end) and steps < MOST_STEPS:
        change = policy.value if policy.kind == "pods" else now * policy.value / 100.0
        if start < end:
            now += math.ceil(change) if policy.kind == "percent" else int(change)
        else:
            now -= max(math.ceil(change), 0) if policy.kind == "percent" else int(change)
        steps += 1
    return steps * max(policy.period_s, sync_s) if steps < MOST_STEPS else math.inf
