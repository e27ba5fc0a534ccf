"""What is known of the counts of one kind of fleet, and what the next worlds add to it."""

import math
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from sim.model.design import Design
from sim.montecarlo.result import RunResult
from sim.montecarlo.shares import Interval, Share, share_at_least, share_at_most
from sim.studies.bench import Bench
from sim.studies.size.evidence import Rule, Verdict
from sim.studies.size.fleet import (
    Kind,
    design_of,
    most_replicas,
    pool_named,
    waiting_users,
)
from sim.studies.size.question import BoolArray, Question
from sim.studies.size.sightings import Sightings

FloatArray = npt.NDArray[np.float64]

FLUID_MARGIN = 0.9  # of the work is counted: what a cache saves may depend on the fleet
LARGE = 10  # of this many replicas a tenth is the first step to a count that is decided
HOPELESS = 4  # times the worlds allowed: if it takes more to decide, half of those allowed do


@dataclass(frozen=True, slots=True)
class Tally:
    """What is known of one count.

    Attributes
    ----------
    count : int
    worlds : int
        Simulated; of a fleet ruled out by the fluid bound, those that the bound was taken over.
    kept : int
        Worlds that keep the SLO; of a fleet ruled out by the fluid bound, at most so many.
    low, high : float
        Bounds of their share that decide, each wrong with the chance that its look may spend.
    verdict : Verdict
    simulated : bool
    overloaded : float
        Share of worlds; of a fleet ruled out by the fluid bound, at least so many.
    """

    count: int
    worlds: int
    kept: int
    low: float
    high: float
    verdict: Verdict
    simulated: bool
    overloaded: float

    @property
    def share(self) -> float:
        """Of the worlds, how many keep the SLO."""
        return self.kept / self.worlds

    @property
    def keeping(self) -> Share:
        """The worlds that keep the SLO."""
        return Share(self.kept, self.worlds)

    @property
    def interval(self) -> Interval:
        """Of the share, at 95 %: what is shown everywhere. Its bounds that decide are wider."""
        low, high = self.keeping.interval
        return (low if self.simulated else 0.0), high

    def as_row(self) -> dict[str, float]:
        """The share with its interval, and the bounds that decide."""
        low, high = self.interval
        return {
            "kept_share": self.share,
            "kept_share_low": low,
            "kept_share_high": high,
            "decided_share_low": self.low,
            "decided_share_high": self.high,
        }

    @property
    def missing(self) -> Share:
        """The worlds that do not."""
        return Share(self.worlds - self.kept, self.worlds)


class Board:
    """The counts of one kind.

    Attributes
    ----------
    tallies : dict of int to Tally
    most : int
        Replicas that are to be had, and paid for.
    users : int
        Of closed populations: their work is less where a fleet is slow, and rules nothing out.
    """

    def __init__(self, kind: Kind, question: Question, rule: Rule, bench: Bench, seed: int) -> None:
        self.kind, self.question, self.rule = kind, question, rule
        self.bench, self.seed = bench, seed
        self.tallies: dict[int, Tally] = {}
        self.most = 1
        self.users = 0  # who wait for answers
        self._kept: dict[int, BoolArray] = {}
        self._seen = Sightings(rule.looks[-1])
        self._mean = self._peak = np.zeros(1)  # work in replicas, by world

    def measure(self, count: int, worlds: int) -> RunResult:
        """Simulate some worlds for their work only."""
        result = self._result(count, worlds)
        design = self._design(result)
        self.most = most_replicas(design, pool_named(design, self.kind.pool))
        self.users = waiting_users(design)
        if worlds > len(self._mean) or not self._mean.any():
            prefix, size = f"backends.{self.kind.pool}.", self.kind.limits(count)[1]
            self._mean = size * result.sample.values(f"{prefix}offered_load")[:worlds]
            self._peak = size * result.sample.values(f"{prefix}offered_load_peak")[:worlds]
        return result

    def judged(self, count: int, worlds: int) -> tuple[BoolArray, float]:
        """Simulate the first worlds: (worlds,) bool that keep the SLO, share that overloads."""
        result = self.measure(count, worlds)
        kept = self.question.kept(result, self._design(result), worlds)
        return kept, float(np.mean(result.sample.overloaded()[:worlds]))

    @property
    def busiest(self) -> float:
        """Replicas that the busiest time of any world takes, if all are full."""
        known = self._peak[np.isfinite(self._peak)]
        return float(known.max(initial=1.0))

    @property
    def least_work(self) -> float:
        """Replicas that the work of any world takes on average, if all are full.

        Users who wait for answers ask a small fleet for less: of theirs, nothing is known.
        """
        return 0.0 if self.users else float(np.min(self._mean))

    @property
    def full(self) -> int:
        """Replicas that carry the busiest time in the asked share of worlds, all full."""
        known = np.sort(self._peak[np.isfinite(self._peak)])
        place = math.ceil(self.question.probability * len(known)) - 1
        return max(1, math.ceil(known[place])) if len(known) else 1

    def rule_out(self) -> int:
        """Note the largest count that the fluid bound rules out; the least that it does not."""
        if self.kind.counted == "min" or self.users:
            return 1
        least = 1
        while (tally := self._fluid(least)).verdict is Verdict.MISSES and least < self.most:
            self.tallies = {n: t for n, t in self.tallies.items() if t.simulated}
            self.tallies[least] = tally
            least += 1
        return least

    def look(self, count: int) -> Tally:
        """Take the next look at a count, with more worlds."""
        done = self.tallies[count].worlds if self._simulated(count) else 0
        worlds = next((look for look in self.rule.looks if look > done), done)
        kept, overloaded = self.judged(count, worlds)
        self._kept[count] = kept
        self._seen.note(count, np.arange(worlds), kept)
        before = self.tallies[count].verdict if self._simulated(count) else Verdict.OPEN
        tally = self._tally(count, worlds, int(kept.sum()), overloaded, before)
        self.tallies[count] = tally
        self.bench.told(
            f"{self.kind.words(count)}: {100 * tally.share:.3g} % of {worlds} worlds keep the SLO"
        )
        return tally

    def known(self, count: int) -> Tally:
        """What is known of a count, after a first look if there was none."""
        return self.tallies[count] if count in self.tallies else self.look(count)

    def holds(self, count: int, worlds: int = 0) -> bool:
        """Whether a count keeps the SLO, as far as is known from so many worlds.

        Fewer are enough where they decide it, or where more are of no help.
        """
        tally = self.tallies.get(count)
        if tally is None or tally.verdict is Verdict.OPEN:
            done = tally.worlds if tally is not None and tally.simulated else 0
            kept = self.seems(count, max(worlds, done, self.rule.looks[0]))
            tally = self.tallies.get(count)
            if tally is None or tally.verdict is Verdict.OPEN:
                return float(kept.mean()) >= self.question.probability
        return tally.verdict is Verdict.KEEPS

    def can_tell_more(self, count: int) -> bool:
        """Whether more worlds are allowed for a count, and may decide it."""
        tally = self.known(count)
        allowed = self.rule.looks[-1]
        if tally.verdict is not Verdict.OPEN or tally.worlds >= allowed:
            return False
        hopeless = self.rule.needed(tally.share) > HOPELESS * allowed
        return not (hopeless and 2 * tally.worlds >= allowed)

    def exhaust(self, count: int, asked: Verdict | None = None) -> Tally:
        """Look at a count until it is decided, or no more worlds help.

        Parameters
        ----------
        asked : Verdict, optional
            The only one of interest: where it is out of reach, no further world is looked at.
        """
        while self.can_tell_more(count):
            tally = self.known(count)
            if asked and not self.rule.may_come_to(asked, tally.kept, tally.worlds):
                break
            self.look(count)
        return self.known(count)

    def seems(self, count: int, worlds: int) -> BoolArray:
        """Which of the first worlds a count seems to keep; only what nothing tells is simulated.

        Where that is most of them, the count gets a look like any other; where a look tells no
        more, as many worlds as it has had.
        """
        done = self.tallies[count].worlds if self._simulated(count) else 0
        unknown = self._seen.unknown(count, worlds)
        unknown = unknown[unknown >= done]
        if 2 * len(unknown) > worlds - done:
            done = self.known(count).worlds
            while done < worlds and self.can_tell_more(count):
                done = self.look(count).worlds
            worlds = min(worlds, done)
        elif len(unknown):
            self._seen.note(count, unknown, self.probed(count, unknown.tolist()))
        kept = self._seen.kept(count, worlds)
        kept[:done] = self._kept[count][:worlds] if done else kept[:0]
        return kept

    def may_be_told(self, count: int, asked: Verdict) -> bool:
        """Whether a count may be decided so, by what its worlds seem to be."""
        if self._simulated(count) and self.tallies[count].verdict is not Verdict.OPEN:
            return self.tallies[count].verdict is asked
        for look in self.rule.looks:
            kept = self.seems(count, look)
            found = int(kept.sum())
            if self.rule.verdict(found, len(kept)) is asked:
                return True
            if len(kept) < look or not self.rule.may_come_to(asked, found, len(kept)):
                return False
        return False

    def stride(self, count: int) -> int:
        """How far below a count to look for one that misses the SLO, at first."""
        return max(1, count // LARGE)

    def early(self, count: int) -> Verdict:
        """What the first looks say, at up to a quarter of the worlds."""
        while 4 * self.known(count).worlds < self.rule.looks[-1] and self.can_tell_more(count):
            self.look(count)
        return self.known(count).verdict

    def all_seen(self, count: int) -> None:
        """Look at a count in all worlds, decided or not: what it keeps, larger ones keep."""
        while self.known(count).worlds < self.rule.looks[-1]:
            self.look(count)

    def probed(self, count: int, worlds: list[int]) -> BoolArray:
        """Simulate some worlds, by their numbers: whether each keeps the SLO."""
        result = self.bench.probe(self.kind.scenario(count), worlds, self.seed)
        return self.question.kept(result, self._design(result), len(worlds))

    def reversals(self) -> float:
        """Share of worlds kept by a fleet and not by the next larger, the largest over all."""
        counts = sorted(self._kept)
        worst = 0.0
        for small, large in pairwise(counts):
            common = min(len(self._kept[small]), len(self._kept[large]))
            lost = self._kept[small][:common] & ~self._kept[large][:common]
            worst = max(worst, float(lost.mean()))
        return worst

    def _simulated(self, count: int) -> bool:
        return count in self.tallies and self.tallies[count].simulated

    def _fluid(self, count: int) -> Tally:
        """The most that a count can keep: worlds in which it can do the work of the horizon."""
        able = ~(FLUID_MARGIN * self._mean > count)
        worlds = len(able)
        look = max((w for w in self.rule.looks if w <= worlds), default=self.rule.looks[0])
        able = able[:look]
        tally = self._tally(count, len(able), int(able.sum()), float(1 - able.mean()))
        open_to_it = tally.verdict is not Verdict.MISSES
        verdict = Verdict.OPEN if open_to_it else Verdict.MISSES
        return Tally(
            count, tally.worlds, tally.kept, 0.0, tally.high, verdict, False, tally.overloaded
        )

    def _tally(
        self, count: int, worlds: int, kept: int, overloaded: float, before: Verdict = Verdict.OPEN
    ) -> Tally:
        error = self.rule.spent(worlds)
        low, high = share_at_least(kept, worlds, error), share_at_most(kept, worlds, error)
        # What a look has decided stays decided: each look has its own part of the error.
        verdict = self.rule.verdict(kept, worlds) if before is Verdict.OPEN else before
        return Tally(count, worlds, kept, low, high, verdict, True, overloaded)

    def _result(self, count: int, worlds: int) -> RunResult:
        about = self.kind.about(count)
        return self.bench.run(self.kind.scenario(count), worlds, self.seed, about=about)

    def _design(self, result: RunResult) -> Design:
        return design_of(result.scenario, self.seed)
