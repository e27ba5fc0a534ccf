"""What each world was seen to need: from which count on it kept the SLO, up to which it missed it.

Of two fleets in the same world the larger keeps the SLO where the smaller does. So a world that a
count was seen to keep needs no look at larger ones, and one that a count missed none at smaller
ones, as long as it is only asked what a count seems to do. What is *decided* of a count rests on
worlds in which that count itself was simulated.
"""

import numpy as np
import numpy.typing as npt

BoolArray = npt.NDArray[np.bool_]
IntArray = npt.NDArray[np.int64]


class Sightings:
    """Worlds of one kind of fleet.

    Parameters
    ----------
    worlds : int
        At most so many.

    Examples
    --------
    >>> seen = Sightings(3)
    >>> seen.note(4, np.array([0, 1]), np.array([True, False]))
    >>> seen.unknown(5, 3).tolist(), seen.unknown(3, 2).tolist()
    ([1, 2], [0])
    >>> seen.kept(5, 3).tolist()
    [True, False, False]
    """

    def __init__(self, worlds: int) -> None:
        self._least_kept = np.full(worlds, np.inf)
        self._most_missed = np.zeros(worlds)

    def note(self, count: int, worlds: IntArray, kept: BoolArray) -> None:
        """Take note of what a count did in some worlds."""
        best, worst = self._least_kept, self._most_missed
        best[worlds[kept]] = np.minimum(best[worlds[kept]], count)
        worst[worlds[~kept]] = np.maximum(worst[worlds[~kept]], count)

    def kept(self, count: int, worlds: int) -> BoolArray:
        """Which of the first worlds a count keeps, as far as is known: (worlds,) bool."""
        return np.asarray(self._least_kept[:worlds] <= count)

    def unknown(self, count: int, worlds: int) -> IntArray:
        """Which of the first worlds nothing tells of."""
        neither = ~self.kept(count, worlds) & (self._most_missed[:worlds] < count)
        return np.flatnonzero(neither)
