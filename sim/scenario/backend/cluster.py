"""A cluster whose GPUs several pools share: the keys, and the cluster that they make."""

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, get_args

from pydantic import Field

from sim.model import cluster as model
from sim.model.design import Design, GpuPool
from sim.scenario.values.fields import one_of, whole
from sim.scenario.values.part import Model
from sim.scenario.values.problems import Findings, Path

MOST_GPUS = 1_000_000
HIGHEST = 10**9  # priority, as of Kubernetes' PriorityClass


class Standing(Model):
    """What a pool is to its cluster."""

    quota: Annotated[int, whole(0, MOST_GPUS)] | None = None
    """GPUs that are guaranteed to it, Kueue's nominal quota; default those of its fewest
    replicas. What it holds beyond is borrowed, and given back when another needs it."""
    priority: Annotated[int, whole(-HIGHEST, HIGHEST)] = 0
    """The higher goes first, and takes back from the lower what that has borrowed."""


class Cluster(Model):
    """GPUs that all pools share."""

    gpus: Annotated[int, whole(1, MOST_GPUS)]
    """How many there are; a replica that finds none is pending."""
    sharing: Annotated[model.Sharing, one_of(*get_args(model.Sharing))] = "load"
    """Among pools of one priority: load moves GPUs to where more requests are there for each,
    first_come leaves them with whom they are until they are given back."""
    pools: Annotated[dict[str, Standing], Field(min_length=1)] | None = None
    """Quota and priority of pools by name, such as {chat: {quota: 8, priority: 10}}."""


def references(cluster: Any) -> Iterator[tuple[Path, str]]:
    """Names of pools that have a standing, each with its path."""
    named = cluster.get("pools") if isinstance(cluster, dict) else None
    for name in named if isinstance(named, dict) else ():
        yield ("cluster", "pools", name), name


def compiled(cluster: Cluster | None) -> model.Cluster | None:
    """The cluster."""
    if cluster is None:
        return None
    standings: Mapping[str, Standing] = cluster.pools or {}
    return model.Cluster(
        cluster.gpus,
        cluster.sharing,
        tuple(
            (name, model.Standing(each.quota, each.priority)) for name, each in standings.items()
        ),
    )


def check(design: Design, findings: Findings) -> None:
    """Note a cluster that has too few GPUs for what is to be there anyway."""
    cluster = design.cluster
    if cluster is None:
        return
    least = {pool.name: pool.limits[0] + pool.lifecycle.kept_ready for pool in design.pools}
    if _is_too_small(design, least, "the fewest replicas of its pools", findings):
        return
    begin = {pool.name: pool.replicas + pool.lifecycle.kept_ready for pool in design.pools}
    if _is_too_small(design, begin, "the replicas of its pools at the beginning", findings):
        return
    for pool in design.pools:
        owed, needed = design.quota_gpus(pool), pool.bought_gpus(least[pool.name])
        if owed < needed:
            message = f"{owed} must be at least the {needed} GPUs of the fewest replicas"
            findings.add(("cluster", "pools", pool.name, "quota"), message)
    total = sum(map(design.quota_gpus, design.pools))
    if total > cluster.gpus:
        message = f"guarantee {total} GPUs to its pools together, more than there are"
        remedy = f"lower a quota, or raise gpus ({cluster.gpus})"
        findings.add(("cluster", "pools"), message, remedy)
        return
    for pool in design.pools:
        if design.most_replicas(pool) < 1:
            left = cluster.gpus - total + design.quota_gpus(pool)
            message = f"{cluster.gpus} leaves {left} to '{pool.name}', whose replicas take"
            findings.add(("cluster", "gpus"), f"{message} {pool.unit_gpus} each")


def _is_too_small(
    design: Design, replicas: Mapping[str, int], what: str, findings: Findings
) -> bool:
    assert design.cluster is not None
    gpus = design.cluster.gpus
    needed = sum(pool.bought_gpus(replicas[pool.name]) for pool in design.pools)
    if needed <= gpus:
        return False
    parts = ", ".join(_part(pool, replicas[pool.name]) for pool in design.pools)
    message = f"{gpus} must be at least {needed}, which {what} take ({parts})"
    findings.add(("cluster", "gpus"), message, "raise it, or lower replicas")
    return True


def _part(pool: GpuPool, replicas: int) -> str:
    nodes = "" if pool.node_gpus is None else f" on nodes of {pool.node_gpus}"
    return f"{pool.name} {replicas} x {pool.gpus_per_replica}{nodes}"
