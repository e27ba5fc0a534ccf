"""A world of a long horizon, simulated by some of its days."""

import math
from dataclasses import dataclass, field, replace

import numpy as np

from sim.engine.joined import Stretch, joined
from sim.engine.simulation import Outcome, simulate
from sim.model.autoscaler import DAY_S
from sim.model.design import Design
from sim.model.later import later
from sim.model.price import HOUR_S
from sim.model.streams import Streams
from sim.montecarlo.fidelity.backlog import EMPTY_S, HOURS, Backlog, Pilot, backlog
from sim.montecarlo.fidelity.days import DAYS, REQUESTS, Days, expected_cost, stands_for, strata
from sim.montecarlo.fidelity.expected import event_hours, of_hours
from sim.montecarlo.fidelity.fate import of_world
from sim.montecarlo.fidelity.memory import WHOLE, warm_up_s, why_exact
from sim.montecarlo.lower_bounds import DAYS_SHARE

AUTO = "auto"
MOST = 0.5  # of all work; to simulate days that make up more saves nothing


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
    itself can be prepared for (:mod:`sim.montecarlo.fidelity.memory`), and where queues do: where
    the days, each begun when no queue is left (:mod:`sim.montecarlo.fidelity.backlog`), make up
    half of the horizon, or where somebody waits all evening though there is no more work than the
    fleet can do.
    """
    requests = 0.0
    if why_exact(design) is None:
        design = of_world(design, streams)
        attempt = _Days(design, streams)
        found = attempt.outcome()
        requests += attempt.requests
        if found is not None:
            return Simulated(found, _account(design, len(attempt.simulated), requests))
    outcome = simulate(design, streams)
    requests += float(outcome.ledger.workloads["requests"].sum())
    return Simulated(outcome, _account(design, _days_of(design), requests))


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

    def __init__(self, design: Design, streams: Streams) -> None:
        self.simulated: dict[int, Outcome] = {}
        self.requests = 0.0
        self._design, self._streams = design, streams
        self._count = int(design.horizon.duration_s / DAY_S + WHOLE / DAY_S)
        self._least = round(warm_up_s(design) / HOUR_S)
        self._begins: dict[int, int] = {}  # of a day, the hour from which on it is simulated

    def outcome(self) -> Outcome | None:
        """Of the horizon; None where its queues last for too long."""
        days, queues = self._known()
        if expected_cost(days, strata(days)) > MOST * float(days.work.sum()):
            return None
        place = stands_for(days, self._streams("fidelity/days")).tolist()
        if self._design.horizon.duration_s > self._count * DAY_S + WHOLE:
            place.append(self._count)  # shorter than the others, for which none of them stands
        for day in sorted(set(place)):
            if day not in self.simulated:
                self._simulate(day, queues.begins(day, self._least))
            if not self._clears(day, queues):
                return None
        bins = round(DAY_S / self._design.horizon.bin_s)
        stretches = [
            Stretch(day * DAY_S, day * bins, self.simulated[other], *self._before(other))
            for day, other in enumerate(place)
        ]
        return joined(self._design, stretches)

    def _known(self) -> tuple[Days, Backlog]:
        """What is known of the days, and of the queues that they begin with, by the busiest."""
        tokens, requests = of_hours(self._design, HOURS * self._count)
        of_all = tokens.sum(axis=0)
        by_day = of_all.reshape(-1, HOURS)
        special = event_hours(self._design, self._count)
        none = np.zeros(self._count)
        days = Days(by_day.sum(axis=1), by_day.max(axis=1), special, waits=none, cost=none)
        busiest = days.busiest_day
        begin = max(HOURS * busiest - self._least, 0)
        part = self._simulate(busiest, begin)
        outcome = self.simulated[busiest]
        rng = self._streams("fidelity/backlog")
        pilot = Pilot(outcome, part, begin)
        queues = backlog(self._design, tokens, requests, pilot, self._least, rng)
        if queues.begins(busiest, self._least) < begin:
            self._simulate(busiest, queues.begins(busiest, self._least))
        waits_s, usual_s = queues.waits_of_days(of_all), _usual_s(outcome)
        waits = waits_s / usual_s if usual_s > 0.0 else none
        passed = np.append(0.0, np.cumsum(of_all))
        begins = [queues.begins(day, self._least) for day in range(self._count)]
        cost = passed[HOURS::HOURS] - passed[begins]
        return replace(days, waits=waits, cost=cost), queues

    def _before(self, day: int) -> tuple[float, int]:
        """Seconds that are simulated before a day, and how many bins they are."""
        bin_s = self._design.horizon.bin_s
        unit_s = math.lcm(round(HOUR_S), round(bin_s))
        before_s = math.ceil((HOURS * day - self._begins[day]) * HOUR_S / unit_s) * float(unit_s)
        before_s = min(before_s, day * DAY_S)
        return before_s, round(before_s / bin_s)

    def _simulate(self, day: int, begin: int) -> Design:
        """Simulate a day from an hour before it on; what was simulated."""
        self._begins[day] = begin
        horizon = self._design.horizon
        forget_s = self._before(day)[0]
        from_s = day * DAY_S - forget_s
        length_s = forget_s + min(DAY_S, horizon.duration_s - day * DAY_S)
        warm_s = horizon.warm_up_s if from_s == 0.0 else 0.0
        part = later(self._design, from_s, warm_s, length_s)
        outcome = simulate(part, self._streams.of_part(f"day/{day}"), forget_s=forget_s)
        self.requests += float(outcome.ledger.workloads["requests"].sum())
        self.simulated[day] = outcome
        return part

    def _clears(self, day: int, queues: Backlog) -> bool:
        """Whether somebody hardly waits at some time, late on a day, if nobody needs to.

        Else something keeps the fleet busy with what the work does not tell, such as retries that
        beget others, and may have begun on another day.
        """
        end, late = HOURS * (day + 1), min(self._least, HOURS)
        if day == self._count or not queues.is_empty(end - late, end):
            return True
        outcome = self.simulated[day]
        ledger = outcome.ledger
        is_late = ledger.edges_s[1:] > outcome.end_s - late * HOUR_S + WHOLE
        waiting = ledger.pools["waiting"].sum(axis=0)[is_late]
        pace = float(ledger.workloads["requests"].sum()) / outcome.end_s
        return float(waiting.min()) <= max(1.0, EMPTY_S * pace)


def _usual_s(outcome: Outcome) -> float:
    """How long a request is worked on, in seconds."""
    requests = float(outcome.ledger.workloads["requests"].sum())
    return float(outcome.ledger.pools["running_s"].sum()) / requests if requests else 0.0
