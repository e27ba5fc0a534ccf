"""Which pairs of designs are set against each other.

A few designs are all set against one another. Of many, each is set against the cheapest, which is
what one would otherwise take, and against the first, which is what there is. Whichever are shown,
intervals and verdicts hold together as if all pairs were: the cheapest is found from the same
worlds, and could have been any.
"""

from math import comb

ALL_OF = 4  # designs, up to which all pairs are shown
CONFIDENCE = 0.95  # of all pairs upon one figure together


def confidence_of_a_pair(designs: int, error: float = 1.0 - CONFIDENCE) -> float:
    """Of each interval, after Bonferroni, where all together may have some error.

    >>> confidence_of_a_pair(2), round(confidence_of_a_pair(5), 6)
    (0.95, 0.995)
    """
    return 1.0 - error / comb(designs, 2)


def pairs_shown(designs: int, cheapest: int) -> list[tuple[int, int]]:
    """Places of the designs to be shown: one, and the other that it is set against.

    >>> pairs_shown(3, 2)
    [(1, 0), (2, 0), (2, 1)]
    >>> pairs_shown(5, 2)
    [(0, 2), (1, 2), (3, 2), (4, 2), (1, 0), (3, 0), (4, 0)]
    """
    if designs <= ALL_OF:
        return [(one, other) for one in range(designs) for other in range(one)]
    against_best = [(one, cheapest) for one in range(designs) if one != cheapest]
    others = [(one, 0) for one in range(1, designs) if cheapest not in (0, one)]
    return [*against_best, *others]
