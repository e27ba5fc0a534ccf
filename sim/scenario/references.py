"""Names of backends where they are used: in routes, fallbacks, budgets, and standings of pools.

One typo is one error. Where a backend's own name is misspelt, all that use it name one that is not
there, and it is said once with where else; where its name cannot be one at all, that alone is said.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from sim.scenario import variant_rules
from sim.scenario.backend import budget, cluster, handoff
from sim.scenario.values.problems import Findings, Path, choose, dotted
from sim.scenario.values.units import shown
from sim.scenario.workload import names_in_routes

MOST_PLACES = 2  # that are named beside the first


def check(
    data: Mapping[str, Any],
    workloads: Sequence[tuple[Path, dict[str, Any]]],
    kinds: Mapping[str, str],
    findings: Findings,
) -> None:
    """Note names that no backend has, each once.

    Parameters
    ----------
    data : mapping
        The document.
    workloads : sequence of (path, dict)
    kinds : mapping
        The kind of each backend.
    findings : Findings
    """
    backends = data.get("backends")
    names = list(backends) if isinstance(backends, dict) else []
    if not names:
        return
    own = data.get("variants")
    joined = list(own) if isinstance(own, dict) else []
    places: dict[str, list[Path]] = {}
    for path, workload in workloads:
        for at, name in names_in_routes.references(path, workload):
            if isinstance(name, str) and name.strip() and name not in (*names, *joined):
                places.setdefault(name, []).append(at)
    pools = [name for name in names if kinds[name] == "gpu_pool"]
    apis = [name for name in names if kinds[name] == "managed_api"]
    for kind, references in (
        (pools, cluster.references(data.get("cluster"))),
        (pools, handoff.references(data.get("backends"))),
        (pools, variant_rules.references(data.get("variants"))),
        (apis, budget.references(data.get("budgets"))),
    ):
        for at, name in references:
            if not isinstance(name, str):
                continue  # of which it is said elsewhere that it must be a text
            if name in places:
                places[name].append(at)
            elif name not in kind:
                message = f"{shown(name)} is no managed API, which is paid by the token"
                value = "" if at[-1] == name else f"{shown(name)} "
                said = f"{value}is no pool of GPUs" if kind is pools else message
                findings.add(at, said, choose(name, kind))
    for name, (first, *others) in places.items():
        remedy = "; ".join(_remedies(choose(name, [*names, *joined]), others))
        findings.add(first, f"{shown(name)} is not the name of a backend", remedy)


def _remedies(first: str, others: Sequence[Path]) -> Iterator[str]:
    if first:
        yield first
    if others:
        more = len(others) - MOST_PLACES
        named = ", ".join(map(dotted, others[:MOST_PLACES]))
        yield f"the same at {named}" + (f" and {more} more" if more > 0 else "")
