"""A document with regions as one without: a workload for the users, a pool for the GPUs of each.

They are expanded where the document is resolved, so that what is uncertain of a backend is the same
in all of its regions. Where it is one region alone, names stay as they are.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from sim.model.trace import Trace
from sim.scenario.backend import region as keys
from sim.scenario.backend.gpu_pool import GpuPool
from sim.scenario.backend.managed import ManagedApi
from sim.scenario.regional.order import Orders
from sim.scenario.schema import ScenarioDocument, Workload
from sim.scenario.values.problems import Finding, Findings, Path
from sim.scenario.workload.routes import Fallback, Leg, Route
from sim.scenario.workload.users import Users

Copies = dict[str, dict[str, str]]  # name in each region, by the name of the backend

AFTER: Final = ("rejection", "failure")  # a router of regions does not know who has timed out


def expanded(document: ScenarioDocument) -> ScenarioDocument:
    """The document with a workload and a backend for each region that a workload or backend has."""
    if document.regions is None:
        return document
    copies = copies_of(document)
    backends = dict(_backends(document, copies))
    workloads = dict(_workloads(document, copies))
    return document.model_copy(
        update={"backends": backends, "workloads": workloads, **_budgets(document, copies)}
    )


def copies_of(document: ScenarioDocument) -> Copies:
    """Names of backends by region; under an empty name of those that are next to all users."""
    found = {}
    for name, backend in document.backends.items():
        there = list(getattr(backend, "regions", None) or ())
        alone = len(there) < 2
        found[name] = {at: name if alone else f"{name}-{at}" for at in there} or {"": name}
    return found


def _backends(document: ScenarioDocument, copies: Copies) -> Iterator[tuple[str, Any]]:
    for name, backend in document.backends.items():
        for region, copy in copies[name].items():
            match backend:
                case GpuPool(regions=there) if there is not None:
                    yield copy, _pool(backend, region, there[region], copies)
                case ManagedApi(regions=there) if there is not None:
                    yield copy, backend.model_copy(update={"regions": [region]})
                case _:
                    yield copy, backend


def _pool(pool: GpuPool, region: str, there: keys.PoolThere, copies: Copies) -> GpuPool:
    found = keys.placed(pool, there).model_copy(update={"regions": {region: there}})
    if pool.handoff is None:
        return found
    to = copies[pool.handoff.to]
    return found.model_copy(update={"handoff": pool.handoff.model_copy(update={"to": to[region]})})


def _budgets(document: ScenarioDocument, copies: Copies) -> dict[str, Any]:
    if document.budgets is None:
        return {}
    return {
        "budgets": {
            name: each.model_copy(
                update={"backends": [c for b in each.backends for c in copies[b].values()]}
            )
            for name, each in document.budgets.items()
        }
    }


def _workloads(document: ScenarioDocument, copies: Copies) -> Iterator[tuple[str, Workload]]:
    orders = Orders(document)
    for name, written in document.workloads.items():
        workload, users = _billed(written, copies), written.regions
        if users is None:
            yield name, workload
            continue
        homes = [(home, share) for home, share in users.shares if share > 0]
        for home, share in homes:
            base = name if len(homes) == 1 else f"{name}-{home}"
            groups = orders.by_hour(workload, home)
            for number, (order, hours) in enumerate(groups.items(), 1):
                copy = base if len(groups) == 1 else f"{base}-{number}"
                whole = None if len(groups) == 1 else hours
                there = Users(((home, share),), whole)
                found = _routed(workload, there, order, copies)
                yield copy, found if len(homes) == 1 else _after(found, home)


def _after(workload: Workload, home: str) -> Workload:
    """Who comes after others comes after those of the same region, as the rules have it."""
    before = workload.arrivals.after
    if before is None:
        return workload
    arrivals = workload.arrivals.model_copy(update={"after": f"{before}-{home}"})
    return workload.model_copy(update={"arrivals": arrivals})


def _billed(workload: Workload, copies: Copies) -> Workload:
    """The bill of an API that stands in several regions is that of the first."""
    api = workload.arrivals.billed_by
    if api is None or api not in copies:
        return workload
    first = next(iter(copies[api].values()))
    arrivals = workload.arrivals.model_copy(update={"billed_by": first})
    return workload.model_copy(update={"arrivals": arrivals})


def _routed(workload: Workload, users: Users, order: tuple[str, ...], copies: Copies) -> Workload:
    """The requests of one region, which try the regions of a backend in this order."""
    assert workload.route is not None

    def chain(backend: str) -> tuple[str, ...]:
        own = copies[backend]
        return tuple(own[at] for at in ("", *order) if at in own)

    route, fallback = workload.route, workload.fallback
    legs = tuple(_leg(leg, chain) for leg in route.legs)
    begins = {leg.to for leg in route.legs} | {leg.escalates_to for leg in route.legs} - {""}
    after = () if fallback is None else tuple(c for to in fallback.to for c in chain(to))
    own = {chain(to)[0]: (*chain(to)[1:], *after) for to in sorted(begins)}
    ways = {begin: _once(begin, way) for begin, way in own.items()}
    every = tuple(dict.fromkeys(to for leg in legs for to in ways[leg.to])) or after
    every = tuple(dict.fromkeys((*every, *(to for way in ways.values() for to in way))))
    found: Fallback | None = None
    if every:
        causes = AFTER if fallback is None else fallback.after
        differ = any(way != _once(begin, every) for begin, way in ways.items())
        found = Fallback(every, causes, tuple(ways.items()) if differ else ())
    return workload.model_copy(update={"regions": users, "route": Route(legs), "fallback": found})


def _once(begin: str, way: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(to for to in dict.fromkeys(way) if to != begin)


def _leg(leg: Leg, chain: Any) -> Leg:
    again = chain(leg.escalates_to)[0] if leg.escalates_to else ""
    shares = (leg.share, leg.least, leg.most)
    return Leg(chain(leg.to)[0], *shares, again, leg.escalation_share)


def as_written(found: Findings, written: ScenarioDocument) -> None:
    """Have problems of streams and pools told at the workloads and backends that were written.

    Each once, whatever the number of regions.
    """
    if written.regions is None:
        return
    origins = _origins(written)
    found.found = list(
        dict.fromkeys(
            Finding(_origin(each.path, origins), _quoted(each.message, origins), each.remedy)
            for each in found.found
        )
    )


def warnings(written: ScenarioDocument) -> Iterator[str]:
    """Users whose data may not leave the one region where they are served, and that may be lost."""
    orders = Orders(written)
    for name, workload in written.workloads.items():
        if workload.regions is None or workload.stay is None or written.regions is None:
            continue
        for home, share in workload.regions.shares:
            ways = orders.by_hour(workload, home) if share > 0 else {}
            for region in {at for way in ways if len(way) == 1 for at in way}:
                if written.regions[region].outages is not None:
                    yield (
                        f"workloads.{name}.stay: while {region} is lost, its users in {home}"
                        f" ({100 * share:g} %) have nowhere to go, and are refused"
                    )


def written_names(lines: Iterable[str], written: ScenarioDocument) -> tuple[str, ...]:
    """Lines that begin with a path, told of what was written, each once."""
    if written.regions is None:
        return tuple(lines)
    origins = _origins(written)
    return tuple(dict.fromkeys(_renamed(line, origins) for line in lines))


def traces_of(written: ScenarioDocument, traces: dict[str, Trace]) -> dict[str, Trace]:
    """The trace of each stream that replays one."""
    if written.regions is None:
        return traces
    pairs = _workloads_by_copy(written)
    return {copy: traces[name] for copy, name in pairs if name in traces}


def _origins(written: ScenarioDocument) -> Mapping[tuple[str, str], str]:
    copies = copies_of(written)
    found = {("backends", c): name for name, own in copies.items() for c in own.values()}
    for name in _workloads_by_copy(written):
        found[("workloads", name[0])] = name[1]
    return found


def _workloads_by_copy(written: ScenarioDocument) -> Iterator[tuple[str, str]]:
    single = copies_of(written)
    for name in written.workloads:
        alone = written.model_copy(update={"workloads": {name: written.workloads[name]}})
        yield from ((copy, name) for copy, _ in _workloads(alone, single))


def _origin(path: Path, origins: Mapping[tuple[str, str], str]) -> Path:
    if len(path) < 2:
        return path
    name = origins.get((str(path[0]), str(path[1])))
    return path if name is None else (path[0], name, *path[2:])


def _quoted(message: str, origins: Mapping[tuple[str, str], str]) -> str:
    for (_, copy), name in origins.items():
        message = message.replace(f"'{copy}'", f"'{name}'")
    return message


def _renamed(line: str, origins: Mapping[tuple[str, str], str]) -> str:
    for (section, copy), name in origins.items():
        for end in (".", ":", " "):
            begin = f"{section}.{copy}{end}"
            if line.startswith(begin):
                return f"{section}.{name}{end}{line[len(begin) :]}"
    return line
