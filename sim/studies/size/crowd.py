"""How many users a fleet holds: the most with whom its SLO holds in the asked share of worlds.

The search is that for the least fleet (:mod:`~sim.studies.size.search`), with the same worlds,
looks and error, on the other side: what is counted is how many fewer users there are than
``CEILING``. Assumed is that where a fleet holds some users it holds fewer, too.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pandas as pd

from sim.errors import PeakfleetError
from sim.montecarlo.result import RunResult
from sim.montecarlo.summary import share_as_json
from sim.scenario.values.numbers import extent
from sim.studies.bench import Bench
from sim.studies.case import Case
from sim.studies.size.board import LARGE, Board, Tally
from sim.studies.size.evidence import Verdict
from sim.studies.size.fleet import Kind, design_of, users_of, workload_of_users
from sim.studies.size.fleets import frontier_latency, latency_over_worlds
from sim.studies.size.options import Terms
from sim.studies.size.question import Question
from sim.studies.size.search import Found, find
from sim.studies.size.wording import more_worlds
from sim.studies.worst import WorstServed, worst_served

CEILING = 100_001  # one more user than are tried


@dataclass(frozen=True, slots=True)
class Crowd(Kind):
    """One fleet under numbers of users, counted downwards from the ceiling."""

    workload: str = ""

    def overrides(self, count: int) -> tuple[str, ...]:
        """What makes the case's users so many fewer than the ceiling."""
        return (users_of(self.workload, CEILING - count),)

    def about(self, count: int) -> str:
        """The users in words."""
        return self.words(count)

    def words(self, count: int) -> str:
        """The users in words."""
        return people(CEILING - count)


class CrowdBoard(Board):
    """What is known of numbers of users."""

    def stride(self, count: int) -> int:
        """A tenth more users, or so many fewer."""
        return max(1, (CEILING - count) // LARGE)

    def measure(self, count: int, worlds: int) -> RunResult:
        """Simulate some worlds; no work rules a number of users out."""
        self.most = CEILING - 1
        return self._result(count, worlds)


@dataclass(frozen=True, slots=True)
class Capacity:
    """The most users whom a fleet holds.

    Attributes
    ----------
    name, workload : str
    question : Question
    asked : str
        The SLO in words.
    error : float
        Chance that the answer is wrong.
    worlds : int
        Most worlds of a number of users.
    seed : int
    horizon_s : float
    found : Found
        By how many fewer users than the ceiling.
    candidates : pandas.DataFrame
        Every number of users that was looked at, the fewest first.
    latency_metric : str
    worst : WorstServed or None
        Of several workloads, with so many users; where there are none, with one.
    simulated_worlds : int
    """

    name: str
    workload: str
    question: Question
    asked: str
    error: float
    worlds: int
    seed: int
    horizon_s: float
    found: Found
    candidates: pd.DataFrame
    latency_metric: str
    worst: WorstServed | None
    simulated_worlds: int

    @property
    def users(self) -> int | None:
        """Most users who are decided to be held; None where none are."""
        return None if self.found.sure is None else CEILING - self.found.sure

    @property
    def estimate(self) -> int | None:
        """The same as far as is known, decided or not."""
        return None if self.found.estimate is None else CEILING - self.found.estimate

    @property
    def decided(self) -> bool:
        """Whether the worlds tell the answer."""
        return not self.found.open

    @property
    def sentence(self) -> str:
        """The decision."""
        worst = [f"worst served is {self.worst.words}"] if self.worst else []
        return f"{self.name}: {'; '.join([*self._parts(), *worst])}."

    def _parts(self) -> Iterator[str]:
        asked = f"{100 * self.question.probability:g} %"
        tallies = self.found.tallies
        if self.found.sure is not None:
            tally = tallies[self.found.sure]
            more = " or more, as no more were tried" if self.users == CEILING - 1 else ""
            yield (
                f"the fleet holds {people(CEILING - tally.count)} of {self.workload}{more}: the SLO"
                f" is kept in {tally.keeping.words()}, {asked} asked"
            )
        if self.found.open:
            first, last = self.found.open[0], self.found.open[-1]
            counts = " to ".join(f"{CEILING - n:,}" for n in dict.fromkeys((last, first)))
            looks = max((tallies[n].worlds for n in self.found.looked_at), default=self.worlds)
            yield (
                f"whether it holds {counts} users, {looks} worlds cannot tell:"
                f" {more_worlds(self.found)}"
            )
        elif self.found.sure is None:
            tally = tallies[CEILING - 1]
            yield (
                f"the fleet holds nobody: even 1 user of {self.workload} is served within the SLO"
                f" in {tally.keeping.words()} only, {asked} asked"
            )
        elif (beyond := tallies.get(self.found.sure - 1)) is not None:
            yield f"with {CEILING - beyond.count:,} it is missed in {beyond.missing.words()}"

    def frames(self) -> dict[str, pd.DataFrame]:
        """Tables by name."""
        return {"candidates": self.candidates}

    def as_json(self) -> dict[str, Any]:
        """The same numbers, ready for JSON."""
        sure = None if self.found.sure is None else self.found.tallies[self.found.sure]
        needed = self.found.needed
        return {
            "version": 1,
            "study": "size",
            "question": "most_users",
            "scenario": self.name,
            "workload": self.workload,
            "sentence": self.sentence,
            "asked": self.asked,
            "probability": self.question.probability,
            "error": self.error,
            "seed": self.seed,
            "worlds": self.worlds,
            "decided": self.decided,
            "worlds_needed": needed if math.isfinite(needed) else None,
            "users": self.users,
            "estimate": self.estimate,
            "worst_served": self.worst.as_json() if self.worst else None,
            **share_as_json("kept_share", None if sure is None else sure.keeping),
            "candidates": self.candidates.to_dict(orient="records"),
            "simulated_worlds": self.simulated_worlds,
        }


def most_users(
    case: Case,
    bench: Bench,
    question: Question | None = None,
    worlds: int | None = None,
    seed: int | None = None,
    error: float = 0.05,
) -> Capacity:
    """The most users with whom the SLO of a fleet holds with the asked probability.

    Parameters
    ----------
    case : Case
        Whose users are where the search begins.
    bench : Bench
    question, worlds, seed, error
        As in :func:`~sim.studies.size.study.size`.

    Raises
    ------
    PeakfleetError
        If there are no users to count or nothing to keep, or the worlds could name no number
        whatever they show.
    """
    question = question or Question()
    scenario = case.load()
    workload = workload_of_users(scenario)
    worlds = scenario.worlds if worlds is None else worlds
    before = bench.worlds
    terms = Terms(question, error, worlds, bench, scenario.seed if seed is None else seed)
    design = design_of(scenario, terms.seed)
    question.check(design)
    terms.check(1)
    users = scenario.model.workloads[workload].arrivals.users
    assert users is not None
    low, high = extent(users)
    if low != high:
        raise PeakfleetError(
            f"workloads.{workload}.arrivals.users is uncertain, and is what is sought: give one"
            f" number to begin with, such as --set {users_of(workload, round((low + high) / 2))}"
        )
    crowd = Crowd(case, "", "", "min", workload=workload)
    board = CrowdBoard(crowd, question, terms.rule(1), bench, terms.seed)
    begin = min(max(round(low), 1), CEILING - 1)
    found = find(board, CEILING - begin, CEILING - 1)
    shown = found.sure if found.sure is not None else max(found.tallies)
    result = bench.run(crowd.scenario(shown), found.tallies[shown].worlds, terms.seed)
    metric, _ = frontier_latency(result, question)
    tried = sorted(found.tallies.values(), key=lambda tally: -tally.count)
    return Capacity(
        name=design.name,
        workload=workload,
        question=question,
        asked=question.words(design),
        error=error,
        worlds=worlds,
        seed=terms.seed,
        horizon_s=design.horizon.duration_s,
        found=found,
        candidates=pd.DataFrame([_row(crowd, tally, found, metric, terms) for tally in tried]),
        latency_metric=metric,
        worst=worst_served(result),
        simulated_worlds=bench.worlds - before,
    )


def people(count: int) -> str:
    """So many users."""
    return f"{count:,} user{'s' if count != 1 else ''}"


def _row(crowd: Crowd, tally: Tally, found: Found, metric: str, terms: Terms) -> dict[str, Any]:
    chosen = tally.count == found.sure
    result = terms.bench.run(crowd.scenario(tally.count), tally.worlds, terms.seed)
    fewer = found.sure is not None and tally.count > found.sure
    said = {
        Verdict.KEEPS: "held",
        Verdict.MISSES: "too many",
        Verdict.OPEN: "held, as more are" if fewer else "cannot tell",
    }
    return {
        "users": CEILING - tally.count,
        "worlds": tally.worlds,
        **tally.as_row(),
        **latency_over_worlds(result.sample, metric, tally.worlds),
        "verdict": "the answer" if chosen else said[tally.verdict],
        "chosen": chosen,
    }
