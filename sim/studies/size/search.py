"""The least count of a kind of fleet that keeps the SLO in the asked share of worlds.

A fluid bound comes first: a fleet to which more work comes than it can do overloads, whatever its
scheduler does, and so misses; in how many worlds that is follows from the work of any fleet that
was simulated, for all see the same arrivals. The search starts where the fleet would just carry the
busiest time, gallops from there to counts on both sides of the boundary with few worlds, halves the
way between them, and then adds worlds to the two counts at the boundary only, until each is decided
(:mod:`~sim.studies.size.evidence`) or no more worlds are allowed.

Assumed is that where a fleet keeps the SLO a larger one does. Under common random numbers that can
be looked at, world by world, and ``reversals`` says how often it was not so. Then the answer is
wrong only if the count below the true boundary is taken to keep the SLO, or that at the boundary to
miss it, and the error is spent on these two.
"""

import math
from dataclasses import dataclass

from sim.studies.size.board import Board, Tally
from sim.studies.size.evidence import Rule, Verdict
from sim.studies.size.fleet import Kind

TRIAL = 2  # worlds that tell how much work there is, before anything is known
ROOM = 8  # times the busiest work: a fleet of that size is idle, and no larger one is faster


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
        Counts that may be the answer, too, for all that is known.
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
    def needed(self) -> float:
        """Worlds that would decide the open counts, if their shares stay as they are.

        Where none is sure, those that would decide the first of them: then there is an answer.
        """
        decide = max if self.sure is not None else min
        shares = [self.tallies[count].share for count in self.open]
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
    top = max(1, min(roomy, board.most))
    least = min(max(board.rule_out(), floor), top)
    begin = min(max(board.full if by_work else start, least), top)
    high = _refined(board, _bracketed(board, begin, least, top), least, top)
    sure, in_doubt = _sure(board, high, least, top)
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


def _bracketed(board: Board, begin: int, least: int, top: int) -> int | None:
    """Least count that holds at a first look, with the one below that does not."""
    if board.holds(begin):
        low, high = _gallop_down(board, begin, least)
    else:
        low, found = _gallop_up(board, begin, top)
        if found is None:
            return None
        high = found
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if board.holds(middle) else (middle, high)
    return high


def _gallop_down(board: Board, high: int, least: int) -> tuple[int, int]:
    step = 1
    while (low := max(high - step, least - 1)) >= least and board.holds(low):
        high, step = low, 2 * step
    return low, high


def _gallop_up(board: Board, low: int, top: int) -> tuple[int, int | None]:
    step = max(1, low // 8)
    while low < top:
        high = min(low + step, top)
        if board.holds(high):
            return low, high
        low, step = high, 2 * step
    # Before all are given up, the largest is looked at with all worlds.
    board.exhaust(top)
    return (top - 1, top) if board.holds(top) else (top, None)


def _refined(board: Board, high: int | None, least: int, top: int) -> int | None:
    """Add worlds to the counts on both sides of the boundary, and follow it as it moves."""
    while high is not None:
        while not board.holds(high):
            if high == top:
                return None
            high += 1
        while high > least and board.holds(high - 1):
            high -= 1
        pair = [n for n in (high, high - 1) if n >= least and board.can_tell_more(n)]
        if not pair:
            return high
        board.look(min(pair, key=lambda n: board.known(n).worlds))
    return None


def _sure(
    board: Board, high: int | None, least: int, top: int
) -> tuple[int | None, tuple[int, ...]]:
    """The least count that is decided to keep the SLO, and those below it that are not decided."""
    if high is None:
        return None, tuple(n for n in (top,) if board.known(top).verdict is Verdict.OPEN)
    below = [high - 1] if high > least and board.known(high - 1).verdict is Verdict.OPEN else []
    count = high
    while board.exhaust(count).verdict is not Verdict.KEEPS:
        below.append(count)
        if count == top or len(below) > 3:
            return None, tuple(sorted(below))
        count += 1
    return count, tuple(sorted(below))
