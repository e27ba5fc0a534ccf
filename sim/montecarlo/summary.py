"""The summary of a run: every figure as its distribution over worlds.

The layout is that of ``summary.json``, version 1, ready for JSON: what is undefined or infinite is
None. It holds nothing that differs between two runs of the same worlds (no times, no paths).
"""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from sim.model.design import Design
from sim.model.month import rests_on
from sim.montecarlo import budgets, days_simulated, verdict
from sim.montecarlo.cause import Cause
from sim.montecarlo.estimates import Estimate
from sim.montecarlo.lower_bounds import OPEN
from sim.montecarlo.sample import INPUT_PREFIX, Sample
from sim.montecarlo.shares import Share
from sim.montecarlo.undrawn import means_rest_on

VERSION = 1
PARTS = ("workloads", "backends")  # metrics named ``workloads.<name>.<metric>`` are nested
REGIONS = "regions"  # likewise, where there are any

Summary = dict[str, Any]


def summarise(
    sample: Sample,
    design: Design,
    seed: int,
    interrupted: bool,
    diagnose: Callable[[int], Cause] | None = None,
) -> Summary:
    """Summary of the finished worlds.

    Parameters
    ----------
    sample : Sample
        At least one world.
    design : Design
        That of any world: for its name, horizon and SLOs.
    seed : int
    interrupted : bool
        Whether worlds that were asked for are missing.
    diagnose : callable, optional
        The cause of the trouble in a world; without it none is named.
    """
    kept = slo_kept(sample, design)
    summary: Summary = {
        "version": VERSION,
        "scenario": design.name,
        "seed": seed,
        "horizon_s": design.horizon.duration_s,
        "month": rests_on(design),
        "replications": len(sample),
        "interrupted": interrupted,
        "ending": _ending(sample, design),
        "fidelity": days_simulated.as_json(sample, design),
        "services": _services(design),
        **share_as_json("overloaded_share", Share.of(sample.overloaded())),
        **share_as_json("slo_met_share", None if kept is None else Share.of(kept)),
        **means_rest_on(len(sample), sample.controls().undrawn),
        **verdict.as_json(verdict.verdict(sample, design, kept), sample, diagnose),
        "budgets": list(budgets.as_json(sample, design)),
        "metrics": {},
        **{part: {} for part in PARTS},
        **({REGIONS: {}} if design.regions else {}),
    }
    for name in sample.names():
        if not name.startswith(INPUT_PREFIX) and not name.endswith(OPEN):
            _place(summary, name)[name.rsplit(".", 1)[-1]] = as_json(sample.estimate(name))
    return summary


def _services(design: Design) -> dict[str, dict[str, Any]]:
    """The profile that each pool rests on, its grade and date, and how its replicas are counted."""
    return {
        pool.name: {
            "profile": pool.profile.name,
            "grade": pool.profile.grade,
            "as_of": pool.profile.as_of,
            "measured": pool.profile.measured is not None,
            "fit_error": pool.profile.fit_error,
            "gpus_per_replica": pool.gpus_per_replica,
            "autoscaled": pool.autoscaler is not None,
        }
        for pool in design.pools
    }


def slo_kept(sample: Sample, design: Design) -> npt.NDArray[np.bool_] | None:
    """Whether every workload attains its SLO: (worlds,) bool; None if none has one.

    Never in a world that overloads: what its requests have seen so far says nothing of the rest.
    """
    stated = [workload for workload in design.workloads if workload.slo.is_stated]
    kept = [sample.attained(each.name, each.slo.attainment) for each in stated]
    return ~sample.overloaded() & np.all(kept, axis=0) if kept else None


def _ending(sample: Sample, design: Design) -> dict[str, Any] | None:
    """How a horizon that waits for the last answers ended; None for one that is cut.

    ``job``: in every world all requests had come before the first was answered; ``drained_share``:
    of the worlds in which nothing was left to answer before the limit in time.
    """
    if not design.horizon.is_drained:
        return None
    return {
        "job": bool(np.all(sample.values("all_at_once") == 1.0)),
        "limit_s": design.horizon.end_limit_s,
        **share_as_json("drained_share", Share.of(sample.values("drained") == 1.0)),
    }


def share_as_json(name: str, share: Share | None) -> dict[str, Any]:
    """A share of worlds under its name, and its interval; None where there is none."""
    if share is None:
        return {name: None, f"{name}_ci": None}
    return {name: _plain(share.value), f"{name}_ci": [_plain(end) for end in share.interval]}


def as_json(figure: Estimate) -> dict[str, Any]:
    """The estimate as plain JSON; ``at_least`` only where something is a lower bound."""
    plain: dict[str, Any] = {
        "mean": _plain(figure.mean),
        "sd": _plain(figure.sd),
        "p5": _plain(figure.p5),
        "p50": _plain(figure.p50),
        "p95": _plain(figure.p95),
        "p50_ci": [_plain(end) for end in figure.p50_ci],
        "p95_ci": [_plain(end) for end in figure.p95_ci],
        "mean_ci": [_plain(end) for end in figure.mean_ci],
        "n": figure.n,
    }
    return plain | ({"at_least": list(figure.at_least)} if figure.at_least else {})


def _place(summary: Summary, name: str) -> dict[str, Any]:
    """The dictionary that a flat metric belongs to: ``workloads.chat.ttft_p95_s`` to that of chat.

    A workload's own name may hold dots; a metric's does not.
    """
    part, _, rest = name.partition(".")
    if part not in (*PARTS, REGIONS) or not rest:
        metrics: dict[str, Any] = summary["metrics"]
        return metrics
    nested: dict[str, Any] = summary[part].setdefault(rest.rsplit(".", 1)[0], {})
    return nested


def _plain(value: float) -> float | None:
    return value if math.isfinite(value) else None
