"""Kubernetes' HorizontalPodAutoscaler (autoscaling/v2)."""

from typing import Any

from sim.model.autoscaler import Predictive, Reactive, ScalingRules
from sim.report.manifests.metrics import POD_METRICS, quantity

Document = dict[str, Any]

TOLERANCE = 0.1  # the cluster's own, where a rule has none
LONGEST_PERIOD_S, LONGEST_WINDOW_S = 1800, 3600  # of autoscaling/v2
_SELECT = {"max": "Max", "min": "Min", "disabled": "Disabled"}
_KIND = {"percent": "Percent", "pods": "Pods"}


def autoscaler(name: str, policy: Reactive) -> Document:
    """The object of a pool."""
    metrics = [
        {
            "type": "Pods",
            "pods": {
                "metric": {"name": POD_METRICS[each.metric]},
                "target": {"type": "AverageValue", "averageValue": quantity(each.target)},
            },
        }
        for each in policy.triggers
    ]
    return {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": name},
        "spec": {
            "scaleTargetRef": {"apiVersion": "apps/v1", "kind": "Deployment", "name": name},
            "minReplicas": policy.min_replicas,
            "maxReplicas": policy.max_replicas,
            "metrics": metrics,
            "behavior": behavior(policy),
        },
    }


def behavior(policy: Reactive) -> Document:
    """How fast it may go, up and down."""
    return {
        "scaleUp": _rules(policy.scale_up, policy.tolerance),
        "scaleDown": _rules(policy.scale_down, policy.tolerance),
    }


def remarks(policy: Reactive) -> list[str]:
    """What the object cannot say, or the API would refuse."""
    lines = []
    rules = (policy.scale_up, policy.scale_down)
    periods = [each.period_s for rule in rules for each in rule.policies]
    windows = [rule.stabilization_window_s for rule in rules]
    if max(periods) > LONGEST_PERIOD_S or max(windows) > LONGEST_WINDOW_S:
        lines.append(
            f"Kubernetes allows periods of at most {LONGEST_PERIOD_S} s and windows of at most"
            f" {LONGEST_WINDOW_S} s; longer ones were simulated and are shortened here."
        )
    if policy.sync_period_s != 15.0:
        lines.append(
            f"Simulated with a decision every {policy.sync_period_s:g} s, which is a flag of the"
            " controller manager (--horizontal-pod-autoscaler-sync-period)."
        )
    if policy.scrape_interval_s > 0:
        averaged = f", averaged over {policy.metric_window_s:g} s" if policy.metric_window_s else ""
        lines.append(
            f"Simulated with a metric that is collected every {policy.scrape_interval_s:g} s"
            f"{averaged}: set Prometheus and the query to it."
        )
    if isinstance(policy, Predictive):
        lines.append(
            f"The forecast ({policy.lead_s:g} s ahead of yesterday's curve) is no part of"
            " Kubernetes: something of your own has to raise minReplicas to it."
        )
    return lines


def _rules(rules: ScalingRules, tolerance: float) -> Document:
    window_s = min(rules.stabilization_window_s, LONGEST_WINDOW_S)
    found: Document = {
        "stabilizationWindowSeconds": round(window_s),
        "selectPolicy": _SELECT[rules.select],
        "policies": [
            {
                "type": _KIND[each.kind],
                "value": max(1, round(each.value)),
                "periodSeconds": max(1, round(min(each.period_s, LONGEST_PERIOD_S))),
            }
            for each in rules.policies
        ],
    }
    if tolerance != TOLERANCE:
        found["tolerance"] = quantity(tolerance)
    return found
