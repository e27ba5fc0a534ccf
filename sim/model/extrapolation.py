"""Beyond what was measured: bounds that physics sets to the law of a step.

A batch, a context or a prompt beyond the measured ones takes what the measured law says when it is
continued, and never less than the hardware allows. Every decoded token passes the same matrices as
a token of a prompt, so a step of B sequences takes at least B times what a token of a prompt takes
where the arithmetic is what limits it; and it takes the time in which the weights, and the cache of
each token, are read once.

A measurement beats a published figure: where the largest measured batch was faster than these
bounds allow, the bounds give way to it, and beyond it the tokens per second stay what they were.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Limits:
    """Least times of a replica, all of its GPUs together, at the peaks that vendors publish.

    Attributes
    ----------
    weights_s : float
        To read the weights once; of a mixture of experts those that a single token uses.
    token_s : float
        Arithmetic of one token.
    kv_token_s : float
        To read the cache of one token.
    pair_s : float
        Arithmetic of attention between two tokens.
    """

    weights_s: float
    token_s: float
    kv_token_s: float
    pair_s: float

    def scaled(self, factor: float) -> "Limits":
        """All times multiplied."""
        times = (self.weights_s, self.token_s, self.kv_token_s, self.pair_s)
        return Limits(*(factor * time for time in times))


def continued(x: FloatArray, points: tuple[int, ...], values: tuple[float, ...]) -> FloatArray:
    """Linear between the points; beyond the last one with its slope, but never falling."""
    y = np.interp(x, points, values)
    if len(points) > 1:
        slope = max(values[-1] - values[-2], 0.0) / (points[-1] - points[-2])
        beyond = x > points[-1]
        y[beyond] = values[-1] + slope * (x[beyond] - points[-1])
    return y


def bounded(
    x: FloatArray, base_s: FloatArray, largest: int, largest_s: float, token_s: float
) -> FloatArray:
    """a(B) that beyond the largest measured batch takes at least a token's time for each sequence.

    Parameters
    ----------
    x : (n,) float64
        Batches, increasing.
    base_s : (n,) float64
        a(B) as continued.
    largest : int
        Largest measured batch, at least 1.
    largest_s : float
        a(B) there: a token's time is at most this for each of its sequences.
    token_s : float
        Arithmetic of a token.

    Returns
    -------
    (n,) float64
        Never falling beyond ``largest``.

    Examples
    --------
    Steps of 10 ms up to 64 sequences, and 50 us of arithmetic a token:

    >>> at = np.array([64.0, 128.0, 400.0])
    >>> bounded(at, np.full(3, 0.01), 64, 0.01, 5e-5)
    array([0.01, 0.01, 0.02])
    """
    each_s = min(token_s, largest_s / largest)
    floor_s = np.maximum(base_s, each_s * x)
    beyond = x > largest
    result = np.where(beyond, floor_s, base_s)
    if beyond.any():
        result[beyond] = np.maximum.accumulate(np.maximum(result[beyond], largest_s))
    return result
