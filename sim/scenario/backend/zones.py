"""Zones that pools are spread over: the keys, and the outages that they make."""

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any

from pydantic import Field

from sim.model import zones as model
from sim.scenario.backend.failures import SPELL
from sim.scenario.backend.outages import PlannedOutage
from sim.scenario.values.numbers import known
from sim.scenario.values.part import Model, Text
from sim.scenario.values.problems import Findings, Path, choose
from sim.scenario.values.units import shown
from sim.scenario.values.varied import Varied, varied

Draws = Mapping[str, float]


class ZoneOutage(PlannedOutage):
    """A time in which nothing in a zone runs."""

    zone: Text
    """Which."""


class Zones(Model):
    """Zones, each of which has outages of its own that take all replicas there."""

    names: Annotated[list[Text], Field(min_length=1)]
    """What they are called, such as [a, b]; each pool is spread over all of them, or over those
    that it names. The GPUs of a cluster are spread over them evenly."""
    gap: Annotated[Varied, varied(SPELL)] | None = None
    """Time from the end of an outage of a zone to its next."""
    duration: Annotated[Varied, varied(SPELL)] | None = None
    """How long an outage lasts; a distribution says how they differ."""
    planned: list[ZoneOutage] | None = None
    """Further outages at given times, such as [{zone: a, start: 2h, duration: 1h}]."""


def check(data: dict[str, Any], pools: Mapping[str, Any], findings: Findings) -> None:
    """Note zones that nothing happens to, and names of zones that there are not.

    Parameters
    ----------
    data : dict
        The document, as plain data.
    pools : mapping
        Its pools of GPUs by name.
    """
    zones = data.get("zones")
    if zones is None:
        for name, pool in pools.items():
            if isinstance(pool, dict) and pool.get("zones") is not None:
                message = "has no meaning without zones at the top"
                remedy = "add zones: {names: [a, b], planned: [{zone: a, start: 2h, duration: 1h}]}"
                findings.add(("backends", name, "zones"), message, remedy)
    elif isinstance(zones, dict) and isinstance(zones.get("names"), list) and zones["names"]:
        _check_outages(zones, findings)
        _check_names(zones, pools, findings)
        _check_cold_starts(pools, findings)


def _check_outages(zones: dict[str, Any], findings: Findings) -> None:
    by_chance = {key for key in ("gap", "duration") if zones.get(key) is not None}
    if len(by_chance) == 1:
        other = "gap" if "duration" in by_chance else "duration"
        findings.add(("zones",), f"has no {other} beside it", f"add {other}")
    elif not by_chance and not zones.get("planned"):
        remedy = "add gap and duration, or planned: [{zone: a, start: 2h, duration: 1h}]"
        findings.add(("zones",), "has neither outages by chance nor planned ones", remedy)


def _check_names(zones: dict[str, Any], pools: Mapping[str, Any], findings: Findings) -> None:
    names = [name for name in zones["names"] if isinstance(name, str)]
    for index, name in enumerate(names):
        if name in names[:index]:
            findings.add(("zones", "names", index), f"{shown(name)} is there twice", "remove one")
    if len(names) < len(zones["names"]):
        return  # one of them cannot be read, and may be that which is named below
    planned = zones.get("planned")
    for index, outage in enumerate(planned if isinstance(planned, list) else ()):
        if isinstance(outage, dict) and "zone" in outage:
            _check_name(("zones", "planned", index, "zone"), outage["zone"], names, findings)
    for pool, entry in pools.items():
        given = entry.get("zones") if isinstance(entry, dict) else None
        own = given if isinstance(given, list) else []
        for index, name in enumerate(own):
            _check_name(("backends", pool, "zones", index), name, names, findings)
            if name in own[:index]:
                message = f"{shown(name)} is there twice"
                findings.add(("backends", pool, "zones", index), message, "remove one")


def _check_cold_starts(pools: Mapping[str, Any], findings: Findings) -> None:
    """Note replicas that are replaced without anybody knowing how long that takes."""
    for name, pool in pools.items():
        if isinstance(pool, dict) and pool.get("cold_start") is None and _is_at_rest(pool):
            remedy = "such as cold_start: {lognormal: {p50: 3min, p95: 8min}}"
            message = "is missing, and lost replicas are replaced"
            findings.add(("backends", name, "cold_start"), message, remedy)


def _is_at_rest(pool: dict[str, Any]) -> bool:
    """Whether nothing else starts replicas, of which a missing cold start would be told later."""
    scaler = pool.get("autoscaler")
    preset = scaler.get("preset") if isinstance(scaler, dict) else scaler
    scales = scaler is not None and preset != "none"
    return not scales and pool.get("spot") is None and pool.get("failures") is None


def _check_name(path: Path, name: Any, names: list[str], findings: Findings) -> None:
    """Note a name that no zone has; of what is no text at all, that alone is said."""
    if isinstance(name, str) and name not in names:
        findings.add(path, f"{shown(name)} is no zone", choose(name, names))


def names_of(zones: Zones | None) -> list[str]:
    """What they are called; none without any."""
    return [] if zones is None else zones.names


def compiled(
    zones: Zones | None, own: list[str] | None, start: datetime, draws: Draws
) -> model.Zones | None:
    """The zones of a pool in a world whose horizon begins at ``start``."""
    if zones is None:
        return None
    return model.Zones(
        tuple(own or zones.names),
        None if zones.gap is None else zones.gap.distribution(draws),
        None if zones.duration is None else zones.duration.distribution(draws),
        tuple(_planned(outage, start, draws) for outage in zones.planned or ()),
    )


def _planned(outage: ZoneOutage, start: datetime, draws: Draws) -> tuple[str, float, float]:
    begin_s = known(outage.start.offset(start), draws)
    return outage.zone, begin_s, begin_s + known(outage.duration, draws)
