"""Managed backends and legs in a fresh state of the data plane."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from sim.engine.state.backend_record import (
    BUCKETS_OF_QUOTA,
    BUDGET,
    BY_INPUT,
    BY_OUTPUT,
    BY_REQUEST,
    BY_TOKEN,
    BY_UNIT,
    CAPACITY,
    DAILY_REQUESTS,
    DAILY_TOKENS,
    LEG,
    LEVEL,
    MANAGED,
    PLAIN,
    RATE,
    WEEKLY_REQUESTS,
    WEEKLY_TOKENS,
)
from sim.engine.state.record import (
    NONE,
    FloatArray,
    Records,
    records,
)
from sim.engine.state.state import State
from sim.model.managed import Budget, ManagedApi, Pace
from sim.model.price import factors_of_week
from sim.model.routing import Leg, Routing

QUANTILES = 1025  # of a pace, equally far apart
_OUTERMOST = 1 / 4096  # the probability of the first and, from above, of the last
_MINUTE_S = 60.0
_MOST_LEGS = 127  # of a workload; what a slot can tell


def paces(managed: Sequence[ManagedApi], pools: int) -> tuple[FloatArray, FloatArray]:
    """Quantiles of times, and factors by the hour of the day, by backend.

    Returns
    -------
    (backends, 2, QUANTILES) float64
        Seconds to the first token, and per token.
    (backends, 2, 24) float64
    """
    tables = np.zeros((pools + len(managed), 2, QUANTILES))
    hours = np.ones((pools + len(managed), 2, 24))
    for index, backend in enumerate(managed, pools):
        tables[index] = _quantiles(backend.pace)
        hours[index, 0] = backend.pace.ttft_by_hour
        hours[index, 1] = 1.0 / np.array(backend.pace.speed_by_hour)
    return tables, hours


def _quantiles(pace: Pace) -> npt.NDArray[np.float64]:
    levels = np.clip(np.linspace(0, 1, QUANTILES), _OUTERMOST, 1 - _OUTERMOST)
    return np.stack([pace.ttft.ppf(levels), 1.0 / pace.tokens_per_s.ppf(levels)])


def quotas(managed: Sequence[ManagedApi], pools: int) -> FloatArray:
    """Token buckets of the backends, full.

    Returns
    -------
    (backends, BUCKETS_OF_QUOTA, 3) float64
    """
    buckets = np.full((pools + len(managed), BUCKETS_OF_QUOTA, 3), math.inf)
    buckets[:, BY_UNIT] = 0.0
    for index, backend in enumerate(managed, pools):
        quota, units = backend.quota, backend.provisioned
        per_min = {
            BY_REQUEST: quota.requests_per_min,
            BY_INPUT: quota.input_tokens_per_min,
            BY_OUTPUT: quota.output_tokens_per_min,
            BY_TOKEN: quota.tokens_per_min,
            BY_UNIT: units.units * units.tokens_per_min_per_unit if units else 0.0,
        }
        for bucket, rate in per_min.items():
            buckets[index, bucket, RATE] = rate / _MINUTE_S
            buckets[index, bucket, CAPACITY] = rate / _MINUTE_S * quota.burst_s
        requests = buckets[index, BY_REQUEST]
        requests[CAPACITY] = max(requests[CAPACITY], 1.0)
        buckets[index, DAILY_REQUESTS, CAPACITY] = quota.requests_per_day
        buckets[index, DAILY_TOKENS, CAPACITY] = quota.tokens_per_day
        buckets[index, WEEKLY_REQUESTS, CAPACITY] = quota.requests_per_week
        buckets[index, WEEKLY_TOKENS, CAPACITY] = quota.tokens_per_week
    buckets[:, :, LEVEL] = buckets[:, :, CAPACITY]
    return buckets


def prices(managed: Sequence[ManagedApi], pools: int) -> FloatArray:
    """USD of a token by backend, of a STANDARD and of a LONG prompt.

    Returns
    -------
    (backends, 2, 4) float64
    """
    table = np.zeros((pools + len(managed), 2, 4))
    one = np.eye(4)  # tokens of a prompt, of these cached, and written; of an answer
    one[:, PLAIN] = [1.0, 1.0, 1.0, 0.0]
    for index, backend in enumerate(managed, pools):
        for is_long in (False, True):
            rates = backend.price.rates_of(is_long)
            usd = [rates.usd(*map(float, tokens)) for tokens in one]
            table[index, int(is_long)] = np.array(usd) * backend.price.factor
    return table


def peaks(managed: Sequence[ManagedApi], pools: int) -> FloatArray:
    """Factors on them by the hour of the week: (backends, 168) float64."""
    table = np.ones((pools + len(managed), 168))
    for index, backend in enumerate(managed, pools):
        table[index] = factors_of_week(backend.price.peaks)
    return table


def budgets(managed: Sequence[ManagedApi], pools: int, providers: Records) -> dict[str, Any]:
    """What of the state are budgets: each one that is shared once.

    Providers of whose budgets one is spent to begin with are left out.
    """
    named: dict[str, Budget] = {}
    for backend in managed:
        named |= {_name(backend, budget): budget for budget in backend.budgets}
    numbers = {name: number for number, name in enumerate(named)}
    rows = records(len(named), BUDGET)
    most_ends = max((len(budget.ends_s) for budget in named.values()), default=0)
    ends = np.full((len(named), most_ends + 1), math.inf)
    for row, end_s, budget in zip(rows, ends, named.values(), strict=True):
        row.usd, row.spent_usd = budget.usd, budget.spent_usd
        end_s[: len(budget.ends_s)] = budget.ends_s
    most = max((len(backend.budgets) for backend in managed), default=0)
    of = np.full((len(providers), most + 1), NONE, np.int64)
    for index, backend in enumerate(managed, pools):
        for at, budget in enumerate(backend.budgets):
            of[index, at] = numbers[_name(backend, budget)]
            if budget.spent_usd >= budget.usd:
                until_s = max(providers[index].spent_until_s, budget.ends_s[0])
                providers[index].spent_until_s = until_s
    return {"budgets": rows, "budgets_of": of, "ends": ends}


def _name(backend: ManagedApi, budget: Budget) -> str:
    return f"of {budget.shared}" if budget.shared else f"own of {backend.name}"


def fill_provider(row: Records, backend: ManagedApi, start_s: float) -> None:
    """Set what is constant of a managed backend."""
    row.kind = MANAGED
    row.error_share = backend.error_share
    row.slowness = 1.0
    row.capable_share = backend.capable_share
    row.ttft_s_per_prompt_token = backend.pace.ttft_s_per_prompt_token
    if backend.caching is not None:
        row.caches = 1
        row.life_s, row.least_tokens = backend.caching.life_s, backend.caching.least_tokens
        row.marked_tokens = backend.caching.marked_tokens
    quota = backend.quota
    row.cached_is_free = quota.cached_is_free
    row.reserved = quota.reserved_output_tokens
    row.quota_weight, row.most_at_once = quota.output_weight, quota.max_concurrency
    row.refuses_large = quota.too_large == "refuse"
    row.by_day = quota.has_days
    row.reset_s, row.day_ends_s = quota.reset_s, -math.inf
    row.by_week = quota.has_weeks
    row.week_reset_s, row.week_ends_s = quota.week_reset_s, -math.inf
    row.output_weight = backend.provisioned.output_weight if backend.provisioned else 0.0
    row.long_above = backend.price.long_above_tokens
    row.refilled_s = start_s
    row.yearly_factor, row.clock_s = backend.price.yearly_factor, backend.price.clock_s


def legs(routes: Sequence[Routing], index_of: Mapping[str, int]) -> list[Records]:
    """The legs of each workload: those that requests begin with first."""
    return [_legs(route, index_of) for route in routes]


def _legs(route: Routing, index_of: Mapping[str, int]) -> Records:
    chains: list[tuple[str, list[str]]] = [(leg.to, _after(route, leg.to)) for leg in route.legs]
    again = sorted({leg.escalates_to for leg in route.legs if leg.escalates_to})
    chains += [(to, _after(route, to)) for to in again]
    count = len(chains) + sum(len(later) for _, later in chains)
    if count > _MOST_LEGS:
        raise ValueError(f"a workload has {count} legs, at most {_MOST_LEGS} are possible")
    rows = records(count, LEG)
    rows.next = rows.escalation = NONE
    free = len(chains)
    for first, (to, later) in enumerate(chains):
        at = first
        rows.backend[at] = index_of[to]
        for other in later:
            rows.next[at] = free
            at, free = free, free + 1
            rows.backend[at] = index_of[other]
    trips_s = {index_of[to]: trip_s for to, trip_s in route.trips_s}
    rows.trip_s = [trips_s.get(to, 0.0) for to in rows.backend.tolist()]
    for at, leg in enumerate(route.legs):
        poor = len(route.legs) + again.index(leg.escalates_to) if leg.escalates_to else NONE
        _fill_route(rows, at, leg, poor)
    return rows


def _fill_route(rows: Records, first: int, leg: Leg, poor: int) -> None:
    rows.share[first] = leg.share
    rows.least_prompt[first], rows.most_prompt[first] = leg.least_prompt, leg.most_prompt
    at = first
    while NONE not in (poor, at):  # whoever answers in its place may not do it better
        rows.escalation[at] = poor if rows.backend[at] != rows.backend[poor] else NONE
        rows.escalation_share[at] = leg.escalation_share
        at = int(rows.next[at])


def _after(route: Routing, to: str) -> list[str]:
    return [other for other in route.after(to) if other != to]


def fill_route(row: Records, route: Routing, first_leg: int) -> None:
    """Set what is constant of a workload's routing."""
    row.first_leg, row.routes = first_leg, len(route.legs)
    row.falls_after_rejection = route.after_rejection
    row.falls_after_failure = route.after_failure
    row.falls_after_timeout = route.after_timeout
    row.overflow_queue = route.overflow_queue
    row.degrade_queue = math.inf
    if route.degradation is not None:
        row.degrade_queue = route.degradation.queue
        row.degraded_output = route.degradation.output_share


def with_routes(state: State, routes: Sequence[Routing], index_of: Mapping[str, int]) -> State:
    """The same state with legs for its workloads."""
    each = legs(routes, index_of)
    joined = records(sum(map(len, each)), LEG)
    first = 0
    for row, route, own in zip(state.workloads, routes, each, strict=True):
        joined[first : first + len(own)] = own
        fill_route(row, route, first)
        there = own.backend.tolist()
        there += [to for to in state.pools.hands_to[there].tolist() if to != NONE]
        row.prefix_block_tokens = state.pools.prefix_block_tokens[there].max()
        first += len(own)
    return state._replace(legs=joined)
