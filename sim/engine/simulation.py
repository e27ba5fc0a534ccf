"""One replication: a design in a world, simulated from its warm-up to the end of its horizon."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import numpy.typing as npt

from sim.engine import control
from sim.engine.clock import Clock
from sim.engine.control import Fleet, FleetLog
from sim.engine.ledger import Ledger
from sim.engine.plane.feed import feeds, further
from sim.engine.plane.found import AdapterCounts, Tiers
from sim.engine.plane.plane import DataPlane
from sim.engine.plane.unfinished import Tasks
from sim.engine.state.record import Records
from sim.model.closed import ClosedSource, LoopRules
from sim.model.design import Design, Horizon
from sim.model.streams import Streams
from sim.model.trace import TraceSource
from sim.model.workload import RequestSource

FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Rental:
    """A replica's time on the bill: seconds from ``start_s`` to ``end_s`` within the horizon.

    It begins when the replica's node runs, and ends when the replica is gone. One that
    ``stands_in`` is rented on demand in the place of a spot replica.
    """

    pool: int
    start_s: float
    end_s: float
    stands_in: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class Outcome:
    """What a replication leaves behind.

    Attributes
    ----------
    ledger : Ledger
    rentals : tuple of Rental
        Of replicas.
    logs : tuple of FleetLog
        Ready and starting replicas of each pool over time.
    in_flight : (n,) SEQUENCE
        Requests still in flight at the end of the horizon, those of the warm-up left out.
    tasks_in_flight : Tasks
        Tasks under way at the end, those of the warm-up included.
    waiting_at_start : (pools,) int64
        Requests that were waiting when the horizon began, before anything happened at time 0; in
        the order of the ledger's pools.
    requests : (n,) REQUEST
        One row per request, the warm-up left out; empty unless asked for.
    arrived_s : float
        When the last request came, but for those that follow others in tasks.
    is_drained : bool
        Whether the horizon ended with the last answer, nothing being left.
    nodes : tuple of Rental
        Of the nodes of pools that buy them whole.
    tiers : Tiers or None
        What was found, read and written in tiers under caches of prompts; None without any.
    adapters : AdapterCounts or None
        What was done with adapters; None where nobody needs any.
    """

    ledger: Ledger
    rentals: tuple[Rental, ...]
    logs: tuple[FleetLog, ...]
    in_flight: Records
    tasks_in_flight: Tasks
    waiting_at_start: npt.NDArray[np.int64]
    requests: Records
    arrived_s: float
    is_drained: bool
    nodes: tuple[Rental, ...] = ()
    tiers: Tiers | None = None
    adapters: AdapterCounts | None = None

    def bought(self, design: Design, index: int) -> list[Rental]:
        """What a pool pays for: its nodes where they are bought whole, else its replicas."""
        by_node = design.pools[index].node_gpus is not None
        return [each for each in (self.nodes if by_node else self.rentals) if each.pool == index]

    @property
    def end_s(self) -> float:
        """When the horizon ended."""
        return float(self.ledger.edges_s[-1])

    def lived(self, design: Design) -> Design:
        """The design with the horizon as long as it came to be: costs and shares refer to it."""
        if design.horizon.duration_s == self.end_s:
            return design
        return replace(design, horizon=replace(design.horizon, duration_s=self.end_s))


def simulate(
    design: Design, streams: Streams, record_requests: bool = False, forget_s: float = 0.0
) -> Outcome:
    """Simulate one replication.

    Parameters
    ----------
    design : Design
    streams : Streams
        The random numbers of the world.
    record_requests : bool
        Keep a row for each request.
    forget_s : float
        An edge of the bins and of the hours: what happens before it leaves no trace in histograms
        and figures of the worst hour. Unlike a warm-up, what began before it and ends after is
        counted.
    """
    horizon = design.horizon
    plane = _plane(design, streams, record_requests)
    requests = feeds(design.workloads, streams, -horizon.warm_up_s, horizon.duration_s)
    clock = Clock(plane, requests, partial(further, design.workloads, streams))
    fleets = control.start(design, clock, streams)
    clock.run_before(0.0)
    at_start = plane.close_bin()
    waiting_at_start = _waiting(design, at_start.pools.waiting)
    found_before, had_before = Tiers.of(at_start), AdapterCounts.of(at_start)
    plane.open_bin()
    ledger = Ledger(horizon.edges_s, len(design.workloads), *design.booked)
    _play(design, clock, ledger, forget_s)
    ledger.drop_outputs([i for i, each in enumerate(design.workloads) if not each.generates])
    in_flight = plane.in_flight()
    log = plane.requests()
    adapters = AdapterCounts.of(plane.close_bin())
    return Outcome(
        ledger=ledger,
        rentals=tuple(_rentals(design, fleets, plane.now)),
        nodes=tuple(_nodes(design, fleets, plane.now)),
        logs=tuple(_logs(design, fleets)),
        in_flight=in_flight[in_flight.arrival_s >= 0.0],
        tasks_in_flight=plane.tasks_in_flight(),
        waiting_at_start=waiting_at_start,
        requests=log[log.arrival_s >= 0.0],
        arrived_s=plane.arrived_s,
        is_drained=clock.drained,
        adapters=None if adapters is None else adapters.since(had_before),
        tiers=Tiers.of(plane.close_bin()).since(found_before) if _has_tiers(design) else None,
    )


def _waiting(design: Design, waiting: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Requests that wait at each pool, and then at each backend that joins several."""
    last = len(waiting) - len(design.variants)
    return np.concatenate([waiting[: len(design.pools)], waiting[last:]])


def _has_tiers(design: Design) -> bool:
    return any(pool.prefix_cache is not None and pool.prefix_cache.tiers for pool in design.pools)


def _play(design: Design, clock: Clock, ledger: Ledger, forget_s: float) -> None:
    """Bin by bin to the end of the horizon; to the last answer where that is waited for."""
    horizon, plane = design.horizon, clock.plane
    endless = any(not _is_played_once(workload.source) for workload in design.workloads)
    for edge_s in ledger.edges_s.tolist():
        clock.run(edge_s)
        is_begun = edge_s == 0.0 and not endless and not plane.is_empty
        if horizon.is_drained and (is_begun or edge_s == horizon.duration_s):
            plane.end_when_empty()
            clock.run(edge_s)
        if edge_s > 0.0:
            ledger.close_bin(plane, is_last=clock.drained)
        if edge_s == forget_s > 0.0:
            ledger.forget()
        if clock.drained:
            return


def _is_played_once(source: RequestSource) -> bool:
    """Whether its last request is its own, and not that before the end of the horizon."""
    match source:
        case TraceSource(mode="once"):
            return True
        case ClosedSource(requests=requests):
            return requests is not None
    return False


def _rules(source: RequestSource, horizon: Horizon) -> LoopRules | None:
    """How a closed population goes on."""
    if not isinstance(source, ClosedSource):
        return None
    return source.rules(-horizon.warm_up_s, horizon.duration_s)


def _plane(design: Design, streams: Streams, record_requests: bool) -> DataPlane:
    midnight = design.horizon.start.replace(hour=0, minute=0, second=0, microsecond=0)
    return DataPlane(
        design.pools,
        [],
        [workload.slo for workload in design.workloads],
        routing_key=streams.key("routing"),
        record=record_requests,
        start_s=-design.horizon.warm_up_s,
        clients=[workload.client for workload in design.workloads],
        priorities=[workload.priority for workload in design.workloads],
        max_concurrency=[workload.max_concurrency for workload in design.workloads],
        carry=[workload.carry for workload in design.workloads],
        prefix_hit_rate=[workload.prefix_hit_rate for workload in design.workloads],
        response_cache=[workload.response_cache for workload in design.workloads],
        managed=design.managed,
        routes=[workload.route for workload in design.workloads],
        day_start_s=(design.horizon.start - midnight).total_seconds(),
        yielding=[workload.yielding for workload in design.workloads],
        adapters=[workload.adapters for workload in design.workloads],
        tenants=[workload.tenant or workload.name for workload in design.workloads],
        closed=[_rules(workload.source, design.horizon) for workload in design.workloads],
        variants=design.variants,
    )


def _rentals(design: Design, fleets: Mapping[int, Fleet], end_s: float) -> Iterator[Rental]:
    """Time of replicas within the horizon; those of a pool that never moves are always there."""
    for index, pool in enumerate(design.pools):
        fleet = fleets.get(index)
        for stands_in in (False, True) if pool.falls_back else (False,):
            resting = [(0.0, end_s)] * pool.replicas
            times = resting if fleet is None else fleet.rentals(stands_in)
            yield from _within(index, times, end_s, stands_in)


def _nodes(design: Design, fleets: Mapping[int, Fleet], end_s: float) -> Iterator[Rental]:
    """Time of nodes within the horizon, of pools that buy them whole."""
    for index, pool in enumerate(design.pools):
        if pool.node_gpus is None:
            continue
        fleet = fleets.get(index)
        for stands_in in (False, True) if pool.falls_back else (False,):
            resting = [(0.0, end_s)] * (pool.bought_gpus(pool.replicas) // pool.unit_gpus)
            times = resting if fleet is None else fleet.bought(stands_in)
            yield from _within(index, times, end_s, stands_in)


def _within(
    index: int, times: Iterable[tuple[float, float]], end_s: float, stands_in: bool
) -> Iterator[Rental]:
    for from_s, to_s in times:
        if to_s > 0.0 and from_s < end_s:
            yield Rental(index, max(from_s, 0.0), min(to_s, end_s), stands_in)


def _logs(design: Design, fleets: Mapping[int, Fleet]) -> Iterator[FleetLog]:
    for index, pool in enumerate(design.pools):
        fleet = fleets.get(index)
        yield FleetLog(-design.horizon.warm_up_s, pool.replicas) if fleet is None else fleet.log
