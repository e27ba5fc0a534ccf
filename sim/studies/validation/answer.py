"""What a validation answers."""

import math
from dataclasses import dataclass
from typing import Any

import pandas as pd

from sim.studies.calibration.answer import records
from sim.studies.validation.bar import Bar
from sim.studies.validation.knee import Knee


@dataclass(frozen=True, slots=True)
class Validation:
    """How well a profile predicts runs.

    Attributes
    ----------
    profile : str
    rows : DataFrame
        run, load, loop, saturated, metric, statistic, measured, simulated, error, low, high, inside
        (low and high are the band of nine worlds in ten, NaN where nothing is uncertain).
    bar : Bar
    failed : tuple of str
        What does not clear the bar.
    knees : tuple of Knee
        Where throughput stops following the load, on both sides.
    notes : tuple of str
    """

    profile: str
    rows: pd.DataFrame
    bar: Bar
    failed: tuple[str, ...]
    knees: tuple[Knee, ...]
    notes: tuple[str, ...]

    @property
    def passed(self) -> bool:
        """Whether the bar is cleared."""
        return not self.failed

    @property
    def coverage(self) -> float:
        """Share of measured figures inside the bands; NaN where there are no bands."""
        banded = self.rows[self.rows["low"].notna() & ~self.rows["saturated"]]
        return float(banded["inside"].mean()) if len(banded) else math.nan

    @property
    def sentence(self) -> str:
        """The answer in one sentence."""
        runs = self.rows["run"].nunique()
        if self.passed:
            return f"{self.profile} predicts {runs} runs within the bar ({self.bar.words()})."
        return (
            f"{self.profile} misses the bar ({self.bar.words()}) in {len(self.failed)}"
            f" figures of {runs} runs: {'; '.join(self.failed[:3])}"
            f"{' and more' if len(self.failed) > 3 else ''}."
        )

    def frames(self) -> dict[str, pd.DataFrame]:
        """Tables by name."""
        return {"figures": self.rows}

    def as_json(self) -> dict[str, Any]:
        """The same numbers, ready for JSON."""
        return {
            "profile": self.profile,
            "passed": self.passed,
            "bar": self.bar.limits,
            "failed": list(self.failed),
            "coverage": None if math.isnan(self.coverage) else self.coverage,
            "knees": [each.as_json() for each in self.knees],
            "notes": list(self.notes),
            "figures": records(self.rows),
        }
