"""What a study had found when it was ended before its answer: the cases that it had simulated.

They decide nothing: which of them would have been looked at further, and what follows from them, is
what the rest of the study would have told.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from sim.montecarlo.result import RunResult
from sim.montecarlo.shares import Share
from sim.montecarlo.summary import share_as_json, slo_kept
from sim.studies.bench import Bench


@dataclass(frozen=True, slots=True)
class Case:
    """One case that was simulated.

    Attributes
    ----------
    about : str
        What it is, in words.
    worlds, asked : int
        Finished, and asked for.
    kept : Share or None
        Worlds in which every workload kept its SLO; None where none has one.
    usd_per_month, ttft_p95_s : float
        In the median world; NaN where no world has one.
    """

    about: str
    worlds: int
    asked: int
    kept: Share | None
    usd_per_month: float
    ttft_p95_s: float


@dataclass(frozen=True, slots=True)
class Unfinished:
    """A study that was ended.

    Attributes
    ----------
    study : str
        Its command.
    scenario : str
    worlds : int
        Simulated in all.
    cases : tuple of Case
        In the order in which they were begun.
    """

    study: str
    scenario: str
    worlds: int
    cases: tuple[Case, ...]

    def as_json(self) -> dict[str, Any]:
        """As plain data."""
        return {
            "version": 1,
            "study": self.study,
            "scenario": self.scenario,
            "finished": False,
            "simulated_worlds": self.worlds,
            "cases": [
                {
                    "case": each.about,
                    "worlds": each.worlds,
                    "asked": each.asked,
                    **share_as_json("slo_met_share", each.kept),
                    "cost_usd_per_month": _plain(each.usd_per_month),
                    "ttft_p95_s": _plain(each.ttft_p95_s),
                }
                for each in self.cases
            ],
        }


def unfinished(study: str, scenario: str, bench: Bench) -> Unfinished:
    """What a bench has simulated so far."""
    cases = tuple(_case(about, result) for about, result in bench.seen.values())
    return Unfinished(study, scenario, sum(each.worlds for each in cases), cases)


def _case(about: str, result: RunResult) -> Case:
    sample = result.sample
    kept = slo_kept(sample, result.design)
    return Case(
        about,
        len(sample),
        max(result.worlds, len(sample)),
        None if kept is None else Share.of(kept),
        _median(sample.values("cost_usd_per_month")),
        _median(sample.values("ttft_p95_s")),
    )


def _median(values: Any) -> float:
    return float(pd.Series(np.asarray(values)).median())


def _plain(value: float) -> float | None:
    return value if np.isfinite(value) else None
