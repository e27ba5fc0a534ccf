"""Adapters that the requests of a workload need (LoRA): the keys, and what they make."""

from collections.abc import Callable, Iterator, Mapping
from typing import Annotated, Any, Final

from sim.model import adapters as model
from sim.model.design import Design
from sim.scenario.values.fields import number, whole
from sim.scenario.values.numbers import Number, known
from sim.scenario.values.part import Model
from sim.scenario.values.problems import Findings, Path

MOST: Final = 10_000  # adapters of all workloads: what is known of each on each replica takes room
MOST_KEPT: Final = 5_000_000  # ... of each on each replica


class Adapters(Model):
    """Fine-tuned models on the base of a backend, one for each request, such as {count: 200}."""

    count: Annotated[int, whole(1, MOST)]
    """How many there are. A session keeps its own, and so does a task; others draw one for each
    request."""
    zipf: Annotated[Number, number("factor", least=0, most=10)] = 1.0
    """How uneven they are asked for: the k-th most wanted by 1 over k to the power of this; 0 for
    all alike. Default 1, as in the traces of S-LoRA; not measured."""
    rank: Annotated[int, whole(1, 1024)] = 16
    """Their rank, which says how long one takes to load; default 16."""


def compiled(adapters: Adapters | None, draws: Mapping[str, float]) -> model.Adapters | None:
    """The adapters in a world."""
    if adapters is None:
        return None
    return model.Adapters(adapters.rank, model.zipf(adapters.count, known(adapters.zipf, draws)))


def check(
    workloads: Mapping[str, Any],
    backends: Mapping[str, Any],
    reached: Callable[[Any, Mapping[str, Any]], tuple[str, ...]],
    findings: Findings,
) -> None:
    """Note adapters that a backend cannot load.

    Parameters
    ----------
    workloads, backends : mapping
        Those of the document, by name.
    reached : callable
        Backends that the requests of a workload may come to.
    """
    needed = {name: each for name, each in workloads.items() if each.adapters is not None}
    for name, workload in needed.items():
        path: Path = ("workloads", name, "adapters")
        for to in reached(workload, backends):
            _check_backend(workload.adapters, to, backends[to], path, findings)
    count = sum(each.adapters.count for each in needed.values())
    if count > MOST:
        first: Path = ("workloads", next(iter(needed)), "adapters", "count")
        findings.add(first, f"makes {count:,} adapters of all workloads, more than {MOST:,}")


def check_room(design: Design, findings: Findings) -> None:
    """Note adapters of which too much would be known, on too many replicas."""
    count = sum(each.adapters.count for each in design.workloads if each.adapters is not None)
    replicas = sum(min(pool.limits[1], pool.capacity_limit) for pool in design.pools)
    if count * replicas > MOST_KEPT:
        first = next(each for each in design.workloads if each.adapters is not None)
        message = f"makes {count:,} adapters, which up to {replicas:,.0f} replicas may load"
        remedy = "make them fewer, or lower max of the replicas"
        path: Path = ("workloads", first.name, "adapters", "count")
        findings.add(path, f"{message}: more than {MOST_KEPT:,}", remedy)


def warnings(design: Design) -> Iterator[str]:
    """Advice on slots that nobody needs, and that take memory all the same."""
    for pool in design.pools:
        if pool.adapters is None:
            continue
        mine = [each for each in design.workloads if pool.name in each.route.backends]
        count = sum(each.adapters.count for each in mine if each.adapters is not None)
        if count < pool.adapters.slots:
            yield (
                f"backends.{pool.name}.adapters.slots: {pool.adapters.slots} are more than the"
                f" {count} adapters that its workloads need, and take memory of the KV cache"
            )


def _check_backend(mine: Adapters, name: str, backend: Any, path: Path, findings: Findings) -> None:
    if backend.kind != "gpu_pool":
        message = f"cannot be loaded by '{name}', which is no pool of GPUs"
        findings.add(path, message, "route the workload to a pool with adapters: {slots: 8}")
    elif backend.adapters is None:
        message = f"cannot be loaded by '{name}', which has no slots for them"
        findings.add(path, message, f"add backends.{name}.adapters, such as {{slots: 8}}")
    elif mine.rank > backend.adapters.max_rank:
        rule = f"is above the max_rank ({backend.adapters.max_rank}) of backend '{name}'"
        findings.add((*path, "rank"), f"{mine.rank} {rule}", f"raise max_rank to {mine.rank}")
