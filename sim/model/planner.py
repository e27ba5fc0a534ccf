"""Dynamo's planner: replicas from the load of the next interval and what a replica was profiled at.

Names and defaults are those of NVIDIA Dynamo 1.x, throughput-based scaling
(docs.nvidia.com/dynamo, Planner Design; ``components/planner``, ``defaults.py``), read 2026-11-28.
Every ``adjustment_interval_s`` it looks at the requests that came in the interval, the mean lengths
of what was finished, and the mean TTFT and ITL; predicts the next interval; and asks for as many
replicas as that takes (``sim.model.planning``). A pool that prefills is given ``ttft_s``, one that
decodes ``itl_s``, and one that does both is given both: Dynamo plans by throughput for separate
pools only, so here the shares of a replica that the two take are added.

The interpolation over profiled points is the service profile's own law here, which gives what a
sweep of it would. Of Dynamo's load predictors there are ``constant`` (the next interval is like the
last) and ``kalman`` (a local linear trend); ARIMA, its default, and Prophet are large models of
their own, and are not.
"""

from dataclasses import dataclass
from typing import Literal

from sim.model.rule import require

Predictor = Literal["constant", "kalman"]

# Dynamo's defaults of the Kalman filter: variances of the level's and of the trend's change from
# one interval to the next, and of an observation; observations before it is believed.
Q_LEVEL, Q_TREND, R, LEAST_POINTS = 1.0, 0.1, 10.0, 5


@dataclass(frozen=True, slots=True)
class Planner:
    """How Dynamo's planner scales a pool.

    Attributes
    ----------
    max_replicas, min_replicas : int
    ttft_s : float or None
        The target of a pool that prefills. As in Dynamo it says that prompts are planned for; how
        long one takes is a matter of the profile, and not of the number of replicas.
    itl_s : float or None
        The target of a pool that decodes: the batch is as large as it allows.
    adjustment_interval_s : float
    predictor : {"constant", "kalman"}
    corrects : bool
        Whether what was measured, over what the profile says, corrects the plan.
    """

    max_replicas: int
    min_replicas: int = 1
    ttft_s: float | None = None
    itl_s: float | None = None
    adjustment_interval_s: float = 180.0
    predictor: Predictor = "constant"
    corrects: bool = True

    def __post_init__(self) -> None:
        fewest, most = self.min_replicas, self.max_replicas
        require(fewest >= 1, "min_replicas", fewest, "of a planner must be >= 1")
        require(most >= fewest, "max_replicas", most, f"must be at least {fewest}")
        targets = [each for each in (self.ttft_s, self.itl_s) if each is not None]
        require(len(targets) > 0, "targets", len(targets), "must be at least one")
        for each in targets:
            require(each > 0, "target", each, "must be above 0")
        interval_s = self.adjustment_interval_s
        require(interval_s > 0, "adjustment_interval_s", interval_s, "must be above 0")
