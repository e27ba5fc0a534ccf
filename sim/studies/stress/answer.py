"""The answer of a stress study."""

import math
from dataclasses import asdict, dataclass
from typing import Any

import pandas as pd

from sim.montecarlo.summary import as_json as estimate_as_json
from sim.studies.stress.breaking import ANYTHING, SERVICE, Breaking
from sim.studies.stress.elasticity import Elasticity
from sim.studies.stress.fleets import AUTOSCALED, FIXED, RESIZED
from sim.studies.stress.growth import Growth
from sim.studies.stress.headline import listed, shown_counts, verdicts
from sim.studies.stress.outcome import Outcome, reason
from sim.studies.stress.spike import Spike
from sim.studies.stress.tables import (
    breaking_json,
    breaking_row,
    elasticity_row,
    outcome_json,
    row,
    sign_rows,
)

VERSION = 1


@dataclass(frozen=True, slots=True)
class Stress:
    """What growth does to a service.

    Attributes
    ----------
    name : str
    worlds, seed : int
    probability : float
        With which a fleet must hold.
    budget_usd : float or None
        A month.
    spike : Spike or None
    steps : tuple of Growth
    outcomes : tuple of Outcome
    breakings : tuple of Breaking
        Of the fixed and the autoscaled fleet, where one breaks on the way.
    elasticities : tuple of Elasticity
    notes : tuple of str
        What was assumed, and what could not be done.
    """

    name: str
    worlds: int
    seed: int
    probability: float
    budget_usd: float | None
    spike: Spike | None
    steps: tuple[Growth, ...]
    outcomes: tuple[Outcome, ...]
    breakings: tuple[Breaking, ...]
    elasticities: tuple[Elasticity, ...]
    notes: tuple[str, ...]

    @property
    def fleets(self) -> tuple[str, ...]:
        """Those that were looked at."""
        return tuple(dict.fromkeys(outcome.fleet for outcome in self.outcomes))

    def of(self, fleet: str) -> list[Outcome]:
        """The outcomes of a fleet, step by step."""
        return [outcome for outcome in self.outcomes if outcome.fleet == fleet]

    def first_break(self, fleet: str) -> Outcome | None:
        """The first step at which anything breaks."""
        return next((outcome for outcome in self.of(fleet) if outcome.breaks), None)

    def breaking(self, fleet: str, kinds: tuple[str, ...] = ANYTHING) -> Breaking | None:
        """Its breaking point between two steps, where it was enclosed."""
        own = (each for each in self.breakings if each.fleet == fleet)
        return next((each for each in own if each.kinds == kinds), None)

    def probes(self, fleet: str) -> list[Outcome]:
        """What was looked at between steps to enclose where it breaks."""
        return [probe for each in self.breakings if each.fleet == fleet for probe in each.probes]

    def elasticity(self, fleet: str) -> Elasticity | None:
        """Over all steps at which the fleet did not break."""
        return next((e for e in self.elasticities if e.overall and e.fleet == fleet), None)

    @property
    def sentence(self) -> str:
        """Which fleets hold the growth that was asked about, and from where on the others break."""
        return f"{self.name}: {verdicts(self)}."

    @property
    def detail(self) -> str:
        """How far each fleet comes, what breaks it, and how cost grows."""
        parts = [self._fate(fleet) for fleet in self.fleets]
        known = [fleet for fleet in (AUTOSCALED, RESIZED, FIXED) if self.elasticity(fleet)]
        best = max(known, key=self._reach, default=None)  # of equals the first
        if best is not None:
            parts.append(self._cost_growth(best))
        text = "; ".join(parts) + "."
        return text[0].upper() + text[1:]

    def _fate(self, fleet: str) -> str:
        """How far a fleet comes, in words."""
        own, broken = self.of(fleet), self.first_break(fleet)
        subject = {FIXED: "as it is", AUTOSCALED: "autoscaled", RESIZED: "sized anew"}[fleet]
        if fleet == RESIZED and not own[0].counts:
            subject = "with higher quotas"
        if fleet == FIXED and own[0].counts:
            subject += f" ({shown_counts(own[0].counts)})"
        breaking = self.breaking(fleet)
        sound = own if broken is None else own[: own.index(broken)]
        unsure = next((outcome for outcome in sound if outcome.word == "cannot tell"), None)
        holding = sound if unsure is None else sound[: sound.index(unsure)]
        enclosed = breaking is not None and breaking.held is not None
        parts = []
        if holding and not enclosed:
            need = holding[-1].counts if fleet == RESIZED else None
            short = holding[-1] is own[-1] and own[-1].growth != self.steps[-1]
            parts.append(
                f"holds {'only ' if short else ''}{_up_to(holding[-1])}"
                + (f", with {shown_counts(need)}" if need else "")
            )
        if unsure is not None and not enclosed:
            parts.append(
                f"cannot be told to hold at {unsure.growth}: it does in"
                f" {unsure.kept.words()}{_more(unsure)}"
            )
        if breaking is not None:
            parts.append(f"{breaking.words}, by {reason(breaking.broken)}")
        elif broken is not None:
            already = "already " if broken.step == 0 else ""
            parts.append(f"breaks {already}at {broken.growth}, by {reason(broken)}")
        if broken is not None:
            parts += self._later(fleet, broken)
        stuck = next((outcome for outcome in own if _stays_down(outcome)), None)
        if stuck is not None:
            parts.append(f"does not recover from a spike at {stuck.growth}")
        return f"{subject}, it " + listed(parts)

    def _later(self, fleet: str, broken: Outcome) -> list[str]:
        """Where the service breaks, if that comes after what broke first."""
        if "service" in broken.breaks and not self.breaking(fleet, SERVICE):
            return []
        served = next((each for each in self.of(fleet) if "service" in each.breaks), None)
        if served is None:
            return []
        enclosed = self.breaking(fleet, SERVICE)
        if enclosed is not None:
            return [f"{enclosed.words}, by {reason(enclosed.broken, SERVICE)}"]
        return [f"stops serving at {served.growth}, by {reason(served, SERVICE)}"]

    def _reach(self, fleet: str) -> int:
        """The furthest step at which a fleet is not known to break."""
        sound = (each.step for each in self.of(fleet) if each.word != "breaks")
        return max(sound, default=-1)

    def _cost_growth(self, fleet: str) -> str:
        found = self.elasticity(fleet)
        assert found is not None
        middle, (low, high) = found.value.middle
        grows = "volume" if len({step.volume for step in self.steps}) > 1 else "growth"
        known = math.isfinite(low) and math.isfinite(high) and low != high
        interval = f"{low:.2f} … {high:.2f}, 95 % interval, " if known else ""
        return (
            f"cost grows as {grows} to the power {middle:.2f}"
            f" ({interval}{fleet}, {found.since} to {found.until})"
        )

    def frames(self) -> dict[str, pd.DataFrame]:
        """Tables by name.

        ``steps``, a row for each fleet and step; ``probes``, the same between steps; ``breaks``, a
        row for each breaking point; ``elasticities``; ``signs`` of what broke.
        """
        return {
            "steps": pd.DataFrame([row(outcome) for outcome in self.outcomes]),
            "probes": pd.DataFrame(
                [row(probe) for each in self.breakings for probe in each.probes]
            ),
            "breaks": pd.DataFrame(
                [breaking_row(each) for each in self.breakings],
                columns=[
                    "fleet",
                    "breaks",
                    "about",
                    "holds_at",
                    "breaks_at",
                    "cannot_tell_at",
                    "reason",
                ],
            ),
            "elasticities": pd.DataFrame([elasticity_row(each) for each in self.elasticities]),
            "signs": pd.DataFrame(
                list(sign_rows(self.outcomes)),
                columns=["fleet", "step", "growth", "cause", "backend", "worlds", "sign", "value"],
            ),
        }

    def as_json(self) -> dict[str, Any]:
        """The same numbers, ready for JSON."""
        return {
            "version": VERSION,
            "study": "stress",
            "scenario": self.name,
            "sentence": self.sentence,
            "detail": self.detail,
            "worlds": self.worlds,
            "seed": self.seed,
            "probability": self.probability,
            "budget_usd": self.budget_usd,
            "spike": None if self.spike is None else asdict(self.spike),
            "steps": [asdict(step) for step in self.steps],
            "first_breaks": {fleet: self._break_json(fleet) for fleet in self.fleets},
            "outcomes": [outcome_json(outcome) for outcome in self.outcomes],
            "elasticities": [
                {
                    "fleet": each.fleet,
                    "since": asdict(each.since),
                    "until": asdict(each.until),
                    "overall": each.overall,
                    "broken": each.broken,
                    **estimate_as_json(each.value),
                }
                for each in self.elasticities
            ],
            "notes": list(self.notes),
        }

    def _break_json(self, fleet: str) -> dict[str, Any] | None:
        broken = self.first_break(fleet)
        if broken is None:
            return None
        found: dict[str, Any] = {
            "step": broken.step,
            "growth": asdict(broken.growth),
            "reason": reason(broken),
        }
        for key, kinds in (("enclosed", ANYTHING), ("service_enclosed", SERVICE)):
            breaking = self.breaking(fleet, kinds)
            if breaking is not None:
                found[key] = breaking_json(breaking)
        return found


def _stays_down(outcome: Outcome) -> bool:
    """Whether most of the worlds that held have not recovered from the spike at the end."""
    after = outcome.recovery
    return after is not None and 2 * after.recovered < after.worlds


def _more(outcome: Outcome) -> str:
    if math.isinf(outcome.more):
        return ""
    return f", and {outcome.more:,.0f} more would decide"


def _up_to(outcome: Outcome) -> str:
    return f"at {outcome.growth}" if outcome.step == 0 else f"up to {outcome.growth}"
