"""The data plane as a naive simulator: pure Python, one engine step at a time, written for clarity.

The compiled kernel leaps over steps; this one walks every step of every replica and moves every
token. It shares nothing with the kernel but the inputs (profiles with their step tables, clients,
gateways, routes, managed backends) and the hash that random choices draw from, so that agreement of
the two means something.
"""

import math
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from naive.adapters import Shelf
from naive.attempt import Attempt
from naive.cache import Cache, SharedCache
from naive.client import Crowd
from naive.dispatch import Dispatch
from naive.gateway import Gateway, Router
from naive.link import Link
from naive.loading import land
from naive.lockstep import Team
from naive.managed import Managed, shared_purses
from naive.order import Line
from naive.photo_finish import (
    delivers_at_an_end,
    ends_meet,
    is_ready_at_an_end,
    meets_an_end,
    near_s,
)
from naive.replica import Replica
from naive.request import Request
from naive.route import Route
from naive.task import Task, tasks
from naive.tiers import Tier, fall, stack
from naive.user import Crew, users_of
from naive.variants import Door, Joined
from sim.engine.state import status
from sim.model.adapters import Adapters
from sim.model.cache import ResponseCache
from sim.model.client import Client
from sim.model.closed import LoopRules
from sim.model.design import GpuPool
from sim.model.managed import ManagedApi
from sim.model.routing import Routing, to_one
from sim.model.scheduling import SHEDDABLE
from sim.model.variants import Variants
from sim.model.workload import Chains, Loop, Prefixes, Slo, Yielding


class NaiveDataPlane(Dispatch):
    """Requests in, time forward, and the verbs of the control plane."""

    def __init__(
        self,
        pools: Sequence[GpuPool],
        workload_pool: Sequence[int],
        routing_key: int = 0,
        clients: Sequence[Client] | None = None,
        priorities: Sequence[int] | None = None,
        max_concurrency: Sequence[float] | None = None,
        carry: Sequence[float] | None = None,
        prefix_hit_rate: Sequence[float] | None = None,
        response_cache: Sequence[ResponseCache | None] | None = None,
        managed: Sequence[ManagedApi] = (),
        routes: Sequence[Routing] | None = None,
        day_start_s: float = 0.0,
        closed: Sequence[LoopRules | None] | None = None,
        yielding: Sequence[Yielding | None] | None = None,
        adapters: Sequence[Adapters | None] | None = None,
        tenants: Sequence[str] | None = None,
        slos: Sequence[Slo] | None = None,
        further: Callable[[int, Any, Any], Sequence[Any]] | None = None,
        variants: Sequence[Variants] = (),
    ) -> None:
        key = np.uint64(routing_key)
        n = len(workload_pool)
        each = zip(
            clients or [Client()] * n,
            priorities or [0] * n,
            [key] * n,
            max_concurrency or [math.inf] * n,
            carry or [1.0] * n,
            prefix_hit_rate or [0.0] * n,
            response_cache or [None] * n,
            yielding or [None] * n,
            tenants or map(str, range(n)),
            [min(slo.ttft_s, slo.e2e_s) for slo in slos or [Slo()] * n],
            strict=True,
        )
        names = [backend.name for backend in (*pools, *managed, *variants)]
        parts = {name for joined in variants for name in joined.pools}
        if routes is None:  # then pools need no names that tell them apart
            names = [str(number) for number in range(len(names))]
            routes = [to_one(str(number)) for number in workload_pool]
        purses = shared_purses(managed)
        super().__init__(
            [Crowd(*traits) for traits in each],
            [Route(routing, names, key) for routing in routes],
            [
                *(
                    (Door if pool.name in parts else Gateway)(
                        p, pool, Router(pool.router, key, pool.scorers)
                    )
                    for p, pool in enumerate(pools)
                ),
                *(
                    Managed(b, api, key, day_start_s, purses)
                    for b, api in enumerate(managed, len(pools))
                ),
                *(
                    self.joined(b, each, pools, key)
                    for b, each in enumerate(variants, len(pools) + len(managed))
                ),
            ],
        )
        self.needed, self.key = list(adapters or [None] * n), key
        for gateway in self.gateways:
            if (handoff := gateway.pool.handoff) is not None:
                (gateway.hands_to,) = (g for g in self.gateways if g.pool.name == handoff.to)
        for each in self.gateways:
            if isinstance(each, Joined):
                for name, weight in zip(each.variants.pools, each.variants.weights, strict=True):
                    (door,) = (g for g in self.gateways if g.pool.name == name and g is not each)
                    assert isinstance(door, Door)
                    door.behind(each, weight)
        self.key = key
        self.pool_of: list[int] = []  # of each rank
        self.tiers: list[list[list[Tier]]] = [[] for _ in pools]  # of each, ever
        self.has_tiers = any(p.prefix_cache is not None and p.prefix_cache.tiers for p in pools)
        self.teams: list[Team] = []
        self.tasks: list[Task] = []
        self.users = 0
        self.further = further
        self.crews = [
            None if rules is None else Crew(index, rules, self.draw)
            for index, rules in enumerate(closed or [None] * n)
        ]
        for index, pool in enumerate(pools):
            for _ in range(pool.replicas):
                self.add(index)

    def joined(
        self, index: int, variants: Variants, pools: Sequence[GpuPool], key: np.uint64
    ) -> Joined:
        """What stands before several pools: what it says of prompts is what one of them says."""
        (first,) = (pool for pool in pools if pool.name == variants.pools[0])
        pool = replace(first, name=variants.name, gateway=variants.gateway, replicas=0)
        return Joined(
            index, pool, Router(variants.router, key), variants=variants, note=self.note_variant
        )

    def note_variant(self, attempt: Attempt) -> None:
        """An attempt has come to a replica of a variant."""
        self.seen["came to a variant"] += 1
        self.books.use(self.everyone[attempt.number], attempt, "attempts")
        self.books.use(self.everyone[attempt.number], attempt, "handed_on")

    def feed(
        self,
        arrival_s: Sequence[float],
        prompt_tokens: Sequence[int],
        output_tokens: Sequence[int],
        workload: Sequence[int],
        patience_s: Iterable[float] | None = None,
        session: Iterable[int] | None = None,
        chains: Chains | None = None,
        prefixes: Prefixes | None = None,
        loop: Loop | None = None,
    ) -> None:
        """Append requests, in the order of their arrival, each with the calls that follow it."""
        first = len(self.tasks)
        columns = arrival_s, prompt_tokens, output_tokens, workload, patience_s, session
        self.tasks += tasks(first, *columns, chains, prefixes)
        fed: Sequence[Task] = self.tasks[first:]
        if loop is not None:
            fed = list(users_of(self.users, fed, loop, self.crews))
            self.users += sum(task.user is not None for task in fed)
        self.coming += fed

    def draw(self, workload: int, user: int, number: int) -> Task:
        """A request of a user in an endless loop."""
        assert self.further is not None
        columns = self.further(workload, np.array([user]), np.array([number]))
        (task,) = tasks(len(self.tasks), *columns[:8])
        task.then_s = float(columns[8].then_s[0])
        self.tasks.append(task)
        return task

    def column(self, name: str) -> npt.NDArray[np.generic]:
        """One attribute of the requests that have arrived, by request number."""
        if name in ("replica", "rank"):
            places = [self.place_of(int(request.entry("replica"))) for request in self.everyone]
            return np.array([place[name == "rank"] for place in places], int)
        return np.array([request.entry(name) for request in self.everyone])

    # Verbs

    def add(self, pool: int) -> int:
        """A new ready replica, which takes over what it can of what is held; its number."""
        gateway = self.gateways[pool]
        team = Team(len(self.teams))
        self.teams.append(team)
        for _ in range(gateway.pool.profile.data_parallel_ranks):
            limit = gateway.pool.gateway.replica_limit
            rank = Replica(len(self.replicas), gateway.pool.profile, team=team, limit=limit)
            rank.shelf = Shelf(gateway.pool.adapters if any(self.needed) else None)
            rank.order = Line(gateway.pool.scheduling, self.key)
            rank.hands_over, rank.fetch = gateway.hands_to is not None, self.pull
            if (kept := gateway.pool.prefix_cache) is not None:
                size = kept.block_tokens // rank.profile.kv_block_tokens
                rank.cache = Cache(kept.block_tokens, kept.blocks)
                if kept.shares:
                    rank.cache = SharedCache(kept.block_tokens, size, rank.total_blocks)
                rank.tiers = stack(kept, gateway.stores)
                self.tiers[pool] += [rank.tiers]
                rank.loads_always = kept.load == "always"
                rank.sees_tiers = kept.router_sees_tiers and bool(kept.tiers)
                if rank.tiers:
                    rank.cache.fall = partial(fall, rank.tiers[0])
            self.replicas.append(rank)
            self.pool_of.append(pool)
            gateway.join(rank)
        gateway.hand_over(self.now_s)
        return team.number

    def place_of(self, rank: int) -> tuple[int, int]:
        """Replica and rank there of one of all ranks; of none, -1 and 0."""
        if rank < 0:
            return -1, 0
        team = self.replicas[rank].team
        return team.number, rank - team.ranks[0].index

    def drain(self, replica: int) -> None:
        """No more requests for this replica; what it has is finished."""
        for rank in self.teams[replica].ranks:
            rank.routable = False

    def kill(self, replica: int) -> None:
        """Gone at once. What it had is lost, or sent again by the gateway, unless nobody waits."""
        ranks = self.teams[replica].ranks
        gateway = self.gateways[self.pool_of[ranks[0].index]]
        lost = [attempt for rank in ranks for attempt in rank.die()]
        for attempt in lost:
            self.stop_sending(attempt)
        for rank in ranks:
            lost += self.lose_leases(rank)
            self.book_work(rank)
        for attempt in lost:
            request = self.everyone[attempt.number]
            self.end_lease(attempt)
            if not request.is_waited_for(attempt):
                continue
            if gateway.pool.gateway.on_loss == "fail":
                self.books.use(request, attempt, "errors")
                self.lose(request, attempt, status.FAILED)
            else:
                self.seen["resent"] += 1
                attempt.start_over()
                self.name(request, attempt)
                self.knock(request, attempt)

    def lose_leases(self, rank: Replica) -> list[Attempt]:
        """What a dead replica kept for others is gone: they are taken from wherever they are."""
        lost = sorted((lease.attempt for lease in rank.leased), key=lambda a: a.serial)
        rank.leased = []
        for attempt in lost:
            self.seen["lost what was kept for it"] += 1
            self.stop_sending(attempt)
            gateway = self.gateways[attempt.backend]
            if not gateway.drop(attempt):
                self.replicas[attempt.replica].take_back(attempt, self.now_s)
                gateway.hand_over(self.now_s)
            rank.waste(attempt, attempt.prompt - attempt.spared)
            attempt.source = -1
            attempt.replica, attempt.backend = rank.index, attempt.home
        return lost

    def hold_back(self, pool: int) -> None:
        """From now on all that comes to a pool waits at its gateway."""
        self.gateways[pool].holds_back = True

    def let_go(self, pool: int, usual: float, most: int) -> None:
        """So many of those leave, and what comes, too, unless others are left."""
        gateway = self.gateways[pool]
        assert usual == gateway.pool.gateway.replica_limit
        gateway.holds_back = False
        left = gateway.hand_over(self.now_s, most)
        gateway.holds_back = left == most and gateway.held > 0

    def shut(self, pool: int) -> None:
        """A pool's gateway is lost: who waits there fails, and nobody waits there any more."""
        gateway = self.gateways[pool]
        gateway.is_lost = True
        for attempt in gateway.empty():
            request = self.everyone[attempt.number]
            self.seen["lost with its gateway"] += 1
            if attempt.home >= 0:
                self.books.waste(request, attempt, attempt.prompt - attempt.spared, 0)
            self.end_lease(attempt)
            self.books.use(request, attempt, "errors")
            self.lose(request, attempt, status.FAILED)

    def open(self, pool: int, holds: bool) -> None:
        """It is there again."""
        assert holds == self.gateways[pool].pool.gateway.holds
        self.gateways[pool].is_lost = False

    def set_errors(self, backend: int, share: float) -> None:
        """From now on so many of the attempts at a managed backend fail, besides the usual."""
        self.managed[backend - len(self.tiers)].outage_share = share

    def set_slowness(self, backend: int, factor: float) -> None:
        """From now on a managed backend takes so many times as long."""
        self.managed[backend - len(self.tiers)].slowness = factor

    # Events

    def arrive(self) -> None:
        self.begin(self.coming.popleft())

    def tiers_now(self) -> list[Tier]:
        """Of stores, then of replicas in their order."""
        stores = [tier for gateway in self.gateways for tier in gateway.stores]
        return stores + [
            tier for it in self.replicas for tier in it.tiers if not tier.model.is_shared
        ]

    def next_link_s(self) -> float:
        links = [*self.links.values()]
        if self.has_tiers:
            links += [tier.link for tier in self.tiers_now()]
        return min((link.next_s for link in links), default=math.inf)

    def reach_boundary(self) -> None:
        """A step ends; who is done leaves, and who has hung up; others come in; the next begins."""
        replica = min(self.replicas, key=Replica.next_event_s)
        gateway = self.gateways[self.pool_of[replica.index]]
        self.seen["photo finish"] += is_ready_at_an_end(replica, self.now_s)
        if gateway.held:
            self.seen["photo finish"] += ends_meet(replica, gateway.members, self.now_s)
        for attempt in replica.end_step(self.now_s):
            request = self.everyone[attempt.number]
            is_wanted = request.is_waited_for(attempt)
            if replica.hands_over:
                self.pass_on(replica, gateway, request, attempt)
                continue
            if is_wanted and replica.front.streams:
                self.await_token(replica, request, attempt)
            elif is_wanted:
                attempt.first_token_s = attempt.first_due_s
                self.see_token(replica, request, attempt)
            if attempt.is_finished:
                replica.finish(attempt, is_wanted)
                gateway.hand_over(self.now_s)
        replica.drop_stopping()
        gateway.hand_over(self.now_s)
        replica.begin_step(self.now_s)
        self.book_work(replica)

    def pass_on(
        self, replica: Replica, gateway: Gateway, request: Request, attempt: Attempt
    ) -> None:
        """A prompt has been computed: another pool is to answer it."""
        if attempt.is_stopping:
            self.seen["nobody wanted it any more"] += 1
            replica.drop(attempt)
            gateway.hand_over(self.now_s)
            return
        self.seen["passed on"] += 1
        following = gateway.hands_to
        assert following is not None
        self.seen["photo finish"] += ends_meet(replica, self.replicas, self.now_s)
        replica.lease(attempt)
        attempt.source, attempt.home, attempt.stage = replica.index, gateway.index, "to fetch"
        attempt.sent_s, attempt.seen_s = attempt.dispatched_s, attempt.ready_s
        attempt.computed_s = self.now_s
        gateway.hand_over(self.now_s)
        attempt.replica, attempt.backend = -1, following.index
        self.name(request, attempt)
        self.books.use(request, attempt, "attempts")
        self.books.use(request, attempt, "handed_on")
        if following.accepts():
            held_before = following.held
            following.take_in(attempt, self.crowd(request).priority, self.now_s)
            self.seen["held after its prefill"] += following.held - held_before
            if following.held > held_before == 0 and not following.ready:
                self.held, self.has_news = following.index, True
            return
        self.seen["turned away after its prefill"] += 1
        self.books.waste(request, attempt, attempt.prompt - attempt.spared, 0)
        self.end_lease(attempt)
        if request.is_waited_for(attempt):
            if self.crowd(request).priority != SHEDDABLE:
                self.leave_out(attempt)
            self.reject(request, attempt, following.pool.gateway.retry_after_s)
        else:
            following.rejected += 1
            self.books.use(request, attempt, "rejections")

    def pull(self, attempt: Attempt, tokens: int, now_s: float) -> None:
        """What it lacks of its prompt is sent to where it has blocks now."""
        handoff = self.gateways[attempt.home].pool.handoff
        assert handoff is not None
        ends = {
            "destination": (1, self.first_rank(attempt.replica)),
            "source": (1, self.first_rank(attempt.source)),
            "all": (0, attempt.home),
        }
        link = self.links.setdefault(ends[handoff.per], Link())
        self.links = dict(sorted(self.links.items()))
        attempt.moved = tokens * handoff.kv_bytes_per_token
        attempt.pulled_s = now_s
        link.start(attempt, attempt.moved / handoff.bytes_per_s, handoff.latency_s, now_s)

    def first_rank(self, rank: int) -> int:
        return self.replicas[rank].team.ranks[0].index

    def meet_link(self) -> None:
        """Something is through, or there."""
        for tier in self.tiers_now():
            if tier.link.next_s == self.now_s:
                attempt = tier.link.end_next(self.now_s)
                if attempt is not None:
                    land(self.replicas[attempt.replica], attempt, self.now_s)
                return
        link = min(self.links.values(), key=lambda each: each.next_s)
        others = [each for each in self.links.values() if each is not link]
        self.seen["photo finish"] += any(
            each.next_s - self.now_s <= near_s(self.now_s) for each in others
        )
        self.seen["sent side by side"] += len(link.sending) > 1
        attempt = link.end_next(self.now_s)
        if attempt is None:
            return
        here, there = self.replicas[attempt.replica], self.replicas[attempt.source]
        if attempt.pulled_s < self.now_s:
            self.seen["photo finish"] += meets_an_end([here, there], self.now_s)
        home = self.gateways[attempt.home]
        home.moved += Counter(
            transfers=1, moved_bytes=attempt.moved, handoff_s=self.now_s - attempt.computed_s
        )
        self.end_lease(attempt)
        here.take_fetched(attempt, self.now_s)

    def await_token(self, replica: Replica, request: Request, attempt: Attempt) -> None:
        """A first token or a last one is on its way to the client."""
        if attempt.first_due_s == attempt.token_s_of_step:
            due_s = attempt.first_due_s
            self.set_timer_at(due_s, lambda: self.hear_first_of(request, attempt, due_s))
        if attempt.is_finished:
            self.seen["streamed"] += 1
            self.seen["streamed for long"] += attempt.token_s_of_step > self.now_s + replica.a_s[-1]
            replica.leave_behind(attempt)
            self.timers.set(
                attempt.token_s_of_step,
                (0, 1, attempt.serial),
                lambda: self.deliver_streamed(replica, request, attempt),
            )

    def hear_first_of(self, request: Request, attempt: Attempt, due_s: float) -> None:
        """The first token of a replica, unless that has died since."""
        if attempt.first_due_s == due_s:
            self.hear_first(request, attempt)

    def deliver_streamed(self, replica: Replica, request: Request, attempt: Attempt) -> None:
        """The front end has passed on a last token, unless it is gone, or the client is."""
        if attempt not in replica.streaming:
            return
        gateway = self.gateways[self.pool_of[replica.index]]
        self.seen["photo finish"] += delivers_at_an_end(replica, attempt, self.now_s)
        if gateway.held:
            self.seen["photo finish"] += ends_meet(replica, gateway.members, self.now_s)
        replica.streaming.remove(attempt)
        self.deliver(request, attempt)
        if status.IN_FLIGHT in (request.status, request.task.status):
            self.seen["photo finish"] += ends_meet(replica, self.replicas, self.now_s)
        gateway.hand_over(self.now_s)

    def see_token(self, replica: Replica, request: Request, attempt: Attempt) -> None:
        """The client sees an attempt's first token or its last, or one that is both."""
        if len(request.living) > 1:
            self.settle_race(request, attempt)
        if attempt.is_finished:
            replica.leave_behind(attempt)
            self.deliver(request, attempt)
            more = request.task.user is not None
            if more or status.IN_FLIGHT in (request.status, request.task.status):
                self.seen["photo finish"] += ends_meet(replica, self.replicas, self.now_s)
