"""How an order of days is cut into strata of which one day each stands for all.

What a sum over the horizon is off by is, for one day drawn of each stratum, the days of the stratum
times what the drawn one differs by from their mean: in what is known of it, and in its own chance,
which is taken for a share of it. Cuts make the sum of squares of that the least (Fisher 1958, by
dynamic programming), so that a stratum neither mixes weekdays with weekends nor has too many days.

References
----------
Fisher (1958), On grouping for maximum homogeneity.
"""

from itertools import pairwise

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

OWN = 0.02  # squared: of what is known of a day, what chance adds
PLACES = 400  # at which an order may be cut; of more days some stay together


class Cuts:
    """The best cuts of an order of days into any number of strata.

    Parameters
    ----------
    key : (days,) float64
        What is known of each, increasing.
    size : (days,) float64
        Of what is decided on each: chance adds a share of it.
    most : int
        Strata.

    Attributes
    ----------
    most : int
        Strata at most: no more than there are days.
    error : (most + 1,) float64
        Squared error with so many strata.

    Examples
    --------
    >>> cuts = Cuts(np.array([1.0, 1.0, 1.0, 5.0, 5.0]), np.ones(5), 3)
    >>> [each.tolist() for each in cuts.into(2)]
    [[0, 1, 2], [3, 4]]
    """

    def __init__(self, key: FloatArray, size: FloatArray, most: int) -> None:
        self._days = len(key)
        self._edges = np.unique(np.linspace(0, len(key), min(len(key), PLACES) + 1).round())
        self.most = min(most, len(self._edges) - 1)
        whole = _errors(key, size, self._edges.astype(np.int64))
        best = np.full(len(self._edges), np.inf)
        best[0] = 0.0
        self._last: list[IntArray] = []
        self.error = np.full(self.most + 1, np.inf)
        self.error[0] = 0.0 if not self._days else np.inf
        for count in range(1, self.most + 1):
            sums = best[:, None] + whole
            self._last.append(np.argmin(sums, axis=0))
            best = sums.min(axis=0)
            self.error[count] = best[-1]

    def into(self, count: int) -> list[IntArray]:
        """Places in the order of the days of each of so many strata."""
        ends = [len(self._edges) - 1]
        for last in reversed(self._last[:count]):
            ends.append(int(last[ends[-1]]))
        edges = self._edges[ends[::-1]].astype(np.int64)
        return [np.arange(a, b) for a, b in pairwise(edges.tolist())]


def _errors(key: FloatArray, size: FloatArray, edges: IntArray) -> FloatArray:
    """Squared error of a stratum from one edge to another; infinite where that is no stratum."""
    counts = (edges[None, :] - edges[:, None]).astype(np.float64)
    sums, squares, sizes = (
        passed[edges][None, :] - passed[edges][:, None]
        for passed in (np.append(0.0, np.cumsum(each)) for each in (key, key**2, size**2))
    )
    around = squares - sums**2 / np.maximum(counts, 1.0)
    found: FloatArray = counts * (np.maximum(around, 0.0) + OWN * sizes)
    return np.where(counts > 0, found, np.inf)
