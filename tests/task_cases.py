"""Cases that are drawn in which calls follow calls, and prompts and answers are kept."""

import math
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import strategies as st
from fleets import Case, cases_with_clients, pool, profile

from sim.model.cache import PrefixCache, ResponseCache
from sim.model.client import Client
from sim.model.design import GpuPool, Router
from sim.model.profile import ServiceProfile
from sim.model.workload import OWN, Chains, Prefixes


@st.composite
def cases_with_tasks(draw: st.DrawFn, verbs: bool = False, hedges: bool = False) -> Case:
    """Cases in which many requests are followed by up to six calls, some side by side.

    A few have patient clients, so that tasks come to their ends.
    """
    case: Case = draw(cases_with_clients(draw(st.booleans()), verbs, hedges))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    pools = [replace(pool, profile=of_uneven_steps(pool.profile, rng)) for pool in case.pools]
    n, workloads = len(case.arrival_s), len(case.workload_pool)
    longest = max(pool.profile.max_model_len for pool in case.pools)
    is_patient = draw(st.sampled_from([True, True, False]))
    return replace(
        case,
        pools=pools,
        clients=[Client(hedge=c.hedge) for c in case.clients or []] if is_patient else case.clients,
        patience_s=None if is_patient else case.patience_s,
        prompt=-(-case.prompt // draw(st.sampled_from([1, 4, 20]))),  # leave room to grow
        output=-(-case.output // draw(st.sampled_from([1, 4, 20]))),
        chains=draw(_chains(n, longest, workloads)),
        session=rng.integers(-1, 6, n) if draw(st.booleans()) else None,
        carry=[draw(st.sampled_from([1.0, 1.0, 0.7, 0.5, 0.0])) for _ in range(workloads)],
    )


def of_uneven_steps(engine: ServiceProfile, rng: np.random.Generator) -> ServiceProfile:
    """Times that follow from the ends of steps of equal length would meet other ends of steps."""
    return replace(
        engine,
        prefill_s_per_token=rng.uniform(0, 0.01),
        prefill_s_per_token_context=rng.uniform(0, 1e-4),
        step_s_per_kv_token=tuple(rng.uniform(0, 1e-3, len(engine.batch)).tolist()),
    )


@st.composite
def cases_with_caches(draw: st.DrawFn, verbs: bool = False, hedges: bool = False) -> Case:
    """Cases with tasks or without, whose pools keep prompts and whose gateways keep answers."""
    case: Case = draw(cases_with_tasks(verbs, hedges))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    workloads = len(case.workload_pool)
    hit_rates = [draw(st.sampled_from([0.0, 0.5, 1.0])) * rng.random() for _ in range(workloads)]
    kept = [draw(st.sampled_from([None, None, _kept(rng)])) for _ in range(workloads)]
    caches = [draw(_prefix_caches(pool.profile.max_model_len)) for pool in case.pools]
    return replace(
        case,
        pools=[
            replace(pool, prefix_cache=cache)
            for pool, cache in zip(case.pools, caches, strict=True)
        ],
        chains=draw(st.sampled_from([case.chains, case.chains, None])),
        prefixes=_prefixes(rng, len(case.arrival_s)) if draw(st.booleans()) else None,
        prefix_hit_rate=hit_rates,
        response_cache=kept,
    )


@st.composite
def cases_that_share(draw: st.DrawFn, verbs: bool = False, hedges: bool = False) -> Case:
    """The same where prompts are kept in the KV cache, beside what requests need of it."""
    case: Case = draw(cases_with_caches(verbs, hedges))
    return replace(case, pools=[_that_shares(pool, draw(BLOCKS)) for pool in case.pools])


BLOCKS = st.sampled_from([1, 1, 2, 4])  # of the KV cache in a block of prompts


def _that_shares(pool: GpuPool, blocks: int) -> GpuPool:
    profile = pool.profile
    size = blocks * profile.kv_block_tokens
    return replace(pool, prefix_cache=PrefixCache(size, profile.kv_capacity_tokens, shares=True))


@st.composite
def _chains(draw: st.DrawFn, n: int, longest: int, workloads: int) -> Chains:
    """Think times are continuous, or round ones, for which calls meet at one instant.

    In one case of three they are calls of any of the workloads.
    """
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    most = draw(st.sampled_from([1, 3, 6]))
    count = rng.integers(0, most, n, endpoint=True) * (rng.random(n) < 0.6)
    m = int(count.sum())
    begins_stage = rng.random(m) < draw(st.sampled_from([0.3, 0.7, 1.0]))
    ends = np.cumsum(count)
    stage = np.concatenate(
        [1 + np.cumsum(begins_stage[end - own : end]) for end, own in zip(ends, count, strict=True)]
    )
    firsts = np.repeat(ends - count, count)
    stage -= begins_stage[firsts]  # the first stage of a task is 1
    think_s = rng.choice([0.0, 0.0, 1.0, math.nan], m)
    whose = rng.integers(OWN, workloads, m) if draw(st.integers(0, 2)) == 0 else np.full(m, OWN)
    return Chains(
        count=count.astype(np.int32),
        stage=stage.astype(np.int32),
        think_s=np.where(np.isnan(think_s), rng.exponential(0.5, m), think_s),
        prompt_tokens=rng.integers(0, draw(st.sampled_from([1, 5, longest])), m, dtype=np.int32),
        output_tokens=rng.integers(
            1, draw(st.sampled_from([1, 5, longest])), m, endpoint=True, dtype=np.int32
        ),
        workload=whose.astype(np.int32),
    )


@st.composite
def _prefix_caches(draw: st.DrawFn, longest: int) -> PrefixCache | None:
    """Blocks that a few prompts, or very many, or none fit in."""
    if draw(st.integers(0, 4)) == 0:
        return None
    block_tokens = draw(st.sampled_from([1, 2, 3, 8, 16]))
    return PrefixCache(block_tokens, draw(st.sampled_from([0, 1, 2, 8, 200])) * longest // 8)


def _kept(rng: np.random.Generator) -> ResponseCache:
    return ResponseCache(rng.uniform(0, 0.8), rng.choice([0.0, 1.0]) * rng.uniform(0, 1))


def _prefixes(rng: np.random.Generator, n: int) -> Prefixes:
    """Prompts of a few families, which branch here and there; and some without names."""
    count = rng.integers(0, 30, n) * (rng.random(n) < 0.7)
    rows = [_branch(rng, int(names)) for names in count]
    return Prefixes(count.astype(np.int32), np.concatenate([np.zeros(0, np.int64), *rows]))


def _branch(rng: np.random.Generator, names: int) -> npt.NDArray[Any]:
    family, branch, at = rng.integers(3), rng.integers(3), rng.integers(10)
    depth = np.arange(names)
    return 10_000 * family + depth + np.where(depth >= at, 1_000 * (1 + branch), 0)


LONG_TALKS = profile(  # a realistic engine, with memory for some of what is said
    batch=(0, 1, 8, 64),
    step_base_s=(0.011, 0.012, 0.014, 0.022),
    step_s_per_kv_token=(0.0, 2.1e-7, 1.9e-7, 1.7e-7),
    prefill_s_per_request=0.003,
    prefill_s_per_token=5.3e-5,
    prefill_s_per_token_context=1.1e-9,
    overhead_s=0.02,
    kv_capacity_tokens=30_000,
    max_num_seqs=64,
    max_num_batched_tokens=512,
    max_model_len=8_192,
)


def conversations(
    engine: ServiceProfile, router: Router, cache: PrefixCache, n: int = 80, tokens: int = 600
) -> Case:
    """Conversations of some turns with three replicas, each turn of up to so many new tokens."""
    rng = np.random.default_rng(17)
    turns = rng.integers(0, 8, n, dtype=np.int32)
    m = int(turns.sum())
    return Case(
        [replace(pool(engine, 3, router), prefix_cache=cache)],
        [0],
        np.cumsum(rng.exponential(0.4, n)),
        prompt=rng.integers(1, 2 * tokens, n, dtype=np.int32),
        output=rng.integers(1, tokens, n, dtype=np.int32),
        workload=np.zeros(n, np.int32),
        key=3,
        chains=Chains(
            count=turns,
            stage=np.concatenate([np.arange(1, own + 1, dtype=np.int32) for own in turns]),
            think_s=rng.exponential(2.0, m),
            prompt_tokens=rng.integers(0, tokens, m, dtype=np.int32),
            output_tokens=rng.integers(1, tokens, m, dtype=np.int32),
            workload=np.full(m, OWN, np.int32),
        ),
    )
