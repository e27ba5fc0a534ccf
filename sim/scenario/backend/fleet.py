"""The moving parts of a pool together: autoscaler, life cycle, failures, gateway."""

import math
from typing import Any

from sim.model.profile import ServiceProfile
from sim.scenario.backend import autoscaler, failures, lifecycle
from sim.scenario.backend.gateway import Gateway
from sim.scenario.backend.gpu_pool import GpuPool
from sim.scenario.backend.gpu_price import Most
from sim.scenario.values.problems import Findings, Path


def resolved(
    pool: GpuPool, profile: ServiceProfile, path: Path, findings: Findings
) -> dict[str, Any]:
    """The keys of the moving parts with their defaults; notes what contradicts itself."""
    scaler, replicas = autoscaler.resolved(pool.autoscaler, pool.replicas, path, findings)
    lifecycle.check_capacity(pool.capacity, replicas, path, findings)
    _check_cold_start(pool, path, findings)
    _check_nodes(pool, path, findings)
    return {
        "replicas": replicas,
        "autoscaler": scaler,
        "cold_start": lifecycle.resolved(pool.cold_start, profile, path, findings),
        "failures": failures.resolved(pool.failures, path, findings),
        "gateway": _gateway(pool.gateway, profile),
    }


def _check_cold_start(pool: GpuPool, path: Path, findings: Findings) -> None:
    """Note replicas that start without anybody knowing how long that takes."""
    scaled = pool.autoscaler is not None and pool.autoscaler.preset != "none"
    replaced = pool.spot is not None or pool.failures is not None
    if (scaled or replaced) and pool.cold_start is None:
        reason = "the autoscaler starts replicas" if scaled else "lost replicas are replaced"
        remedy = "such as cold_start: {lognormal: {p50: 3min, p95: 8min}}"
        findings.add((*path, "cold_start"), f"is missing, and {reason}", remedy)


def _check_nodes(pool: GpuPool, path: Path, findings: Findings) -> None:
    """Note what is said of nodes twice."""
    if pool.node_gpus is None:
        return
    if pool.failures is not None and pool.failures.replicas_per_node is not None:
        message = "goes beside node_gpus, which says how many there are"
        findings.add((*path, "failures", "replicas_per_node"), message, "remove it")


def _gateway(gateway: Gateway | None, profile: ServiceProfile) -> Gateway | None:
    """The gateway with its replicas' limit."""
    if gateway is None or gateway.queue == "push" or gateway.replica_limit is not None:
        return gateway
    return gateway.model_copy(update={"replica_limit": float(profile.max_num_seqs)})


def most_gpus(pool: GpuPool, profile: ServiceProfile) -> Most:
    """GPUs that the pool may have at once, those of its standby included."""
    replicas = pool.replicas.most if pool.replicas.fixed is None else pool.replicas.fixed
    standby = None if pool.standby is None else pool.standby.replicas
    numbers = tuple(number for number in (replicas, standby) if number is not None)
    size = profile.gpus_per_replica
    if pool.node_gpus is None:
        return Most(numbers, size)
    unit = math.ceil(size / pool.node_gpus) * pool.node_gpus
    return Most(numbers, unit, max(1, pool.node_gpus // size))
