"""Whether a fleet holds: judged world by world, decided over worlds where they suffice.

A world holds if it does not overload and every workload attains its SLO (where none is stated, 95 %
of its requests must be answered). A fleet *holds* if it does so with the asked probability,
*breaks* if not; each is only said where the exact one-sided interval of the binomial share of
worlds (Clopper and Pearson 1934) excludes the other at 95 % confidence. Else it cannot be told, and
the number of worlds that would decide it, if the share stayed as it is, is given.
"""

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import numpy as np
import numpy.typing as npt
from scipy.special import betaincinv

from sim.errors import PeakfleetError
from sim.montecarlo.run import RunResult

BoolArray = npt.NDArray[np.bool_]
Word = Literal["holds", "breaks", "cannot tell"]

CONFIDENCE = 0.95
MOST_WORLDS = 100_000


@dataclass(frozen=True, slots=True)
class Judge:
    """Decides whether fleets hold with a probability.

    Attributes
    ----------
    probability : float
        Share of worlds in which a fleet must hold, within (0, 1).
    """

    probability: float

    def __post_init__(self) -> None:
        if not 0.0 < self.probability < 1.0:
            raise PeakfleetError(f"probability ({self.probability:g}) must lie between 0 and 1")

    def held(self, result: RunResult) -> BoolArray:
        """Whether each world of a run holds: (worlds,) bool."""
        sample = result.sample
        kept = ~sample.overloaded()
        design = result.scenario.design(
            {each.path: each.distribution.mean() for each in result.scenario.inputs}
        )
        for workload in design.workloads:
            attained = sample.values(f"workloads.{workload.name}.slo_attainment")
            kept &= np.isnan(attained) | (attained >= workload.slo.attainment)
        return kept

    def word(self, held: int, worlds: int) -> Word:
        """The verdict on a fleet that held in so many worlds.

        >>> judge = Judge(0.75)
        >>> judge.word(12, 12), judge.word(9, 12), judge.word(3, 12)
        ('holds', 'cannot tell', 'breaks')
        """
        if share_at_least(held, worlds) >= self.probability:
            return "holds"
        if 1.0 - share_at_least(worlds - held, worlds) < self.probability:
            return "breaks"
        return "cannot tell"

    def allowed(self, worlds: int) -> int:
        """Worlds that may fail while it can still be said that a fleet holds; 0 if none may."""
        most = 0
        while self.word(worlds - most - 1, worlds) == "holds":
            most += 1
        return most

    def more(self, held: int, worlds: int) -> float:
        """Further worlds that would decide, were the share of worlds to stay; infinity if none."""
        share = held / worlds
        n = worlds
        while n <= MOST_WORLDS:
            if self.word(round(share * n), n) != "cannot tell":
                return float(n - worlds)
            n = max(n + 1, math.ceil(1.05 * n))
        return math.inf


@lru_cache(maxsize=4096)
def share_at_least(held: int, worlds: int) -> float:
    """Lower limit of the share of worlds that hold, at 95 % confidence.

    >>> round(share_at_least(12, 12), 4)
    0.7791
    """
    if held == 0:
        return 0.0
    return float(betaincinv(held, worlds - held + 1, 1.0 - CONFIDENCE))
