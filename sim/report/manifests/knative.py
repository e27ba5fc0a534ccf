"""Annotations of Knative's pod autoscaler (knative.dev/docs/serving/autoscaling)."""

from sim.model.autoscaler import Knative

PREFIX = "autoscaling.knative.dev"
_METRICS = {"concurrency": "concurrency", "requests_per_s": "rps"}


def annotations(policy: Knative) -> dict[str, str]:
    """Those of the revision's template."""
    settings = {"class": f"kpa.{PREFIX}"}
    if policy.metric in _METRICS:
        settings["metric"] = _METRICS[policy.metric]
    return settings | {
        "target": f"{policy.target:g}",
        "target-utilization-percentage": f"{100 * policy.target_utilisation:g}",
        "min-scale": f"{policy.min_replicas}",
        "max-scale": f"{policy.max_replicas}",
        "activation-scale": f"{policy.activation_scale}",
        "window": f"{policy.stable_window_s:g}s",
        "panic-window-percentage": f"{100 * policy.panic_window_share:.1f}",
        "panic-threshold-percentage": f"{100 * policy.panic_threshold:.1f}",
        "scale-down-delay": f"{policy.scale_down_delay_s:g}s",
    }


def cluster_settings(policy: Knative) -> dict[str, str]:
    """What only the whole cluster can be told, where it is not as usual."""
    default = Knative(max_replicas=1)
    settings = {
        "max-scale-up-rate": (policy.max_scale_up_rate, default.max_scale_up_rate, ""),
        "max-scale-down-rate": (policy.max_scale_down_rate, default.max_scale_down_rate, ""),
        "scale-to-zero-grace-period": (
            policy.scale_to_zero_grace_s,
            default.scale_to_zero_grace_s,
            "s",
        ),
    }
    return {
        key: f"{value:g}{unit}" for key, (value, usual, unit) in settings.items() if value != usual
    }


def remarks(policy: Knative) -> list[str]:
    """What annotations cannot say."""
    lines = []
    if policy.metric not in _METRICS:
        lines.append(f"Knative's autoscaler has no metric like {policy.metric}: not to be had.")
    if settings := cluster_settings(policy):
        told = ", ".join(f"{key}: {value}" for key, value in settings.items())
        lines.append(f"For the whole cluster, in the ConfigMap config-autoscaler: {told}.")
    return lines
