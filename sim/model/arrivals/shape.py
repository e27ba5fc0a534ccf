"""How the rate varies within a day or a week."""

from dataclasses import dataclass
from datetime import datetime

import numpy as np

from sim.model.distributions.protocol import FloatArray
from sim.model.rule import require

DAY_S = 86_400.0


@dataclass(frozen=True, slots=True)
class DayShape:
    """Relative rates in equal cells over a day, a week, or any time that repeats.

    Attributes
    ----------
    name : str
    values : tuple of float
        At least 0, not all 0; any number of cells. Only their ratios matter.
    days : float
        1: the cells cover a day from 00:00; 7: a week from Monday 00:00; any others begin with
        ``began``.
    source, as_of : str
        Where the figures come from and their date; empty for a shape given in the scenario.
    began : datetime or None
        When the first cell was, where that is not midnight, or Monday's.
    """

    name: str
    values: tuple[float, ...]
    days: float = 1
    source: str = ""
    as_of: str = ""
    began: datetime | None = None

    def __post_init__(self) -> None:
        subject = f"shape {self.name}"
        known = self.days > 0 if self.began else self.days in (1, 7)
        require(known, subject, f"{self.days:g} days", "must cover 1 or 7 days")
        require(len(self.values) > 0, subject, "no values", "must have at least one cell")
        values = np.asarray(self.values, dtype=np.float64)
        lowest = f"lowest value {values.min():g}"
        require(bool(np.isfinite(values).all()), subject, "not finite", "must be finite numbers")
        require(bool((values >= 0).all()), subject, lowest, "must be at least 0 throughout")
        require(bool((values > 0).any()), subject, "all 0", "must be above 0 somewhere")

    @classmethod
    def of_week(
        cls,
        name: str,
        weekday: tuple[float, ...],
        weekend: tuple[float, ...],
        source: str = "",
        as_of: str = "",
    ) -> "DayShape":
        """A week of five equal days and two others, in as many cells a day each."""
        same = f"must have as many cells as the weekday ({len(weekday)})"
        require(len(weekday) == len(weekend), "weekend", f"{len(weekend)} cells", same)
        return cls(name, weekday * 5 + weekend * 2, 7, source, as_of)

    @property
    def period_s(self) -> float:
        """Seconds after which the shape repeats."""
        return self.days * DAY_S

    @property
    def cell_s(self) -> float:
        """Width of a cell in seconds."""
        return self.period_s / len(self.values)

    def multipliers(self) -> FloatArray:
        """Values scaled to a mean of 1 over the whole period: (cells,) float64."""
        values = np.asarray(self.values, dtype=np.float64)
        return np.asarray(values / values.mean())

    def phase_s(self, moment: datetime) -> float:
        """Seconds from the beginning of the shape (midnight, or Monday's) to a moment."""
        if self.began is not None:
            return (moment - self.began).total_seconds() % self.period_s
        midnight = moment.replace(hour=0, minute=0, second=0, microsecond=0)
        since_monday = moment.weekday() * DAY_S + (moment - midnight).total_seconds()
        return since_monday % self.period_s


FLAT = DayShape("flat", (1.0,))
