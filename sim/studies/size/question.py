"""What is asked of a fleet, and whether a world answers yes."""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sim.errors import PeakfleetError
from sim.model.design import Design
from sim.model.workload import Slo, Workload
from sim.montecarlo.result import RunResult

BoolArray = npt.NDArray[np.bool_]
FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Need:
    """One figure that a world must have, and its limits."""

    metric: str
    least: float
    most: float
    unit: str

    def met(self, values: FloatArray) -> BoolArray:
        """Where the figure is within its limits; one that is not there has missed nothing."""
        return np.isnan(values) | (values >= self.least) & (values <= self.most)


@dataclass(frozen=True, slots=True)
class Question:
    """Which share of worlds must keep the SLO, and what keeping it means.

    A world keeps it if it does not fall behind and every workload with an SLO attains it: the share
    of its requests within the thresholds over the whole horizon is what its percentile asks for.

    Attributes
    ----------
    probability : float
        Share of the worlds.
    peak : bool
        Whether the worst hour's p95 must keep the thresholds, too.
    attainment : float
        Share of requests in place of the SLO's own; NaN for that.
    """

    probability: float = 0.95
    peak: bool = False
    attainment: float = math.nan

    def __post_init__(self) -> None:
        for name in ("probability", "attainment"):
            value = getattr(self, name)
            if not 0.0 < value < 1.0 and not math.isnan(value):
                raise PeakfleetError(f"{name} ({value:g}) must lie between 0 and 1, such as 0.95")

    def asked_of(self, workload: Workload) -> float:
        """Share of the requests of a workload that must keep its SLO."""
        return workload.slo.attainment if math.isnan(self.attainment) else self.attainment

    def kept(self, result: RunResult, design: Design, worlds: int) -> BoolArray:
        """Whether each of the first worlds keeps the SLO: (worlds,) bool."""
        kept = ~result.sample.overloaded()[:worlds]
        for workload in bound(design):
            kept &= ~result.sample.answers_nothing(workload.name)[:worlds]
        for need in self.needs(design):
            kept &= need.met(result.sample.values(need.metric)[:worlds])
        return kept

    def needs(self, design: Design) -> Iterator["Need"]:
        """Everything that a world must have."""
        for workload in bound(design):
            place, slo = f"workloads.{workload.name}.", workload.slo
            share = self.asked_of(workload)
            yield Need(f"{place}slo_attainment", share, math.inf, "of requests within the SLO")
            if self.peak and math.isfinite(slo.ttft_s):
                yield Need(f"{place}peak_hour_ttft_p95_s", 0.0, slo.ttft_s, "s to a first token")
            if self.peak and math.isfinite(slo.e2e_s):
                yield Need(f"{place}peak_hour_e2e_p95_s", 0.0, slo.e2e_s, "s for a whole answer")

    def check(self, design: Design) -> None:
        """Refuse a scenario that has nothing to keep."""
        workloads = bound(design)
        if not workloads:
            name = design.workloads[0].name
            raise PeakfleetError(
                f"workloads.{name}.slo is missing, so that any fleet would do: say what good"
                " service is, such as slo: {ttft_p95: 2s}"
            )
        if self.peak and not any(math.isfinite(min(w.slo.ttft_s, w.slo.e2e_s)) for w in workloads):
            raise PeakfleetError(
                f"the worst hour's p95 needs a threshold: add ttft_p95 or e2e_p95 to"
                f" workloads.{workloads[0].name}.slo"
            )

    def words(self, design: Design) -> str:
        """The SLO in words, such as ``95 % of chat within 2 s to the first token``."""
        parts = [
            f"{100 * self.asked_of(w):g} % of {w.name} with {_thresholds(w.slo)}"
            for w in bound(design)
        ]
        peak = ["the worst hour's p95 within the thresholds"] if self.peak else []
        return "; ".join(parts + peak)


def bound(design: Design) -> list[Workload]:
    """The workloads that have an SLO."""
    return [workload for workload in design.workloads if workload.slo.is_stated]


def _thresholds(slo: Slo) -> str:
    limits = {
        "a first token": slo.ttft_s,
        "every further token": slo.tpot_s,
        "the whole answer": slo.e2e_s,
    }
    return ", ".join(f"{what} in {s:g} s" for what, s in limits.items() if math.isfinite(s))
