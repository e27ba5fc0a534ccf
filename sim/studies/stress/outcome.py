"""What became of one fleet at one step of growth."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sim.montecarlo.cause import MEANINGS, Cause, main_cause
from sim.montecarlo.estimates import Estimate, estimate, quantile
from sim.montecarlo.result import RunResult
from sim.montecarlo.shares import Share
from sim.studies.stress.growth import Growth
from sim.studies.stress.verdict import Judge, Word
from sim.studies.worst import WorstServed, worst_served

FloatArray = npt.NDArray[np.float64]

COSTS = (
    "cost_usd_per_month",
    "cost_usd_per_request",
    "cost_usd_per_task",
    "gross_margin",
)
SERVICE = (
    "ttft_p95_s",
    "peak_hour_ttft_p95_s",
    "e2e_p95_s",
    "peak_hour_e2e_p95_s",
    "slo_attainment",
    "unanswered_share",
    "retry_amplification",
    "ready_replicas_mean",
    "ready_replicas_max",
    "kv_utilisation",
    "batch_occupancy",
    "utilisation",
    "offered_load_peak",
)
METRICS = (*COSTS, *SERVICE)
SPIKED_WORLDS = 6  # that a median needs for its interval
HALF = 0.5


@dataclass(frozen=True, slots=True)
class Recovery:
    """How a fleet that held came through a spike.

    Attributes
    ----------
    worlds : int
        That held without the spike, and so were looked at.
    recovered : int
        Those of them in which the SLO was kept again before the end.
    time_s : Estimate
        From the end of the spike; a lower bound where it had not recovered.
    """

    worlds: int
    recovered: int
    time_s: Estimate


@dataclass(frozen=True, slots=True)
class Outcome:
    """One fleet at one step.

    Attributes
    ----------
    fleet : str
    step : int
        From 0.
    growth : Growth
    counts : dict of str to int, or None
        Replicas of each pool where they are fixed.
    result : RunResult
    worlds, held : int
        Worlds, and those in which it held.
    word : str
    more : float
        Worlds that would decide where it cannot be told.
    overloaded_share : float
    figures : dict of str to Estimate
    cause : Cause or None
        Of the worlds that did not hold.
    caused : int
        Worlds of that cause.
    over_budget_share, loses_share : float
        Of the worlds; NaN where no budget, or no revenue, is stated.
    recovery : Recovery or None
    worst : WorstServed or None
        Of several workloads.
    """

    fleet: str
    step: int
    growth: Growth
    counts: dict[str, int] | None
    result: RunResult
    worlds: int
    held: int
    word: Word
    more: float
    overloaded_share: float
    figures: dict[str, Estimate]
    cause: Cause | None
    caused: int
    over_budget_share: float
    loses_share: float
    recovery: Recovery | None = None
    worst: WorstServed | None = None

    @property
    def worst_attainment(self) -> float:
        """Median over worlds of the share within the SLO, of the workload where it is smallest."""
        sample = self.result.sample
        names = [f"workloads.{each.name}.slo_attainment" for each in self.result.design.workloads]
        every = [quantile(np.sort(known), 0.5) for known in map(_known, map(sample.values, names))]
        return min((each for each in every if not math.isnan(each)), default=math.nan)

    @property
    def first_token(self) -> Estimate:
        """p95 in the worst hour, of several workloads that of the worst served."""
        of_whom = f"workloads.{self.worst.workload}." if self.worst else ""
        return self.result.sample.estimate(f"{of_whom}peak_hour_ttft_p95_s")

    @property
    def kept(self) -> Share:
        """The worlds in which it held."""
        return Share(self.held, self.worlds)

    @property
    def breaks(self) -> tuple[str, ...]:
        """What has broken: ``service``, ``budget``, ``margin``."""
        money = {"budget": self.over_budget_share, "margin": self.loses_share}
        service = ("service",) if self.word == "breaks" else ()
        return (*service, *(name for name, share in money.items() if share > HALF))


def _known(values: FloatArray) -> FloatArray:
    """Those that are defined."""
    return values[~np.isnan(values)]


def observe(
    fleet: str,
    step: int,
    growth: Growth,
    counts: Mapping[str, int] | None,
    result: RunResult,
    judge: Judge,
    budget_usd: float | None,
) -> Outcome:
    """What a run says of a fleet at a step."""
    sample, kept = result.sample, judge.held(result)
    worlds, held = len(kept), int(kept.sum())
    causes = [result.cause(int(world)) for world in np.flatnonzero(~kept)]
    main = main_cause(causes) if causes else None
    monthly_usd, loses = sample.values("cost_usd_per_month"), sample.values("loses_money")
    word = judge.word(held, worlds)
    return Outcome(
        fleet=fleet,
        step=step,
        growth=growth,
        counts=None if counts is None else dict(counts),
        result=result,
        worlds=worlds,
        held=held,
        word=word,
        more=judge.more(held, worlds) if word == "cannot tell" else 0.0,
        overloaded_share=float(sample.overloaded().mean()),
        figures={name: sample.estimate(name) for name in METRICS},
        cause=main,
        caused=sum(each.name == main.name for each in causes) if main else 0,
        over_budget_share=float("nan")
        if budget_usd is None
        else float((monthly_usd > budget_usd).mean()),
        loses_share=float(np.mean(loses)),
        worst=worst_served(result),
    )


def recovery(spiked: RunResult, kept: np.ndarray, worlds: int) -> Recovery | None:
    """How the worlds that hold without a spike come through it; None if there are none.

    Parameters
    ----------
    spiked : RunResult
    kept : (n,) bool
        Whether each world holds without a spike.
    worlds : int
        At most n, the first of which are looked at.
    """
    worlds = min(worlds, len(kept), len(spiked.sample))
    sample, kept = spiked.sample, kept[:worlds]
    if not kept.any():
        return None
    lasting = sample.values("spikes_unrecovered")[:worlds][kept] > 0
    time_s = sample.values("time_to_recover_s")[:worlds][kept]
    return Recovery(int(kept.sum()), int((~lasting).sum()), estimate(time_s, lasting))


def worth_a_spike(outcomes: Sequence[Outcome]) -> list[Outcome]:
    """The first and the furthest step of each fleet among those that do not break."""
    found = []
    for fleet in dict.fromkeys(outcome.fleet for outcome in outcomes):
        sound = [each for each in outcomes if each.fleet == fleet and each.word != "breaks"]
        found += sound[:1] + sound[1:][-1:]
    return found


def reason(outcome: Outcome, kinds: tuple[str, ...] = ("service", "budget", "margin")) -> str:
    """What broke at a step, in words; of these kinds only."""
    words = {
        "service": MEANINGS[outcome.cause.name] if outcome.cause else "",
        "budget": "its budget",
        "margin": "losing money",
    }
    return " and ".join(words[name] for name in outcome.breaks if name in kinds)
