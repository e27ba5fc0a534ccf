"""When designs are looked at, where a comparison ends as soon as it is sure.

The worlds are looked at several times, each time with twice as many, and each look may be wrong. So
the error is spent over the looks in proportion to their worlds, as in ``sim size``, most of it on
the last: the chance that any look is wrong stays below the stated one (Bonferroni), whatever the
looks have to do with each other, and so does that of the intervals that are printed (repeated
confidence intervals, Jennison and Turnbull 2000, chapter 9).
"""

from sim.studies.compare.pairs import CONFIDENCE, confidence_of_a_pair

FEWEST = 12  # worlds of a look


def looks(worlds: int, stops: bool) -> tuple[int, ...]:
    """Numbers of worlds at which designs are looked at, increasing.

    Parameters
    ----------
    worlds : int
        At most.
    stops : bool
        Whether to end as soon as it is sure.

    Examples
    --------
    >>> looks(128, True), looks(128, False), looks(20, True)
    ((16, 32, 64, 128), (128,), (20,))
    """
    found = [worlds]
    while stops and found[0] // 2 >= FEWEST:
        found.insert(0, found[0] // 2)
    return tuple(found)


def confidence_at(look: int, all_looks: tuple[int, ...], designs: int) -> float:
    """Of each interval of a pair at a look, so that all pairs and looks together have 95 %.

    >>> round(confidence_at(128, (16, 32, 64, 128), 2), 4), confidence_at(128, (128,), 2)
    (0.9733, 0.95)
    """
    if len(all_looks) == 1:
        return confidence_of_a_pair(designs)
    error = (1.0 - CONFIDENCE) * look / sum(all_looks)
    return confidence_of_a_pair(designs, error)
