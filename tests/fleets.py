"""Fleets for tests: a plain engine of round figures, and whole cases drawn by hypothesis.

Hypothesis draws the shapes of a fleet and its traffic; continuous figures (times, coefficients)
come from a generator that it seeds, so that a step boundary and an arrival never meet by accident,
where the last bit of a sum would decide. Bursts of one instant are drawn on purpose.
"""

from dataclasses import dataclass, replace
from typing import Any, get_args

import numpy as np
import numpy.typing as npt
from hypothesis import strategies as st
from naive import NaiveDataPlane

from sim.engine import status
from sim.engine.plane import DataPlane
from sim.model.design import GpuPool, Router
from sim.model.price import GpuPrice
from sim.model.profile import Scheduler, ServiceProfile
from sim.model.workload import Slo

END_S = 1e9  # later than anything that happens

# A step takes 1 s however many sequences decode; prefill, memory and the front end cost nothing.
PLAIN = ServiceProfile(
    name="plain",
    model="none",
    gpu="none",
    precision="none",
    engine="none",
    gpus_per_replica=1,
    batch=(0,),
    step_base_s=(1.0,),
    step_s_per_kv_token=(0.0,),
    prefill_s_per_request=0.0,
    prefill_s_per_token=0.0,
    prefill_s_per_token_context=0.0,
    overhead_s=0.0,
    frontend_s_per_request=0.0,
    frontend_s_per_token=0.0,
    kv_capacity_tokens=1 << 20,
    kv_block_tokens=16,
    max_num_seqs=256,
    max_num_batched_tokens=8192,
    max_model_len=1 << 20,
    scheduler="chunked",
)


def profile(**changes: Any) -> ServiceProfile:
    """The plain engine with some of its figures changed."""
    return replace(PLAIN, **changes)


def pool(
    engine: ServiceProfile = PLAIN,
    replicas: int = 1,
    router: Router = "round_robin",
    name: str = "pool",
) -> GpuPool:
    """Replicas of an engine, at 1 USD per GPU-hour."""
    return GpuPool(name, engine, replicas, router, GpuPrice(1.0))


@dataclass(frozen=True)
class Verb:
    """What the control plane does at an instant, to one of the replicas or pools there are."""

    at_s: float
    name: str  # add, drain, kill
    which: int  # taken modulo what can be acted upon


@dataclass(frozen=True)
class Case:
    """A fleet, its requests and what is done to it."""

    pools: list[GpuPool]
    workload_pool: list[int]
    arrival_s: npt.NDArray[np.float64]
    prompt: npt.NDArray[np.int32]
    output: npt.NDArray[np.int32]
    workload: npt.NDArray[np.int32]
    key: int
    verbs: tuple[Verb, ...] = ()

    @property
    def requests(self) -> tuple[npt.NDArray[Any], ...]:
        return self.arrival_s, self.prompt, self.output, self.workload

    def kernel(self) -> DataPlane:
        slos = [Slo() for _ in self.workload_pool]
        return DataPlane(self.pools, self.workload_pool, slos, self.key, record=True)

    def naive(self) -> NaiveDataPlane:
        plane = NaiveDataPlane(self.pools, self.workload_pool, self.key)
        plane.feed(*(column.tolist() for column in self.requests))
        return plane


@st.composite
def engines(draw: st.DrawFn, tight: bool) -> ServiceProfile:
    """Any engine; ``tight`` ones have a cache that a few long sequences fill."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    block = 2 ** draw(st.integers(0, 5))
    max_model_len = draw(st.integers(2, 100))
    max_num_seqs = draw(st.integers(2 if tight else 1, 32))
    least_blocks = -(-max_model_len // block)  # one sequence of full length always fits
    spare = st.integers(0, least_blocks) if tight else st.integers(0, 40 * least_blocks)
    points = sorted({0, 1, *draw(st.lists(st.integers(2, 40), max_size=3))})
    grows = draw(st.booleans())
    return profile(
        batch=tuple(points),
        step_base_s=tuple(np.sort(rng.uniform(0.01, 0.1, len(points))).tolist()),
        step_s_per_kv_token=tuple((grows * rng.uniform(0, 1e-3, len(points))).tolist()),
        prefill_s_per_request=draw(st.sampled_from([0, 1])) * rng.uniform(0, 0.05),
        prefill_s_per_token=draw(st.sampled_from([0, 1])) * rng.uniform(0, 0.01),
        prefill_s_per_token_context=draw(st.sampled_from([0, 1])) * rng.uniform(0, 1e-4),
        overhead_s=draw(st.sampled_from([0, 1])) * rng.uniform(0, 0.3),
        frontend_s_per_request=draw(st.sampled_from([0, 1])) * rng.uniform(0, 0.1),
        frontend_s_per_token=draw(st.sampled_from([0, 1])) * rng.uniform(0, 0.005),
        kv_capacity_tokens=(least_blocks + draw(spare)) * block + draw(st.integers(0, block - 1)),
        kv_block_tokens=block,
        max_num_seqs=max_num_seqs,
        max_num_batched_tokens=max_num_seqs + draw(st.sampled_from([0, 1, 3, 10, 40, 400])),
        max_model_len=max_model_len,
        scheduler=draw(st.sampled_from(get_args(Scheduler))),
    )


@st.composite
def cases(draw: st.DrawFn, tight: bool = False, verbs: bool = False) -> Case:
    """Up to two pools of up to five replicas, two workloads, sixty requests."""
    pools = [
        pool(draw(engines(tight)), draw(st.integers(1, 5)), draw(st.sampled_from(get_args(Router))))
        for _ in range(draw(st.integers(1, 2)))
    ]
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    n = draw(st.integers(1, 60))
    gap_s = draw(st.sampled_from([0.001, 0.01, 0.1] if tight else [0.001, 0.01, 0.1, 1.0, 10.0]))
    burst_share = draw(st.sampled_from([0.0, 0.3, 0.9]))
    gaps_s = rng.exponential(gap_s, n) * (rng.random(n) >= burst_share)
    longest = max(p.profile.max_model_len for p in pools)
    most_prompt = longest // 3 + 1 if tight else longest + 2  # short ones leave room to grow
    most_output = longest if tight else draw(st.sampled_from([1, 2, longest]))
    arrival_s = rng.uniform(0, 1) + np.cumsum(gaps_s)
    return Case(
        pools,
        [draw(st.integers(0, len(pools) - 1)) for _ in range(2)],
        arrival_s,
        prompt=rng.integers(1, most_prompt, n, endpoint=True, dtype=np.int32),
        output=rng.integers(1, most_output, n, endpoint=True, dtype=np.int32),
        workload=rng.integers(0, 2, n, dtype=np.int32),
        key=draw(st.integers(0, 2**64 - 1)),
        verbs=draw(_verbs(arrival_s)) if verbs else (),
    )


@st.composite
def _verbs(draw: st.DrawFn, arrival_s: npt.NDArray[np.float64]) -> tuple[Verb, ...]:
    """Verbs between arrivals and some time after the last; or at the very instant of one."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    names = draw(st.lists(st.sampled_from(["add", "drain", "kill"]), min_size=1, max_size=8))
    times_s = rng.uniform(0, arrival_s[-1] + 5, len(names))
    meets = rng.random(len(names)) < 0.2
    times_s[meets] = rng.choice(arrival_s, int(meets.sum()))
    return tuple(
        Verb(at_s, name, int(rng.integers(100)))
        for at_s, name in zip(np.sort(times_s).tolist(), names, strict=True)
    )


def advance(plane: DataPlane | NaiveDataPlane, until_s: float) -> None:
    """Go on after every early return."""
    while plane.advance(until_s) == status.REPLICA_EMPTY:
        pass


def run(case: Case, plane: DataPlane | NaiveDataPlane, until_s: float = END_S) -> None:
    """Advance to the given time, with the verbs at theirs."""
    pool_of = [p for p, drawn in enumerate(case.pools) for _ in range(drawn.replicas)]
    ready = list(range(len(pool_of)))
    for verb in case.verbs:
        if verb.at_s > until_s:
            break
        advance(plane, verb.at_s)
        if verb.name == "add":
            pool_of.append(verb.which % len(case.pools))
            ready.append(plane.add(pool_of[-1]))
            assert ready[-1] == len(pool_of) - 1
        elif verb.name == "drain" and ready:
            plane.drain(ready.pop(verb.which % len(ready)))
        elif verb.name == "kill":  # whatever its state
            replica = verb.which % len(pool_of)
            plane.kill(replica)
            ready = [other for other in ready if other != replica]
    advance(plane, until_s)


def kernel_log(case: Case, until_s: float = END_S) -> Any:
    """The kernel's row of every request that has arrived."""
    plane = case.kernel()
    plane.feed(*case.requests)
    plane.close_feed()
    run(case, plane, until_s)
    return plane.requests()
