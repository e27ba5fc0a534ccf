"""Worlds in groups by how near to missing their inputs put them.

Worlds are ranked by a score of their inputs. The first group, or *level*, is the half of all worlds
with the lowest scores, the next a quarter, then an eighth, and so on: each is half as frequent as
the one before it. How frequent a level is, is known; so a few worlds of each tell how many of all
worlds miss, however rare the last ones are (stratified sampling, Cochran 1977, chapter 5).
"""

from itertools import pairwise

import numpy as np
import numpy.typing as npt

from sim.model.special import ndtri

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

POPULATION = 1 << 17  # worlds whose inputs are drawn; their scores cost next to nothing
HALVINGS = 12  # of the last level there are 32 worlds among these
PLAIN_SHARE = 0.15  # of the worlds of an estimate, drawn as they come: they look where none is due
FEWEST = 8  # worlds of a level


def edges(population: int = POPULATION) -> IntArray:
    """Ranks at which levels begin, and the end.

    >>> edges(1 << 13).tolist()[:4], len(edges())
    ([0, 4096, 6144, 7168], 14)
    """
    return np.array([population - (population >> k) for k in range(HALVINGS + 1)] + [population])


def shares(population: int = POPULATION) -> FloatArray:
    """Share of all worlds in each level: (levels,) float64."""
    return np.asarray(np.diff(edges(population)) / population)


def heights(score: FloatArray) -> FloatArray:
    """Scores as normal quantiles of their ranks, ties as their mean: (population,) float64."""
    _, place, counts = np.unique(score, return_inverse=True, return_counts=True)
    middle = np.cumsum(counts) - 0.5 * counts
    return np.asarray(ndtri(middle / len(score)))[place]


def members(score: FloatArray) -> list[IntArray]:
    """The worlds of each level; of equal scores those with smaller numbers come first."""
    order = np.argsort(score, kind="stable")
    cut = edges(len(score))
    return [np.sort(order[low:high]) for low, high in pairwise(cut)]


def allocated(chance: FloatArray, worlds: int, population: int = POPULATION) -> IntArray:
    """How many worlds of each level: in proportion to what it adds to the error (Neyman 1934).

    Parameters
    ----------
    chance : (levels,) float64
        Of a miss, as far as is foreseen.
    worlds : int
        Of all levels together, at most.

    Returns
    -------
    (levels,) int64
        At least some of each, and no more than there are.
    """
    share, most = shares(population), np.diff(edges(population))
    fewest = min(FEWEST, worlds // (2 * len(share)))
    found = np.minimum(fewest + np.floor(PLAIN_SHARE * worlds * share).astype(np.int64), most)
    error = share * np.sqrt(chance * (1.0 - chance)) + 1e-12
    left = worlds - int(found.sum())
    for _ in range(len(share)):  # what a full level cannot take goes to the others
        room = most - found
        open_error = np.where(room > 0, error, 0.0)
        if left <= 0 or not open_error.any():
            break
        more = np.minimum(np.floor(left * open_error / open_error.sum()).astype(np.int64), room)
        if not more.any():
            break
        found += more
        left -= int(more.sum())
    return found
