"""Kinds of fleet side by side: what each needs, what that costs, and which is the cheapest."""

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from sim.errors import PeakfleetError
from sim.montecarlo.controls import Controls
from sim.montecarlo.shares import Interval
from sim.scenario import Scenario
from sim.studies.bench import Bench
from sim.studies.compare.paired import Paired, paired
from sim.studies.size.board import FLUID_MARGIN, Board
from sim.studies.size.evidence import Rule, fewest
from sim.studies.size.fleet import Kind, design_of, pool_named, scales
from sim.studies.size.question import Question
from sim.studies.size.search import TRIAL, Found, find

FloatArray = npt.NDArray[np.float64]

COST = "cost_usd_per_month"
NAN = float("nan")


@dataclass(frozen=True, slots=True)
class Option:
    """One kind, and the fleet of it that answers the question.

    Attributes
    ----------
    kind : Kind
    found : Found or None
        None where it was dropped before any search.
    count : int or None
        Of the fleet that is decided to keep the SLO.
    cost_usd_per_month : float
        Mean over worlds; of a dropped kind, of the fleet that its work takes on average.
    reason : str
        Why it was dropped; empty where it was not.
    """

    kind: Kind
    found: Found | None
    count: int | None
    cost_usd_per_month: float
    reason: str = ""

    @property
    def words(self) -> str:
        """The fleet in words."""
        if self.count is None:
            return f"no fleet of {self.kind.service}"
        return self.kind.words(self.count)


@dataclass(frozen=True, slots=True)
class Difference:
    """What another fleet costs more than the cheapest, in the same worlds.

    Attributes
    ----------
    other : Option
    paired : Paired
        Over the worlds that both were simulated in.
    """

    other: Option
    paired: Paired

    @property
    def usd_per_month(self) -> float:
        """On average; in the median world where few worlds tell no interval of the mean."""
        return self.paired.median if self.paired.by_median else self.paired.mean

    @property
    def interval(self) -> Interval:
        """Of that; NaN where the worlds tell none, and where they all have the same difference."""
        return self.paired.median_ci if self.paired.by_median else self.paired.mean_ci

    @property
    def told(self) -> bool:
        """Whether the data tell which of the two is cheaper, on average or in every world."""
        return self.paired.sign != 0 or self.paired.throughout != 0


@dataclass(frozen=True, slots=True)
class Terms:
    """What all searches share.

    Attributes
    ----------
    question : Question
    error : float
        Chance of a wrong answer.
    worlds : int
        Most worlds of a design.
    bench : Bench
    seed : int
    """

    question: Question
    error: float
    worlds: int
    bench: Bench
    seed: int

    def rule(self, searches: int) -> Rule:
        """The rule of one of so many searches, among which the error is divided."""
        return Rule.of(self.question.probability, self.error / searches, self.worlds)

    def board(self, kind: Kind, searches: int) -> Board:
        """A board for one of so many searches."""
        return Board(kind, self.question, self.rule(searches), self.bench, self.seed)

    def check(self, searches: int) -> None:
        """Refuse so few worlds that no fleet could be named, even if all of them keep the SLO."""
        rule = self.rule(searches)
        if rule.can_keep:
            return
        enough = fewest(rule.asked, rule.error)
        least = math.floor(100.0 * rule.most_asked)
        among = ""
        if searches > 1:
            among = (
                f", shared by {searches} searches (one for each kind of fleet, two more for the"
                " limits of an autoscaler)"
            )
        raise PeakfleetError(
            f"worlds ({self.worlds}) must be at least {enough} to name a fleet that keeps the SLO"
            f" in {100.0 * rule.asked:g} % of worlds with an error of at most"
            f" {100.0 * self.error:g} %{among}: fewer cannot, even if all of them keep it; give"
            f" --worlds {enough}, or ask for --probability {least}%"
        )

    def cost(self, scenario: Scenario, worlds: int) -> FloatArray:
        """USD a month in each of the first worlds."""
        return self.bench.values(scenario, COST, worlds, self.seed)


def options(kinds: list[Kind], start: int, terms: Terms) -> list[Option]:
    """The fleet of each kind that answers the question.

    Kinds are taken in the order of what a fleet for their work would cost, so that most of those
    that cannot be the cheapest are dropped before they are searched.
    """
    scaling, searches = _scaling(kinds), searches_of(kinds)
    boards = [terms.board(kind, searches) for kind in kinds]
    bills = [_least_bill(board, start, terms) for board in boards]
    best = math.inf
    found: list[Option] = []
    for place in np.argsort(bills, kind="stable"):
        board, bill = boards[place], bills[place]
        if bill >= best:
            reason = "its work alone, without any margin, costs more than the chosen fleet"
            found.append(Option(board.kind, None, None, bill, reason))
            continue
        fixed = _option(board, start, terms)
        found.append(fixed)
        if board.kind in scaling:
            found += _autoscaled(fixed, terms, searches)
        best = min([best, *(o.cost_usd_per_month for o in found if o.count is not None)])
    return found


def searches_of(kinds: list[Kind]) -> int:
    """Searches that all kinds may take: of a fixed fleet, and of both limits of an autoscaler."""
    return len(kinds) + 2 * len(_scaling(kinds))


def _scaling(kinds: list[Kind]) -> list[Kind]:
    return [kind for kind in kinds if kind.scaled and scales(kind.case.load(), kind.pool)]


def cheapest(found: Iterable[Option]) -> Option | None:
    """The cheapest fleet that is decided to keep the SLO."""
    kept = [option for option in found if option.count is not None]
    return min(kept, key=lambda option: option.cost_usd_per_month, default=None)


def differences(chosen: Option, found: list[Option], terms: Terms) -> Iterator[Difference]:
    """Paired differences of all others that keep the SLO to the chosen one.

    The intervals hold together with the probability 1 - error (Bonferroni).
    """
    others = [o for o in found if o.count is not None and o is not chosen]
    for other in others:
        worlds = min(_worlds(chosen), _worlds(other))
        more, least = (_costs(each, terms, worlds) for each in (other, chosen))
        confidence = 1.0 - terms.error / len(others)
        controls = _controls(chosen, terms, worlds)
        yield Difference(other, paired(more, least, None, confidence, controls))


def _option(board: Board, start: int, terms: Terms, most: int | None = None) -> Option:
    found = find(board, start, most)
    if found.sure is None:
        return Option(board.kind, found, None, NAN)
    worlds = found.tallies[found.sure].worlds
    cost = terms.cost(board.kind.scenario(found.sure), worlds)
    return Option(board.kind, found, found.sure, float(cost.mean()))


def _autoscaled(fixed: Option, terms: Terms, searches: int) -> Iterator[Option]:
    """The least ``min`` of an autoscaler with room above, then the least ``max``."""
    kind = fixed.kind
    if fixed.count is None or fixed.count < 2:
        return
    pool = pool_named(design_of(kind.case.load(), terms.seed), kind.pool)
    room = max(pool.limits[1], fixed.count + max(2, fixed.count // 2))
    lower = replace(kind, counted="min", other=room)
    start = min(max(pool.limits[0], 1), fixed.count)
    least = _option(terms.board(lower, searches), start, terms, fixed.count)
    if least.count is None:
        yield least
        return
    if least.count >= fixed.count:
        reason = "no fewer replicas at rest than the fixed fleet has will do"
        yield replace(least, count=None, reason=reason)
        return
    yield replace(least, count=None)  # what was looked at on the way
    upper = replace(kind, counted="max", other=least.count)
    most = _option(terms.board(upper, searches), fixed.count, terms, room)
    yield most if most.count is not None else least


def _least_bill(board: Board, start: int, terms: Terms) -> float:
    """USD a month of the fleet that the least work of any trial world takes, if it is all full."""
    board.measure(start, TRIAL)
    least = min(max(1, math.ceil(FLUID_MARGIN * board.least_work)), board.most)
    return float(terms.cost(board.kind.scenario(least), TRIAL).mean())


def _worlds(option: Option) -> int:
    assert option.found is not None and option.count is not None
    return option.found.tallies[option.count].worlds


def _costs(option: Option, terms: Terms, worlds: int) -> FloatArray:
    assert option.count is not None
    return terms.cost(option.kind.scenario(option.count), worlds)


def _controls(option: Option, terms: Terms, worlds: int) -> Controls:
    assert option.count is not None
    result = terms.bench.run(option.kind.scenario(option.count), worlds, terms.seed)
    return result.sample.controls().first(worlds)
