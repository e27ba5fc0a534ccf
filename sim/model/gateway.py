"""The gateway before a pool: what it takes in, what it holds back, what it turns away."""

import math
from dataclasses import dataclass
from typing import Literal

OnLoss = Literal["fail", "resend"]


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
    """

    max_queue: float = math.inf
    retry_after_s: float = math.nan
    replica_limit: float = math.inf
    holds: bool = False
    on_loss: OnLoss = "fail"
