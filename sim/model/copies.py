"""A trace played several times at once, each play a little shifted.

So a trace is grown without touching its clock: with four copies there are four times as many
requests at each time of day, and a ramp takes as long as it did. Copy 0 is the trace as it is. The
others are shifted, all of a copy alike, so that what follows what within a copy, in a session or a
burst, stays; and by little, so that the day's course stays. Below the shift copies are independent
of each other, as different people are; above it they rise and fall together, as people do by the
time of day:

- The index of dispersion of counts (variance over mean) over times much shorter than the shift is
  that of the trace, and the gaps between requests tend to those of Poisson arrivals (Palm and
  Khintchine), as in any sum of independent streams.
- Over times much longer it is as many times that of the trace as there are copies.

Shifts are spread over ``SPREAD_S``, or ten mean gaps of a trace with few requests, whose moments
are chance and not the time of day; never over more than all of the trace. They are multiples of the
golden ratio, so that no two copies come close, however many there are, and one more moves none.

At its end a copy goes on with its beginning, also where it is played once: it has every request of
the trace exactly once.
"""

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from sim.model import ragged
from sim.model.distributions.protocol import FloatArray

Integers = npt.NDArray[np.int64]

SPREAD_S = 300.0  # of shifts: within the ramps of a day, above the bursts of seconds to minutes
SPREAD_GAPS = 10.0  # mean gaps, for traces with few requests
GOLDEN_RATIO = (math.sqrt(5.0) - 1.0) / 2.0
SLACK = 1e-12  # relative rounding of times; many requests may share the instant of an edge


def shifts(copies: int, period_s: float, mean_gap_s: float, start: float) -> FloatArray:
    """Shifts of so many copies: (copies,) float64, in seconds; that of copy 0 is 0.

    Parameters
    ----------
    start : float
        From 0 to 1: where the row of shifts begins.

    Examples
    --------
    >>> shifts(4, 86_400.0, 0.2, 0.5).round(1).tolist()
    [0.0, -114.6, 70.8, -43.8]
    """
    spread_s = min(max(SPREAD_S, SPREAD_GAPS * mean_gap_s), period_s)
    place = (start + np.arange(copies) * GOLDEN_RATIO) % 1.0
    shift_s = np.asarray(spread_s * (place - 0.5), np.float64)
    shift_s[0] = 0.0
    return shift_s


class Played(NamedTuple):
    """Requests of copies, in the order of their arrival; of one instant in the order of copies.

    Attributes
    ----------
    arrival_s : (n,) float64
    copy, turn, row : (n,) int64
        Of a request: which copy, which of its turns (0 begins at time 0, but for the shift), and
        which row of the trace.
    """

    arrival_s: FloatArray
    copy: Integers
    turn: Integers
    row: Integers

    def at(self, places: slice | Integers) -> "Played":
        """Some of them."""
        return Played(
            self.arrival_s[places], self.copy[places], self.turn[places], self.row[places]
        )


@dataclass(frozen=True, slots=True, eq=False)
class Copies:
    """Copies of a trace on the clock of the horizon.

    Requests of a copy are numbered through all its turns: request 0 is the trace's first in the
    turn that begins at time 0, but for the shift.

    Attributes
    ----------
    arrival_s : (n,) float64
        Of the trace.
    period_s : float
        Of a turn, on the trace's clock.
    speed : float
        The clock runs so many times as fast.
    endless : bool
        Whether it is looped; else there is one turn, from time 0 on.
    shift_s : (copies,) float64
        On the clock of the horizon.
    """

    arrival_s: FloatArray
    period_s: float
    speed: float
    endless: bool
    shift_s: FloatArray

    @property
    def end_s(self) -> float:
        """End of a trace that is played once; the last instant before it may have requests."""
        return math.nextafter(max(math.nextafter(self.period_s / self.speed, 0.0), 0.0), math.inf)

    def between(self, start_s: float, end_s: float, copies: int) -> Played:
        """Requests of the first copies in [start_s, end_s)."""
        slack = SLACK * max(abs(start_s), abs(end_s), self.period_s / self.speed)
        first, last = self._numbers(start_s - slack, copies), self._numbers(end_s + slack, copies)
        if not self.endless:
            begin = self._numbers(0.0, copies)
            end = begin + len(self.arrival_s)
            first, last = np.clip(first, begin, end), np.clip(last, begin, end)
        count = np.maximum(last - first, 0)
        if copies == 1:
            played = self.played(np.zeros(count[0], np.int64), np.arange(first[0], last[0]))
            inside = np.searchsorted(played.arrival_s, (start_s, end_s))
            return played.at(slice(int(inside[0]), int(inside[1])))
        played = self.played(np.repeat(np.arange(copies), count), ragged.places(first, count))
        here = np.flatnonzero((played.arrival_s >= start_s) & (played.arrival_s < end_s))
        return played.at(here[np.argsort(played.arrival_s[here], kind="stable")])

    def played(self, copy: Integers, number: Integers) -> Played:
        """Requests of copies by their numbers, in this order."""
        turn, row = np.divmod(number, len(self.arrival_s))
        arrival_s = (turn * self.period_s + self.arrival_s[row]) / self.speed + self.shift_s[copy]
        if not self.endless:
            np.clip(arrival_s, 0.0, math.nextafter(self.end_s, 0.0), out=arrival_s)
        return Played(arrival_s, copy, turn, row)

    def numbers(self, t_s: FloatArray) -> Integers:
        """How many requests copy 0 has from time 0 to t, but for rounding; negative before 0."""
        return self._at(t_s * self.speed)

    def _numbers(self, t_s: float, copies: int) -> Integers:
        """The first request of each copy at or after t, but for rounding."""
        return self._at((t_s - self.shift_s[:copies]) * self.speed)

    def _at(self, t: FloatArray) -> Integers:
        """The first request at or after times on the trace's clock."""
        turn = np.floor(t / self.period_s) if self.period_s > 0 else np.zeros_like(t)
        row = np.searchsorted(self.arrival_s, t - turn * self.period_s)
        return turn.astype(np.int64) * len(self.arrival_s) + row
