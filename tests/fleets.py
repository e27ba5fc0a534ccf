"""Fleets for tests: a plain engine of round figures, and whole cases that are drawn.

The shapes of a fleet and its traffic are drawn; continuous figures (times, coefficients) come from
a generator whose seed is drawn, so that a step boundary and an arrival never meet by accident,
where the last bit of a sum would decide. Bursts of one instant are drawn on purpose.
"""

import math
from dataclasses import dataclass, field, replace
from typing import Any, get_args

import numpy as np
import numpy.typing as npt
import strategies as st
from naive.data_plane import NaiveDataPlane

from sim.engine.plane.feed import Feed
from sim.engine.plane.plane import DataPlane
from sim.engine.state import status
from sim.model import ragged
from sim.model.adapters import Adapters
from sim.model.cache import ResponseCache
from sim.model.client import RETRIES, BeyondLimit, Client, Hedge, Jitter, Retry, RetryBudget
from sim.model.closed import LoopRules
from sim.model.design import GpuPool, Router
from sim.model.gateway import Gateway, OnLoss
from sim.model.managed import ManagedApi
from sim.model.price import GpuPrice
from sim.model.profile import Admission, Scheduler, ServiceProfile
from sim.model.routing import Routing
from sim.model.variants import Variants
from sim.model.workload import Chains, Loop, Prefixes, Slo, Yielding

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
    gateway: Gateway = Gateway(),  # noqa: B008 (frozen)
) -> GpuPool:
    """Replicas of an engine, at 1 USD per GPU-hour."""
    return GpuPool(name, engine, replicas, router, GpuPrice(1.0), gateway)


@dataclass(frozen=True)
class Verb:
    """What the control plane does at an instant, to one of the replicas or pools there are."""

    at_s: float
    name: str  # add, drain, kill, set_errors, set_slowness; look: nothing
    which: int  # taken modulo what can be acted upon
    value: float = 0.0  # that is set


@dataclass(frozen=True)
class Case:
    """A fleet, its requests, who asks, and what is done to it."""

    pools: list[GpuPool]
    workload_pool: list[int]
    arrival_s: npt.NDArray[np.float64]
    prompt: npt.NDArray[np.int32]
    output: npt.NDArray[np.int32]
    workload: npt.NDArray[np.int32]
    key: int
    verbs: tuple[Verb, ...] = ()
    clients: list[Client] | None = None
    priorities: list[int] | None = None
    patience_s: npt.NDArray[np.float64] | None = None
    wakes: bool = False  # a replica is added as soon as a request is held for want of one
    session: npt.NDArray[np.int64] | None = None
    chains: Chains | None = None
    prefixes: Prefixes | None = None
    loop: Loop | None = None
    closed: list[LoopRules | None] | None = None  # of each workload, like the next
    max_concurrency: list[float] | None = None  # of each workload, like the next
    carry: list[float] | None = None
    prefix_hit_rate: list[float] | None = None
    response_cache: list[ResponseCache | None] | None = None
    managed: list[ManagedApi] | None = None
    routes: list[Routing] | None = None  # of each workload; all to its pool by default
    day_start_s: float | None = None  # time of the day at time 0
    yielding: list[Yielding | None] | None = None  # of each workload
    adapters: list[Adapters | None] | None = None  # ... that its requests need
    variants: list[Variants] | None = None
    tenants: list[str] | None = None  # likewise, as the next
    slos: list[Slo] | None = None
    on_grid: bool = False  # every sum of its times is exact, so that ties are ties

    @property
    def requests(self) -> tuple[Any, ...]:
        """What a plane is fed with, but for the columns that no request has."""
        columns = [self.arrival_s, self.prompt, self.output, self.workload]
        more = [self.patience_s, self.session, self.chains, self.prefixes, self.loop]
        while more and more[-1] is None:
            more.pop()
        return (*columns, *more)

    def piece(self, begin: int, end: int) -> tuple[Any, ...]:
        """Some of the requests."""
        return tuple(_piece(column, begin, end) for column in self.requests)

    def further(self, workload: int, user: Any, number: Any) -> tuple[Any, ...]:
        """What users in an endless loop are to send, by their numbers: any rows of the case."""
        rows = (31 * user + 17 * number + workload) % len(self.arrival_s)
        columns = tuple(_rows(column, rows) for column in (*self.requests, *[None] * 9)[:9])
        return (*columns[:3], np.full(len(rows), workload, np.int32), *columns[4:])

    @property
    def traits(self) -> dict[str, Any]:
        """What the case says of its workloads, and of backends that are not pools."""
        names = ("max_concurrency", "carry", "prefix_hit_rate", "response_cache")
        names += ("managed", "routes", "day_start_s", "closed", "yielding", "adapters", "variants")
        names += ("tenants",)
        said = {name: getattr(self, name) for name in names}
        return {name: trait for name, trait in said.items() if trait is not None}

    def kernel(self) -> DataPlane:
        return DataPlane(
            self.pools,
            self.workload_pool,
            self.slos or [Slo() for _ in self.workload_pool],
            self.key,
            record=True,
            clients=self.clients,
            priorities=self.priorities,
            **self.traits,
        )

    def naive(self) -> NaiveDataPlane:
        plane = NaiveDataPlane(
            self.pools,
            self.workload_pool,
            self.key,
            self.clients,
            self.priorities,
            further=self.further,
            slos=self.slos,
            **self.traits,
        )
        plane.feed(*self.requests)
        return plane


def _piece(column: Any, begin: int, end: int) -> Any:
    """Rows of a column, ragged or not."""
    if column is None or isinstance(column, np.ndarray):
        return None if column is None else column[begin:end]
    if isinstance(column, Loop):
        return Loop(*(each[begin:end] for each in column))
    first, last = column.count[:begin].sum(), column.count[:end].sum()
    return type(column)(column.count[begin:end], *(items[first:last] for items in column[1:]))


def _rows(column: Any, rows: Any) -> Any:
    """Any rows of a column, ragged or not."""
    if column is None or isinstance(column, np.ndarray):
        return None if column is None else column[rows]
    if isinstance(column, Loop):
        return Loop(*(each[rows] for each in column))
    return ragged.reordered(column, rows)


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
    scheduler = draw(st.sampled_from(get_args(Scheduler)))
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
        frontend_s_per_prompt_token=draw(st.sampled_from([0, 0, 1])) * rng.uniform(0, 0.001),
        frontend_s_per_token_from_rest=draw(st.sampled_from([0, 0, 1])) * rng.uniform(0, 0.005),
        frontend_s_per_prompt_token_out=draw(st.sampled_from([0, 0, 1])) * rng.uniform(0, 0.001),
        frontend_processes=draw(st.sampled_from([1, 1, 2, 3])),
        output_delay_s=draw(st.sampled_from([0, 0, 1])) * rng.uniform(0, 0.1),
        kv_capacity_tokens=(least_blocks + draw(spare)) * block + draw(st.integers(0, block - 1)),
        kv_block_tokens=block,
        max_num_seqs=max_num_seqs,
        max_num_batched_tokens=max_num_seqs + draw(st.sampled_from([0, 1, 3, 10, 40, 400])),
        max_model_len=max_model_len,
        scheduler=scheduler,
        steps_in_flight=draw(st.sampled_from((1, 2))) if scheduler == "chunked" else 1,
        admission=draw(st.sampled_from(("prompt", "prompt", *get_args(Admission)))),
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
def cases_with_clients(
    draw: st.DrawFn, tight: bool = False, verbs: bool = False, hedges: bool = False
) -> Case:
    """Cases whose clients time out, hang up and try again, behind gateways of all kinds.

    Where there are ``hedges`` most clients have them, and some workloads a limit.
    """
    case: Case = draw(cases(tight, verbs))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    pools = [_behind_gateway(drawn, draw, rng) for drawn in case.pools]
    patience_s = rng.exponential(draw(st.sampled_from([0.5, 3.0, math.inf])), len(case.arrival_s))
    limits = st.sampled_from([math.inf, math.inf, math.inf, 1, 5, 20])
    return replace(
        case,
        pools=pools,
        clients=[draw(clients(hedges)) for _ in case.workload_pool],
        priorities=[draw(st.integers(0, 1)) for _ in case.workload_pool],
        patience_s=patience_s if draw(st.booleans()) else None,
        wakes=draw(st.booleans()),
        max_concurrency=[draw(limits) for _ in case.workload_pool] if hedges else None,
    )


def _behind_gateway(drawn: GpuPool, draw: st.DrawFn, rng: np.random.Generator) -> GpuPool:
    """A pool with a gateway, perhaps without replicas to begin with."""
    holds = draw(st.booleans())
    gateway = Gateway(
        max_queue=draw(st.sampled_from([math.inf, math.inf, 0, 0.5, 1, 3, 10])),
        retry_after_s=draw(st.sampled_from([math.nan, 0.0, rng.uniform(0, 3), 90.0])),
        replica_limit=draw(st.sampled_from([math.inf, 1, 2, drawn.profile.max_num_seqs])),
        holds=holds,
        on_loss=draw(st.sampled_from(get_args(OnLoss))),
    )
    replicas = 0 if holds and draw(st.integers(0, 3)) == 0 else drawn.replicas
    return replace(drawn, gateway=gateway, replicas=replicas)


@st.composite
def clients(draw: st.DrawFn, hedges: bool = False) -> Client:
    """Time limits from a step to some times a service, and any way of trying again."""
    hedge_s = draw(st.sampled_from([0.01, 0.1, 1.0, math.inf])) if hedges else math.inf
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    scale_s = draw(st.sampled_from([0.1, 1.0, 10.0, math.inf]))
    return Client(
        ttft_timeout_s=scale_s * rng.uniform(0.1, 1) if draw(st.booleans()) else math.inf,
        timeout_s=scale_s * rng.uniform(0.3, 3) if draw(st.booleans()) else math.inf,
        server_stops=draw(st.booleans()),
        retry=draw(st.sampled_from(sorted(RETRIES)).map(RETRIES.__getitem__) | retries()),
        hedge=Hedge(hedge_s * rng.uniform(0.1, 2)) if math.isfinite(hedge_s) else None,
    )


@st.composite
def retries(draw: st.DrawFn) -> Retry:
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    budget = RetryBudget(
        capacity=draw(st.sampled_from([1.0, 3.0, 10.0])),
        cost=draw(st.sampled_from([0.5, 1.0, 2.0])),
        timeout_cost=draw(st.sampled_from([0.5, 1.0, 2.0])),
        per_request=draw(st.sampled_from([0.0, 0.125, 0.5])),
        per_success=draw(st.sampled_from([0.0, 0.25, 1.0])),
    )
    return Retry(
        max_retries=draw(st.integers(0, 5)),
        base_s=draw(st.sampled_from([0.0, 0.01, 0.1, 1.0])) * rng.uniform(0.5, 1),
        cap_s=draw(st.sampled_from([0.1, 1.0, 10.0])) * rng.uniform(0.5, 1),
        jitter=draw(st.sampled_from(get_args(Jitter))),
        after_timeout=draw(st.sampled_from([True, True, False])),
        after_rejection=draw(st.sampled_from([True, True, False])),
        after_failure=draw(st.sampled_from([True, True, False])),
        retry_after_limit_s=draw(st.sampled_from([0.0, 1.5, 100.0])),
        beyond_limit=draw(st.sampled_from(get_args(BeyondLimit))),
        budget=draw(st.sampled_from([None, budget])),
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


EARLY = (status.REPLICA_EMPTY, status.REQUEST_HELD)


def advance(plane: DataPlane | NaiveDataPlane, until_s: float) -> None:
    """Go on after every early return."""
    while plane.advance(until_s) in EARLY:
        pass


def lengthen(case: Case, plane: DataPlane) -> None:
    """Give the users of endless loops more requests."""
    wanted = plane.wanted
    columns = case.further(wanted.workload, wanted.user, wanted.number)
    plane.lengthen(wanted.row, Feed(*columns))


@dataclass
class Operator:
    """Does to a plane what a case says, and keeps the list of ready replicas."""

    case: Case
    plane: DataPlane | NaiveDataPlane
    pool_of: list[int] = field(init=False)
    ready: list[int] = field(init=False)

    def __post_init__(self) -> None:
        self.pool_of = [p for p, drawn in enumerate(self.case.pools) for _ in range(drawn.replicas)]
        self.ready = list(range(len(self.pool_of)))

    def run(self, until_s: float) -> None:
        """Advance to the given time, with the verbs at theirs."""
        for verb in self.case.verbs:
            if verb.at_s > until_s:
                break
            self.advance(verb.at_s)
            self.apply(verb)
        self.advance(until_s)

    def advance(self, until_s: float) -> None:
        while (signal := self.plane.advance(until_s)) in (*EARLY, status.NEED_SEQUELS):
            if signal == status.NEED_SEQUELS:
                assert isinstance(self.plane, DataPlane)
                lengthen(self.case, self.plane)
            elif signal == status.REQUEST_HELD and self.case.wakes:
                self.add(self.pool_for(self.plane.held))

    def apply(self, verb: Verb) -> None:
        if verb.name == "add":
            self.add(verb.which % len(self.case.pools))
        elif verb.name == "drain" and self.ready:
            self.plane.drain(self.ready.pop(verb.which % len(self.ready)))
        elif verb.name.startswith("set_") and self.case.managed:
            backend = len(self.case.pools) + verb.which % len(self.case.managed)
            getattr(self.plane, verb.name)(backend, verb.value)
        elif verb.name in ("hold_back", "let_go"):
            pool = verb.which % len(self.case.pools)
            usual = self.case.pools[pool].gateway.replica_limit
            given = () if verb.name == "hold_back" else (usual, int(verb.value))
            getattr(self.plane, verb.name)(pool, *given)
        elif verb.name in ("shut", "open"):
            pool = verb.which % len(self.case.pools)
            holds = self.case.pools[pool].gateway.holds
            getattr(self.plane, verb.name)(pool, *((holds,) if verb.name == "open" else ()))
        elif verb.name == "kill" and self.pool_of:  # whatever its state
            replica = verb.which % len(self.pool_of)
            self.plane.kill(replica)
            self.ready = [other for other in self.ready if other != replica]

    def pool_for(self, held: int) -> int:
        """The pool that gets a replica for what is held: of several the first."""
        names = [each.name for each in self.case.pools]
        joined = held - len(names) - len(self.case.managed or [])
        return held if joined < 0 else names.index((self.case.variants or [])[joined].pools[0])

    def add(self, pool: int) -> None:
        self.pool_of.append(pool)
        self.ready.append(self.plane.add(pool))
        assert self.ready[-1] == len(self.pool_of) - 1


def run(case: Case, plane: DataPlane | NaiveDataPlane, until_s: float = END_S) -> None:
    """Advance to the given time, with all that the case does on the way."""
    Operator(case, plane).run(until_s)


def kernel_run(case: Case, until_s: float = END_S) -> DataPlane:
    """The kernel at a time, after all that the case does on the way."""
    plane = case.kernel()
    plane.feed(*case.requests)
    plane.close_feed()
    run(case, plane, until_s)
    return plane


def requests_of(
    engine: ServiceProfile,
    *requests: tuple[float, int, int],
    replicas: int = 1,
    gateway: Gateway | None = None,
    **changes: Any,
) -> Case:
    """Requests of (arrival, prompt, output) for replicas of an engine; times are on a grid."""
    arrival_s, prompt, output = (np.array(column) for column in zip(*requests, strict=True))
    return Case(
        [pool(engine, replicas, gateway=gateway or Gateway())],
        [0],
        arrival_s.astype(float),
        prompt.astype(np.int32),
        output.astype(np.int32),
        np.zeros(len(output), np.int32),
        key=0,
        on_grid=True,
        **changes,
    )


def kernel_log(case: Case, until_s: float = END_S) -> Any:
    """The kernel's row of every request that has arrived."""
    return kernel_run(case, until_s).requests()
