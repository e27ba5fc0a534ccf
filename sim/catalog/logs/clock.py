"""In which unit numbers are times, told by their size where nobody says it, and said in words.

Seconds since 1970 have 10 digits today, milliseconds 13, microseconds 16, nanoseconds 19: numbers
of such a size are dates. Others count from a beginning of their own, in the unit of their format.
Where files of several tools have the same columns but other units (Mooncake's milliseconds are
seconds in vLLM's and Alibaba's traces), what makes no sense is refused: fractions of milliseconds,
hundreds of requests a second, years.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

import numpy as np

from sim.catalog.logs.columns import UNITS_PER_S, Unit
from sim.catalog.logs.values import Times

NAMES: Final = {
    "s": "seconds", "ms": "milliseconds", "us": "microseconds", "ns": "nanoseconds",
}  # fmt: skip
EARLIEST_S, LATEST_S = 946_684_800.0, 4_102_444_800.0  # 2000 and 2100
FASTEST_PER_S = 100.0  # of a strict format, beyond which its numbers are rather in seconds
LONGEST_S = 1000 * 86_400.0
FEWEST = 10  # requests, for a rate to say something
BURST, BURST_S = 100, 2.0  # so many requests within so short a time are rather none


class UnitError(ValueError):
    """Times that may be in one unit or another."""


@dataclass(frozen=True, slots=True)
class Clock:
    """How times are read.

    Attributes
    ----------
    unit : {"datetime", "s", "ms", "us", "ns"}
    is_date : bool
        Whether they count from 1970.
    told : bool
        Whether somebody said so, or it can be seen; else it was guessed by the format or the size.
    """

    unit: Unit
    is_date: bool
    told: bool

    @property
    def per_s(self) -> float:
        """Units in a second."""
        return UNITS_PER_S[self.unit]

    def moment(self, time: float) -> datetime | None:
        """Date and time of a number, UTC or as the file's clock has it."""
        if not self.is_date:
            return None
        whole = int(time)
        per_us = self.per_s / 1e6
        micros = whole // int(per_us) if per_us >= 1 else round(time / per_us)
        return datetime(1970, 1, 1) + timedelta(microseconds=micros)


def clock_of(
    times: Times, given: Unit | None, default: Unit, strict: bool, bursts: bool = False
) -> Clock:
    """The unit of times; those of a strict format that make no sense raise UnitError.

    Parameters
    ----------
    times : (n,) int64 or float64
    given : str or None
        The unit, where somebody says it.
    default : str
        Unit of times that do not count from 1970.
    strict : bool
    bursts : bool
        Whether it is certain that the format is its own, so that hundreds of requests a second are
        a burst.
    """
    if not len(times):  # all wait for others
        return Clock(given or default, False, given is not None)
    middle = float(np.median(times))
    dated = [unit for unit in NAMES if EARLIEST_S <= middle / UNITS_PER_S[unit] <= LATEST_S]
    if given is not None:
        _refuse_centuries(middle, given, dated)
        return Clock(given, given == "datetime" or given in dated, True)
    if dated:
        return Clock(dated[0], True, False)  # type: ignore[arg-type]  # a key of NAMES
    if strict:
        _refuse_ambiguous(times, default, bursts)
    return Clock(default, False, False)


def said(clock: Clock, times: Times) -> str:
    """How times were read: the unit, from when to when.

    >>> said(Clock("ms", True, False), np.array([1782900000000, 1782903600000]))
    'times are read as milliseconds since 1970: 2026-07-01 10:00 to 11:00'
    >>> said(Clock("s", False, False), np.array([0.5, 600.5]))
    'times are read as seconds: 10 min'
    """
    first, last = times.min(), times.max()
    if not clock.is_date:
        return f"times are read as {NAMES[clock.unit]}: {span((last - first) / clock.per_s)}"
    begin, end = clock.moment(first), clock.moment(last)
    assert begin is not None and end is not None
    since = "dates" if clock.unit == "datetime" else f"{NAMES[clock.unit]} since 1970"
    until = f"{end:%H:%M}" if begin.date() == end.date() else f"{end:%Y-%m-%d %H:%M}"
    return f"times are read as {since}: {begin:%Y-%m-%d %H:%M} to {until}"


def senseless(count: int, span_s: float) -> str | None:
    """What is odd about so many requests within a time, if anything is.

    >>> senseless(600, 0.6), senseless(600, 600.0)
    ('600 requests within 0.6 s: are their times in another unit?', None)
    """
    if (count >= BURST and 0 < span_s < BURST_S) or span_s > LONGEST_S:
        return f"{count:,} requests within {span(span_s)}: are their times in another unit?"
    return None


def span(seconds: float) -> str:
    """A time as people say it.

    >>> span(0.6), span(5400.0), span(1e8)
    ('0.6 s', '1.5 h', '1,157 days')
    """
    for unit, size in (("days", 86_400.0), ("h", 3600.0), ("min", 60.0)):
        if seconds >= size * (2 if unit == "days" else 1):
            value = seconds / size
            return f"{value:,.0f} {unit}" if value >= 100 else f"{value:.3g} {unit}"
    return f"{seconds:.3g} s"


def _refuse_centuries(middle: float, given: Unit, dated: list[str]) -> None:
    """Raise for a unit in which times are centuries off, where another gives dates of today."""
    if dated and given not in dated and middle / UNITS_PER_S[given] > LATEST_S:
        other = dated[0]
        raise UnitError(f"in {given} these are centuries off (as {other} they are dates of today)")


def _refuse_ambiguous(times: Times, default: Unit, bursts: bool) -> None:
    name, count = NAMES[default], len(times)
    remedy = f"give the trace its unit, such as unit: s, or unit: {default}"
    if times.dtype.kind == "f":
        odd = np.flatnonzero(times != np.floor(times))
        if len(odd):
            shown = f"{times[odd[0]]:.12g}"
            raise UnitError(f"{shown} has a fraction: {name} or seconds? ({remedy})")
    span_s = float(times.max() - times.min()) / UNITS_PER_S[default]
    too_fast = count >= FEWEST and count > FASTEST_PER_S * span_s and span_s > 0 and not bursts
    if too_fast or span_s > LONGEST_S:
        message = f"as {name} {count:,} requests come within {span(span_s)}"
        other = f", as seconds within {span(span_s * UNITS_PER_S[default])}" if too_fast else ""
        raise UnitError(f"{message}{other} ({remedy})")
