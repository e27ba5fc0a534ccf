"""Whether a fleet holds: judged world by world, decided over worlds where they suffice.

A world holds if it does not fall behind and every workload attains its SLO (where none is stated,
95 % of its requests must be answered). A fleet *holds* if it does so with the asked probability,
*breaks* if not; each is only said where the exact one-sided interval of the binomial share of
worlds (Clopper and Pearson 1934) excludes the other at 95 % confidence. Else it cannot be told, and
the number of worlds that would decide it, if the share stayed as it is, is given.
"""

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from sim.errors import PeakfleetError
from sim.montecarlo.result import RunResult
from sim.montecarlo.shares import share_at_least, share_at_most

BoolArray = npt.NDArray[np.bool_]
Word = Literal["holds", "breaks", "cannot tell"]

ERROR = 0.05  # chance of each verdict to be wrong
EARLY_ERROR = 0.01  # of the look at the first few worlds, beside that at all of them
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
        for workload in result.scenario.typical_design().workloads:
            kept &= sample.attained(workload.name, workload.slo.attainment)
        return kept

    def word(self, held: int, worlds: int) -> Word:
        """The verdict on a fleet that held in so many worlds.

        >>> judge = Judge(0.75)
        >>> judge.word(12, 12), judge.word(9, 12), judge.word(3, 12)
        ('holds', 'cannot tell', 'breaks')
        """
        if share_at_least(held, worlds, ERROR) >= self.probability:
            return "holds"
        if share_at_most(held, worlds, ERROR) < self.probability:
            return "breaks"
        return "cannot tell"

    def hopeless(self, held: int, worlds: int) -> bool:
        """Whether so few hold of the first worlds that it breaks without a look at the others.

        >>> Judge(0.75).hopeless(0, 4), Judge(0.75).hopeless(1, 4), Judge(0.95).hopeless(0, 2)
        (True, False, True)
        """
        return share_at_most(held, worlds, EARLY_ERROR) < self.probability

    def allowed(self, worlds: int) -> int:
        """Worlds that may fail while it can still be said that a fleet holds; 0 if none may."""
        most = 0
        while self.word(worlds - most - 1, worlds) == "holds":
            most += 1
        return most

    @property
    def fewest(self) -> int:
        """Fewest worlds, all of which hold, that can say that a fleet does.

        >>> [Judge(probability).fewest for probability in (0.75, 0.95)]
        [11, 59]
        """
        worlds = max(1, math.floor(math.log(ERROR) / math.log(self.probability)))
        while self.word(worlds, worlds) != "holds":
            worlds += 1
        return worlds

    def out_of_reach(self, worlds: int) -> str:
        """What so few worlds can never say, whatever they show; empty if they are enough.

        >>> Judge(0.75).out_of_reach(11), Judge(0.95).out_of_reach(40)[:30]
        ('', '40 worlds can never say that a')
        """
        if worlds >= self.fewest:
            return ""
        return (
            f"{worlds} worlds can never say that a fleet holds in {100.0 * self.probability:g} % of"
            f" worlds, only that it breaks: that takes {self.fewest} (--worlds {self.fewest}), all"
            " of which hold"
        )

    def more(self, held: int, worlds: int) -> float:
        """Further worlds that would decide, were the share of worlds to stay; infinity if none."""
        share = held / worlds
        n = worlds
        while n <= MOST_WORLDS:
            if self.word(round(share * n), n) != "cannot tell":
                return float(n - worlds)
            n = max(n + 1, math.ceil(1.05 * n))
        return math.inf
