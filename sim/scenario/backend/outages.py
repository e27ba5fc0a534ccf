"""Incidents of a provider: the keys, and the outages that they make."""

import math
from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Any, ClassVar, Final

from sim.catalog import api_outages
from sim.model import managed as model
from sim.model.distributions import LogNormal
from sim.scenario.backend.failures import SPELL
from sim.scenario.values.fields import Reads, Start, named, number, start_of_event
from sim.scenario.values.numbers import Number, Quantity, Spread, known
from sim.scenario.values.part import Abbreviated, Model
from sim.scenario.values.problems import Findings, Path
from sim.scenario.values.varied import LONGEST_S, Varied, varied

Draws = Mapping[str, float]

SHARES: Final = {"full_share": 0.1, "partial_errors": 0.3, "partial_slowness": 1.0}


def preset_of_outages() -> Reads:
    """Name of outages of the catalogue."""
    return named("a preset of outages", api_outages)


class PlannedOutage(Model):
    """A time in which every attempt fails."""

    start: Annotated[Start, start_of_event(Quantity("duration", least=-LONGEST_S))]
    """When: time from the start of the horizon, or a date and time."""
    duration: Annotated[Number, number("duration", above=0, most=LONGEST_S)]
    """How long."""


class Outages(Abbreviated):
    """Incidents, one after the other, by chance or planned."""

    main: ClassVar[tuple[str, Reads]] = ("preset", preset_of_outages())

    preset: Annotated[str, preset_of_outages()] | None = None
    """Whose incidents, as its status page tells, where no other key says otherwise."""
    gap: Annotated[Varied, varied(SPELL)] | None = None
    """Time from the end of an incident to the next."""
    duration: Annotated[Varied, varied(SPELL)] | None = None
    """How long an incident lasts; a distribution says how they differ."""
    full_share: Annotated[Number, number("share", least=0, most=1)] | None = None
    """Share of the incidents in which every attempt fails; default 10%, or of the preset."""
    partial_errors: Annotated[Number, number("share", least=0, most=1)] | None = None
    """Share of the attempts that fail in the others; default 30%, or of the preset."""
    partial_slowness: Annotated[Number, number("factor", least=1, most=1000)] | None = None
    """Factor on the times of attempts that do not fail in the others; default 1."""
    planned: list[PlannedOutage] | None = None
    """Further incidents at given times, in which every attempt fails."""


def resolved(outages: Outages | None, path: Path, findings: Findings) -> Outages | None:
    """The outages with their preset written out; notes what has no meaning."""
    if outages is None:
        return None
    path = (*path, "outages")
    filled = {key: value for key, value in outages if value is not None and key != "preset"}
    if outages.preset is not None:
        filled = {**_of_preset(outages.preset), **filled}
    by_chance = {"gap", "duration"} & filled.keys()
    if len(by_chance) == 1:
        other = "gap" if "duration" in by_chance else "duration"
        findings.add(path, f"has no {other} beside it", f"add {other}")
    elif not by_chance:
        for key in SHARES:
            if key in filled:
                findings.add((*path, key), "has no meaning without incidents", "add a preset")
        if not outages.planned:
            remedy = f"add planned, or one of {', '.join(api_outages())}"
            findings.add(path, "has neither incidents nor planned ones", remedy)
    else:
        filled = {**SHARES, **filled}
    return Outages.model_construct(**filled)


def _of_preset(name: str) -> dict[str, Number | Varied]:
    listed = api_outages()[name]
    median_s = 3600 * math.exp(listed.duration_mu)
    gap_median_s = listed.mean_gap_s / math.exp(listed.gap_sigma**2 / 2)
    return {
        "gap": _lognormal(gap_median_s, listed.gap_sigma),
        "duration": _lognormal(median_s, listed.duration_sigma),
        "full_share": listed.full_share,
        "partial_errors": listed.partial_errors,
        "partial_slowness": listed.partial_slowness,
    }


def _lognormal(median_s: float, sigma: float) -> Varied:
    median_s = float(f"{median_s:.6g}")
    law = LogNormal(math.log(median_s), sigma)
    return Varied(Spread("lognormal", {"p50": median_s, "sigma": sigma}, fixed=law), SPELL)


def compiled(outages: Outages | None, start: datetime, draws: Draws) -> model.Outages | None:
    """The outages in a world whose horizon begins at ``start``."""
    if outages is None:
        return None
    gap, duration = outages.gap, outages.duration
    shares: dict[str, Any] = {
        key: known(share, draws) for key in SHARES if (share := getattr(outages, key)) is not None
    }
    return model.Outages(
        None if gap is None else gap.distribution(draws),
        None if duration is None else duration.distribution(draws),
        planned=tuple(_planned(one, start, draws) for one in outages.planned or ()),
        **shares,
    )


def _planned(outage: PlannedOutage, start: datetime, draws: Draws) -> tuple[float, float]:
    begin_s = known(outage.start.offset(start), draws)
    return begin_s, begin_s + known(outage.duration, draws)
