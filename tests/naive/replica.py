"""A replica as a naive simulator walks it: every step, every token, every block of its cache.

A replica has a waiting list and a running list, both first come first served. At a boundary between
two steps the scheduler decides who decodes, who prefills how much and who loses its memory; at the
end of the step the tokens appear. Who prefills how much may have been planned a step before. Times
are seconds, memory is counted in blocks of KV cache.
"""

import math
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from fractions import Fraction

from naive.adapters import Shelf
from naive.attempt import NEVER, Attempt, Exact, Step
from naive.cache import Cache, Name, SharedCache
from naive.front import FrontEnd
from naive.loading import loads
from naive.lockstep import Team
from naive.order import Line, givers, put, sort_in
from naive.tiers import GPU_POINTS, TIER_POINTS, Tier, write
from sim.model.profile import ServiceProfile


@dataclass(slots=True, eq=False)
class Lease:
    """Blocks that a replica keeps for one who has gone on elsewhere."""

    attempt: Attempt
    blocks: int
    held: tuple[Name, ...]


@dataclass(slots=True, eq=False)
class Replica:
    """One copy of the model behind its front end, or one of its ranks."""

    index: int
    profile: ServiceProfile
    cache: Cache | SharedCache = field(default_factory=Cache)
    tiers: list[Tier] = field(default_factory=list)  # under it, from the first
    sees_tiers: bool = False  # the router
    loads_always: bool = False
    looked: Counter[str] = field(default_factory=Counter)  # tokens in caches with tiers
    team: Team = field(default_factory=lambda: Team(0))
    shelf: Shelf = field(default_factory=Shelf)
    factor_booked: float = 1.0  # of the work of prompts, when they were planned
    limit: float = math.inf  # of requests that it is given at once
    gave_way: int = 0
    order: Line = field(default_factory=Line)
    free_blocks: int = field(init=False)
    a_s: list[float] = field(init=False)
    c_s: list[float] = field(init=False)
    routable: bool = True
    front: FrontEnd = field(init=False)
    waiting: list[Attempt] = field(default_factory=list)
    running: list[Attempt] = field(default_factory=list)  # in the order of admission
    fetching: list[Attempt] = field(default_factory=list)  # with blocks, for what is on its way
    leased: list["Lease"] = field(default_factory=list)  # blocks of those that are elsewhere
    hands_over: bool = False  # prompts, once they are computed
    fetch: Callable[[Attempt, int, float], None] | None = None  # from where it was computed
    is_blocked: bool = False  # the head is ready, and waits for blocks that are kept for others
    streaming: list[Attempt] = field(default_factory=list)  # finished, and not yet delivered
    step: Step | None = None
    plans: list[list[tuple[Attempt, int]]] = field(default_factory=list)  # of steps to come
    last_boundary_s: float = -math.inf
    left_s: float = -math.inf  # when an attempt last left the waiting list for good
    is_close_call: bool = False  # the last bit decided whether a request or a step was earlier
    wasted: list[tuple[Attempt, int, int]] = field(default_factory=list)  # work that nobody needs
    found_again: list[tuple[Attempt, int]] = field(default_factory=list)  # by preempted ones
    redone: list[tuple[Attempt, int]] = field(default_factory=list)  # by them
    work: Counter[str] = field(default_factory=Counter)  # for whomever it was

    def __post_init__(self) -> None:
        self.team.ranks.append(self)
        self.front = FrontEnd(self.profile)
        self.free_blocks = self.total_blocks
        a_s, c_s = self.profile.step_tables()
        self.a_s, self.c_s = a_s.tolist(), c_s.tolist()

    @property
    def total_blocks(self) -> int:
        return self.profile.kv_capacity_tokens // self.profile.kv_block_tokens

    @property
    def outstanding(self) -> int:
        return len(self.attempts)

    @property
    def attempts(self) -> list[Attempt]:
        return [*self.waiting, *self.fetching, *self.running, *self.streaming]

    @property
    def line(self) -> list[Attempt]:
        """Those of the waiting who may be admitted, as far as adapters are concerned."""
        shelf = self.shelf
        if shelf.model is None:
            return self.waiting
        if shelf.model.blocks:
            return [] if self.waiting and shelf.bars(self.waiting[0]) else self.waiting
        return [attempt for attempt in self.waiting if not shelf.bars(attempt)]

    def accept(self, attempt: Attempt, now_s: float) -> None:
        """Through the front end to the tail of the waiting list."""
        attempt.process = self.front.next_process()
        through_s = self.front.take_request(attempt.process, attempt.prompt, now_s)
        attempt.ready_s = through_s + self.profile.overhead_s
        attempt.replica, attempt.dispatched_s = self.index, now_s
        if self.order.is_sorted:
            self.order.rank(attempt, now_s)
            attempt.is_in_front = True
            self.waiting.append(attempt)
        elif attempt.goes_first:
            self.line_up(attempt, now_s)
        else:
            self.waiting.append(attempt)
        if self.waiting[0] is attempt:
            self.is_blocked = False

    def line_up(self, attempt: Attempt, now_s: float) -> None:
        """Before those at the end of the line that give way, and have no blocks yet."""
        place = len(self.waiting)
        while place > self.fetched and self.waiting[place - 1].gives_way(now_s):
            place -= 1
        self.waiting.insert(place, attempt)

    def next_event_s(self) -> float:
        """End of the step under way; else the moment the head of a waiting list is ready."""
        if self.step is not None and self.team.is_lone_and_under_way:
            return self.step.ends_s
        return self.team.next_event_s(self)

    def wakes_s(self) -> float:
        """When the head of the waiting list is ready."""
        if any(self.plans):  # and nothing is under way, on any rank
            return self.team.boundary_s
        if not self.waiting:
            return NEVER
        if self.is_blocked:
            return next((each.ready_s for each in self.waiting if each.is_in_front), NEVER)
        # Of several processes the second in line may have been ready before the first has left.
        return max(self.line[0].ready_s, self.left_s) if self.line else NEVER

    def end_step(self, now_s: float) -> Iterator[Attempt]:
        """The tokens of the step under way appear, of one attempt after the other.

        Yields those that have been prefilled and those that have their last token, who are to be
        finished: the decoding first, all in the order of admission.
        """
        self.team.begin_turn(now_s)
        step, self.step, self.last_boundary_s = self.step, None, now_s
        if step is None:
            return
        self.pass_tokens_on(step, now_s)
        for attempt in step.decoding:
            self.work["decoded"] += step.factor * self.gain
            self.work["context"] += step.factor * self.gain * (attempt.cached + attempt.part)
            attempt.decode(self.gain)
            if attempt.is_finished:
                yield attempt
        for attempt, tokens in step.chunks:
            attempt.cached += tokens
            if attempt.is_decoding:  # its prefill is complete, and that yields a token
                self.keep_prompt(attempt)
                if self.hands_over:
                    yield attempt
                    continue
                attempt.generated += 1
                if math.isnan(attempt.first_due_s):  # else it came from a replica that died
                    attempt.first_due_s = attempt.token_s_of_step
                yield attempt

    def pass_tokens_on(self, step: Step, now_s: float) -> None:
        """The front end takes what a step has made, each process its own in one batch."""
        made = [*step.decoding, *(a for a, tokens in step.chunks if a.cached + tokens == a.prefill)]
        for process in range(self.profile.frontend_processes):
            own = [attempt for attempt in made if attempt.process == process]
            done_s = self.front.take_tokens(process, own, step.decoding, now_s)
            for attempt in own:
                attempt.token_s_of_step = done_s + self.profile.output_delay_s

    def finish(self, attempt: Attempt, is_wanted: bool = True) -> None:
        assert attempt.cached == attempt.prompt + attempt.output - 1
        if not is_wanted:
            self.waste(attempt, attempt.worked, attempt.generated)
        self.take_off(attempt)
        if is_wanted and self.front.streams:
            self.streaming.append(attempt)

    def waste(self, attempt: Attempt, tokens: int, generated: int = 0) -> None:
        """Note work that was for nobody, or is to be done again; of it, tokens made one by one."""
        self.wasted.append((attempt, tokens, generated))

    def begin_step(self, now_s: float) -> None:
        sort_in(self, now_s)
        self.give_way(now_s)
        self.step = SCHEDULERS[self.profile.scheduler](self, now_s)
        self.check_memory()
        idle = self.step is None and not any(self.plans)
        self.is_blocked = idle and bool(self.line) and self.line[0].ready_s <= now_s
        self.team.end_turn(self)

    def step_until(self, ends_s: float) -> None:
        """The step that the ranks begin together ends so late; with nothing to do it is a dummy."""
        self.step = self.step or Step(ends_s, [], [])
        self.step.ends_s = ends_s

    def stop(self, attempt: Attempt, now_s: float) -> None:
        """The client has hung up: drop it, at the next boundary if it is in the batch."""
        if attempt in self.waiting or attempt in self.fetching:
            self.waste(attempt, self.worked_before(attempt))
            self.take_back(attempt, now_s)
        elif attempt in self.streaming:
            self.streaming.remove(attempt)
            self.waste(attempt, attempt.worked, attempt.generated)
        else:
            attempt.is_stopping = True

    def worked_before(self, attempt: Attempt) -> int:
        """Tokens of one in no batch: computed before it was preempted, or elsewhere."""
        return (attempt.had if attempt.home < 0 or attempt.had else attempt.prompt) - attempt.spared

    def take_back(self, attempt: Attempt, now_s: float) -> None:
        """Off the line, or from where it fetches, with the blocks that it has."""
        self.is_blocked = False
        self.left_s = now_s
        if attempt.stage in ("fetching", "fetched"):
            self.free_blocks += attempt.blocks + self.cache.size * self.let_go(attempt)
            attempt.blocks = 0
            self.cache.squeeze(self.free_blocks)
        for line in (self.waiting, self.fetching):
            if attempt in line:
                line.remove(attempt)
        self.order.give_back(attempt)
        attempt.stage, attempt.parts, attempt.loaded = "", [], None

    def drop(self, attempt: Attempt) -> None:
        """Its prompt has been computed, and nobody wants it."""
        self.waste(attempt, attempt.worked)
        self.take_off(attempt)

    def lease(self, attempt: Attempt) -> None:
        """It leaves, and its blocks stay."""
        self.running.remove(attempt)
        self.leased.append(Lease(attempt, attempt.blocks, attempt.held))
        attempt.blocks, attempt.held = 0, ()
        attempt.cached = attempt.prefill = 0

    def end_lease(self, attempt: Attempt, now_s: float) -> None:
        """The blocks that are kept for one who is elsewhere are free."""
        (lease,) = (each for each in self.leased if each.attempt is attempt)
        self.leased.remove(lease)
        gone = 0 if isinstance(self.cache, Cache) else self.cache.let_go(lease.held)
        self.free_blocks += lease.blocks + self.cache.size * gone
        self.cache.squeeze(self.free_blocks)
        self.is_blocked = False
        self.left_s = now_s

    @property
    def fetched(self) -> int:
        """How many at the head of the line have fetched what they need."""
        return sum(attempt.stage == "fetched" for attempt in self.waiting)

    def take_fetched(self, attempt: Attempt, now_s: float) -> None:
        """All is there: to the head of the line, behind those that have theirs."""
        self.fetching.remove(attempt)
        if self.fetched == 0:
            self.is_blocked = False
            self.left_s = now_s
        self.waiting.insert(self.fetched, attempt)
        attempt.stage = "fetched"

    def begin_to_fetch(self, now_s: float, spoken_for: int) -> None:
        """Those at the head whose prompts are elsewhere take blocks, as if admitted."""
        while self.can_admit_head(now_s, spoken_for):
            if self.waiting[0].stage != "to fetch":
                if not loads(self, now_s):
                    return
                continue
            attempt = self.waiting.pop(0)
            self.order.serve(attempt)
            found = 0 if attempt.names is None else self.found_cached(attempt)
            self.take_blocks(attempt, found)
            attempt.stage = "fetching"
            self.fetching.append(attempt)
            assert self.fetch is not None
            self.fetch(attempt, attempt.prompt - 1 - found, now_s)

    def drop_stopping(self) -> None:
        for attempt in [attempt for attempt in self.running if attempt.is_stopping]:
            self.waste(attempt, attempt.worked, attempt.generated if attempt.is_decoding else 0)
            self.take_off(attempt)

    def take_off(self, attempt: Attempt) -> None:
        """Out of the batch and out of what is planned, its memory free."""
        self.running.remove(attempt)
        self.shelf.let_go(attempt, self.last_boundary_s)
        self.plans = [[each for each in plan if each[0] is not attempt] for plan in self.plans]
        self.free_blocks += attempt.blocks + self.cache.size * self.let_go(attempt)
        attempt.blocks = 0
        self.cache.squeeze(self.free_blocks)
        if attempt.left_behind:
            self.cache.keep(attempt.left_behind)
            write(self.tiers, attempt.left_behind)

    def leave_behind(self, attempt: Attempt) -> None:
        """Keep all that has been said and heard; in memory that it has given back, if it shares."""
        if isinstance(self.cache, Cache):
            self.cache.keep(attempt.names_of_all)
            write(self.tiers, attempt.names_of_all)
        else:
            attempt.left_behind = attempt.names_of_all

    def let_go(self, attempt: Attempt) -> int:
        """Of the named blocks that it holds nobody else holds so many."""
        gone = 0 if isinstance(self.cache, Cache) else self.cache.let_go(attempt.held)
        attempt.held = ()
        return gone

    def hold(self, attempt: Attempt, names: int) -> int:
        """It shares so many leading blocks, which are not its own; how many others hold."""
        assert isinstance(self.cache, SharedCache) and attempt.names is not None
        new = attempt.names[len(attempt.held) : names]
        attempt.held += new
        attempt.blocks -= self.cache.size * len(new)
        return self.cache.hold(new)

    def keep_prompt(self, attempt: Attempt) -> None:
        """The blocks of a prompt have been computed: who else has them gives them to share."""
        if isinstance(self.cache, Cache):
            self.cache.keep(attempt.names or ())
        elif attempt.names is not None:
            self.free_blocks += self.cache.size * self.hold(attempt, len(attempt.names))
            self.cache.squeeze(self.free_blocks)
        write(self.tiers, attempt.names or ())

    def points(self, names: Sequence[Name]) -> int:
        """What of a prompt is here, as a router weighs it."""
        blocks = self.cache.leading(names)
        if not self.sees_tiers:
            return blocks
        at = blocks
        for tier in self.tiers:
            at = at if tier.model.is_shared else tier.end_of(names, at)
        return GPU_POINTS * blocks + TIER_POINTS * (at - blocks)

    def die(self) -> list[Attempt]:
        """Gone at once; what it had: waiting, ending a prefill, amid one, decoding, streamed."""
        chunks = self.step.chunks if self.step is not None else []
        ending = [a for a, tokens in chunks if a.cached + tokens == a.prefill]
        decoding = sorted(self.decoding(), key=lambda attempt: attempt.serial)
        partial = [a for a in self.running if a not in ending and a not in decoding]
        under_way = {a.serial: tokens for a, tokens in chunks}
        self.fetching.sort(key=lambda attempt: attempt.serial)
        for attempt in [*self.waiting, *self.fetching]:
            self.waste(attempt, self.worked_before(attempt))
        for attempt in self.running:
            generated = attempt.generated if attempt.is_decoding else 0
            self.waste(attempt, attempt.worked + under_way.get(attempt.serial, 0), generated)
        streamed = sorted(self.streaming, key=lambda attempt: attempt.serial)
        for attempt in streamed:
            self.waste(attempt, attempt.worked, attempt.generated)
        lost = [*self.waiting, *self.fetching, *ending, *partial, *decoding, *streamed]
        self.routable, self.waiting, self.running, self.step = False, [], [], None
        self.shelf = Shelf(self.shelf.model, counts=self.shelf.counts)
        self.fetching = []
        self.streaming, self.plans = [], []
        self.cache, self.tiers = Cache(), []
        self.team.die()
        return lost

    def decoding(self) -> list[Attempt]:
        return [attempt for attempt in self.running if attempt.is_decoding]

    def grow_caches(self, now_s: float) -> None:
        """A block for each decoding attempt whose last block is full; the youngest make room."""
        while self.blocks_of_step() > self.free_blocks:
            self.preempt(self.first_to_go(now_s), now_s)
        for attempt in self.decoding():
            blocks = self.growth(attempt.cached + attempt.part)
            attempt.blocks += blocks
            self.free_blocks -= blocks
        self.cache.squeeze(self.free_blocks)

    @property
    def gain(self) -> Exact:
        """Tokens that a step makes for each that decodes."""
        tokens = self.profile.tokens_per_step
        return int(tokens) if tokens.is_integer() else Fraction(tokens)

    def growth(self, length: Exact) -> int:
        """Blocks that one with so many tokens in its cache takes with its next step."""
        size = self.profile.kv_block_tokens
        return int(-length // size - -(length + self.gain) // size)

    def blocks_of_step(self) -> int:
        return sum(self.growth(attempt.cached + attempt.part) for attempt in self.decoding())

    def first_to_go(self, now_s: float) -> Attempt:
        """The youngest of those that give way, or of all; the last in an order."""
        if self.order.is_sorted:
            return max(self.running, key=lambda attempt: attempt.standing)
        of_batches = [attempt for attempt in self.running if attempt.gives_way(now_s)]
        return [*self.running, *of_batches][-1]

    def give_way(self, now_s: float) -> None:
        """The first in line takes place and memory of those that give way, the youngest first."""
        if any(attempt.is_begun and not attempt.is_decoding for attempt in self.running):
            return  # a prompt is read to its end
        head = self.line[0] if self.line else None
        if head is None or head.ready_s > now_s:
            return
        if not head.goes_first and not self.order.is_sorted:
            return
        while True:
            chunked = self.profile.scheduler == "chunked"
            needy = self.blocks_of_step() if chunked else 0
            giving = [
                attempt
                for attempt in self.decoding()
                if attempt.gives_way(now_s) and head.ready_s + attempt.gives_way_after_s <= now_s
            ]
            if self.order.is_sorted:
                giving = givers(self, head, now_s)
            if self.can_admit_head(now_s, needy) or not giving:
                return
            self.gave_way += 1
            self.preempt(giving[-1], now_s)

    @property
    def of_batches(self) -> int:
        return sum(attempt.is_of_batch for attempt in self.attempts)

    @property
    def of_others(self) -> int:
        return self.outstanding - self.of_batches

    def preempt(self, attempt: Attempt, now_s: float) -> None:
        """Back into the waiting list, keeping its tokens but not their cache.

        To its head, or where it gives way before others who do.
        """
        self.take_off(attempt)
        attempt.had, attempt.cached, attempt.part = attempt.cached, 0, 0
        attempt.preemptions += 1
        if self.order.is_sorted:
            put(self, attempt)
        elif attempt.gives_way(now_s):
            self.line_up(attempt, now_s)
        else:
            self.waiting.insert(self.fetched, attempt)

    def can_admit_head(self, now_s: float, spoken_for: int = 0) -> bool:
        """Whether the head is ready, and has a place and memory beside blocks of others."""
        if not self.line or self.line[0].ready_s > now_s:
            return False
        fits = ADMISSIONS[self.profile.admission]
        free_blocks = self.free_blocks - spoken_for
        if self.line[0].stage == "fetched":  # and so has its blocks
            places = min(self.profile.max_num_seqs, self.limit)
            return len(self.running) < places and free_blocks >= 0
        return len(self.running) < min(self.profile.max_num_seqs, self.limit) and fits(
            self, self.line[0], free_blocks
        )

    def most_blocks(self, attempt: Attempt) -> int:
        """That it may ever hold."""
        output = 1 if self.hands_over else attempt.output  # of what is answered elsewhere
        most = attempt.prompt + output - 1 + self.gain  # its last step may make more
        blocks = math.ceil(most / self.profile.kv_block_tokens)
        return min(blocks, self.total_blocks)

    def blocks_to_prefill(self, attempt: Attempt) -> int:
        return math.ceil((attempt.prompt + attempt.generated) / self.profile.kv_block_tokens)

    def blocks_to_take(self, attempt: Attempt) -> int:
        """Those of its prefill that nobody else in the batch holds."""
        shareable = (attempt.prompt - 1) // self.cache.block_tokens
        held = self.cache.held((attempt.names or ())[:shareable])
        return self.blocks_to_prefill(attempt) - self.cache.size * held

    def found_cached(self, attempt: Attempt) -> int:
        """Tokens of a prompt that need not be computed: never its last."""
        if attempt.names is None:
            found = math.floor(attempt.hit_rate * attempt.prompt)
        else:
            found = self.cache.leading(attempt.names) * self.cache.block_tokens
        return min(found, attempt.prompt - 1)

    def tokens_to_compute(self, attempt: Attempt) -> int:
        if attempt.stage == "fetched":
            there = attempt.prompt - 1 if attempt.loaded is None else attempt.loaded
            return attempt.prompt + attempt.generated - there
        return attempt.prompt + attempt.generated - self.found_cached(attempt)

    def admit_head(self, now_s: float) -> Attempt:
        attempt = self.line[0]
        self.shelf.counts["passed over"] += attempt is not self.waiting[0]
        self.waiting.remove(attempt)
        self.shelf.take(attempt)
        self.order.serve(attempt)
        if attempt.stage == "fetched" and attempt.loaded is None:
            attempt.stage = ""
            attempt.prefill, attempt.cached = attempt.prompt, attempt.prompt - 1
            attempt.is_begun = False
            self.running.append(attempt)
            return attempt
        if attempt.loaded is None:
            found = self.found_cached(attempt)
            self.take_blocks(attempt, found)
            if self.tiers:
                self.looked += Counter(looked_up=attempt.prompt, found_above=found)
        else:
            found, attempt.loaded, attempt.stage = attempt.loaded, None, ""
        attempt.find(found)
        if attempt.had > 0:
            self.found_again.append((attempt, min(found, attempt.had)))
            self.redone.append((attempt, max(attempt.had - found, 0)))
            attempt.had = 0
        if math.isnan(attempt.admitted_s):
            attempt.admitted_s = now_s
        self.running.append(attempt)
        return attempt

    def take_blocks(self, attempt: Attempt, found: int) -> None:
        """All that it is to prefill, of which it shares what it has found."""
        attempt.blocks = self.blocks_to_prefill(attempt)
        self.free_blocks -= attempt.blocks
        attempt.prefill = attempt.prompt + attempt.generated
        attempt.is_begun = False
        if isinstance(self.cache, SharedCache) and attempt.names is not None:
            before = self.hold(attempt, found // self.cache.block_tokens)
            self.free_blocks += self.cache.size * before
        self.cache.squeeze(self.free_blocks)
        self.cache.use_leading(attempt.names or ())

    def begin(
        self, now_s: float, decoding: list[Attempt], chunks: list[tuple[Attempt, int]]
    ) -> Step | None:
        """The step that these make up, or None when there is nothing to do."""
        if not decoding and not chunks:
            return None
        kv_tokens = float(sum(attempt.cached + attempt.part for attempt in decoding))
        factor, loads_s = self.shelf.factor, sum(attempt.load_s for attempt, _ in chunks)
        booked = factor if self.profile.steps_in_flight == 1 else self.factor_booked
        duration_s = self.a_s[len(decoding)] + self.c_s[len(decoding)] * kv_tokens
        if decoding:
            duration_s *= self.profile.tokens_per_step  # the law is that of one token
        if chunks and self.profile.scheduler == "prefill_first":
            self.work["prefill_s"] += booked * duration_s
        for attempt, tokens in chunks:
            attempt.is_begun, attempt.load_s = True, 0.0
            prefill_s = self.prefill_s(tokens, context=attempt.cached)
            for name, amount in (("prompts", 1), ("prefilled", tokens), ("prefill_s", prefill_s)):
                self.work[name] += booked * amount
            duration_s += prefill_s
        self.shelf.counts["load_s"] += loads_s
        return Step(now_s + (factor * duration_s + loads_s), decoding, chunks, factor)

    def prefill_s(self, tokens: int, context: int) -> float:
        """d0 + d1·p + d2·p·(x + p/2)."""
        profile = self.profile
        return (
            profile.prefill_s_per_request
            + profile.prefill_s_per_token * tokens
            + profile.prefill_s_per_token_context * tokens * (context + tokens / 2)
        )

    def check_memory(self) -> None:
        """No block is lost, none is lent twice, and each attempt holds what its cache needs."""
        assert self.free_blocks >= 0
        there = [*self.running, *self.fetching, *(a for a in self.waiting if a.stage == "fetched")]
        held = {name for each in [*there, *self.leased] for name in each.held}
        own = sum(each.blocks for each in [*there, *self.leased])
        assert self.free_blocks + own + self.cache.size * len(held) == self.total_blocks
        for attempt in self.running:
            blocks = attempt.blocks + self.cache.size * len(attempt.held)
            assert blocks * self.profile.kv_block_tokens >= attempt.cached + attempt.part


def chunked_step(replica: Replica, now_s: float) -> Step | None:
    """Prefill chunks ride along with decodes under a token budget, as they have been planned."""
    replica.grow_caches(now_s)
    decoding = replica.decoding()
    if not decoding and not any(replica.plans) and replica.team.is_at_rest:
        replica.plans = []  # nothing is under way: what there is begins at once
    while len(replica.plans) < replica.profile.steps_in_flight:
        replica.factor_booked = replica.shelf.factor
        replica.plans.append(plan_chunks(replica, now_s))
    return replica.begin(now_s, decoding, replica.plans.pop(0))


def plan_chunks(replica: Replica, now_s: float) -> list[tuple[Attempt, int]]:
    """Chunks of the first step that has no plan: the next one, or that after it."""
    planned = [each for plan in replica.plans for each in plan]
    lengths = lengths_after(replica, planned) if replica.plans else []
    is_next = not replica.plans  # then those that decode have their blocks
    spoken_for = sum(map(replica.growth, lengths))
    budget = replica.profile.max_num_batched_tokens
    budget -= replica.profile.step_width * (len(replica.decoding()) if is_next else len(lengths))
    chunks = []
    for attempt in replica.running:  # at most one is part way through its prefill: the youngest
        before = attempt.cached + sum(tokens for other, tokens in planned if other is attempt)
        if before < attempt.prefill and budget > 0:
            chunks.append((attempt, min(attempt.prefill - before, budget)))
            budget -= chunks[-1][1]
    while budget > 0:
        replica.begin_to_fetch(now_s, spoken_for)
        if not replica.can_admit_head(now_s, spoken_for):
            break
        attempt = replica.admit_head(now_s)
        chunks.append((attempt, min(attempt.prefill - attempt.cached, budget)))
        budget -= chunks[-1][1]
    return chunks


def lengths_after(replica: Replica, chunks: list[tuple[Attempt, int]]) -> list[Exact]:
    """Tokens in the caches of those that decode in the step after one with these chunks."""
    gain = replica.gain
    decoding = [a for a in replica.decoding() if a.generated + a.part + gain < a.output]
    ending = [attempt for attempt, tokens in chunks if attempt.cached + tokens == attempt.prefill]
    joining = [attempt for attempt in ending if attempt.generated + 1 < attempt.output]
    return [a.cached + a.part + gain for a in decoding] + [a.prefill for a in joining]


def prefill_first_step(replica: Replica, now_s: float) -> Step | None:
    """Whole prompts in steps of their own, while decodes wait."""
    replica.begin_to_fetch(now_s, 0)
    if replica.can_admit_head(now_s):
        return replica.begin(now_s, [], admit_whole_prompts(replica, now_s))
    replica.grow_caches(now_s)
    if not replica.decoding() and replica.can_admit_head(now_s):  # it has preempted its last one
        return replica.begin(now_s, [], admit_whole_prompts(replica, now_s))
    return replica.begin(now_s, replica.decoding(), [])


def admit_whole_prompts(replica: Replica, now_s: float) -> list[tuple[Attempt, int]]:
    """From the head while the budget lasts; the first even if it alone exceeds the budget."""
    chunks: list[tuple[Attempt, int]] = []
    budget = replica.profile.max_num_batched_tokens
    while replica.can_admit_head(now_s):
        tokens = replica.tokens_to_compute(replica.line[0])
        if chunks and tokens > budget:
            break
        chunks.append((replica.admit_head(now_s), tokens))
        budget -= tokens
        replica.begin_to_fetch(now_s, 0)
    return chunks


def fits_its_prompt(replica: Replica, attempt: Attempt, free_blocks: int) -> bool:
    """There is room for what it is to prefill."""
    return replica.blocks_to_take(attempt) <= free_blocks


def fits_as_a_whole(replica: Replica, attempt: Attempt, free_blocks: int) -> bool:
    """There is room for all that it and the running ones may ever hold."""
    there = [*replica.running, *replica.fetching, *(lease.attempt for lease in replica.leased)]
    there += [other for other in replica.waiting if other.stage == "fetched"]
    set_aside = sum(replica.most_blocks(other) for other in there)
    return set_aside + replica.most_blocks(attempt) <= replica.total_blocks


def fits_below_the_watermark(replica: Replica, attempt: Attempt, free_blocks: int) -> bool:
    """A hundredth of the blocks stays free, unless nobody else is there."""
    spare = int(0.01 * replica.total_blocks) if replica.running else 0
    return replica.blocks_to_take(attempt) + spare <= free_blocks


ADMISSIONS: dict[str, Callable[[Replica, Attempt, int], bool]] = {
    "prompt": fits_its_prompt,
    "whole": fits_as_a_whole,
    "watermark": fits_below_the_watermark,
}
SCHEDULERS: dict[str, Callable[[Replica, float], Step | None]] = {
    "chunked": chunked_step,
    "prefill_first": prefill_first_step,
}
