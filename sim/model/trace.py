"""Requests of a real service, replayed.

What may be changed in a replay: there are ``rate_scale`` times as many requests at each time, by
several copies of the trace that are shifted a little (see :mod:`sim.model.copies`), or by leaving
some out; events change that for a while; each request is kept with probability ``thin``; the trace
is played once or over and over; and the clock runs ``speed`` times as fast, so that a day's ramps
are that much steeper.

**What a copy shares.** A request keeps its prompt and output tokens. Each copy has sessions of its
own. Where blocks of prompts have names, those that are common (see :mod:`sim.model.kinship`) are
shared by all copies, the others are each copy's own: more people, who do not ask the same things.

**What waits for an answer**, a later turn of a session that has a delay in place of a time, comes
so long after the answer before, also in a copy; twice the speed halves its delay, too.

**What is left out** of a copy that is only there in part, and by ``thin``: requests that belong
together, of a session or a conversation, are kept or left out together. All hangs on a number of
their own, so that a larger volume has all requests of a smaller one.
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Literal

import numpy as np
import numpy.typing as npt

from sim.model import ragged
from sim.model.arrivals import SpecialEvent
from sim.model.copies import Copies, Played, shifts
from sim.model.distributions.protocol import FloatArray
from sim.model.hashed import hashed_uniform
from sim.model.kinship import Kinship, kinship
from sim.model.rule import require
from sim.model.streams import Streams
from sim.model.volume import Volume
from sim.model.workload import Loop, Prefixes, RequestBlock

BLOCK_REQUESTS = 16_384
COPY_BIT = 31  # of the number of a session, from which on it tells the copy
MOST_TIMES = float(1 << 17)  # that a trace may be multiplied; sessions are numbers of 48 bits

Numbers = npt.NDArray[np.int64]
Mode = Literal["once", "loop"]


@dataclass(frozen=True, slots=True)
class Origin:
    """How a trace was read.

    Attributes
    ----------
    format : str
        Of the file, as ``sim catalog formats`` names it.
    kind : str
        What contains its rows: CSV, JSON lines, Parquet.
    rows : int
        Rows of the file.
    skipped : tuple of (str, int)
        Why rows were left out, and how many.
    remarks : tuple of str
        What was guessed, or is odd, and should be seen by whoever uses it.
    cached_share : float
        Share of the prompt tokens that the file says were found in a cache; NaN if it does not.
    """

    format: str
    kind: str
    rows: int
    skipped: tuple[tuple[str, int], ...] = ()
    remarks: tuple[str, ...] = ()
    cached_share: float = math.nan


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
    began : datetime or None
        Date and time of the first request, as the file has it; None where its times have no dates.
    delay_s : (n,) float64 or None
        NaN for a request that comes at its time. Any other comes so long after the end of the one
        before it, of the same session, and has the time of the first that it goes back to.
    origin : Origin or None
        How it was read; None if it does not come from a file.
    """

    arrival_s: FloatArray
    prompt_tokens: npt.NDArray[np.int32]
    output_tokens: npt.NDArray[np.int32]
    file: str = ""
    dropped: int = 0
    session: npt.NDArray[np.int64] | None = None
    prefixes: Prefixes | None = None
    block_tokens: int = 0
    began: datetime | None = None
    delay_s: FloatArray | None = None
    origin: Origin | None = None

    def __post_init__(self) -> None:
        lengths = {len(self.arrival_s), len(self.prompt_tokens), len(self.output_tokens)}
        lengths |= set() if self.session is None else {len(self.session)}
        lengths |= set() if self.prefixes is None else {len(self.prefixes.count)}
        lengths |= set() if self.delay_s is None else {len(self.delay_s)}
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


@lru_cache(maxsize=8)
def _kinship(trace: Trace) -> Kinship:
    """Who belongs together in a trace."""
    return kinship(len(trace.arrival_s), trace.session, trace.prefixes)


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
        Volume: how many times as many requests there are at each time, above 0.
    thin : float
        Probability with which each request is kept, above 0 and at most 1.
    speed : float
        2 plays it twice as fast: in half the time, with twice the rate and ramps twice as steep.
    events : tuple of SpecialEvent
        Factors on the volume for a while.
    """

    trace: Trace
    mode: Mode = "once"
    rate_scale: float = 1.0
    thin: float = 1.0
    speed: float = 1.0
    events: tuple[SpecialEvent, ...] = ()

    def __post_init__(self) -> None:
        require(self.mode in ("once", "loop"), "mode", self.mode, "must be once or loop")
        for name, factor in (("rate scale", self.rate_scale), ("speed", self.speed)):
            require(0 < factor < math.inf, name, factor, "must be a finite number above 0")
        require(0 < self.thin <= 1, "thin", self.thin, "must be above 0 and at most 1")
        endless = self.mode == "once" or self.trace.period_s > 0
        span = f"{len(self.trace.arrival_s)} requests at one instant"
        require(endless, "trace", span, "must last some time to be looped; play it once")
        most = self.volume.most(-math.inf, math.inf)
        rule = f"must be at most {MOST_TIMES:,.0f} times the trace's, events included"
        require(most <= MOST_TIMES, "volume", most, rule)

    @property
    def volume(self) -> Volume:
        """How many times as many requests there are as in the trace, at any time."""
        return Volume.of(self.rate_scale, self.events)

    @property
    def span_s(self) -> float:
        """Seconds from the first request to the last, as played."""
        return self.trace.span_s / self.speed

    @property
    def period_s(self) -> float:
        """Seconds after which a looped trace repeats, as played."""
        return self.trace.period_s / self.speed

    @property
    def mean_rate(self) -> float:
        """Requests per second while it plays, without events."""
        return self.trace.mean_rate * self.speed * self.rate_scale * self.thin

    def cumulative(self, t_s: FloatArray) -> FloatArray:
        """Expected requests from time 0 to each t, at least 0: (n,) float64."""
        volume, ends = self.volume, np.asarray(t_s, np.float64)
        inner = volume.edges_s[volume.edges_s > 0]
        edges = np.concatenate(([0.0], inner[inner < ends.max(initial=0.0)]))
        cut = np.clip(ends[:, None], edges, np.append(edges[1:], math.inf))
        copies = self._copies(np.zeros(1))
        played = [copies.numbers(each.ravel()).reshape(each.shape) for each in (edges, cut)]
        if self.mode == "once":
            played = [np.clip(each, 0, len(self.trace.arrival_s)) for each in played]
        return np.asarray((played[1] - played[0]) @ volume.at(edges) * self.thin)

    def blocks(
        self, name: str, streams: Streams, start_s: float, end_s: float
    ) -> Iterator[RequestBlock]:
        """Requests that arrive in [start_s, end_s), block by block.

        Whether a request is there hangs on its number in its copy alone, so that no window moves
        another. Each repetition has sessions of its own, but the same prompts.
        """
        volume = self.volume
        most = math.ceil(volume.most(start_s, end_s))
        place = float(streams(f"arrivals/{name}/copies").random())
        mean_gap_s = self.period_s / len(self.trace.arrival_s)
        copies = self._copies(shifts(max(most, 1), self.period_s, mean_gap_s, place))
        key = streams.key(f"arrivals/{name}/kept")
        if self.mode == "once":
            start_s, end_s = max(start_s, 0.0), min(end_s, copies.end_s)
        for begin_s, until_s in self._windows(copies, start_s, end_s):
            there = math.ceil(volume.most(begin_s, until_s))
            played = self._kept(key, volume, copies.between(begin_s, until_s, there))
            for piece in self._pieces(played):
                yield self._block(played.at(piece))

    def _copies(self, shift_s: FloatArray) -> Copies:
        trace, endless = self.trace, self.mode == "loop"
        return Copies(trace.arrival_s, trace.period_s, self.speed, endless, shift_s)

    def _windows(
        self, copies: Copies, start_s: float, end_s: float
    ) -> Iterator[tuple[float, float]]:
        """Parts of a window in which there are few requests, but for those of one instant."""
        step = max(BLOCK_REQUESTS // len(copies.shift_s), 1)
        number = copies.numbers(np.array([start_s]))
        zero = np.zeros(1, np.int64)
        begin_s = start_s
        while begin_s < end_s:
            number += step
            over = self.mode == "once" and number[0] >= len(self.trace.arrival_s)
            until_s = end_s if over else min(float(copies.played(zero, number).arrival_s[0]), end_s)
            if until_s > begin_s:
                yield begin_s, until_s
                begin_s = until_s

    def _kept(self, key: int, volume: Volume, played: Played) -> Played:
        """Those that are there, by chance where their copy is there in part."""
        if self.thin == 1 and played.copy.max(initial=-1) + 1 <= volume.least:
            return played
        share = np.clip(volume.at(played.arrival_s) - played.copy, 0.0, 1.0) * self.thin
        group = _kinship(self.trace).group[played.row]
        drawn = hashed_uniform(key, group, played.turn, played.copy)
        return played.at(np.flatnonzero(drawn < share))

    def _pieces(self, played: Played) -> Iterator[slice]:
        """Pieces of bounded size, but for requests that wait for others, which stay with them."""
        n, begin = len(played.row), 0
        leads = np.arange(n)
        if self.trace.delay_s is not None:
            leads = np.flatnonzero(np.isnan(self.trace.delay_s[played.row]))
        while begin < n:
            place = int(np.searchsorted(leads, begin + BLOCK_REQUESTS))
            end = int(leads[place]) if place < len(leads) else n
            yield slice(begin, end)
            begin = end

    def _loop(self, played: Played) -> Loop | None:
        """Who sends the requests, where some wait for others; delays go by the replay's clock."""
        if self.trace.delay_s is None:
            return None
        delay_s = self.trace.delay_s[played.row] / self.speed
        leads = np.isnan(delay_s)
        then_s = np.append(delay_s[1:], np.nan)
        alone = leads & np.isnan(then_s)
        return Loop(np.where(alone, -1, np.cumsum(leads)), then_s)

    def _block(self, played: Played) -> RequestBlock:
        """Requests of copies."""
        trace, session = self.trace, None
        arrival_s, copy, turn, row = played
        if trace.session is not None:
            repetition = np.where(turn < 0, -2 * turn - 1, 2 * turn)  # 0, 1, ... of 0, -1, 1, -2
            own = repetition * trace.sessions + (copy << COPY_BIT)
            session = trace.session[row]
            session = np.where(session < 0, -1, session + own)
        return RequestBlock(
            arrival_s,
            trace.prompt_tokens[row],
            trace.output_tokens[row],
            session,
            prefixes=None if trace.prefixes is None else self._prefixes(trace.prefixes, copy, row),
            loop=self._loop(played),
        )

    def _prefixes(self, prefixes: Prefixes, copy: Numbers, row: Numbers) -> Prefixes:
        """Names of the blocks of some requests; those that are not common are the copy's own."""
        if not copy.any():
            return ragged.reordered(prefixes, row)
        count = prefixes.count[row]
        entry = ragged.places(ragged.starts(prefixes.count)[row], count)
        names = int(prefixes.name.max()) + 1
        own = np.repeat(copy, count) * names * _kinship(self.trace).private[entry]
        return Prefixes(count, prefixes.name[entry] + own)
