"""Requests of the naive simulator and their attempts: sent, answered, left, lost and made again."""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from naive.adapters import drawn
from naive.attempt import Attempt
from naive.books import Books
from naive.client import Crowd
from naive.clockwork import FIRST_TOKEN, HEDGE, LAST_TOKEN, Clockwork
from naive.gateway import Gateway
from naive.managed import Managed
from naive.photo_finish import ends_meet, is_due_too, is_told_again, meets_an_end, told_the_same
from naive.replica import Replica
from naive.request import Request
from naive.route import Route
from naive.task import Call, Task
from naive.user import User
from naive.variants import Door
from sim.engine.state import status
from sim.engine.state.backend_record import STANDARD
from sim.model.adapters import Adapters
from sim.model.scheduling import SHEDDABLE
from sim.model.workload import OWN

SLACK_S = 1e-6  # who comes back at the told moment is in time, whatever the last bit of a sum


class Dispatch(Clockwork):
    """What becomes of requests between their users and the backends."""

    def __init__(
        self,
        crowds: Sequence[Crowd],
        routes: Sequence[Route],
        backends: Sequence[Gateway | Managed],
    ) -> None:
        super().__init__()
        self.crowds, self.routes, self.backends = crowds, routes, backends
        self.gateways = [backend for backend in backends if isinstance(backend, Gateway)]
        self.managed = [backend for backend in backends if isinstance(backend, Managed)]
        self.everyone: list[Request] = []  # who has arrived
        self.sent = 0  # attempts
        self.begun = 0  # tasks
        self.needed: list[Adapters | None] = []  # by the workloads
        self.key = np.uint64(0)
        self.told_s: list[float] = []  # when who found all backends left out may come back
        self.out_until_s = [-math.inf] * len(backends)  # of those that are left out
        self.books = Books()
        self.seen: Counter[str] = Counter()  # how often what happened, for tests of the tests

    def ask(self, request: Request) -> None:
        """A request arrives: it is answered from what is kept, or its first attempt is sent."""
        self.everyone.append(request)
        crowd = self.crowd(request)
        self.take_leg(request)
        patience_end_s = max(request.arrival_s + request.task.patience_s, self.now_s)
        self.patience.set(patience_end_s, (request.number,), lambda: self.lose_patience(request))
        if crowd.is_answered_at_once(request.number):
            assert crowd.response_cache is not None
            self.books.count(request, "response_hits")
            request.limit_output(self.backends[request.chain[0]].max_model_len)
            self.set_timer(crowd.response_cache.latency_s, lambda: self.answer(request))
        else:
            crowd.note_request()
            self.note_other_leg(request)
            self.place(request, 0)

    def begin(self, task: Task) -> None:
        """The first call of a task; what a user does later was not fed with its time."""
        task.number, self.begun = self.begun, self.begun + 1
        task.arrival_s = self.now_s
        self.ask(Request(len(self.everyone), self.now_s, task, task.calls[0]))

    def answer(self, request: Request) -> None:
        """A kept answer, all at once, if the user is still there."""
        if request.status == status.IN_FLIGHT:
            self.seen["answered at once"] += 1
            request.last.first_token_s = self.now_s
            self.complete(request)

    # Attempts are sent

    def place(self, request: Request, begin: int) -> None:
        """Send an attempt to the first backend of the chain, from one on, that is fit for it."""
        places = range(begin, len(request.chain))
        fit = [place for place in places if self.fits(request, request.chain[place])]
        here = [place for place in fit if not self.is_out(request.chain[place])]
        calm = [place for place in here if not self.overflows(request, request.chain[place])]
        request.position = [*calm, *here, *fit, begin][0]
        self.seen["left out"] += bool(here) and here[0] != fit[0]
        self.seen["passed over"] += bool(fit) and request.position != begin
        self.seen["overflowed"] += bool(calm) and calm[0] != here[0]
        if here:
            for place in fit:
                if place < request.position and self.is_over_budget(request.chain[place]):
                    self.note_diverted(request, request.chain[place])
        if fit:
            self.shorten(request)
            self.send(request)
        else:
            self.seen["fits nowhere"] += 1
            request.last = self.new_attempt(request)
            self.end(request, status.REJECTED)

    def fits(self, request: Request, number: int) -> bool:
        backend = self.backends[number]
        if request.prompt >= backend.max_model_len:
            return False
        return not isinstance(backend, Managed) or backend.is_capable(request.number)

    def take_leg(self, request: Request) -> None:
        """The leg of a request: another if its backend is left out, and not all are."""
        out = [index for index in range(len(self.backends)) if self.is_out(index)]
        request.leg = self.route(request).leg(request.number, request.prompt, out)
        request.chain = self.route(request).chain(request.leg.to)

    def is_out(self, number: int) -> bool:
        """Whether a router leaves a backend out, as an attempt came to nothing there."""
        return self.now_s < self.back_s(number) - SLACK_S

    def back_s(self, number: int) -> float:
        """When it is back, or that it is."""
        backend = self.backends[number]
        spent_until_s = backend.spent_until_s if isinstance(backend, Managed) else -math.inf
        return max(self.out_until_s[number], spent_until_s)

    def is_over_budget(self, number: int) -> bool:
        backend = self.backends[number]
        return isinstance(backend, Managed) and backend.is_over_budget(self.now_s)

    def note_other_leg(self, request: Request) -> None:
        """Another leg than if nothing were left out, as the budget of that one is spent."""
        usual = self.route(request).leg(request.number, request.prompt, [])
        number = self.route(request).chain(usual.to)[0]
        if usual is not request.leg and self.is_over_budget(number):
            self.note_diverted(request, number)

    def note_diverted(self, request: Request, number: int) -> None:
        """An attempt goes elsewhere, as the budget of a backend is spent."""
        self.seen["diverted"] += 1
        if request.arrival_s >= 0:
            self.books.usage[request.workload, number, STANDARD]["diverted"] += 1

    def leave_out(self, attempt: Attempt) -> None:
        """The backend of an attempt that came to nothing is left out for a while."""
        if (cooldown_s := self.backends[attempt.backend].cooldown_s) > 0:
            self.out_until_s[attempt.backend] = self.now_s + cooldown_s

    def until_one_is_back_s(self, request: Request, begin: int) -> float | None:
        """If all backends from one on that are fit for a request are left out, for how long."""
        fit = [number for number in request.chain[begin:] if self.fits(request, number)]
        if not fit or not all(map(self.is_out, fit)):
            return None
        return min(map(self.back_s, fit)) - self.now_s

    def overflows(self, request: Request, number: int) -> bool:
        backend = self.backends[number]
        most = self.route(request).routing.overflow_queue
        if not isinstance(backend, Gateway) or most == math.inf:
            return False
        return backend.waiting >= most or not backend.is_open()

    def shorten(self, request: Request) -> None:
        """The answer of a request is degraded while a queue is long; and no model exceeds its."""
        backend, rule = self.backend(request), self.route(request).routing.degradation
        if (
            isinstance(backend, Gateway)
            and rule is not None
            and backend.waiting >= rule.queue
            and not request.is_degraded
        ):
            self.seen["degraded"] += 1
            request.is_degraded = True
            request.output = max(1, math.floor(request.output * rule.output_share))
        request.limit_output(backend.max_model_len)

    def send(self, request: Request, is_hedge: bool = False) -> None:
        """An attempt to the backend of a request's place in its chain."""
        attempt = self.new_attempt(request)
        request.living.append(attempt)
        if not is_hedge:
            request.last = attempt
        client = self.crowd(request).client
        limits = (client.ttft_timeout_s, FIRST_TOKEN), (client.timeout_s, LAST_TOKEN)
        for limit_s, kind in limits:
            expect = self.expect_first if kind == FIRST_TOKEN else self.expect_last
            self.set_deadline(limit_s, kind, attempt, lambda meet=expect: meet(request, attempt))
        if client.hedge is not None and not is_hedge:
            hedge_s = client.hedge.after_s
            self.set_deadline(hedge_s, HEDGE, attempt, lambda: self.hedge(request, attempt))
        if self.is_out(attempt.backend):
            self.seen["all left out"] += 1
            if self.is_over_budget(attempt.backend):
                self.seen["over budget"] += 1
                self.books.use(request, attempt, "over_budget")
            wait_s = self.until_one_is_back_s(request, request.position) or math.nan
            if any(isinstance(self.backends[number], Gateway) for number in request.chain):
                self.seen["photo finish"] += is_told_again(self.told_s, self.now_s + wait_s)
            self.reject(request, attempt, wait_s)
        elif trip_s := self.route(request).trip_s(request.chain[request.position]):
            self.seen["set out"] += 1
            attempt.is_travelling = True
            self.set_timer(trip_s, lambda: self.come_in(request, attempt))
        else:
            self.knock(request, attempt)

    def come_in(self, request: Request, attempt: Attempt) -> None:
        """An attempt has come to a backend far away, unless it was left on its way."""
        if request.is_waited_for(attempt):
            self.seen["came in"] += 1
            attempt.is_travelling = False
            self.knock(request, attempt)

    def new_attempt(self, request: Request) -> Attempt:
        crowd, backend = self.crowd(request), self.first_backend(request)
        attempt = Attempt(
            request.number,
            self.sent,
            request.prompt,
            request.output,
            workload=request.workload,
            session=request.task.session,
            hit_rate=crowd.prefix_hit_rate,
            backend=backend.index,
            task=request.task.number,
            carried=request.carried,
            finds=request.finds,
            goes_first=crowd.priority <= 0,
            priority=crowd.priority,
            tenant=crowd.tenant,
            due_s=request.arrival_s + crowd.due_s,
        )
        if crowd.yielding is not None:
            attempt.is_of_batch = True
            attempt.gives_way_until_s = request.arrival_s + crowd.yielding.for_s
            attempt.gives_way_after_s = crowd.yielding.after_s
        attempt.adapter = self.adapter_of(request)
        needed = self.needed[request.workload]
        attempt.rank = 0 if needed is None else needed.rank
        self.name(request, attempt)
        self.sent += 1
        request.attempts += 1
        self.books.count(request, "attempts")
        self.books.use(request, attempt, "attempts")
        return attempt

    def first_backend(self, request: Request) -> Gateway | Managed:
        """Where an attempt is sent: short prompts go to who makes the answers at once."""
        backend = self.backend(request)
        if isinstance(backend, Gateway) and backend.hands_to is not None:
            assert backend.pool.handoff is not None
            if request.prompt < backend.pool.handoff.local_below:
                self.seen["kept local"] += 1
                return backend.hands_to
        return backend

    def name(self, request: Request, attempt: Attempt) -> None:
        """The names that blocks of a prompt have where it is."""
        attempt.names, attempt.names_of_all = None, ()
        backend, carry = self.backends[attempt.backend], self.crowd(request).carry
        if isinstance(backend, Gateway) and (kept := backend.pool.prefix_cache) is not None:
            names = request.names(carry, kept.block_tokens)
            attempt.names = names and tuple((attempt.adapter, name) for name in names)
            of_all = request.names_of_all(carry, kept.block_tokens)
            attempt.names_of_all = tuple((attempt.adapter, name) for name in of_all)

    def adapter_of(self, request: Request) -> int:
        """That of its session, else of its task."""
        session, task = request.task.session, request.task.number
        who = session if session >= 0 else task
        return drawn(self.needed, self.key, request.workload, who)

    def knock(self, request: Request, attempt: Attempt) -> None:
        """An attempt comes to a backend: it is rejected, or taken in."""
        backend, crowd = self.backends[attempt.backend], self.crowd(request)
        if isinstance(backend, Door):  # what was sent there once comes to all of them again
            backend, attempt.backend = backend.joined, backend.joined.index
        is_one_more = self.inside(request.workload) >= crowd.max_concurrency
        self.seen["over the limit"] += is_one_more
        if isinstance(backend, Managed):
            if is_one_more:
                self.reject(request, attempt, math.nan)
            else:
                self.call(backend, request, attempt)
        elif is_one_more or not backend.accepts() or self.sheds(request, backend):
            if not is_one_more and crowd.priority != SHEDDABLE:
                self.leave_out(attempt)
            self.reject(request, attempt, backend.pool.gateway.retry_after_s)
        else:
            held_before = backend.held
            backend.take_in(attempt, crowd.priority, self.now_s)
            self.seen["held"] += backend.held - held_before
            if backend.held > held_before == 0 and not backend.ready:
                self.held, self.has_news = backend.index, True

    def sheds(self, request: Request, backend: Gateway) -> bool:
        """Whether an attempt is turned away as a sheddable one."""
        if self.crowd(request).priority != SHEDDABLE or not backend.is_saturated():
            return False
        self.books.count(request, "shed")
        return True

    def inside(self, workload: int) -> int:
        """Attempts of a workload at all backends."""
        remote = sum(a.workload == workload for api in self.managed for a in api.inside)
        return remote + sum(gateway.attempts_of(workload) for gateway in self.gateways)

    def book_work(self, replica: Replica) -> None:
        """Note what a replica has done in vain, and what it need not do again."""
        self.seen["photo finish"] += replica.is_close_call
        for attempt, tokens, generated in replica.wasted:
            self.books.waste(self.everyone[attempt.number], attempt, tokens, generated)
        for attempt, tokens in replica.redone:
            self.books.waste(self.everyone[attempt.number], attempt, tokens, 0)
            self.books.use(self.everyone[attempt.number], attempt, "redone_tokens", tokens)
        for attempt, tokens in replica.found_again:
            self.books.count(self.everyone[attempt.number], "found_again_tokens", tokens)
        replica.wasted, replica.redone, replica.found_again = [], [], []

    def reject(self, request: Request, attempt: Attempt, retry_after_s: float) -> None:
        self.backends[attempt.backend].rejected += 1
        self.books.use(request, attempt, "rejections")
        self.lose(request, attempt, status.REJECTED, retry_after_s)

    # Managed backends

    def call(self, backend: Managed, request: Request, attempt: Attempt) -> None:
        """An attempt at a managed backend."""
        backend.follows_steps |= request.follows_steps or request.task.follows_steps
        refusal = backend.take_in(attempt, self.now_s)
        if refusal is not None and refusal.cause == status.REJECTED:
            self.seen["beyond the quota"] += 1
            self.seen["too large"] += refusal.retry_after_s == math.inf
            self.leave_out(attempt)
            self.reject(request, attempt, refusal.retry_after_s)
        elif refusal is not None:
            self.seen["error"] += 1
            self.books.use(request, attempt, "errors")
            self.lose(request, attempt, status.FAILED)
        else:
            self.seen[f"billing {attempt.billing}"] += 1
            self.seen["remembered by a provider"] += attempt.hits > 0
            ttft_s, attempt.token_s = backend.pace(attempt, self.now_s)
            first_s = self.now_s + ttft_s
            last_s = first_s + (attempt.output - 1) * attempt.token_s
            self.set_timer_at(first_s, lambda: self.hear_first(request, attempt))
            self.set_timer_at(last_s, lambda: self.hear_last(backend, request, attempt))

    def hear_first(self, request: Request, attempt: Attempt) -> None:
        """The first token of a managed backend."""
        if request.is_waited_for(attempt):
            attempt.first_token_s = self.now_s
            if len(request.living) > 1:
                self.settle_race(request, attempt)

    def hear_last(self, backend: Managed, request: Request, attempt: Attempt) -> None:
        """The last token of a managed backend."""
        if request.is_waited_for(attempt):
            backend.let_go(attempt, attempt.output, self.now_s)
            self.deliver(request, attempt)

    # Answers

    def settle_race(self, request: Request, winner: Attempt) -> None:
        """The first token of two attempts: the other is abandoned."""
        (loser,) = (attempt for attempt in request.living if attempt is not winner)
        self.seen["the hedge won" if winner.serial > loser.serial else "the hedge lost"] += 1
        if loser.replica >= 0:
            its = self.replicas[loser.replica]
            self.seen["photo finish"] += ends_meet(self.replicas[winner.replica], [its], self.now_s)
            self.seen["photo finish"] += is_due_too(loser, self.now_s)
        self.abandon(request, loser)
        request.living, request.last = [winner], winner

    def deliver(self, request: Request, attempt: Attempt) -> None:
        """The last token of an answer: it is good enough, or another backend is asked."""
        backend = self.backend(request)
        request.follows_steps |= isinstance(backend, Gateway)
        if isinstance(backend, Managed):
            backend.remember(attempt, request.task.said + request.said)
        self.books.answer(
            request, attempt, backend.written(attempt) if isinstance(backend, Managed) else 0
        )
        if request.asks_again or not self.route(request).escalates(request.leg, attempt):
            self.crowd(request).note_success()
            self.complete(request)
            return
        self.books.escalate(request, attempt)
        request.living, request.last = [], replace(attempt, first_token_s=math.nan)
        place = (1, request.number)
        self.timers.set(self.now_s, place, lambda: self.escalate(request))

    def complete(self, request: Request) -> None:
        """The request is answered; in its task, others may follow."""
        self.books.complete(request)
        self.end(request, status.COMPLETED)
        task = request.task
        task.follows_steps |= request.follows_steps
        following = task.note_answer(request.said, self.now_s)
        carried = math.floor(self.crowds[task.workload].carry * task.said)
        for call in following:
            self.follow_up(task, call, carried)
        self.leave(request)

    def follow_up(self, task: Task, call: Call, carried: int) -> None:
        """Set the moment at which a call is sent: after all else that is set for it."""
        self.seen["followed up"] += 1
        task.open += 1
        place = (2, task.number, call.index)
        self.timers.set(
            self.now_s + call.think_s,
            place,
            lambda: self.ask(
                Request(
                    len(self.everyone),
                    self.now_s if call.workload == OWN else task.arrival_s,
                    task,
                    call,
                    carried,
                )
            ),
        )

    # What is due

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
        self.seen["hedged at a managed backend"] += isinstance(self.backend(request), Managed)
        if request.follows_steps or request.task.follows_steps:
            self.seen["photo finish"] += meets_an_end(self.replicas, self.now_s)
        request.hedges += 1
        self.books.count(request, "hedges")
        self.send(request, is_hedge=True)

    def lose_patience(self, request: Request) -> None:
        """The user leaves, unless the latest attempt has had its first token."""
        if request.status != status.IN_FLIGHT or not math.isnan(request.last.first_token_s):
            return
        if not request.living:
            self.seen["gave up between attempts"] += 1
        self.seen["gave up on two"] += len(request.living) > 1
        self.seen["gave up on the second answer"] += request.asks_again
        for attempt in reversed(request.living):
            request.last = replace(attempt)
            self.abandon(request, attempt)
        self.end(request, status.GAVE_UP)

    def abandon(self, request: Request, attempt: Attempt) -> None:
        """Nobody waits for the attempt any more; the server may notice."""
        backend, stops = self.backends[attempt.backend], self.crowd(request).client.server_stops
        if attempt.is_travelling:
            self.seen["left on its way"] += 1
        elif isinstance(backend, Managed):
            generated = backend.generated(attempt, self.now_s) if stops else attempt.output
            self.seen["left a managed backend"] += 1
            self.seen["left amid an answer"] += 0 < generated < attempt.output
            backend.let_go(attempt, generated, self.now_s)
            self.books.leave(request, attempt, backend, generated)
        elif backend.drop(attempt):
            self.seen["left the gateway"] += 1
            if attempt.home >= 0:
                self.seen["left the gateway after its prefill"] += 1
                self.books.waste(request, attempt, attempt.prompt - attempt.spared, 0)
            self.end_lease(attempt)
        elif attempt in (its := self.replicas[attempt.replica]).streaming:
            self.seen["left while streamed"] += 1
            its.stop(attempt, self.now_s)
            self.book_work(its)
            backend.hand_over(self.now_s)
        elif stops:
            self.seen["left while it fetched"] += attempt.stage == "fetching"
            self.seen["left when it had fetched"] += attempt.stage == "fetched"
            self.stop_sending(attempt)
            self.replicas[attempt.replica].stop(attempt, self.now_s)
            self.end_lease(attempt)
            self.book_work(self.replicas[attempt.replica])
            self.seen["stopped while running" if attempt.is_stopping else "left the line"] += 1
            backend.hand_over(self.now_s)
        else:
            self.seen["orphaned"] += 1

    # Prompts that are computed elsewhere

    def stop_sending(self, attempt: Attempt) -> None:
        """Nothing is sent for it any more."""
        for link in (*self.links.values(), *(tier.link for tier, _ in attempt.parts[:1])):
            link.stop(attempt, self.now_s)

    def end_lease(self, attempt: Attempt) -> None:
        """Blocks that are kept for it, if any are, are free."""
        if attempt.source >= 0:
            self.replicas[attempt.source].end_lease(attempt, self.now_s)
            attempt.source = -1

    # Losses

    def lose(
        self, request: Request, attempt: Attempt, cause: int, retry_after_s: float = math.nan
    ) -> None:
        """An attempt came to nothing: another goes on, or there will be one, or that was it."""
        self.seen[f"lost: {status.NAMES[cause]}"] += 1
        request.living.remove(attempt)
        if cause != status.REJECTED:
            self.leave_out(attempt)
        if request.living:
            self.seen["lost one of two"] += 1
            (request.last,) = request.living
            return
        request.last = replace(attempt)  # what becomes of it now, the client does not see
        away_s = self.until_one_is_back_s(request, request.position + 1)
        self.seen["nowhere to go on to"] += request.has_elsewhere and away_s is not None
        if request.has_elsewhere and away_s is None and self.route(request).goes_on_after(cause):
            self.set_timer(0.0, lambda: self.fall_back(request))
            return
        delay_s = self.crowd(request).delay_before_retry_s(
            cause, request.retries, attempt.serial, retry_after_s
        )
        if delay_s is None:
            if self.crowd(request).is_spent:
                self.seen["retries without budget"] += 1
                self.books.count(request, "retries_withheld")
            self.end(request, cause)
        else:
            if delay_s == retry_after_s and isinstance(backend := self.backend(request), Managed):
                self.seen["told when to come"] += 1
                self.seen["photo finish"] += told_the_same(request, backend, self.now_s + delay_s)
            self.set_timer(delay_s, lambda: self.send_again(request))

    def fall_back(self, request: Request) -> None:
        if request.status == status.IN_FLIGHT:
            self.seen["fell back"] += 1
            request.fallbacks += 1
            self.books.count(request, "fallbacks")
            self.place(request, request.position + 1)

    def escalate(self, request: Request) -> None:
        if request.status == status.IN_FLIGHT:
            self.seen["escalated"] += 1
            request.escalations += 1
            self.books.count(request, "escalations")
            request.asks_again = True
            request.chain = self.route(request).chain(request.leg.escalates_to)
            self.place(request, 0)

    def send_again(self, request: Request) -> None:
        """A retry begins with the leg."""
        if request.status == status.IN_FLIGHT:
            self.seen["retried"] += 1
            self.books.count(request, "retries")
            self.seen["retried after an escalation"] += request.asks_again
            request.asks_again = False
            self.take_leg(request)
            self.note_other_leg(request)
            self.place(request, 0)

    def end(self, request: Request, final: int) -> None:
        request.living = []
        request.status, request.finish_s = final, self.now_s
        if final != status.COMPLETED:
            request.task.fail(self.now_s)
            self.leave(request)

    def leave(self, request: Request) -> None:
        """A call has ended; if its task has, its user sets out the next."""
        task, user = request.task, request.task.user
        task.open -= 1
        if task.open > 0 or user is None:
            return
        in_vain = request.status != status.COMPLETED or self.now_s <= request.arrival_s
        at_s = self.now_s + user.wait_s(task.then_s, in_vain)
        if user.goes_on(task.then_s, at_s):
            self.seen["went on"] += 1
            self.seen["went on at once"] += at_s == self.now_s
            self.seen["went on in vain"] += in_vain
            self.timers.set(at_s, (3, user.number), lambda: self.go_on(user, task.follows_steps))
        else:
            self.seen["stopped"] += 1

    def go_on(self, user: User, follows_steps: bool) -> None:
        """A user begins the next task."""
        task = user.next()
        task.follows_steps = follows_steps
        self.begin(task)

    def crowd(self, request: Request) -> Crowd:
        return self.crowds[request.workload]

    def route(self, request: Request) -> Route:
        return self.routes[request.workload]

    def backend(self, request: Request) -> Gateway | Managed:
        """Where its attempts are."""
        return self.backends[request.chain[request.position]]
