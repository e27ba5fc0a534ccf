"""Timetables: so many replicas from a time of day on."""

from dataclasses import dataclass

from sim.model.price import HOUR_S
from sim.model.rule import require

Weekday = int  # 0 is Monday

DAY_S = 24 * HOUR_S
EVERY_DAY: tuple[Weekday, ...] = (0, 1, 2, 3, 4, 5, 6)


@dataclass(frozen=True, slots=True)
class ScheduleEntry:
    """So many replicas from a time of day on, until the next entry.

    Attributes
    ----------
    time_of_day_s : float
        Seconds from midnight in the clock of the horizon.
    replicas : int
    weekdays : tuple of int
        Days on which the entry holds, 0 is Monday.
    """

    time_of_day_s: float
    replicas: int
    weekdays: tuple[Weekday, ...] = EVERY_DAY

    def __post_init__(self) -> None:
        at_s = self.time_of_day_s
        require(0 <= at_s < DAY_S, "time_of_day_s", at_s, "must lie within a day")
        require(self.replicas >= 0, "replicas of a schedule", self.replicas, "must be >= 0")
        require(set(self.weekdays) <= set(EVERY_DAY), "weekdays", self.weekdays, "must be 0 to 6")
        require(len(self.weekdays) > 0, "weekdays", self.weekdays, "must name at least one")


@dataclass(frozen=True, slots=True)
class Scheduled:
    """A timetable.

    Attributes
    ----------
    table : tuple of ScheduleEntry
    lead_s : float
        More replicas are started this much before their entry, for the cold starts; fewer there
        are at their entry's own time.
    """

    table: tuple[ScheduleEntry, ...]
    lead_s: float = 0.0

    def __post_init__(self) -> None:
        require(len(self.table) > 0, "table", self.table, "must have at least one entry")
        require(0 <= self.lead_s < DAY_S, "lead_s", self.lead_s, "must be shorter than a day")

    @property
    def min_replicas(self) -> int:
        """The fewest of the table."""
        return min(entry.replicas for entry in self.table)

    @property
    def max_replicas(self) -> int:
        """The most of the table."""
        return max(entry.replicas for entry in self.table)
