"""The data plane as a naive simulator: pure Python, one engine step at a time, written for clarity.

The compiled kernel leaps over steps; this one walks every step of every replica and moves every
token. It shares nothing with the kernel but the inputs (profiles with their step tables, clients,
gateways) and the hash that random choices draw from, so that agreement of the two means something.

At an instant things happen in this order: arrivals; timers (a retry is sent, a patience is over, a
kept answer is given), in the order in which they were set; calls that follow others in a task, of
the lowest task first; step boundaries, of the lowest replica first; deadlines, of the attempt sent
first; then the control plane acts.
"""

import math
from collections import Counter, deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt
from naive_alarms import Alarms, Happening
from naive_cache import Cache
from naive_client import Crowd
from naive_gateway import Gateway, Router
from naive_photo_finish import ends_meet, is_ready_at_an_end
from naive_replica import NEVER, Attempt, Replica
from naive_request import Request
from naive_task import Call, Task, tasks

from sim.engine import status
from sim.model.cache import ResponseCache
from sim.model.client import Client
from sim.model.design import GpuPool
from sim.model.workload import Chains, Prefixes

FIRST_TOKEN, LAST_TOKEN, HEDGE = 0, 1, 2  # kinds of deadline


class NaiveDataPlane:
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
    ) -> None:
        key = np.uint64(routing_key)
        self.workload_pool = list(workload_pool)
        n = len(self.workload_pool)
        each = zip(
            clients or [Client()] * n,
            priorities or [0] * n,
            [key] * n,
            max_concurrency or [math.inf] * n,
            carry or [1.0] * n,
            prefix_hit_rate or [0.0] * n,
            response_cache or [None] * n,
            strict=True,
        )
        self.crowds = [Crowd(*traits) for traits in each]
        self.gateways = [
            Gateway(index, pool, Router(pool.router, key)) for index, pool in enumerate(pools)
        ]
        self.replicas: list[Replica] = []
        self.pool_of: list[int] = []
        self.tasks: list[Task] = []
        self.coming: deque[Task] = deque()
        self.everyone: list[Request] = []  # who has arrived
        self.sent = 0  # attempts
        self.seen: Counter[str] = Counter()  # how often what happened, for tests of the tests
        self.now_s = 0.0
        self.held = -1  # the pool where a request was held last for want of a ready replica
        self.has_news = False  # of that
        self.timers = Alarms()
        self.deadlines = Alarms()
        for index, pool in enumerate(pools):
            for _ in range(pool.replicas):
                self.add(index)

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
    ) -> None:
        """Append requests, in the order of their arrival, each with the calls that follow it."""
        first = len(self.tasks)
        columns = arrival_s, prompt_tokens, output_tokens, workload, patience_s, session
        self.tasks += tasks(first, *columns, chains, prefixes)
        self.coming += self.tasks[first:]

    def column(self, name: str) -> npt.NDArray[np.generic]:
        """One attribute of the requests that have arrived, by request number."""
        return np.array([request.entry(name) for request in self.everyone])

    # Verbs

    def add(self, pool: int) -> int:
        """A new ready replica, which takes over what it can of what is held; its number."""
        gateway = self.gateways[pool]
        replica = Replica(len(self.replicas), gateway.pool.profile)
        if (kept := gateway.pool.prefix_cache) is not None:
            replica.cache = Cache(kept.block_tokens, kept.blocks)
        self.replicas.append(replica)
        self.pool_of.append(pool)
        gateway.members.append(replica)
        gateway.hand_over(self.now_s)
        return replica.index

    def drain(self, replica: int) -> None:
        """No more requests for this replica; what it has is finished."""
        self.replicas[replica].routable = False

    def kill(self, replica: int) -> None:
        """Gone at once. What it had is lost, or sent again by the gateway, unless nobody waits."""
        gateway = self.gateways[self.pool_of[replica]]
        for attempt in self.replicas[replica].die():
            request = self.everyone[attempt.number]
            if not request.is_waited_for(attempt):
                continue
            if gateway.pool.gateway.on_loss == "fail":
                self.lose(request, attempt, status.FAILED)
            else:
                self.seen["resent"] += 1
                attempt.start_over()
                self.knock(request, attempt)

    # Time

    def advance(self, until_s: float) -> int:
        """Every event up to ``until_s``; or as far as one that leaves a request without replica."""
        while not self.has_news:
            now_s, happen = self.next_event()
            if now_s > until_s or now_s == NEVER:
                self.now_s = max(self.now_s, until_s)
                return status.REACHED
            self.now_s = now_s
            happen()
        self.has_news = False
        return status.REQUEST_HELD

    def next_event(self) -> tuple[float, Happening]:
        """The earliest event; at one instant, of the first kind."""
        kinds: list[tuple[float, Happening]] = [
            (self.next_arrival_s(), self.arrive),
            (self.timers.next_s, self.timers.ring),
            (min(map(Replica.next_event_s, self.replicas), default=NEVER), self.reach_boundary),
            (self.deadlines.next_s, self.deadlines.ring),
        ]
        return min(kinds, key=lambda kind: kind[0])

    def next_arrival_s(self) -> float:
        return self.coming[0].arrival_s if self.coming else NEVER

    def set_timer(self, delay_s: float, happening: Happening) -> None:
        self.timers.set(self.now_s + delay_s, (0,), happening)

    def set_deadline(
        self,
        delay_s: float,
        kind: int,
        meet: Callable[[Request, Attempt], None],
        request: Request,
        attempt: Attempt,
    ) -> None:
        place = (attempt.serial, kind)
        self.deadlines.set(self.now_s + delay_s, place, lambda: meet(request, attempt))

    # What happens

    def arrive(self) -> None:
        task = self.coming.popleft()
        self.ask(task, task.calls[0], 0)

    def ask(self, task: Task, call: Call, carried: int) -> None:
        """A request arrives: it is answered from what is kept, or its first attempt is sent."""
        longest = self.gateways[self.workload_pool[task.workload]].pool.profile.max_model_len
        request = Request(len(self.everyone), self.now_s, task, call, carried, longest)
        self.everyone.append(request)
        crowd = self.crowd(request)
        self.set_timer(task.patience_s, lambda: self.lose_patience(request))
        if crowd.is_answered_at_once(request.number):
            assert crowd.response_cache is not None
            self.set_timer(crowd.response_cache.latency_s, lambda: self.answer(request))
        else:
            crowd.note_request()
            self.send(request)

    def answer(self, request: Request) -> None:
        """A kept answer, all at once, if the user is still there."""
        if request.status == status.IN_FLIGHT:
            self.seen["answered at once"] += 1
            request.last.first_token_s = self.now_s
            self.complete(request)

    def send(self, request: Request, is_hedge: bool = False) -> None:
        """The client sends an attempt: the first, a retry, or one beside another."""
        attempt = self.new_attempt(request)
        request.living.append(attempt)
        request.attempts += 1
        if not is_hedge:
            request.last = attempt
        if request.prompt >= self.gateway(request).pool.profile.max_model_len:
            self.end(request, status.REJECTED)
            return
        client = self.crowd(request).client
        self.set_deadline(client.ttft_timeout_s, FIRST_TOKEN, self.expect_first, request, attempt)
        self.set_deadline(client.timeout_s, LAST_TOKEN, self.expect_last, request, attempt)
        if client.hedge is not None and not is_hedge:
            self.set_deadline(client.hedge.after_s, HEDGE, self.hedge, request, attempt)
        self.knock(request, attempt)

    def new_attempt(self, request: Request) -> Attempt:
        crowd, kept = self.crowd(request), self.gateway(request).pool.prefix_cache
        attempt = Attempt(
            request.number,
            self.sent,
            request.prompt,
            request.output,
            workload=request.workload,
            session=request.task.session,
            hit_rate=crowd.prefix_hit_rate,
        )
        if kept is not None:
            attempt.names = request.names(crowd.carry, kept.block_tokens)
            attempt.names_of_all = request.names_of_all(crowd.carry, kept.block_tokens)
        self.sent += 1
        return attempt

    def knock(self, request: Request, attempt: Attempt) -> None:
        """An attempt comes to the gateway: it is rejected, held, or handed to a replica."""
        gateway, crowd = self.gateway(request), self.crowd(request)
        if not gateway.accepts(attempt, crowd.max_concurrency):
            self.seen["over the limit"] += (
                gateway.attempts_of(request.workload) >= crowd.max_concurrency
            )
            self.lose(request, attempt, status.REJECTED)
            return
        held_before = gateway.held
        gateway.take_in(attempt, crowd.priority, self.now_s)
        self.seen["held"] += gateway.held - held_before
        if gateway.held > held_before == 0 and not gateway.ready:
            self.held, self.has_news = gateway.index, True

    def reach_boundary(self) -> None:
        """A step ends; who is done leaves, and who has hung up; others come in; the next begins."""
        replica = min(self.replicas, key=Replica.next_event_s)
        gateway = self.gateways[self.pool_of[replica.index]]
        self.seen["photo finish"] += is_ready_at_an_end(replica, self.now_s)
        if gateway.held:
            self.seen["photo finish"] += ends_meet(replica, gateway.members, self.now_s)
        for attempt in replica.end_step(self.now_s):
            request = self.everyone[attempt.number]
            if request.is_waited_for(attempt):
                self.see_token(replica, request, attempt)
            if attempt.is_finished:
                replica.finish(attempt)
                gateway.hand_over(self.now_s)
        replica.drop_stopping()
        gateway.hand_over(self.now_s)
        replica.begin_step(self.now_s)

    def see_token(self, replica: Replica, request: Request, attempt: Attempt) -> None:
        """The client sees an attempt's first token or its last, or one that is both."""
        if len(request.living) > 1:
            self.settle_race(request, attempt)
        if attempt.is_finished:
            replica.cache.keep(attempt.names_of_all)
            self.crowd(request).note_success()
            self.complete(request)
            if request.task.status == status.IN_FLIGHT:
                self.seen["photo finish"] += ends_meet(replica, self.replicas, self.now_s)

    def settle_race(self, request: Request, winner: Attempt) -> None:
        """The first token of two attempts: the other is abandoned."""
        (loser,) = (attempt for attempt in request.living if attempt is not winner)
        self.seen["the hedge won" if winner.serial > loser.serial else "the hedge lost"] += 1
        if loser.replica >= 0:
            its = self.replicas[loser.replica]
            self.seen["photo finish"] += ends_meet(self.replicas[winner.replica], [its], self.now_s)
        self.abandon(request, loser)
        request.living, request.last = [winner], winner

    def expect_first(self, request: Request, attempt: Attempt) -> None:
        """The deadline of an attempt's first token."""
        if math.isnan(attempt.first_token_s):
            self.expect_last(request, attempt)

    def expect_last(self, request: Request, attempt: Attempt) -> None:
        """The deadline of an attempt's last token."""
        if request.is_waited_for(attempt):
            self.abandon(request, attempt)
            self.lose(request, attempt, status.TIMED_OUT)

    def hedge(self, request: Request, attempt: Attempt) -> None:
        """The moment to send another beside an attempt whose first token has not come."""
        if not request.is_waited_for(attempt) or not math.isnan(attempt.first_token_s):
            return
        if not self.crowd(request).pay():
            self.seen["hedges without budget"] += 1
            return
        self.seen["hedged"] += 1
        request.hedges += 1
        self.send(request, is_hedge=True)

    def lose_patience(self, request: Request) -> None:
        """The user leaves, unless the latest attempt has had its first token."""
        if request.status != status.IN_FLIGHT or not math.isnan(request.last.first_token_s):
            return
        if not request.living:
            self.seen["gave up between attempts"] += 1
        self.seen["gave up on two"] += len(request.living) > 1
        for attempt in reversed(request.living):
            request.last = replace(attempt)
            self.abandon(request, attempt)
        self.end(request, status.GAVE_UP)

    def abandon(self, request: Request, attempt: Attempt) -> None:
        """Nobody waits for the attempt any more; the server may notice."""
        gateway = self.gateway(request)
        if gateway.drop(attempt):
            self.seen["left the gateway"] += 1
        elif self.crowd(request).client.server_stops:
            self.replicas[attempt.replica].stop(attempt)
            self.seen["stopped while running" if attempt.is_stopping else "left the line"] += 1
            gateway.hand_over(self.now_s)
        else:
            self.seen["orphaned"] += 1

    def lose(self, request: Request, attempt: Attempt, cause: int) -> None:
        """An attempt came to nothing: another goes on, or there will be one, or that was it."""
        self.seen[f"lost: {status.NAMES[cause]}"] += 1
        request.living.remove(attempt)
        if request.living:
            self.seen["lost one of two"] += 1
            (request.last,) = request.living
            return
        request.last = replace(attempt)  # what becomes of it now, the client does not see
        delay_s = self.crowd(request).delay_before_retry_s(
            cause,
            request.attempts - request.hedges - 1,
            attempt.serial,
            self.gateway(request).pool.gateway,
        )
        if delay_s is None:
            self.end(request, cause)
        else:
            self.set_timer(delay_s, lambda: self.send_again(request))

    def send_again(self, request: Request) -> None:
        if request.status == status.IN_FLIGHT:
            self.seen["retried"] += 1
            self.send(request)

    def complete(self, request: Request) -> None:
        """The request is answered; in its task, others may follow."""
        self.end(request, status.COMPLETED)
        task = request.task
        following = task.note_answer(request.said, self.now_s)
        carried = math.floor(self.crowd(request).carry * task.said)
        for call in following:
            self.follow_up(task, call, carried)

    def follow_up(self, task: Task, call: Call, carried: int) -> None:
        """Set the moment at which a call is sent: after all else that is set for it."""
        self.seen["followed up"] += 1
        place = (1, task.index, call.index)
        self.timers.set(self.now_s + call.think_s, place, lambda: self.ask(task, call, carried))

    def end(self, request: Request, final: int) -> None:
        request.living = []
        request.status, request.finish_s = final, self.now_s
        if final != status.COMPLETED:
            request.task.fail(self.now_s)

    def crowd(self, request: Request) -> Crowd:
        return self.crowds[request.workload]

    def gateway(self, request: Request) -> Gateway:
        return self.gateways[self.workload_pool[request.workload]]
