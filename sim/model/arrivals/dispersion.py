"""Slow random swings of the rate, beyond what the day shape explains.

Minute counts of production traffic have an index of dispersion (variance / mean) of 3 to 164 where
Poisson counts have 1. Here the rate carries a factor G(t) = exp(s Z(t) - s²/2) of mean 1 and
coefficient of variation cv, with s² = ln(1 + cv²) and Z a stationary Gaussian process of
correlation exp(-|h| / timescale) (Ornstein-Uhlenbeck), held constant within the cells of a grid.
For counts over a window of one cell with expectation m, the index of dispersion grows by m cv².
"""

import math
from dataclasses import dataclass
from itertools import accumulate

import numpy as np

from sim.model.distributions.protocol import FloatArray
from sim.model.rule import require, require_finite
from sim.model.streams import Streams

GRID_S = 600.0
SHORTEST_S = 10.0


@dataclass(frozen=True, slots=True)
class Dispersion:
    """A random factor on the rate, of mean 1.

    Attributes
    ----------
    cv : float
        Standard deviation of the factor; 0 for none.
    timescale_s : float
        Correlation time of its logarithm, at least 10 s (what varies faster is burstiness).
    """

    cv: float
    timescale_s: float

    def __post_init__(self) -> None:
        require_finite(cv=self.cv, timescale=self.timescale_s)
        require(self.cv >= 0, "dispersion cv", self.cv, "must be at least 0")
        rule = f"must be at least {SHORTEST_S:g} s; use burstiness for faster changes"
        require(self.timescale_s >= SHORTEST_S, "dispersion timescale", self.timescale_s, rule)

    @property
    def grid_s(self) -> float:
        """Width of the cells: ten minutes, less where the timescale is shorter than 40 minutes."""
        return min(GRID_S, self.timescale_s / 4)

    def factors(
        self, name: str, streams: Streams, start_s: float, end_s: float
    ) -> tuple[FloatArray, FloatArray]:
        """Cells that cover [start_s, end_s] and the factor in each.

        The process is drawn outward from time 0 (it is reversible), so that neither a longer
        horizon nor a longer warm-up moves a factor.

        Returns
        -------
        edges_s : (k + 1,) float64
        factor : (k,) float64
        """
        first = min(math.floor(start_s / self.grid_s), 0)
        last = max(math.ceil(end_s / self.grid_s), 1)
        forward = streams(f"arrivals/{name}/dispersion").standard_normal(last).tolist()
        backward = streams(f"arrivals/{name}/dispersion/before").standard_normal(-first).tolist()
        keep = math.exp(-self.grid_s / self.timescale_s)
        fresh = math.sqrt(1 - keep * keep)

        def walk(innovations: list[float]) -> list[float]:  # AR(1), from its first value on
            return list(accumulate(innovations, lambda z, e: keep * z + fresh * e))

        z = np.array(walk([forward[0], *backward])[:0:-1] + walk(forward))
        sigma = math.sqrt(math.log1p(self.cv**2))
        edges = np.arange(first, last + 1, dtype=np.float64) * self.grid_s
        return edges, np.asarray(np.exp(sigma * z - sigma**2 / 2), dtype=np.float64)
