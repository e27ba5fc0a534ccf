"""Clocks: a time zone by its name, or a fixed offset from UTC."""

import re
import zoneinfo
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from sim.scenario.values.fields import JsonSchema, Reads
from sim.scenario.values.problems import Spot, choose
from sim.scenario.values.units import shown

_OFFSET: Final = re.compile(r"(?:UTC|GMT)?\s*([+-])(\d{1,2})(?::?([0-5]\d))?", re.IGNORECASE)
_MOST_H: Final = 14  # Kiribati's, the farthest there is
_EXPECTED: Final = "must be a time zone such as Europe/Berlin, or hours from UTC such as +05:30"


@dataclass(frozen=True, slots=True)
class Clock:
    """What a clock on the wall shows.

    Attributes
    ----------
    written : str
        Name of a time zone, ``UTC``, or an offset such as ``+05:30``.
    """

    written: str = "UTC"

    def document(self) -> str:
        """As plain data."""
        return self.written

    def offset_s(self, moment: datetime) -> float:
        """Seconds that it is ahead of UTC at a moment of UTC, naive."""
        if self.written == "UTC":
            return 0.0
        if (fixed_s := _fixed_s(self.written)) is not None:
            return fixed_s
        there = moment.replace(tzinfo=UTC).astimezone(zoneinfo.ZoneInfo(self.written))
        ahead = there.utcoffset()
        assert ahead is not None
        return ahead.total_seconds()

    def spells(
        self, start: datetime, begin_s: float, end_s: float
    ) -> list[tuple[float, float, float]]:
        """From when, until when and by how much it is ahead: of daylight saving, too.

        Parameters
        ----------
        start : datetime
            Time 0 in UTC, naive.
        begin_s, end_s : float
            The window, in seconds from there.

        Examples
        --------
        >>> Clock("Europe/Berlin").spells(datetime(2026, 3, 29), -3600.0, 86_400.0)
        [(-3600.0, 3600.0, 3600.0), (3600.0, 86400.0, 7200.0)]
        """

        def ahead(at_s: float) -> float:
            return self.offset_s(start + timedelta(seconds=at_s))

        found, from_s = [], begin_s
        while from_s < end_s:
            until_s = self._turn_s(start, from_s, end_s)
            found.append((from_s, until_s, ahead(from_s)))
            from_s = until_s
        return found

    def _turn_s(self, start: datetime, from_s: float, end_s: float) -> float:
        """When it is next set, to the second; the end if it is not."""

        def ahead(at_s: float) -> float:
            return self.offset_s(start + timedelta(seconds=at_s))

        low = from_s
        while low < end_s:
            high = min(low + _LOOK_S, end_s)
            if ahead(high) != ahead(from_s):
                while high - low > 1.0:
                    middle = float(round((low + high) / 2))
                    low, high = (middle, high) if ahead(middle) == ahead(from_s) else (low, middle)
                return high
            low = high
        return end_s


_LOOK_S: Final = 7 * 86_400.0  # clocks are set twice a year; Ramadan's exception lasts four weeks


def wall_clock() -> Reads:
    """A time zone, or an offset from UTC."""
    return Reads(_read, _schema)


def _read(raw: Any, spot: Spot) -> Clock | None:
    if isinstance(raw, int | float) and not isinstance(raw, bool):
        if not abs(raw) <= _MOST_H:
            spot.wrong(f"{shown(raw)} must be within {_MOST_H} hours of UTC")
            return None
        minutes = round(60 * raw)
        raw = f"{'-' if minutes < 0 else '+'}{abs(minutes) // 60:02}:{abs(minutes) % 60:02}"
    if not isinstance(raw, str):
        spot.wrong(f"{shown(raw)} {_EXPECTED}")
        return None
    if (fixed_s := _fixed_s(raw)) is not None:
        if abs(fixed_s) > _MOST_H * 3600:
            spot.wrong(f"{shown(raw)} must be within {_MOST_H} hours of UTC")
        return Clock(raw)
    if raw == "UTC":
        return Clock()
    try:
        zoneinfo.ZoneInfo(raw)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        _tell_unknown(raw, spot)
        return None
    return Clock(raw)


def _tell_unknown(raw: str, spot: Spot) -> None:
    known = zoneinfo.available_timezones()
    if not known:
        message = f"{shown(raw)} cannot be looked up: this machine has no time zones"
        spot.wrong(message, "pip install tzdata, or give hours from UTC such as +01:00")
        return
    cities = {name.rsplit("/", 1)[-1]: name for name in sorted(known)}
    city = cities.get(raw.strip().replace(" ", "_").title())
    remedy = f"did you mean '{city}'?" if city else choose(raw, known)
    spot.wrong(f"{shown(raw)} {_EXPECTED}", remedy)


def _fixed_s(text: str) -> float | None:
    """Seconds of an offset; None of what is none."""
    match = _OFFSET.fullmatch(text.strip())
    if match is None:
        return None
    sign, hours, minutes = match.groups()
    return (-1.0 if sign == "-" else 1.0) * (3600.0 * int(hours) + 60.0 * int(minutes or 0))


def _schema() -> JsonSchema:
    text = {"type": "string", "examples": ["Europe/Berlin", "+05:30", "UTC"]}
    return {"anyOf": [text, {"type": "number", "minimum": -_MOST_H, "maximum": _MOST_H}]}
