"""Which designs are plain fleets, as :mod:`sim.engine.state.plain` has it."""

from sim.model.closed import ClosedSource
from sim.model.design import Design, GpuPool
from sim.model.generated import GeneratedSource
from sim.model.trace import TraceSource
from sim.model.workload import RequestSource, Workload


def is_plain(design: Design) -> bool:
    """Whether the kernel of plain fleets will do for a design.

    If the answer were wrong, a run would compile the other kernel when it comes to need it, and its
    results would be the same.
    """
    return (
        not design.managed
        and not design.variants
        and all(map(_is_plain_pool, design.pools))
        and all(map(_is_plain_workload, design.workloads))
    )


def _is_plain_pool(pool: GpuPool) -> bool:
    return (
        pool.prefix_cache is None
        and pool.handoff is None
        and pool.cooldown_s == 0.0
        and pool.scheduling.order == "fcfs"
        and pool.profile.data_parallel_ranks == 1
        and pool.profile.units_per_token == 1
    )


def _is_plain_workload(workload: Workload) -> bool:
    route = workload.route
    return (
        len(route.legs) == len(route.backends) == 1
        and route.degradation is None
        and not any(trip_s > 0.0 for _, trip_s in route.trips_s)
        and workload.client.hedge is None
        and workload.prefix_hit_rate == 0.0
        and workload.yielding is None
        and workload.adapters is None
        and _is_plain_source(workload.source)
    )


def _is_plain_source(source: RequestSource) -> bool:
    """Whether requests come alone: of no task, session or user, their blocks without names."""
    match source:
        case GeneratedSource():
            return source.follow_ups is None and source.chain is None
        case TraceSource(trace=trace):
            return trace.session is None and trace.prefixes is None
        case ClosedSource():
            return False
    return False
