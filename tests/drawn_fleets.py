"""Searches for a fleet in which the least fleet of each world is drawn, and nothing is simulated.

The true least count, that of a share of all worlds, is known then.
"""

from types import SimpleNamespace
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.special import ndtri

from sim.studies.size.board import Board
from sim.studies.size.evidence import Rule, Verdict
from sim.studies.size.search import Found, find

UTILISED = 0.85  # of the least fleet at the busiest time
MEAN = 0.4  # of the work at the busiest time, over a day


class DrawnBoard(Board):
    """A board whose worlds keep the SLO from a drawn count on.

    Parameters
    ----------
    needs : (worlds,) float64
        The least fleet of each world, not rounded.
    rule : Rule
    """

    def __init__(self, needs: npt.NDArray[np.float64], rule: Rule) -> None:
        kind: Any = SimpleNamespace(counted="replicas", words=lambda count: f"{count} replicas")
        question: Any = SimpleNamespace(probability=rule.asked)
        told: Any = SimpleNamespace(told=lambda _: None)
        super().__init__(kind, question, rule, told, seed=0)
        self.needs, self.worlds = needs, dict[int, int]()
        self.most, self.probes = 10_000, 0

    @property
    def taken(self) -> int:
        """Worlds that were simulated, those by their numbers among them."""
        return sum(self.worlds.values()) + self.probes

    def measure(self, count: int, worlds: int) -> Any:
        """Take note of the worlds, and of their work."""
        self.worlds[count] = max(worlds, self.worlds.get(count, 0))
        if worlds > len(self._mean) or not self._mean.any():
            self._peak = UTILISED * self.needs[:worlds]
            self._mean = MEAN * self._peak

    def probed(self, count: int, worlds: list[int]) -> npt.NDArray[np.bool_]:
        """Which of some worlds a count is enough for."""
        self.probes += len(worlds)
        return np.asarray(self.needs[worlds] <= count)

    def judged(self, count: int, worlds: int) -> tuple[npt.NDArray[np.bool_], float]:
        """Which of the first worlds a count is enough for."""
        self.measure(count, worlds)
        return self.needs[:worlds] <= count, 0.0


def searched(
    least: int, spread: float, rule: Rule, rng: np.random.Generator
) -> tuple[Found, DrawnBoard]:
    """A search among fleets of which ``least`` is the least, half a replica beyond what it takes.

    Parameters
    ----------
    least : int
    spread : float
        Standard deviation, over worlds, of the logarithm of what it takes.
    rule : Rule
    rng : numpy.random.Generator
    """
    luck = rng.standard_normal(rule.looks[-1])
    board = DrawnBoard((least - 0.5) * np.exp(spread * (luck - ndtri(rule.asked))), rule)
    return find(board, start=1), board


def wrong(found: Found, least: int) -> bool:
    """Whether too small a fleet is named, or one that would do is said not to."""
    missed = [n for n, tally in found.tallies.items() if tally.verdict is Verdict.MISSES]
    return max(missed, default=0) >= least or (found.sure is not None and found.sure < least)
