"""The autoscaler that resolved keys make, and the replicas there are at the beginning."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sim.model import autoscaler as model
from sim.model.autoscaling import replicas_at
from sim.scenario.backend.autoscaler import (
    ALL_KINDS,
    FIELDS,
    TARGETS,
    WHOLE,
    Autoscaler,
    Entry,
    Policy,
    Scaling,
)
from sim.scenario.backend.replicas import Replicas
from sim.scenario.values.numbers import known

Draws = Mapping[str, float]


def compiled(
    scaler: Autoscaler | None, replicas: Replicas, draws: Draws
) -> model.Autoscaler | None:
    """The autoscaler in a world; None for a fixed number of replicas."""
    if scaler is None or scaler.preset == "none":
        return None
    named = {key: value for key, value in scaler if value is not None and key in FIELDS}
    values = {FIELDS[key]: _value(key, value, draws) for key, value in named.items()}
    if triggers := _triggers(scaler, draws):
        values |= {"target": triggers[0].target, "metric": triggers[0].metric}
    if others := tuple(triggers[1:]):
        values["others"] = others
    if scaler.preset != "scheduled":
        least, most = _limits(replicas, draws)
        values |= {"min_replicas": least, "max_replicas": most}
    return ALL_KINDS[scaler.preset](**values)


def _triggers(scaler: Autoscaler, draws: Draws) -> list[model.Trigger]:
    """All targets, in one order however they are written."""
    given = ((metric, getattr(scaler, key)) for key, metric in TARGETS.items())
    return [model.Trigger(metric, known(to, draws)) for metric, to in given if to is not None]


def _limits(replicas: Replicas, draws: Draws) -> tuple[int, int]:
    """Fewest and most; draws from the tails of two distributions may cross, and then meet."""
    assert replicas.least is not None and replicas.most is not None
    most = int(known(replicas.most, draws))
    return min(int(known(replicas.least, draws)), most), most


def initial_replicas(
    scaler: model.Autoscaler | None, replicas: Replicas, begins: datetime, draws: Draws
) -> int:
    """Replicas at the beginning: as given, of the timetable, or the fewest, but at least one."""
    if replicas.fixed is not None:
        return int(known(replicas.fixed, draws))
    if isinstance(scaler, model.Scheduled) and replicas.initial is None:
        return replicas_at(scaler, begins)
    least, most = _limits(replicas, draws)
    initial = max(1, least) if replicas.initial is None else int(known(replicas.initial, draws))
    return min(max(initial, least), most)


def _value(key: str, value: Any, draws: Draws) -> Any:
    """A field of the model out of the value of its key."""
    match value:
        case Scaling():
            return _rules(value, draws)
        case list():
            return tuple(_entry(entry, draws) for entry in value)
        case str() | bool():
            return value
        case _:
            drawn = known(value, draws)
            return int(drawn) if key in WHOLE else drawn


def _rules(scaling: Scaling, draws: Draws) -> model.ScalingRules:
    assert scaling.stabilization_window is not None and scaling.policies and scaling.select
    return model.ScalingRules(
        known(scaling.stabilization_window, draws),
        tuple(_policy(policy, draws) for policy in scaling.policies),
        scaling.select,
    )


def _policy(policy: Policy, draws: Draws) -> model.ScalingPolicy:
    period_s = known(policy.period, draws)
    if policy.pods is not None:
        return model.ScalingPolicy("pods", known(policy.pods, draws), period_s)
    assert policy.percent is not None
    return model.ScalingPolicy("percent", known(policy.percent, draws), period_s)


def _entry(entry: Entry, draws: Draws) -> model.ScheduleEntry:
    replicas = int(known(entry.replicas, draws))
    return model.ScheduleEntry(entry.at.seconds, replicas, entry.days.weekdays())
