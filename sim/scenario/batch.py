"""Workloads with a deadline: what they do not say themselves, and the queues before their pools."""

from typing import Any

from sim.scenario import schema
from sim.scenario.backend import gateway, scheduling
from sim.scenario.backend.gpu_pool import GpuPool
from sim.scenario.schema import ScenarioDocument
from sim.scenario.values.problems import Findings, Path
from sim.scenario.workload import routes, yielding


def resolved(
    workload: schema.Workload,
    route: routes.Route,
    document: ScenarioDocument,
    path: Path,
    findings: Findings,
) -> dict[str, Any]:
    """What a workload with a deadline does not say: its class, and how what runs gives way."""
    given = {key: getattr(workload, key) for key in yielding.KEYS}
    routed, backends = workload.model_copy(update={"route": route}), document.backends
    reached = schema.reached(routed, backends, document.variants)
    ordered = [each for each in reached if scheduling.is_ordered(backends.get(each))]
    kind = "sheddable" if workload.priority == "sheddable" else "batch"
    return {"priority": kind, **yielding.resolved(given, ordered, path, findings)}


def with_queues(
    document: ScenarioDocument, workloads: dict[str, schema.Workload]
) -> dict[str, Any]:
    """The backends, with a queue before each pool that requests with a deadline may come to."""
    batches = (each for each in workloads.values() if each.deadline is not None)
    there = document.backends, document.variants
    queued = {name for batch in batches for name in schema.reached(batch, *there)}
    return {
        name: each.model_copy(update={"gateway": gateway.with_queue(each.gateway)})
        if isinstance(each, GpuPool) and name in queued and not scheduling.is_ordered(each)
        else each
        for name, each in document.backends.items()
    }
