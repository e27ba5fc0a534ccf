"""How many worlds are enough.

Worlds are added until the interval of an asked metric is narrow enough. The decision is taken only
at fixed numbers of worlds, so that it depends neither on the number of workers nor on the order in
which worlds finish: at 128, 256, 512, ... (where worlds are spread most evenly) and half way
between. The steps grow, for each look gives chance another occasion to stop too early.
"""

import difflib
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sim.errors import PeakfleetError
from sim.montecarlo.estimates import Estimate
from sim.montecarlo.sample import Sample
from sim.montecarlo.shares import Interval

FIRST_LOOK = 128  # worlds; a p95 has an interval from 72
PERCENTILES = ("p50", "p95")
DEFAULT_METRIC = "e2e_p95_s:p50"  # the p95 that people see in the median world
DEFAULT_CAP = 10_000  # worlds, where no other limit is set


@dataclass(frozen=True, slots=True)
class Goal:
    """The precision asked for.

    Attributes
    ----------
    relative : float
        Half the width of the 95 % interval over the estimate, at most.
    metric : str
        Such as ``e2e_p95_s`` or ``workloads.chat.ttft_p95_s``.
    percentiles : tuple of str
        Those over worlds whose interval counts: "p50", "p95", or both.
    """

    relative: float
    metric: str
    percentiles: tuple[str, ...]

    @classmethod
    def parse(cls, relative: float, metric: str) -> "Goal":
        """Goal from ``NAME``, ``NAME:p50`` or ``NAME:p95``; both percentiles if none is named.

        >>> Goal.parse(0.02, "cost_usd:p95").percentiles
        ('p95',)
        """
        if not 0.0 < relative < 1.0:
            raise PeakfleetError(f"precision ({relative:g}) must be between 0 and 1, such as 2%")
        name, _, percentile = metric.partition(":")
        if percentile and percentile not in PERCENTILES:
            raise PeakfleetError(f"precision metric ({metric}) must end in :p50, :p95 or neither")
        return cls(relative, name, (percentile,) if percentile else PERCENTILES)

    def check(self, metrics: Sequence[str]) -> None:
        """Refuse a metric that is not among those of a replication."""
        if self.metric not in metrics:
            near = difflib.get_close_matches(self.metric, metrics, 1)
            hint = f" (did you mean {near[0]!r}?)" if near else ""
            raise PeakfleetError(f"precision metric ({self.metric}) is not a metric{hint}")

    def width(self, sample: Sample) -> float:
        """Relative half-width reached, the widest of the percentiles; infinite if undefined."""
        return self.width_of(sample.estimate(self.metric))

    def width_of(self, figure: Estimate) -> float:
        """Relative half-width of an estimate, the widest of the percentiles asked."""
        intervals = {"p50": (figure.p50, figure.p50_ci), "p95": (figure.p95, figure.p95_ci)}
        return max(_half_width(*intervals[name]) for name in self.percentiles)


def looks(worlds: int, goal: Goal | None) -> Iterator[int]:
    """Numbers of worlds after which the decision is taken, the last being ``worlds``.

    >>> list(looks(600, Goal.parse(0.02, "cost_usd")))
    [128, 192, 256, 384, 512, 600]
    """
    if goal is not None:
        look = FIRST_LOOK
        while look < worlds:
            yield look
            power_of_two = look & (look - 1) == 0
            look = look * 3 // 2 if power_of_two else look * 4 // 3
    yield worlds


def _half_width(value: float, interval: Interval) -> float:
    half = (interval[1] - interval[0]) / 2.0
    if half == 0.0:
        return 0.0
    relative = half / abs(value) if value else float("inf")
    return float("inf") if math.isnan(relative) else relative  # NaN: too few worlds yet
