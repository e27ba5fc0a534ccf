"""The data plane as a naive simulator: pure Python, one engine step at a time, written for clarity.

The compiled kernel leaps over steps; this one walks every step of every replica and moves every
token. It shares nothing with the kernel but the inputs (profiles with their step tables, clients,
gateways) and the hash that random choices draw from, so that agreement of the two means something.

At an instant things happen in this order: arrivals; timers (a retry is sent, a patience is over),
in the order in which they were set; step boundaries, of the lowest replica first; deadlines, of the
attempt sent first; then the control plane acts.
"""

import heapq
import itertools
import math
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
from naive_client import Crowd
from naive_gateway import Gateway, Router
from naive_replica import NEVER, NOT_YET, Attempt, Replica

from sim.engine import status
from sim.model.client import Client
from sim.model.design import GpuPool

Happening = Callable[[], None]
Alarm = tuple[float, int, Happening]  # when, a ticket that orders those of one instant, what

COLUMNS_OF_THE_LAST_ATTEMPT = {
    "replica",
    "dispatched_s",
    "ready_s",
    "admitted_s",
    "first_token_s",
    "preemptions",
}


@dataclass(slots=True, eq=False)
class Request:
    """What a user wants, over all attempts to get it."""

    number: int
    workload: int
    arrival_s: float
    prompt: int
    output: int
    patience_s: float = math.inf
    status: int = status.IN_FLIGHT
    finish_s: float = NOT_YET  # when the status became final
    attempts: int = 0
    alive: Attempt | None = None  # the attempt that the client waits for
    last: Attempt | None = None  # the last attempt, as far as the client saw it


class NaiveDataPlane:
    """Requests in, time forward, and the verbs of the control plane."""

    def __init__(
        self,
        pools: Sequence[GpuPool],
        workload_pool: Sequence[int],
        routing_key: int = 0,
        clients: Sequence[Client] | None = None,
        priorities: Sequence[int] | None = None,
    ) -> None:
        key = np.uint64(routing_key)
        self.workload_pool = list(workload_pool)
        self.crowds = [
            Crowd(client, priority, key)
            for client, priority in zip(
                clients or [Client() for _ in workload_pool],
                priorities or [0 for _ in workload_pool],
                strict=True,
            )
        ]
        self.gateways = [
            Gateway(index, pool, Router(pool.router, key)) for index, pool in enumerate(pools)
        ]
        self.replicas: list[Replica] = []
        self.pool_of: list[int] = []
        self.everyone: list[Request] = []
        self.arrived = 0
        self.sent = 0  # attempts
        self.seen: Counter[str] = Counter()  # how often what happened, for tests of the tests
        self.now_s = 0.0
        self.held = -1  # the pool where a request was held last for want of a ready replica
        self.has_news = False  # of that
        self.timers: list[Alarm] = []  # a heap
        self.deadlines: list[Alarm] = []  # a heap
        self.tickets = itertools.count()
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
    ) -> None:
        """Append requests, in the order of their arrival."""
        if patience_s is None:
            patience_s = [math.inf] * len(arrival_s)
        rows = zip(arrival_s, prompt_tokens, output_tokens, workload, patience_s, strict=True)
        for arrival, prompt, output, which, patience in rows:
            self.everyone.append(
                Request(
                    len(self.everyone),
                    int(which),
                    float(arrival),
                    int(prompt),
                    int(output),
                    float(patience),
                )
            )

    def column(self, name: str) -> npt.NDArray[np.generic]:
        """One attribute of the requests that have arrived, by request number."""
        of_attempt = name in COLUMNS_OF_THE_LAST_ATTEMPT
        return np.array(
            [
                getattr(request.last if of_attempt else request, name)
                for request in self.everyone[: self.arrived]
            ]
        )

    # Verbs

    def add(self, pool: int) -> int:
        """A new ready replica, which takes over what it can of what is held; its number."""
        gateway = self.gateways[pool]
        replica = Replica(len(self.replicas), gateway.pool.profile)
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
            if request.alive is not attempt:
                continue
            if gateway.pool.gateway.on_loss == "fail":
                self.lose(request, status.FAILED)
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
            (self.timers[0][0] if self.timers else NEVER, lambda: ring(self.timers)),
            (min(map(Replica.next_event_s, self.replicas), default=NEVER), self.reach_boundary),
            (self.deadlines[0][0] if self.deadlines else NEVER, lambda: ring(self.deadlines)),
        ]
        return min(kinds, key=lambda kind: kind[0])

    def next_arrival_s(self) -> float:
        return self.everyone[self.arrived].arrival_s if self.arrived < len(self.everyone) else NEVER

    def set_alarm(self, alarms: list[Alarm], delay_s: float, happening: Happening) -> None:
        heapq.heappush(alarms, (self.now_s + delay_s, next(self.tickets), happening))

    # What happens

    def arrive(self) -> None:
        request = self.everyone[self.arrived]
        self.arrived += 1
        self.crowd(request).note_request()
        self.set_alarm(self.timers, request.patience_s, lambda: self.lose_patience(request))
        self.send(request)

    def send(self, request: Request) -> None:
        """The client sends an attempt, the first or a retry."""
        attempt = Attempt(request.number, self.sent, request.prompt, request.output)
        self.sent += 1
        request.attempts += 1
        request.alive = request.last = attempt
        longest = self.gateway(request).pool.profile.max_model_len
        if request.prompt > longest - 1:
            self.end(request, status.REJECTED)
            return
        attempt.output = request.output = min(request.output, longest - request.prompt)
        client = self.crowd(request).client
        self.set_alarm(self.deadlines, client.ttft_timeout_s, lambda: self.expect_first(attempt))
        self.set_alarm(self.deadlines, client.timeout_s, lambda: self.expect_last(attempt))
        self.knock(request, attempt)

    def knock(self, request: Request, attempt: Attempt) -> None:
        """An attempt comes to the gateway: it is rejected, held, or handed to a replica."""
        gateway = self.gateway(request)
        if not gateway.accepts():
            self.lose(request, status.REJECTED)
            return
        held_before = gateway.held
        gateway.take_in(attempt, self.crowd(request).priority, self.now_s)
        self.seen["held"] += gateway.held - held_before
        if gateway.held > held_before == 0 and not gateway.ready:
            self.held, self.has_news = gateway.index, True

    def reach_boundary(self) -> None:
        """A step ends; who is done leaves, and who has hung up; others come in; the next begins."""
        replica = min(self.replicas, key=Replica.next_event_s)
        self.look_for_photo_finish(replica)
        for attempt in replica.end_step(self.now_s):
            request = self.everyone[attempt.number]
            if request.alive is attempt:
                self.crowd(request).note_success()
                self.end(request, status.COMPLETED)
        replica.drop_stopping()
        self.gateways[self.pool_of[replica.index]].hand_over(self.now_s)
        replica.begin_step(self.now_s)

    def look_for_photo_finish(self, replica: Replica) -> None:
        """Note where the last bit of a sum decides which replica the next in line goes to."""
        gateway = self.gateways[self.pool_of[replica.index]]
        gaps_s = [
            other.next_event_s() - self.now_s for other in gateway.members if other is not replica
        ]
        if gateway.held and min(gaps_s, default=NEVER) <= 1e-9 * max(self.now_s, 1.0):
            self.seen["photo finish"] += 1

    def expect_first(self, attempt: Attempt) -> None:
        """The deadline of an attempt's first token."""
        if math.isnan(attempt.first_token_s):
            self.expect_last(attempt)

    def expect_last(self, attempt: Attempt) -> None:
        """The deadline of an attempt's last token."""
        request = self.everyone[attempt.number]
        if request.alive is attempt:
            self.abandon(request, attempt)
            self.lose(request, status.TIMED_OUT)

    def lose_patience(self, request: Request) -> None:
        """The user leaves, unless the latest attempt has had its first token."""
        assert request.last is not None
        if request.status != status.IN_FLIGHT or not math.isnan(request.last.first_token_s):
            return
        if request.alive is not None:
            self.abandon(request, request.alive)
        else:
            self.seen["gave up between attempts"] += 1
        self.end(request, status.GAVE_UP)

    def abandon(self, request: Request, attempt: Attempt) -> None:
        """Nobody waits for the attempt any more; the server may notice."""
        request.last = replace(attempt)  # what becomes of it now, the client does not see
        gateway = self.gateway(request)
        if gateway.drop(attempt):
            self.seen["left the gateway"] += 1
        elif self.crowd(request).client.server_stops:
            self.replicas[attempt.replica].stop(attempt)
            self.seen["stopped while running" if attempt.is_stopping else "left the line"] += 1
            gateway.hand_over(self.now_s)
        else:
            self.seen["orphaned"] += 1

    def lose(self, request: Request, cause: int) -> None:
        """An attempt came to nothing: there will be another, or that was it."""
        attempt, gateway = request.last, self.gateway(request)
        assert attempt is not None
        self.seen[f"lost: {status.NAMES[cause]}"] += 1
        request.alive = None
        delay_s = self.crowd(request).delay_before_retry_s(
            cause, request.attempts, attempt.serial, gateway.pool.gateway
        )
        if delay_s is None:
            self.end(request, cause)
        else:
            self.set_alarm(self.timers, delay_s, lambda: self.send_again(request))

    def send_again(self, request: Request) -> None:
        if request.status == status.IN_FLIGHT:
            self.seen["retried"] += 1
            self.send(request)

    def end(self, request: Request, final: int) -> None:
        request.alive = None
        request.status, request.finish_s = final, self.now_s

    def crowd(self, request: Request) -> Crowd:
        return self.crowds[request.workload]

    def gateway(self, request: Request) -> Gateway:
        return self.gateways[self.workload_pool[request.workload]]


def ring(alarms: list[Alarm]) -> None:
    """What was set for this moment happens."""
    *_, happening = heapq.heappop(alarms)
    happening()
