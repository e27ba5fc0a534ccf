"""Cases that are drawn with managed backends, and requests that go from one to another.

Quotas are of the order of what is asked of them, so that they bind.
"""

import math
from dataclasses import replace
from typing import Any

import numpy as np
import strategies as st
from fleets import Case, Verb
from task_cases import cases_with_caches

from sim.model.client import Client
from sim.model.design import GpuPool
from sim.model.distributions import Constant, LogNormal, Uniform
from sim.model.managed import (
    NO_LIMIT,
    Budget,
    ManagedApi,
    Pace,
    PromptCaching,
    Provisioned,
    Quota,
)
from sim.model.price import Peak, TokenPrice, TokenRates
from sim.model.routing import LONGEST_PROMPT, Degradation, Leg, Routing

AT_ONCE = Pace(Constant(0.0), Constant(1e15))  # no latency at all
NO_STEP = TokenPrice().long_above_tokens


@st.composite
def cases_with_managed(draw: st.DrawFn, verbs: bool = False, hedges: bool = False) -> Case:
    """Cases with tasks and caches, on one or two pools and up to two managed backends."""
    case: Case = draw(cases_with_caches(verbs, hedges))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    n = len(case.arrival_s)
    pools = _named(case.pools, draw(st.sampled_from([1, 2, 3, 8, 16])))
    managed = [draw(_apis(f"api {index}")) for index in range(draw(st.sampled_from([0, 1, 1, 2])))]
    names = [backend.name for backend in (*pools, *managed)]
    return replace(
        case,
        pools=pools,
        managed=managed,
        routes=[draw(_routings(names)) for _ in case.workload_pool],
        clients=[draw(_clients(client)) for client in case.clients or []],
        patience_s=draw(st.sampled_from([case.patience_s, rng.exponential(3, n)])),
        day_start_s=3600.0 * rng.integers(0, 24) + rng.uniform(0, 3600),
        verbs=_with_incidents(case, rng) if verbs else (),
    )


@st.composite
def cases_with_rules(draw: st.DrawFn, verbs: bool = False, hedges: bool = False) -> Case:
    """Cases with managed backends whose providers have further rules, and routers with cooldowns.

    Days end while requests come, or never.
    """
    case: Case = draw(cases_with_managed(verbs, hedges))
    rng = _chance(draw, case)
    cooldowns_s = [0.0, 0.3, 2.0]
    return replace(
        case,
        pools=[replace(pool, cooldown_s=rng.choice(cooldowns_s)) for pool in case.pools],
        managed=[
            replace(
                api,
                quota=_with_rules(api.quota, case, rng),
                error_share=max(api.error_share, rng.choice([0.0, 0.1])),
                cooldown_s=rng.choice(cooldowns_s),
            )
            for api in case.managed or []
        ],
    )


@st.composite
def cases_with_budgets(draw: st.DrawFn, verbs: bool = False, hedges: bool = False) -> Case:
    """Cases with rules whose backends are paid for, some of them within budgets, own and shared.

    A budget is spent by a few answers, by many or by none; its periods end while requests come.
    """
    case: Case = draw(cases_with_rules(verbs, hedges))
    rng = _chance(draw, case)
    apis = [_on_a_budget(api, case, rng) for api in case.managed or []]
    team = replace(_budget(case, rng), shared="team")
    shared = [(team,) if rng.uniform() < 0.6 else () for _ in apis]
    return replace(
        case,
        managed=[
            replace(api, budgets=api.budgets + more) for api, more in zip(apis, shared, strict=True)
        ],
    )


@st.composite
def cases_far_away(draw: st.DrawFn, verbs: bool = False, hedges: bool = False) -> Case:
    """Cases with rules, some of whose backends are far from their users, and are lost for a time.

    From each backend attempts may go on in an order of its own.
    """
    case: Case = draw(cases_with_rules(verbs, hedges))
    rng = _chance(draw, case)
    names = [backend.name for backend in (*case.pools, *(case.managed or []))]
    last_s = float(case.arrival_s[-1]) + 2
    losses = []
    for _ in range(rng.integers(0, 4) if verbs else 0):
        at_s, which = rng.uniform(0, last_s), int(rng.integers(100))
        losses += [Verb(at_s, "shut", which), Verb(at_s, "kill", which)]
        losses.append(Verb(at_s + rng.exponential(last_s / 4), "open", which))
    return replace(
        case,
        routes=[_far(route, names, rng) for route in case.routes or []],
        verbs=tuple(sorted((*case.verbs, *losses), key=lambda verb: verb.at_s)),
    )


def _far(route: Routing, names: list[str], rng: np.random.Generator) -> Routing:
    trips = {name: rng.exponential(0.2) for name in names if rng.random() < 0.6}
    ways = [(name, tuple(rng.permutation(names)[: rng.integers(0, 4)].tolist())) for name in names]
    own = [each for each in ways if rng.random() < 0.5]
    return replace(route, trips_s=tuple(trips.items()), orders=tuple(own))


def _chance(draw: st.DrawFn, case: Case) -> np.random.Generator:
    """Random numbers of a case: a drawn seed alone is 0 or another of few more often than not."""
    arrivals = np.frombuffer(case.arrival_s.tobytes(), np.uint32)
    return np.random.default_rng([draw(st.integers(0, 2**32 - 1)), *arrivals.tolist()])


def _on_a_budget(api: ManagedApi, case: Case, rng: np.random.Generator) -> ManagedApi:
    rates = TokenRates(*rng.uniform(0.5, 5, 2), *rng.uniform(0.1, 6, 2))
    peak = Peak(2.5, (0, 3), 3600.0 * rng.uniform(0, 24), 3600.0 * rng.uniform(0, 24))
    price = replace(
        api.price,
        rates=rates,
        long_rates=None if rng.uniform() < 0.5 else TokenRates(3.0, 7.0),
        factor=rng.choice([1.0, 0.5]),
        yearly_factor=rng.choice([1.0, 0.5]),
        peaks=() if rng.uniform() < 0.5 else (peak,),
        clock_s=rng.uniform(0, 604_800),
    )
    caching = api.caching and replace(api.caching, marked_tokens=int(rng.choice([NO_LIMIT, 3, 15])))
    budget = _budget(case, rng)
    budgets = (budget,) if rng.uniform() < 0.8 else ()
    return replace(api, price=price, caching=caching, budgets=budgets)


def _budget(case: Case, rng: np.random.Generator) -> Budget:
    last_s = float(case.arrival_s[-1]) + 1
    usd = 1e-6 * math.exp(rng.uniform(1, 7))
    ends = np.cumsum(rng.uniform(0.05, 0.6, 4) * last_s)
    spent = rng.choice([0.0, 0.0, 0.9, 1.0]) * usd
    return Budget(usd, (*ends.tolist(), last_s + 1e5), spent)


def _with_rules(quota: Quota, case: Case, rng: np.random.Generator) -> Quota:
    last_s = float(case.arrival_s[-1]) + 1
    assert case.day_start_s is not None
    many = len(case.arrival_s) * rng.uniform(0.1, 0.8)
    weeks = np.random.default_rng(round(1e3 * many))  # leaves what else is drawn as it is
    return replace(
        quota,
        output_weight=rng.choice([1.0, 5.0, 0.5]),
        requests_per_day=rng.choice([math.inf, max(round(many), 1)]),
        tokens_per_day=rng.choice([math.inf, 30 * many]),
        reset_s=(case.day_start_s + rng.uniform(0, 1.5 * last_s)) % 86_400,
        requests_per_week=weeks.choice([math.inf, math.inf, max(round(many), 1)]),
        tokens_per_week=weeks.choice([math.inf, 30 * many, 60]),  # or next to none
        week_reset_s=weeks.uniform(0, 1.5 * last_s),
        max_concurrency=rng.choice([math.inf, 1.0, 3.0]),
        too_large="refuse" if rng.uniform() < 0.5 else "pass",
    )


def _named(pools: list[GpuPool], block_tokens: int) -> list[GpuPool]:
    """Pools that a route can tell apart, whose blocks of prompts have one size."""
    caches = [
        pool.prefix_cache and replace(pool.prefix_cache, block_tokens=block_tokens)
        for pool in pools
    ]
    return [
        replace(pool, name=f"pool {index}", prefix_cache=cache)
        for index, (pool, cache) in enumerate(zip(pools, caches, strict=True))
    ]


@st.composite
def _clients(draw: st.DrawFn, client: Client) -> Client:
    """The same client; or one that comes back when it is told to, however late, or hangs up."""
    most = draw(st.sampled_from([0, 0, 1, 5]))
    timeout_s = draw(st.sampled_from([client.timeout_s, client.timeout_s, 1.3, 4.7]))
    if most == 0:
        return replace(client, timeout_s=timeout_s)
    returning = replace(
        client.retry, max_retries=most, after_rejection=True, retry_after_limit_s=1e4
    )
    return replace(client, timeout_s=timeout_s, retry=returning)


@st.composite
def _apis(draw: st.DrawFn, name: str) -> ManagedApi:
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    memory = PromptCaching(rng.choice([0.5, 5.0, 300.0]), int(rng.choice([0, 1, 20])))
    long = TokenPrice(long_above_tokens=int(rng.integers(1, 20)))
    return ManagedApi(
        name,
        draw(st.sampled_from([_pace(rng), _pace(rng), AT_ONCE])),
        draw(st.sampled_from([TokenPrice(), long])),
        draw(_quotas()),
        draw(_provisioned()),
        error_share=draw(st.sampled_from([0.0, 0.0, 0.1, 0.5])),
        caching=draw(st.sampled_from([None, memory])),
        max_model_len=draw(st.sampled_from([NO_LIMIT, NO_LIMIT, 100, 30])),
        capable_share=draw(st.sampled_from([1.0, 1.0, 0.7])),
    )


def _pace(rng: np.random.Generator) -> Pace:
    """Answers as fast as those of the drawn engines, or ten times as slow."""
    slow = rng.choice([1.0, 10.0])
    return Pace(
        LogNormal(math.log(0.1 * slow), 0.5),
        Uniform(10 / slow, 40 / slow),
        rng.choice([0.0, 0.01]),
        tuple(rng.uniform(0.5, 2, 24).tolist()),
        tuple(rng.uniform(0.5, 2, 24).tolist()),
    )


@st.composite
def _quotas(draw: st.DrawFn) -> Quota:
    """Each limit is there in some cases: for a few requests, or for a few dozen."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    burst_s = draw(st.sampled_from([1.0, 10.0, 60.0]))

    def limit(tokens: float) -> Any:
        few = tokens * math.exp(rng.uniform(0, 4)) * 60 / burst_s
        return draw(st.sampled_from([math.inf, math.inf, few]))

    return Quota(
        requests_per_min=limit(0.7),
        tokens_per_min=limit(20),
        input_tokens_per_min=limit(10),
        output_tokens_per_min=limit(10),
        burst_s=burst_s,
        cached_is_free=draw(st.booleans()),
        reserved_output_tokens=draw(st.sampled_from([0, 0, 5, 50])),
    )


@st.composite
def _provisioned(draw: st.DrawFn) -> Provisioned | None:
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    units = draw(st.sampled_from([None, None, 0, 1, 3]))
    if units is None:
        return None
    return Provisioned(units, 100 * math.exp(rng.uniform(0, 5)), rng.choice([1.0, 4.0]))


@st.composite
def _routings(draw: st.DrawFn, names: list[str]) -> Routing:
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    legs = [draw(_legs(names)) for _ in range(draw(st.integers(1, 3)))]
    others = st.lists(st.sampled_from(names), min_size=draw(st.integers(0, 1)), unique=True)
    degradation = Degradation(draw(st.sampled_from([0.0, 1.0, 3.0])), rng.uniform(0.05, 0.8))
    return Routing(
        tuple(legs),
        tuple(draw(others)),
        after_rejection=draw(st.sampled_from([True, True, False])),
        after_failure=draw(st.sampled_from([True, True, False])),
        after_timeout=draw(st.sampled_from([True, True, False])),
        overflow_queue=draw(st.sampled_from([math.inf, math.inf, 0.0, 1.0, 5.0])),
        degradation=draw(st.sampled_from([None, None, degradation])),
    )


@st.composite
def _legs(draw: st.DrawFn, names: list[str]) -> Leg:
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    split = int(rng.integers(1, 30))
    least, most = draw(
        st.sampled_from([(0, LONGEST_PROMPT), (0, LONGEST_PROMPT), (0, split), (split, 40)])
    )
    return Leg(
        draw(st.sampled_from(names)),
        rng.uniform(0.1, 1),
        least,
        most,
        draw(st.sampled_from(["", *names])),
        rng.choice([0.3, 0.9]),
    )


def _with_incidents(case: Case, rng: np.random.Generator) -> tuple[Verb, ...]:
    """Verbs of the case, and incidents of managed backends that begin and end."""
    last_s = float(case.arrival_s[-1]) + 2
    verbs = list(case.verbs)
    for _ in range(rng.integers(0, 4)):
        at_s, which = rng.uniform(0, last_s), int(rng.integers(100))
        verbs.append(Verb(at_s, "set_errors", which, rng.choice([0.3, 1.0])))
        verbs.append(Verb(at_s, "set_slowness", which, rng.uniform(0.5, 5)))
        verbs.append(Verb(at_s + rng.exponential(last_s / 4), "set_errors", which, 0.0))
    return tuple(sorted(verbs, key=lambda verb: verb.at_s))
