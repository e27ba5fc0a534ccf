"""How much volume a fleet carries: the replicas that a pool needs, as a step function of volume.

For a few numbers of replicas, doubling from one, the greatest volume is sought at which the SLO
holds in 95 % of worlds, by bisection under common random numbers. It begins with the fluid bound:
no fleet carries more work than it can do at its largest batch. Between these numbers the volume per
replica is interpolated over the logarithm of their number; beyond the last it stays as it is. That
errs on the side of more replicas, for a larger pool shares its peaks and never carries less each.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]
BoolArray = npt.NDArray[np.bool_]

CONFIDENCE = 0.95  # share of worlds in which the SLO must hold
TOLERANCE = 1.04  # of a volume, between one that is carried and one that is not
FIRST_LOOK = 0.5  # of the fluid bound: where daily peaks usually let a fleet be
LEAST_OF_BOUND = 1 / 64  # a fleet that does not carry this of its fluid bound carries nothing
LOOKS = (2, 5)  # worlds after which a probe may have failed already

Kept = Callable[[int, float, int], BoolArray]
"""Of replicas, volume and worlds: in which of the first worlds the SLO held."""


@dataclass(frozen=True, slots=True)
class Capacity:
    """What a pool carries.

    Attributes
    ----------
    replicas : (n,) int64
        That were tried, increasing.
    volume : (n,) float64
        Arrivals a day that so many carry; 0 where they carry none.
    """

    replicas: IntArray
    volume: FloatArray

    @property
    def carries_any(self) -> bool:
        """Whether any of the fleets keeps the SLO at all."""
        return bool((self.volume > 0).any())

    def carried(self, replicas: IntArray) -> FloatArray:
        """Arrivals a day that numbers of replicas carry, tried or not.

        Examples
        --------
        >>> pool = Capacity(np.array([1, 2, 4]), np.array([100.0, 240.0, 500.0]))
        >>> pool.carried(np.array([1, 2, 3, 8])).round(1).tolist()
        [100.0, 240.0, 368.8, 1000.0]
        """
        at = np.log2(np.asarray(replicas, np.float64))
        each = np.interp(at, np.log2(self.replicas), self.volume / self.replicas)
        return np.asarray(np.maximum.accumulate(each * replicas))

    def needed(self, volume: FloatArray) -> IntArray:
        """Fewest replicas that carry volumes.

        Examples
        --------
        >>> pool = Capacity(np.array([1, 2, 4]), np.array([100.0, 240.0, 500.0]))
        >>> pool.needed(np.array([5.0, 100.0, 101.0, 1000.0])).tolist()
        [1, 1, 2, 8]
        """
        steps = self.carried(np.arange(1, self.enough_for(float(np.max(volume))) + 1))
        # A volume that is a step but for rounding does not need the next one.
        return np.searchsorted(steps * (1 + 1e-12), volume) + 1

    def enough_for(self, volume: float) -> int:
        """Some number of replicas that carries a volume."""
        each = float((self.volume / self.replicas)[self.volume > 0].min())
        return max(int(self.replicas[-1]), math.ceil(volume / each * (1 + 1e-9)))


@dataclass
class Search:
    """Seeks what fleets carry, at most so much simulation.

    Attributes
    ----------
    kept : callable
    worlds : int
        In which a fleet is tried.
    requests_per_volume : float
        Simulated in a world at a volume of 1.
    budget : float
        Requests to simulate; the first number of replicas is sought whatever it takes.
    """

    kept: Kept
    worlds: int
    requests_per_volume: float
    budget: float
    spent: float = 0.0

    def capacity(self, fluid_volume: float, least: float, most: float) -> Capacity:
        """What fleets carry that are needed for volumes from ``least`` to ``most``.

        Parameters
        ----------
        fluid_volume : float
            The greatest volume that one replica has the throughput for.
        """
        replicas, volumes, each = 1, [], 0.0
        tried: list[int] = []
        while not tried or self._affords(replicas, each or fluid_volume):
            volume = self.carried(replicas, fluid_volume, each, least, most)
            tried.append(replicas)
            volumes.append(volume)
            each = max(each, volume / replicas)
            if volume >= most:
                break
            replicas *= 2
        return Capacity(np.array(tried, np.int64), np.array(volumes))

    def carried(
        self, replicas: int, fluid_volume: float, each: float, least: float, most: float
    ) -> float:
        """The greatest volume that so many replicas carry; 0 if none.

        Parameters
        ----------
        each : float
            What a replica of a smaller fleet carries; 0 if not known.
        least : float
            A volume below which no one asks.
        most : float
            A volume above which no one does; a fleet that carries it is not asked for more.
        """
        bound = replicas * fluid_volume
        if most < bound and self.holds(replicas, most):
            return most
        high, low = min(bound, most), replicas * each
        while not low:
            probe = FIRST_LOOK * high
            if probe < max(LEAST_OF_BOUND * bound, FIRST_LOOK * least):
                return 0.0
            if self.holds(replicas, probe):
                low = probe
            else:
                high = probe
        while high / low > TOLERANCE:
            probe = math.sqrt(low * high)
            low, high = (probe, high) if self.holds(replicas, probe) else (low, probe)
        return low

    def holds(self, replicas: int, volume: float) -> bool:
        """Whether the SLO holds in enough worlds, looked at in as few as show that it does not."""
        allowed = math.floor((1 - CONFIDENCE) * self.worlds + 1e-9)
        seen = 0
        for look in (*(look for look in LOOKS if look < self.worlds), self.worlds):
            held = self.kept(replicas, volume, look)
            self.spent += (look - seen) * volume * self.requests_per_volume
            seen = look
            if int((~held).sum()) > allowed:
                return False
        return True

    def _affords(self, replicas: int, each: float) -> bool:
        """Whether three probes of a fleet fit into what is left."""
        probe = replicas * each * self.requests_per_volume * self.worlds
        return self.spent + 3 * probe <= self.budget
