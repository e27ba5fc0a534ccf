"""What keys of regions ask of each other, looked at as plain data.

Of values that cannot be read, that alone is said, elsewhere.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from sim.scenario.values.problems import Findings, Path, choose
from sim.scenario.values.units import shown
from sim.scenario.workload import names_in_routes
from sim.scenario.workload.users import SUCH

Entry = tuple[Path, dict[str, Any]]

WORLD: Final = (
    "such as regions: {eu: {clock: Europe/Berlin, latency: {us: 90ms}}, us: {clock:"
    " America/New_York}}"
)
BY_HOUR: Final = ("cleanest", "night")
OF_WORKLOADS: Final = ("regions", "routing", "stay")
ONE_PLACE: Final = {
    "zones": "give the regions outages, such as eu: {outages: {planned: [{start: 2h,"
    " duration: 1h}]}}",
    "variants": "give each region's pool its service, or a scenario of its own",
    "cluster": "give each region a scenario of its own, or pools without a cluster",
}


def check(
    data: Mapping[str, Any],
    workloads: Sequence[Entry],
    backends: Mapping[str, Any],
    findings: Findings,
) -> None:
    """Note every rule that is broken."""
    regions = data.get("regions")
    if regions is None:
        _check_none(workloads, backends, findings)
    if not isinstance(regions, dict) or not regions:
        return
    for key, remedy in ONE_PLACE.items():
        if data.get(key) is not None:
            findings.add((key,), "is of one place, and cannot be beside regions", remedy)
    before = len(findings.found)
    _check_names(regions, workloads, backends, findings)
    _check_latencies(regions, findings)
    _check_outages(regions, backends, findings)
    _check_handoffs(backends, findings)
    by_name = {str(path[-1]): workload for path, workload in workloads}
    for path, workload in workloads:
        _check_workload(path, workload, regions, backends, findings)
        _check_chain(path, workload, by_name, findings)
    if len(findings.found) == before:
        _check_trips(regions, workloads, backends, findings)


def places(backend: Any) -> list[str]:
    """The regions of a backend, as it is written."""
    there = backend.get("regions") if isinstance(backend, dict) else None
    if not isinstance(there, dict | list):
        return []
    return [name for name in there if isinstance(name, str)]


def homes(workload: dict[str, Any]) -> list[str]:
    """The regions in which a workload has users."""
    given = workload.get("regions")
    if isinstance(given, str):
        return [given]
    return [name for name, share in given.items() if share] if isinstance(given, dict) else []


def within(workload: dict[str, Any], home: str) -> list[str] | None:
    """Where the data of users of a region may be; None for anywhere."""
    stay = workload.get("stay")
    if isinstance(stay, dict):
        stay = stay.get(home)
    if isinstance(stay, str):
        return [stay]
    return stay if isinstance(stay, list) else None


def _check_none(
    workloads: Sequence[Entry], backends: Mapping[str, Any], findings: Findings
) -> None:
    keys: list[tuple[Path, Any, tuple[str, ...]]] = []
    keys += [(path, workload, OF_WORKLOADS) for path, workload in workloads]
    keys += [(("backends", name), each, ("regions",)) for name, each in backends.items()]
    for path, entry, names in keys:
        for key in names:
            if isinstance(entry, dict) and entry.get(key) is not None:
                findings.add((*path, key), "has no meaning without regions at the top", WORLD)


def _check_names(
    regions: Mapping[str, Any],
    workloads: Sequence[Entry],
    backends: Mapping[str, Any],
    findings: Findings,
) -> None:
    """Note names that no region has."""
    for path, name in _names(regions, workloads, backends):
        if isinstance(name, str) and name not in regions:
            value = "" if path[-1] == name else f"{shown(name)} "
            findings.add(path, f"{value}is no region", choose(name, regions))


def _names(
    regions: Mapping[str, Any], workloads: Sequence[Entry], backends: Mapping[str, Any]
) -> Iterator[tuple[Path, Any]]:
    for region, entry in regions.items():
        for other in _mapping(entry, "latency"):
            yield ("regions", region, "latency", other), other
    for name, backend in backends.items():
        there = backend.get("regions") if isinstance(backend, dict) else None
        if isinstance(there, dict):
            yield from ((("backends", name, "regions", region), region) for region in there)
        elif isinstance(there, list):
            yield from ((("backends", name, "regions", at), each) for at, each in enumerate(there))
    for path, workload in workloads:
        given = workload.get("regions")
        if isinstance(given, dict):
            yield from (((*path, "regions", region), region) for region in given)
        else:
            yield (*path, "regions"), given
        yield from _names_of_stay((*path, "stay"), workload.get("stay"))


def _names_of_stay(path: Path, stay: Any) -> Iterator[tuple[Path, Any]]:
    if isinstance(stay, dict):
        for home, names in stay.items():
            yield (*path, home), home
            yield from _names_of_stay((*path, home), names)
    elif isinstance(stay, list):
        yield from (((*path, at), name) for at, name in enumerate(stay))
    else:
        yield path, stay


def _check_latencies(regions: Mapping[str, Any], findings: Findings) -> None:
    """Note round trips that are given twice, and differ."""
    for region, entry in regions.items():
        for other, trip in _mapping(entry, "latency").items():
            back = _mapping(regions.get(other), "latency").get(region)
            if (
                back is not None
                and back != trip
                and list(regions).index(region) > list(regions).index(other)
            ):
                message = f"{shown(trip)} is {shown(back)} at regions.{other}.latency.{region}"
                remedy = "a round trip is as long both ways; remove one"
                findings.add(("regions", region, "latency", other), message, remedy)


def _check_outages(
    regions: Mapping[str, Any], backends: Mapping[str, Any], findings: Findings
) -> None:
    for region, entry in regions.items():
        outages = _mapping(entry, "outages")
        path: Path = ("regions", region, "outages")
        by_chance = [key for key in ("gap", "duration") if outages.get(key) is not None]
        if len(by_chance) == 1:
            other = "gap" if by_chance == ["duration"] else "duration"
            findings.add(path, f"has no {other} beside it", f"add {other}")
        elif _has(entry, "outages") and not by_chance and not outages.get("planned"):
            remedy = "add gap and duration, or planned: [{start: 2h, duration: 1h}]"
            findings.add(path, "has neither outages by chance nor planned ones", remedy)
    lost = {name for name, entry in regions.items() if _mapping(entry, "outages")}
    for name, backend in backends.items():
        there = _mapping(backend, "regions")
        missing = [region for region in there if "cold_start" not in _as_mapping(there[region])]
        if lost & set(missing) and backend.get("cold_start") is None and not _starts(backend):
            remedy = "such as cold_start: {lognormal: {p50: 3min, p95: 8min}}"
            message = "is missing, and replicas that are lost with their region are replaced"
            findings.add(("backends", name, "cold_start"), message, remedy)


def _starts(pool: dict[str, Any]) -> bool:
    """Whether something else starts replicas, of which a missing cold start is told elsewhere."""
    scaler = pool.get("autoscaler")
    preset = scaler.get("preset") if isinstance(scaler, dict) else scaler
    scales = scaler is not None and preset != "none"
    return scales or pool.get("spot") is not None or pool.get("failures") is not None


def _check_handoffs(backends: Mapping[str, Any], findings: Findings) -> None:
    """Note pools that would hand prompts to another region."""
    for name, backend in backends.items():
        to = _mapping(backend, "handoff").get("to")
        if not isinstance(to, str) or to not in backends:
            continue
        mine, other = places(backend), places(backends[to])
        if sorted(mine) != sorted(other):
            message = f"'{to}' stands in {_listed(other)}, and this pool in {_listed(mine)}"
            remedy = "a handoff stays in its region; give both the same regions"
            findings.add(("backends", name, "handoff", "to"), message, remedy)


def _check_workload(
    path: Path,
    workload: dict[str, Any],
    regions: Mapping[str, Any],
    backends: Mapping[str, Any],
    findings: Findings,
) -> None:
    used = {name for _, name in names_in_routes.references(path, workload)}
    there = [name for name in backends if name in used or len(backends) == 1]
    if workload.get("regions") is None:
        for key in ("routing", "stay"):
            if workload.get(key) is not None:
                findings.add((*path, key), "has no regions beside it", f"add regions, {SUCH}")
        if any(places(backends[name]) for name in there):
            message = "is missing, and its backends stand in some"
            findings.add((*path, "regions"), message, f"say where its users are, {SUCH}")
        return
    several = len(homes(workload)) > 1
    arrivals = _mapping(workload, "arrivals")
    for key in ("trace", "usd_per_month", "requests"):
        if several and arrivals.get(key) is not None:
            message = "has one clock and order, and cannot be shared among regions"
            remedy = "give each region's users a workload of their own"
            findings.add((*path, "arrivals", key), message, remedy)
    if workload.get("routing") == "cleanest":
        _check_grids(path, there, regions, backends, findings)
    _check_stay(path, workload, regions, there, backends, findings)


def _check_chain(
    path: Path, workload: dict[str, Any], workloads: Mapping[str, Any], findings: Findings
) -> None:
    """Note who comes after others of other regions, or is sent elsewhere than they by the hour."""
    name = _mapping(workload, "arrivals").get("after")
    before = workloads.get(name) if isinstance(name, str) else None
    if before is None:
        return
    if workload.get("regions") != before.get("regions"):
        message = f"must be those of '{name}', after which these requests come"
        findings.add((*path, "regions"), message, "give both the same regions")
    for each, at in ((workload, path), (before, ("workloads", name))):
        if each.get("routing") in BY_HOUR:
            message = f"{each['routing']} may change by the hour, which a chain of requests cannot"
            findings.add((*at, "routing"), message, "nearest or cheapest")


def _check_grids(
    path: Path,
    used: Sequence[str],
    regions: Mapping[str, Any],
    backends: Mapping[str, Any],
    findings: Findings,
) -> None:
    for region in dict.fromkeys(at for name in used for at in places(backends[name])):
        if region in regions and not _mapping(regions[region], "grid"):
            message = f"cleanest cannot be told, as regions.{region} has no grid"
            findings.add((*path, "routing"), message, "add grid: {region: DEU}, or g_per_kwh: 380")


def _check_stay(
    path: Path,
    workload: dict[str, Any],
    regions: Mapping[str, Any],
    used: Sequence[str],
    backends: Mapping[str, Any],
    findings: Findings,
) -> None:
    """Note data that may not leave, and no backend where it may be."""
    for home in homes(workload):
        known = set(filter(_is_text, within(workload, home) or ())) & set(regions)
        for name in used if known else ():
            there = places(backends[name])
            if there and not set(there) & known:
                message = f"'{name}' stands in {_listed(there)} alone, which users of {home}"
                said = f"{message} may not be sent to"
                remedy = f"give it a place in {' or '.join(sorted(known))}"
                findings.add((*path, "stay"), said, remedy)
            elif not there:
                message = f"'{name}' has no regions, so that nobody knows where data go"
                findings.add((*path, "stay"), message, f"add regions to backends.{name}")
        if not isinstance(workload.get("stay"), dict):
            break  # the same of all


def _check_trips(
    regions: Mapping[str, Any],
    workloads: Sequence[Entry],
    backends: Mapping[str, Any],
    findings: Findings,
) -> None:
    """Note ways of which nobody knows how long they are, each once."""
    told = set()
    for path, workload in workloads:
        used = {name for _, name in names_in_routes.references(path, workload)}
        there = [name for name in backends if name in used or len(backends) == 1]
        for home in homes(workload):
            allowed = within(workload, home)
            for region in (at for name in there for at in places(backends[name])):
                both = frozenset((home, region))
                if (allowed is not None and region not in allowed) or len(both) == 1:
                    continue
                if both not in told and not _trip(regions, home, region):
                    told.add(both)
                    message = f"has no {region}, to which requests of {home} may go"
                    remedy = f"add the round trip, such as latency: {{{region}: 90ms}}"
                    findings.add(("regions", home, "latency"), message, remedy)


def _trip(regions: Mapping[str, Any], one: str, other: str) -> bool:
    there, back = _mapping(regions[one], "latency"), _mapping(regions[other], "latency")
    return there.get(other) is not None or back.get(one) is not None


def _has(entry: Any, key: str) -> bool:
    return isinstance(entry, dict) and entry.get(key) is not None


def _mapping(entry: Any, key: str) -> dict[str, Any]:
    return _as_mapping(entry.get(key) if isinstance(entry, dict) else None)


def _as_mapping(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names) or "no region"
