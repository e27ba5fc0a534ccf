"""An attempt and a step of an engine, in the naive simulator."""

import math
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

from naive.cache import Name

NOT_YET = math.nan

Exact = int | Fraction  # tokens, where a step may make some and a part of one
NEVER = math.inf


@dataclass(slots=True, eq=False)
class Attempt:
    """One try to get a request answered: what it asks of an engine, and how far it has come."""

    number: int  # of its request
    serial: int  # running number over all attempts of all requests
    prompt: int
    output: int
    workload: int = 0
    session: int = -1
    names: tuple[Name, ...] | None = None  # of the leading blocks of its prompt, if they have any
    names_of_all: tuple[Name, ...] = ()  # of the blocks of prompt and answer together, to be kept
    hit_rate: float = 0.0  # share of its prompt that is cached, where blocks have no names
    backend: int = -1
    task: int = -1
    carried: int = 0  # tokens of its prompt that were said in its task before
    finds: list[int] = field(default_factory=list)  # of its request, at each admission to a batch
    billing: int = 0  # how a managed backend is paid for it
    token_s: float = NOT_YET  # that a managed backend takes for each token
    replica: int = -1
    dispatched_s: float = NOT_YET  # when it was handed to the replica
    ready_s: float = NOT_YET
    admitted_s: float = NOT_YET
    first_token_s: float = NOT_YET  # like the next, as its client sees it
    token_s_of_step: float = NOT_YET  # when its client has the token of the step that ended last
    first_due_s: float = NOT_YET  # when the client will have its first token
    process: int = 0  # of the front end
    preemptions: int = 0
    generated: int = 0  # tokens produced, kept when it is preempted
    cached: int = 0  # tokens in its KV cache, those of the prefill included
    part: Exact = 0  # of the next token, where steps make more than one
    had: int = 0  # tokens in its KV cache when it was preempted
    spared: int = 0  # tokens of its prompt that it never computed
    hits: int = 0  # of these, what its request found at its first admission
    prefill: int = 0  # tokens to prefill before it can decode
    blocks: int = 0  # of the KV cache, of its own
    held: tuple[Name, ...] = ()  # named blocks that it shares with the cache
    left_behind: tuple[Name, ...] = ()  # ... and that it leaves there when it goes
    parts: list[tuple[Any, int]] = field(default_factory=list)  # tiers to read, and blocks of each
    loaded: int | None = None  # tokens that it has once these are read; None if it reads nothing
    is_stopping: bool = False  # to be dropped at the next step boundary
    gives_way_until_s: float = -math.inf
    gives_way_after_s: float = 0.0  # that others have waited for
    is_of_batch: bool = False  # that gives way at all
    goes_first: bool = True
    adapter: int = -1  # that it needs, and its rank
    rank: int = 0
    load_s: float = 0.0  # for which the step that begins its prefill waits
    priority: int = 0
    tenant: str = ""
    due_s: float = math.inf
    standing: tuple[float, float, int] = (0.0, 0.0, 0)  # the less, the earlier
    cost: float = 0.0  # charged to its tenant
    is_in_front: bool = False  # not seen by a scheduler that sorts
    home: int = -1  # pool that has computed its prompt for another
    source: int = -1  # replica that keeps blocks for it until they have been fetched
    stage: str = ""  # to fetch, fetching, fetched: what another has computed of its prompt
    computed_s: float = NOT_YET  # when that had its prompt
    sent_s: float = NOT_YET  # when it had been handed to that, and was ready there
    seen_s: float = NOT_YET
    pulled_s: float = NOT_YET  # when it began to fetch
    moved: float = 0.0  # bytes
    is_travelling: bool = False  # on its way to a backend far from its users
    is_begun: bool = False  # some of its prompt has been prefilled since it was admitted

    @property
    def is_decoding(self) -> bool:
        return self.cached >= self.prefill

    def gives_way(self, now_s: float) -> bool:
        """To others on a replica."""
        return now_s < self.gives_way_until_s

    def decode(self, tokens: Exact) -> None:
        """A step makes so many; of the last step what is too many is thrown away."""
        whole, self.part = divmod(self.part + tokens, 1)
        self.cached += whole
        self.generated += whole
        if self.generated >= self.output:
            self.cached -= self.generated - self.output
            self.generated, self.part = self.output, 0

    @property
    def is_finished(self) -> bool:
        return self.generated == self.output

    @property
    def worked(self) -> int:
        """Tokens prefilled or generated, each once."""
        return self.cached - self.spared + (self.is_decoding and self.generated > 0)

    def start_over(self) -> None:
        """Its replica is gone with its tokens; when it was first admitted and answered, stays."""
        self.generated = self.cached = self.blocks = 0
        self.part = 0
        self.held = ()
        self.parts, self.loaded = [], None
        self.had = self.spared = self.hits = 0
        if self.home >= 0:
            self.backend, self.dispatched_s, self.ready_s = self.home, self.sent_s, self.seen_s
        self.home, self.stage = -1, ""
        if math.isnan(self.first_token_s):
            self.first_due_s = NOT_YET

    def find(self, tokens: int) -> None:
        """It is admitted and finds tokens of its prompt in a cache of prompts."""
        self.finds.append(tokens)
        if self.had == 0:
            self.spared, self.hits = tokens, min(tokens, self.finds[0])
        else:
            self.spared += max(tokens - self.had, 0)  # what came there in the meantime
        self.cached = tokens


@dataclass(slots=True)
class Step:
    """One iteration of the engine: who decodes, and the prefill chunks (attempt, tokens)."""

    ends_s: float
    decoding: list[Attempt]
    chunks: list[tuple[Attempt, int]]
    factor: float = 1.0  # what adapters make of it
