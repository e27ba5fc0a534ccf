"""The volume that the scenario itself has, in each world.

The study varies volume with every rate at its median; where rates are uncertain, a world has more
or less of it. Where the volume follows from something else (a bill, whose requests are longer or
shorter), the fleets were sized with that in them: what is planned for is the *nominal* volume, the
one that the study counts, and what is paid by use is paid for the requests that come.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sim.montecarlo.estimates import quantile
from sim.studies.breakeven.sides import Contest, arrivals_per_day
from sim.studies.sizing_for_volume import CONFIDENCE

FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Own:
    """The scenario's own volume.

    Attributes
    ----------
    draws : sequence of dict
        Values of the uncertain inputs in each world.
    volume : (worlds,) float64
        Arrivals a day.
    nominal : (worlds,) float64
        The volume at which the study would have as many.
    """

    draws: Sequence[dict[str, float]]
    volume: FloatArray
    nominal: FloatArray

    @property
    def usual(self) -> float:
        """Nominal volume of the median world."""
        return quantile(np.sort(self.nominal), 0.5)

    @property
    def planned(self) -> FloatArray:
        """The nominal volume that a fleet is bought for: (1,), more than most worlds have."""
        return np.array([quantile(np.sort(self.nominal), CONFIDENCE)])


def own_volume(contest: Contest, draws: Sequence[dict[str, float]]) -> Own:
    """The volume of the scenario as it stands in each world."""
    counted = contest.at(contest.reference, contest.volume)
    volume = np.array([arrivals_per_day(contest.scenario.design(world)) for world in draws])
    same = np.array([arrivals_per_day(counted.design(world)) for world in draws])
    nominal = np.full(len(volume), contest.volume)
    np.divide(contest.volume * volume, same, out=nominal, where=same > 0)
    return Own(draws, volume, nominal)
