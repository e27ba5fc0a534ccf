"""The data plane as a naive simulator: pure Python, one engine step at a time, written for clarity.

The compiled kernel leaps over steps; this one walks every step of every replica and moves every
token. It shares nothing with the kernel but the inputs (profiles with their step tables) and the
hash that random routers draw from, so that agreement of the two means something.

A replica has a waiting list and a running list, both first come first served. At a boundary between
two steps the scheduler decides who decodes, who prefills how much and who loses its memory; at the
end of the step the tokens appear. Times are seconds, memory is counted in blocks of KV cache.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from sim.engine import status
from sim.engine.hashing import uniform
from sim.model.design import GpuPool
from sim.model.profile import ServiceProfile

NOT_YET = math.nan
NEVER = math.inf


@dataclass(slots=True, eq=False)
class Request:
    """One request: what it asked for, what happened to it, and where it stands."""

    number: int
    workload: int
    arrival_s: float
    prompt: int
    output: int
    status: int = status.IN_FLIGHT
    replica: int = -1
    ready_s: float = NOT_YET
    admitted_s: float = NOT_YET
    first_token_s: float = NOT_YET
    finish_s: float = NOT_YET  # the last token; or when it was lost with its replica
    preemptions: int = 0
    generated: int = 0  # tokens produced, kept when it is preempted
    cached: int = 0  # tokens in the KV cache, those of the prefill included
    prefill: int = 0  # tokens to prefill before it can decode
    blocks: int = 0  # blocks of KV cache it holds

    @property
    def is_decoding(self) -> bool:
        return self.cached >= self.prefill


@dataclass(slots=True)
class Step:
    """One iteration of the engine: who decodes, and the prefill chunks (request, tokens)."""

    ends_s: float
    decoding: list[Request]
    chunks: list[tuple[Request, int]]


@dataclass(slots=True, eq=False)
class Replica:
    """One copy of the model behind its front end."""

    index: int
    profile: ServiceProfile
    free_blocks: int = field(init=False)
    a_s: list[float] = field(init=False)
    c_s: list[float] = field(init=False)
    routable: bool = True
    frontend_free_s: float = -math.inf
    waiting: list[Request] = field(default_factory=list)
    running: list[Request] = field(default_factory=list)  # in the order of admission
    step: Step | None = None

    def __post_init__(self) -> None:
        self.free_blocks = self.total_blocks
        a_s, c_s = self.profile.step_tables()
        self.a_s, self.c_s = a_s.tolist(), c_s.tolist()

    @property
    def total_blocks(self) -> int:
        return self.profile.kv_capacity_tokens // self.profile.kv_block_tokens

    @property
    def outstanding(self) -> int:
        return len(self.waiting) + len(self.running)

    def accept(self, request: Request, now_s: float) -> None:
        """Through the serial front end to the tail of the waiting list."""
        profile = self.profile
        busy_s = profile.frontend_s_per_request + profile.frontend_s_per_token * request.output
        self.frontend_free_s = max(self.frontend_free_s, now_s) + busy_s
        request.ready_s = self.frontend_free_s + profile.overhead_s
        request.replica = self.index
        self.waiting.append(request)

    def next_event_s(self) -> float:
        """End of the step under way; else the moment the head of the waiting list is ready."""
        if self.step is not None:
            return self.step.ends_s
        return self.waiting[0].ready_s if self.waiting else NEVER

    def on_event(self, now_s: float) -> None:
        """A boundary: the tokens of the last step appear, the next step begins."""
        if self.step is not None:
            self.end_step(self.step, now_s)
        self.step = SCHEDULERS[self.profile.scheduler](self, now_s)
        self.check_memory()

    def end_step(self, step: Step, now_s: float) -> None:
        for request in step.decoding:
            request.cached += 1
            self.produce_token(request, now_s)
        for request, tokens in step.chunks:
            request.cached += tokens
            if request.is_decoding:  # its prefill is complete, and that yields a token
                self.produce_token(request, now_s)

    def produce_token(self, request: Request, now_s: float) -> None:
        request.generated += 1
        if request.generated == 1:
            request.first_token_s = now_s
        if request.generated == request.output:
            assert request.cached == request.prompt + request.output - 1
            request.finish_s = now_s
            request.status = status.COMPLETED
            self.release_memory(request)
            self.running.remove(request)

    def release_memory(self, request: Request) -> None:
        self.free_blocks += request.blocks
        request.blocks = 0

    def decoding(self) -> list[Request]:
        return [request for request in self.running if request.is_decoding]

    def grow_caches(self) -> None:
        """A block for each decoding request whose last block is full; the youngest make room."""
        while len(needy := self.decoding_with_full_blocks()) > self.free_blocks:
            self.preempt(self.running[-1])
        for request in needy:
            request.blocks += 1
            self.free_blocks -= 1

    def decoding_with_full_blocks(self) -> list[Request]:
        size = self.profile.kv_block_tokens
        return [request for request in self.decoding() if request.cached % size == 0]

    def preempt(self, request: Request) -> None:
        """Back to the head of the waiting list, keeping its tokens but not their cache."""
        self.running.remove(request)
        self.release_memory(request)
        request.cached = 0
        request.preemptions += 1
        self.waiting.insert(0, request)

    def can_admit_head(self, now_s: float) -> bool:
        if not self.waiting or self.waiting[0].ready_s > now_s:
            return False
        return (
            len(self.running) < self.profile.max_num_seqs
            and self.blocks_to_prefill(self.waiting[0]) <= self.free_blocks
        )

    def blocks_to_prefill(self, request: Request) -> int:
        return math.ceil((request.prompt + request.generated) / self.profile.kv_block_tokens)

    def admit_head(self, now_s: float) -> Request:
        request = self.waiting.pop(0)
        request.blocks = self.blocks_to_prefill(request)
        self.free_blocks -= request.blocks
        request.prefill = request.prompt + request.generated
        if math.isnan(request.admitted_s):
            request.admitted_s = now_s
        self.running.append(request)
        return request

    def begin(
        self, now_s: float, decoding: list[Request], chunks: list[tuple[Request, int]]
    ) -> Step | None:
        """The step that these make up, or None when there is nothing to do."""
        if not decoding and not chunks:
            return None
        kv_tokens = sum(request.cached for request in decoding)
        duration_s = self.a_s[len(decoding)] + self.c_s[len(decoding)] * kv_tokens
        for request, tokens in chunks:
            duration_s += self.prefill_s(tokens, context=request.cached)
        return Step(now_s + duration_s, decoding, chunks)

    def prefill_s(self, tokens: int, context: int) -> float:
        """d0 + d1·p + d2·p·(x + p/2)."""
        profile = self.profile
        return (
            profile.prefill_s_per_request
            + profile.prefill_s_per_token * tokens
            + profile.prefill_s_per_token_context * tokens * (context + tokens / 2)
        )

    def check_memory(self) -> None:
        """No block is lost, none is lent twice, and each request holds what its cache needs."""
        assert self.free_blocks >= 0
        assert self.free_blocks + sum(r.blocks for r in self.running) == self.total_blocks
        for request in self.running:
            assert request.blocks * self.profile.kv_block_tokens >= request.cached


def chunked_step(replica: Replica, now_s: float) -> Step | None:
    """Prefill chunks ride along with decodes under a token budget."""
    replica.grow_caches()
    decoding = replica.decoding()
    budget = replica.profile.max_num_batched_tokens - len(decoding)
    chunks = []
    for request in replica.running:  # at most one is part way through its prefill: the youngest
        if not request.is_decoding and budget > 0:
            tokens = min(request.prefill - request.cached, budget)
            chunks.append((request, tokens))
            budget -= tokens
    while budget > 0 and replica.can_admit_head(now_s):
        request = replica.admit_head(now_s)
        tokens = min(request.prefill, budget)
        chunks.append((request, tokens))
        budget -= tokens
    return replica.begin(now_s, decoding, chunks)


def prefill_first_step(replica: Replica, now_s: float) -> Step | None:
    """Whole prompts in steps of their own, while decodes wait."""
    if replica.can_admit_head(now_s):
        return replica.begin(now_s, [], admit_whole_prompts(replica, now_s))
    replica.grow_caches()
    return replica.begin(now_s, replica.decoding(), [])


def admit_whole_prompts(replica: Replica, now_s: float) -> list[tuple[Request, int]]:
    """From the head while the budget lasts; the first even if it alone exceeds the budget."""
    chunks: list[tuple[Request, int]] = []
    budget = replica.profile.max_num_batched_tokens
    while replica.can_admit_head(now_s):
        head = replica.waiting[0]
        if chunks and head.prompt + head.generated > budget:
            break
        request = replica.admit_head(now_s)
        chunks.append((request, request.prefill))
        budget -= request.prefill
    return chunks


SCHEDULERS: dict[str, Callable[[Replica, float], Step | None]] = {
    "chunked": chunked_step,
    "prefill_first": prefill_first_step,
}


@dataclass(slots=True)
class Router:
    """What a router may look at: the last replica used, and the key of its random draws."""

    policy: str
    key: np.uint64
    last_index: int = -1

    def choose(self, ready: list[Replica], request: Request) -> Replica:
        """One of ``ready`` (in index order, not empty)."""
        chosen = ROUTERS[self.policy](self, ready, request)
        self.last_index = chosen.index
        return chosen

    def draw(self, ready: list[Replica], request: Request, draw: int) -> Replica:
        return ready[int(uniform(self.key, request.number, draw) * len(ready))]


def round_robin(router: Router, ready: list[Replica], request: Request) -> Replica:
    later = [replica for replica in ready if replica.index > router.last_index]
    return later[0] if later else ready[0]


def random_replica(router: Router, ready: list[Replica], request: Request) -> Replica:
    return router.draw(ready, request, 0)


def least_loaded(router: Router, ready: list[Replica], request: Request) -> Replica:
    return min(ready, key=lambda replica: (replica.outstanding, replica.index))


def power_of_two(router: Router, ready: list[Replica], request: Request) -> Replica:
    first, second = router.draw(ready, request, 0), router.draw(ready, request, 1)
    return second if second.outstanding < first.outstanding else first


ROUTERS: dict[str, Callable[[Router, list[Replica], Request], Replica]] = {
    "round_robin": round_robin,
    "random": random_replica,
    "least_loaded": least_loaded,
    "power_of_two": power_of_two,
}


class NaiveDataPlane:
    """The verbs of the data plane, over the replicas above."""

    def __init__(
        self, pools: Sequence[GpuPool], workload_pool: Sequence[int], routing_key: int = 0
    ) -> None:
        self.pools = list(pools)
        self.workload_pool = list(workload_pool)
        self.routers = [Router(pool.router, np.uint64(routing_key)) for pool in pools]
        self.members: list[list[Replica]] = [[] for _ in pools]
        self.replicas: list[Replica] = []
        self.everyone: list[Request] = []
        self.arrived = 0
        self.now_s = 0.0
        for index, pool in enumerate(pools):
            for _ in range(pool.replicas):
                self.add(index)

    def feed(
        self,
        arrival_s: Sequence[float],
        prompt_tokens: Sequence[int],
        output_tokens: Sequence[int],
        workload: Sequence[int],
    ) -> None:
        """Append requests, in the order of their arrival."""
        rows = zip(arrival_s, prompt_tokens, output_tokens, workload, strict=True)
        for arrival, prompt, output, which in rows:
            number = len(self.everyone)
            self.everyone.append(
                Request(number, int(which), float(arrival), int(prompt), int(output))
            )

    def add(self, pool: int) -> int:
        """A new ready replica; its number."""
        replica = Replica(len(self.replicas), self.pools[pool].profile)
        self.replicas.append(replica)
        self.members[pool].append(replica)
        return replica.index

    def drain(self, replica: int) -> None:
        """No more requests for this replica; what it has is finished."""
        self.replicas[replica].routable = False

    def kill(self, replica: int) -> None:
        """Gone at once, with everything waiting or running on it."""
        victim = self.replicas[replica]
        for request in victim.waiting + victim.running:
            request.status = status.FAILED
            request.finish_s = self.now_s
        victim.routable = False
        victim.waiting, victim.running, victim.step = [], [], None

    def advance(self, until_s: float) -> None:
        """Every event with time <= ``until_s``; arrivals before replicas, lowest index first."""
        while True:
            arrival_s = self.next_arrival_s()
            replica = min(self.replicas, key=Replica.next_event_s, default=None)
            replica_s = NEVER if replica is None else replica.next_event_s()
            now_s = min(arrival_s, replica_s)
            if now_s > until_s or now_s == NEVER:
                self.now_s = max(self.now_s, until_s)
                return
            if arrival_s <= replica_s:
                self.arrive(self.everyone[self.arrived], now_s)
                self.arrived += 1
            else:
                assert replica is not None
                replica.on_event(now_s)

    def next_arrival_s(self) -> float:
        return self.everyone[self.arrived].arrival_s if self.arrived < len(self.everyone) else NEVER

    def arrive(self, request: Request, now_s: float) -> None:
        pool = self.workload_pool[request.workload]
        longest = self.pools[pool].profile.max_model_len
        ready = [replica for replica in self.members[pool] if replica.routable]
        if request.prompt > longest - 1 or not ready:
            request.status = status.REJECTED
            return
        request.output = min(request.output, longest - request.prompt)
        self.routers[pool].choose(ready, request).accept(request, now_s)

    def column(self, name: str) -> npt.NDArray[np.generic]:
        """One attribute of the requests that have arrived, by request number."""
        return np.array([getattr(request, name) for request in self.everyone[: self.arrived]])
