"""A mix of the variants of a backend: what each carries, what was tried, and the answer."""

import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from sim.montecarlo.shares import percent
from sim.montecarlo.summary import share_as_json
from sim.studies.case import Case
from sim.studies.size.board import Tally
from sim.studies.size.evidence import Verdict
from sim.studies.size.question import Question
from sim.studies.size.search import Found

MOST_TRIES = 24  # mixes that are simulated

Counts = tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Evidence:
    """What a variant carries.

    Attributes
    ----------
    pool : str
    found : Found
        Of it alone.
    usd_per_month : float
        Of a replica.
    limit : int
        Most replicas that are to be had.
    """

    pool: str
    found: Found
    usd_per_month: float
    limit: int

    @property
    def alone(self) -> int | None:
        """Replicas that keep the SLO alone; None where none do."""
        return self.found.sure

    @property
    def most(self) -> float:
        """Share of the load that a replica carries at most."""
        missed = [n for n, t in self.found.tallies.items() if t.verdict is Verdict.MISSES]
        below = max(missed, default=0)
        by_work = 1.0 / max(self.found.busiest, 1e-9)
        return min(1.0 / below if below else math.inf, max(by_work, 1.0 / (below + 1)))


@dataclass(frozen=True, slots=True)
class Tried:
    """A mix that was simulated, or one kind alone."""

    counts: Counts
    tally: Tally
    usd_per_month: float


@dataclass(frozen=True, slots=True)
class Mix:
    """The cheapest mix of variants.

    Attributes
    ----------
    name, backend : str
    case : Case
    question : Question
    asked : str
        The SLO in words.
    error : float
    worlds, seed : int
    evidence : tuple of Evidence
        Of each variant, in the order of the scenario.
    tried : tuple of Tried
        All that were simulated, those of one kind first.
    chosen : Tried or None
    complete : bool
        Whether nothing cheaper is left that could do.
    simulated_worlds : int
    pools : tuple of str
        The variants.
    """

    name: str
    backend: str
    case: Case
    question: Question
    asked: str
    error: float
    worlds: int
    seed: int
    evidence: tuple[Evidence, ...]
    tried: tuple[Tried, ...]
    chosen: Tried | None
    complete: bool
    simulated_worlds: int
    pools: tuple[str, ...]

    @property
    def single(self) -> Tried | None:
        """The cheapest fleet of one kind that keeps the SLO."""
        alone = [t for t in self.tried if sum(n > 0 for n in t.counts) == 1]
        kept = [t for t in alone if t.tally.verdict is Verdict.KEEPS]
        return min(kept, key=lambda each: each.usd_per_month, default=None)

    @property
    def saved_usd_per_month(self) -> float:
        """What the mix saves beside the cheapest fleet of one kind; NaN without one."""
        if self.chosen is None or self.single is None:
            return math.nan
        return self.single.usd_per_month - self.chosen.usd_per_month

    @property
    def overrides(self) -> tuple[str, ...]:
        """What makes the scenario that of the chosen mix, each for a ``--set``."""
        if self.chosen is None:
            return ()
        return (*self.case.overrides, *of_mix(self.backend, self.pools, self.chosen.counts))

    @property
    def sentence(self) -> str:
        """The decision."""
        return f"{self.name}: {'; '.join(self._parts())}."

    def _parts(self) -> Iterator[str]:
        asked = percent(self.question.probability)
        if self.chosen is None:
            yield f"no mix of {' and '.join(self.pools)} is decided to keep the SLO, {asked} asked"
            return
        tally = self.chosen.tally
        yield (
            f"{in_words(self.pools, self.chosen.counts)} keep the SLO in {tally.keeping.words()},"
            f" {asked} asked, for {self.chosen.usd_per_month:,.0f} USD a month"
        )
        if self.single is None:
            yield "no fleet of one kind is decided to"
        elif self.single is self.chosen:
            yield "no mix that could do costs less"
        else:
            share = self.saved_usd_per_month / self.single.usd_per_month
            words = in_words(self.pools, self.single.counts)
            yield (
                f"that is {self.saved_usd_per_month:,.0f} USD ({percent(share)}) less than the"
                f" cheapest of one kind, {words}"
            )
        if not self.complete:
            yield f"cheaper ones may do: {MOST_TRIES} mixes were simulated"

    def frames(self) -> dict[str, pd.DataFrame]:
        """Tables by name."""
        return {"candidates": pd.DataFrame(self._rows()), "evidence": pd.DataFrame(self._carried())}

    def _rows(self) -> list[dict[str, Any]]:
        order = sorted(self.tried, key=lambda each: each.usd_per_month)
        return [
            {
                **dict(zip(self.pools, each.counts, strict=True)),
                "cost_usd_per_month": each.usd_per_month,
                "worlds": each.tally.worlds,
                **each.tally.as_row(),
                "verdict": each.tally.verdict.value,
                "chosen": each is self.chosen,
            }
            for each in order
        ]

    def _carried(self) -> list[dict[str, Any]]:
        return [
            {
                "pool": each.pool,
                "alone": each.alone,
                "load_share_most": each.most if math.isfinite(each.most) else None,
                "usd_per_month": each.usd_per_month,
            }
            for each in self.evidence
        ]

    def as_json(self) -> dict[str, Any]:
        """The same numbers, ready for JSON."""
        chosen, single = self.chosen, self.single
        saved = self.saved_usd_per_month
        return {
            "version": 1,
            "study": "size",
            "question": "mix",
            "scenario": self.name,
            "backend": self.backend,
            "sentence": self.sentence,
            "asked": self.asked,
            "probability": self.question.probability,
            "error": self.error,
            "seed": self.seed,
            "worlds": self.worlds,
            "complete": self.complete,
            "overrides": list(self.overrides),
            "chosen": None if chosen is None else self._told(chosen),
            "single": None if single is None else self._told(single),
            "saved_usd_per_month": saved if math.isfinite(saved) else None,
            "evidence": self._carried(),
            "candidates": [
                {
                    "replicas": {pool: row.pop(pool) for pool in self.pools},
                    **row,
                }
                for row in self._rows()
            ],
            "simulated_worlds": self.simulated_worlds,
        }

    def _told(self, tried: Tried) -> dict[str, Any]:
        return {
            "replicas": dict(zip(self.pools, tried.counts, strict=True)),
            "cost_usd_per_month": tried.usd_per_month,
            **share_as_json("kept_share", tried.tally.keeping),
            "worlds": tried.tally.worlds,
        }


def in_words(pools: Sequence[str], counts: Counts) -> str:
    """A mix in words."""
    return " and ".join(f"{n:,} {p}" for p, n in zip(pools, counts, strict=True) if n)


def of_mix(name: str, pools: Sequence[str], counts: Counts) -> tuple[str, ...]:
    """Overrides that make a mix of a scenario: only the variants that it has."""
    there = [pool for pool, n in zip(pools, counts, strict=True) if n]
    fixed = [f"backends.{p}.replicas={max(n, 1)}" for p, n in zip(pools, counts, strict=True)]
    gone = [f"backends.{pool}.candidate=true" for pool in pools if pool not in there]
    listed = f"variants.{name}.pools={json.dumps(there)}"
    return (*fixed, *gone, listed)
