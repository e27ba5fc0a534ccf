"""Whether something is kept in enough worlds."""

from sim.montecarlo.shares import Share
from sim.report.parts import Verdict
from sim.report.thresholds_text import UNDECIDED

ASKED = 0.95  # share of worlds, as 'sim size' asks by default


def in_worlds(share: Share, what: str, asked: float = ASKED) -> Verdict:
    """Kept where it is in so large a share of worlds, if they can tell.

    >>> in_worlds(Share(200, 200), "SLO of chat").found
    'in all 200 worlds (at least 98.2 %), 95 % asked'
    """
    kept = share.value >= asked
    low, high = share.interval
    certain = low >= asked if kept else high < asked
    said = f"in {share.words()}, {100 * asked:g} % asked"
    return Verdict(kept if certain else None, what, said + ("" if certain else UNDECIDED))
