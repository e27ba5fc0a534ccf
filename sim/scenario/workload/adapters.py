"""Adapters that the requests of a workload need (LoRA): the keys, and what they make."""

from collections.abc import Mapping
from typing import Annotated, Any, Final

from sim.model import adapters as model
from sim.scenario.values.fields import number, whole
from sim.scenario.values.numbers import Number, known
from sim.scenario.values.part import Model
from sim.scenario.values.problems import Findings, Path

MOST: Final = 10_000  # adapters of all workloads: what is known of each on each replica takes room
MOST_KEPT: Final = 5_000_000  # ... of each on each replica there ever is


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
    reached: Mapping[str, tuple[str, ...]],
    findings: Findings,
) -> None:
    """Note adapters that a backend cannot load.

    Parameters
    ----------
    workloads, backends : mapping
        Those of the document, by name.
    reached : mapping
        Backends that the requests of each workload may come to.
    """
    needed = {name: each.adapters for name, each in workloads.items() if each.adapters is not None}
    for name, mine in needed.items():
        path: Path = ("workloads", name, "adapters")
        for to in reached[name]:
            _check_backend(mine, to, backends[to], path, findings)
    count = sum(each.count for each in needed.values())
    if count > MOST:
        first: Path = ("workloads", next(iter(needed)), "adapters", "count")
        findings.add(first, f"makes {count:,} adapters of all workloads, more than {MOST:,}")


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
