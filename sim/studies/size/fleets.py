"""Tables of the fleets that were looked at: what each keeps, costs and shows, and why it is out."""

import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd

from sim.montecarlo.result import RunResult
from sim.montecarlo.sample import Sample
from sim.montecarlo.verdict import served
from sim.studies.size.board import Tally
from sim.studies.size.evidence import Verdict
from sim.studies.size.options import Option, Terms
from sim.studies.size.question import Question

NOTICED = 0.005  # share of requests without an answer: it moves a p95 to the p95.5


def shown_run(options: list[Option], chosen: Option | None, terms: Terms) -> RunResult:
    """The run of the fleet that is spoken of: the chosen one, else the largest simulated."""
    option = chosen or next(each for each in options if each.found is not None)
    assert option.found is not None
    tallies = option.found.tallies
    count = option.count
    if count is None:
        count = max(n for n, tally in tallies.items() if tally.simulated)
    scenario = option.kind.scenario(count)
    return terms.bench.run(scenario, tallies[count].worlds, terms.seed)


def frontier_latency(result: RunResult, question: Question) -> tuple[str, float]:
    """The p95 that the frontier shows, of the worst served workload with an SLO; its threshold."""
    worst = next(each for each in served(result.sample, result.design) if each.slo.is_stated)
    slo = worst.slo
    limits = {"ttft": slo.ttft_s, "e2e": slo.e2e_s, "tpot": slo.tpot_s}
    which = next(name for name, limit_s in limits.items() if math.isfinite(limit_s))
    peak = "peak_hour_" if question.peak and which != "tpot" else ""
    return f"workloads.{worst.name}.{peak}{which}_p95_s", limits[which]


def candidates(
    options: list[Option], chosen: Option | None, metric: str, terms: Terms
) -> pd.DataFrame:
    """One row per fleet that was considered, with the reason that it was dropped for, if it was.

    Parameters
    ----------
    options : list of Option
    chosen : Option or None
    metric : str
        A latency, of which each row has its percentiles over worlds.
    terms : Terms
    """
    rows = [row for option in options for row in _rows(option, chosen, metric, terms)]
    return pd.DataFrame(rows)


def _rows(
    option: Option, chosen: Option | None, metric: str, terms: Terms
) -> Iterator[dict[str, Any]]:
    if option.found is None:
        yield {
            **_fleet(option, None),
            "verdict": "dropped",
            "chosen": False,
            "cost_usd_per_month": option.cost_usd_per_month,
            "reason": option.reason,
        }
        return
    for count, tally in option.found.tallies.items():
        is_chosen = chosen is not None and option is chosen and count == chosen.count
        yield {
            **_fleet(option, count),
            "worlds": tally.worlds,
            **tally.as_row(),
            "overloaded_share": tally.overloaded,
            **(_measured(option, count, tally, metric, terms) if tally.simulated else {}),
            "verdict": tally.verdict.value,
            "chosen": is_chosen,
            "reason": "" if is_chosen else _reason(option, tally, chosen),
        }


def _fleet(option: Option, count: int | None) -> dict[str, Any]:
    least, most = option.kind.limits(count) if count is not None else (math.nan, math.nan)
    return {
        "service": option.kind.service,
        "autoscaled": option.kind.autoscaled,
        "replicas_min": least,
        "replicas_max": most,
    }


def _measured(
    option: Option, count: int, tally: Tally, metric: str, terms: Terms
) -> dict[str, float]:
    """Mean cost, and the p95 latency over worlds."""
    scenario = option.kind.scenario(count)
    sample = terms.bench.run(scenario, tally.worlds, terms.seed).sample
    return {
        "cost_usd_per_month": float(terms.cost(scenario, tally.worlds).mean()),
        **latency_over_worlds(sample, metric, tally.worlds),
    }


def latency_over_worlds(sample: Sample, metric: str, worlds: int) -> dict[str, float]:
    """Percentiles of a latency over worlds, and what was not answered; NaN where no world has it.

    A latency is that of the requests that were answered. Where others were not (they timed out, or
    were turned away), a smaller fleet seems faster for it: then it is only a lower bound.
    """
    latency_s = sample.values(metric)[:worlds]
    workload = metric.rsplit(".", 1)[0]
    lost = sample.values(f"{workload}.unanswered_share")[:worlds]
    known = latency_s[~np.isnan(latency_s)]
    p5, p50, p95 = np.percentile(known, [5, 50, 95]) if len(known) else [math.nan] * 3
    unanswered = float(np.median(lost)) if len(lost) else 0.0
    return {
        "latency_p95_p5_s": float(p5),
        "latency_p95_p50_s": float(p50),
        "latency_p95_p95_s": float(p95),
        "unanswered_share": unanswered,
        "latency_at_least": unanswered >= NOTICED,
    }


def _reason(option: Option, tally: Tally, chosen: Option | None) -> str:
    worlds = tally.keeping.words()
    if not tally.simulated:
        return f"more work comes than it can do in {tally.missing.words()}; not simulated"
    match tally.verdict:
        case Verdict.MISSES:
            return f"keeps the SLO in {worlds} only"
        case Verdict.OPEN:
            return f"keeps the SLO in {worlds}, which does not tell"
        case Verdict.KEEPS:
            if option is not chosen:
                return option.reason or "keeps the SLO, but another fleet does for less"
            return "keeps the SLO, but a smaller fleet does, too"
