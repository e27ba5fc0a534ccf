"""The answer of the study, as a table and as a sentence."""

import math
from dataclasses import dataclass
from typing import Any

import pandas as pd

from sim.montecarlo.shares import Interval, Share
from sim.studies.measure import SLO_MET, Measure, rounded
from sim.studies.risk.chance import Chance, plain_worlds


@dataclass(frozen=True, slots=True)
class Level:
    """Worlds that their inputs put about as near to a miss.

    Attributes
    ----------
    share : float
        Of all worlds.
    missed : Share
        Of those that were simulated for the estimate.
    """

    share: float
    missed: Share


@dataclass(frozen=True, slots=True)
class Risk:
    """How likely it is that a world misses a target.

    Attributes
    ----------
    name : str
    seed : int
    target : Measure
    probability : float
        Share of worlds that should keep it.
    found : Chance
        Of a miss.
    levels : tuple of Level
        From the most frequent one to that nearest to a miss; one of all worlds where these were
        drawn as they come.
    pilot : int
        Worlds that told which ones to look at, and are no part of the estimate.
    foretold_by : str
        The figure by which worlds are ranked; empty where they are not.
    explained : float
        Share of its variance that the inputs explain.
    plain : str
        Why worlds were drawn as they come; empty where they were drawn by level.
    simulated : int
        Worlds in all.
    """

    name: str
    seed: int
    target: Measure
    probability: float
    found: Chance
    levels: tuple[Level, ...]
    pilot: int
    foretold_by: str
    explained: float
    plain: str = ""
    simulated: int = 0

    @property
    def kept(self) -> float:
        """Share of worlds that keep the target."""
        return 1.0 - self.found.value

    @property
    def kept_interval(self) -> Interval:
        """Of that share, with 95 %."""
        low, high = self.found.interval
        return 1.0 - high, 1.0 - low

    @property
    def is_kept(self) -> bool | None:
        """Whether enough worlds keep it; None where the interval does not tell."""
        low, high = self.kept_interval
        return True if low >= self.probability else False if high < self.probability else None

    @property
    def plain_worlds(self) -> float:
        """Worlds drawn as they come that would tell as much."""
        low, high = self.found.interval
        return plain_worlds(self.found.value, 0.5 * (high - low))

    @property
    def sentence(self) -> str:
        """The decision in one sentence."""
        asked = f"{100 * self.probability:g} %"
        told = {
            True: f"in more than the {asked} that are asked, surely",
            False: f"in fewer than the {asked} that are asked, surely",
            None: f"which does not tell whether in the {asked} that are asked",
        }[self.is_kept]
        what = "the SLO is met" if self.target.metric == SLO_MET else self.target.words()
        return f"{what[0].upper()}{what[1:]} in {self.kept_words()} of worlds: {told}."

    def kept_words(self) -> str:
        """The share with its interval: ``99.93 % (99.88 … 99.96 %)``."""
        low, high = self.found.interval
        sides = [min(each, 1.0 - each) for each in (self.found.value, low, high)]
        least = min((each for each in sides if each > 0.0), default=1.0)
        digits = min(max(1 - math.floor(math.log10(100.0 * least)), 0), 6)
        value, bottom, top = (
            f"{100.0 * (1.0 - each):.{digits}f}" for each in (self.found.value, high, low)
        )
        return f"{value} % ({bottom} … {top} %)"

    def frames(self) -> dict[str, pd.DataFrame]:
        """``levels``: a row for each."""
        return {"levels": pd.DataFrame(self._rows())}

    def _rows(self) -> list[dict[str, Any]]:
        return [
            {
                "share_of_worlds": each.share,
                "worlds": each.missed.worlds,
                "missed": each.missed.count,
                "missed_share": each.missed.value,
                "missed_share_low": each.missed.interval[0],
                "missed_share_high": each.missed.interval[1],
            }
            for each in self.levels
        ]

    def as_json(self) -> dict[str, Any]:
        """As plain data."""
        plain = self.plain_worlds
        return {
            "study": "risk",
            "sentence": self.sentence,
            "seed": self.seed,
            "metric": self.target.name,
            "probability": self.probability,
            "kept": self.is_kept,
            "chance_kept": self.kept,
            "chance_kept_ci": list(self.kept_interval),
            "chance_missed": self.found.value,
            "chance_missed_ci": list(self.found.interval),
            "chance_missed_without_assumption": self.found.without,
            "chance_missed_of_lower_levels": self.found.below,
            "worlds": self.simulated,
            "pilot_worlds": self.pilot,
            "plain_worlds": plain if math.isfinite(plain) else None,
            "drawn": "as they come" if self.plain else "by level",
            "why_as_they_come": self.plain or None,
            "ranked_by": self.foretold_by or None,
            "explained": None if math.isnan(self.explained) else self.explained,
            "levels": self._rows(),
        }


def many(worlds: float) -> str:
    """A number of worlds in words."""
    return rounded(worlds, 3) if math.isfinite(worlds) else "more than 100 million"
