"""A spike laid over the busiest time of the first day, to see whether a fleet recovers from it.

The horizon ends with the first day, and its bins become finer: recovery is measured in bins. The
spike ends while a quarter of the time is still left. It is the same for rates and for traces, where
it is an event.
"""

from dataclasses import dataclass, replace

import numpy as np

from sim.model.arrivals import SpecialEvent
from sim.model.closed import ClosedSource
from sim.model.design import Design
from sim.model.distributions import FloatArray
from sim.model.generated import GeneratedSource
from sim.model.trace import TraceSource
from sim.model.workload import RequestSource, Workload

DAY_S = 86_400.0
BINS = 288  # of the spike's horizon: 5 min of a day
LATEST = 0.75  # share of the horizon by which the spike is over
LONGEST = 0.25  # share of the horizon that a spike may last


@dataclass(frozen=True, slots=True)
class Spike:
    """The rate of all workloads times ``factor`` for ``duration_s``.

    Attributes
    ----------
    factor, duration_s : float
    """

    factor: float = 3.0
    duration_s: float = 900.0


def with_spike(design: Design, spike: Spike) -> Design:
    """The first day of a design, with a spike at its busiest time."""
    duration_s = min(design.horizon.duration_s, DAY_S)
    horizon = replace(
        design.horizon,
        duration_s=duration_s,
        end_limit_s=0.0,
        bin_s=min(design.horizon.bin_s, duration_s / BINS),
    )
    length_s = min(spike.duration_s, LONGEST * duration_s)
    start_s = busiest_s(design, duration_s, length_s)
    window = (start_s, start_s + length_s)
    return replace(
        design,
        horizon=horizon,
        workloads=tuple(_spiked(workload, window, spike.factor) for workload in design.workloads),
    )


def busiest_s(design: Design, duration_s: float, length_s: float) -> float:
    """Beginning of the window of most expected requests among those that end in time."""
    starts_s = np.arange(0.0, LATEST * duration_s - length_s + 1e-9, duration_s / BINS)
    sources = [workload.source for workload in design.workloads]
    expected = sum(
        (_cumulative(each, starts_s + length_s) - _cumulative(each, starts_s) for each in sources),
        np.zeros(len(starts_s)),
    )
    # Rounded, so that of equal windows the first is taken.
    return float(starts_s[int(np.argmax(expected.round(6)))])


def _cumulative(source: RequestSource, t_s: FloatArray) -> FloatArray:
    """Expected requests from time 0 to each t."""
    match source:
        case GeneratedSource(curve=curve):
            return curve.cumulative(t_s)
        case TraceSource():
            return source.cumulative(t_s)
        case ClosedSource():
            return np.zeros(len(t_s))  # its users are the same all the time
    raise TypeError(f"a source of requests ({type(source).__name__}) that cannot spike")


def _spiked(workload: Workload, window: tuple[float, float], factor: float) -> Workload:
    source, (start_s, end_s) = workload.source, window
    spiked: RequestSource
    match source:
        case GeneratedSource(curve=curve):
            edges_s = np.array([min(curve.start_s, start_s) - 1.0, start_s, end_s, curve.end_s + 1])
            spiked = replace(source, curve=curve.times(edges_s, np.array([1.0, factor, 1.0])))
        case TraceSource():
            event = SpecialEvent(start_s, end_s - start_s, factor)
            spiked = replace(source, events=(*source.events, event))
        case ClosedSource():
            return workload
        case _:
            raise TypeError(f"a source of requests ({type(source).__name__}) that cannot spike")
    return replace(workload, source=spiked, spikes=(*workload.spikes, window))
