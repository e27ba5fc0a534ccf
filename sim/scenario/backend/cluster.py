"""A cluster whose GPUs several pools share: the keys, and the cluster that they make."""

from collections.abc import Iterator, Mapping, Sequence
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
    """How many there are; a replica that finds none is pending. With zones they are spread over
    these evenly, and are lost with them."""
    node_gpus: Annotated[int, whole(1, 1024)] | None = None
    """GPUs of a node, on which replicas of all pools are packed: one that is no larger has all its
    GPUs on one node, a larger one has nodes of its own; what finds GPUs enough, but not together,
    is pending. A crash takes all on its node. Each pool pays for the GPUs of its replicas; one that
    is to pay for whole nodes has node_gpus of its own. By default any GPUs of a zone will do."""
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


def check_rules(data: dict[str, Any], pools: Mapping[str, Any], findings: Findings) -> None:
    """Note GPUs that cannot be spread, and nodes that cannot be shared.

    Parameters
    ----------
    data : dict
        The document, as plain data.
    pools : mapping
        Its pools of GPUs by name.
    findings : Findings
    """
    cluster, zones = data.get("cluster"), data.get("zones")
    if not isinstance(cluster, dict):
        return
    names = zones.get("names") if isinstance(zones, dict) else None
    gpus, size, count = cluster.get("gpus"), cluster.get("node_gpus") or 1, 1
    if isinstance(names, list) and names:
        count = len(names)
    if isinstance(gpus, int) and isinstance(size, int) and size > 0 and gpus % (size * count):
        parts = [f"{count} zones"] * (count > 1) + [f"nodes of {size}"] * (size > 1)
        message = f"{gpus} must be a multiple of {size * count}, for {' with '.join(parts)}"
        findings.add(("cluster", "gpus"), message, "zones and nodes are all of one size")
    for name, pool in pools.items():
        if not isinstance(pool, dict):
            continue
        path: Path = ("backends", name)
        if cluster.get("node_gpus") is not None:
            _check_shared(pool, path, findings)
        elif zones is not None and pool.get("node_gpus") is not None:
            message = "has no meaning in a cluster with zones, where a pool has no nodes of its own"
            remedy = "give node_gpus to the cluster, whose nodes pools share"
            findings.add((*path, "node_gpus"), message, remedy)


def _check_shared(pool: dict[str, Any], path: Path, findings: Findings) -> None:
    """Note what a pool cannot have on nodes that it shares with others."""
    failures = pool.get("failures")
    if isinstance(failures, dict) and failures.get("replicas_per_node") is not None:
        message = "goes beside cluster.node_gpus, which says how many there are"
        findings.add((*path, "failures", "replicas_per_node"), message, "remove one")
    if pool.get("spot") is not None:
        message = "has no meaning on nodes that pools share, of which each is taken back whole"
        remedy = "remove it, or give node_gpus to the pool in place of the cluster"
        findings.add((*path, "spot"), message, remedy)
    if pool.get("node_gpus") is not None:
        message = "goes beside cluster.node_gpus, whose nodes all pools share"
        remedy = "remove one: nodes of a pool alone, or nodes of all"
        findings.add((*path, "node_gpus"), message, remedy)


def compiled(cluster: Cluster | None, zones: Sequence[str]) -> model.Cluster | None:
    """The cluster, whose GPUs are spread over zones if there are any."""
    if cluster is None:
        return None
    standings: Mapping[str, Standing] = cluster.pools or {}
    return model.Cluster(
        cluster.gpus,
        cluster.sharing,
        tuple(
            (name, model.Standing(each.quota, each.priority)) for name, each in standings.items()
        ),
        cluster.node_gpus,
        tuple(zones),
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
    if not _begins(design):
        where = f" in {len(cluster.zones)} zones" if cluster.zones else ""
        where += f" on nodes of {cluster.node_gpus}" if cluster.node_gpus is not None else ""
        message = f"{cluster.gpus}{where} have no room for the replicas that there are at first"
        findings.add(("cluster", "gpus"), message, "raise it, or lower replicas")
        return
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
            together = "" if cluster.floor() is None else ", together on one node or in one zone"
            findings.add(("cluster", "gpus"), f"{message} {pool.unit_gpus} each{together}")


def _begins(design: Design) -> bool:
    """Whether all that is there at the beginning finds a place, in the order of the engine."""
    floor = None if design.cluster is None else design.cluster.floor()
    if floor is None:
        return True
    for pool in sorted(design.pools, key=lambda pool: pool.moves):
        zones, kept = pool.failures.zones, pool.lifecycle.kept_ready
        names = floor.zones if zones is None else zones.names
        if not floor.fill(pool.unit_gpus, pool.replicas + kept, names):
            return False
    return True


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
