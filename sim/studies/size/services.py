"""A row per service: the fleet of it that keeps the SLO, or why there is none."""

from typing import Any

import pandas as pd

from sim.montecarlo.shares import percent
from sim.studies.size.fleet import pool_named
from sim.studies.size.lone import lone_of
from sim.studies.size.options import Option
from sim.studies.size.question import Question

COLUMNS = (
    "service",
    "gpus_per_replica",
    "replicas",
    "gpus",
    "cost_usd_per_month",
    "kept_share",
    "kept_share_low",
    "kept_share_high",
    "worlds",
    "grade",
    "measured",
    "fit_error",
    "lone_s",
    "lone_limit_s",
    "says",
)


def services_frame(options: list[Option], question: Question) -> pd.DataFrame:
    """One row per service, the cheapest of its fleets, in the order of the search."""
    found: dict[str, Option] = {}
    for option in options:
        before = found.get(option.kind.service)
        if before is None or _better(option, before):
            found[option.kind.service] = option
    rows = [_row(option, question) for option in found.values()]
    return pd.DataFrame(rows, columns=list(COLUMNS))


def _better(option: Option, before: Option) -> bool:
    if option.count is None:
        return False
    return before.count is None or option.cost_usd_per_month < before.cost_usd_per_month


def _row(option: Option, question: Question) -> dict[str, Any]:
    kind = option.kind
    design = kind.case.load().typical_design()
    pool = pool_named(design, kind.pool)
    row: dict[str, Any] = {
        "service": kind.service,
        "gpus_per_replica": pool.gpus_per_replica,
        "cost_usd_per_month": option.cost_usd_per_month,
        "grade": pool.profile.grade,
        "measured": pool.profile.measured is not None,
        "fit_error": pool.profile.fit_error,
        "says": _says(option, question),
    }
    if option.count is not None and option.found is not None:
        tally = option.found.tallies[option.count]
        most = kind.limits(option.count)[1]
        row |= {"replicas": most, "gpus": pool.bought_gpus(most), "worlds": tally.worlds}
        low, high = tally.interval
        row |= {"kept_share": tally.share, "kept_share_low": low, "kept_share_high": high}
    alone = lone_of(kind, question)
    if alone is not None:
        row |= {"lone_s": alone.seconds, "lone_limit_s": alone.limit_s}
    return row


def _says(option: Option, question: Question) -> str:
    """What became of a service, in a few words."""
    if option.count is not None:
        return "keeps the SLO"
    if option.found is None:
        return "dearer by its work alone"
    alone = lone_of(option.kind, question)
    if alone is not None and alone.is_late:
        return "no number of replicas: a lone request is late"
    best = option.found.tallies.get(option.found.most)
    if option.found.open or best is None:
        return "these worlds cannot tell"
    return f"kept in {percent(best.share)} of worlds at most"
