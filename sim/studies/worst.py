"""The workload that is served worst, by name.

A latency of all requests together hides a small workload that waits for minutes behind a large one
that does not. So wherever a study speaks of a fleet that serves several workloads, it names the
worst served, by the same order as ``sim run`` (:mod:`sim.montecarlo.verdict`).
"""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from sim.model.design import Design
from sim.montecarlo.estimates import Estimate
from sim.montecarlo.result import RunResult
from sim.montecarlo.sample import is_latency
from sim.montecarlo.shares import Share
from sim.montecarlo.summary import as_json as estimate_as_json
from sim.montecarlo.summary import share_as_json
from sim.montecarlo.verdict import Service, served
from sim.studies.measure import SLO_MET, Measure


@dataclass(frozen=True, slots=True)
class WorstServed:
    """A workload, and how it was served.

    Attributes
    ----------
    workload : str
    measure : Measure
        The latency of it that comes nearest to its threshold, or exceeds it most.
    latency : Estimate
    limit_s : float
        The threshold; NaN without an SLO.
    missed : Share
        Worlds in which too few of its requests are within its SLO; without one, answered.
    waiting : str
        A workload without an SLO that waits longer still for its first tokens; empty if none does.
    waiting_s : float
        Its p95 in the worst hour, in the median world.
    """

    workload: str
    measure: Measure
    latency: Estimate
    limit_s: float
    missed: Share
    waiting: str = ""
    waiting_s: float = math.nan

    @property
    def words(self) -> str:
        """What it has, in the median world: ``batch (worst hour's first token p95 371 s, …)``."""
        return f"{self.workload} ({self.figure})"

    @property
    def figure(self) -> str:
        """The latency with its threshold, and who waits longer."""
        name = Measure.parse(self.measure.metric.rpartition(".")[2])
        text = f"{name.words()} {self._amount()}"
        if math.isfinite(self.limit_s):
            text += f", SLO {self.measure.amount(self.limit_s)}{self._over()}"
        if self.waiting:
            waits = self.measure.amount(self.waiting_s)
            text += f"; {self.waiting}, which has no SLO, waits {waits}"
        return text

    def _over(self) -> str:
        """Over what the SLO is met, where the worst hour is not within it."""
        hourly = self.measure.metric.rpartition(".")[2].startswith("peak_hour_")
        mostly_met = 2 * self.missed.count < self.missed.worlds
        late = self.latency.p50 > self.limit_s
        return " met over the whole run, not in that hour" if hourly and late and mostly_met else ""

    def _amount(self) -> str:
        if math.isnan(self.latency.p50):
            return "unknown, for nothing is answered"
        bound = "at least " if "p50" in self.latency.at_least else ""
        return bound + self.measure.amount(self.latency.p50)

    def as_json(self) -> dict[str, Any]:
        """As plain data."""
        return {
            "workload": self.workload,
            "metric": self.measure.metric,
            "limit_s": self.limit_s if math.isfinite(self.limit_s) else None,
            "latency_s": estimate_as_json(self.latency),
            **share_as_json("missed_share", self.missed),
        }


def worst_served(result: RunResult) -> WorstServed | None:
    """The workload that a run served worst; None where there is only one."""
    sample, design = result.sample, result.design
    if len(design.workloads) < 2:
        return None
    worst, *others = served(sample, design)
    metric = f"workloads.{worst.name}.{worst.metric}"
    waits = {each.name: _wait_s(each) for each in others}
    longest = max(waits, key=lambda name: waits[name])
    free = {each.name for each in others if not each.slo.is_stated}
    beyond = longest in free and waits[longest] > _wait_s(worst)
    return WorstServed(
        worst.name,
        Measure.parse(metric),
        sample.estimate(metric),
        worst.limit_s,
        Share.of(worst.misses),
        longest if beyond else "",
        waits[longest] if beyond else math.nan,
    )


def _wait_s(service: Service) -> float:
    """Median over worlds of the worst hour's p95 to the first token; 0 where there is none."""
    return float(np.median(service.keys[2]))


def of_all(measure: Measure, design: Design) -> str:
    """That a latency is of several workloads together, in a sentence; empty where it is not."""
    latency = measure.metric != SLO_MET and is_latency(measure.metric)
    if len(design.workloads) < 2 or not latency or "." in measure.metric:
        return ""
    one = f"workloads.{design.workloads[0].name}.{measure.metric}"
    name = Measure.parse(measure.metric).words()
    return f"The {name} is of the requests of all workloads together; that of one is {one}."
