"""The answer of a stress study, row by row: for tables and for JSON."""

import math
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from sim.montecarlo.shares import Share
from sim.montecarlo.summary import as_json as estimate_as_json
from sim.montecarlo.summary import share_as_json
from sim.studies.stress.breaking import Breaking
from sim.studies.stress.elasticity import Elasticity
from sim.studies.stress.outcome import METRICS, Outcome, reason

NAN = float("nan")


def row(outcome: Outcome) -> dict[str, Any]:
    """A row of a fleet at a step."""
    cells: dict[str, Any] = {
        "fleet": outcome.fleet,
        "step": outcome.step,
        **asdict(outcome.growth),
        "replicas": NAN if outcome.counts is None else sum(outcome.counts.values()),
        "worlds": outcome.worlds,
        "held": outcome.held,
        "held_share_low": outcome.kept.interval[0],
        "held_share_high": outcome.kept.interval[1],
        "verdict": outcome.word,
        "more_worlds": outcome.more,
        "overloaded_share": outcome.overloaded_share,
        "breaks": " ".join(outcome.breaks),
        "cause": outcome.cause.name if outcome.cause else "",
        "caused": outcome.caused,
        "over_budget_share": outcome.over_budget_share,
        "loses_share": outcome.loses_share,
    }
    for name in METRICS:
        figure = outcome.figures[name]
        cells |= {f"{name}_{level}": getattr(figure, level) for level in ("p5", "p50", "p95")}
        cells[f"{name}_at_least"] = "p50" in figure.at_least
    after = outcome.recovery
    cells["spiked_worlds"] = 0 if after is None else after.worlds
    cells["recovered"] = 0 if after is None else after.recovered
    cells["time_to_recover_s_p50"] = NAN if after is None else after.time_s.p50
    return cells


def breaking_row(each: Breaking) -> dict[str, Any]:
    """A row of a breaking point."""
    return {
        "fleet": each.fleet,
        "breaks": " ".join(each.broken.breaks),
        "about": "" if each.about is None else str(each.about),
        "holds_at": "" if each.held is None else str(each.held),
        "breaks_at": str(each.broken.growth),
        "cannot_tell_at": "; ".join(map(str, each.unsure)),
        "reason": reason(each.broken, each.kinds),
    }


def breaking_json(each: Breaking) -> dict[str, Any]:
    """A breaking point for JSON."""
    return {
        "about": None if each.about is None else asdict(each.about),
        "holds_at": None if each.held is None else asdict(each.held),
        "breaks_at": asdict(each.broken.growth),
        "cannot_tell_at": [asdict(growth) for growth in each.unsure],
        "reason": reason(each.broken, each.kinds),
        "probes": [outcome_json(probe) for probe in each.probes],
    }


def elasticity_row(each: Elasticity) -> dict[str, Any]:
    """A row of an elasticity."""
    middle, (low, high) = each.value.middle
    return {
        "fleet": each.fleet,
        "since": str(each.since),
        "until": str(each.until),
        "overall": each.overall,
        "broken": each.broken,
        "elasticity": middle,
        "low": low,
        "high": high,
        "worlds": each.value.n,
    }


def sign_rows(outcomes: tuple[Outcome, ...]) -> Iterator[tuple[Any, ...]]:
    """Rows of the evidence, one for each sign."""
    for outcome in outcomes:
        if outcome.cause is not None:
            for sign, value in outcome.cause.signs.items():
                yield (
                    outcome.fleet,
                    outcome.step,
                    str(outcome.growth),
                    outcome.cause.name,
                    outcome.cause.backend,
                    outcome.caused,
                    sign,
                    value,
                )


def outcome_json(outcome: Outcome) -> dict[str, Any]:
    """A fleet at a step, for JSON."""
    after, why = outcome.recovery, outcome.cause
    return {
        "fleet": outcome.fleet,
        "step": outcome.step,
        "growth": asdict(outcome.growth),
        "replicas": outcome.counts,
        "worlds": outcome.worlds,
        "held": outcome.held,
        **share_as_json("held_share", outcome.kept),
        "verdict": outcome.word,
        "more_worlds": _plain(outcome.more),
        **_share("overloaded_share", outcome.overloaded_share, outcome.worlds),
        "breaks": list(outcome.breaks),
        "worst_served": outcome.worst.as_json() if outcome.worst else None,
        "cause": None
        if why is None
        else {"name": why.name, "backend": why.backend, "worlds": outcome.caused, **why.signs},
        **_share("over_budget_share", outcome.over_budget_share, outcome.worlds),
        **_share("loses_share", outcome.loses_share, outcome.worlds),
        "recovery": None
        if after is None
        else {
            "worlds": after.worlds,
            "recovered": after.recovered,
            "time_s": estimate_as_json(after.time_s),
        },
        "metrics": {name: estimate_as_json(figure) for name, figure in outcome.figures.items()},
    }


def _share(name: str, share: float, worlds: int) -> dict[str, Any]:
    """A share of worlds and its interval; None where it is unknown."""
    known = not math.isnan(share)
    return share_as_json(name, Share(round(share * worlds), worlds) if known else None)


def _plain(value: float) -> float | None:
    return value if math.isfinite(value) else None
