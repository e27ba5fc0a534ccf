"""Clients: how long they wait, and what they do when an attempt comes to nothing.

A *request* is what a user wants; an *attempt* is one try to get it. An attempt is lost when the
gateway rejects it, when its replica dies, or when the client's timeout passes. The client may then
try again after a delay, within its limits and its budget. A user's *patience* is another thing: it
runs from the request's arrival to its first token, over all attempts, and when it ends the user is
gone.
"""

import math
from dataclasses import dataclass, field
from typing import Literal

from sim.model.distributions import Distribution

Jitter = Literal["none", "shorten", "full"]
BeyondLimit = Literal["give_up", "back_off"]


@dataclass(frozen=True, slots=True)
class RetryBudget:
    """A token bucket that retries draw on, shared by all clients of the workload.

    Attributes
    ----------
    capacity : float
        Tokens that the bucket holds; it begins full.
    cost, timeout_cost : float
        Tokens that a retry takes, and one after a timeout. Without enough of them no retry is made.
    per_request, per_success : float
        Tokens put back by every first attempt (0.1 is a 10 % budget), and by every success.
    """

    capacity: float
    cost: float = 1.0
    timeout_cost: float = 1.0
    per_request: float = 0.0
    per_success: float = 0.0


@dataclass(frozen=True, slots=True)
class Retry:
    """When and how often a lost attempt is made again.

    The delay before retry n = 0, 1, ... is min(``base_s`` · 2ⁿ, ``cap_s``), times 1 for the jitter
    "none", 1 - 0.25·U for "shorten", U for "full" with U uniform in [0, 1).

    Attributes
    ----------
    max_retries : int
    base_s, cap_s : float
    jitter : {"none", "shorten", "full"}
    after_timeout, after_rejection, after_failure : bool
        Which lost attempts are made again.
    retry_after_limit_s : float
        A Retry-After of more than 0 and at most this replaces the delay.
    beyond_limit : {"give_up", "back_off"}
        What a longer Retry-After leads to: no retry, or the usual delay.
    budget : RetryBudget or None
    """

    max_retries: int = 0
    base_s: float = 0.5
    cap_s: float = 8.0
    jitter: Jitter = "shorten"
    after_timeout: bool = True
    after_rejection: bool = True
    after_failure: bool = True
    retry_after_limit_s: float = 0.0
    beyond_limit: BeyondLimit = "back_off"
    budget: RetryBudget | None = None


# As the code of these clients does it: openai-python 3.3.1 (_constants.py, _base_client.py),
# anthropic 0.121.0 (same constants), botocore 1.43.67 standard mode (retries/standard.py, quota.py:
# three attempts, full jitter, 500 tokens, 5 a retry and 10 after a timeout; a success puts back
# what its retry had cost, or 1).
RETRIES: dict[str, Retry] = {
    "none": Retry(),
    "openai-sdk": Retry(max_retries=2, retry_after_limit_s=120.0, beyond_limit="give_up"),
    "anthropic-sdk": Retry(max_retries=2, retry_after_limit_s=60.0),
    "aws-standard": Retry(
        max_retries=2,
        base_s=1.0,
        cap_s=20.0,
        jitter="full",
        budget=RetryBudget(capacity=500.0, cost=5.0, timeout_cost=10.0, per_success=1.0),
    ),
}


@dataclass(frozen=True, slots=True)
class Hedge:
    """A second attempt beside one that is slow to begin.

    The attempt whose first token comes first goes on; the other is abandoned. What is lost of two
    is not made again while the other lives.

    Attributes
    ----------
    after_s : float
        Wait for the first token, from the sending of an attempt, after which its hedge is sent.
    """

    after_s: float


@dataclass(frozen=True, slots=True)
class Client:
    """What stands between a user and the gateway.

    Attributes
    ----------
    ttft_timeout_s, timeout_s : float
        Longest wait of an attempt for its first and for its last token, from its sending.
    server_stops : bool
        Whether the server notices that the client has gone and drops the work at the next step
        boundary; else it works on for nobody.
    retry : Retry
    patience : Distribution or None
        Seconds that a user waits for the first token, all attempts together.
    hedge : Hedge or None
    """

    ttft_timeout_s: float = math.inf
    timeout_s: float = math.inf
    server_stops: bool = True
    retry: Retry = field(default_factory=Retry)
    patience: Distribution | None = None
    hedge: Hedge | None = None
