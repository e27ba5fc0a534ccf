"""What contradicts itself in variants and around them, looked at as plain data."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from sim.scenario.values.problems import Findings, Path, choose
from sim.scenario.values.units import shown
from sim.scenario.workload import names_in_routes

SCALERS: Final = ("hpa", "keda", "knative", "predictive", "none")
OF_ONE_POOL: Final = ("scheduled", "planner", "custom")  # autoscalers
ROUTER: Final = "least_loaded"  # of a pool, by default
NOT_OF_VARIANTS: Final = ("router", "scorers", "gateway", "cooldown", "handoff", "adapters")


def targets(backends: Iterable[str], variants: Any) -> list[str]:
    """Names that routes may lead to: not those of pools that are variants of something."""
    joined = {name for _, names in _members(variants) for name in names}
    own = variants if isinstance(variants, dict) else {}
    return [*(name for name in backends if name not in joined), *own]


def _members(variants: Any) -> Iterator[tuple[str, list[str]]]:
    for name, each in variants.items() if isinstance(variants, dict) else ():
        pools = each.get("pools") if isinstance(each, dict) else None
        if isinstance(pools, list):
            yield name, [pool for pool in pools if isinstance(pool, str)]


def references(variants: Any) -> Iterator[tuple[Path, Any]]:
    """Names of pools that are variants, each with its path."""
    for name, pools in _members(variants):
        for index, pool in enumerate(pools):
            yield ("variants", name, "pools", index), pool


def check_rules(data: Mapping[str, Any], findings: Findings) -> None:
    """Note what contradicts itself, looked at as plain data."""
    variants, backends = (_mapping(data.get(key)) for key in ("variants", "backends"))
    seen: dict[str, str] = {}
    for path, pool in references(variants):
        if pool in seen:
            message = f"{shown(pool)} is one of '{seen[pool]}' already"
            findings.add(path, message, "have each pool in one place only")
        seen.setdefault(pool, str(path[1]))
    for pool, name in seen.items():
        _check_pool(pool, name, backends.get(pool), variants[name], findings)
    for name in variants:
        if name in backends:
            message = f"{shown(name)} is the name of a backend as well"
            findings.add(("variants", name), message, "give it another name")
        if isinstance(variants[name], dict):
            _check_keys(name, variants[name], backends, findings)
    for path, to in _handed(backends):
        if isinstance(to, str) and to in seen:
            message = f"{shown(to)} is a variant of '{seen[to]}', whose router it is behind"
            findings.add(path, message, "name a pool that is none")
    _check_routes(data, seen, findings)


def _mapping(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _handed(backends: Mapping[str, Any]) -> Iterator[tuple[Path, Any]]:
    for name, backend in backends.items():
        handed = backend.get("handoff") if isinstance(backend, dict) else None
        if isinstance(handed, dict):
            yield ("backends", name, "handoff", "to"), handed.get("to")


def _check_pool(pool: str, name: str, backend: Any, joined: Any, findings: Findings) -> None:
    if not isinstance(backend, dict):
        return
    for key in NOT_OF_VARIANTS:
        usual = ROUTER if key == "router" else None  # as a resolved scenario has it
        if backend.get(key, usual) != usual:
            message = f"has no meaning for a variant of '{name}'"
            remedy = "remove it"
            if key in ("router", "gateway"):
                message += ", which has one for all"
                remedy = f"give it as variants.{name}.{key}"
            findings.add(("backends", pool, key), message, remedy)
    own, scaled = backend.get("autoscaler"), isinstance(joined, dict) and joined.get("autoscaler")
    is_none = isinstance(own, dict) and own.get("preset") == "none"
    if own is not None and not is_none and scaled:
        message = f"goes beside that of '{name}', which scales all of its variants"
        findings.add(("backends", pool, "autoscaler"), message, "remove one or the other")


def _check_keys(
    name: str, given: Mapping[str, Any], backends: Mapping[str, Any], findings: Findings
) -> None:
    path: Path = ("variants", name)
    pools = given.get("pools")
    named = [pool for pool in pools if isinstance(pool, str)] if isinstance(pools, list) else []
    weighed = given.get("weights")
    if isinstance(weighed, dict) and named:
        for pool in named:
            if pool not in weighed:
                findings.add((*path, "weights", pool), "is missing", f"such as {pool}: 1")
        for pool in weighed:
            if pool not in named:
                message = f"{shown(pool)} is none of its pools"
                findings.add((*path, "weights", pool), message, choose(str(pool), named))
    if given.get("router") == "prefix":
        for pool in named:
            if isinstance(backends.get(pool), dict) and "prefix_cache" not in backends[pool]:
                message = f"prefix has no meaning for '{pool}', where nothing is cached"
                findings.add((*path, "router"), message, f"add prefix_cache: {{}} to '{pool}'")
    scaler, door = given.get("autoscaler"), given.get("gateway")
    preset = scaler.get("preset") if isinstance(scaler, dict) else None
    if preset in OF_ONE_POOL:
        message = f"{preset} says replicas of one pool, not of several"
        findings.add((*path, "autoscaler", "preset"), message, f"one of {', '.join(SCALERS)}")
    if isinstance(door, dict) and "flow_control" in door:
        message = "is that of one pool, which knows one size of queue and cache"
        findings.add((*path, "gateway", "flow_control"), message, "use queue: central")
    if isinstance(door, dict) and "replica_limit" in door and door.get("queue") != "central":
        message = "has no meaning where requests are pushed to replicas at once"
        findings.add((*path, "gateway", "replica_limit"), message, "add queue: central")


def _check_routes(data: Mapping[str, Any], joined: Mapping[str, str], findings: Findings) -> None:
    workloads = data.get("workloads")
    for name, workload in workloads.items() if isinstance(workloads, dict) else ():
        if not isinstance(workload, dict):
            continue
        for path, to in names_in_routes.references(("workloads", name), workload):
            if not isinstance(to, str):
                continue  # that is told elsewhere
            if to in joined:
                message = f"{shown(to)} is a variant of '{joined[to]}', whose router it is behind"
                findings.add(path, message, f"name '{joined[to]}'")
            if to not in dict(_members(data.get("variants"))):
                continue
            message = f"{shown(to)} has variants, whose router knows no batches with a deadline"
            if workload.get("deadline") is not None:
                findings.add(path, message, "give the batch a pool of its own")
            if workload.get("priority") == "sheddable":
                message = f"{shown(to)} has variants, whose router sheds nobody"
                findings.add(path, message, "give what is sheddable a pool of its own")
