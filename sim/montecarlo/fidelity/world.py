"""A world of a long horizon, simulated by some of its days."""

import math
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt

from sim.engine.control.outages import incidents_of
from sim.engine.joined import Stretch, joined
from sim.engine.simulation import Outcome, simulate
from sim.model.arrivals import YEAR_S
from sim.model.autoscaler import DAY_S
from sim.model.design import Design
from sim.model.generated import GeneratedSource
from sim.model.later import later
from sim.model.managed import ManagedApi
from sim.model.price import HOUR_S
from sim.model.streams import Streams
from sim.montecarlo.fidelity.days import DAYS, REQUESTS, Days, stands_for
from sim.montecarlo.fidelity.memory import LONGEST_S, WHOLE, warm_up_s, why_exact
from sim.montecarlo.lower_bounds import DAYS_SHARE

AUTO = "auto"

AUTO = "auto"

FloatArray = npt.NDArray[np.float64]

BACKLOG_S = 36.0  # of a day's requests at its mean pace: less than that is as good as nothing
AFTER_S = HOUR_S  # an event is felt a little longer than it lasts


@dataclass(frozen=True, slots=True)
class Simulated:
    """What of a horizon was simulated.

    Attributes
    ----------
    outcome : Outcome
        Of the whole horizon.
    figures : dict of str to float
        What was simulated of it; none of a world that was to be exact.
    """

    outcome: Outcome
    figures: dict[str, float] = field(default_factory=dict)


def simulate_world(
    fidelity: str, design: Design, streams: Streams, record_requests: bool = False
) -> Simulated:
    """One replication, exact or by some of its days; only an exact one has every request."""
    if fidelity == AUTO:
        return simulate_days(design, streams)
    return Simulated(simulate(design, streams, record_requests))


def simulate_days(design: Design, streams: Streams) -> Simulated:
    """Simulate a world by some of its days where those are enough, else by all.

    They are not enough where something of a fleet lasts for longer than a day that is simulated by
    itself can be prepared for (:mod:`sim.montecarlo.fidelity.memory`), and where its queues do: a
    day is only taken by itself if, within the time that comes before a day, nobody waits any more
    at the end of every simulated one.
    """
    requests = 0.0
    if why_exact(design) is None:
        design = _of_world(design, streams)
        least_s = warm_up_s(design)
        for before_s in (least_s, *(s for s in (DAY_S, LONGEST_S) if s > least_s)):
            attempt = _Days(design, streams, before_s)
            outcome = attempt.outcome()
            requests += attempt.requests
            if outcome is not None:
                return Simulated(outcome, _account(design, len(attempt.simulated), requests))
    outcome = simulate(design, streams)
    requests += float(outcome.ledger.workloads["requests"].sum())
    return Simulated(outcome, _account(design, _days_of(design), requests))


def _of_world(design: Design, streams: Streams) -> Design:
    """The design with the world's own rates, and the incidents that it has."""
    span_s = -design.horizon.warm_up_s, design.horizon.duration_s
    workloads = []
    for each in design.workloads:
        assert isinstance(each.source, GeneratedSource)
        curve = each.source.world_curve(each.name, streams)
        source = replace(each.source, curve=curve, dispersion=None)
        workloads.append(replace(each, source=source))
    managed = tuple(_with_incidents(each, streams, span_s) for each in design.managed)
    return replace(design, workloads=tuple(workloads), managed=managed)


def _with_incidents(api: ManagedApi, streams: Streams, span_s: tuple[float, float]) -> ManagedApi:
    if api.outages is None:
        return api
    happened = tuple(incidents_of(api.outages, api.name, streams, *span_s))
    return replace(api, outages=replace(api.outages, happened=happened))


def _account(design: Design, days: int, requests: float) -> dict[str, float]:
    """Days that were simulated, and requests, those before such days among them."""
    return {DAYS: float(days), DAYS_SHARE: days / _days_of(design), REQUESTS: requests}


def _days_of(design: Design) -> int:
    return math.ceil(design.horizon.duration_s / DAY_S - 1e-9)


class _Days:
    """A world's horizon by some of its days, each entered so long before it begins.

    Attributes
    ----------
    simulated : dict of int to Outcome
        By the number of the day.
    requests : float
        Simulated so far, those before such days among them.
    """

    def __init__(self, design: Design, streams: Streams, before_s: float) -> None:
        self.simulated: dict[int, Outcome] = {}
        self.requests = 0.0
        self._design, self._streams, self._before_s = design, streams, before_s

    def outcome(self) -> Outcome | None:
        """Of the horizon; None if on some day there is always somebody who waits."""
        horizon = self._design.horizon
        whole_days = int(horizon.duration_s / DAY_S + 1e-9)
        days = _expected(self._design, whole_days)
        rng = self._streams("fidelity/days")
        place = stands_for(days, self._before_s / DAY_S, rng).tolist()
        if horizon.duration_s > whole_days * DAY_S + WHOLE:
            place.append(whole_days)  # shorter than the others, for which none of them stands
        for day in sorted(set(place)):
            self.simulated[day] = outcome = self._simulate(day)
            if not _clears(outcome, self._before_s):
                return None
        bins = round(DAY_S / horizon.bin_s)
        stretches = [
            Stretch(day * DAY_S, day * bins, self.simulated[other], *self._before(other))
            for day, other in enumerate(place)
        ]
        return joined(self._design, stretches)

    def _before(self, day: int) -> tuple[float, int]:
        """Seconds that are simulated before a day, and how many bins they are."""
        before_s = min(self._before_s, day * DAY_S)
        return before_s, round(before_s / self._design.horizon.bin_s)

    def _simulate(self, day: int) -> Outcome:
        horizon = self._design.horizon
        forget_s = self._before(day)[0]
        from_s = day * DAY_S - forget_s
        length_s = forget_s + min(DAY_S, horizon.duration_s - day * DAY_S)
        warm_s = horizon.warm_up_s if from_s == 0.0 else 0.0
        part = later(self._design, from_s, warm_s, length_s)
        outcome = simulate(part, self._streams.of_part(f"day/{day}"), forget_s=forget_s)
        self.requests += float(outcome.ledger.workloads["requests"].sum())
        return outcome


def _clears(outcome: Outcome, within_s: float) -> bool:
    """Whether there is a time, so long before the end of a day, at which hardly anybody waits."""
    ledger = outcome.ledger
    late = ledger.edges_s[1:] > outcome.end_s - min(within_s, DAY_S, outcome.end_s) + WHOLE
    waiting = ledger.pools["waiting"].sum(axis=0)[late]
    pace = float(ledger.workloads["requests"].sum()) / outcome.end_s
    return not len(waiting) or float(waiting.min()) <= max(1.0, BACKLOG_S * pace)


def _expected(design: Design, count: int) -> Days:
    """Work and events of whole days."""
    edges_s = np.arange(24 * count + 1) * HOUR_S
    hours = np.zeros(24 * count)
    for workload in design.workloads:
        source = workload.source
        assert isinstance(source, GeneratedSource)
        grown = source.prompt_growth_per_year ** (edges_s[1:] / YEAR_S)
        tokens = source.prompt.mean_tokens() * grown + source.output.mean_tokens()
        hours += np.diff(source.curve.cumulative(edges_s)) * tokens
    by_day = hours.reshape(count, 24)
    return Days(by_day.sum(axis=1), by_day.max(axis=1), _event_hours(design, count))


def _event_hours(design: Design, count: int) -> FloatArray:
    """Hours of events and incidents in each day."""
    hours = np.zeros(count)
    starts_s = np.arange(count) * DAY_S
    for start_s, end_s in _events(design):
        overlap_s = np.minimum(end_s + AFTER_S, starts_s + DAY_S) - np.maximum(start_s, starts_s)
        hours += np.maximum(overlap_s, 0.0) / HOUR_S
    return hours


def _events(design: Design) -> Iterator[tuple[float, float]]:
    for workload in design.workloads:
        yield from workload.spikes
    for api in design.managed:
        if api.outages is not None and api.outages.happened is not None:
            yield from ((each.start_s, each.end_s) for each in api.outages.happened)
    for pool in design.pools:
        if pool.failures.zones is not None:
            yield from ((start, end) for _, start, end in pool.failures.zones.planned)
