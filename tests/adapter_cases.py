"""Cases that are drawn in which requests need adapters."""

from dataclasses import replace

import numpy as np
import strategies as st
from fleets import Case
from task_cases import cases_that_share, cases_with_caches, cases_with_tasks

from sim.model.adapters import Adapters, AdapterSlots, zipf
from sim.model.design import GpuPool
from sim.model.scorers import Scorers


@st.composite
def cases_with_adapters(draw: st.DrawFn, verbs: bool = False, hedges: bool = False) -> Case:
    """Cases with tasks, in half of them with caches, whose workloads need adapters or none."""
    base = (cases_with_tasks, cases_with_caches, cases_that_share)[draw(st.integers(0, 2))]
    case: Case = draw(base(verbs, hedges))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    needed = [draw(_needed()) for _ in case.workload_pool]
    needed[0] = needed[0] or Adapters(8, zipf(6, 0.5))
    pools = [_with_slots(pool, draw, rng) for pool in case.pools]
    return replace(case, pools=pools, adapters=needed)


@st.composite
def _needed(draw: st.DrawFn) -> Adapters | None:
    if draw(st.integers(0, 3)) == 0:
        return None
    weights = zipf(draw(st.integers(1, 12)), draw(st.sampled_from([0.0, 0.8, 2.0])))
    return Adapters(draw(st.sampled_from([4, 16])), weights)


def _with_slots(pool: GpuPool, draw: st.DrawFn, rng: np.random.Generator) -> GpuPool:
    if draw(st.integers(0, 5)) == 0:
        return pool
    slots = draw(st.sampled_from([1, 1, 2, 3, 5]))
    weight = draw(st.sampled_from([0.0, 2.0]))
    if pool.router == "scored" and weight:
        pool = replace(pool, scorers=Scorers(running=1.0, adapter=weight))
    adapters = AdapterSlots(
        slots,
        slots + draw(st.sampled_from([0, 1, 4, 20])),
        bytes_per_rank=1.0,
        load_bytes_per_s=float(rng.choice([10.0, 1e3]) * rng.uniform(0.5, 2)),
        load_latency_s=rng.uniform(0, 0.1),
        fetch_bytes_per_s=float(rng.choice([1.0, 1e2]) * rng.uniform(0.5, 2)),
        step_overhead=draw(st.sampled_from([0.0, 1.0])) * rng.uniform(0, 1),
        step_overhead_per_adapter=draw(st.sampled_from([0.0, 1.0])) * rng.uniform(0, 0.2),
        blocks=draw(st.booleans()),
    )
    return replace(pool, adapters=adapters)
