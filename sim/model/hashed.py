"""Uniform numbers by hash: what falls to a thing hangs on its numbers alone, not on who asks when.

A generator deals its numbers in the order in which they are asked for. Where a window of time may
be entered anywhere, or a thing comes again beside others, each has its own by a hash instead: the
finaliser of SplitMix64 over a key of the stream and the numbers that tell the thing from others.

References
----------
Steele, Lea and Flood (2014), Fast splittable pseudorandom number generators.
"""

import numpy as np
import numpy.typing as npt

from sim.model.distributions.protocol import FloatArray

Integers = npt.NDArray[np.int64]
Words = npt.NDArray[np.uint64]

GOLDEN = np.uint64(0x9E3779B97F4A7C15)  # 2⁶⁴ over the golden ratio, odd
MULTIPLIERS = (np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB))
SHIFTS = (np.uint64(30), np.uint64(27), np.uint64(31))
UNUSED_BITS = np.uint64(11)  # of 64, that a float64 has no room for
UNIT = 2.0**-53


def hashed_uniform(key: int, *numbers: Integers) -> FloatArray:
    """A uniform number in [0, 1) for each row of numbers.

    Parameters
    ----------
    key : int
        64 bits, of the stream.
    numbers : (n,) int64 each

    Examples
    --------
    >>> hashed_uniform(7, np.array([0, 1, 0]), np.array([0, 0, 1])).round(3)
    array([0.181, 0.876, 0.47 ])
    """
    word = np.full(len(numbers[0]), key, np.uint64)
    for each in numbers:
        word = _mixed(word ^ _mixed(each.astype(np.uint64) * GOLDEN + GOLDEN))
    return np.asarray((word >> UNUSED_BITS) * UNIT)


def _mixed(word: Words) -> Words:
    """The finaliser: every bit of the word moves half of the bits of the result."""
    word = (word ^ (word >> SHIFTS[0])) * MULTIPLIERS[0]
    word = (word ^ (word >> SHIFTS[1])) * MULTIPLIERS[1]
    return np.asarray(word ^ (word >> SHIFTS[2]))
