"""The gateway before a pool: what it takes in, what it holds back, what it turns away."""

import math
from dataclasses import dataclass
from typing import Literal

from sim.model.rule import require

OnLoss = Literal["fail", "resend"]

FULL_QUEUE, FULL_KV = 5.0, 0.8  # of a replica: defaults of llm-d's utilization detector
DISPATCH_S = 0.001  # from one held request to the next
REFRESH_S = 0.05  # --refresh-metrics-interval of its endpoint picker


@dataclass(frozen=True, slots=True)
class FlowControl:
    """Requests wait at the gateway while the pool is saturated, and leave it by priority.

    As in the Gateway API Inference Extension and llm-d ("flow control", with the utilization
    detector): the gateway collects of every ready replica how many requests wait there and how full
    its KV cache is, every ``refresh_s``. Of each the larger of its waiting requests over
    ``full_queue`` and its filled share over ``full_kv`` is taken; from a mean of 1 on the pool is
    saturated, and nothing is handed to a replica until it was seen otherwise. In between the
    gateway goes by what it saw last, and what is held leaves one by one, a millisecond apart
    (``dispatchCycle`` of its processor); here all that leaves until the next look leaves at once.
    So a long queue overfills a pool by what leaves between two looks.

    Attributes
    ----------
    full_queue, full_kv : float
        Waiting requests, and share of the KV cache, at which a replica counts as full.
    refresh_s : float
    """

    full_queue: float = FULL_QUEUE
    full_kv: float = FULL_KV
    refresh_s: float = REFRESH_S

    def __post_init__(self) -> None:
        require(self.full_queue > 0, "full_queue", self.full_queue, "must be above 0")
        require(0 < self.full_kv <= 1, "full_kv", self.full_kv, "must be above 0 and at most 1")
        require(self.refresh_s > 0, "refresh_s", self.refresh_s, "must be above 0")

    @property
    def most_released(self) -> int:
        """Held requests that may leave from one look to the next."""
        return max(1, round(self.refresh_s / DISPATCH_S))


@dataclass(frozen=True, slots=True)
class Gateway:
    """Admission to a pool.

    Attributes
    ----------
    max_queue : float
        Requests that may wait in the pool and before it. An attempt is rejected when as many are
        outstanding as the ready replicas can run at once (``max_num_seqs`` each, or each rank),
        and ``max_queue`` more. 0 leaves no waiting room at all; infinite never rejects.
    retry_after_s : float
        The Retry-After of a rejection; NaN for none.
    replica_limit : float
        Requests that a replica, or a rank of it, is given at once. Infinite pushes every request to
        a replica on arrival; a finite limit keeps the others in one queue at the gateway, and the
        least loaded replica takes the next of it as soon as it has less than its limit.
    holds : bool
        Whether requests wait at the gateway while no replica is ready; else they are rejected.
    on_loss : {"fail", "resend"}
        What becomes of the requests of a replica that dies: they fail, or the gateway sends them
        to another one, and the client notices only the delay.
    flow_control : FlowControl or None
    shed_queue : float
        Requests that wait in the pool and before it, for each ready replica or rank, at which
        sheddable ones are turned away; with flow control they are while it holds requests back.
    """

    max_queue: float = math.inf
    retry_after_s: float = math.nan
    replica_limit: float = math.inf
    holds: bool = False
    on_loss: OnLoss = "fail"
    flow_control: FlowControl | None = None
    shed_queue: float = FULL_QUEUE

    @property
    def keeps_waiting(self) -> bool:
        """Whether requests may wait at the gateway."""
        return self.holds or math.isfinite(self.replica_limit) or self.flow_control is not None
