"""What the simulated worlds say about one measure."""

import math
from collections.abc import Sequence

import numpy as np
import pandas as pd

from sim.montecarlo.draws import FloatArray
from sim.montecarlo.estimates import estimate
from sim.montecarlo.shares import Interval, Share
from sim.studies.measure import Measure
from sim.studies.sensitivity.answer import ALIKE_ROWS, CHANCE, FEWEST_OF_EACH, Influence
from sim.studies.sensitivity.flips import decision_indices
from sim.studies.sensitivity.sobol import Indices, indices
from sim.studies.sensitivity.surrogate import Part

FEWEST_USABLE = 12  # rows in which the measure is defined
TAIL = 0.02  # a share of worlds that may hold half of the variance at most


def influence(
    measure: Measure,
    levels: dict[str, tuple[float, float]],
    values: FloatArray,
    tornado: FloatArray,
    lower_bound_share: float,
    rng: np.random.Generator,
    points: tuple[FloatArray, FloatArray] | None = None,
    parts: Sequence[Part] = (),
) -> Influence:
    """What moves a measure.

    Parameters
    ----------
    measure : Measure
    levels : dict of str to (float, float)
        The factors by path, with their p10 and p90; NaN of one that has several inputs.
    values : (3 + factors, rows) float64
        At A, at B, at the mixture of each factor, at that of chance; NaN where undefined.
    tornado : (1 + 2 factors, worlds) float64
        At the medians; with each factor at its p10, at its p90.
    lower_bound_share : float
    rng : numpy.random.Generator
        Of the bootstrap.
    points : two of (rows, inputs) float64, optional
        The rows of A and B in the unit cube.
    parts : sequence of sequence of int
        The inputs of each factor; by default each input is one.
    """
    usable = np.isfinite(values).all(axis=0)
    kept = values[:, usable] if usable.sum() >= FEWEST_USABLE else values[:, :0]
    ranked = not measure.decision and (lower_bound_share > 0.0 or tail_rules(kept[:2]))
    scale = ranks(kept) if ranked else kept
    held = Share.of(kept[:2].ravel()) if measure.decision else None
    rarer = math.inf if held is None else float(min(held.count, held.worlds - held.count))
    rare = 0 < rarer < FEWEST_OF_EACH
    known = kept.size and not rare
    found: Indices | None = None
    if known and measure.decision:
        found = decision_indices(kept[0], kept[1], kept[2:], rng)
    elif known:
        at = None if points is None else (points[0][usable], points[1][usable])
        found = indices(scale[0], scale[1], scale[2:], rng, points=at, parts=parts)
    over = estimate(kept[:2].ravel(), yes_or_no=measure.decision)
    factors = _factors(list(levels), found, over.p95 - over.p5)
    swings = pd.DataFrame(
        [
            {"factor": path, "input_p10": low, "input_p90": high}
            | _swing(tornado[1 + 2 * i], tornado[2 + 2 * i])
            for i, (path, (low, high)) in enumerate(levels.items())
        ]
    )
    leader, rival, told, rows_needed = _verdict(list(levels), found, kept.shape[1])
    if rare:
        rows_needed = _power_of_two(kept.shape[1] * FEWEST_OF_EACH / rarer)
    return Influence(
        measure=measure,
        varies=rare or not (found is None or np.isnan(found.total).all()),
        rows=kept.shape[1],
        undefined=int(np.sum(~usable)),
        mean=over.mean,
        p5=over.p5,
        p50=over.p50,
        p95=over.p95,
        at_medians=estimate(tornado[0]).mean,
        lower_bound_share=lower_bound_share,
        ranked=ranked,
        rarer=rarer,
        held=held,
        factors=factors.merge(swings, how="left", on="factor"),
        leader=leader,
        rival=rival,
        told=told,
        rows_needed=rows_needed,
    )


def tail_rules(values: FloatArray) -> bool:
    """Whether a few worlds hold more than half of the variance, which then speaks of them alone.

    >>> tail_rules(np.array([1.0, 2.0, 3.0, 4.0])), tail_rules(np.array([1.0, 2.0, 3.0, 400.0]))
    (False, True)
    """
    squares = np.sort(((values - np.mean(values)) ** 2).ravel()) if values.size else np.zeros(1)
    few = max(1, round(TAIL * len(squares)))
    return bool(squares[-few:].sum() > 0.5 * squares.sum() and len(np.unique(values)) > 2)


def ranks(values: FloatArray) -> FloatArray:
    """Ranks among all values, from 0 to 1, equal values alike: the order without the tail."""
    ranked = (pd.Series(values.ravel()).rank().to_numpy() - 0.5) / max(values.size, 1)
    return np.asarray(ranked, np.float64).reshape(values.shape)


def _factors(paths: list[str], found: Indices | None, width: float) -> pd.DataFrame:
    """Indices of all inputs, the greatest total first, and of chance."""
    names = [*paths, CHANCE]
    nothing = np.full(len(names), np.nan)
    first = found.first if found else nothing
    total = found.total if found else nothing
    first_ci = found.first_ci if found else np.array([nothing, nothing])
    total_ci = found.total_ci if found else np.array([nothing, nothing])
    frame = pd.DataFrame(
        {
            "factor": names,
            "first": first,
            "first_low": first_ci[0],
            "first_high": first_ci[1],
            "total": total,
            "total_low": total_ci[0],
            "total_high": total_ci[1],
            # E[V(Y | Xi)] = (1 - Si) V(Y): the width that goes with it, if the shape stays.
            "width_known": width * np.sqrt(1.0 - np.clip(first, 0.0, 1.0)),
        }
    )
    by_total = frame.iloc[:-1].sort_values("total", ascending=False, kind="stable")
    return pd.concat([by_total, frame.iloc[-1:]], ignore_index=True)


def _swing(low: FloatArray, high: FloatArray) -> dict[str, float]:
    """The measure at both ends of an input, and the paired difference over worlds.

    Its interval is that of the median difference, which so few worlds tell.
    """
    both = np.isfinite(low) & np.isfinite(high)
    difference = estimate(high[both] - low[both])
    return {
        "at_p10": estimate(low[both]).mean,
        "at_p90": estimate(high[both]).mean,
        "swing": difference.mean,
        "swing_low": difference.p50_ci[0],
        "swing_high": difference.p50_ci[1],
    }


def _verdict(paths: list[str], found: Indices | None, rows: int) -> tuple[str, str, bool, float]:
    """Leader and rival by first-order index, whether they can be told apart, and the rows it takes.

    A leader alone is set against nothing: an index of 0.
    """
    if found is None or np.isnan(found.first).any():
        return "", "", False, math.inf
    order = np.argsort(-found.first[: len(paths)], kind="stable")
    leader = int(order[0])
    above_none: Interval = (float(found.first_ci[0][leader]), float(found.first_ci[1][leader]))
    if len(paths) == 1 or above_none[0] <= 0.0:
        gap, interval, rival = float(found.first[leader]), above_none, ""
    else:
        second = int(order[1])
        rival = paths[second]
        gap = float(found.first[leader] - found.first[second])
        low, high = found.leads_ci[:, leader, second]
        interval = (float(low), float(high))
    told, needed = interval[0] > 0.0, _rows_needed(rows, gap, interval)
    if found.flips is not None and found.flips[leader] < FEWEST_OF_EACH:
        told = False
        more = FEWEST_OF_EACH / max(int(found.flips[leader]), 1)
        needed = max(needed, _power_of_two(rows * more))
    return paths[leader], rival, told, needed


def _rows_needed(rows: int, gap: float, interval: Interval) -> float:
    """Rows at which an interval would leave out 0, were its middle to stay; a power of two."""
    half = (interval[1] - interval[0]) / 2.0
    if gap <= 0.0:
        return math.inf
    # The width of an interval falls with the square root of the number of rows.
    needed = rows * max((half / gap) ** 2, 1.0)
    if interval[0] <= 0.0:
        needed = max(needed, 2.0 * rows)
    return _power_of_two(needed)


def _power_of_two(rows: float) -> float:
    """The next power of two; infinite beyond what anybody would simulate."""
    return float(2 ** math.ceil(math.log2(rows))) if rows <= ALIKE_ROWS else math.inf
