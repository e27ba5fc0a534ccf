"""Workloads: who asks, when, and for how many tokens."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from sim.model.client import Client
from sim.model.streams import Streams


class RequestBlock(NamedTuple):
    """Requests in the order of their arrival.

    Attributes
    ----------
    arrival_s : (n,) float64
        Seconds from the start of the horizon (negative in the warm-up), non-decreasing.
    prompt_tokens, output_tokens : (n,) int32
        At least 1 each.
    """

    arrival_s: npt.NDArray[np.float64]
    prompt_tokens: npt.NDArray[np.int32]
    output_tokens: npt.NDArray[np.int32]


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


@dataclass(frozen=True, slots=True)
class Workload:
    """One stream of requests, sent to one pool.

    Attributes
    ----------
    name : str
    source : RequestSource
    pool : str
        Name of the pool that serves it.
    slo : Slo
    client : Client
    priority : int
        Order in the gateway's queue: lower numbers first, 0 or 1.
    """

    name: str
    source: RequestSource
    pool: str
    slo: Slo
    client: Client = field(default_factory=Client)
    priority: int = 0
