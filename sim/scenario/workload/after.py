"""Workloads whose requests come after those of another: the keys, their rules, and the chains.

A document is looked at as plain data first, as all rules that tie keys together do.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from sim.model.arrivals import RateCurve
from sim.model.chain import Chain, Follower
from sim.model.generated import GeneratedSource
from sim.model.workload import Workload
from sim.scenario.values.numbers import known
from sim.scenario.values.problems import Findings, Path, choose
from sim.scenario.values.units import shown
from sim.scenario.values.varied import Varied
from sim.scenario.workload.follow_ups import GIVEN, whole

Draws = Mapping[str, float]
Plain = Mapping[str, Any]

OF_AFTER: Final = ("delay", "share", "parallel")
# What the first of a chain cannot have: who comes after would not know when, or how many.
NOT_FIRST: Final = {
    "trace": "a trace",
    "think_time": "users who wait for each answer (think_time)",
    "usd_per_month": "a bill (usd_per_month)",
}
OF_FIRST: Final = ("value_per_task", "value_per_outcome", "value_per_user_month", "active_users")


def check(
    path: Path, workload: Plain, workloads: Plain, rates: Sequence[str], findings: Findings
) -> None:
    """Note what is wrong about coming after another workload.

    Parameters
    ----------
    path : tuple
        Of the workload.
    workload, workloads : mapping
        Its data, and those of all by name.
    rates : sequence of str
        Keys of arrivals that say how many there are, of which it is said elsewhere that one is
        enough.
    findings : Findings
    """
    arrivals = workload.get("arrivals")
    if not isinstance(arrivals, dict):
        return
    at = (*path, "arrivals")
    if "after" not in arrivals:
        for key in OF_AFTER:
            if key in arrivals:
                remedy = "add after, the name of the workload that these requests come after"
                findings.add((*at, key), "has no after beside it", remedy)
        return
    before = arrivals["after"]
    others = [name for name in workloads if name != path[-1]]
    if not isinstance(before, str):
        return  # of which it is said elsewhere that it must be a text
    if before not in workloads:
        findings.add(
            (*at, "after"), f"{shown(before)} is not the name of a workload", choose(before, others)
        )
        return
    _check_beside(path, workload, arrivals, rates, findings)
    first = _first(str(path[-1]), workloads)
    if first is None:
        circle = f"{shown(before)} leads back to '{path[-1]}'"
        findings.add((*at, "after"), circle, "give one of them a rate")
    elif _before(workloads.get(str(path[-1]))) == first:
        _check_first(first, workloads[first], str(path[-1]), findings)


def _check_beside(
    path: Path, workload: Plain, arrivals: Plain, rates: Sequence[str], findings: Findings
) -> None:
    """Note keys that have no meaning beside ``after``."""
    for key in arrivals.keys() - {*OF_AFTER, *rates}:
        message = "has no meaning beside after: these requests come when others are answered"
        findings.add((*path, "arrivals", key), message, "remove it")
    if "follow_ups" in workload:
        message = "cannot be beside after, whose requests are part of a task already"
        remedy = "name a workload that comes after this one in place of it"
        findings.add((*path, "follow_ups"), message, remedy)
    client = workload.get("client")
    if isinstance(client, dict) and "patience" in client:
        remedy = "give it to the first of the chain, whose users wait for all of it"
        findings.add((*path, "client", "patience"), "has no meaning beside after", remedy)
    for key in OF_FIRST:
        if key in workload:
            message = "has no meaning beside after, as tasks and users are those of the first"
            findings.add((*path, key), message, "give it to the first of the chain")


def _check_first(name: str, workload: Any, later: str, findings: Findings) -> None:
    """Note what the workload that another comes after cannot have."""
    if not isinstance(workload, dict):
        return
    path: Path = ("workloads", name)
    arrivals = workload.get("arrivals")
    given = arrivals if isinstance(arrivals, dict) else {}
    for key, what in NOT_FIRST.items():
        if key in given:
            message = f"{what} cannot be what '{later}' comes after"
            remedy = "give a rate, such as requests_per_day: 100k"
            findings.add((*path, "arrivals", key), message, remedy)
    if "follow_ups" in workload:
        message = f"cannot be in a workload that another ('{later}') comes after"
        findings.add((*path, "follow_ups"), message, "remove one or the other")


def _before(workload: Any) -> str | None:
    """The workload that one comes after, of plain data."""
    arrivals = workload.get("arrivals") if isinstance(workload, dict) else None
    before = arrivals.get("after") if isinstance(arrivals, dict) else None
    return before if isinstance(before, str) else None


def _first(name: str, workloads: Plain) -> str | None:
    """The first of the chain of a workload, or the last that is known; None in a circle."""
    seen = [name]
    while (before := _before(workloads.get(seen[-1]))) is not None:
        if before in seen:
            return None
        seen.append(before)
    return seen[-1]


def defaults(arrivals: Any) -> dict[str, Any]:
    """Of the keys beside ``after``."""
    usual = {"delay": Varied(0.0), "share": 1.0, "parallel": Varied(1.0, GIVEN)}
    return {key: value for key, value in usual.items() if getattr(arrivals, key) is None}


def firsts(workloads: Mapping[str, Any]) -> dict[str, str]:
    """The first of the chain of each workload that comes after another."""
    found = {}
    for name in workloads:
        *between, first = _way(name, workloads)
        if between:
            found[name] = first
    return found


def _way(name: str, workloads: Mapping[str, Any]) -> Iterator[str]:
    """A workload, that which it comes after, and so on to the first."""
    at: str | None = name
    while at is not None:
        yield at
        at = workloads[at].arrivals.after


def chained(
    workloads: tuple[Workload, ...], written: Mapping[str, Any], draws: Draws
) -> tuple[Workload, ...]:
    """Workloads of a world, those that come after others brought along by the first of them.

    Until then each has the rate of the first.
    """
    by_name = {each.name: each for each in workloads}
    first = firsts(written)
    ways = {name: list(_way(name, written)) for name in first}
    chains: dict[str, list[Follower]] = {}
    for name in sorted(ways, key=lambda name: len(ways[name])):
        one = _follower(by_name[name], written[name].arrivals, len(ways[name]) - 1, draws)
        chains.setdefault(first[name], []).append(one)
        many = max(one.calls.mean(), 1.0)
        for step in ways[name][:-1]:  # which comes once, however many are side by side before it
            many *= known(written[step].arrivals.share, draws)
        by_name[name] = _brought(by_name[name], many)
    for name, followers in chains.items():
        source = by_name[name].source
        assert isinstance(source, GeneratedSource)
        by_name[name] = replace(
            by_name[name],
            source=replace(source, chain=Chain(tuple(followers))),
            carry=0.0,
            leads_to=tuple(one.name for one in followers),
        )
    return tuple(by_name.values())


def _follower(workload: Workload, arrivals: Any, stage: int, draws: Draws) -> Follower:
    source = workload.source
    assert isinstance(source, GeneratedSource)
    return Follower(
        workload.name,
        arrivals.after,
        stage,
        source.prompt,
        source.output,
        arrivals.delay.distribution(draws),
        known(arrivals.share, draws),
        whole(arrivals.parallel.distribution(draws)),
        source.rank_correlation,
        source.prompt_growth_per_year,
    )


def _brought(workload: Workload, many: float) -> Workload:
    """A workload that another brings along, so many for each of its requests."""
    source = workload.source
    assert isinstance(source, GeneratedSource)
    curve = RateCurve(source.curve.edges_s, source.curve.rate_per_s * many)
    return replace(workload, carry=0.0, source=replace(source, curve=curve, is_brought=True))
