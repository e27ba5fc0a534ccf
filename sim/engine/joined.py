"""A horizon of stretches that were simulated one by one, as if it had been in one piece."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sim.engine.control import FleetLog
from sim.engine.ledger import Ledger
from sim.engine.simulation import Outcome, Rental
from sim.engine.state.record import Records
from sim.model.design import Design

Span = tuple[float, float]

INSTANTS = ("arrival_s", "ready_s", "admitted_s", "first_token_s", "dispatched_s", "patience_end_s")


@dataclass(frozen=True, slots=True)
class Stretch:
    """A part of the horizon.

    Attributes
    ----------
    at_s : float
        When it begins.
    bin : int
        Its first bin.
    outcome : Outcome
        Of this stretch, or of another one that stands for it and is as long, and of what came
        before.
    from_s : float
        When in that outcome it begins: what came before was forgotten.
    before : int
        Bins before it there.
    """

    at_s: float
    bin: int
    outcome: Outcome
    from_s: float
    before: int

    @property
    def shift_s(self) -> float:
        """From the clock of the outcome to that of the horizon."""
        return self.at_s - self.from_s

    @property
    def waiting_at_start(self) -> npt.NDArray[np.int64]:
        """Requests of each pool that wait when it begins."""
        if not self.before:
            return self.outcome.waiting_at_start
        waiting: npt.NDArray[np.int64] = self.outcome.ledger.pools["waiting"][:, self.before - 1]
        return waiting

    def own(self, spans: Iterable[Span]) -> list[Span]:
        """What of some spans lies within it, from its beginning on."""
        return [(max(a - self.from_s, 0.0), b - self.from_s) for a, b in spans if b > self.from_s]


def joined(design: Design, stretches: Sequence[Stretch]) -> Outcome:
    """The outcome of the horizon of a design from those of all its stretches, in their order.

    Counts, integrals and histograms are put side by side. What a replica costs goes on where it is
    there at the end of a stretch and at the beginning of the next, and ends or begins where only
    one of them has it. What is unfinished at the end of a stretch is not followed into the next,
    which has its own from before it.
    """
    last = stretches[-1]
    return Outcome(
        ledger=_ledger(design, stretches),
        rentals=tuple(_bought(design, stretches, lambda outcome: outcome.rentals)),
        nodes=tuple(_bought(design, stretches, lambda outcome: outcome.nodes)),
        logs=tuple(_log(design, index, stretches) for index in range(len(design.pools))),
        in_flight=_moved(last, last.outcome.in_flight),
        tasks_in_flight=last.outcome.tasks_in_flight._replace(
            arrival_s=last.outcome.tasks_in_flight.arrival_s + last.shift_s
        ),
        waiting_at_start=stretches[0].waiting_at_start,
        requests=last.outcome.requests[:0],
        arrived_s=last.outcome.arrived_s + last.shift_s,
        is_drained=False,
    )


def _ledger(design: Design, stretches: Sequence[Stretch]) -> Ledger:
    ledger = Ledger(design.horizon.edges_s, len(design.workloads), *design.booked)
    for each in stretches:
        part, own = each.outcome.ledger, slice(each.before, None)
        here = slice(each.bin, each.bin + part.p95_s.shape[-1] - each.before)
        ledger.workloads[:, here] = part.workloads[:, own]
        ledger.pools[:, here] = part.pools[:, own]
        ledger.usage[..., here] = part.usage[..., own]
        ledger.p95_s[..., here] = part.p95_s[..., own]
        worst_s = ledger.worst_hour_p95_s
        worst_s[...] = np.fmax(worst_s, part.worst_hour_p95_s)
    for outcome, times in Counter(each.outcome for each in stretches).items():
        ledger.histograms += times * outcome.ledger.histograms
    ledger.last_hour[...] = stretches[-1].outcome.ledger.last_hour
    return ledger


def _moved(stretch: Stretch, in_flight: Records) -> Records:
    """Requests with their times on the clock of the horizon."""
    moved = in_flight.copy()
    for name in INSTANTS:
        moved[name] += stretch.shift_s
    return moved


def _bought(
    design: Design,
    stretches: Sequence[Stretch],
    of: Callable[[Outcome], Iterable[Rental]],
) -> Iterator[Rental]:
    """Time on the bill, of replicas or of nodes, pool after pool."""
    for index in range(len(design.pools)):
        for stands_in in (False, True):
            pieces = []
            for each in stretches:
                mine = (r for r in of(each.outcome) if (r.pool, r.stands_in) == (index, stands_in))
                pieces.append((each.at_s, each.own((r.start_s, r.end_s) for r in mine)))
            for start, end in continued(pieces, design.horizon.duration_s):
                yield Rental(index, start, end, stands_in)


def continued(pieces: Sequence[tuple[float, list[Span]]], end_s: float) -> list[Span]:
    """Spans of stretches on one clock, those that meet at an edge being one.

    Parameters
    ----------
    pieces : sequence of (float, list of (float, float))
        When each stretch begins, and its spans in its own time.
    end_s : float
        Of the last.

    Examples
    --------
    Of two at the end of the first day one goes on:

    >>> continued([(0.0, [(0.0, 10.0), (4.0, 10.0)]), (10.0, [(0.0, 3.0), (5.0, 10.0)])], 20.0)
    [(0.0, 13.0), (4.0, 10.0), (15.0, 20.0)]
    """
    edges = [at_s for at_s, _ in pieces[1:]] + [end_s]
    found: list[Span] = []
    reaching: list[float] = []  # beginnings of those that last until the stretch begins
    for (at_s, spans), edge_s in zip(pieces, edges, strict=True):
        ordered = sorted(spans)
        there = [end for start, end in ordered if start == 0.0]
        starts = reaching[: len(there)] + [at_s] * (len(there) - len(reaching))
        found += [(start, at_s) for start in reaching[len(there) :]]
        new = [(at_s + start, end) for start, end in ordered if start > 0.0]
        reaching = []
        for start, end in [*zip(starts, there, strict=True), *new]:
            if at_s + end >= edge_s:
                reaching.append(start)
            else:
                found.append((start, at_s + end))
    return sorted(found + [(start, end_s) for start in reaching])


def _log(design: Design, index: int, stretches: Sequence[Stretch]) -> FleetLog:
    """Counts of replicas from stretch to stretch."""
    first = stretches[0].outcome.logs[index]
    log = FleetLog(min(first.time_s[0] + stretches[0].shift_s, 0.0), first.ready[0])
    for each in stretches:
        part, end_s = each.outcome.logs[index], each.outcome.end_s
        at_start = int(np.searchsorted(part.time_s, each.from_s, side="right")) - 1
        counts = list(zip(part.time_s, part.ready, part.starting, part.pending, strict=True))
        for time_s, *now in counts[at_start:]:
            if time_s < end_s:
                log.note(each.shift_s + max(time_s, each.from_s), *now)
        for name in ("crashed_s", "noticed_s", "overdue_s"):
            noted_s = getattr(part, name)
            times_s = [each.shift_s + t for t in noted_s if each.from_s <= t < end_s]
            getattr(log, name).extend(times_s)
    return log
