"""What a run of worlds leaves behind."""

from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from sim.model.design import Design
from sim.model.threshold import Threshold
from sim.montecarlo.cause import Cause
from sim.montecarlo.diagnosis import diagnose
from sim.montecarlo.draws import FloatArray
from sim.montecarlo.precision import Goal
from sim.montecarlo.sample import INPUT_PREFIX, Sample
from sim.montecarlo.summary import Summary, summarise
from sim.montecarlo.thresholds import judged

if TYPE_CHECKING:
    import pandas as pd

    from sim.scenario import Scenario

Draws = dict[str, FloatArray]
Requests = dict[str, npt.NDArray[Any]]
Exports = dict[str, str]

LEVELS = {"p5": 0.05, "p50": 0.50, "p95": 0.95}


@dataclass(frozen=True, slots=True)
class Earlier:
    """Worlds that an earlier run of the same scenario and seed has simulated."""

    sample: Sample
    requests: Requests | None = None
    exports: Exports | None = None


@dataclass(frozen=True)
class RunResult:
    """What a run leaves behind.

    Attributes
    ----------
    scenario : Scenario
    design : Design
        Of the first world: for what is the same in all.
    seed : int
    worlds : int
        Asked for at most; fewer are in ``sample`` if the precision was reached before, or the run
        was interrupted.
    goal : Goal or None
        The precision asked for.
    precision : float
        The relative half-width reached; NaN where none was asked for.
    interrupted : bool
    sample : Sample
        The finished worlds.
    requests : dict of str to array, or None
        Every request of world 0, by column, if they were asked for.
    exports : dict of str to str, or None
        World 0 in the formats of others: text of each file by its name; None if it is not finished.
    started_at, finished_at : datetime
    thresholds : tuple of Threshold
        What the answer has to keep to.
    """

    scenario: "Scenario"
    design: Design
    seed: int
    worlds: int
    goal: Goal | None
    precision: float
    interrupted: bool
    sample: Sample
    requests: Requests | None
    exports: Exports | None
    started_at: datetime
    finished_at: datetime
    thresholds: tuple[Threshold, ...] = ()

    @cached_property
    def summary(self) -> Summary:
        """As in ``summary.json``; on demand, for studies look at a few figures only."""
        found = summarise(self.sample, self.design, self.seed, self.interrupted, self.cause)
        kept = judged(self.thresholds, found)
        return found | {"thresholds": [each.as_json() for each in kept]}

    def design_of(self, world: int) -> Design:
        """The design in one of the worlds."""
        draws = {
            each.path: self.sample.figure(world, INPUT_PREFIX + each.path)
            for each in self.scenario.inputs
        }
        return self.scenario.design(draws)

    def cause(self, world: int) -> Cause:
        """Why a world missed its SLO, lost requests or fell behind."""
        return diagnose(self.sample, self.design_of(world), world)

    @property
    def start(self) -> datetime:
        """Of the horizon."""
        return self.design.horizon.start

    @property
    def bin_s(self) -> float:
        """Width of a bin of the timeline."""
        return self.design.horizon.bin_s

    @property
    def replications(self) -> "pd.DataFrame":
        """One row per world: world, verdict, ``input.<path>``, every metric."""
        return self.sample.frame()

    @property
    def timeline(self) -> "pd.DataFrame":
        """One row per time bin: bin, start_s, and p5, p50, p95 over worlds of each column.

        A world that has ended before a bin is left out of it; bins that no world has reached are
        not there.
        """
        import pandas as pd  # noqa: PLC0415 (a third of a second, after the answer)

        bins = np.arange(self.sample.timelines.bins)
        start_s = self.design.horizon.edges_s[: len(bins)]
        columns: dict[str, npt.NDArray[Any]] = {"bin": bins, "start_s": start_s}
        for column, cells in self.sample.timelines.percentiles(list(LEVELS.values())).items():
            columns |= {f"{column}_{level}": cells[row] for row, level in enumerate(LEVELS)}
        frame = pd.DataFrame(columns)
        reached = frame["load_rps_p50"].notna() if "load_rps_p50" in frame else frame["bin"] >= 0
        return frame.loc[: reached[reached].index.max()] if reached.any() else frame
