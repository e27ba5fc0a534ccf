"""The answer of the study."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from sim.montecarlo.shares import Share, percent
from sim.montecarlo.summary import share_as_json
from sim.montecarlo.undrawn import Undrawn, means_rest_on
from sim.studies.held import of_unused
from sim.studies.size.options import Difference, Option
from sim.studies.size.oracle import Oracle
from sim.studies.size.question import Question
from sim.studies.size.regret import Regret
from sim.studies.size.wording import below, no_fleet
from sim.studies.worst import WorstServed


@dataclass(frozen=True, slots=True)
class Beside:
    """What is told beside the chosen fleet.

    Attributes
    ----------
    differences : tuple of Difference
        What the other fleets that keep the SLO cost more.
    oracle : Oracle or None
    worth_of_a_miss_usd : float
        What a request outside of the SLO must cost for the last replica to pay; NaN of one replica.
    regret : Regret or None
        Where misses have a price.
    """

    differences: tuple[Difference, ...] = ()
    oracle: Oracle | None = None
    worth_of_a_miss_usd: float = math.nan
    regret: Regret | None = None


@dataclass(frozen=True, slots=True)
class Size:
    """The cheapest fleet whose SLO holds with the asked probability.

    Attributes
    ----------
    name, pool : str
        Scenario and backend.
    question : Question
    asked : str
        The SLO in words.
    error : float
        Chance that the answer is wrong.
    worlds : int
        Most worlds of a fleet.
    seed : int
    horizon_s : float
    month : str
        What a month rests on; empty where it need not be said.
    options : list of Option
        Every kind of fleet.
    chosen : Option or None
        None where no fleet is decided to keep the SLO.
    lone : str
        Where no fleet is decided to keep the SLO, what a lone request takes, if that leaves little
        or nothing.
    services : pandas.DataFrame
        A row per service: what its fleet is, costs and rests on, or why there is none.
    candidates : pandas.DataFrame
        Every fleet that was considered, with the reason that it was dropped for.
    latency_metric : str
        The p95 of the frontier, whose threshold is ``latency_limit_s``.
    shown_worlds : int
        Of the chosen fleet; where there is none, of the largest simulated.
    undrawn : tuple of Undrawn
        Rare branches of inputs that are in none of them.
    worst : WorstServed or None
        Of several workloads, in the same fleet.
    beside : Beside
    unused : dict of str to float
        Backends beside the pool that nothing is sent to, and what they cost in a month.
    simulated_worlds : int
    simulated_requests : float
    """

    name: str
    pool: str
    question: Question
    asked: str
    error: float
    worlds: int
    seed: int
    horizon_s: float
    month: str
    options: list[Option]
    chosen: Option | None
    lone: str
    services: pd.DataFrame
    candidates: pd.DataFrame
    latency_metric: str
    latency_limit_s: float
    shown_worlds: int
    undrawn: tuple[Undrawn, ...]
    worst: WorstServed | None
    beside: Beside
    unused: dict[str, float]
    simulated_worlds: int
    simulated_requests: float

    @property
    def replicas(self) -> int | None:
        """Replicas of the chosen fleet, of an autoscaled one the most."""
        if self.chosen is None or self.chosen.count is None:
            return None
        return self.chosen.kind.limits(self.chosen.count)[1]

    @property
    def estimate(self) -> int | None:
        """The same as far as is known, decided or not, of the first kind that has one."""
        first = self.chosen or next((o for o in self.options if o.found is not None), None)
        found = None if first is None else first.found
        return None if found is None else found.estimate

    @property
    def decided(self) -> bool:
        """Whether the worlds tell the answer: the fleet, or that there is none."""
        searched = [o.found for o in ([self.chosen] if self.chosen else self.options) if o.found]
        told = all(difference.told for difference in self.beside.differences)
        return told and not any(found.open for found in searched)

    @property
    def worlds_needed(self) -> float:
        """Worlds of a fleet that would tell what these do not; 0 if nothing is open."""
        return max((o.found.needed for o in self.options if o.found is not None), default=0.0)

    @property
    def file(self) -> Path | None:
        """The scenario's, of the chosen fleet; None, too, where it lies in none."""
        path = None if self.chosen is None else self.chosen.kind.case.path
        return path if isinstance(path, Path) else None

    @property
    def overrides(self) -> tuple[str, ...]:
        """What makes the scenario that of the chosen fleet, each for a ``--set``."""
        if self.chosen is None or self.chosen.count is None:
            return ()
        return (*self.chosen.kind.case.overrides, *self.chosen.kind.overrides(self.chosen.count))

    @property
    def sentence(self) -> str:
        """The decision."""
        return f"{self.name}: {self._decision()}."

    def _decision(self) -> str:
        asked = percent(self.question.probability)
        worst = [f"worst served is {self.worst.words}"] if self.worst else []
        if self.chosen is None:
            return "; ".join([no_fleet(self.options, f"{asked} of worlds", self.lone), *worst])
        chosen, found = self.chosen, self.chosen.found
        assert found is not None and chosen.count is not None
        tally = found.tallies[chosen.count]
        several = len({option.kind.service for option in self.options}) > 1
        service = f" of {chosen.kind.service}" if several else ""
        one = "s" if chosen.words == "1 replica" else ""
        text = (
            f"{chosen.words}{service} keep{one} the SLO in"
            f" {tally.keeping.words()}, {asked} asked,"
            f" for {chosen.cost_usd_per_month:,.0f} USD a month"
        )
        paid = f", of which {of_unused(self.unused)}" if self.unused else ""
        return "; ".join([text + paid, *worst, *below(found), *self._against_others()])

    def _against_others(self) -> Iterator[str]:
        unclear = [d.other.words for d in self.beside.differences if not d.told]
        if unclear:
            yield f"whether {' or '.join(unclear)} would be cheaper, these worlds cannot tell"

    def frames(self) -> dict[str, pd.DataFrame]:
        """Tables by name."""
        frames = {"candidates": self.candidates, "services": self.services}
        if self.beside.oracle is not None:
            frames["oracle"] = self.beside.oracle.hours
        if self.beside.regret is not None:
            frames["regret"] = self.beside.regret.fleets
        return frames

    def as_json(self) -> dict[str, Any]:
        """The same numbers, ready for JSON."""
        return {
            "version": 1,
            "study": "size",
            "scenario": self.name,
            "backend": self.pool,
            "sentence": self.sentence,
            "asked": self.asked,
            "probability": self.question.probability,
            "error": self.error,
            "seed": self.seed,
            "worlds": self.worlds,
            "decided": self.decided,
            "worlds_needed": _plain(self.worlds_needed),
            "replicas": self.replicas,
            "estimate": self.estimate,
            "overrides": list(self.overrides),
            "chosen": self._chosen_as_json(),
            "worst_served": self.worst.as_json() if self.worst else None,
            "oracle": self._oracle_as_json(),
            "worth_of_a_miss_usd": _plain(self.beside.worth_of_a_miss_usd),
            "regret": self._regret_as_json(),
            "served_nothing": self.unused,
            "differences": [
                {
                    "service": d.other.kind.service,
                    "fleet": d.other.words,
                    "usd_per_month": d.usd_per_month,
                    "interval": [_plain(end) for end in d.interval],
                    "told": d.told,
                }
                for d in self.beside.differences
            ],
            "services": _rows(self.services),
            "candidates": _rows(self.candidates),
            **means_rest_on(self.shown_worlds, self.undrawn),
            "simulated_worlds": self.simulated_worlds,
            "simulated_requests": self.simulated_requests,
        }

    def _chosen_as_json(self) -> dict[str, Any] | None:
        chosen = self.chosen
        if chosen is None or chosen.count is None or chosen.found is None:
            return None
        tally = chosen.found.tallies[chosen.count]
        least, most = chosen.kind.limits(chosen.count)
        return {
            "service": chosen.kind.service,
            "autoscaled": chosen.kind.autoscaled,
            "replicas_min": least,
            "replicas_max": most,
            **share_as_json("kept_share", tally.keeping),
            "kept_share_low": tally.interval[0],
            "worlds": tally.worlds,
            **share_as_json(
                "overloaded_share", Share(round(tally.overloaded * tally.worlds), tally.worlds)
            ),
            "cost_usd_per_month": chosen.cost_usd_per_month,
            "reversals": chosen.found.reversals,
        }

    def _oracle_as_json(self) -> dict[str, Any] | None:
        oracle = self.beside.oracle
        if oracle is None:
            return None
        return {
            "fixed": oracle.fixed,
            "replicas_mean": oracle.replicas_mean,
            "cost_usd_per_month": oracle.cost_usd_per_month,
            "fixed_usd_per_month": oracle.fixed_usd_per_month,
            "margin_usd_per_month": oracle.margin_usd_per_month,
            "worlds": oracle.worlds,
            "counts": list(oracle.counts),
            "hours": _rows(oracle.hours),
        }

    def _regret_as_json(self) -> dict[str, Any] | None:
        regret = self.beside.regret
        if regret is None:
            return None
        return {
            "miss_usd": regret.miss_usd,
            "replicas": regret.count,
            "worlds": regret.worlds,
            "fleets": _rows(regret.fleets),
        }


def _plain(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _rows(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """The rows of a table; what is not there is left out."""
    return [
        {str(name): value for name, value in row.items() if _is_there(value)}
        for row in frame.to_dict(orient="records")
    ]


def _is_there(value: Any) -> bool:
    return not isinstance(value, float) or math.isfinite(value)
