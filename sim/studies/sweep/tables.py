"""The tables of a sweep: a row for each design, and a row for each design and world."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from sim.montecarlo.estimates import Estimate, estimate
from sim.montecarlo.result import RunResult
from sim.montecarlo.shares import Share
from sim.studies.measure import Measure
from sim.studies.sweep.axes import Axis

if TYPE_CHECKING:
    from sim.studies.sweep.answer import Point

FIGURES = (  # of every design, beside what the front is of
    "cost_usd_per_month",
    "cost_usd_per_request",
    "cost_usd_per_million_tokens",
    "ttft_p95_s",
    "peak_hour_ttft_p95_s",
    "tpot_p95_s",
    "e2e_p95_s",
    "utilisation",
    "ready_replicas_mean",
    "unanswered_share",
    "slo_attainment",
)


def figures_of(
    axes: Sequence[Axis],
    points: Sequence["Point"],
    results: Sequence[RunResult],
    worlds: int,
    measures: Sequence[Measure],
) -> pd.DataFrame:
    """A row per design: values of its keys, where it is, and each figure with its intervals.

    A figure is ``NAME_mean``, ``NAME_p50`` and ``NAME_p95`` over worlds, each with ``_low`` and
    ``_high``, the ends of its interval; ``NAME_at_least`` where its median is a lower bound.
    """
    rows = []
    for point, result in zip(points, results, strict=True):
        row: dict[str, Any] = {"design": point.label}
        row |= {axis.path: value for axis, value in zip(axes, point.values, strict=True)}
        row |= {"status": point.status, "by": points[point.by].label if point.by >= 0 else ""}
        row |= _share("slo_met_share", point.slo_met) | _share("overloaded_share", point.overloaded)
        controls = result.sample.controls().first(worlds)
        for measure in measures:
            bounds = measure.lower_bound(result)[:worlds]
            found = estimate(_values(measure, result, worlds), bounds, controls, measure.decision)
            row |= _columns(measure.name, found)
        rows.append(row)
    frame = pd.DataFrame(rows)
    for axis in axes:
        frame[axis.path] = _numbers(frame[axis.path])
    return frame


def worlds_of(points: Sequence["Point"], results: Sequence[RunResult], worlds: int) -> pd.DataFrame:
    """A row per design and world: its verdict, what was drawn, and every figure."""
    parts = []
    for point, result in zip(points, results, strict=True):
        own = result.sample.frame().head(worlds)
        parts.append(own.assign(design=point.label)[["design", *own.columns]])
    return pd.concat(parts, ignore_index=True)


def _values(measure: Measure, result: RunResult, worlds: int) -> "np.ndarray[Any, Any]":
    """A figure in each world; NaN of a design that has none such."""
    if not measure.decision and measure.metric not in result.sample.names():
        return np.full(worlds, np.nan)
    return measure.of(result)[:worlds]


def _columns(name: str, found: Estimate) -> dict[str, Any]:
    row: dict[str, Any] = {}
    for level in ("mean", "p50", "p95"):
        low, high = getattr(found, f"{level}_ci")
        row |= {
            f"{name}_{level}": getattr(found, level),
            f"{name}_{level}_low": low,
            f"{name}_{level}_high": high,
        }
    return row | {f"{name}_at_least": "p50" in found.at_least}


def _share(name: str, share: Share | None) -> dict[str, float]:
    if share is None:
        return dict.fromkeys((name, f"{name}_low", f"{name}_high"), float("nan"))
    low, high = share.interval
    return {name: share.value, f"{name}_low": low, f"{name}_high": high}


def _numbers(values: "pd.Series[Any]") -> "pd.Series[Any]":
    """As numbers, where all are."""
    try:
        return pd.to_numeric(values)
    except (ValueError, TypeError):
        return values
