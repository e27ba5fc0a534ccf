"""The answer of the study, as frames and as a sentence."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pandas as pd

from sim.montecarlo.estimates import Estimate
from sim.montecarlo.shares import Share
from sim.montecarlo.summary import as_json as estimate_as_json
from sim.montecarlo.summary import share_as_json
from sim.montecarlo.undrawn import Undrawn, means_rest_on
from sim.studies.compare.paired import Paired
from sim.studies.measure import Measure
from sim.studies.worst import WorstServed


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
    equal : bool
        Whether that is surely too small to be of use.
    """

    measure: Measure
    best: str
    rival: str
    lead: Paired
    equal: bool = False

    @property
    def told(self) -> bool:
        """Whether the best has the lower figure than every other, on average or in every world."""
        return self.lead.sign < 0 or self.lead.throughout < 0

    @property
    def stands(self) -> bool:
        """Whether more worlds are not needed: it is told, or there is no difference of use."""
        return self.told or self.equal or self.lead.alike

    def basis(self) -> str:
        """What that rests on where it is not the mean: how many worlds show it."""
        if self.lead.sign < 0:
            return ""
        differ = " in which they differ" if self.lead.same else ""
        which, interval = self.lead.differing.words().split(" (", 1)
        return f" in {which}{differ} ({interval}"

    def margin(self) -> str:
        """By how much the best leads; empty if that is not known."""
        lead = self.lead
        by, (low, high) = (
            (lead.median, lead.median_ci) if lead.by_median else (lead.mean, lead.mean_ci)
        )
        if not math.isfinite(by):
            return ""
        (text, least, most), unit = self.measure.scaled(-by, -high, -low)
        text = f"by {text} {unit}".rstrip().replace("%", "points")
        if lead.by_median:
            text += " in the median world"
        match math.isfinite(high), math.isfinite(low):
            case True, True:
                return text if least == most else f"{text} ({least} … {most})"
            case True, False:
                return f"{text} (at least {least})"
            case False, True:
                return f"{text} (at most {most})"
            case _:
                return text


@dataclass(frozen=True, slots=True)
class Overview:
    """A design by itself.

    Attributes
    ----------
    label : str
    cost, latency : Estimate
    slo_met : Share or None
        Worlds that meet the SLO; None where there is none.
    overloaded : Share
    worst : WorstServed or None
        Of several workloads.
    """

    label: str
    cost: Estimate
    latency: Estimate
    slo_met: Share | None
    overloaded: Share
    worst: WorstServed | None = None


@dataclass(frozen=True, slots=True)
class Comparison:
    """Designs side by side.

    Attributes
    ----------
    labels : tuple of str
    worlds, seed : int
    confidence : float
        Of each interval of a difference, so that all pairs together have 95 %.
    cost, latency : Award
        Which is the cheapest, which the fastest.
    overviews : tuple of Overview
    figures : pandas.DataFrame
        A row per metric and design, of what the differences are of: ``metric``, ``design``; mean,
        p5, p50 and p95 over worlds, the interval of the median (of a decision, that of the share),
        ``at_least`` where the median is a lower bound.
    differences : pandas.DataFrame
        A row per pair and metric: ``design``, ``against``, ``metric``; mean and median difference
        with intervals; in how many worlds it is lower, higher, the same, unknown; the share in
        which it is lower, with its interval; ``verdict`` and ``worlds_needed``; ``equal`` where the
        difference is surely too small to be of use.
    joint : pandas.DataFrame
        A row per pair: probabilities to be ``cheaper``, ``faster``, ``both``, with
        intervals ``_low`` and ``_high``; ``unknown``, the share of worlds in which one of the
        orders is unknown, which count as no.
    by_world : pandas.DataFrame
        Cost, latency and overload of each design in each world.
    notes : tuple of str
        What keeps the designs from seeing the same worlds, what is paid for backends that serve
        nothing, and what a month rests on.
    horizon_s : float
        What is simulated; NaN where designs differ in it.
    equal_within : float
        Share of a figure below which a difference is of no use; of shares in points.
    held : pandas.DataFrame
        A row per design and pool that has an autoscaler: replicas ``ready`` and ``paid`` on average
        and the ``most`` at once, in the median world.
    undrawn : tuple of Undrawn
        Rare branches of inputs that are in none of the worlds: then means are not told.
    limit_s : float
        The threshold of all designs' SLOs on the latency; NaN where there is none, or they differ.
    asked : tuple of str
        The metrics that were asked for by name.
    looks : tuple of int
        Numbers of worlds at which designs were to be looked at; one where all were simulated.
    """

    labels: tuple[str, ...]
    worlds: int
    seed: int
    confidence: float
    cost: Award
    latency: Award
    overviews: tuple[Overview, ...]
    figures: pd.DataFrame
    differences: pd.DataFrame
    joint: pd.DataFrame
    by_world: pd.DataFrame
    notes: tuple[str, ...]
    horizon_s: float
    equal_within: float
    held: pd.DataFrame
    undrawn: tuple[Undrawn, ...] = ()
    limit_s: float = math.nan
    asked: tuple[str, ...] = ()
    looks: tuple[int, ...] = ()

    @property
    def stands(self) -> bool:
        """Whether it is sure which is the cheapest and the fastest, or that they are equal."""
        return self.cost.stands and self.latency.stands

    @property
    def sentence(self) -> str:
        """Which design to take, or why that cannot be told."""
        service = [*self._service()]
        parts = [*service, *self._verdicts()] if self._is_missed else [*self._verdicts(), *service]
        return "; ".join(parts) + "."

    @property
    def _is_missed(self) -> bool:
        """Whether a design misses the SLO, or falls behind, in any world: that is said first."""
        met = [each.slo_met for each in self.overviews if each.slo_met is not None]
        missed = any(share.count < share.worlds for share in met)
        return missed or any(each.overloaded.count for each in self.overviews)

    def frames(self) -> dict[str, pd.DataFrame]:
        """``figures``, ``differences``, ``joint``, ``by_world``, and ``held`` where fleets move."""
        return {
            "figures": self.figures,
            "differences": self.differences,
            "joint": self.joint,
            "by_world": self.by_world,
            **({} if self.held.empty else {"held": self.held}),
        }

    def as_json(self) -> dict[str, Any]:
        """As plain data."""
        return {
            "study": "compare",
            "sentence": self.sentence,
            "worlds": self.worlds,
            "looks": list(self.looks),
            "seed": self.seed,
            "confidence": self.confidence,
            "equal_within": self.equal_within,
            "designs": [
                {
                    "design": each.label,
                    self.cost.measure.name: estimate_as_json(each.cost),
                    self.latency.measure.name: estimate_as_json(each.latency),
                    **share_as_json("slo_met_share", each.slo_met),
                    **share_as_json("overloaded_share", each.overloaded),
                    "worst_served": each.worst.as_json() if each.worst else None,
                }
                for each in self.overviews
            ],
            "cheapest": self.cost.best if self.cost.told else None,
            "fastest": self.latency.best if self.latency.told else None,
            "cheapest_by": _by(self.cost),
            "fastest_by": _by(self.latency),
            "figures": _records(self.figures),
            "differences": _records(self.differences),
            "joint": _records(self.joint),
            "horizon_s": _plain(self.horizon_s),
            "held": _records(self.held),
            "notes": list(self.notes),
            **means_rest_on(self.worlds, self.undrawn),
        }

    def _verdicts(self) -> Iterator[str]:
        cost, latency = self.cost, self.latency
        if cost.told and latency.told and cost.best == latency.best:
            best = f"'{cost.best}'"
            take = f"take {best}: it is" if self._serves(cost.best) else f"{best} is"
            yield (
                f"{take} the cheapest{cost.basis()}{self._margin(cost)}, and the"
                f" fastest{latency.basis()}{self._margin(latency)}"
            )
            return
        for award, word in ((cost, "cheapest"), (latency, "fastest")):
            if award.told:
                though = "" if self._serves(award.best) else ", though it serves fewer worlds well"
                yield f"'{award.best}' is the {word}{award.basis()}{self._margin(award)}{though}"
            elif award.equal:
                yield (
                    f"'{award.best}' and '{award.rival}' are practically equal in"
                    f" {award.measure.words()} ({self._within(award)})"
                )
            else:
                yield _untold(award, word, self.worlds)

    def _margin(self, award: Award) -> str:
        ahead = f" ahead of '{award.rival}'" if len(self.labels) > 2 else ""
        margin = award.margin()
        said = f", {margin} of {award.measure.words()}{ahead}" if margin else ahead
        return f"{said}, practically equal ({self._within(award)})" if award.equal else said

    def _within(self, award: Award) -> str:
        unit = "points" if award.measure.kind == "share" else "%"
        return f"within {100 * self.equal_within:g} {unit}"

    def _serves(self, label: str) -> bool:
        """Whether no other design meets the SLO, or keeps up, in more worlds."""
        mine = next(each for each in self.overviews if each.label == label)
        return all(
            _count(each.slo_met) <= _count(mine.slo_met)
            and each.overloaded.count >= mine.overloaded.count
            for each in self.overviews
        )

    def _service(self) -> Iterator[str]:
        """The SLO and fleets that fall behind, where there is something to be said."""
        kept = [(each.label, each.slo_met) for each in self.overviews if each.slo_met]
        if len({share.count for _, share in kept}) == 1:
            yield f"each meets the SLO in {kept[0][1].words()}"
        elif kept:
            said = (f"{share.words()} with '{label}'" for label, share in kept)
            yield f"the SLO is met in {', '.join(said)}"
        for each in self.overviews:
            if each.overloaded.count:
                yield f"'{each.label}' falls behind in {each.overloaded.words()}"
        missed = [each for each in self.overviews if each.worst and each.worst.missed.count]
        if missed:
            said = (f"{each.worst.words} with '{each.label}'" for each in missed if each.worst)
            yield f"worst served is {', '.join(said)}"


def _count(share: Share | None) -> int:
    return share.count if share else 0


def _by(award: Award) -> str | None:
    """What a verdict is about: the mean, or every one of the worlds."""
    return None if not award.told else "mean" if award.lead.sign < 0 else "every world"


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
    lead, comparative = award.lead, word.removesuffix("st") + "r"
    most = ""
    if lead.most:
        lower = award.best if lead.most < 0 else award.rival
        share = lead.differing
        share = share if lead.most < 0 else Share(lead.higher, share.worlds)
        most = f"; '{lower}' is the {comparative} one in {share.words()}"
    average = "" if lead.bounded else " on average"
    return (
        f"cannot tell at {worlds:,} worlds whether '{award.best}' or '{award.rival}' is the {word}"
        f" in {about}{average}{most}; {more}"
    )


def _records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    return [
        {str(key): _plain(value) for key, value in row.items()} for row in frame.to_dict("records")
    ]


def _plain(value: Any) -> Any:
    return None if isinstance(value, float) and not math.isfinite(value) else value
