"""Names of backends in the routes of a workload, looked at as plain data."""

from collections.abc import Iterator, Sequence
from typing import Any

from sim.scenario.values.problems import Findings, Path
from sim.scenario.values.units import shown


def check(
    path: Path, workload: dict[str, Any], backends: Sequence[str], findings: Findings
) -> None:
    """Note ways that lead nowhere.

    Parameters
    ----------
    path : tuple
        Of the workload.
    workload : dict
    backends : sequence of str
        The names there are.
    """
    if "route" not in workload and len(backends) > 1:
        findings.add((*path, "route"), "is missing", f"one of {', '.join(backends)}")
    _check_fallback(path, workload, backends, findings)
    for index, leg in enumerate(_legs(workload)):
        again = leg.get("escalate")
        if isinstance(again, dict) and again.get("to") == leg.get("to") is not None:
            at = (*path, "route", index, "escalate", "to")
            findings.add(at, f"{shown(leg['to'])} leads back to itself", "name a better one")
    if "overflow" in workload and not workload.keys() & {"fallback", "regions"}:
        findings.add((*path, "overflow"), "has no fallback beside it", "add fallback")


def references(path: Path, workload: dict[str, Any]) -> Iterator[tuple[Path, Any]]:
    """Names of backends to which requests go, each with its path."""
    yield from _of_route(path, workload)
    yield from _of_fallback(path, workload)


def _legs(workload: dict[str, Any]) -> list[dict[str, Any]]:
    route = workload.get("route")
    if not isinstance(route, list):
        return []
    return [leg if isinstance(leg, dict) else {"to": leg} for leg in route]


def _of_route(path: Path, workload: dict[str, Any]) -> Iterator[tuple[Path, Any]]:
    """Names where requests begin or are asked again, each with its path."""
    path, route = (*path, "route"), workload.get("route")
    if not isinstance(route, list):
        yield path, route
        return
    for index, leg in enumerate(route):
        if not isinstance(leg, dict):
            yield (*path, index), leg
            continue
        yield (*path, index, "to"), leg.get("to")
        if isinstance(leg.get("escalate"), dict):
            yield (*path, index, "escalate", "to"), leg["escalate"].get("to")


def _of_fallback(path: Path, workload: dict[str, Any]) -> Iterator[tuple[Path, Any]]:
    path, given = (*path, "fallback"), workload.get("fallback")
    if isinstance(given, dict):
        path, given = (*path, "to"), given.get("to")
    if isinstance(given, list):
        yield from (((*path, index), name) for index, name in enumerate(given))
    else:
        yield path, given


def _check_fallback(
    path: Path, workload: dict[str, Any], backends: Sequence[str], findings: Findings
) -> None:
    """Note a fallback that has nothing but the only backend where requests begin."""
    fallbacks = {name for _, name in _of_fallback(path, workload) if isinstance(name, str)}
    begins = [leg.get("to") for leg in _legs(workload)] or [workload.get("route", *backends[:1])]
    if fallbacks <= set(backends) and all([name] == list(fallbacks) for name in begins):
        message = f"{shown(begins[0])} leads back to itself, where the requests begin"
        findings.add((*path, "fallback"), message, "name another one, or remove it")
