"""The knee: the load from which more of it no longer brings as much throughput.

Of a sweep of closed loops, the number of users at which throughput comes to 90 % of the greatest
one of the sweep, between its points by straight lines; of open loops, the rate at which the time to
the first token has doubled from that of the lowest rate.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

REACHED = 0.9  # of the greatest throughput
DOUBLED = 2.0  # times the time to the first token at the lowest rate
FEWEST = 3  # loads


@dataclass(frozen=True, slots=True)
class Knee:
    """Where it lies on both sides.

    Attributes
    ----------
    loop : {"closed", "open"}
    measured, simulated : float
        Users or requests per second; NaN where the sweep does not come to it.
    """

    loop: str
    measured: float
    simulated: float

    def words(self) -> str:
        """In a sentence; empty where it is on neither side."""
        unit = "users" if self.loop == "closed" else "requests a second"
        what = (
            "90 % of the greatest throughput" if self.loop == "closed" else "twice the first TTFT"
        )
        sides = [
            f"{value:.3g} {unit} {side}" if math.isfinite(value) else f"beyond the runs {side}"
            for value, side in ((self.measured, "measured"), (self.simulated, "simulated"))
        ]
        return f"The knee ({what}) lies at {sides[0]}, {sides[1]}."

    def as_json(self) -> dict[str, Any]:
        """Ready for JSON."""
        values = {"measured": self.measured, "simulated": self.simulated}
        return {"loop": self.loop} | {
            side: None if math.isnan(value) else value for side, value in values.items()
        }


def knee_of(loop: str, load: Sequence[float], curve: Sequence[float]) -> float:
    """The knee of one side: throughput by users, or time to the first token by rate.

    >>> knee_of("closed", [1, 2, 4, 8], [10, 20, 40, 40])
    3.6
    """
    order = np.argsort(load, kind="stable")
    x, y = np.asarray(load, np.float64)[order], np.asarray(curve, np.float64)[order]
    kept = np.isfinite(y)
    x, y = x[kept], y[kept]
    if len(np.unique(x)) < FEWEST:
        return math.nan
    aim = REACHED * y.max() if loop == "closed" else DOUBLED * y[0]
    above = np.flatnonzero(y >= aim)
    if not len(above):
        return math.nan
    at = int(above[0])
    if at == 0:
        return float(x[0])
    share = (aim - y[at - 1]) / (y[at] - y[at - 1])
    return float(x[at - 1] + share * (x[at] - x[at - 1]))
