"""Closed populations: so many users, each of whom waits for an answer before asking again.

Each of N users sends a request, waits until it is answered or has come to nothing for good, thinks,
and sends the next. So a benchmark of a given concurrency loads an engine (with no time to think),
and so do people who talk to it. How many requests there are is an outcome: a slow fleet is asked
less. By the interactive response-time law (Denning and Buzen 1978) N = X·(R + Z), for X answers per
second, a mean response time R and a mean time to think Z.

The k-th request of a user, its lengths and the time to think after it are the same whatever the
fleet does, as each is drawn by a hash of the two numbers. Where the requests are listed, as a
benchmark's are, whoever is next sends the next of the list.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from sim.model import special
from sim.model.distributions import Constant, Distribution, FloatArray, LogNormal
from sim.model.generated import GeneratedSource
from sim.model.hashed import hashed_uniform
from sim.model.lengths import Lengths
from sim.model.rule import require
from sim.model.streams import Streams
from sim.model.workload import Loop, RequestBlock, RequestSource

BLOCK_USERS = 16_384
HALF_STEP = 2.0**-54  # hashed numbers are multiples of twice this: none is 0 or 1
MOST_USERS = 1_000_000
PAUSE_S = 1.0  # a client that is turned away asks again, but not at the same instant

Numbers = npt.NDArray[np.int64]
Tokens = npt.NDArray[np.int32]


class LoopRules(NamedTuple):
    """How a closed population goes on.

    Attributes
    ----------
    unsent : int or None
        Requests that may still be sent from time 0 on, besides the first ones of users; None for
        any number.
    closes_s : float
        From then on nobody sends one more.
    pause_s : float
        Least time from a request that came to nothing, or took no time, to the user's next.
    in_order : bool
        Whether the users share one list of requests.
    """

    unsent: int | None = None
    closes_s: float = math.inf
    pause_s: float = 0.0
    in_order: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class DrawnRequests:
    """Lengths of the requests of each user, from distributions.

    Attributes
    ----------
    prompt, output : Lengths
    rank_correlation : float
        Spearman's correlation of the two, within (-1, 1).
    """

    prompt: Lengths
    output: Lengths
    rank_correlation: float = 0.0

    def __post_init__(self) -> None:
        r = self.rank_correlation
        require(-1 < r < 1, "rank correlation", r, "must be between -1 and 1, both excluded")

    def tokens(
        self, name: str, streams: Streams, user: Numbers, number: Numbers
    ) -> tuple[Tokens, Tokens]:
        """Prompt and output tokens of some requests of some users: (n,) int32 each."""
        u = between(streams.key(f"tokens/{name}/prompt"), user, number)
        v = between(streams.key(f"tokens/{name}/output"), user, number)
        if self.rank_correlation != 0:
            r = 2 * math.sin(math.pi / 6 * self.rank_correlation)  # as in sim.model.lengths
            z = r * special.ndtri(u) + math.sqrt(1 - r * r) * special.ndtri(v)
            v = np.clip(special.ndtr(z), HALF_STEP, 1.0 - HALF_STEP)
        return (
            self.prompt.in_tokens(_of_rank(self.prompt.distribution, u)),
            self.output.in_tokens(_of_rank(self.output.distribution, v)),
        )


@dataclass(frozen=True, slots=True, eq=False)
class ListedRequests:
    """Lengths of requests that are sent in this order, by whichever user is next; then again.

    Attributes
    ----------
    prompt_tokens, output_tokens : (n,) int32
        At least 1 each.
    """

    prompt_tokens: Tokens
    output_tokens: Tokens

    def __post_init__(self) -> None:
        n = len(self.prompt_tokens)
        require(n > 0, "list of requests", "empty", "must have at least one")
        require(len(self.output_tokens) == n, "output tokens", len(self.output_tokens), f"are {n}")
        fewest = min(self.prompt_tokens.min(), self.output_tokens.min())
        require(bool(fewest >= 1), "tokens", fewest, "must be at least 1")

    def tokens(
        self, name: str, streams: Streams, user: Numbers, number: Numbers
    ) -> tuple[Tokens, Tokens]:
        """Prompt and output tokens of the requests of these numbers: (n,) int32 each."""
        row = number % len(self.prompt_tokens)
        return self.prompt_tokens[row], self.output_tokens[row]


@dataclass(frozen=True, slots=True, eq=False)
class ClosedSource:
    """A closed population, as a source of requests.

    Attributes
    ----------
    users : int
    lengths : DrawnRequests or ListedRequests
    think_s : Distribution
        Seconds from the end of a request to the user's next; below 0 counts as 0.
    ramp_s : float
        Users begin one after the other, evenly over this time; all at once if it is 0.
    requests : int or None
        In total, from time 0 on; None for as many as come to be.
    pause_s : float
        Least time from a request that came to nothing, or took no time, to the user's next.
    """

    users: int
    lengths: DrawnRequests | ListedRequests
    think_s: Distribution = field(default_factory=lambda: Constant(0.0))
    ramp_s: float = 0.0
    requests: int | None = None
    pause_s: float = PAUSE_S

    def __post_init__(self) -> None:
        within = f"must be from 1 to {MOST_USERS:,}"
        require(1 <= self.users <= MOST_USERS, "users", self.users, within)
        require(0 <= self.ramp_s < math.inf, "ramp", self.ramp_s, "must be at least 0 s")
        require(0 < self.pause_s < math.inf, "pause", self.pause_s, "must be above 0 s")
        if self.requests is not None:
            require(self.requests >= 1, "requests", self.requests, "must be at least 1")

    @property
    def in_order(self) -> bool:
        """Whether the requests are those of one list."""
        return isinstance(self.lengths, ListedRequests)

    def starts_s(self, start_s: float, end_s: float) -> FloatArray:
        """When each user sends the first request, if within [start_s, end_s): (n,) float64."""
        starts_s = start_s + self.ramp_s / self.users * np.arange(self.users, dtype=np.float64)
        starts_s = starts_s[starts_s < end_s]
        if self.requests is None:
            return starts_s
        return starts_s[: int((starts_s < 0.0).sum()) + self.requests]

    def rules(self, start_s: float, end_s: float) -> LoopRules:
        """How it goes on in a simulation of [start_s, end_s)."""
        unsent = None
        if self.requests is not None:
            unsent = self.requests - int((self.starts_s(start_s, end_s) >= 0.0).sum())
        return LoopRules(unsent, end_s, self.pause_s, self.in_order)

    def blocks(
        self, name: str, streams: Streams, start_s: float, end_s: float
    ) -> Iterator[RequestBlock]:
        """The first request of each user, block by block; the others are ``further``."""
        starts_s = self.starts_s(start_s, end_s)
        for begin in range(0, len(starts_s), BLOCK_USERS):
            user = np.arange(begin, min(begin + BLOCK_USERS, len(starts_s)))
            first = user if self.in_order else np.zeros_like(user)
            block = self._block(name, streams, user, first)
            yield block._replace(arrival_s=starts_s[user])

    def further(self, name: str, streams: Streams, user: Numbers, number: Numbers) -> RequestBlock:
        """Requests of users by their numbers, that of the first being 0; their times are open.

        In a shared list, of the user -1, they come after the first ones of all users.
        """
        if self.in_order:
            number = number + self.users
        return self._block(name, streams, user, number)

    def first_patience(
        self, law: Distribution, name: str, streams: Streams, block: RequestBlock
    ) -> FloatArray:
        """The patience of users with their first requests: (n,) float64."""
        assert block.loop is not None
        return self.patience(law, name, streams, block.loop.user, np.zeros_like(block.loop.user))

    def patience(
        self, law: Distribution, name: str, streams: Streams, user: Numbers, number: Numbers
    ) -> FloatArray:
        """The patience of users with requests of these numbers: (n,) float64."""
        return law.ppf(between(streams.key(f"patience/{name}"), user, number))

    def _block(self, name: str, streams: Streams, user: Numbers, number: Numbers) -> RequestBlock:
        whose = np.zeros_like(user) if self.in_order else user
        prompt, output = self.lengths.tokens(name, streams, whose, number)
        then_s = self.think_s.ppf(between(streams.key(f"think/{name}"), whose, number))
        return RequestBlock(
            np.zeros(len(user)),
            prompt,
            output,
            session=None if self.in_order else user,
            loop=Loop(user, np.maximum(then_s, 0.0)),
        )


def drawn_lengths(source: RequestSource) -> GeneratedSource | DrawnRequests | None:
    """What the lengths of a source's requests are drawn from; None where they are given."""
    match source:
        case GeneratedSource():
            return source
        case ClosedSource(lengths=DrawnRequests() as lengths):
            return lengths
    return None


def between(key: int, *numbers: Numbers) -> FloatArray:
    """A uniform number within (0, 1) for each row of numbers: (n,) float64."""
    return hashed_uniform(key, *numbers) + HALF_STEP


def _of_rank(law: Distribution, u: FloatArray) -> FloatArray:
    """Values of these ranks; the lognormal's without looking for them."""
    if isinstance(law, LogNormal):
        return np.asarray(np.exp(law.mu + law.sigma * special.ndtri(u)), np.float64)
    return law.ppf(u)
