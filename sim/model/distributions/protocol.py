"""What every distribution can do."""

from typing import Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]


@runtime_checkable
class Distribution(Protocol):
    """A distribution of one real number."""

    def sample(self, rng: np.random.Generator, n: int) -> FloatArray:
        """Draw n independent values, by the fastest method there is: (n,) float64."""
        ...

    def ppf(self, u: FloatArray) -> FloatArray:
        """Smallest x with cdf(x) >= u, for u in [0, 1]: (n,) float64."""
        ...

    def cdf(self, x: FloatArray) -> FloatArray:
        """Probability of a value of at most x: (n,) float64."""
        ...

    def mean(self) -> float:
        """Expected value; infinite where it does not exist."""
        ...

    def limited_mean(self, limit: float) -> float:
        """E[min(X, limit)], the limited expected value of actuaries; limit is finite.

        It gives the mean of anything cut off: E[clip(X, a, b)] = a + E[min(X, b)] - E[min(X, a)].
        """
        ...
