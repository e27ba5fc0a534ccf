"""Managed backends in the naive simulator: their quotas, their errors and how fast they answer."""

import bisect
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np

from naive.attempt import Attempt
from sim.engine.state import status
from sim.engine.state.backend_record import LONG, PROVISIONED, STANDARD
from sim.engine.state.hashing import uniform
from sim.model.distributions import Distribution
from sim.model.managed import Budget, ManagedApi

CAPABLE_KEY, CAPABLE_DRAW = np.uint64(0xCAFE), 12
ERROR_KEY, ERROR_DRAW = np.uint64(0xE404), 13
PACE_KEY, TTFT_DRAW, SPEED_DRAW = np.uint64(0x7715), 14, 15
STEPS = 1024  # of the tables of quantiles
TAIL = 1 / 4096

# Tokens: who comes back at the told moment finds what was missing, whatever the last bit of a sum.
SLACK = 1e-6
DAY_S = 86_400.0


@dataclass(slots=True)
class Bucket:
    """Tokens that come at a rate per second; full to begin with."""

    rate: float
    capacity: float
    least: float = 0.0  # that must be in it, whatever is taken
    level: float = field(init=False)
    refilled_s: float = 0.0

    def __post_init__(self) -> None:
        self.level = self.capacity

    def refill(self, now_s: float) -> None:
        self.level = min(self.capacity, self.level + self.rate * (now_s - self.refilled_s))
        self.refilled_s = now_s

    def needed(self, tokens: float) -> float:
        """For so many tokens: a full bucket is enough for any number."""
        return min(max(tokens, self.least), self.capacity)

    def has(self, tokens: float) -> bool:
        return self.level >= self.needed(tokens) - SLACK

    def wait_s(self, tokens: float) -> float:
        """Until there are enough: below zero if there are more."""
        return (self.needed(tokens) - self.level) / self.rate


@dataclass(slots=True)
class Daily:
    """What may be taken in a day or week, and was."""

    capacity: float
    taken: float = 0.0

    def has(self, tokens: float) -> bool:
        """Whether so much is left; a new one is enough for any number."""
        return self.taken + min(max(tokens, 1.0), self.capacity) <= self.capacity + SLACK


class Spell:
    """Days, or weeks: how much may be taken in one, and was in this one."""

    def __init__(self, length_s: float, reset_s: float, requests: float, tokens: float) -> None:
        self.length_s, self.reset_s = length_s, reset_s
        limits = {"requests": requests, "both": tokens}
        self.limits = {kind: Daily(limit) for kind, limit in limits.items() if limit < math.inf}
        self.number = -math.inf

    def number_of(self, now_s: float) -> int:
        """The number of the spell, which begins at the reset."""
        return math.floor((now_s + SLACK - self.reset_s) / self.length_s)

    @property
    def end_s(self) -> float:
        return self.reset_s + self.length_s * (self.number + 1)

    def reach(self, now_s: float) -> None:
        """Begin anew where another one has come."""
        if self.number_of(now_s) > self.number:
            self.number = self.number_of(now_s)
            for limit in self.limits.values():
                limit.taken = 0.0


class Purse:
    """What a budget has been spent of, at all backends that share it."""

    def __init__(self, budget: Budget) -> None:
        self.budget, self.period, self.spent_usd = budget, 0, budget.spent_usd

    def pay(self, usd: float, now_s: float) -> None:
        period = bisect.bisect_right(self.budget.ends_s, now_s + SLACK)
        if period != self.period:
            self.period, self.spent_usd = period, 0.0
        self.spent_usd += usd

    @property
    def spent_until_s(self) -> float:
        """When the period ends of which it is spent."""
        is_spent = self.spent_usd >= self.budget.usd * (1 - 1e-9)
        return self.budget.ends_s[self.period] if is_spent else -math.inf


def shared_purses(managed: Iterable[ManagedApi]) -> dict[str, Purse]:
    """One for each budget that is shared, by its name."""
    return {b.shared: Purse(b) for api in managed for b in api.budgets if b.shared}


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why an attempt is not answered, and when to come back."""

    cause: int
    retry_after_s: float = math.nan


class Managed:
    """One provider's API, or the devices of users."""

    def __init__(
        self,
        index: int,
        api: ManagedApi,
        key: np.uint64,
        day_start_s: float,
        shared: Mapping[str, Purse],
    ) -> None:
        self.index, self.api, self.key, self.day_start_s = index, api, key, day_start_s
        self.inside: list[Attempt] = []
        self.rejected = 0  # attempts
        self.kept: dict[int, tuple[float, int]] = {}  # by task: since when, and how many tokens
        self.told_s: list[float] = []  # the moments at which attempts may come back
        self.follows_steps = False  # whether some came at times that follow from ends of steps
        self.purses = [shared.get(budget.shared) or Purse(budget) for budget in api.budgets]
        self.outage_share = 0.0
        self.slowness = 1.0
        quota = api.quota
        rates = {
            "requests": quota.requests_per_min / 60,
            "input": quota.input_tokens_per_min / 60,
            "output": quota.output_tokens_per_min / 60,
            "both": quota.tokens_per_min / 60,
        }
        self.buckets = {
            kind: Bucket(
                rate,
                max(rate * quota.burst_s, 1.0 if kind == "requests" else 0.0),
                least=1.0 if kind in ("output", "both") else 0.0,
            )
            for kind, rate in rates.items()
            if rate < math.inf
        }
        self.spells = [
            Spell(DAY_S, quota.reset_s - day_start_s, quota.requests_per_day, quota.tokens_per_day),
            Spell(7 * DAY_S, quota.week_reset_s, quota.requests_per_week, quota.tokens_per_week),
        ]
        bought = 0.0
        if api.provisioned is not None:
            bought = api.provisioned.units * api.provisioned.tokens_per_min_per_unit / 60
        self.bought = Bucket(bought, bought * quota.burst_s)
        self.ttft_s = quantiles(api.pace.ttft)
        self.token_s = 1.0 / quantiles(api.pace.tokens_per_s)

    @property
    def max_model_len(self) -> int:
        return self.api.max_model_len

    @property
    def cooldown_s(self) -> float:
        return self.api.cooldown_s

    # Its budgets

    def pay(self, attempt: Attempt, generated: int, now_s: float) -> None:
        """What an attempt costs is spent of the budgets of its period, when it ends."""
        if now_s < 0 or attempt.billing == PROVISIONED:
            return
        rates = self.api.price.rates_of(attempt.billing == LONG)
        tokens = attempt.prompt, attempt.spared, self.written(attempt), generated
        usd = rates.usd(*map(float, tokens)) * self.api.price.factor_at(np.array([now_s]))
        for purse in self.purses:
            purse.pay(usd.item(), now_s)

    @property
    def spent_until_s(self) -> float:
        """When the periods have ended of which a budget is spent."""
        return max((purse.spent_until_s for purse in self.purses), default=-math.inf)

    def is_over_budget(self, now_s: float) -> bool:
        return now_s < self.spent_until_s - SLACK

    @property
    def outstanding(self) -> int:
        return len(self.inside)

    def is_capable(self, number: int) -> bool:
        """Whether the device of a request can run the model."""
        u = uniform(self.key ^ CAPABLE_KEY, number, CAPABLE_DRAW)
        return u < self.api.capable_share

    # An attempt comes

    def take_in(self, attempt: Attempt, now_s: float) -> Refusal | None:
        """Answer an attempt, or say why not."""
        if self.is_error(attempt):
            return Refusal(status.FAILED)
        if len(self.inside) >= self.api.quota.max_concurrency:
            return Refusal(status.REJECTED)
        cached = self.found_cached(attempt, now_s)
        self.refill(now_s)
        if self.is_paid_already(attempt, cached):
            attempt.billing = PROVISIONED
        else:
            retry_after_s = self.charge(attempt, cached, now_s)
            if retry_after_s is not None:
                return Refusal(status.REJECTED, retry_after_s)
            is_long = attempt.prompt > self.api.price.long_above_tokens
            attempt.billing = LONG if is_long else STANDARD
        attempt.spared = attempt.hits = cached
        if cached and attempt.task in self.kept:
            self.kept[attempt.task] = (now_s, self.kept[attempt.task][1])
        attempt.dispatched_s = attempt.ready_s = attempt.admitted_s = now_s
        self.inside.append(attempt)
        return None

    def refill(self, now_s: float) -> None:
        """All buckets at once: the moments at which many may come back are then the same."""
        for bucket in (self.bought, *self.buckets.values()):
            bucket.refill(now_s)
        for spell in self.spells:
            spell.reach(now_s)

    def is_error(self, attempt: Attempt) -> bool:
        share = 1 - (1 - self.api.error_share) * (1 - self.outage_share)
        return uniform(self.key ^ ERROR_KEY, attempt.serial, ERROR_DRAW) < share

    def found_cached(self, attempt: Attempt, now_s: float) -> int:
        """Tokens of the prompt that the provider remembers: never its last."""
        found, caching = 0, self.api.caching
        if attempt.hit_rate > 0:
            found = math.floor(attempt.hit_rate * attempt.prompt)
        elif caching is not None:
            since_s, tokens = self.kept.get(attempt.task, (-math.inf, 0))
            both = min(tokens, attempt.carried, caching.marked_tokens)
            if both >= caching.least_tokens and now_s - since_s <= caching.life_s:
                found = both
        return min(found, attempt.prompt - 1)

    def is_paid_already(self, attempt: Attempt, cached: int) -> bool:
        """Take an attempt from the provisioned throughput, if it is there."""
        units = self.api.provisioned
        if units is None or self.bought.capacity == 0:
            return False
        tokens = attempt.prompt - cached + units.output_weight * attempt.output
        if not self.bought.has(tokens):
            return False
        self.bought.level -= tokens
        return True

    def charge(self, attempt: Attempt, cached: int, now_s: float) -> float | None:
        """Take an attempt from the quota; if that is exceeded, the seconds until it is not.

        Infinite if it never is not: it asks for more than there is room for.
        """
        quota = self.api.quota
        read = attempt.prompt - (cached if quota.cached_is_free else 0)
        reserved = quota.reserved_output_tokens
        costs = {"requests": 1, "input": read, "output": reserved, "both": read + reserved}
        limits = [item for spell in self.spells for item in spell.limits.items()]
        both = [*self.buckets.items(), *limits]
        if quota.too_large == "refuse" and any(
            costs[kind] > limit.capacity + SLACK for kind, limit in both
        ):
            return math.inf
        if all(limit.has(costs[kind]) for kind, limit in both):
            for kind, bucket in self.buckets.items():
                bucket.level -= costs[kind]
            for kind, limit in limits:
                limit.taken += costs[kind]
            return None
        resets = [
            spell.end_s - now_s
            for spell in self.spells
            if not all(limit.has(costs[kind]) for kind, limit in spell.limits.items())
        ]
        waits = [bucket.wait_s(costs[kind]) for kind, bucket in self.buckets.items()]
        return max(waits + resets)

    def remember(self, attempt: Attempt, said: int) -> None:
        """What has been said in a task is kept, from the beginning of the attempt on."""
        since_s, tokens = self.kept.get(attempt.task, (-math.inf, 0))
        self.kept[attempt.task] = (max(since_s, attempt.dispatched_s), max(tokens, said))

    # Its answer

    def pace(self, attempt: Attempt, now_s: float) -> tuple[float, float]:
        """Seconds to the first token, and for each token after it."""
        pace, key = self.api.pace, self.key ^ PACE_KEY
        hour = math.floor((now_s + self.day_start_s) / 3600) % 24
        ttft_s = at(self.ttft_s, uniform(key, attempt.serial, TTFT_DRAW))
        token_s = at(self.token_s, uniform(key, attempt.serial, SPEED_DRAW))
        to_read_s = pace.ttft_s_per_prompt_token * (attempt.prompt - attempt.spared)
        return (
            self.slowness * ttft_s * pace.ttft_by_hour[hour] + to_read_s,
            self.slowness * token_s / pace.speed_by_hour[hour],
        )

    def written(self, attempt: Attempt) -> int:
        """Tokens of its prompt that are kept."""
        if (caching := self.api.caching) is None:
            return 0
        kept = min(attempt.prompt, caching.marked_tokens)
        return max(kept - attempt.spared, 0) if kept >= caching.least_tokens else 0

    def generated(self, attempt: Attempt, now_s: float) -> int:
        """Tokens of its answer that there are by now."""
        if math.isnan(attempt.first_token_s):
            return 0
        since_s = now_s - attempt.first_token_s
        return min(attempt.output, 1 + math.floor(since_s / attempt.token_s))

    def let_go(self, attempt: Attempt, generated: int, now_s: float) -> None:
        """An attempt ends: what it generated takes the place of what was reserved for it."""
        self.inside.remove(attempt)
        self.pay(attempt, generated, now_s)
        if attempt.billing == PROVISIONED:
            return
        self.refill(now_s)
        quota = self.api.quota
        takes = {"output": generated, "both": quota.output_weight * generated}
        for kind, tokens in takes.items():
            if (bucket := self.buckets.get(kind)) is not None:
                more = tokens - quota.reserved_output_tokens
                bucket.level = min(bucket.capacity, bucket.level - more)
        for spell in self.spells:
            if (limit := spell.limits.get("both")) is not None:
                is_of_this = spell.number_of(attempt.dispatched_s) == spell.number
                reserved = quota.reserved_output_tokens if is_of_this else 0
                limit.taken = max(0.0, limit.taken + takes["both"] - reserved)


def quantiles(law: Distribution) -> np.ndarray:
    """A law's quantiles in equal steps, its far tails cut off."""
    return law.ppf(np.clip(np.arange(STEPS + 1) / STEPS, TAIL, 1 - TAIL))


def at(table: np.ndarray, u: float) -> float:
    """The quantile of u, between two of the table."""
    below = math.floor(STEPS * u)
    return float(table[below] + (STEPS * u - below) * (table[below + 1] - table[below]))
