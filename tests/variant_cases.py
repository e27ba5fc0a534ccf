"""Cases in which pools of several services stand behind one gateway."""

from dataclasses import replace
from typing import get_args

import numpy as np
import strategies as st
from fleets import Case, pool
from handoff_cases import keeping_like
from task_cases import cases_that_share, cases_with_caches

from sim.model.design import GpuPool
from sim.model.routing import to_one
from sim.model.variants import VariantRouter, Variants


@st.composite
def cases_with_variants(
    draw: st.DrawFn, verbs: bool = False, hedges: bool = False, shares: bool = False
) -> Case:
    """Tasks and clients of all kinds before two or three variants, and perhaps a pool beside."""
    case: Case = draw((cases_that_share if shares else cases_with_caches)(verbs, hedges))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    first, second = case.pools[0], case.pools[-1]
    if len(case.pools) == 1:
        faster = replace(
            first.profile, step_base_s=tuple(0.6 * t for t in first.profile.step_base_s)
        )
        engine = faster if draw(st.booleans()) else first.profile
        second = replace(pool(engine, draw(st.integers(0, 2))), gateway=first.gateway)
    second = keeping_like(second, first, first.prefix_cache is not None)
    third = replace(first, replicas=draw(st.integers(0, 2)))
    pools = [first, second, *[third] * draw(st.integers(0, 1))]
    router = draw(st.sampled_from(get_args(VariantRouter)))
    weights = _weights(draw, rng, len(pools))
    joined = Variants("all", tuple("abc"[: len(pools)]), weights, router, first.gateway)
    parts = [_part(each, name, joined) for each, name in zip(pools, joined.pools, strict=True)]
    alone = [replace(second, name="alone", gateway=first.gateway)] * draw(st.integers(0, 1))
    routes = [to_one("all") for _ in case.workload_pool]
    if alone and draw(st.booleans()):
        routes[-1] = to_one("alone")
    return replace(case, pools=[*alone, *parts], variants=[joined], routes=routes, managed=[])


def _weights(draw: st.DrawFn, rng: np.random.Generator, count: int) -> tuple[float, ...]:
    """All alike, whole numbers, or any; the smallest 1."""
    kind = draw(st.integers(0, 2))
    drawn = [1.0] * count if kind == 0 else rng.integers(1, 5, count).astype(float)
    drawn = np.asarray(rng.uniform(1, 4, count) if kind == 2 else drawn)
    return tuple((drawn / drawn.min()).tolist())


def _part(drawn: GpuPool, name: str, joined: Variants) -> GpuPool:
    """A pool behind the gateway of all."""
    return replace(drawn, name=name, gateway=joined.gateway, router=joined.router)
