"""Workloads: who asks, when, and for how many tokens."""

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from sim.model.adapters import Adapters
from sim.model.cache import ResponseCache
from sim.model.client import Client
from sim.model.economics import Economics
from sim.model.routing import Routing, to_one
from sim.model.streams import Streams

OWN = -1  # the workload of a call is that of its task


class Chains(NamedTuple):
    """Calls that follow requests within tasks: ragged, task after task, in order.

    A task is a request and the calls that follow it. Calls of one stage are sent side by side, each
    ``think_s`` after the last call of the stage before has been answered. When a call is not
    answered, its task has failed and nothing more follows.

    Attributes
    ----------
    count : (n,) int32
        Calls that follow each request.
    stage : (m,) int32
        Of each of the m = ``count.sum()`` calls: from 1, without a gap, non-decreasing in a task.
    think_s : (m,) float64
    prompt_tokens : (m,) int32
        New tokens of the prompt, besides what is carried over; at least 0.
    output_tokens : (m,) int32
        At least 1.
    workload : (m,) int32
        Whose a call is; ``OWN`` for that of the request which began the task. Calls of others count
        from the arrival of that request.
    """

    count: npt.NDArray[np.int32]  # type: ignore[assignment]  # hides tuple.count
    stage: npt.NDArray[np.int32]
    think_s: npt.NDArray[np.float64]
    prompt_tokens: npt.NDArray[np.int32]
    output_tokens: npt.NDArray[np.int32]
    workload: npt.NDArray[np.int32]


class Prefixes(NamedTuple):
    """Names of the leading blocks of prompts: ragged, prompt after prompt.

    Prompts whose first k names are the same begin with the same k blocks of tokens.

    Attributes
    ----------
    count : (n,) int32
        Named blocks of each prompt.
    name : (m,) int64
        At least 0.
    """

    count: npt.NDArray[np.int32]  # type: ignore[assignment]  # hides tuple.count
    name: npt.NDArray[np.int64]


class Loop(NamedTuple):
    """Who sends which requests, where a user waits for the end of one before sending the next.

    The requests of a user stand together. The first comes at its time; each other one after the one
    before it has ended, answered or not, and the user has thought.

    Attributes
    ----------
    user : (n,) int64
        At least 0; -1 for a request that stands alone.
    then_s : (n,) float64
        Time to think after a request; NaN if it is the last of its user.
    """

    user: npt.NDArray[np.int64]
    then_s: npt.NDArray[np.float64]


class RequestBlock(NamedTuple):
    """Requests in the order of their arrival.

    Attributes
    ----------
    arrival_s : (n,) float64
        Seconds from the start of the horizon (negative in the warm-up), non-decreasing; of one that
        comes after another of its user, that of the user's first in the block.
    prompt_tokens, output_tokens : (n,) int32
        At least 1 each.
    session : (n,) int64 or None
        Requests of one session, for routers that keep them together: at least 0, -1 for none. By
        default none, but the calls of a task always are a session.
    chains : Chains or None
    prefixes : Prefixes or None
    loop : Loop or None
    """

    arrival_s: npt.NDArray[np.float64]
    prompt_tokens: npt.NDArray[np.int32]
    output_tokens: npt.NDArray[np.int32]
    session: npt.NDArray[np.int64] | None = None
    chains: Chains | None = None
    prefixes: Prefixes | None = None
    loop: Loop | None = None


class RequestSource(Protocol):
    """Anything that yields the requests of a workload (generated, or replayed from a trace)."""

    def blocks(
        self, name: str, streams: Streams, start_s: float, end_s: float
    ) -> Iterator[RequestBlock]:
        """Requests that arrive in [start_s, end_s), block by block, in order.

        Blocks are of bounded size and never empty, so that memory does not grow with the horizon.
        The random numbers come from ``streams`` under names that begin with the workload's.
        """
        ...


@dataclass(frozen=True, slots=True)
class Slo:
    """What counts as good service, for one request.

    Thresholds in seconds; infinity where none is asked. ``attainment`` is the share of requests
    that must keep them all (0.95 for ``ttft_p95``).
    """

    ttft_s: float = float("inf")
    tpot_s: float = float("inf")
    e2e_s: float = float("inf")
    attainment: float = 0.95

    @property
    def is_stated(self) -> bool:
        """Whether there is any threshold."""
        return math.isfinite(min(self.ttft_s, self.tpot_s, self.e2e_s))


@dataclass(frozen=True, slots=True)
class Yielding:
    """How the requests of a batch give way to others on a replica.

    Attributes
    ----------
    for_s : float
        Seconds from its arrival for which a request does so; after that it is near its deadline.
    after_s : float
        Seconds for which another one has waited there for a place or for KV blocks when a request
        that runs leaves the batch for it. (In the line of the replica it lets others stand before
        it at once.)
    """

    for_s: float = math.inf
    after_s: float = 0.0


@dataclass(frozen=True, slots=True)
class Workload:
    """One stream of requests, sent to one pool.

    Attributes
    ----------
    name : str
    source : RequestSource
    pool : str
        Name of the backend that serves it, of several the first.
    slo : Slo
    client : Client
    priority : int
        Class, the lower the more urgent, as in :mod:`sim.model.scheduling`: order in the gateway's
        queue, and in the lines of replicas that have one.
    max_concurrency : float
        Attempts that the gateway lets into the pool at once; one more is rejected.
    carry : float
        Share of what was said in a task, prompts and answers, that the prompt of a following call
        begins with.
    prefix_hit_rate : float
        Share of the tokens of every prompt that are cached, where their blocks have no names or the
        pool keeps no prefixes.
    response_cache : ResponseCache or None
    spikes : tuple of (float, float)
        Beginning and end of the special events that raise its rate, in seconds from the start of
        the horizon: known to figures of recovery, not to the simulation.
    routing : Routing or None
        Several backends; None sends all requests to ``pool``.
    economics : Economics
    month_weight : float
        Requests of a mean stretch of a month, as long as the horizon, over those of the horizon
        (:mod:`sim.model.month`).
    has_deadline : bool
        Whether it is a batch, whose SLO is to be answered in time.
    yielding : Yielding or None
        How its requests, once on a replica, give way to those of no batch; None where they keep
        what they have.
    generates : bool
        Whether answers have tokens; else they are embeddings or scores, and the one token that the
        engine calls theirs is nobody's.
    leads_to : tuple of str
        Workloads whose requests come after its own, as the chains of its source number them.
    tenant : str
        With whom its requests are one where tenants share alike.
    """

    name: str
    source: RequestSource
    pool: str
    slo: Slo
    client: Client = field(default_factory=Client)
    priority: int = 0
    max_concurrency: float = float("inf")
    carry: float = 1.0
    prefix_hit_rate: float = 0.0
    response_cache: ResponseCache | None = None
    spikes: tuple[tuple[float, float], ...] = ()
    routing: Routing | None = None
    economics: Economics = field(default_factory=Economics)
    month_weight: float = 1.0
    has_deadline: bool = False
    yielding: Yielding | None = None
    adapters: Adapters | None = None
    generates: bool = True
    leads_to: tuple[str, ...] = ()
    tenant: str = ""

    @property
    def route(self) -> Routing:
        """Where requests go: all to ``pool`` unless told otherwise."""
        return self.routing or to_one(self.pool)
