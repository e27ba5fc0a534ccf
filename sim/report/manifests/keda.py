"""KEDA's ScaledObject: by a metric, or by a timetable (its ``cron`` trigger).

Fields as in KEDA 2.22's specification (keda.sh/docs/2.22/reference/scaledobject-spec).
"""

from collections.abc import Iterator
from typing import Any

from sim.model.autoscaler import SHARES, Keda, Scheduled
from sim.model.design import GpuPool
from sim.model.price import DAY_S
from sim.report.manifests import hpa
from sim.report.manifests.metrics import query

Document = dict[str, Any]

PROMETHEUS = "http://prometheus.monitoring.svc:9090"
WEEK_DAYS = 7
_SUNDAY_FIRST = 1  # cron counts from Sunday, this project from Monday


def autoscaler(name: str, pool: GpuPool, policy: Keda) -> Document:
    """The object of a pool that follows a metric."""
    triggers = [
        {
            "type": "prometheus",
            # Of a share every pod has about the same, so that the mean is the figure itself.
            "metricType": "Value" if each.metric in SHARES else "AverageValue",
            "metadata": {
                "serverAddress": PROMETHEUS,
                "query": query(pool, name, policy, each),
                "threshold": f"{each.target:g}",
                "activationThreshold": f"{policy.activation_threshold:g}",
            },
        }
        for each in policy.triggers
    ]
    spec: Document = {
        "pollingInterval": round(policy.polling_interval_s),
        "cooldownPeriod": round(policy.cooldown_s),
        "initialCooldownPeriod": round(policy.initial_cooldown_s),
        "minReplicaCount": policy.min_replicas,
        "maxReplicaCount": policy.max_replicas,
        "advanced": {"horizontalPodAutoscalerConfig": {"behavior": hpa.behavior(policy)}},
        "triggers": triggers,
    }
    if policy.idle_replicas is not None:
        spec["idleReplicaCount"] = policy.idle_replicas
    return _scaled_object(name, spec)


def timetable(name: str, policy: Scheduled) -> Document:
    """The object of a pool that follows a timetable."""
    triggers = [
        {
            "type": "cron",
            "metadata": {
                "timezone": "Etc/UTC",
                "start": begin,
                "end": end,
                "desiredReplicas": f"{replicas}",
            },
        }
        for begin, end, replicas in _intervals(policy)
    ]
    spec = {
        "minReplicaCount": policy.min_replicas,
        "maxReplicaCount": max(1, policy.max_replicas),
        "triggers": triggers,
    }
    return _scaled_object(name, spec)


def remarks(policy: Keda | Scheduled) -> list[str]:
    """What the object cannot say."""
    if isinstance(policy, Scheduled):
        lines = ["Times of the timetable are those of the scenario's clock: set the timezone."]
        if policy.lead_s > 0:
            lines.append(
                f"More replicas are asked for {policy.lead_s:g} s before their time, as simulated."
            )
        return lines
    lines = hpa.remarks(policy)
    if policy.idle_replicas:
        lines.append("KEDA allows 0 for idleReplicaCount only.")
    if policy.activation == "request":
        lines.append("Zero is left as soon as a request waits: that takes KEDA's HTTP add-on.")
    return lines


def _scaled_object(name: str, spec: Document) -> Document:
    return {
        "apiVersion": "keda.sh/v1alpha1",
        "kind": "ScaledObject",
        "metadata": {"name": name},
        "spec": {"scaleTargetRef": {"name": name}, **spec},
    }


def _intervals(policy: Scheduled) -> Iterator[tuple[str, str, int]]:
    """When each entry holds, above the fewest of the table: cron's start and end, replicas.

    An entry holds until the next one of the week. What begins earlier, for the cold starts, is
    an increase; a decrease comes at its time.
    """
    week = sorted(
        (day * DAY_S + entry.time_of_day_s, entry.replicas)
        for entry in policy.table
        for day in entry.weekdays
    )
    found: dict[tuple[float, float, int], list[int]] = {}
    for at, (begin_s, replicas) in enumerate(week):
        end_s, next_replicas = week[(at + 1) % len(week)]
        earlier_s = policy.lead_s if replicas > week[at - 1][1] else 0.0
        sooner_s = policy.lead_s if next_replicas > replicas else 0.0
        day = int((begin_s - earlier_s) // DAY_S) % WEEK_DAYS
        times = (begin_s - earlier_s) % DAY_S, (end_s - sooner_s) % DAY_S
        days_on = int((end_s - sooner_s) // DAY_S - (begin_s - earlier_s) // DAY_S) % WEEK_DAYS
        if replicas > policy.min_replicas:
            found.setdefault((*times, replicas * WEEK_DAYS + days_on), []).append(day)
    for (begin_s, end_s, coded), days in found.items():
        replicas, days_on = divmod(coded, WEEK_DAYS)
        ends = [(day + days_on) % WEEK_DAYS for day in days]
        yield _cron(begin_s, days), _cron(end_s, ends), replicas


def _cron(time_of_day_s: float, days: list[int]) -> str:
    """A time of the day on days of the week.

    >>> _cron(30_600.0, [0, 1]), _cron(0.0, [0, 1, 2, 3, 4, 5, 6])
    ('30 8 * * 1,2', '0 0 * * *')
    """
    hour, minute = divmod(round(time_of_day_s / 60) % (24 * 60), 60)
    named = sorted((day + _SUNDAY_FIRST) % WEEK_DAYS for day in days)
    which = "*" if len(named) == WEEK_DAYS else ",".join(map(str, named))
    return f"{minute} {hour} * * {which}"
