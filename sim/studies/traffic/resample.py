"""A week drawn from the log of a day, or a day from that of an hour, with what is assumed.

Time is cut into blocks of ten minutes or less. Each block of the day or week that is drawn is one
of the log, chosen by chance: from the same hour of a day where the log has that hour; else from
any, with as many more or fewer requests as a shape of the day has in that hour. The requests of a
session stay together, with the time between them. So bursts, lengths and sessions are those of the
log; what happens more rarely than the log is long is not in it.
"""

import math
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import numpy.typing as npt

from sim.errors import TraceError
from sim.model.arrivals.shape import DAY_S, DayShape
from sim.model.trace import Trace
from sim.studies.traffic.sharing import first_calls

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

HOUR_S, BLOCK_S = 3600.0, 600.0
LEAST_S, LEAST_BLOCKS = 300.0, 6
FULL_DAY_S = 20 * HOUR_S  # from which on a log tells of all hours, or nearly
SEEN = 0.5  # of an hour, for the log to have it
SCRAP = 0.1  # of a block, that may be missing of a whole one
MOST_REQUESTS = 50_000_000
MONDAY = datetime(2026, 1, 5)  # where times have no dates


@dataclass(frozen=True, slots=True)
class Resampled:
    """Requests that were drawn from a log.

    Attributes
    ----------
    trace : Trace
        Begins at midnight.
    assumed : tuple of str
        What was taken for granted.
    """

    trace: Trace
    assumed: tuple[str, ...]


def resampled(trace: Trace, days: int, shape: DayShape, seed: int) -> Resampled:
    """So many days that are like a log.

    Parameters
    ----------
    trace : Trace
        Of five minutes at least.
    days : int
    shape : DayShape
        Of a day or a week: how hours that the log lacks differ from those that it has.
    seed : int
    """
    if trace.delay_s is not None:
        message = "requests with a delay after an answer have no times to draw from"
        raise TraceError(f"{trace.file}: {message} (replay it instead)")
    if trace.span_s < LEAST_S:
        message = f"{trace.span_s:.3g} s are too little to draw a day from"
        raise TraceError(f"{trace.file}: {message} (at least {LEAST_S / 60:.0f} min)")
    log = _Log.of(trace, shape)
    draw = np.random.default_rng(seed)
    start = log.midnight
    parts, times = [], []
    total = 0
    for at_s in np.arange(0.0, days * DAY_S, log.block_s).tolist():
        first, number = log.drawn(start + timedelta(seconds=at_s), draw)
        total += len(first)
        if total > MOST_REQUESTS:
            raise TraceError(f"{trace.file}: makes more than {MOST_REQUESTS:,} requests")
        within = (log.trace.arrival_s[first] + log.phase_s) % log.block_s
        within[number > 0] = draw.random(int((number > 0).sum())) * log.block_s
        parts.append(first)
        times.append(at_s + within)
    return Resampled(
        log.spread(np.concatenate(parts), np.concatenate(times), days), tuple(log.assumed(days))
    )


@dataclass(frozen=True, slots=True, eq=False)
class _Log:
    """A trace in blocks.

    Attributes
    ----------
    trace : Trace
    shape : DayShape
    block_s : float
    phase_s : float
        From the beginning of a block, by the clock, to the log's first request.
    begins : (g,) int64
        Rows that begin a session, or stand alone, by time.
    cut : (b + 1,) int64
        Where each whole block begins among them.
    middle_s : (b,) float64
        Of each block.
    seen : (24,) float64
        Share of each hour of the day that the log has.
    level : float
        Mean of the shape over the log.
    """

    trace: Trace
    shape: DayShape
    block_s: float
    phase_s: float
    begins: IntArray
    cut: IntArray
    middle_s: FloatArray
    seen: FloatArray
    level: float

    @classmethod
    def of(cls, trace: Trace, shape: DayShape) -> "_Log":
        block_s = min(BLOCK_S, HOUR_S / math.ceil(HOUR_S / (trace.span_s / LEAST_BLOCKS)))
        begins = np.flatnonzero(first_calls(trace))
        began = trace.began or MONDAY
        since_s = (began - began.replace(hour=0, minute=0, second=0, microsecond=0)).total_seconds()
        phase_s = since_s % block_s  # blocks begin by the clock
        first = 0 if phase_s < SCRAP * block_s else 1
        last = max(math.floor((trace.span_s + phase_s) / block_s + SCRAP), first + 1)
        edges = np.arange(first, last + 1) * block_s - phase_s
        cut = np.searchsorted(trace.arrival_s[begins], edges)
        middle = np.asarray(edges[:-1] + block_s / 2, np.float64)
        hours = _hour(began, middle)
        seen = np.bincount(hours, minlength=24) * block_s / HOUR_S
        seen = np.minimum(seen, 1.0) if trace.began or trace.span_s >= FULL_DAY_S else np.zeros(24)
        level = float(_at(shape, began, middle).mean())
        return cls(trace, shape, block_s, phase_s, begins, cut, middle, seen, level)

    @property
    def began(self) -> datetime:
        """When the log began, a Monday's midnight where it does not say."""
        return self.trace.began or MONDAY

    @property
    def midnight(self) -> datetime:
        """When the days that are drawn begin."""
        return self.began.replace(hour=0, minute=0, second=0, microsecond=0)

    def drawn(self, moment: datetime, draw: np.random.Generator) -> tuple[IntArray, IntArray]:
        """First rows of what begins in a block, and the number of the copy of each."""
        blocks = np.arange(len(self.cut) - 1)
        factor = 1.0
        if self.seen[moment.hour] >= SEEN:
            blocks = blocks[_hour(self.began, self.middle_s) == moment.hour]
        elif self.trace.began is not None:
            factor = float(_at(self.shape, moment, np.zeros(1))[0]) / self.level
        else:  # the busiest hour, as nobody says which it was
            factor = float(_at(self.shape, moment, np.zeros(1))[0] / self.shape.multipliers().max())
        block = int(draw.choice(blocks))
        rows = self.begins[self.cut[block] : self.cut[block + 1]]
        copies = np.floor(factor) + (draw.random(len(rows)) < factor % 1)
        count = copies.astype(np.int64)
        number = np.arange(count.sum()) - np.repeat(np.cumsum(count) - count, count)
        return np.repeat(rows, count), number

    def spread(self, first: IntArray, at_s: FloatArray, days: int) -> Trace:
        """The trace of what begins at some times, with all that follows in its sessions."""
        trace, n = self.trace, len(first)
        if n == 0:
            raise TraceError(f"{trace.file}: no requests come of it")
        order, begin, count = _members(trace)
        size = count[first]
        within = np.arange(size.sum()) - np.repeat(np.cumsum(size) - size, size)
        row = order[np.repeat(begin[first], size) + within]
        arrival_s = np.repeat(at_s - trace.arrival_s[first], size) + trace.arrival_s[row]
        session = np.repeat(np.arange(n), size) if trace.session is not None else None
        kept = np.flatnonzero(arrival_s < days * DAY_S)
        kept = kept[np.argsort(arrival_s[kept], kind="stable")]
        began = self.midnight + timedelta(seconds=float(arrival_s[kept[0]]))
        return Trace(
            arrival_s[kept] - arrival_s[kept[0]],
            trace.prompt_tokens[row[kept]],
            trace.output_tokens[row[kept]],
            file=trace.file,
            session=None if session is None else session[kept],
            began=began,
        )

    def assumed(self, days: int) -> list[str]:
        """What is taken for granted."""
        lines, name = [], self.shape.name
        if self.trace.began is None:
            lines.append("times have no dates: the log is taken as the busiest hour of the day")
        lacking = int((self.seen < SEEN).sum())
        if lacking:
            lines.append(
                f"{lacking} hours of the day are not in the log: their rates are by {name}"
            )
        if days > 1 and self.trace.span_s < 6 * DAY_S:
            lines.append(
                f"hours of the log are alike on all days; others are as {name} has them"
                if lacking and self.shape.days == 7
                else "all days are alike: weekends are taken as busy as the days of the log"
            )
        lines.append(
            f"blocks of {self.block_s / 60:.3g} min are drawn by chance, each by itself: what lasts"
            " longer, or is rarer than the log is long, is not in it"
        )
        if self.trace.prefixes is not None:
            lines.append("names of blocks are left out: give prefix_cache: {hit_rate: …}")
        return lines


def _hour(began: datetime, at_s: npt.NDArray[np.floating[Any]]) -> IntArray:
    """Hour of the day at some seconds after a moment."""
    midnight = began.replace(hour=0, minute=0, second=0, microsecond=0)
    since = (began - midnight).total_seconds() + at_s
    return np.asarray((since % DAY_S) // HOUR_S, np.int64)


def _at(shape: DayShape, moment: datetime, at_s: npt.NDArray[np.floating[Any]]) -> FloatArray:
    """Multipliers of a shape at some seconds after a moment."""
    cell = (shape.phase_s(moment) + at_s) % shape.period_s // shape.cell_s
    return np.asarray(shape.multipliers()[cell.astype(np.int64)])


def _members(trace: Trace) -> tuple[IntArray, IntArray, IntArray]:
    """Rows session by session; where that of each row begins among them, and how many it has."""
    n = len(trace.arrival_s)
    session = np.full(n, -1) if trace.session is None else trace.session
    alone = session < 0
    group = np.where(alone, trace.sessions + np.arange(n), session)
    order = np.argsort(group, kind="stable")
    _, number, size = np.unique(group, return_inverse=True, return_counts=True)
    return order, (np.cumsum(size) - size)[number], size[number]
