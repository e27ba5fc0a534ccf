"""Clients of the naive simulator: whether a lost attempt is made again, and when."""

import math
from dataclasses import dataclass, field

import numpy as np

from sim.engine.state import status
from sim.engine.state.hashing import uniform
from sim.model.cache import ResponseCache
from sim.model.client import Client, Retry
from sim.model.workload import Yielding

JITTER_KEY = np.uint64(0x9E3779B9)
JITTER_DRAW = 7
RESPONSE_KEY = np.uint64(0x51ED270B)
RESPONSE_DRAW = 9


@dataclass(slots=True)
class Crowd:
    """All clients of one workload, with what they share: limits, caches, a retry budget."""

    client: Client
    priority: int
    key: np.uint64
    max_concurrency: float = math.inf
    carry: float = 1.0
    prefix_hit_rate: float = 0.0
    response_cache: ResponseCache | None = None
    yielding: Yielding | None = None
    tenant: str = ""
    due_s: float = math.inf
    tokens: float = field(init=False)
    is_spent: bool = field(init=False, default=False)  # the latest retry had no budget

    def __post_init__(self) -> None:
        budget = self.retry.budget
        self.tokens = 0.0 if budget is None else budget.capacity

    @property
    def retry(self) -> Retry:
        return self.client.retry

    def note_request(self) -> None:
        if self.retry.budget is not None:
            self._put_back(self.retry.budget.per_request)

    def note_success(self) -> None:
        if self.retry.budget is not None:
            self._put_back(self.retry.budget.per_success)

    def _put_back(self, tokens: float) -> None:
        assert self.retry.budget is not None
        self.tokens = min(self.tokens + tokens, self.retry.budget.capacity)

    def is_answered_at_once(self, number: int) -> bool:
        """Whether the answer to a request is kept."""
        if self.response_cache is None:
            return False
        draw = uniform(self.key ^ RESPONSE_KEY, number, RESPONSE_DRAW)
        return draw < self.response_cache.hit_rate

    def delay_before_retry_s(
        self, cause: int, retries_made: int, serial: int, retry_after_s: float
    ) -> float | None:
        """Seconds to wait after an attempt was lost; None to give up.

        ``retry_after_s`` is what it was told, NaN for nothing.
        """
        self.is_spent = False
        if retries_made >= self.retry.max_retries or not self._retries_after(cause):
            return None
        delay_s: float | None = self._backoff_s(retries_made, serial)
        if retry_after_s > 0:
            delay_s = self._heed(retry_after_s, delay_s)
        self.is_spent = delay_s is not None and not self.pay(cause)
        return None if self.is_spent else delay_s

    def _retries_after(self, cause: int) -> bool:
        return {
            status.TIMED_OUT: self.retry.after_timeout,
            status.REJECTED: self.retry.after_rejection,
            status.FAILED: self.retry.after_failure,
        }[cause]

    def _backoff_s(self, retries_made: int, serial: int) -> float:
        """Doubling up to the cap, then the jitter."""
        longest_s = min(self.retry.base_s * 2**retries_made, self.retry.cap_s)
        u = uniform(self.key ^ JITTER_KEY, serial, JITTER_DRAW)
        return longest_s * {"none": 1.0, "shorten": 1.0 - 0.25 * u, "full": u}[self.retry.jitter]

    def _heed(self, retry_after_s: float, backoff_s: float | None) -> float | None:
        """What a Retry-After makes of the delay."""
        if retry_after_s == math.inf:
            return None
        if retry_after_s <= self.retry.retry_after_limit_s:
            return retry_after_s
        return None if self.retry.beyond_limit == "give_up" else backoff_s

    def pay(self, cause: int | None = None) -> bool:
        """Take the cost of a retry or hedge from the budget; False if there is not enough."""
        budget = self.retry.budget
        if budget is None:
            return True
        cost = budget.timeout_cost if cause == status.TIMED_OUT else budget.cost
        if self.tokens < cost:
            return False
        self.tokens -= cost
        return True
