"""The worlds of a run: joint draws of the uncertain inputs.

Worlds are a Latin hypercube that can be extended: the first 200 of 1,000 worlds are the 200 worlds,
and among the first 2^k worlds, whatever k, every input has one value in each of 2^k equally likely
parts of its distribution. Which part belongs to which world is shuffled for each input by itself,
within worlds 2^k to 2^(k+1) - 1.

Order and values of an input follow from its path alone. Two designs that share an input therefore
draw it alike, and adding an input moves no other.

What is a sum of functions of single inputs has nearly the same mean over any such worlds, and the
error of a mean comes of the rest alone (Stein 1987), by a central limit theorem (Owen 1992); so the
intervals can be narrow and hold, see :mod:`sim.montecarlo.controls`. In no case has the mean over n
= 2^k worlds a variance of more than n / (n - 1) times that of independent worlds (Owen 1997).

A Sobol sequence would serve interactions between its first few dimensions better. But inputs come
and go, so each would need a dimension of its own by name; and among the pairs of the first 64 there
are 8 in 100 at 64 worlds whose interaction has more than twice the variance of independent worlds,
and some with twenty-five times as much, which no interval would tell.

References
----------
McKay, Beckman and Conover (1979), A comparison of three methods for selecting values of input
variables. Stein (1987), Large sample properties of simulations using Latin hypercube sampling.
Owen (1992), A central limit theorem for Latin hypercube sampling. Owen (1995), Randomly permuted
(t,m,s)-nets and (t,s)-sequences (the scramble). Owen (1997), Monte Carlo variance of scrambled net
quadrature.
"""

from collections.abc import Sequence
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from sim.model.streams import Streams
from sim.model.uncertain import UncertainInput

FloatArray = npt.NDArray[np.float64]
WordArray = npt.NDArray[np.uint64]

BITS = 32  # resolution of a draw: 2**-32, and as many worlds


def draw_worlds(inputs: Sequence[UncertainInput], seed: int, worlds: int) -> dict[str, FloatArray]:
    """Values of every uncertain input in worlds 0 to ``worlds`` - 1.

    Parameters
    ----------
    inputs : sequence of UncertainInput
    seed : int
        Seed of the run.
    worlds : int
        At least 0.

    Returns
    -------
    dict of str to (worlds,) float64
        By path, in the order of ``inputs``.
    """
    points = unit_points([each.path for each in inputs], seed, worlds)
    return {
        each.path: each.distribution.ppf(points[:, column]) for column, each in enumerate(inputs)
    }


def unit_points(paths: Sequence[str], seed: int, worlds: int) -> FloatArray:
    """Points of the Latin hypercube in the open unit cube.

    Returns
    -------
    (worlds, len(paths)) float64
        Within (0, 1): never an end, where the inverse of an unbounded distribution is infinite.
    """
    points = np.empty((worlds, len(paths)))
    for column, path in enumerate(paths):
        points[:, column] = _points_of(path, seed, worlds)
    return points


@lru_cache(maxsize=256)  # studies draw the same inputs for every design
def _points_of(path: str, seed: int, worlds: int) -> FloatArray:
    """Those of one input: (worlds,) float64."""
    streams = Streams(seed, world=0)
    order = _shuffled(worlds, np.uint64(streams.key(f"order/{path}")))
    words = _scrambled(_mirrored(order), np.uint64(streams.key(f"inputs/{path}")))
    # Halfway into its cell of width 2**-BITS, so that neither 0 nor 1 occurs.
    points: FloatArray = (words.astype(np.float64) + 0.5) / 2.0**BITS
    points.flags.writeable = False
    return points


def _shuffled(count: int, key: np.uint64) -> WordArray:
    """Numbers from 0, those from 2^k to 2^(k+1) - 1 in an order of their own."""
    order = np.arange(count, dtype=np.uint64)
    first = 1
    while first < count:
        # All of them, although some may be beyond the end: more worlds must not move these.
        numbers = np.arange(first, 2 * first, dtype=np.uint64)
        drawn = _mixed(_mixed(numbers ^ key) + key)
        order[first : 2 * first] = numbers[np.argsort(drawn, kind="stable")][: count - first]
        first *= 2
    return order


def _mirrored(numbers: WordArray) -> WordArray:
    """Bits in reverse: the van der Corput sequence, whose first 2^k points are one to a part."""
    mirrored = np.zeros_like(numbers)
    for bit in range(BITS):
        mirrored |= ((numbers >> np.uint64(bit)) & np.uint64(1)) << np.uint64(BITS - 1 - bit)
    return mirrored


def _scrambled(words: WordArray, key: np.uint64) -> WordArray:
    """Nested uniform scramble: each bit flipped by a coin that depends on the bits above it.

    Parameters
    ----------
    words : (n,) uint64
    key : uint64
        Of the coins.
    """
    flipped = words.copy()
    for bit in range(BITS):
        above = words >> np.uint64(BITS - bit)
        node = above | np.uint64(1 << bit)  # number of the node in the binary tree, from 1
        coin = _mixed(_mixed(node ^ key) + key) & np.uint64(1)
        flipped ^= coin << np.uint64(BITS - 1 - bit)
    return flipped


def _mixed(z: WordArray) -> WordArray:
    """Finaliser of SplitMix64 (Steele, Lea and Flood 2014)."""
    z = z + np.uint64(0x9E3779B97F4A7C15)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))
