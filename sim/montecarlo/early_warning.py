"""Early warnings: what goes wrong before, or without, an average that shows it.

**Retry amplification** is the number of attempts that reach the gateway per request that needs one;
**wasted work** the share of the tokens worked on, prefilled or generated, that served nobody: of
attempts that were abandoned, killed, or preempted and done again. Work under way at the end counts
on neither side.

**Time above the SLO** is judged bin by bin, as a monitoring system would: a bin misses the SLO if,
of the requests that ended in it, less than the asked share had kept every threshold; timed out,
rejected, failed and given-up requests have not. A bin in which nothing ended says nothing: it is as
the bin before while requests were in flight when it began, and keeps the SLO if there were none.
All workloads together miss it when one of them does. Where no SLO is stated, 95 % must be answered.

**Time to recover** runs from the end of a spike (a special event that raises the rate of the
workload, or of another on the same backends; overlapping ones are one) to the start of the first
``LASTING`` bins in a row that keep the SLO: 0 if it was never missed. It is as coarse as the bins.
A spike from which the workload has not recovered at the end of the horizon counts with the time up
to there, a lower bound. The worst spike counts, and of all workloads the worst.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from sim.engine.ledger import UNANSWERED
from sim.engine.state.record import Records
from sim.model.design import Design

FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]
Spike = tuple[float, float]

LASTING = 3  # bins in a row within the SLO; one alone may be luck


def ended(booked: Records) -> npt.NDArray[np.int64]:
    """Requests whose fate was sealed, in each bin."""
    total: npt.NDArray[np.int64] = booked["completed"] + sum(booked[fate] for fate in UNANSWERED)
    return total


def missed(booked: Records, attainment: float) -> BoolArray:
    """Whether each bin misses the SLO of a workload.

    Parameters
    ----------
    booked : (bins,) WORKLOAD
    attainment : float
        The share of requests that must keep the SLO.
    """
    over = ended(booked)
    below = booked["slo_met"] < attainment * over
    in_flight = np.cumsum(booked["requests"] - over) - (booked["requests"] - over)  # at its start
    judged = (over > 0) | (in_flight == 0)
    # The first bin is always judged: nothing is in flight before it.
    latest = np.maximum.accumulate(np.where(judged, np.arange(len(over)), 0))
    verdict: BoolArray = (below & (over > 0))[latest]
    return verdict


def recovery(missed: BoolArray, edges_s: FloatArray, spikes: Sequence[Spike]) -> tuple[float, int]:
    """Time to recover from the worst of some spikes, and from how many it has not recovered.

    Parameters
    ----------
    missed : (bins,) bool
    edges_s : (bins + 1,) float64
    spikes : sequence of (float, float)
        Beginning and end; those that end outside of the horizon, or with it, are left out.

    Returns
    -------
    (float, int)
        Seconds; NaN without a spike, a lower bound if the second is above 0.

    Examples
    --------
    >>> down = np.array([False, True, True, False, False, False])
    >>> recovery(down, np.arange(7) * 60.0, [(60.0, 120.0)])
    (60.0, 0)
    """
    ends_s = [end_s for _, end_s in merged(spikes) if edges_s[0] <= end_s < edges_s[-1]]
    begin_s = [_lasting_from_s(missed, edges_s, end_s) for end_s in ends_s]
    # What has not recovered takes at least as long as is seen of it.
    until_s = np.array([edges_s[-1] if begin is None else begin for begin in begin_s])
    waits_s = np.maximum(until_s - ends_s, 0.0)
    return float(max(waits_s, default=np.nan)), begin_s.count(None)


def merged(spikes: Sequence[Spike]) -> list[Spike]:
    """The spikes in order, those that overlap or touch as one.

    >>> merged([(50.0, 60.0), (0.0, 20.0), (10.0, 15.0), (20.0, 30.0)])
    [(0.0, 30.0), (50.0, 60.0)]
    """
    joined: list[Spike] = []
    for start_s, end_s in sorted(spikes):
        if joined and start_s <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(joined[-1][1], end_s))
        else:
            joined.append((start_s, end_s))
    return joined


def spikes_of(design: Design, index: int) -> list[Spike]:
    """Spikes that a workload feels: those of the workloads with which it shares a backend."""
    own = design.workloads[index].route.backends
    sharing = [each for each in design.workloads if own & each.route.backends]
    return [spike for each in sharing for spike in each.spikes]


def warnings(
    booked: Records, edges_s: FloatArray, design: Design, indices: Sequence[int]
) -> dict[str, float]:
    """The figures in time of some workloads together.

    Parameters
    ----------
    booked : (workloads, bins) WORKLOAD
        Of all workloads.
    edges_s : (bins + 1,) float64
    design : Design
    indices : sequence of int
        The workloads meant.
    """
    down = [missed(booked[index], design.workloads[index].slo.attainment) for index in indices]
    width_s = np.diff(edges_s)
    recoveries = [
        recovery(mine, edges_s, spikes_of(design, index))
        for index, mine in zip(indices, down, strict=True)
    ]
    known_s = [time_s for time_s, _ in recoveries if not np.isnan(time_s)]
    return {
        "time_above_slo_share": float(width_s[np.any(down, axis=0)].sum() / width_s.sum()),
        "time_to_recover_s": max(known_s, default=float("nan")),
        "spikes_unrecovered": float(max(unrecovered for _, unrecovered in recoveries)),
    }


def _lasting_from_s(missed: BoolArray, edges_s: FloatArray, end_s: float) -> float | None:
    """When lasting service begins, at or after the bin that holds ``end_s``; None if never."""
    first = int(np.searchsorted(edges_s, end_s, side="right")) - 1
    lasting = min(LASTING, len(missed) - first)
    for start in range(first, len(missed) - lasting + 1):
        if not missed[start : start + lasting].any():
            return float(edges_s[start])
    return None
