"""What autoscalers held: why a fleet that moves costs what it costs."""

from collections.abc import Iterator, Mapping
from typing import Any

from sim.model.price import HOUR_S
from sim.studies.measure import rounded


def held_text(summary: Mapping[str, Any]) -> Iterator[str]:
    """A paragraph for each autoscaled pool: replicas ready and paid for in the median world."""
    hours = summary["horizon_s"] / HOUR_S
    for name, service in summary["services"].items():
        own = summary["backends"].get(name, {})
        ready, most, gpu_hours = (
            own.get(metric, {}).get("p50")
            for metric in ("ready_replicas_mean", "ready_replicas_max", "gpu_hours")
        )
        if not service.get("autoscaled") or None in (ready, most, gpu_hours):
            continue
        paid = gpu_hours / hours / service["gpus_per_replica"]
        mean = rounded(ready, 3)
        noun = "replica" if mean == "1" else "replicas"
        yield (
            f"Held by the autoscaler of {name} in the median world: {mean} {noun} ready on"
            f" average, {most:,.0f} at most; {rounded(paid, 3)} paid for, with those that start,"
            " drain or stand by."
        )
