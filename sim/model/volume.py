"""How many times as many requests as a trace has, at which time."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from sim.model.arrivals import SpecialEvent
from sim.model.distributions.protocol import FloatArray


@dataclass(frozen=True, slots=True, eq=False)
class Volume:
    """A piecewise-constant factor on the requests of a moment.

    Attributes
    ----------
    edges_s : (m,) float64
        Increasing.
    factor : (m + 1,) float64
        Before the first edge, from each edge on.
    """

    edges_s: FloatArray
    factor: FloatArray

    @classmethod
    def of(cls, scale: float, events: Sequence[SpecialEvent] = ()) -> "Volume":
        """A factor for all times, multiplied while events last.

        Examples
        --------
        >>> twice = Volume.of(2.0, [SpecialEvent(60.0, 30.0, 3.0)])
        >>> twice.at(np.array([0.0, 60.0, 89.9, 90.0])).tolist()
        [2.0, 6.0, 6.0, 2.0]
        """
        edges = np.unique([t for e in events for t in (e.start_s, e.start_s + e.duration_s)])
        factor = np.full(len(edges) + 1, scale)
        for e in events:
            during = (edges >= e.start_s) & (edges < e.start_s + e.duration_s)
            factor[1:][during] *= e.factor
        return cls(edges, factor)

    @property
    def least(self) -> float:
        """The smallest factor of all times."""
        return float(self.factor.min())

    def at(self, t_s: FloatArray) -> FloatArray:
        """The factor at some times."""
        return np.asarray(self.factor[np.searchsorted(self.edges_s, t_s, side="right")])

    def most(self, start_s: float, end_s: float) -> float:
        """The largest factor within [start_s, end_s)."""
        first = int(np.searchsorted(self.edges_s, start_s, side="right"))
        last = int(np.searchsorted(self.edges_s, end_s, side="left"))
        return float(self.factor[first : max(first, last) + 1].max())
