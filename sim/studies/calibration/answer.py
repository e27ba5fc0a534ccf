"""What a calibration answers."""

import math
from dataclasses import dataclass
from typing import Any

import pandas as pd

from sim.catalog.profile_file import profile_document
from sim.model.joint_error import SimulatedError
from sim.model.profile import ServiceProfile
from sim.studies.calibration.telling import Untold

METRICS = {"ttft": "TTFT", "tpot": "TPOT", "e2e": "E2E", "throughput": "throughput"}


@dataclass(frozen=True, slots=True)
class Suggestion:
    """What the data cannot tell, and the command that would."""

    untold: Untold
    command: str


@dataclass(frozen=True, slots=True)
class Calibration:
    """A profile, and how good it is.

    Attributes
    ----------
    profile : ServiceProfile
    rows : DataFrame
        Every figure, measured and simulated: run, load, loop, saturated, metric, statistic,
        measured, simulated, error.
    error : SimulatedError
    noise : dict of (str, str) to float
        What a run is from its repeats, where there are any, by run and metric.
    suggestions : tuple of Suggestion
    assumed, left_out, remarks : tuple of str
    in_flight : str
        How many steps are in flight, and whether the runs say so; empty where it is no question.
    runs, requests : int
        That were used.
    """

    profile: ServiceProfile
    rows: pd.DataFrame
    error: SimulatedError
    noise: dict[tuple[str, str], float]
    suggestions: tuple[Suggestion, ...]
    assumed: tuple[str, ...]
    left_out: tuple[str, ...]
    remarks: tuple[str, ...]
    in_flight: str
    runs: int
    requests: int

    @property
    def sentence(self) -> str:
        """The answer in one sentence."""
        errors = [
            f"{label} {value:.1%}"
            for name, label in METRICS.items()
            if not math.isnan(value := getattr(self.error, name))
        ]
        return (
            f"Simulated with this profile, its own {self.runs} runs come out within"
            f" {', '.join(errors)} in the mean: grade {self.profile.grade}."
        ).replace("%", " %")

    def frames(self) -> dict[str, pd.DataFrame]:
        """Tables by name."""
        return {"residuals": self.rows}

    def as_json(self) -> dict[str, Any]:
        """The same numbers, ready for JSON."""
        errors = {name: getattr(self.error, name) for name in METRICS}
        return {
            "profile": profile_document(self.profile),
            "simulated_error": {k: None if math.isnan(v) else v for k, v in errors.items()},
            "noise_of_repeats": [
                {"run": run, "metric": metric, "off": off}
                for (run, metric), off in sorted(self.noise.items())
            ],
            "untold": [
                {
                    "coefficients": list(each.untold.names),
                    "relative_sd": list(each.untold.relative_sd),
                    "words": each.untold.words(),
                    "run": each.command or None,
                }
                for each in self.suggestions
            ],
            "in_flight": self.in_flight,
            "assumed": list(self.assumed),
            "left_out": list(self.left_out),
            "remarks": list(self.remarks),
            "runs": self.runs,
            "requests": self.requests,
            "figures": records(self.rows),
        }


def records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """Rows ready for JSON: None for what is not known."""
    rows = frame.astype(object).where(frame.notna(), None).to_dict("records")
    return [{str(key): value for key, value in row.items()} for row in rows]
