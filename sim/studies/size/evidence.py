"""What worlds say about a share: exact binomial bounds, spent over several looks.

Whether a design keeps the SLO is yes or no in each world, so that of n worlds a binomial number
says yes, whatever the distribution of anything. A design is taken to keep it in the asked share of
worlds as soon as the exact lower bound of its share lies there (Clopper and Pearson, 1934), and to
miss it as soon as the upper bound lies below.

The data are looked at several times, each time with twice the worlds. The error is spent over the
looks in proportion to their worlds, half on each side, so that the chance that any look on the way
is wrong stays below what was asked (Bonferroni): most of it is left for the last look.

The worlds are a Latin hypercube, spread more evenly than independent ones: the bounds are on the
wide side where the uncertain inputs rule.
"""

import math
from dataclasses import dataclass
from enum import Enum

from sim.montecarlo.shares import share_at_least, share_at_most

FEWEST = 12  # worlds of a look: fewer say little more than yes or no
MOST_NEEDED = 1_000_000  # worlds; nobody simulates more to tell two designs apart
NAN = float("nan")


class Verdict(Enum):
    """What is known of a design."""

    KEEPS = "keeps"
    MISSES = "misses"
    OPEN = "cannot tell"


@dataclass(frozen=True, slots=True)
class Rule:
    """When a share is decided.

    Attributes
    ----------
    asked : float
        Share of worlds that must keep the SLO.
    error : float
        Chance of a wrong answer, of either kind, over all looks.
    looks : tuple of int
        Worlds at each look, increasing.
    """

    asked: float
    error: float
    looks: tuple[int, ...]

    @classmethod
    def of(cls, asked: float, error: float, worlds: int) -> "Rule":
        """The rule for at most so many worlds: looks at half of them, a quarter, ..."""
        looks = [worlds]
        while looks[0] // 2 >= FEWEST:
            looks.insert(0, looks[0] // 2)
        return cls(asked, error, tuple(looks))

    def spent(self, worlds: int) -> float:
        """The error of one side of the look at so many worlds."""
        return self.error / 2.0 * worlds / sum(self.looks)

    def verdict(self, kept: int, worlds: int) -> Verdict:
        """What one look says."""
        error = self.spent(worlds)
        if share_at_least(kept, worlds, error) >= self.asked:
            return Verdict.KEEPS
        if share_at_most(kept, worlds, error) < self.asked:
            return Verdict.MISSES
        return Verdict.OPEN

    def may_come_to(self, verdict: Verdict, kept: int, worlds: int) -> bool:
        """Whether a design that keeps the SLO in so many of some worlds may be decided so yet.

        The last look is the one that is passed most easily: until then there are no fewer worlds
        that keep it, and no fewer that miss it, than there are.
        """
        most = self.looks[-1]
        best = kept if verdict is Verdict.MISSES else most - (worlds - kept)
        return self.verdict(best, most) is verdict

    def spare(self, worlds: int) -> int:
        """Most of the worlds of a look that may miss the SLO of a design told to keep it; or -1."""
        missed = 0
        while missed <= worlds and self.verdict(worlds - missed, worlds) is Verdict.KEEPS:
            missed += 1
        return missed - 1

    @property
    def can_keep(self) -> bool:
        """Whether a design that keeps the SLO in all worlds is told to keep it in enough."""
        return self.verdict(self.looks[-1], self.looks[-1]) is Verdict.KEEPS

    @property
    def most_asked(self) -> float:
        """Largest share that so many worlds can show, where all of them keep the SLO."""
        worlds = self.looks[-1]
        return share_at_least(worlds, worlds, self.spent(worlds))

    def needed(self, share: float) -> float:
        """Worlds at which a share, if it stays as it is, will be told from the one asked.

        Infinite where that is more than ``MOST_NEEDED``.
        """
        error = self.spent(self.looks[-1])
        worlds = self.looks[-1]
        while worlds <= MOST_NEEDED:
            kept = round(share * worlds)
            if share >= self.asked and share_at_least(kept, worlds, error) >= self.asked:
                return float(worlds)
            if share < self.asked and share_at_most(kept, worlds, error) < self.asked:
                return float(worlds)
            worlds = math.ceil(worlds * 1.05)
        return math.inf


def fewest(asked: float, error: float) -> int:
    """Fewest worlds that can show that a design keeps the SLO in the asked share of worlds.

    >>> [fewest(asked, 0.05) for asked in (0.9, 0.95, 0.99)]
    [39, 83, 435]
    """
    worlds = math.ceil(math.log(error / 2.0) / math.log(asked))  # of a single look at all of them
    while not Rule.of(asked, error, worlds).can_keep:
        worlds += max(1, worlds // 1_000)  # nobody minds one in a thousand
    return worlds
