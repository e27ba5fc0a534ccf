"""Cases that are drawn in which tiers lie under the caches of prompts."""

from dataclasses import replace

import numpy as np
import strategies as st
from fleets import Case
from handoff_cases import cases_with_handoffs
from task_cases import cases_that_share, cases_with_caches

from sim.model.cache import PrefixCache, Tier
from sim.model.design import GpuPool

FRACTIONS = st.sampled_from([0.02, 0.2, 1.0, 5.0])  # of a prompt's longest, in a tier


@st.composite
def cases_with_tiers(draw: st.DrawFn, verbs: bool = False, hedges: bool = False) -> Case:
    """Cases of caches in the KV cache, or beside it, with one tier or several below."""
    base = cases_that_share if draw(st.integers(0, 3)) else cases_with_caches
    case: Case = draw(base(verbs, hedges))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    return replace(case, pools=[_with_tiers(pool, draw, rng) for pool in case.pools])


def _with_tiers(pool: GpuPool, draw: st.DrawFn, rng: np.random.Generator) -> GpuPool:
    cache = pool.prefix_cache
    if cache is None or cache.blocks == 0:
        return pool
    kinds = draw(
        st.sampled_from(
            [("host",), ("host",), ("nvme",), ("shared",), ("host", "nvme"), ("host", "shared")]
        )
    )
    tiers = [
        Tier(
            kind,
            cache.block_tokens + int(draw(FRACTIONS) * pool.profile.max_model_len),
            read_bytes_per_s=float(rng.choice([10.0, 100.0, 1e3, 1e5]) * rng.uniform(0.5, 2)),
            write_bytes_per_s=1e9,
            latency_s=draw(st.sampled_from([0.0, 0.0, 1.0])) * rng.uniform(0, 0.1),
            writes_through=kind == "shared" or draw(st.booleans()),
        )
        for kind in kinds
    ]
    cache = PrefixCache(
        cache.block_tokens,
        cache.capacity_tokens,
        cache.shares,
        tuple(tiers),
        bytes_per_token=1.0,
        load=draw(st.sampled_from(["faster", "always"])),
        router_sees_tiers=draw(st.booleans()),
    )
    return replace(pool, prefix_cache=cache)


@st.composite
def cases_with_handoffs_and_tiers(draw: st.DrawFn, verbs: bool = False) -> Case:
    """Cases in which a pool computes prompts for another, and either may have tiers."""
    case: Case = draw(cases_with_handoffs(verbs, verbs, draw(st.booleans())))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    return replace(case, pools=[_with_tiers(pool, draw, rng) for pool in case.pools])
