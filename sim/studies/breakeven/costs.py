"""What a side costs a day at any volume, in every world.

A **fixed fleet** costs what its replicas cost while nobody comes, exactly and for any number of
them, and a little more for being used (power, replacements of what failed). The number of replicas
is a step function of volume; what comes on top is simulated at a few volumes and is interpolated
per replica.

What is **paid by use** (an API, a fleet that scales itself) is simulated at a few volumes, per
arrival, and the cost is linear in between. Beyond the greatest volume that is simulated the cost of
an arrival stays as it is there.

Fewer worlds are simulated at great volumes. A world that is not gets its figure at the greatest
volume where it is, times what the figure changed from there in the others.
"""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from sim.studies.sizing_for_volume import Capacity

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]
BoolArray = npt.NDArray[np.bool_]


class Curve(Protocol):
    """The cost of a side as a function of volume."""

    @property
    def breaks(self) -> FloatArray:
        """Volumes where the cost may jump, or its slope change."""
        ...

    def usd(self, volume: FloatArray) -> FloatArray:
        """Cost a day: (worlds, volumes); infinite where the side does not keep the SLO."""
        ...


@dataclass(frozen=True, slots=True)
class Burdened:
    """A side whose every day bears its part of what switching to it costs once.

    Attributes
    ----------
    curve : Curve
    more_usd : (worlds,) float64
        A day.
    """

    curve: Curve
    more_usd: FloatArray

    @property
    def breaks(self) -> FloatArray:
        """Those of the side."""
        return self.curve.breaks

    def usd(self, volume: FloatArray) -> FloatArray:
        """Cost a day: (worlds, volumes)."""
        return np.asarray(self.curve.usd(volume) + self.more_usd[:, None])


@dataclass(frozen=True, slots=True)
class ByUse:
    """What is paid by use.

    Attributes
    ----------
    volume : (n,) float64
        Simulated, increasing.
    each_usd : (worlds, n) float64
        Cost of an arrival there, without what is fixed.
    able : (n,) bool
        Whether the SLO holds there.
    fixed_usd : (worlds,) float64 or float
        A day, whatever comes.
    """

    volume: FloatArray
    each_usd: FloatArray
    able: BoolArray
    fixed_usd: FloatArray | float = 0.0

    @property
    def breaks(self) -> FloatArray:
        """The simulated volumes."""
        return self.volume

    def usd(self, volume: FloatArray) -> FloatArray:
        """Cost a day: (worlds, volumes); infinite from the last volume at which the SLO holds."""
        usd = self._interpolated(volume)
        at = np.searchsorted(self.volume, volume * (1 - 1e-12)).clip(0, len(self.volume) - 1)
        usd[:, ~self.able[at]] = np.inf
        return usd

    def paid_usd(self, volume: FloatArray) -> FloatArray:
        """Cost a day of each world at its own volume, whether the SLO holds or not: (worlds,)."""
        return np.asarray(np.diagonal(self._interpolated(volume)))

    def _interpolated(self, volume: FloatArray) -> FloatArray:
        total = self.each_usd * self.volume
        rows = [np.interp(volume, self.volume, row) for row in total]
        beyond, below = volume > self.volume[-1], volume < self.volume[0]
        usd = np.array(rows)
        usd[:, beyond] = self.each_usd[:, -1:] * volume[beyond]
        usd[:, below] = self.each_usd[:, :1] * volume[below]
        return np.asarray(usd + np.atleast_1d(self.fixed_usd)[:, None])


@dataclass(frozen=True, slots=True)
class ByFleet:
    """A fixed fleet.

    Attributes
    ----------
    capacity : Capacity
    replicas : (m,) int64
        Numbers of replicas that were priced, increasing.
    idle_usd : (worlds, m) float64
        Cost a day of so many while nobody comes.
    volume : (n,) float64
        Simulated, increasing.
    use_usd : (worlds, n) float64
        What a replica costs more a day for being used at these volumes.
    """

    capacity: Capacity
    replicas: IntArray
    idle_usd: FloatArray
    volume: FloatArray
    use_usd: FloatArray

    @property
    def breaks(self) -> FloatArray:
        """The steps of the fleet, and the simulated volumes."""
        if not self.capacity.carries_any:
            return self.volume
        steps = self.capacity.carried(np.arange(1, self.replicas[-1] + 1))
        return np.union1d(steps[steps > 0], self.volume)

    def usd(self, volume: FloatArray) -> FloatArray:
        """Cost a day: (worlds, volumes); infinite if no fleet keeps the SLO."""
        if not self.capacity.carries_any:
            return np.full((len(self.idle_usd), len(volume)), np.inf)
        needed = self.capacity.needed(volume)
        idle = np.array([np.interp(needed, self.replicas, row) for row in self.idle_usd])
        use = np.array([np.interp(volume, self.volume, row) for row in self.use_usd])
        return np.asarray(idle + use * needed)

    def fleet_usd(self, replicas: int, volume: FloatArray) -> FloatArray:
        """Cost a day of so many replicas in each world, at its own volume: (worlds,)."""
        idle = np.array([np.interp(replicas, self.replicas, row) for row in self.idle_usd])
        use = np.array([np.interp(v, self.volume, row)
                        for v, row in zip(volume, self.use_usd, strict=True)])  # fmt: skip
        return np.asarray(idle + use * replicas)


def completed(figures: FloatArray) -> FloatArray:
    """Figures of all worlds at all volumes, where some worlds were not simulated (NaN).

    Parameters
    ----------
    figures : (worlds, n) float64
        The first column has no NaN; in each column the first worlds are simulated, and no more of
        them than in the column before.

    Examples
    --------
    >>> completed(np.array([[1.0, 1.2], [2.0, np.nan]])).tolist()
    [[1.0, 1.2], [2.0, 2.4]]
    """
    filled = np.array(figures)
    for column in range(1, filled.shape[1]):
        missing = np.isnan(filled[:, column])
        there = ~missing
        before, now = filled[there, column - 1].sum(), filled[there, column].sum()
        change = now / before if before > 0 else 1.0
        filled[missing, column] = filled[missing, column - 1] * change
    return filled
