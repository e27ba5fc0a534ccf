"""Cases in which one pool computes prompts for another."""

from dataclasses import replace
from typing import Any, get_args

import numpy as np
import strategies as st
from fleets import Case, pool
from task_cases import cases_that_share, cases_with_caches

from sim.model.cache import PrefixCache
from sim.model.design import GpuPool
from sim.model.handoff import Handoff, LinkPer
from sim.model.profile import ServiceProfile


@st.composite
def cases_with_handoffs(
    draw: st.DrawFn, verbs: bool = False, hedges: bool = False, shares: bool = False
) -> Case:
    """Tasks and clients of all kinds before a pool that hands its prompts to another."""
    case: Case = draw((cases_that_share if shares else cases_with_caches)(verbs, hedges))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    first = replace(case.pools[0], name="prefill")
    second = replace(case.pools[-1], name="decode")
    if len(case.pools) == 1 and draw(st.booleans()):
        second = replace(pool(first.profile, 2, first.router), name="decode", gateway=first.gateway)
    second = keeping_like(second, first, draw(st.booleans()))
    handoff = Handoff(
        "decode",
        bytes_per_s=draw(st.sampled_from([1e2, 1e3, 1e5])) * rng.uniform(0.5, 2),
        kv_bytes_per_token=rng.uniform(0.5, 2),
        latency_s=draw(st.sampled_from([0.0, 0.0, 0.05, 1.0])) * rng.uniform(0.5, 1),
        per=draw(st.sampled_from(get_args(LinkPer))),
        local_below=draw(st.sampled_from([0, 0, 5, 20])),
    )
    return replace(case, pools=[replace(first, handoff=handoff), second])


def keeping_like(drawn: GpuPool, other: GpuPool, keeps: bool) -> GpuPool:
    """The same pool with the engine's blocks of another, and prompts kept in blocks like there."""
    block = other.profile.kv_block_tokens
    most = max(drawn.profile.kv_capacity_tokens, -(-drawn.profile.max_model_len // block) * block)
    engine = replace(drawn.profile, kv_block_tokens=block, kv_capacity_tokens=most)
    kept = other.prefix_cache
    if kept is not None:
        kept = PrefixCache(kept.block_tokens, engine.kv_capacity_tokens, kept.shares)
    return replace(drawn, profile=engine, prefix_cache=kept if keeps else None)


def ruled(case: Case, **rules: Any) -> Case:
    """The same with rules of the engine changed on both sides."""

    def by(profile: ServiceProfile) -> ServiceProfile:
        return replace(profile, **rules)

    return replace(case, pools=[replace(p, profile=by(p.profile)) for p in case.pools])
