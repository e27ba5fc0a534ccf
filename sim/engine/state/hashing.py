"""Random numbers by counter, for choices made inside the kernel.

A choice is a pure function of the stream's key, the request's number and the number of the draw, so
that it does not depend on what was drawn before, and a second kernel entry changes nothing. The
mixing function is SplitMix64's finaliser (Steele, Lea, Flood, OOPSLA 2014).
"""

import numpy as np

from sim.engine.state.jit import compiled

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)  # 2^64 / golden ratio, odd
_MIX1 = np.uint64(0xBF58476D1CE4E5B9)
_MIX2 = np.uint64(0x94D049BB133111EB)
_S11, _S27, _S30, _S31 = np.uint64(11), np.uint64(27), np.uint64(30), np.uint64(31)
_S33 = np.uint64(33)
_ONE = np.uint64(1)
_JUMP_FACTOR = np.uint64(2862933555777941757)


@compiled
def _mix(z: np.uint64) -> np.uint64:
    z = (z ^ (z >> _S30)) * _MIX1
    z = (z ^ (z >> _S27)) * _MIX2
    return z ^ (z >> _S31)


@compiled
def mixed(key: np.uint64, number: int, draw: int) -> np.uint64:
    """64 random bits that depend on nothing but the three arguments, ``number`` at least 0."""
    z = _mix(np.uint64(key) + np.uint64(number) * _GOLDEN)
    return _mix(z + np.uint64(draw + 1) * _GOLDEN)


@compiled
def mixed_once(key: np.uint64, number: int) -> np.uint64:
    """64 bits of two numbers for a hash table, which need be neither independent nor secret."""
    return _mix(np.uint64(number) + np.uint64(key) * _GOLDEN)


@compiled
def uniform(key: np.uint64, number: int, draw: int) -> float:
    """A number in [0, 1) that depends on nothing but the three arguments."""
    return float(mixed(key, number, draw) >> _S11) * 2.0**-53


@compiled
def jump(key: np.uint64, buckets: int) -> int:
    """Jump consistent hash (Lamping, Veach, 2014): a bucket for the key.

    When a bucket is added at the end, one in ``buckets`` of the keys moves, and to that one.
    """
    bucket, following = 0, 0
    while following < buckets:
        bucket = following
        key = key * _JUMP_FACTOR + _ONE
        following = int((bucket + 1) * (2.0**31 / (float(key >> _S33) + 1.0)))
    return bucket
