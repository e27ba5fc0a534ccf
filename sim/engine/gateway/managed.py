"""Managed backends: quotas, errors, and answers that come at a pace of their own.

Any number of attempts is under way at once. When an attempt is taken in, the times of its first and
of its last token are drawn; a timer waits for each. An attempt that its client leaves is over: what
a provider goes on generating is billed at once and keeps nobody waiting.
"""

import math

import numpy as np

from sim.engine.gateway import budget
from sim.engine.request import timers, usage
from sim.engine.state.backend_record import (
    BY_OUTPUT,
    BY_TOKEN,
    BY_UNIT,
    CAPACITY,
    DAILY_REQUESTS,
    DAILY_TOKENS,
    LEVEL,
    LONG,
    PROVISIONED,
    RATE,
    SINCE,
    STANDARD,
    TOKENS,
    WEEKLY_REQUESTS,
    WEEKLY_TOKENS,
)
from sim.engine.state.hashing import uniform
from sim.engine.state.jit import inner, inner_apart
from sim.engine.state.number import ONE, ZERO, whole
from sim.engine.state.record import (
    NONE,
    REMOTE,
)
from sim.engine.state.state import State
from sim.engine.state.status import FAILED, IN_FLIGHT, REJECTED

_ERROR_STREAM, _ERROR_DRAW = np.uint64(0xE404), whole(13)
_PACE_STREAM, _FIRST_DRAW, _TOKEN_DRAW = np.uint64(0x7715), whole(14), whole(15)
_ENOUGH = 1e-6  # tokens: what rounding may take from who comes back in time
_SOON_S = 1e-6  # likewise of the time
_HOUR_S, _DAY_S, _WEEK_S = 3600.0, 86_400.0, 604_800.0


@inner_apart
def take_in(s: State, slot: int, now: float) -> int:
    """Begin to answer an attempt: IN_FLIGHT, or why not."""
    seq = s.slots[slot]
    counts, pool = s.workloads[seq.workload], s.pools[seq.backend]
    pool.retry_after_s = math.nan
    if counts.inside >= counts.most_inside:
        usage.turned_away(s, seq)
        return REJECTED
    if _fails(s, slot):
        usage.failed(s, seq)
        return FAILED
    if pool.outstanding >= s.providers[seq.backend].most_at_once:
        usage.turned_away(s, seq)
        return REJECTED
    cached = _cached_tokens(s, slot, now)
    wait_s = _pay(s, slot, cached, now)
    if wait_s > 0.0:
        pool.retry_after_s = wait_s
        usage.turned_away(s, seq)
        return REJECTED
    pool.outstanding += 1
    counts.inside += 1
    seq.cached = cached
    t = s.extras[slot].task
    if cached > 0 and t != NONE:  # what is read is kept for longer
        s.kept[t, seq.backend, SINCE] = now
    seq.place = REMOTE
    seq.dispatched_s = seq.ready_s = seq.admitted_s = now
    _set_out(s, slot, now)
    return IN_FLIGHT


@inner_apart
def leave(s: State, slot: int, now: float) -> None:
    """The client leaves an attempt under way."""
    seq, token_s = s.slots[slot], s.extras[slot].token_s
    generated = seq.output
    if s.workloads[seq.workload].server_stops:
        since_s = now - seq.first_token_s
        if math.isnan(since_s):
            generated = 0
        elif since_s < seq.output * token_s:
            generated = min(seq.output, 1 + math.floor(since_s / token_s))
    let_go(s, slot, generated, now)
    usage.left(s, slot, generated)


@inner_apart
def let_go(s: State, slot: int, generated: int, now: float) -> None:
    """An attempt is over; its true length takes the place of what was reserved for it."""
    seq = s.slots[slot]
    b = seq.backend
    s.pools[b].outstanding -= 1
    s.workloads[seq.workload].inside -= 1
    if s.extras[slot].billing == PROVISIONED:
        return
    if s.clock[0].has_budgets:
        budget.book(s, slot, generated, now)
    _refill(s, b, now)
    provider = s.providers[b]
    weighted = provider.quota_weight * generated
    _settle(s, b, BY_OUTPUT, generated - provider.reserved)
    _settle(s, b, BY_TOKEN, weighted - provider.reserved)
    if provider.by_day:  # of yesterday's reservation nothing comes back today
        began_today = seq.dispatched_s > provider.day_ends_s - _DAY_S - _SOON_S
        _settle(s, b, DAILY_TOKENS, weighted - provider.reserved if began_today else weighted)
    if provider.by_week:
        began = seq.dispatched_s > provider.week_ends_s - _WEEK_S - _SOON_S
        _settle(s, b, WEEKLY_TOKENS, weighted - provider.reserved if began else weighted)


@inner
def _settle(s: State, b: int, bucket: int, more: float) -> None:
    quota = s.quotas[b, bucket]
    quota[LEVEL] = min(quota[LEVEL] - more, quota[CAPACITY])


@inner
def _fails(s: State, slot: int) -> bool:
    provider = s.providers[s.slots[slot].backend]
    share = 1.0 - (1.0 - provider.error_share) * (1.0 - provider.outage_share)
    if share <= 0.0:
        return False
    draw = uniform(s.clock[0].routing_key ^ _ERROR_STREAM, s.slots[slot].serial, _ERROR_DRAW)
    return draw < share


@inner
def _cached_tokens(s: State, slot: int, now: float) -> int:
    """Tokens of a prompt that the provider remembers.

    Its cache lives on from the moment at which it took in the attempt that wrote or last read it;
    at the very end of its life it is still there.
    """
    seq, t = s.slots[slot], s.extras[slot].task
    rate = s.workloads[seq.workload].prefix_hit_rate
    if rate > 0.0:
        return min(math.floor(rate * seq.prompt), seq.prompt - 1)
    provider = s.providers[seq.backend]
    if not provider.caches or t == NONE:
        return 0
    kept = s.kept[t, seq.backend]
    tokens = min(s.tasks[t].carried, int(kept[TOKENS]), provider.marked_tokens)
    if tokens < provider.least_tokens or now - kept[SINCE] > provider.life_s:
        return 0
    return min(tokens, seq.prompt - 1)


@inner
def _pay(s: State, slot: int, cached: int, now: float) -> float:
    """Take an attempt's tokens from the buckets: 0, or the seconds until there are enough.

    Infinite if there never are, as more is asked for than a bucket holds.
    """
    seq = s.slots[slot]
    b = seq.backend
    extra, provider = s.extras[slot], s.providers[b]
    _refill(s, b, now)
    units = s.quotas[b, BY_UNIT]
    if units[CAPACITY] > 0.0:
        weighted = seq.prompt - cached + provider.output_weight * seq.output
        if units[LEVEL] >= min(weighted, units[CAPACITY]) - _ENOUGH:
            units[LEVEL] -= weighted
            extra.billing = PROVISIONED
            return 0.0
    extra.billing = LONG if seq.prompt > provider.long_above else STANDARD
    prompt = float(seq.prompt - cached if provider.cached_is_free else seq.prompt)
    both = prompt + provider.reserved
    charges = (1.0, prompt, provider.reserved, both)
    wait_s = 0.0
    for bucket in range(4):
        wait_s = max(wait_s, _wait_s(s, b, bucket, charges[bucket], now))
    if provider.by_day:
        wait_s = max(wait_s, _wait_s(s, b, DAILY_REQUESTS, 1.0, now))
        wait_s = max(wait_s, _wait_s(s, b, DAILY_TOKENS, both, now))
    if provider.by_week:
        wait_s = max(wait_s, _wait_s(s, b, WEEKLY_REQUESTS, 1.0, now))
        wait_s = max(wait_s, _wait_s(s, b, WEEKLY_TOKENS, both, now))
    if wait_s == 0.0:
        for bucket in range(4):
            s.quotas[b, bucket, LEVEL] -= charges[bucket]
        s.quotas[b, DAILY_REQUESTS, LEVEL] -= 1.0
        s.quotas[b, DAILY_TOKENS, LEVEL] -= both
        s.quotas[b, WEEKLY_REQUESTS, LEVEL] -= 1.0
        s.quotas[b, WEEKLY_TOKENS, LEVEL] -= both
    return wait_s


@inner
def _wait_s(s: State, b: int, bucket: int, charge: float, now: float) -> float:
    """Until a bucket has what is asked of it; it must not be empty, even for nothing."""
    quota, provider = s.quotas[b, bucket], s.providers[b]
    if provider.refuses_large and charge > quota[CAPACITY] + _ENOUGH:
        return math.inf
    need = min(max(charge, 1.0), quota[CAPACITY])
    if quota[LEVEL] >= need - _ENOUGH:
        return 0.0
    if bucket in (DAILY_REQUESTS, DAILY_TOKENS):
        return float(provider.day_ends_s - now)
    if bucket in (WEEKLY_REQUESTS, WEEKLY_TOKENS):
        return float(provider.week_ends_s - now)
    return float((need - quota[LEVEL]) / quota[RATE])


@inner
def _refill(s: State, b: int, now: float) -> None:
    provider = s.providers[b]
    passed_s = now - provider.refilled_s
    for bucket in range(BY_UNIT + 1):
        quota = s.quotas[b, bucket]
        if quota[RATE] < math.inf:
            quota[LEVEL] = min(quota[CAPACITY], quota[LEVEL] + quota[RATE] * passed_s)
    provider.refilled_s = now
    if provider.by_day and now > provider.day_ends_s - _SOON_S:
        _begin_day(s, b, now)
    if provider.by_week and now > provider.week_ends_s - _SOON_S:
        _begin_week(s, b, now)


@inner_apart
def _begin_day(s: State, b: int, now: float) -> None:
    """The limits by the day are full again, until the next reset."""
    provider, day_start_s = s.providers[b], s.clock[0].day_start_s
    passed = math.floor((now + _SOON_S + day_start_s - provider.reset_s) / _DAY_S)
    provider.day_ends_s = provider.reset_s + _DAY_S * (passed + 1) - day_start_s
    for bucket in (DAILY_REQUESTS, DAILY_TOKENS):
        s.quotas[b, bucket, LEVEL] = s.quotas[b, bucket, CAPACITY]


@inner_apart
def _begin_week(s: State, b: int, now: float) -> None:
    """The limits by the week are full again, until the next reset."""
    provider = s.providers[b]
    passed = math.floor((now + _SOON_S - provider.week_reset_s) / _WEEK_S)
    provider.week_ends_s = provider.week_reset_s + _WEEK_S * (passed + 1)
    for bucket in (WEEKLY_REQUESTS, WEEKLY_TOKENS):
        s.quotas[b, bucket, LEVEL] = s.quotas[b, bucket, CAPACITY]


@inner
def _set_out(s: State, slot: int, now: float) -> None:
    """Draw the times of an attempt, and set the timers that wait for its tokens."""
    seq = s.slots[slot]
    b, clock = seq.backend, s.clock[0]
    provider = s.providers[b]
    key = clock.routing_key ^ _PACE_STREAM
    hour = math.floor((now + clock.day_start_s) / _HOUR_S) % 24
    first_s = _quantile(s, b, ZERO, uniform(key, seq.serial, _FIRST_DRAW)) * s.hours[b, 0, hour]
    token_s = _quantile(s, b, ONE, uniform(key, seq.serial, _TOKEN_DRAW)) * s.hours[b, 1, hour]
    first_s = provider.slowness * first_s
    first_s += provider.ttft_s_per_prompt_token * (seq.prompt - seq.cached)
    token_s = provider.slowness * token_s
    s.extras[slot].token_s = token_s
    timers.schedule_token(s, now + first_s, timers.FIRST, slot)
    last_s = now + first_s + (seq.output - 1) * token_s
    timers.schedule_token(s, last_s, timers.LAST, slot)


@inner
def _quantile(s: State, b: int, which: int, probability: float) -> float:
    """Linear between the quantiles of a pace."""
    at = probability * (s.paces.shape[2] - 1)
    below = int(at)
    low = s.paces[b, which, below]
    return low + (at - below) * (s.paces[b, which, below + 1] - low)
