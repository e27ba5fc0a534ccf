"""What a world's own rates tell of its horizon before anything of it is simulated."""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from sim.model.arrivals import YEAR_S
from sim.model.autoscaler import DAY_S
from sim.model.design import Design
from sim.model.generated import GeneratedSource
from sim.model.price import HOUR_S

FloatArray = npt.NDArray[np.float64]

AFTER_S = HOUR_S  # an event is felt a little longer than it lasts


def of_hours(design: Design, hours: int) -> tuple[FloatArray, FloatArray]:
    """Tokens and requests of each workload in each hour: (workloads, hours) each."""
    edges_s = np.arange(hours + 1) * HOUR_S
    tokens, requests = np.empty((2, len(design.workloads), hours))
    for row, workload in enumerate(design.workloads):
        source = workload.source
        assert isinstance(source, GeneratedSource)
        grown = source.prompt_growth_per_year ** (edges_s[1:] / YEAR_S)
        requests[row] = np.diff(source.curve.cumulative(edges_s))
        tokens[row] = requests[row] * (
            source.prompt.mean_tokens() * grown + source.output.mean_tokens()
        )
    return tokens, requests


def event_hours(design: Design, days: int) -> FloatArray:
    """Hours of the events and incidents of each cause in each day: (causes, days)."""
    starts_s = np.arange(days) * DAY_S
    rows = [np.zeros(days)]
    for spans in _events(design):
        hours = np.zeros(days)
        for start_s, end_s in spans:
            last_s = np.minimum(end_s + AFTER_S, starts_s + DAY_S)
            hours += np.maximum(last_s - np.maximum(start_s, starts_s), 0.0) / HOUR_S
        rows.append(hours)
    return np.stack(rows)


def _events(design: Design) -> Iterator[tuple[tuple[float, float], ...]]:
    """Those of each workload, each API and each zone."""
    for workload in design.workloads:
        yield workload.spikes
    for api in design.managed:
        if api.outages is not None and api.outages.happened is not None:
            yield tuple((each.start_s, each.end_s) for each in api.outages.happened)
    planned = {
        each
        for pool in design.pools
        if pool.failures.zones is not None
        for each in pool.failures.zones.planned
    }
    for zone in sorted({each[0] for each in planned}):
        yield tuple((start, end) for name, start, end in sorted(planned) if name == zone)
