"""One replication: a design in a world, simulated from its warm-up to the end of its horizon."""

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sim.engine import control
from sim.engine.clock import Clock
from sim.engine.control import Fleet, FleetLog
from sim.engine.ledger import Ledger
from sim.engine.plane.feed import feeds
from sim.engine.plane.plane import DataPlane
from sim.engine.state.record import Records
from sim.model.design import Design, Horizon
from sim.model.streams import Streams

FloatArray = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Rental:
    """A replica's time on the bill: seconds from ``start_s`` to ``end_s`` within the horizon.

    It begins when the replica's node runs, and ends when the replica is gone.
    """

    pool: int
    start_s: float
    end_s: float


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a replication leaves behind.

    Attributes
    ----------
    ledger : Ledger
    rentals : tuple of Rental
    logs : tuple of FleetLog
        Ready and starting replicas of each pool over time.
    in_flight : (n,) SEQUENCE
        Requests still in flight at the end of the horizon, those of the warm-up left out.
    waiting_at_start : (pools,) int64
        Requests that were waiting when the horizon began, before anything happened at time 0.
    requests : (n,) REQUEST
        One row per request, the warm-up left out; empty unless asked for.
    """

    ledger: Ledger
    rentals: tuple[Rental, ...]
    logs: tuple[FleetLog, ...]
    in_flight: Records
    waiting_at_start: npt.NDArray[np.int64]
    requests: Records


def bin_edges_s(horizon: Horizon) -> FloatArray:
    """Edges of the timeline's bins: multiples of the width, and the end of the horizon."""
    count = max(1, math.ceil(horizon.duration_s / horizon.bin_s - 1e-9))
    edges = np.arange(count + 1, dtype=np.float64) * horizon.bin_s
    edges[-1] = horizon.duration_s
    return edges


def simulate(design: Design, streams: Streams, record_requests: bool = False) -> Outcome:
    """Simulate one replication.

    Parameters
    ----------
    design : Design
    streams : Streams
        The random numbers of the world.
    record_requests : bool
        Keep a row for each request.
    """
    horizon = design.horizon
    plane = _plane(design, streams, record_requests)
    requests = feeds(design.workloads, streams, -horizon.warm_up_s, horizon.duration_s)
    clock = Clock(plane, requests)
    fleets = control.start(design, clock, streams)
    clock.run_before(0.0)
    waiting_at_start = plane.close_bin().pools.waiting[: len(design.pools)].copy()
    plane.open_bin()
    edges_s = bin_edges_s(horizon)
    ledger = Ledger(edges_s, len(design.workloads), len(design.pools), len(design.backends))
    for edge_s in edges_s[1:]:
        clock.run(float(edge_s))
        ledger.close_bin(plane)
    in_flight = plane.in_flight()
    log = plane.requests()
    return Outcome(
        ledger=ledger,
        rentals=tuple(_rentals(design, fleets)),
        logs=tuple(_logs(design, fleets)),
        in_flight=in_flight[in_flight.arrival_s >= 0.0],
        waiting_at_start=waiting_at_start,
        requests=log[log.arrival_s >= 0.0],
    )


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
    )


def _rentals(design: Design, fleets: Mapping[int, Fleet]) -> Iterator[Rental]:
    """Time on the bill within the horizon; replicas of a pool that never moves are always there."""
    end_s = design.horizon.duration_s
    for index, pool in enumerate(design.pools):
        fleet = fleets.get(index)
        times = [(0.0, end_s)] * pool.replicas if fleet is None else fleet.rentals()
        for from_s, to_s in times:
            if to_s > 0.0 and from_s < end_s:
                yield Rental(index, max(from_s, 0.0), min(to_s, end_s))


def _logs(design: Design, fleets: Mapping[int, Fleet]) -> Iterator[FleetLog]:
    for index, pool in enumerate(design.pools):
        fleet = fleets.get(index)
        yield FleetLog(-design.horizon.warm_up_s, pool.replicas) if fleet is None else fleet.log
