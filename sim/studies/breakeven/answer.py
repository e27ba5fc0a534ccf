"""The answer: the findings, the decision drawn from them, and both as JSON."""

import math
from dataclasses import dataclass
from typing import Any

import pandas as pd

from sim.studies.breakeven.decision import sentence
from sim.studies.breakeven.findings import Findings


@dataclass(frozen=True, slots=True)
class BreakEven(Findings):
    """Where self-hosting and other sides break even with the reference, and what to do."""

    @property
    def sentence(self) -> str:
        """The decision in one sentence."""
        return sentence(self)

    def as_json(self) -> dict[str, Any]:
        """The same numbers, ready for JSON."""
        return {
            "version": 1,
            "study": "breakeven",
            "scenario": self.scenario,
            "sentence": self.sentence,
            "reference": self.reference,
            "counted": self.arrivals,
            "month": self.month,
            "worlds": self.worlds,
            "seed": self.seed,
            "simulated_to": self.simulated_to,
            **{name: _records(frame) for name, frame in self.frames().items() if name != "worlds"},
        }


def _records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """Rows ready for JSON: what is infinite or undefined is None."""
    return [
        {str(key): _plain(value) for key, value in row.items()}
        for row in frame.to_dict(orient="records")
    ]


def _plain(value: Any) -> Any:
    return None if isinstance(value, float) and not math.isfinite(value) else value
