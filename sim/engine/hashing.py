"""Random numbers by counter, for choices made inside the kernel.

A choice is a pure function of the stream's key, the request's number and the number of the draw, so
that it does not depend on what was drawn before, and a second kernel entry changes nothing. The
mixing function is SplitMix64's finaliser (Steele, Lea, Flood, OOPSLA 2014).
"""

import numpy as np

from sim.engine.jit import compiled

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)  # 2^64 / golden ratio, odd
_MIX1 = np.uint64(0xBF58476D1CE4E5B9)
_MIX2 = np.uint64(0x94D049BB133111EB)
_S11, _S27, _S30, _S31 = np.uint64(11), np.uint64(27), np.uint64(30), np.uint64(31)


@compiled
def _mix(z: np.uint64) -> np.uint64:
    z = (z ^ (z >> _S30)) * _MIX1
    z = (z ^ (z >> _S27)) * _MIX2
    return z ^ (z >> _S31)


@compiled
def uniform(key: np.uint64, request: int, draw: int) -> float:
    """A number in [0, 1) that depends on nothing but its three arguments."""
    z = _mix(np.uint64(key) + np.uint64(request) * _GOLDEN)
    z = _mix(z + np.uint64(draw + 1) * _GOLDEN)
    return float(z >> _S11) * 2.0**-53
