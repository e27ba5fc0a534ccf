"""Requests of a real service, replayed.

Three things may be changed in a replay: the clock runs ``rate_scale`` times as fast, each request
is kept with probability ``thin``, and the trace is played once or over and over.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from sim.model import ragged
from sim.model.distributions.protocol import FloatArray
from sim.model.rule import require
from sim.model.streams import Streams
from sim.model.workload import Prefixes, RequestBlock

BLOCK_REQUESTS = 16_384
SLACK = 1e-12  # relative rounding of times; many requests may share the instant of an edge

Numbers = npt.NDArray[np.int64]
Mode = Literal["once", "loop"]


@dataclass(frozen=True, slots=True, eq=False)
class Trace:
    """Requests as they were recorded.

    Attributes
    ----------
    arrival_s : (n,) float64
        Seconds since the first request, non-decreasing.
    prompt_tokens, output_tokens : (n,) int32
        At least 1 each.
    file : str
        Where it comes from.
    dropped : int
        Rows left out because they have no prompt or no output tokens (failed requests).
    session : (n,) int64 or None
        Numbers from 0 of the sessions that requests belong to, -1 for none.
    prefixes : Prefixes or None
        Names of the leading blocks of prompts, numbers from 0.
    block_tokens : int
        Tokens of a named block; 0 where there are none.
    """

    arrival_s: FloatArray
    prompt_tokens: npt.NDArray[np.int32]
    output_tokens: npt.NDArray[np.int32]
    file: str = ""
    dropped: int = 0
    session: npt.NDArray[np.int64] | None = None
    prefixes: Prefixes | None = None
    block_tokens: int = 0

    def __post_init__(self) -> None:
        lengths = {len(self.arrival_s), len(self.prompt_tokens), len(self.output_tokens)}
        lengths |= set() if self.session is None else {len(self.session)}
        lengths |= set() if self.prefixes is None else {len(self.prefixes.count)}
        require(len(lengths) == 1, "columns of a trace", sorted(lengths), "must be equally long")
        require(len(self.arrival_s) > 0, "trace", "empty", "must have at least one request")
        ordered = self.arrival_s[0] == 0 and (np.diff(self.arrival_s) >= 0).all()
        require(bool(ordered), "arrival times", "unordered", "must start at 0 and not decrease")
        fewest = min(self.prompt_tokens.min(), self.output_tokens.min())
        require(bool(fewest >= 1), "tokens", fewest, "must be at least 1")
        named = self.prefixes is not None
        rule = "must be at least 1 where blocks have names, else 0"
        require(named == (self.block_tokens > 0), "block tokens", self.block_tokens, rule)

    @property
    def sessions(self) -> int:
        """How many sessions there are."""
        return 0 if self.session is None else int(self.session.max()) + 1

    @property
    def span_s(self) -> float:
        """Seconds from the first request to the last."""
        return float(self.arrival_s[-1])

    @property
    def period_s(self) -> float:
        """Time after which the trace may begin anew: its span and one mean gap."""
        n = len(self.arrival_s)
        return self.span_s * n / (n - 1) if n > 1 else 0.0

    @property
    def mean_rate(self) -> float:
        """Requests per second when looped; infinite for a trace without duration."""
        return len(self.arrival_s) / self.period_s if self.period_s > 0 else math.inf


@dataclass(frozen=True, slots=True, eq=False)
class TraceSource:
    """A trace as the requests of a workload.

    Attributes
    ----------
    trace : Trace
    mode : {"once", "loop"}
        Once: from time 0 to its end, nothing before (no requests in the warm-up). Loop: over and
        over, forward from time 0 and, in the warm-up, backward.
    rate_scale : float
        2 plays it twice as fast, with twice the rate.
    thin : float
        Probability with which each request is kept, above 0 and at most 1.
    """

    trace: Trace
    mode: Mode = "once"
    rate_scale: float = 1.0
    thin: float = 1.0

    def __post_init__(self) -> None:
        require(self.mode in ("once", "loop"), "mode", self.mode, "must be once or loop")
        scale = 0 < self.rate_scale < math.inf
        require(scale, "rate scale", self.rate_scale, "must be a finite number above 0")
        require(0 < self.thin <= 1, "thin", self.thin, "must be above 0 and at most 1")
        endless = self.mode == "once" or self.trace.period_s > 0
        span = f"{len(self.trace.arrival_s)} requests at one instant"
        require(endless, "trace", span, "must last some time to be looped; play it once")

    @property
    def span_s(self) -> float:
        """Seconds from the first request to the last, as played."""
        return self.trace.span_s / self.rate_scale

    @property
    def period_s(self) -> float:
        """Seconds after which a looped trace repeats, as played."""
        return self.trace.period_s / self.rate_scale

    @property
    def mean_rate(self) -> float:
        """Requests per second while it plays."""
        return self.trace.mean_rate * self.rate_scale * self.thin

    def blocks(
        self, name: str, streams: Streams, start_s: float, end_s: float
    ) -> Iterator[RequestBlock]:
        """Requests that arrive in [start_s, end_s), block by block.

        Requests are numbered through all repetitions, request 0 being the first at time 0. Whether
        one is kept hangs on its number alone, so that no window moves another. Each repetition has
        sessions of its own, but the same prompts.
        """
        first, last = self._blocks_between(start_s, end_s)
        for block in range(first, last):
            number = np.arange(block * BLOCK_REQUESTS, (block + 1) * BLOCK_REQUESTS)
            arrival_s, turn, row = self._play(number)
            here = (arrival_s >= start_s) & (arrival_s < end_s)
            if self.thin < 1:
                here &= streams(f"arrivals/{name}/thin/{block}").random(BLOCK_REQUESTS) < self.thin
            if here.any():
                yield self._block(arrival_s[here], turn[here], row[here])

    def _block(self, arrival_s: FloatArray, turn: Numbers, row: Numbers) -> RequestBlock:
        """These rows of the trace, in these repetitions."""
        trace, session = self.trace, None
        if trace.session is not None:
            repetition = np.where(turn < 0, -2 * turn - 1, 2 * turn)  # 0, 1, ... of 0, -1, 1, -2
            session = trace.session[row]
            session = np.where(session < 0, -1, session + repetition * trace.sessions)
        return RequestBlock(
            arrival_s,
            trace.prompt_tokens[row],
            trace.output_tokens[row],
            session,
            prefixes=None if trace.prefixes is None else ragged.reordered(trace.prefixes, row),
        )

    def _play(self, number: Numbers) -> tuple[FloatArray, Numbers, Numbers]:
        """Arrivals, repetitions and rows of these requests; never if a trace played once ends."""
        turn, row = np.divmod(number, len(self.trace.arrival_s))
        arrival_s = (turn * self.trace.period_s + self.trace.arrival_s[row]) / self.rate_scale
        if self.mode == "once":
            arrival_s[turn != 0] = math.inf
        return arrival_s, turn, row

    def _blocks_between(self, start_s: float, end_s: float) -> tuple[int, int]:
        """Range of blocks that holds every request of [start_s, end_s)."""
        slack = SLACK * max(abs(start_s), abs(end_s), self.span_s)
        first = self._number(start_s - slack) // BLOCK_REQUESTS
        last = self._number(end_s + slack) // BLOCK_REQUESTS + 1
        if self.mode == "once":
            blocks = (len(self.trace.arrival_s) - 1) // BLOCK_REQUESTS + 1
            return max(first, 0), min(last, blocks)
        return first, last

    def _number(self, t_s: float) -> int:
        """Number of the first request at or after t, but for rounding."""
        t = t_s * self.rate_scale
        period = self.trace.period_s
        turn = math.floor(t / period) if self.mode == "loop" else 0
        row = int(np.searchsorted(self.trace.arrival_s, t - turn * period))
        return turn * len(self.trace.arrival_s) + row
