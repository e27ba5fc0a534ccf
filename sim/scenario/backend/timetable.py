"""Times of day and days of the week, as a timetable gives them."""

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from sim.model.price import DAY_S
from sim.scenario.values.fields import JsonSchema, Reads
from sim.scenario.values.problems import Spot, choose
from sim.scenario.values.units import shown

WEEK: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
GROUPS: Final = {"daily": WEEK, "weekdays": WEEK[:5], "weekend": WEEK[5:]}
_TIME: Final = re.compile(r"([01]?\d|2[0-3]):([0-5]\d)(?::([0-5]\d))?")


@dataclass(frozen=True, slots=True)
class TimeOfDay:
    """Seconds from midnight."""

    seconds: int

    def document(self) -> str:
        """As plain data: ``07:30``, or with seconds where there are any."""
        minutes, seconds = divmod(self.seconds, 60)
        text = f"{minutes // 60:02}:{minutes % 60:02}"
        return f"{text}:{seconds:02}" if seconds else text


@dataclass(frozen=True, slots=True)
class Days:
    """Days of the week: a group's name, or the names of some."""

    written: str | tuple[str, ...]

    def weekdays(self) -> tuple[int, ...]:
        """Their numbers, 0 is Monday."""
        names = GROUPS[self.written] if isinstance(self.written, str) else self.written
        return tuple(sorted(WEEK.index(name) for name in names))

    def document(self) -> Any:
        """As plain data."""
        return self.written if isinstance(self.written, str) else list(self.written)


def time_of_day() -> Reads:
    """A time of day such as 07:30."""
    pattern = f"^{_TIME.pattern}$"
    return Reads(_read_time, lambda: {"type": "string", "pattern": pattern, "examples": ["07:30"]})


def days_of_week() -> Reads:
    """A group of days, or a list of days."""
    return Reads(_read_days, _schema_of_days)


def _read_time(raw: Any, spot: Spot) -> TimeOfDay | None:
    match = _TIME.fullmatch(raw) if isinstance(raw, str) else None
    if match is None:
        spot.wrong(f"{shown(raw)} must be a time of day such as 07:30")
        return None
    hours, minutes, seconds = (int(part or 0) for part in match.groups())
    return TimeOfDay(3600 * hours + 60 * minutes + seconds)


def _read_days(raw: Any, spot: Spot) -> Days | None:
    if isinstance(raw, str) and raw in GROUPS:
        return Days(raw)
    if not isinstance(raw, list) or not raw:
        remedy = choose(raw, GROUPS) if isinstance(raw, str) else ""
        spot.wrong(f"{shown(raw)} must be {', '.join(GROUPS)} or a list such as [mon, fri]", remedy)
        return None
    for index, day in enumerate(raw):
        if day not in WEEK:
            spot.below(index).wrong(f"{shown(day)} must be one of {', '.join(WEEK)}")
        elif day in raw[:index]:
            spot.below(index).wrong(f"{shown(day)} is given twice", "remove one")
    return None if spot.findings else Days(tuple(raw))


def _schema_of_days() -> JsonSchema:
    some = {"type": "array", "items": {"enum": list(WEEK)}, "minItems": 1, "uniqueItems": True}
    return {"anyOf": [{"enum": list(GROUPS)}, some]}


def week_s(moment: datetime) -> float:
    """Seconds from Monday, 0:00."""
    midnight = moment.replace(hour=0, minute=0, second=0, microsecond=0)
    return moment.weekday() * DAY_S + (moment - midnight).total_seconds()
