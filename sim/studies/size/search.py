"""The least count of a kind of fleet that keeps the SLO in the asked share of worlds.

A fluid bound comes first: a fleet to which more work comes than it can do overloads, whatever its
scheduler does, and so misses; in how many worlds that is follows from the work of any fleet that
was simulated, for all see the same arrivals. The search starts where the fleet would just carry the
busiest time, gallops from there to counts on both sides of the boundary with few worlds, halves the
way between them, and follows the boundary as looks with more worlds move it. Then it gallops and
halves upwards to the first count that is decided to keep the SLO, and downwards to the last that is
decided to miss it (:mod:`~sim.studies.size.evidence`); what lies between stays open. Which
counts these may be is seen world by world first, each world being looked at only where smaller
and larger fleets do not tell (:mod:`~sim.studies.size.sightings`); what is decided of a count rests
on looks at that count itself, which end where its further worlds could not decide it so. The larger
a fleet, the less a replica changes, and the more counts that are: of 60 replicas and 200 worlds,
some ten.

Assumed is that where a fleet keeps the SLO a larger one does. Under common random numbers that can
be looked at, world by world, and ``reversals`` says how often it was not so. Then, whichever counts
are looked at, the answer is wrong only if the count below the true boundary would be taken to keep
the SLO at one of the looks (a smaller one is kept in a subset of its worlds), or that at the
boundary to miss it; and the error is spent on these two.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

from sim.studies.size.board import Board, Tally
from sim.studies.size.evidence import Rule, Verdict
from sim.studies.size.fleet import Kind

TRIAL = 2  # worlds that tell how much work there is, before anything is known
ROOM = 8  # times the busiest work: a fleet of that size is idle, and no larger one is faster
SPREAD = 4  # times the users of the first world there are at most in another, each with a replica
NARROW = 3  # counts between, which are looked at one by one


@dataclass(frozen=True, slots=True)
class Found:
    """Where the boundary of a kind lies.

    Attributes
    ----------
    kind : Kind
    rule : Rule
    estimate : int or None
        Least count that keeps the SLO as far as is known; None where there is none.
    sure : int or None
        Least count that is decided to keep it.
    open : tuple of int
        Counts that may be the answer, too, for all that is known; not all of them simulated.
    tallies : dict of int to Tally
        By count: all that were simulated, and the largest that the fluid bound rules out.
    most : int
        Largest count that was considered.
    limited : bool
        Whether more than ``most`` are not to be had, or paid for.
    busiest : float
        Replicas that the busiest time of any world takes, if all are full.
    reversals : float
        Share of worlds that a fleet keeps and the next larger does not, the largest over all.
    """

    kind: Kind
    rule: Rule
    estimate: int | None
    sure: int | None
    open: tuple[int, ...]
    tallies: dict[int, Tally]
    most: int
    limited: bool
    busiest: float
    reversals: float

    @property
    def looked_at(self) -> tuple[int, ...]:
        """The open counts that were simulated."""
        return tuple(count for count in self.open if count in self.tallies)

    @property
    def needed(self) -> float:
        """Worlds that would decide the open counts, if their shares stay as they are.

        Where none is sure, those that would decide the first of them: then there is an answer.
        """
        decide = max if self.sure is not None else min
        shares = [self.tallies[count].share for count in self.looked_at]
        return decide((self.rule.needed(share) for share in shares), default=0.0)


def find(board: Board, start: int, most: int | None = None) -> Found:
    """Find the boundary of a kind.

    Parameters
    ----------
    board : Board
        Without worlds, or with those of an earlier search.
    start : int
        A count that the scenario can have: to see how much work there is, or near the answer.
    most : int, optional
        Largest count worth looking at, where that is known.
    """
    board.measure(start, TRIAL)
    by_work = board.kind.counted != "min"
    # A maximum below the minimum would be another fixed fleet.
    floor = board.kind.other if board.kind.counted == "max" else 1
    board.known(max(floor, min(board.full, board.most) if by_work else start))
    roomy = ROOM * math.ceil(board.busiest) + ROOM if most is None else most
    if most is None and board.users:
        roomy += SPREAD * board.users
    top = max(1, min(roomy, board.most))
    least = min(max(board.rule_out(), floor), top)
    begin = min(max(board.full if by_work else start, least), top)
    high = _followed(board, begin, least, top)
    sure = None if high is None else _first_kept(board, high, top)
    if high is not None:
        missed = _last_missed(board, high, least)
    else:  # that smaller ones miss it, too, needs no proof
        missed = top - 1 if board.known(top).verdict is Verdict.OPEN else top
    if high is not None and sure is None:
        board.exhaust(top)  # how near the largest comes
    if sure is not None and sure - 1 > missed:
        board.known(missed + 1)
        board.exhaust(sure - 1)  # what is told of the next smaller one
    in_doubt = tuple(range(missed + 1, top + 1 if sure is None else sure))
    return Found(
        board.kind,
        board.rule,
        high,
        sure,
        in_doubt,
        {n: tally for n, tally in sorted(board.tallies.items()) if n >= floor},
        top,
        board.most < roomy,
        board.busiest,
        board.reversals(),
    )


def _followed(board: Board, begin: int, least: int, top: int) -> int | None:
    """Least count that holds as far as is known, followed from look to look as it moves."""
    high = _bracketed(board, begin, (least, top), board.rule.looks[0], max(1, begin // 8))
    for worlds in board.rule.looks[1:]:
        if high is None:
            break
        if high > least:
            board.holds(high - 1, worlds)  # worlds that the smaller one keeps, the larger does
        high = _bracketed(board, high, (least, top), worlds)
    return high


def _bracketed(
    board: Board, begin: int, ends: tuple[int, int], worlds: int, step: int = 1
) -> int | None:
    """Least count that holds in so many worlds, with the one below that does not.

    Parameters
    ----------
    board : Board
    begin : int
        Where to begin.
    ends : (int, int)
        Fewest and most.
    worlds : int
        Of each count, unless fewer decide it, or more are of no help.
    step : int
        The first step upwards; every further one is twice as long.
    """
    least, top = ends

    def holds(count: int) -> bool:
        return board.holds(count, worlds)

    if holds(begin):
        return _first(holds, *_down(holds, begin, least))
    low, high = _up(holds, begin, top, step)
    if high is None:
        # Before all are given up, the largest is looked at with all worlds.
        board.exhaust(top)
        low, high = top - 1, (top if board.holds(top) else None)
    return None if high is None else _first(holds, low, high)


def _first_kept(board: Board, high: int, top: int) -> int | None:
    """Least count that is decided to keep the SLO; None if there is none."""

    def may(count: int) -> bool:
        return board.may_be_told(count, Verdict.KEEPS)

    def keeps(count: int) -> bool:
        return may(count) and board.exhaust(count, Verdict.KEEPS).verdict is Verdict.KEEPS

    step = board.stride(high)
    low, found = (high - 1, high) if may(high) else _up(may, high, top, step)
    if found is None:
        return None
    first = _first(may, low, found)
    if keeps(first):
        return first
    # It does worse than what was seen of others: from here on each is looked at itself.
    low, found = _up(keeps, first, top, step)
    return None if found is None else _first(keeps, low, found)


def _last_missed(board: Board, high: int, least: int) -> int:
    """Largest count below that is decided to miss the SLO; ``least`` - 1 where none is."""

    def may_keep(count: int) -> bool:
        return board.exhaust(count, Verdict.MISSES).verdict is not Verdict.MISSES

    def seems_to(count: int) -> bool:
        return not board.may_be_told(count, Verdict.MISSES)

    if not seems_to(high) and not may_keep(high):
        return high
    step = board.stride(high)
    low, _ = _down(lambda n: board.early(n) is not Verdict.MISSES, high, least, step)
    if high - low > NARROW:
        board.all_seen(max(low, least))  # of the worlds that it keeps, no larger one misses any
    seeming = _first(seems_to, low, high) - 1
    if seeming == low or not may_keep(seeming):
        return seeming
    # It does better than what was seen of others: from here on each is looked at itself.
    return _first(may_keep, low, seeming) - 1


Holds = Callable[[int], bool]


def _first(holds: Holds, low: int, high: int) -> int:
    """Least count that holds, between one that does not and one that does."""
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if holds(middle) else (middle, high)
    return high


def _down(holds: Holds, high: int, least: int, step: int = 1) -> tuple[int, int]:
    """From a count that holds: one that does not, or ``least`` - 1, and the last that did."""
    while (low := max(high - step, least - 1)) >= least and holds(low):
        high, step = low, 2 * step
    return low, high


def _up(holds: Holds, low: int, top: int, step: int) -> tuple[int, int | None]:
    """From a count that does not hold: the last that did not, and one that does, if any."""
    while low < top:
        high = min(low + step, top)
        if holds(high):
            return low, high
        low, step = high, 2 * step
    return top, None
