"""The answer of the study, as frames and as a sentence."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pandas as pd

from sim.montecarlo.estimates import Estimate
from sim.montecarlo.summary import as_json as estimate_as_json
from sim.studies.compare.paired import Paired
from sim.studies.measure import Measure


@dataclass(frozen=True, slots=True)
class Award:
    """The design with the lowest figure.

    Attributes
    ----------
    measure : Measure
    best : str
    rival : str
        The design that comes nearest of those that it does not surely beat; if there is none, of
        all.
    lead : Paired
        The best less the rival.
    """

    measure: Measure
    best: str
    rival: str
    lead: Paired

    @property
    def told(self) -> bool:
        """Whether the best surely has a lower figure than every other."""
        return self.lead.sign < 0

    def margin(self) -> str:
        """By how much the best leads."""
        lead = self.lead
        by, interval = (lead.median, lead.median_ci) if lead.bounded else (lead.mean, lead.mean_ci)
        if not all(map(math.isfinite, (by, *interval))):
            return f"in {percent(lead.lower / lead.decided)} of worlds"
        (text, low, high), unit = self.measure.scaled(-by, -interval[1], -interval[0])
        text = f"by {text} {unit}".rstrip().replace("%", "points")
        if lead.bounded:
            text += " in the median world"
        return text if low == high else f"{text} ({low} … {high})"


@dataclass(frozen=True, slots=True)
class Overview:
    """A design by itself.

    Attributes
    ----------
    label : str
    cost, latency : Estimate
    slo_met, overloaded : float
        Shares of worlds; NaN where there is no SLO.
    """

    label: str
    cost: Estimate
    latency: Estimate
    slo_met: float
    overloaded: float


@dataclass(frozen=True, slots=True)
class Comparison:
    """Designs side by side.

    Attributes
    ----------
    labels : tuple of str
        The first is the one that the others are set against.
    worlds, seed : int
    confidence : float
        Of each interval of a difference, so that all designs together have 95 %.
    cost, latency : Award
        Which is the cheapest, which the fastest.
    overviews : tuple of Overview
    differences : pandas.DataFrame
        A row per design but the first and metric: ``design``, ``against``, ``metric``; mean and
        median difference with intervals; in how many worlds it is lower, higher, the same, unknown;
        the share in which it is lower, with its interval; ``verdict`` and ``worlds_needed``.
    joint : pandas.DataFrame
        A row per design but the first: probabilities to be ``cheaper``, ``faster``, ``both``, with
        intervals ``_low`` and ``_high``; ``unknown``, the share of worlds in which one of the
        orders is unknown, which count as no.
    by_world : pandas.DataFrame
        Cost, latency and overload of each design in each world.
    notes : tuple of str
        What keeps the designs from seeing the same worlds, and what a month rests on.
    """

    labels: tuple[str, ...]
    worlds: int
    seed: int
    confidence: float
    cost: Award
    latency: Award
    overviews: tuple[Overview, ...]
    differences: pd.DataFrame
    joint: pd.DataFrame
    by_world: pd.DataFrame
    notes: tuple[str, ...]

    @property
    def sentence(self) -> str:
        """Which design to take, or why that cannot be told."""
        return "; ".join([*self._verdicts(), *self._service()]) + "."

    def frames(self) -> dict[str, pd.DataFrame]:
        """``differences``, ``joint`` and ``by_world``."""
        return {
            "differences": self.differences,
            "joint": self.joint,
            "by_world": self.by_world,
        }

    def as_json(self) -> dict[str, Any]:
        """As plain data."""
        return {
            "study": "compare",
            "sentence": self.sentence,
            "worlds": self.worlds,
            "seed": self.seed,
            "confidence": self.confidence,
            "designs": [
                {
                    "design": each.label,
                    self.cost.measure.name: estimate_as_json(each.cost),
                    self.latency.measure.name: estimate_as_json(each.latency),
                    "slo_met_share": _plain(each.slo_met),
                    "overloaded_share": each.overloaded,
                }
                for each in self.overviews
            ],
            "cheapest": self.cost.best if self.cost.told else None,
            "fastest": self.latency.best if self.latency.told else None,
            "differences": _records(self.differences),
            "joint": _records(self.joint),
            "notes": list(self.notes),
        }

    def _verdicts(self) -> Iterator[str]:
        cost, latency = self.cost, self.latency
        if cost.told and latency.told and cost.best == latency.best:
            best = f"'{cost.best}'"
            take = f"take {best}: it is" if self._serves(cost.best) else f"{best} is"
            yield (
                f"{take} the cheapest, {self._margin(cost)}, and the fastest,"
                f" {self._margin(latency)}"
            )
            return
        for award, word in ((cost, "cheapest"), (latency, "fastest")):
            if award.told:
                yield f"'{award.best}' is the {word}, {self._margin(award)}"
            else:
                yield _untold(award, word, self.worlds)

    def _margin(self, award: Award) -> str:
        ahead = f" ahead of '{award.rival}'" if len(self.labels) > 2 else ""
        return f"{award.margin()} of {award.measure.words()}{ahead}"

    def _serves(self, label: str) -> bool:
        """Whether no other design meets the SLO, or keeps up, in more worlds."""
        mine = next(each for each in self.overviews if each.label == label)
        return all(
            not each.slo_met > mine.slo_met and each.overloaded >= mine.overloaded
            for each in self.overviews
        )

    def _service(self) -> Iterator[str]:
        """The SLO and fleets that fall behind, where there is something to be said."""
        shares = [each.slo_met for each in self.overviews]
        if not math.isnan(shares[0]):
            if len(set(shares)) == 1:
                yield f"each meets the SLO in {percent(shares[0])} of worlds"
            else:
                kept = (
                    f"{percent(each.slo_met)} of worlds with '{each.label}'"
                    for each in self.overviews
                )
                yield f"the SLO is met in {', '.join(kept)}"
        for each in self.overviews:
            if each.overloaded > 0.0:
                yield f"'{each.label}' falls behind in {percent(each.overloaded)} of worlds"


def percent(share: float) -> str:
    """A share of worlds: never rounded to none or all where it is neither.

    >>> percent(0.934), percent(0.996), percent(0.0), percent(1.0)
    ('93 %', '99.6 %', '0 %', '100 %')
    """
    if math.isnan(share):
        return "–"
    digits = 0 if share in (0.0, 1.0) or 0.01 <= share < 0.99 else 1
    return f"{100 * share:.{digits}f} %"


def _untold(award: Award, word: str, worlds: int) -> str:
    """Why there is no cheapest or fastest design."""
    about = award.measure.words()
    if award.lead.alike:
        return f"'{award.best}' and '{award.rival}' are the same in {about} in every world"
    if not award.lead.decided and not award.lead.n:
        return f"{about} cannot be compared: in every world a design has none"
    more = (
        f"about {award.lead.worlds_needed:,.0f} would do"
        if math.isfinite(award.lead.worlds_needed)
        else "nor would 100,000 be enough: in practice they are alike"
    )
    return (
        f"cannot tell at {worlds:,} worlds whether '{award.best}' or '{award.rival}' is the {word}"
        f" in {about}; {more}"
    )


def _records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    return [
        {str(key): _plain(value) for key, value in row.items()} for row in frame.to_dict("records")
    ]


def _plain(value: Any) -> Any:
    return None if isinstance(value, float) and not math.isfinite(value) else value
